"""Small data sets with planted faults, as real files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from convscope.audit.findings import Examined, Finding
from convscope.data.index.scan import scan_images
from convscope.data.pixels.preprocessing import Preprocessing
from convscope.data.sources.opening import open_dataset


def picture(seed: int, *, height: int = 40, width: int = 48) -> Image.Image:
    """A picture with soft blobs and some noise, another one for each seed."""
    random = np.random.default_rng(seed)
    coarse = random.integers(20, 235, (5, 6, 3), dtype=np.uint8)
    soft = Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)
    noise = random.integers(-12, 13, (height, width, 3))
    return Image.fromarray(np.clip(np.asarray(soft).astype(int) + noise, 0, 255).astype(np.uint8))


def save(path: Path, image: Image.Image, **options: object) -> Path:
    """Saves a picture, making its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, **options)  # type: ignore[arg-type]
    return path


def clean(root: Path, *, splits: tuple[str, ...] = (), count: int = 24) -> Path:
    """Two classes of pictures, in each split, without any fault."""
    seed = 0
    for split in splits or ("",):
        for label in ("cat", "dog"):
            for number in range(count):
                save(root / split / label / f"{number:03d}.png", picture(seed))
                seed += 1
    return root


def examine(root: Path) -> Examined:
    """The data in a folder, with its scan."""
    dataset = open_dataset(root)
    return Examined(dataset, scan_images(dataset))


def found(detector: Callable[[Examined], object], examined: Examined) -> dict[str, Finding]:
    """What a detector finds, by kind; each kind once."""
    findings = list(detector(examined))  # type: ignore[call-overload]
    by_kind = {one.kind: one for one in findings}
    assert len(by_kind) == len(findings)
    return by_kind


def reasons(finding: Finding) -> dict[str, str]:
    """The reason for each image, by name."""
    return {image.name: image.reason for image in finding.images}


def square(side: int, *, fit: str = "crop") -> Preprocessing:
    """Preprocessing to a square colour input."""
    return Preprocessing(
        height=side,
        width=side,
        channels=3,
        fit=fit,  # type: ignore[arg-type]
        mean=(0.0,) * 3,
        std=(1.0,) * 3,
    )
