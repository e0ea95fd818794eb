"""The binary files of CIFAR-10 and CIFAR-100, in a folder or in the archive they come in.

Source: Krizhevsky, "Learning Multiple Layers of Features from Tiny Images" (2009), and the format
on its page: a record is one byte for the label (CIFAR-100: two, the superclass first), then 3,072
bytes of 32x32 pixels, all red ones, all green, all blue. The version for Python is a pickle.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from convscope.data.dataset import ArrayImages, Dataset, check_not_empty
from convscope.data.sources.listing import FileTree
from convscope.data.sources.naming import assembled, class_name
from convscope.data.split import SPLITS
from convscope.errors import DataError
from convscope.text import counted

SIDE_PX = 32
PIXEL_BYTES = 3 * SIDE_PX * SIDE_PX
MAX_BYTES = 4 << 30
MAX_NAMES_BYTES = 1 << 20
BATCH = re.compile(r"data_batch_(\d+)\.bin")
PICKLES = ({"data_batch_1", "batches.meta"}, {"train", "test", "meta"})

CIFAR10_CLASSES = (
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
)  # fmt: skip
CIFAR100_CLASSES = (
    "apple", "aquarium_fish", "baby", "bear", "beaver", "bed", "bee", "beetle", "bicycle",
    "bottle", "bowl", "boy", "bridge", "bus", "butterfly", "camel", "can", "castle", "caterpillar",
    "cattle", "chair", "chimpanzee", "clock", "cloud", "cockroach", "couch", "crab", "crocodile",
    "cup", "dinosaur", "dolphin", "elephant", "flatfish", "forest", "fox", "girl", "hamster",
    "house", "kangaroo", "keyboard", "lamp", "lawn_mower", "leopard", "lion", "lizard", "lobster",
    "man", "maple_tree", "motorcycle", "mountain", "mouse", "mushroom", "oak_tree", "orange",
    "orchid", "otter", "palm_tree", "pear", "pickup_truck", "pine_tree", "plain", "plate", "poppy",
    "porcupine", "possum", "rabbit", "raccoon", "ray", "road", "rocket", "rose", "sea", "seal",
    "shark", "shrew", "skunk", "skyscraper", "snail", "snake", "spider", "squirrel", "streetcar",
    "sunflower", "sweet_pepper", "table", "tank", "telephone", "television", "tiger", "tractor",
    "train", "trout", "tulip", "turtle", "wardrobe", "whale", "willow_tree", "wolf", "woman",
    "worm",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class CifarKind:
    """The format of one of the two data sets.

    Attributes:
        name: Name of the data set.
        label_bytes: Number of bytes before the pixels of each record; the last one is the class.
        names_file: The file that lists the classes, one per line.
        classes: Class names in the order of their numbers, should that file be missing.
    """

    name: str
    label_bytes: int
    names_file: str
    classes: tuple[str, ...]

    @property
    def record_bytes(self) -> int:
        """Length of a record: labels and pixels."""
        return self.label_bytes + PIXEL_BYTES


CIFAR10 = CifarKind("CIFAR-10", 1, "batches.meta.txt", CIFAR10_CLASSES)
CIFAR100 = CifarKind("CIFAR-100", 2, "fine_label_names.txt", CIFAR100_CLASSES)


@dataclass(frozen=True, slots=True)
class CifarFiles:
    """The files of one of the data sets, by split."""

    kind: CifarKind
    files: dict[str, list[str]]


def find_cifar(tree: FileTree) -> CifarFiles | None:
    """The binary files of CIFAR-10 or CIFAR-100 in a tree, or None.

    Raises:
        DataError: The tree has the Python version.
    """
    names = set(tree.top_files)
    if any(pickles <= names for pickles in PICKLES):
        raise DataError(
            f"`{tree.path}` has the Python version of CIFAR, whose files can run any code",
            hint="take the binary version: cifar-10-binary.tar.gz or cifar-100-binary.tar.gz",
        )
    batches = sorted(filter(BATCH.fullmatch, names))
    if batches:
        test = [name for name in ("test_batch.bin",) if name in names]
        return CifarFiles(CIFAR10, {"train": batches, "test": test})
    if {"train.bin", "test.bin"} & names and (CIFAR100.names_file in names or _fits(tree)):
        files = {split: [f"{split}.bin"] for split in ("train", "test") if f"{split}.bin" in names}
        return CifarFiles(CIFAR100, files)
    return None


def open_cifar(tree: FileTree, found: CifarFiles) -> Dataset:
    """The data set in these files, with superclasses as a column where they are known.

    Raises:
        DataError: A file's size or labels don't fit the format.
    """
    kind = found.kind
    pixels: list[NDArray[np.uint8]] = []
    marks: list[NDArray[np.uint8]] = []
    codes: list[NDArray[np.int64]] = []
    names: list[str] = []
    for split, files in found.files.items():
        records = [_records(tree, file, kind) for file in files]
        count = sum(map(len, records))
        marks += [part[:, : kind.label_bytes] for part in records]
        pixels += [part[:, kind.label_bytes :] for part in records]
        codes.append(np.full(count, SPLITS.index(split)))
        names += [f"{split}/{index:05d}" for index in range(count)]
    check_not_empty(len(names), where=str(tree.path))
    planes = np.concatenate(pixels).reshape(-1, 3, SIDE_PX, SIDE_PX)
    numbers = np.concatenate(marks)
    class_names = _names(tree, kind.names_file) or kind.classes
    if len(class_names) < len(kind.classes):
        raise DataError(
            f"`{tree.path / kind.names_file}` names {counted(len(class_names), 'class')} "
            f"of {len(kind.classes)}",
            hint="unpack the archive again",
        )
    coarse = _names(tree, "coarse_label_names.txt") if kind.label_bytes == 2 else ()
    superclasses = [coarse[number] for number in numbers[:, 0]] if len(coarse) == 20 else []
    return assembled(
        tree.name,
        ArrayImages(np.ascontiguousarray(planes.transpose(0, 2, 3, 1)), tuple(names)),
        class_names,
        numbers[:, -1],
        np.concatenate(codes),
        remarks=(*tree.remarks, *_missing_files(found)),
        columns={"superclass": superclasses} if superclasses else {},
    )


def _fits(tree: FileTree) -> bool:
    """Whether files called `train.bin` and `test.bin` are CIFAR-100's, where nothing names it."""
    for file in ("train.bin", "test.bin"):
        if not tree.reader.exists(file):
            return False
        try:
            content = tree.reader.read(file, max_bytes=MAX_BYTES)
        except DataError:  # any other data may be called so
            return False
        if not content or len(content) % CIFAR100.record_bytes:
            return False
        marks = np.frombuffer(content, np.uint8).reshape(-1, CIFAR100.record_bytes)[:, :2]
        if (marks.max(axis=0) >= (20, len(CIFAR100.classes))).any():
            return False
    return True


