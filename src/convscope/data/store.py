"""Store: every image decoded once, brought to the network's size, as uint8 in one array."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from convscope.data.dataset import Dataset
from convscope.data.decode import DamagedImageError, decode_content
from convscope.data.preprocessing import Preprocessing
from convscope.errors import DataError, listed

MAX_DAMAGED_SHARE = 0.05
IN_MEMORY_BYTES = 2 << 30  # a larger store lies in a temporary file and is mapped into memory
GROUP = 16  # images a thread decodes at a time: handing over one by one costs more than a digit
GROUPS_AHEAD = 16  # decoded before they are asked for; bounds the memory of large images


@dataclass(frozen=True, slots=True)
class Store:
    """The images of a data set that could be read.

    Attributes:
        pixels: (N, H, W, C), 0 to 255.
        labels: (N,) index of the class.
        names: N names.
        given_splits: N splits that the data came with, or "".
        pixel_hashes: (N,) of each image's decoded pixels before any resizing.
        damaged: Name and reason of each image that could not be read.
    """

    pixels: NDArray[np.uint8]
    labels: NDArray[np.int64]
    names: tuple[str, ...]
    given_splits: tuple[str, ...]
    pixel_hashes: NDArray[np.uint64]
    damaged: tuple[tuple[str, str], ...]

    def __len__(self) -> int:
        return len(self.labels)

    def fingerprint(self) -> str:
        """A hash of all pixels with their classes, whatever the order or the file names."""
        rows = np.sort(self.pixel_hashes * np.uint64(2_654_435_761) + self.labels.astype(np.uint64))
        return hashlib.sha256(rows.tobytes()).hexdigest()[:16]


def build_store(
    dataset: Dataset,
    preprocessing: Preprocessing,
    *,
    allow_damaged: bool = False,
    on_progress: Callable[[int], None] = lambda count: None,
) -> Store:
    """Decodes every image once.

    Args:
        dataset: N images.
        preprocessing: Its geometry is applied; mean and std are not.
        allow_damaged: Goes on although more than 5 % can't be read; these are left out anyway.
        on_progress: Called with the number of images just done.

    Raises:
        DataError: No image can be read, or more than 5 % can't.
    """
    shape = (preprocessing.height, preprocessing.width, preprocessing.channels)
    pixels = _empty((len(dataset), *shape))
    hashes = np.zeros(len(dataset), dtype=np.uint64)
    kept: list[int] = []
    damaged: list[tuple[str, str]] = []
    for index, outcome in _decoded(dataset, preprocessing, on_progress):
        if isinstance(outcome, DamagedImageError):
            damaged.append((dataset.images.name(index), outcome.message))
            continue
        hashes[len(kept)], pixels[len(kept)] = outcome
        kept.append(index)
    _check_damaged(damaged, len(dataset), allow_damaged=allow_damaged)
    return Store(
        pixels=pixels[: len(kept)],
        labels=dataset.labels[kept],
        names=tuple(dataset.images.name(index) for index in kept),
        given_splits=tuple(dataset.given_splits[index] for index in kept),
        pixel_hashes=hashes[: len(kept)],
        damaged=tuple(damaged),
    )


def hash_pixels(pixels: NDArray[np.uint8]) -> int:
    """A 64-bit hash of an image's shape and pixels (H, W, C)."""
    digest = hashlib.blake2b(repr(pixels.shape).encode(), digest_size=8)
    digest.update(np.ascontiguousarray(pixels).data)
    return int.from_bytes(digest.digest(), "little")


Outcome = tuple[int, NDArray[np.uint8]] | DamagedImageError


def _decoded(
    dataset: Dataset, preprocessing: Preprocessing, on_progress: Callable[[int], None]
) -> Iterator[tuple[int, Outcome]]:
    """Each image's hash and prepared pixels in order; Pillow works outside of Python's lock."""

    def one(index: int) -> Outcome:
        try:
            pixels = decode_content(dataset.images.content(index)).pixels
        except DamagedImageError as error:
            return error
        return hash_pixels(pixels), preprocessing.apply(pixels)

    def several(start: int) -> list[tuple[int, Outcome]]:
        return [(index, one(index)) for index in range(start, min(start + GROUP, len(dataset)))]

    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        for ahead in range(0, len(dataset), GROUP * GROUPS_AHEAD):
            last = min(ahead + GROUP * GROUPS_AHEAD, len(dataset))
            for group in pool.map(several, range(ahead, last, GROUP)):
                yield from group
                on_progress(len(group))


def _empty(shape: tuple[int, ...]) -> NDArray[np.uint8]:
    if np.prod(shape, dtype=np.int64) <= IN_MEMORY_BYTES:
        return np.empty(shape, dtype=np.uint8)
    # The file has no name and goes away with the array.
    with tempfile.TemporaryFile() as file:
        return np.memmap(file, dtype=np.uint8, mode="w+", shape=shape)


def _check_damaged(damaged: list[tuple[str, str]], total: int, *, allow_damaged: bool) -> None:
    lines = listed([f"`{name}` {reason}" for name, reason in damaged])
    if len(damaged) == total:
        raise DataError(f"none of the {total} images can be read\n{lines}")
    if len(damaged) > MAX_DAMAGED_SHARE * total and not allow_damaged:
        raise DataError(
            f"{len(damaged)} of {total} images can't be read, more than "
            f"{MAX_DAMAGED_SHARE:.0%}\n{lines}",
            hint="repair or remove them, or leave them out with `--allow-damaged`",
        )
