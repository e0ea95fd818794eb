"""COCO's `instances_*.json` as labels: images on which all objects are of one category."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from convscope.data.dataset import Dataset, check_not_empty
from convscope.data.sources.naming import SPLITS, class_name, split_of, to_classes
from convscope.data.sources.places import Place
from convscope.data.sources.splits import NO_SPLIT, match_splits, split_names
from convscope.errors import DataError, counted
from convscope.files import printable

ANNOTATIONS = re.compile(r"(?:annotations/)?instances_(([a-z]+)\w*)\.json", re.IGNORECASE)
MAX_BYTES = 2 << 30
PROBED = 100


class _Labelled(NamedTuple):
    """Images of one file that belong to one category, and how many don't."""

    paths: list[str]
    names: list[str]
    num_mixed: int
    num_empty: int


def find_coco(place: Place) -> list[str]:
    """The annotation files of a place, in `annotations/` or at its top."""
    return [path for path in place.files if ANNOTATIONS.fullmatch(path)]


def open_coco(place: Place, files: Sequence[str]) -> Dataset:
    """The images with objects of exactly one category; the others are counted in a remark.

    Raises:
        DataError: A file is no such JSON, or its images aren't there.
    """
    paths: list[str] = []
    names: list[str] = []
    codes: list[int] = []
    num_mixed = num_empty = 0
    for file in files:
        found = _read(place, file)
        split = split_of(_part(file, 2))
        paths += found.paths
        names += found.names
        codes += [SPLITS.index(split) if split else NO_SPLIT] * len(found.paths)
        num_mixed += found.num_mixed
        num_empty += found.num_empty
    check_not_empty(len(paths), where=str(place.path))
    different = sorted(set(names))
    position = {name: index for index, name in enumerate(different)}
    classes, labels = to_classes(different, np.array([position[name] for name in names]))
    split_codes = np.array(codes)
    left_out = f"{counted(num_mixed, 'image')} with objects of several categories"
    left_out += f" and {num_empty:,} without any left out: an image has one class here"
    return Dataset(
        name=place.name,
        images=place.reader.images(paths),
        labels=labels,
        classes=classes,
        given_splits=split_names(split_codes),
        remarks=(
            *place.remarks,
            *([left_out] if num_mixed or num_empty else []),
            *match_splits(classes, labels, split_codes),
        ),
    )


def _read(place: Place, file: str) -> _Labelled:
    where = printable(place.path / file)
    try:
        content = json.loads(place.reader.read(file, max_bytes=MAX_BYTES))
        categories = {row["id"]: class_name(str(row["name"])) for row in content["categories"]}
        files = {row["id"]: str(row["file_name"]) for row in content["images"]}
        found: dict[Any, set[str]] = {}
        for row in content["annotations"]:
            found.setdefault(row["image_id"], set()).add(categories[row["category_id"]])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise DataError(
            f"`{where}` is no file of COCO annotations: {error!r}",
            hint="it needs `images`, `annotations` and `categories`",
        ) from error
    kept = sorted(key for key, names in found.items() if len(names) == 1 and key in files)
    start = _folder(place, file, [files[key] for key in kept[:PROBED]])
    return _Labelled(
        [start + files[key] for key in kept],
        [next(iter(found[key])) for key in kept],
        sum(len(names) > 1 for names in found.values()),
        len(files.keys() - found.keys()),
    )


def _folder(place: Place, file: str, first: Sequence[str]) -> str:
    """The folder that a file's images lie in, with a slash; "" for the top."""
    name, split = _part(file, 1), _part(file, 2)
    starts = ("", f"{name}/", f"images/{name}/", f"{split}/", f"images/{split}/", "images/")
    for start in starts:
        if any(place.reader.exists(start + path) for path in first):
            return start
    if not first:
        return ""
    raise DataError(
        f"the images of `{printable(place.path / file)}` are not there; looked for "
        f"`{printable(first[0])}` in `{place.path}`, and in {name}, images and images/{name} there",
        hint="put the folder of images beside `annotations`",
    )


def _part(file: str, group: int) -> str:
    found = ANNOTATIONS.fullmatch(file)
    return "" if found is None else found[group]