def _records(tree: FileTree, file: str, kind: CifarKind) -> NDArray[np.uint8]:
    """The records (N, label bytes + 3,072) in a file."""
    content = tree.reader.read(file, max_bytes=MAX_BYTES)
    where = tree.path / file
    if len(content) % kind.record_bytes:
        raise DataError(
            f"`{where}` is damaged: its {len(content):,} bytes are no whole number of records of "
            f"{kind.record_bytes:,}",
            hint="download it again",
        )
    records = np.frombuffer(content, np.uint8).reshape(-1, kind.record_bytes)
    labels = records[:, kind.label_bytes - 1]
    if len(records) and labels.max() >= len(kind.classes):
        raise DataError(
            f"`{where}` is damaged: it has a label {labels.max()}, {kind.name} has "
            f"{len(kind.classes)} classes",
            hint="download it again",
        )
    return records


def _names(tree: FileTree, file: str) -> tuple[str, ...]:
    """The class names in a file, one a line; () if there is no such file."""
    if not tree.reader.exists(file):
        return ()
    text = tree.reader.read(file, max_bytes=MAX_NAMES_BYTES).decode("utf-8-sig", "replace")
    return tuple(class_name(line.strip()) for line in text.splitlines() if line.strip())


def _missing_files(found: CifarFiles) -> list[str]:
    there = [name for files in found.files.values() for name in files]
    complete = ["train.bin", "test.bin"]
    if found.kind is CIFAR10:
        complete = [*(f"data_batch_{number}.bin" for number in range(1, 6)), "test_batch.bin"]
    missing = [name for name in complete if name not in there]
    return [f"a part of {found.kind.name} is missing: {', '.join(missing)}"] if missing else []
