"""A data set as a recipe wants it: which columns, which images are left out, how to decode."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from convscope.data.dataset import Dataset
from convscope.data.decoding.content import Decoding
from convscope.data.sources.listing import read_whole
from convscope.data.sources.naming import HEIF_SUFFIXES, IMAGE_SUFFIXES
from convscope.data.sources.opening import open_dataset
from convscope.data.sources.table_columns import ANSWERS, separator_of
from convscope.errors import DataError
from convscope.files import from_cell
from convscope.paths import WEIGHTS, is_classifier, is_run, shell_word
from convscope.recipe import Recipe
from convscope.text import counted, listed

MAX_BYTES = 1 << 30  # of an exclusion list

# Kinds of files that are taken for data, their endings, and the right place for them.
NO_DATA = (
    (
        "one image",
        IMAGE_SUFFIXES | HEIF_SUFFIXES,
        "give the folder of its class folders; `convscope predict RUN {path}` classifies an image",
    ),
    (
        "a file of weights",
        WEIGHTS,
        "`--weights {path}` begins a training with weights; data is a folder of class folders",
    ),
    (
        "a YAML file",
        frozenset((".yaml", ".yml")),
        "`--recipe {path}` takes a recipe; data is a folder of class folders",
    ),
)


def open_data(recipe: Recipe, *, download: bool = False) -> Dataset:
    """The data set that a recipe names, without the images that it excludes."""
    return open_with_excluded(recipe, download=download)[0]


def open_with_excluded(recipe: Recipe, *, download: bool = False) -> tuple[Dataset, Dataset]:
    """The data set that a recipe names without the excluded images, and the excluded images.

    Raises:
        DataError: The data can't be opened, or an excluded image isn't part of it.
    """
    check_is_data(Path(recipe.data))
    dataset = open_dataset(
        recipe.data,
        path_column=recipe.path_column,
        label_column=recipe.label_column,
        split_column=recipe.split_column,
        group_column=recipe.group,
        class_level=recipe.class_level,
        zip_encoding=recipe.zip_encoding,
        extra_formats=recipe.extra_formats,
        download=download,
    )
    if recipe.exclude is None:
        return dataset, dataset.take(np.zeros(0, dtype=np.int64))
    left_out = read_exclusions(Path(recipe.exclude), dataset)
    remark = left_out_text(len(left_out), recipe.exclude)
    rest = dataset.take(np.setdiff1d(np.arange(len(dataset)), left_out))
    return replace(rest, remarks=(*rest.remarks, remark)), dataset.take(left_out)


def left_out_text(count: int, path: str | Path) -> str:
    """What a training says of the images that an exclusion list leaves out."""
    return f"{counted(count, 'image')} left out as `{path}` says"


def check_is_data(path: Path) -> None:
    """Refuses what a user took for data although it plainly is something else.

    Raises:
        DataError: It is a run, a classifier, one image, a file of weights or a recipe.
    """
    if is_run(path) or is_classifier(path):
        kind = "a run" if is_run(path) else "a classifier"
        further = f"; `train --continue {shell_word(path)} --epochs N` trains it further"
        hint = "give the images: a folder, a table or an archive"
        raise DataError(
            f"`{path}` is {kind}, not data",
            hint=hint + further if is_run(path) else hint,
        )
    if not path.is_file():
        return
    for kind, suffixes, way_out in NO_DATA:
        if path.suffix.lower() in suffixes:
            raise DataError(
                f"`{path}` is {kind}, not data", hint=way_out.format(path=shell_word(path))
            )


def decoding_of(recipe: Recipe) -> Decoding:
    """The decoding options of a recipe."""
    return Decoding(
        max_pixels=recipe.max_pixels,
        value_range=recipe.value_range,
        allow_truncated=recipe.allow_damaged,
        extra_formats=recipe.extra_formats,
    )


def read_exclusions(path: str | Path, dataset: Dataset) -> NDArray[np.int64]:
    """Sorted indices of the images that an exclusion list leaves out.

    Args:
        path: The table that `convscope check` writes, whose rows with `yes` are left out, or a
            plain list of image names, one per line, where lines that begin with `#` are comments.
        dataset: The data set that the names refer to.

    Raises:
        DataError: The file can't be read, has other columns or answers, or names images that the
            data doesn't have.
    """
    path = Path(path)
    text = _text(path)
    first = text.lstrip().partition("\n")[0]
    header = [cell.strip().strip('"').lower() for cell in first.split(separator_of(first))]
    is_table = path.suffix.lower() in (".csv", ".tsv") or "image" in header
    names = _excluded(_rows(text, path), path) if is_table else _lines(text)
    indices_of: dict[str, list[int]] = {}
    for index in range(len(dataset)):
        indices_of.setdefault(dataset.images.name(index), []).append(index)
    unknown = [f"`{name}`" for name in names if name not in indices_of]
    if unknown:
        raise DataError(
            f"`{path}` names {counted(len(unknown), 'image')} that `{dataset.name}` doesn't have\n"
            f"{listed(unknown)}",
            hint="the list belongs to other data, or to an older state of it: make a new one with "
            "`convscope check`, or remove these lines",
        )
    chosen = {index for name in names for index in indices_of[name]}
    return np.array(sorted(chosen), dtype=np.int64)


def _text(path: Path) -> str:
    if not path.exists():
        raise DataError(f"there is no file `{path}`", hint="`convscope check` writes such a list")
    try:
        text = read_whole(path, max_bytes=MAX_BYTES).decode("utf-8-sig")
        return text.replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as error:
        raise DataError(
            f"`{path}` is not UTF-8 text", hint="save it as a CSV file in UTF-8"
        ) from error


def _lines(text: str) -> list[str]:
    lines = [line.strip() for line in text.splitlines()]
    return [line for line in dict.fromkeys(lines) if line and not line.startswith("#")]


def _rows(text: str, path: Path) -> list[list[str]]:
    separator = separator_of(text.partition("\n")[0])
    try:
        rows = csv.reader(io.StringIO(text), delimiter=separator, strict=True)
        return [list(map(from_cell, row)) for row in rows if any(cell.strip() for cell in row)]
    except csv.Error as error:
        raise DataError(f"`{path}` can't be read as a table: {error}") from error


def _excluded(rows: Sequence[Sequence[str]], path: Path) -> list[str]:
    """The names in the rows that say `yes`; in a table with names only, all of them."""
    header = [cell.strip().lower() for cell in rows[0]] if rows else []
    if "image" not in header or (len(header) > 1 and "exclude" not in header):
        found = ", ".join(f"`{name}`" for name in header) or "none"
        raise DataError(
            f"`{path}` has the columns {found}; `image` and `exclude` are needed",
            hint="`convscope check` writes such a table; a plain text file with one image name "
            "per line also works",
        )
    image = header.index("image")
    exclude = header.index("exclude") if "exclude" in header else None
    names, wrong = dict[str, None](), []
    for number, row in enumerate(rows[1:], 2):
        if len(row) <= max(image, exclude or 0):
            wrong.append(f"row {number}: has {counted(len(row), 'cell')} only")
            continue
        answer = "yes" if exclude is None else row[exclude].strip().lower() or "no"
        if answer not in ANSWERS:
            wrong.append(f"row {number}: `{row[exclude or 0]}` is neither yes nor no")
        elif ANSWERS[answer]:
            names[row[image].strip()] = None
    if wrong:
        raise DataError(
            f"`{path}` has {counted(len(wrong), 'row')} that can't be read\n{listed(wrong)}",
            hint="the column `exclude` says yes or no",
        )
    return list(names)
