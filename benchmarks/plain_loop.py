"""The same recipe in a plain PyTorch loop and in convscope: do they reach the same accuracy?

    python benchmarks/plain_loop.py DATA [--epochs 30] [--seeds 0 1 2] [--only plain|convscope]

DATA has class folders `train` and `test` of 32x32 images (a folder or an archive). Both train
`resnet20` by the recipe of its paper (He et al. 2015, section 4.2): batches of 128, momentum 0.9,
rate 0.1, divided by 10 after 50 % and 75 % of the steps, weight decay 1e-4 on everything, crops out
of a border of 4 pixels, mirrored at random. Departs from the paper, in both: Nesterov's momentum,
normalised by mean and std instead of the mean image. Convscope keeps some train images for
choosing the epoch; the plain loop learns from as many, drawn at random, and its last epoch counts.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time

import convscope  # first, as it decides how torch's threads wait

# isort: split
import numpy as np
import torch
from torch import Tensor, nn, optim
from torch.nn import functional as F

BATCH = 128
HELD_OUT = 5000  # what convscope keeps of 50,000 train images
RECIPE = {
    "model": "resnet20",
    "opt": "sgd",
    "lr": 0.1,
    "momentum": 0.9,
    "weight_decay": 1e-4,
    "bias_decay": 1e-4,
    "sched": "multi-step",
    "batch_size": BATCH,
    "pad_crop": 4,
    "hflip": 0.5,
    "translate": 0.0,
    "scale": 0.0,
    "brightness": 0.0,
    "contrast": 0.0,
    "saturation": 0.0,
    "ema": 0.0,
    "label_smoothing": 0.0,
    "img_size": 32,
}


class Images:
    """Decoded images of the sides of a data set, as a plain loop would keep them."""

    def __init__(self, data: str) -> None:
        dataset = convscope.open_dataset(data)
        pixels = np.stack([dataset[index][0] for index in range(len(dataset))])
        sides = np.array(dataset.given_splits)
        self.labels = torch.from_numpy(np.asarray(dataset.labels))
        self.pixels = torch.from_numpy(pixels).permute(0, 3, 1, 2).contiguous()
        self.train = torch.from_numpy(np.flatnonzero(sides == "train"))
        self.test = torch.from_numpy(np.flatnonzero(sides == "test"))


def plain(images: Images, *, epochs: int, seed: int, device: torch.device) -> float:
    """The accuracy on the test images that a plain loop reaches."""
    torch.manual_seed(seed)
    network = convscope.build("resnet20", num_classes=10).to(device)
    optimizer = optim.SGD(
        network.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-4, nesterov=True
    )
    schedule = optim.lr_scheduler.MultiStepLR(optimizer, [epochs // 2, epochs * 3 // 4])
    drawn = torch.randperm(len(images.train), generator=torch.Generator().manual_seed(seed))
    own = images.train[drawn[HELD_OUT:]]
    train = images.pixels[own].float().div_(255)
    mean, std = train.mean((0, 2, 3)).to(device), train.std((0, 2, 3)).to(device)

    def prepared(pixels: Tensor) -> Tensor:
        values = pixels.to(device).float() / 255
        values = (values - mean[:, None, None]) / std[:, None, None]
        return values.contiguous(memory_format=torch.channels_last)

    for _ in range(epochs):
        network.train()
        for chosen in own[torch.randperm(len(own))].split(BATCH):
            inputs = _cropped(images.pixels[chosen])
            loss = F.cross_entropy(network(prepared(inputs)), images.labels[chosen].to(device))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        schedule.step()
    return _accuracy(network, images, prepared, device)


def _cropped(pixels: Tensor) -> Tensor:
    padded = F.pad(pixels, (4, 4, 4, 4))
    result = torch.empty_like(pixels)
    tops, lefts = torch.randint(0, 9, (2, len(pixels))).tolist()
    for place, (top, left, mirrored) in enumerate(
        zip(tops, lefts, (torch.rand(len(pixels)) < 0.5).tolist(), strict=True)
    ):
        image = padded[place, :, top : top + 32, left : left + 32]
        result[place] = image.flip(2) if mirrored else image
    return result


def _accuracy(network: nn.Module, images: Images, prepared, device: torch.device) -> float:  # type: ignore[no-untyped-def]
    network.eval()
    correct = 0
    with torch.inference_mode():
        for chosen in images.test.split(500):
            outputs = network(prepared(images.pixels[chosen])).argmax(1).cpu()
            correct += int((outputs == images.labels[chosen]).sum())
    return correct / len(images.test)


def ours(data: str, *, epochs: int, seed: int) -> float:
    """The accuracy on the test images that convscope reaches."""
    with tempfile.TemporaryDirectory() as project:
        run = convscope.train(data, project=project, epochs=epochs, seed=seed, **RECIPE)
        return float(run.evaluation["accuracy"])


def main() -> None:
    """Runs both for each seed and prints accuracies and seconds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data")
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--only", choices=["plain", "convscope"])
    given = parser.parse_args()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    images = Images(given.data) if given.only != "convscope" else None
    found: dict[str, list[float]] = {"plain": [], "convscope": []}
    for seed in given.seeds:
        for way in found:
            if given.only not in (None, way):
                continue
            began = time.perf_counter()
            if way == "plain" and images is not None:
                accuracy = plain(images, epochs=given.epochs, seed=seed, device=device)
            else:
                accuracy = ours(given.data, epochs=given.epochs, seed=seed)
            found[way].append(accuracy)
            seconds = time.perf_counter() - began
            print(f"{way}, seed {seed}: {accuracy:.4f} in {seconds:.0f} s", flush=True)
    for way, accuracies in found.items():
        if accuracies:
            print(
                f"{way}: mean {statistics.mean(accuracies):.4f}, from {min(accuracies):.4f} to "
                f"{max(accuracies):.4f}; {given.epochs} epochs on {device}"
            )


if __name__ == "__main__":
    main()
