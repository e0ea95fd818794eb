"""The data that works are measured on: synthetic images, each other than all others.

python material.py SETTINGS
"""

from __future__ import annotations

import csv
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

ARRAY_PX, PHOTO_PX = 8, 32
WAVES = 4  # along each side, of which an image is made
IMAGE_CLASSES = 10
EVALUATED = 10_000  # images on the axis of classes, in each of two splits
QUICK_SHARE = 20  # into which their number is divided in a quick run
COPIED = 20  # each so many images one is a near-duplicate of the image before it
BLOCK = 50_000


@dataclass(frozen=True, slots=True)
class Given:
    """What a work is told.

    Attributes:
        size: The size at which it is measured.
        folder: Where the data of all works lies.
        data: The kind of data; "" for none.
        network: Name of the network, where the work asks for one.
        quick: Whether it is only to run at all.
    """

    size: int
    folder: Path
    data: str = ""
    network: str = ""
    quick: bool = False

    @classmethod
    def read(cls, text: str) -> Given:
        """From JSON, as programs are told it."""
        values = json.loads(text)
        return cls(**{**values, "folder": Path(values["folder"])})

    @property
    def place(self) -> Path:
        """The folder of its data."""
        return self.folder / f"{self.data}-{self.size}"

    @property
    def num_evaluated(self) -> int:
        """Number of images that are evaluated on the axis of classes, the same for all of them."""
        return EVALUATED // (QUICK_SHARE if self.quick else 1)


def make(given: Given) -> None:
    """Makes the data of a work, unless it is there."""
    if not given.place.exists():
        given.place.mkdir(parents=True)
        MADE[given.data](given)


def place_of(given: Given) -> Path:
    """The data that was made; from now on the cache of this process is beside it."""
    os.environ["CONVSCOPE_CACHE"] = f"{given.place}-cache"
    return next(path for path in sorted(given.place.iterdir()) if not path.name.startswith("."))


def smooth_images(count: int, side: int, *, seed: int = 0) -> NDArray[np.uint8]:
    """(N, side, side) images of a few waves each, like photos that were made small; some copies."""
    places = np.arange(side) + 0.5
    waves = np.cos(np.pi / side * np.outer(np.arange(WAVES), places))
    random = np.random.default_rng(seed)
    images = np.empty((count, side, side), dtype=np.uint8)
    for start in range(0, count, BLOCK):
        strengths = random.normal(size=(min(BLOCK, count - start), WAVES, WAVES))
        fields = np.einsum("nij,ix,jy->nxy", strengths, waves, waves, optimize=True)
        images[start : start + BLOCK] = np.clip(128 + 30 * fields, 0, 255)
    copies = images[COPIED - 1 :: COPIED]
    noise = random.integers(-1, 2, copies.shape)
    copies[:] = np.clip(images[COPIED - 2 :: COPIED][: len(copies)] + noise, 0, 255)
    return images


def _array(given: Given) -> None:
    labels = np.arange(given.size) % IMAGE_CLASSES
    np.savez(given.place / "images.npz", x=smooth_images(given.size, ARRAY_PX), y=labels)


def _photos(given: Given) -> None:
    from PIL import Image

    folders = [given.place / "photos" / f"class{number}" for number in range(IMAGE_CLASSES)]
    for folder in folders:
        folder.mkdir(parents=True)
    for number, pixels in enumerate(smooth_images(given.size, PHOTO_PX)):
        Image.fromarray(pixels).save(folders[number % IMAGE_CLASSES] / f"{number:07d}.jpg")


def _table(given: Given) -> None:
    (given.place / "images").mkdir()
    (given.place / "images" / "0000000.jpg").touch()
    with (given.place / "a-table.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["path", "label", "split", "patient"])
        for row in range(given.size):
            split = "val" if row % 7 == 0 else "train"
            rows.writerow([f"images/{row:07d}.jpg", row % IMAGE_CLASSES, split, f"p{row // 10}"])


def _classes(given: Given) -> None:
    """Images in train and test, at least one of each class in both."""
    count = 2 * given.num_evaluated
    names = np.array([f"class {number:05d}" for number in range(given.size)])
    labels = np.arange(count) // 2 % given.size
    images, in_test = smooth_images(count, ARRAY_PX), np.arange(count) % 2 == 1
    np.savez(
        given.place / "images.npz", x_train=images[~in_test], y_train=labels[~in_test],
        x_test=images[in_test], y_test=labels[in_test], classes=names,
    )  # fmt: skip


MADE = {"array": _array, "photos": _photos, "table": _table, "classes": _classes}


if __name__ == "__main__":
    make(Given.read(sys.argv[1]))
