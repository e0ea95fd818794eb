"""Dataset: which images there are, their classes and the splits they came in; no pixels yet."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from convscope.data.decode import DamagedImageError, decode
from convscope.errors import LISTED_AT_MOST, DataError, counted, listed
from convscope.files import printable


class Images(Protocol):
    """Where images lie; each is decoded when it is read."""

    def __len__(self) -> int:
        """How many there are."""
        ...

    def name(self, index: int) -> str:
        """What a user calls the image: its path below the data set's folder, or a number."""
        ...

    def read(self, index: int) -> NDArray[np.uint8]:
        """Pixels (H, W, C), 0 to 255.

        Raises:
            DamagedImageError: The image can't be read.
        """
        ...


@dataclass(frozen=True, slots=True)
class FileImages:
    """Images in files below a folder."""

    root: Path
    paths: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.paths)

    def name(self, index: int) -> str:
        """The path below the root."""
        return printable(self.paths[index])

    def read(self, index: int) -> NDArray[np.uint8]:
        """Pixels (H, W, C), 0 to 255."""
        return decode(read_file(self.root / self.paths[index]))


@dataclass(frozen=True, slots=True)
class ArrayImages:
    """Images that came decoded, (N, H, W, C) in one array."""

    pixels: NDArray[np.uint8]
    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.pixels)

    def name(self, index: int) -> str:
        """For instance `test/00042`."""
        return self.names[index]

    def read(self, index: int) -> NDArray[np.uint8]:
        """Pixels (H, W, C), 0 to 255."""
        return np.asarray(self.pixels[index])


@dataclass(frozen=True, slots=True)
class Dataset:
    """Images with their classes.

    Attributes:
        name: Short, for the name of a run.
        images: N of them.
        labels: (N,) index of each image's class.
        classes: Names, sorted; an index into them means the same in every split.
        given_splits: (N,) `train`, `validation`, `test` or "" where the data has no splits.
        remarks: What was noticed while opening: files passed over, classes without images.
    """

    name: str
    images: Images
    labels: NDArray[np.int64]
    classes: tuple[str, ...]
    given_splits: tuple[str, ...]
    remarks: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.images)

    @property
    def has_splits(self) -> bool:
        """Whether the data came with splits of its own."""
        return any(self.given_splits)


def read_file(path: Path) -> bytes:
    """The bytes of a regular file.

    Raises:
        DamagedImageError: It isn't a regular file (a pipe would block for ever) or can't be read.
    """
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):  # noqa: PTH116 - follows links, like open
            raise DamagedImageError("is no regular file")
        return path.read_bytes()
    except OSError as error:
        raise DamagedImageError(f"can't be read: {error.strerror or error}") from error


def check_not_empty(count: int, *, where: str) -> None:
    """Refuses data without images.

    Raises:
        DataError: There are none.
    """
    if not count:
        raise DataError(
            f"`{where}` has no images",
            hint="a data set is a folder with one folder of images for each class",
        )


def check_learnable(classes: Sequence[str], counts: Sequence[int], *, where: str) -> None:
    """Refuses data that no classifier can be learned from.

    Args:
        classes: K names.
        counts: K numbers of images to learn from.
        where: What the user calls the data.

    Raises:
        DataError: All images belong to one class, or a class has none to learn from.
    """
    if len(classes) < 2:
        raise DataError(
            f"`{where}` has images of one class only: `{classes[0]}`",
            hint="a classifier needs at least two class folders with images",
        )
    missing = [f"`{name}`" for name, count in zip(classes, counts, strict=True) if not count]
    if missing:
        raise DataError(
            f"{counted(len(missing), 'class')} without an image to learn from\n{listed(missing)}",
            hint="add images of them, remove their folders, or bring splits of your own",
        )


def check_known(unknown: dict[str, int], *, known: Sequence[str], owner: str) -> None:
    """Refuses classes that can't be matched by name.

    Args:
        unknown: Class names with their numbers of images.
        known: Names that they could have had.
        owner: Whose names these are: `split train` or `the classifier`.

    Raises:
        DataError: `unknown` isn't empty.
    """
    if unknown:
        lines = [f"`{name}` ({counted(count, 'image')})" for name, count in sorted(unknown.items())]
        more = " and more" if len(known) > LISTED_AT_MOST else ""
        raise DataError(
            f"{owner} doesn't know {counted(len(unknown), 'class')} of the data\n{listed(lines)}",
            hint=f"classes are matched by name; {owner} has "
            f"{', '.join(known[:LISTED_AT_MOST])}{more}",
        )
