"""COCO's `instances_*.json` as labels: images on which all objects are of one category."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from convscope.data.dataset import Dataset, check_not_empty
from convscope.data.sources.listing import FileTree, outside_of
from convscope.data.sources.naming import NO_SPLIT, assembled, class_name, split_of
from convscope.data.split import SPLITS
from convscope.errors import DataError
from convscope.files import printable
from convscope.text import counted

ANNOTATIONS = re.compile(r"(?:annotations/)?instances_(([a-z]+)\w*)\.json", re.IGNORECASE)
MAX_BYTES = 2 << 30
PROBED = 100


class _Labelled(NamedTuple):
    """The images of one file that belong to one category, and the numbers of those that don't."""

    paths: list[str]
    names: list[str]
    num_mixed: int
    num_empty: int


def find_coco(tree: FileTree) -> list[str]:
    """The annotation files of a tree, in `annotations/` or at its top."""
    return [path for path in tree.files if ANNOTATIONS.fullmatch(path)]


def open_coco(tree: FileTree, files: Sequence[str]) -> Dataset:
    """The images with objects of exactly one category; a remark gives the number of the others.

    Raises:
        DataError: A file is no such JSON, or its images aren't there.
    """
    paths: list[str] = []
    names: list[str] = []
    codes: list[int] = []
    num_mixed = num_empty = 0
    for file in files:
        found = _read(tree, file)
        split = split_of(_part(file, 2))
        paths += found.paths
        names += found.names
        codes += [SPLITS.index(split) if split else NO_SPLIT] * len(found.paths)
        num_mixed += found.num_mixed
        num_empty += found.num_empty
    check_not_empty(len(paths), where=str(tree.path))
    different = sorted(set(names))
    position = {name: index for index, name in enumerate(different)}
    left_out = f"{counted(num_mixed, 'image')} with objects of several categories"
    left_out += f" and {num_empty:,} without any left out: an image has one class here"
    return assembled(
        tree.name,
        tree.reader.images(paths),
        different,
        np.array([position[name] for name in names]),
        np.array(codes),
        remarks=(
            *tree.remarks,
            *([left_out] if num_mixed or num_empty else []),
            *outside_of(tree.reader, paths),
        ),
    )


def _read(tree: FileTree, file: str) -> _Labelled:
    where = printable(tree.path / file)
    try:
        content = json.loads(tree.reader.read(file, max_bytes=MAX_BYTES))
        categories = {row["id"]: class_name(str(row["name"])) for row in content["categories"]}
        files = {row["id"]: str(row["file_name"]) for row in content["images"]}
        found: dict[Any, set[str]] = {}
        for row in content["annotations"]:
            found.setdefault(row["image_id"], set()).add(categories[row["category_id"]])
        one = [key for key, names in found.items() if len(names) == 1 and key in files]
        kept = sorted(one, key=lambda key: (isinstance(key, str), key))  # numbers, or texts
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise DataError(
            f"`{where}` is no file of COCO annotations: {error!r}",
            hint="it needs `images`, `annotations` and `categories`",
        ) from error
    start = _folder(tree, file, [files[key] for key in kept[:PROBED]])
    return _Labelled(
        [start + files[key] for key in kept],
        [next(iter(found[key])) for key in kept],
        sum(len(names) > 1 for names in found.values()),
        len(files.keys() - found.keys()),
    )


def _folder(tree: FileTree, file: str, first: Sequence[str]) -> str:
    """The folder that a file's images lie in, with a slash; "" for the top."""
    name, split = _part(file, 1), _part(file, 2)
    starts = ("", f"{name}/", f"images/{name}/", f"{split}/", f"images/{split}/", "images/")
    if not first:
        return ""
    # One path may lead anywhere; the folder is the one in which most of them are found.
    found = {start: sum(tree.reader.exists(start + path) for path in first) for start in starts}
    best = max(found, key=lambda start: found[start])
    if found[best]:
        return best
    raise DataError(
        f"the images of `{printable(tree.path / file)}` are not there; looked for "
        f"`{printable(first[0])}` in `{tree.path}`, and in {name}, images and images/{name} there",
        hint="put the folder of images beside `annotations`",
    )


def _part(file: str, group: int) -> str:
    found = ANNOTATIONS.fullmatch(file)
    return "" if found is None else found[group]
