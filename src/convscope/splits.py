"""`splits.csv` of a run: the split of each image, with what identifies the image."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from convscope.errors import RunError
from convscope.files import from_cell, write_csv
from convscope.text import LISTED_AT_MOST, either_of

SPLITS = ("train", "validation", "test", "excluded")
COLUMNS = ("image", "class", "given_split", "used_for", "pixels")


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
    write_csv(path, COLUMNS, [(*row[:-1], f"{row.pixel_hash:016x}") for row in rows])


def read_splits(path: Path) -> list[SplitRow]:
    """The rows of a `splits.csv`.

    Raises:
        RunError: It is missing or can't be read.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows_read = csv.DictReader(file, restval="")
            table = [[from_cell(row[name]) for name in COLUMNS] for row in rows_read]
        rows = [
            SplitRow(image, label, given_split, split, int(pixels, 16))
            for image, label, given_split, split, pixels in table
        ]
        if not rows:
            raise ValueError("it has no rows")
        unknown = sorted({row.split for row in rows} - set(SPLITS))
        if unknown:
            raise ValueError(
                f"{either_of(unknown[:LISTED_AT_MOST])} can't stand in `used_for`; "
                f"it takes {either_of(SPLITS)}"
            )
    except KeyError as error:
        raise _unreadable(path, f"it has no column {error}") from error
    except (OSError, ValueError, TypeError, csv.Error) as error:
        raise _unreadable(path, error) from error
    return rows


def read_image_splits(path: Path) -> dict[int, frozenset[str]]:
    """The splits of the images in a `splits.csv`, by the hashes of their pixels.

    Copies of an image have the same hash and may be in several splits.

    Raises:
        RunError: The file is missing or can't be read.
    """
    splits: dict[int, frozenset[str]] = {}
    for row in read_splits(path):
        splits[row.pixel_hash] = splits.get(row.pixel_hash, frozenset()) | {row.split}
    return splits


def _unreadable(path: Path, reason: object) -> RunError:
    return RunError(
        f"`{path}` can't be read, so it isn't known what training saw: {reason}",
        hint="evaluate the folder `classifier` beside it, which claims nothing about that",
    )
