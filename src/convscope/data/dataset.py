"""Dataset: the images, their classes and the splits that they came with; no pixels yet."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from convscope.data.decoding.content import Content, DamagedImageError
from convscope.data.decoding.decode import decode_content
from convscope.errors import DataError
from convscope.files import printable, read_regular
from convscope.short_repr import LONGEST_TEXT, Shown, short_repr
from convscope.text import counted, joined, listed, one_line

MAX_IMAGE_BYTES = 512 << 20  # of an image's file, or of what it unpacks to


class Images(Protocol):
    """The images of a data set; each is read when it is asked for, from any thread."""

    def __len__(self) -> int:
        """Number of images."""
        ...

    def name(self, index: int) -> str:
        """What a user calls the image: its path below the data set's folder, or a number."""
        ...

    def stamp(self, index: int) -> str:
        """A text that changes when the image changes, found without reading it; "" for none.

        For a file, its path, size and times: an image with a known stamp needn't be read again.
        """
        ...

    def content(self, index: int) -> Content:
        """The encoded bytes, or pixels (H, W, C) where the data came decoded.

        Raises:
            DamagedImageError: It can't be read.
        """
        ...


@dataclass(frozen=True, slots=True)
class FileImages:
    """Images in files below a folder."""

    root: Path
    paths: Sequence[str]
    _base: str = field(init=False, compare=False, repr=False)

    __repr__ = short_repr

    def __post_init__(self) -> None:
        """Makes the root absolute once, as stamps of all images are needed at every start."""
        object.__setattr__(self, "_base", str(self.root.absolute()))

    def __len__(self) -> int:
        return len(self.paths)

    def name(self, index: int) -> str:
        """The path below the root."""
        return printable(self.paths[index])

    def stamp(self, index: int) -> str:
        """The whole path, size and times: a copy elsewhere, or in its place, has another stamp."""
        path = f"{self._base}/{self.paths[index]}"
        try:
            status = os.stat(path)  # noqa: PTH116 - ten times as fast as a Path
        except (OSError, ValueError):  # ValueError: no file can have this path
            return ""
        return f"{path}|{status.st_size}|{status.st_mtime_ns}|{status.st_ctime_ns}"

    def content(self, index: int) -> bytes:
        """The file's bytes."""
        return read_file(self.root / self.paths[index])


@dataclass(frozen=True, slots=True)
class ArrayImages:
    """Images that came decoded, (N, H, W, C) in one array of any number format."""

    pixels: NDArray[Any]
    names: Sequence[str]

    __repr__ = short_repr

    def __len__(self) -> int:
        return len(self.pixels)

    def name(self, index: int) -> str:
        """The image's name, for instance `test/00042`."""
        return self.names[index]

    def stamp(self, index: int) -> str:
        """No stamp: what is in memory is hashed as fast as its file's time is looked up."""
        return ""

    def content(self, index: int) -> NDArray[Any]:
        """Pixels (H, W, C)."""
        return np.asarray(self.pixels[index])


@dataclass(frozen=True, slots=True)
class ChosenImages:
    """A subset of other images, in any order."""

    images: Images
    chosen: NDArray[np.int64]

    __repr__ = short_repr

    def __len__(self) -> int:
        return len(self.chosen)

    def name(self, index: int) -> str:
        """The name that the image has among all."""
        return self.images.name(int(self.chosen[index]))

    def stamp(self, index: int) -> str:
        """The stamp that the image has among all."""
        return self.images.stamp(int(self.chosen[index]))

    def content(self, index: int) -> Content:
        """The content of the image."""
        return self.images.content(int(self.chosen[index]))


def in_array(images: Images) -> tuple[NDArray[Any], NDArray[np.int64]] | None:
    """The array (M, H, W, C) that images are in, and the index of each (N,); None for others."""
    if isinstance(images, ArrayImages):
        return images.pixels, np.arange(len(images.pixels))
    if isinstance(images, ChosenImages) and (found := in_array(images.images)) is not None:
        return found[0], found[1][images.chosen]
    return None


