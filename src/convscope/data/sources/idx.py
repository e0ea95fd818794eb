"""The idx files of MNIST and its kin, plain or gzipped, recognised by content.

Source: the format's description by LeCun, Cortes and Burges: two zero bytes, the type (8 for
unsigned bytes), the number of axes, then each axis as a big-endian 32-bit integer, then the values.
"""

from __future__ import annotations

import gzip
import io
import struct
import zlib
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from convscope.data.dataset import ArrayImages, Dataset, check_not_empty
from convscope.data.sources.listing import FileTree
from convscope.data.sources.naming import assembled
from convscope.data.sources.split_names import mentions_split, split_in
from convscope.data.sources.unpacking import check_no_bomb
from convscope.data.split import SPLITS
from convscope.errors import DataError
from convscope.files import READ_BYTES

UNSIGNED_BYTE = 8
GZIP_MAGIC = b"\x1f\x8b"
GZIP_WINDOW = zlib.MAX_WBITS | 16  # says to zlib that a header of gzip comes first
MAX_BYTES = 4 << 30
HEAD_BYTES = 4 + 4 * 255  # what a header may take
PACKED_HEAD_BYTES = 1 << 16  # of a packed file, which may begin with its name

FASHION_CLASSES = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
    "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)  # fmt: skip


class IdxSplit(NamedTuple):
    """The arrays of one split, and the names of their files."""

    images: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    images_name: str
    labels_name: str


def find_idx(tree: FileTree) -> dict[str, IdxSplit]:
    """The splits in the idx files of a tree, train first; empty if it has none.

    Raises:
        DataError: A file is damaged, or there are images without labels, or the other way round.
    """
    images: dict[str, tuple[str, NDArray[np.uint8]]] = {}
    labels: dict[str, tuple[str, NDArray[np.uint8]]] = {}
    for name in idx_names(tree):
        axes = _axes(tree.reader.head(name, num_bytes=PACKED_HEAD_BYTES))
        if axes not in (1, 3, 4):
            continue
        content = tree.reader.read(name, max_bytes=MAX_BYTES)
        found, split = labels if axes == 1 else images, _split_in(tree, name)
        if split in found:
            raise DataError(
                f"`{tree.path}` has two idx files for the {split} split: "
                f"`{found[split][0]}` and `{name}`",
                hint="keep the files of one data set in a folder",
            )
        found[split] = (name, parse_idx(content, where=f"{tree.path / name}"))
    alone = sorted(set(images) ^ set(labels))
    if alone:
        missing = "labels" if alone[0] in images else "images"
        raise DataError(
            f"`{tree.path}` has idx files for the {alone[0]} split without the {missing}",
            hint="both files are needed, for instance train-images-idx3-ubyte and "
            "train-labels-idx1-ubyte",
        )
    return {
        split: IdxSplit(images[split][1], labels[split][1], images[split][0], labels[split][0])
        for split in SPLITS
        if split in images
    }


def open_idx(tree: FileTree, found: dict[str, IdxSplit]) -> Dataset:
    """The data set in these files; classes are the labels' numbers, or Fashion-MNIST's names.

    Raises:
        DataError: Images and labels differ in number, or images in size.
    """
    pixels: list[NDArray[np.uint8]] = []
    names: list[str] = []
    for split, part in found.items():
        if len(part.images) != len(part.labels):
            raise DataError(
                f"`{part.images_name}` has {len(part.images)} images, "
                f"`{part.labels_name}` has {len(part.labels)} labels",
                hint="one of the two files belongs to another data set",
            )
        if part.images.ndim == 4 and part.images.shape[3] not in (1, 3):
            raise DataError(
                f"`{part.images_name}` has images of {part.images.shape[3]} channels",
                hint="images are read as (N, H, W) or (N, H, W, C) with 1 or 3 channels",
            )
        pixels.append(part.images if part.images.ndim == 4 else part.images[:, :, :, np.newaxis])
        names += [f"{split}/{index:05d}" for index in range(len(part.images))]
    if len({part.shape[1:] for part in pixels}) > 1:
        raise DataError(f"the splits in `{tree.path}` have images of different sizes")
    check_not_empty(len(names), where=str(tree.path))
    numbers = np.concatenate([part.labels for part in found.values()])
    codes = np.concatenate(
        [np.full(len(part.labels), SPLITS.index(split)) for split, part in found.items()]
    )
    classes = _class_names(tree, int(numbers.max()) + 1)
    images = ArrayImages(np.concatenate(pixels), tuple(names))
    return assembled(tree.name, images, classes, numbers, codes, remarks=tree.remarks)


