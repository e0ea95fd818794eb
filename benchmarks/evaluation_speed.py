"""The speed of an evaluation: `python benchmarks/evaluation_speed.py PHOTOS`.

Classifies the photos of a folder of class folders in turns by

- `plain`: the usual PyTorch loop: float32, (N, C, H, W), a DataLoader with two workers that decode
  and resize with Pillow;
- `convscope`: what `convscope evaluate` runs, from the store that the first look at the data made;
- `first`: the same without the store, as when data is seen for the first time;

and prints images per second and ratios within the run (other processes slow all of them down).
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

import convscope  # first, as it decides how torch's threads wait

# isort: split
import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader, Dataset

from convscope.cache import Cache
from convscope.classifier import Classifier, NetworkChoice
from convscope.data.dataset import FileImages
from convscope.data.index.image_index import ImageIndex, build_image_index
from convscope.data.pixels.preprocessing import Preprocessing
from convscope.evaluation.evaluate import collect_outputs
from convscope.evaluation.subset import Subset

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
SIDE, RESIZED, BATCH = 224, 256, 64
PREPROCESSING = Preprocessing(
    height=SIDE, width=SIDE, channels=3, resize=RESIZED, mean=MEAN, std=STD
)


class Photos(Dataset[tuple[torch.Tensor, int]]):
    """Decodes, resizes and crops photo by photo, as tutorials do."""

    def __init__(self, paths: list[Path]) -> None:
        self.paths = paths

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        image = Image.open(self.paths[index]).convert("RGB")
        scale = RESIZED / min(image.size)
        image = image.resize((round(image.width * scale), round(image.height * scale)))
        left, top = (image.width - SIDE) // 2, (image.height - SIDE) // 2
        pixels = np.asarray(image.crop((left, top, left + SIDE, top + SIDE)), dtype=np.float32)
        floats = torch.from_numpy(pixels / 255).permute(2, 0, 1).contiguous()
        return (floats - torch.tensor(MEAN)[:, None, None]) / torch.tensor(STD)[:, None, None], 0


def plain(network: nn.Module, paths: list[Path]) -> None:
    """The usual loop."""
    loader = DataLoader(Photos(paths), batch_size=BATCH, num_workers=2)
    with torch.no_grad():
        for images, _ in loader:
            network(images).argmax(dim=1)


def convscope_loop(classifier: Classifier, image_index: ImageIndex) -> None:
    """What an evaluation runs."""
    collect_outputs(
        classifier, image_index, Subset(np.arange(len(image_index)), "all images", None)
    )


def main() -> None:
    """Measures the networks in turns."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--models", nargs="+", default=["squeezenet1_1", "resnet18"])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--at-most", type=int, default=600, help="photos")
    given = parser.parse_args()
    dataset = convscope.open_dataset(given.photos)
    dataset = dataset.take(np.arange(len(dataset))[:: -(-len(dataset) // given.at_most)])
    with tempfile.TemporaryDirectory() as folder:
        cache = Cache(Path(folder))
        began = time.perf_counter()
        image_index = build_image_index(dataset, cache=cache, geometries=[PREPROCESSING])
        looked = time.perf_counter() - began
        for model in given.models:
            measure(model, image_index, looked, rounds=given.rounds)


def measure(model: str, image_index: ImageIndex, looked: float, *, rounds: int) -> None:
    """Prints what one network takes."""
    choice = NetworkChoice(model, 1000, 3, (SIDE, SIDE))
    network = choice.build().eval()
    known = image_index.dataset.classes
    others = [f"other {number}" for number in range(1000 - len(known))]
    classifier = Classifier(
        choice.build(), choice, preprocessing=PREPROCESSING, classes=[*known, *others]
    )
    classifier.network.load_state_dict(network.state_dict())
    paths = [Path(name) for name in files_of(image_index)]
    seconds: dict[str, list[float]] = {"plain": [], "convscope": []}
    for _ in range(rounds):
        began = time.perf_counter()
        plain(network, paths)
        seconds["plain"].append(time.perf_counter() - began)
        began = time.perf_counter()
        convscope_loop(classifier, image_index)
        seconds["convscope"].append(time.perf_counter() - began)
    ratios = [a / b for a, b in zip(seconds["plain"], seconds["convscope"], strict=True)]
    rates = {name: len(paths) / min(values) for name, values in seconds.items()}
    first = len(paths) / (looked + min(seconds["convscope"]))
    print(
        f"{model}: plain {rates['plain']:.1f} images/s, convscope {rates['convscope']:.1f}, "
        f"the first time {first:.1f}; ratio {statistics.median(ratios):.2f} "
        f"({min(ratios):.2f} to {max(ratios):.2f}); torch {torch.__version__}, "
        f"{torch.get_num_threads()} threads",
        flush=True,
    )


def files_of(image_index: ImageIndex) -> list[str]:
    """The paths of a gallery's images."""
    images, chosen = image_index.dataset.images, np.arange(len(image_index))
    while not isinstance(images, FileImages):
        images, chosen = images.images, images.chosen[chosen]  # type: ignore[attr-defined]
    return [str(images.root / images.paths[index]) for index in chosen]


if __name__ == "__main__":
    sys.exit(main())