def file_of(images: Images, index: int) -> Path | None:
    """The file that holds this image and nothing else; None for images in archives or arrays."""
    if isinstance(images, FileImages):
        return images.root / images.paths[index]
    if isinstance(images, ChosenImages):
        return file_of(images.images, int(images.chosen[index]))
    return None


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Dataset(Shown):
    """Images with their classes.

    Attributes:
        name: A short name, for the name of a run.
        images: N images.
        labels: (N,) index of each image's class.
        classes: K names, sorted; an index into them means the same in every split.
        given_splits: (N,) `train`, `validation` and `test`, or "" for all where the data has no
            splits.
        groups: (N,) what an image belongs to (patient, burst, camera); a group has to be in one
            split as a whole. None where nothing is known of groups.
        columns: Other columns of a table, (N,) values by the column's name.
        remarks: What was noticed while opening: files passed over, classes without images.
    """

    name: str
    images: Images
    labels: NDArray[np.int64]
    classes: tuple[str, ...]
    given_splits: Sequence[str]
    groups: Sequence[str] | None = None
    columns: Mapping[str, Sequence[str]] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()

    def __repr__(self) -> str:
        name = one_line(self.name, at_most=LONGEST_TEXT)
        return f"Dataset({name}, {len(self)} images, {len(self.classes)} classes)"

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[NDArray[np.uint8], int]:
        """Pixels (H, W, C), 0 to 255, and the index of the class, for data loaders.

        Images come as they are; `Preprocessing.apply` brings them to one size.

        Raises:
            IndexError: There is no such image.
            DamagedImageError: It can't be read.
        """
        if not 0 <= index < len(self):
            raise IndexError(f"image {index} of {len(self)}")
        pixels = decode_content(self.images.content(index)).pixels
        return pixels if pixels.flags.writeable else pixels.copy(), int(self.labels[index])

    @property
    def has_splits(self) -> bool:
        """Whether the data came with splits of its own."""
        return any(self.given_splits)

    def take(self, chosen: NDArray[np.int64]) -> Dataset:
        """The data set of these images, in this order, with all of its classes."""

        def some(values: Sequence[str]) -> list[str]:
            return [values[index] for index in chosen]

        return replace(
            self,
            images=ChosenImages(self.images, chosen),
            labels=self.labels[chosen],
            given_splits=some(self.given_splits),
            groups=None if self.groups is None else some(self.groups),
            columns={name: some(values) for name, values in self.columns.items()},
        )


def read_file(path: Path) -> bytes:
    """The bytes of an image's file.

    Raises:
        DamagedImageError: It isn't a regular file (a pipe would block for ever), can't be read, or
            is longer than any image.
    """
    try:
        return read_regular(path, max_bytes=MAX_IMAGE_BYTES)
    except OSError as error:
        raise DamagedImageError(f"can't be read: {error.strerror or error}") from error
    except ValueError as error:
        raise DamagedImageError("has a path that no file can have") from error


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


def check_classes(classes: Sequence[str], *, where: str) -> None:
    """Refuses data of a single class.

    Args:
        classes: K names.
        where: The data as the user calls it.

    Raises:
        DataError: All images belong to one class.
    """
    if len(classes) < 2:
        raise DataError(
            f"`{where}` has images of one class only: `{classes[0]}`",
            hint="a classifier needs at least two class folders with images",
        )


def check_trainable(classes: Sequence[str], counts: Sequence[int]) -> None:
    """Refuses classes without a train image.

    Args:
        classes: K names.
        counts: K numbers of train images.

    Raises:
        DataError: A class has none.
    """
    missing = [f"`{name}`" for name, count in zip(classes, counts, strict=True) if not count]
    if missing:
        raise DataError(
            f"{counted(len(missing), 'class')} without a train image\n{listed(missing)}",
            hint="add images of them, remove them from the data, or bring splits of your own in "
            "which train has some; `--splits` keeps images where an earlier run had them",
        )


def check_known(
    unknown: dict[str, int], *, known: Sequence[str], owner: str, way_out: str = ""
) -> None:
    """Refuses classes whose names are unknown.

    Args:
        unknown: Class names with their numbers of images.
        known: The names that are known.
        owner: What knows them: `split train` or `the classifier`.
        way_out: What can be done where the same classes have other names.

    Raises:
        DataError: `unknown` isn't empty.
    """
    if unknown:
        lines = [f"`{name}` ({counted(count, 'image')})" for name, count in sorted(unknown.items())]
        raise DataError(
            f"{owner} doesn't know {counted(len(unknown), 'class')} of the data\n{listed(lines)}",
            hint=f"classes are matched by name; {owner} has "
            f"{joined(known)}{'; ' if way_out else ''}{way_out}",
        )