def parse_idx(content: bytes, *, where: str) -> NDArray[np.uint8]:
    """The array in an idx file of unsigned bytes, plain or gzipped.

    Args:
        content: The whole file.
        where: What the user calls it.

    Raises:
        DataError: The file is damaged, truncated or of another type.
    """
    shape = _shape(_unpacked_head(content), where)
    start, expected = 4 + 4 * len(shape), int(np.prod(shape, dtype=object))
    found: bytes | bytearray = content
    if content[:2] == GZIP_MAGIC:
        check_no_bomb(where, packed=len(content), unpacked=start + expected)
        if expected > MAX_BYTES:
            raise DataError(f"`{where}` unpacks to {expected:,} bytes, over {MAX_BYTES:,}")
        found = _unpacked(content, where, max_bytes=start + expected + 1)
    if len(found) - start != expected:
        has = "more" if len(found) - start > expected else f"{len(found) - start:,}"
        raise DataError(
            f"`{where}` is damaged: its header promises {expected:,} values, it has {has}",
            hint="download it again",
        )
    return np.frombuffer(found, np.uint8, offset=start).reshape(shape)


def _shape(head: bytes, where: str) -> tuple[int, ...]:
    """The lengths of an array's axes, from the first bytes of its file."""
    if len(head) < 4 or head[:2] != b"\0\0":
        raise DataError(f"`{where}` is no idx file")
    kind, axes = head[2], head[3]
    if kind != UNSIGNED_BYTE:
        raise DataError(f"`{where}` holds values of type {kind:#x}; only unsigned bytes are read")
    if len(head) < 4 + 4 * axes:
        raise DataError(f"`{where}` is truncated in its header")
    return struct.unpack(f">{axes}I", head[4 : 4 + 4 * axes])


def idx_names(tree: FileTree) -> list[str]:
    """Files with names of idx files; a packed one only where the plain one isn't there."""
    names = [name for name in tree.top_files if "idx" in name.lower()]
    there = set(names)  # of photos, a million may have this in their names
    return [name for name in names if name.removesuffix(".gz") not in there or name[-3:] != ".gz"]


def _unpacked(content: bytes, where: str, *, max_bytes: int) -> bytearray:
    """What a gzipped file holds, up to a number of bytes: a header promises how many there are."""
    found = bytearray()
    try:
        with gzip.open(io.BytesIO(content)) as stream:
            while block := stream.read(min(READ_BYTES, max_bytes - len(found))):
                found += block  # what is asked for would be allocated at once
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"`{where}` can't be read: {error}", hint="download it again") from error
    return found


def _unpacked_head(content: bytes) -> bytes:
    """The first bytes of a file, of which as many are given, unpacked; b"" if that can't be."""
    if content[:2] != GZIP_MAGIC:
        return content[:HEAD_BYTES]
    try:
        return zlib.decompressobj(GZIP_WINDOW).decompress(content[:PACKED_HEAD_BYTES], HEAD_BYTES)
    except zlib.error:
        return b""


def _axes(content: bytes) -> int:
    """Number of axes of a file's array from its first bytes, or 0 if it is no idx file."""
    head = _unpacked_head(content)
    return head[3] if len(head) >= 4 and head[:2] == b"\0\0" else 0


def _split_in(tree: FileTree, name: str) -> str:
    """The split that a file name mentions; MNIST's test files are called t10k."""
    split = split_in(name)
    if split is None and mentions_split(name):
        raise DataError(
            f"`{tree.path / name}` looks like a split, and which one isn't clear",
            hint="write train, val or test into the names of the two files, and nothing like it",
        )
    return split or "train"


def _class_names(tree: FileTree, count: int) -> tuple[str, ...]:
    # The files of MNIST and Fashion-MNIST are told apart by nothing but their content, and the
    # files hold no names; the folder's name decides whether the numbers stand for clothes.
    path = tree.path.resolve()
    name = path.parent.name if path.name == "raw" else path.name  # as torchvision puts it
    if count == len(FASHION_CLASSES) and "fashion" in name.lower():
        return FASHION_CLASSES
    return tuple(str(number) for number in range(count))
