"""The idx files of MNIST and its kin, plain or gzipped, recognised by content.

Source: the format's description by LeCun, Cortes and Burges: two zero bytes, the type (8 for
unsigned bytes), the number of axes, then each axis as a big-endian 32-bit integer, then the values.
"""

from __future__ import annotations

import gzip
import re
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from convscope.data.dataset import ArrayImages, Dataset, check_not_empty
from convscope.errors import DataError

UNSIGNED_BYTE = 8
GZIP_MAGIC = b"\x1f\x8b"
MAX_BYTES = 4 << 30  # what a compressed file may unpack to

FASHION_CLASSES = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
    "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class IdxFiles:
    """The images and the labels of one split."""

    split: str
    images: Path
    labels: Path


def find_idx_files(folder: Path) -> list[IdxFiles]:
    """Pairs of idx files in the folder, train first; empty if it has none.

    Raises:
        DataError: Images without labels, or the other way round.
    """
    images: dict[str, Path] = {}
    labels: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if not path.is_file() or "idx" not in path.name.lower():
            continue
        axes = _axes(path)
        if axes not in (1, 3, 4):
            continue
        found, split = labels if axes == 1 else images, _split_of(path.name)
        if split not in found:
            found[split] = path
        elif path.name.removesuffix(".gz") != found[split].name.removesuffix(".gz"):
            raise DataError(
                f"`{folder}` has two idx files for the {split} split: "
                f"`{found[split].name}` and `{path.name}`",
                hint="keep the files of one data set in a folder",
            )
    alone = sorted(set(images) ^ set(labels))
    if alone:
        missing = "labels" if alone[0] in images else "images"
        raise DataError(
            f"`{folder}` has idx files for the {alone[0]} split without the {missing}",
            hint="both files are needed, for instance train-images-idx3-ubyte and "
            "train-labels-idx1-ubyte",
        )
    return [
        IdxFiles(split, images[split], labels[split])
        for split in ("train", "validation", "test")
        if split in images
    ]


def open_idx(folder: Path, files: list[IdxFiles]) -> Dataset:
    """The data set in these files; classes are the labels' numbers, or Fashion-MNIST's names.

    Raises:
        DataError: A file is damaged, or images and labels differ in number.
    """
    pixels: list[NDArray[np.uint8]] = []
    labels: list[NDArray[np.int64]] = []
    names: list[str] = []
    splits: list[str] = []
    for pair in files:
        images = read_idx(pair.images)
        marks = read_idx(pair.labels)
        if len(images) != len(marks):
            raise DataError(
                f"`{pair.images.name}` has {len(images)} images, "
                f"`{pair.labels.name}` has {len(marks)} labels",
                hint="one of the two files belongs to another data set",
            )
        if images.ndim == 4 and images.shape[3] not in (1, 3):
            raise DataError(
                f"`{pair.images.name}` has images of {images.shape[3]} channels",
                hint="images are read as (N, H, W) or (N, H, W, C) with 1 or 3 channels",
            )
        pixels.append(images if images.ndim == 4 else images[:, :, :, np.newaxis])
        labels.append(marks.astype(np.int64))
        names += [f"{pair.split}/{index:05d}" for index in range(len(images))]
        splits += [pair.split] * len(images)
    if len({part.shape[1:] for part in pixels}) > 1:
        raise DataError(f"the splits in `{folder}` have images of different sizes")
    all_labels = np.concatenate(labels)
    classes = _class_names(folder, int(all_labels.max(initial=0)) + 1)
    check_not_empty(len(all_labels), where=str(folder))
    return Dataset(
        name=folder.resolve().name,
        images=ArrayImages(np.concatenate(pixels), tuple(names)),
        labels=all_labels,
        classes=classes,
        given_splits=tuple(splits),
    )


def read_idx(path: Path) -> NDArray[np.uint8]:
    """The array in an idx file of unsigned bytes.

    Raises:
        DataError: The file is damaged, truncated or of another type.
    """
    content = _content(path)
    if len(content) < 4 or content[:2] != b"\0\0":
        raise DataError(f"`{path}` is no idx file")
    kind, axes = content[2], content[3]
    if kind != UNSIGNED_BYTE:
        raise DataError(f"`{path}` holds values of type {kind:#x}; only unsigned bytes are read")
    start = 4 + 4 * axes
    if len(content) < start:
        raise DataError(f"`{path}` is truncated in its header")
    shape = struct.unpack(f">{axes}I", content[4:start])
    expected = int(np.prod(shape, dtype=object))
    if len(content) - start != expected:
        raise DataError(
            f"`{path}` is damaged: its header promises {expected:,} values, "
            f"it has {len(content) - start:,}",
            hint="download it again",
        )
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            zipped = file.read(2) == GZIP_MAGIC
        if not zipped:
            return path.read_bytes()
        with gzip.open(path) as stream:
            content = stream.read(MAX_BYTES)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"`{path}` can't be read: {error}", hint="download it again") from error
    return content


def _axes(path: Path) -> int:
    """How many axes the file's array has, or 0 if it is no idx file."""
    try:
        with path.open("rb") as raw:
            zipped = raw.read(2) == GZIP_MAGIC
        with gzip.open(path) if zipped else path.open("rb") as stream:
            head = stream.read(4)
    except (OSError, EOFError, zlib.error):
        return 0
    return head[3] if len(head) == 4 and head[:2] == b"\0\0" else 0


def _split_of(name: str) -> str:
    """MNIST's test files are called t10k; others say the split somewhere in the name."""
    words = re.split(r"[^a-z0-9]+", name.lower())
    if "t10k" in words or "test" in words:
        return "test"
    return "validation" if {"val", "valid", "validation"} & set(words) else "train"


def _class_names(folder: Path, count: int) -> tuple[str, ...]:
    # The files of MNIST and Fashion-MNIST are told apart by nothing but their content, and the
    # files hold no names; the folder's name decides whether the numbers stand for clothes.
    if count == len(FASHION_CLASSES) and "fashion" in folder.resolve().name.lower():
        return FASHION_CLASSES
    return tuple(str(number) for number in range(count))
