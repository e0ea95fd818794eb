"""The speed of augmentation against kornia and torchvision: `python benchmarks/augmentation.py`.

Each line is one kind of variation of one batch of uint8 pixels, measured in turns, with
milliseconds an image (the least of the rounds) and how many times as long the peers take:

- `torchvision`: `transforms.v2` as its training loops use it, image by image, on two threads;
- `kornia`: its augmentations on the batch, which they want as floats; the conversion counts. Its
  RandAugment and TrivialAugment draw the operations for the whole batch, which costs less than
  drawing them for each image.

All leave pixels at the network's input size on the CPU. Peers that are not installed are left out.
"""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import ModuleType
from typing import Any

import convscope  # noqa: F401, first, as it decides how torch's threads wait

# isort: split
import numpy as np
import torch
from torch import Tensor

from convscope.data.augment.augmentation import Augmentation
from convscope.data.augment.mixing import Mixing

ROUNDS = 7
Vary = Callable[[Tensor], Any]


def peer(name: str) -> ModuleType | None:
    """A peer's module, or None."""
    if name.startswith("torchvision") and not torch.cuda.is_available():
        # Its wheels for CUDA import on a CPU only where these operators are known.
        library = torch.library.Library("torchvision", "DEF")
        library.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        library.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        LIBRARIES.append(library)
    try:
        return importlib.import_module(name)
    except ImportError as error:
        print(f"without {name}: {error}")
        return None


LIBRARIES: list[torch.library.Library] = []


def ours(out: int, **fields: Any) -> Vary:
    """Our augmentation, in another epoch each time."""
    augmentation, epochs = Augmentation(**fields), iter(range(1_000_000))

    def vary(pixels: Tensor) -> Tensor:
        indices = np.arange(len(pixels))
        return augmentation.apply(
            pixels, seed=0, epoch=next(epochs), indices=indices, out_size=(out, out)
        )

    return vary


def one_by_one(transform: Callable[[Tensor], Tensor]) -> Vary:
    """The way of torchvision: every image by itself, on as many threads as we use."""

    def vary(pixels: Tensor) -> Tensor:
        planes = pixels.permute(0, 3, 1, 2)
        with ThreadPoolExecutor(torch.get_num_threads()) as pool:
            return torch.stack(list(pool.map(transform, planes)))

    return vary


def on_floats(augment: Callable[[Tensor], Tensor]) -> Vary:
    """The way of kornia: the batch as floats of 0 to 1."""
    return lambda pixels: augment(pixels.permute(0, 3, 1, 2).float() / 255)


def cases(v2: Any, kornia: Any) -> dict[tuple[str, int, int, int], dict[str, Vary]]:
    """What is measured: (name, images, side of the canvas, side of the input): who does it."""
    crop, jitter = (0.08, 1.0), (0.4, 0.4, 0.4, 0.1)
    photos, small = (64, 224, 224), (128, 32, 32)
    changes = dict(zip(("brightness", "contrast", "saturation", "hue"), jitter, strict=True))
    made: dict[tuple[str, int, int, int], dict[str, Vary]] = {}

    def add(
        name: str,
        size: tuple[int, int, int],
        fields: dict[str, Any],
        theirs: Callable[[], list[Any]] | None,
        kornias: Callable[[], list[Any]] | None,
    ) -> None:
        ways = {"convscope": ours(size[2], **fields)}
        if v2 is not None and theirs is not None:
            ways["torchvision"] = one_by_one(v2.Compose(theirs()))
        if kornia is not None and kornias is not None:
            ways["kornia"] = on_floats(kornia.AugmentationSequential(*kornias()))
        made[name, *size] = ways

    for size in ((64, 256, 224), (128, 40, 32)):
        add(
            "crop and mirror",
            size,
            {"crop_scale": 0.08, "hflip": 0.5},
            lambda out=size[2]: [
                v2.RandomResizedCrop(out, scale=crop, antialias=True),
                v2.RandomHorizontalFlip(),
            ],
            lambda out=size[2]: [
                kornia.RandomResizedCrop((out, out), scale=crop),
                kornia.RandomHorizontalFlip(p=0.5),
            ],
        )
    for size in (photos, small):
        pad = size[2] // 8
        add(
            "padded crop and mirror",
            size,
            {"pad_crop": pad, "hflip": 0.5},
            lambda out=size[2], pad=pad: [
                v2.RandomCrop(out, padding=pad),
                v2.RandomHorizontalFlip(),
            ],
            lambda out=size[2], pad=pad: [
                kornia.RandomCrop((out, out), padding=pad),
                kornia.RandomHorizontalFlip(p=0.5),
            ],
        )
        add(
            "rotation",
            size,
            {"rotate": 20},
            lambda: [v2.RandomRotation(20, v2.InterpolationMode.BILINEAR)],
            lambda: [kornia.RandomRotation(20.0, p=1.0)],
        )
        add(
            "colour jitter with hue",
            size,
            changes,
            lambda: [v2.ColorJitter(*jitter)],
            lambda: [kornia.ColorJiggle(*jitter, p=1.0)],
        )
        add(
            "colour jitter without hue",
            size,
            {name: value for name, value in changes.items() if name != "hue"},
            lambda: [v2.ColorJitter(*jitter[:3])],
            lambda: [kornia.ColorJiggle(*jitter[:3], p=1.0)],
        )
        add(
            "blur of half",
            size,
            {"blur": 0.5},
            lambda: [v2.RandomApply([v2.GaussianBlur(17, (0.1, 2.0))], p=0.5)],
            lambda: [kornia.RandomGaussianBlur((17, 17), (0.1, 2.0), p=0.5)],
        )
        add(
            "erasing of half",
            size,
            {"erase": 0.5},
            lambda: [v2.RandomErasing(p=0.5)],
            lambda: [kornia.RandomErasing(p=0.5)],
        )
        add(
            "RandAugment",
            size,
            {"policy": "randaugment"},
            lambda: [v2.RandAugment(2, 9, interpolation=v2.InterpolationMode.BILINEAR)],
            lambda: [kornia.auto.RandAugment(2, 9)],
        )
        add(
            "TrivialAugment",
            size,
            {"policy": "trivialaugment"},
            lambda: [v2.TrivialAugmentWide(interpolation=v2.InterpolationMode.BILINEAR)],
            lambda: [kornia.auto.TrivialAugment()],
        )
    return made


