"""`splits.csv` of a run: the split of each image, with what identifies the image."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Literal, NamedTuple, get_args

from pydantic import Field

from convscope.errors import RunError
from convscope.files import write_csv
from convscope.records import FileSchema, columns_of, read_table, refusal

SplitName = Literal["train", "validation", "test", "excluded"]
SPLITS: tuple[SplitName, ...] = get_args(SplitName)


class SplitLine(FileSchema):
    """A line of `splits.csv`."""

    way_out = "evaluate the folder `classifier` beside it, which claims nothing about that"

    image: str
    label: str = Field(alias="class")
    given_split: str
    used_for: SplitName
    pixels: Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]


class SplitRow(NamedTuple):
    """One row of `splits.csv`.

    Attributes:
        image: Name of the image.
        label: Name of its class.
        given_split: Split that the data came with; "" for none.
        split: Split that the training put it into, one of `SPLITS`.
        pixel_hash: 64-bit hash of its decoded pixels.
    """

    image: str
    label: str
    given_split: str
    split: str
    pixel_hash: int


def write_splits(path: Path, rows: Iterable[SplitRow]) -> None:
    """Replaces the `splits.csv` at `path`.

    Raises:
        RunError: The folder can't be written to.
    """
    write_csv(path, columns_of(SplitLine), [(*row[:-1], f"{row.pixel_hash:016x}") for row in rows])


def read_splits(path: Path) -> list[SplitRow]:
    """The rows of a `splits.csv`.

    Raises:
        RunError: It is missing or can't be read.
    """
    return list(iterate_splits(path))


def iterate_splits(path: Path) -> Iterator[SplitRow]:
    """The rows of a `splits.csv`, one after the other.

    Raises:
        RunError: It is missing or can't be read.
    """
    row = None
    try:
        for row in read_table(path, SplitLine):
            image, label, given_split, split, pixels = row.values()
            yield SplitRow(image, label, given_split, split, int(pixels, 16))
        if row is None:
            raise refusal(path, "it has no rows", SplitLine.way_out)
    except RunError as error:
        raise RunError(
            f"{error.message}, so it isn't known what training saw", hint=error.hint
        ) from error


def read_image_splits(path: Path) -> dict[int, frozenset[str]]:
    """The splits of the images in a `splits.csv`, by the hashes of their pixels.

    Copies of an image have the same hash and may be in several splits.

    Raises:
        RunError: The file is missing or can't be read.
    """
    splits: dict[int, frozenset[str]] = {}
    shared: dict[frozenset[str], frozenset[str]] = {}  # one for each image would be 200 bytes each
    for row in iterate_splits(path):
        found = splits.get(row.pixel_hash, frozenset()) | {row.split}
        splits[row.pixel_hash] = shared.setdefault(found, found)
    return splits