def mixing_cases(v2: Any, kornia: Any) -> dict[tuple[str, int, int, int], dict[str, Vary]]:
    """MixUp and CutMix of floats, as a step gets them."""
    labels = torch.arange(64) % 10
    steps = iter(range(1_000_000))
    made = {}
    for name, mixing in (
        ("MixUp", Mixing(mixup_alpha=0.2)),
        ("CutMix", Mixing(cutmix_alpha=1.0)),
    ):
        ways: dict[str, Vary] = {
            "convscope": lambda inputs, mixing=mixing: mixing.apply(
                inputs, labels, 10, seed=0, step=next(steps)
            )
        }
        if v2 is not None:
            theirs = {"MixUp": v2.MixUp, "CutMix": v2.CutMix}[name](num_classes=10)
            ways["torchvision"] = lambda inputs, theirs=theirs: theirs(inputs, labels)
        if kornia is not None:
            correct = {"use_correct_lambda": True} if name == "CutMix" else {}
            kornias = {"MixUp": kornia.RandomMixUpV2, "CutMix": kornia.RandomCutMixV2}[name](
                p=1.0, data_keys=["input", "class"], **correct
            )
            ways["kornia"] = lambda inputs, kornias=kornias: kornias(inputs, labels)
        made[name, 64, 224, 224] = ways
    return made


def least_seconds(ways: dict[str, Vary], given: Tensor) -> dict[str, float]:
    """The least of some rounds in which everybody has a turn."""
    least = dict.fromkeys(ways, float("inf"))
    for round_number in range(ROUNDS + 1):
        for name, vary in ways.items():
            began = time.perf_counter()
            vary(given)
            if round_number:
                least[name] = min(least[name], time.perf_counter() - began)
    return least


def main() -> None:
    """Prints a line a case."""
    v2, kornia = peer("torchvision.transforms.v2"), peer("kornia.augmentation")
    versions = [f"torch {torch.__version__}, {torch.get_num_threads()} threads"]
    for name in ("torchvision", "kornia"):
        if (v2 if name == "torchvision" else kornia) is not None:
            versions.append(f"{name} {importlib.import_module(name).__version__}")
    print(", ".join(versions))
    if kornia is not None:
        importlib.import_module("kornia.augmentation.auto")
    photos = np.random.default_rng(0).integers(0, 256, (128, 256, 256, 3), dtype=np.uint8)
    measured = [(key, ways, False) for key, ways in cases(v2, kornia).items()]
    measured += [(key, ways, True) for key, ways in mixing_cases(v2, kornia).items()]
    for (name, count, canvas, out), ways, is_mixing in measured:
        given = torch.from_numpy(photos[:count, :canvas, :canvas].copy())
        if is_mixing:
            given = given.permute(0, 3, 1, 2).float()
        least = least_seconds(ways, given)
        own = least.pop("convscope")
        others = "".join(f"  {peer} {seconds / own:5.1f}x" for peer, seconds in least.items())
        print(f"{name:26} {canvas:3} -> {out:3}  {own / count * 1e3:7.3f} ms{others}", flush=True)


if __name__ == "__main__":
    main()
