"""COCO's `instances_*.json` as labels: images on which all objects are of one category."""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from convscope.data.dataset import Dataset, check_not_empty
from convscope.data.sources.listing import FileTree, outside_of
from convscope.data.sources.naming import NO_SPLIT, assembled, class_name
from convscope.data.sources.several_labels import check_one_label
from convscope.data.sources.split_names import split_in
from convscope.data.split import SPLITS
from convscope.errors import DataError
from convscope.files import printable
from convscope.text import counted, joined, listed

ANNOTATIONS = re.compile(r"(?:annotations/)?instances_(([a-z]+)[\w-]*)\.json", re.IGNORECASE)
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
        DataError: A file is no such JSON, its images aren't there or are in another file too, or
            only some of the files are splits by their names.
    """
    splits = _splits(tree, files)
    seen: dict[str, tuple[str, str]] = {}
    paths: list[str] = []
    names: list[str] = []
    codes: list[int] = []
    num_mixed = num_empty = 0
    for file in files:
        found = _read(tree, file)
        _check_no_overlap(tree, found, file, seen)
        paths += found.paths
        names += found.names
        codes += [splits[file]] * len(found.paths)
        num_mixed += found.num_mixed
        num_empty += found.num_empty
    check_not_empty(len(paths), where=str(tree.path))
    different = sorted(set(names))
    position = {name: index for index, name in enumerate(different)}
    labels = np.array([position[name] for name in names])
    check_one_label(different, labels, where=f"`{tree.path}`")
    left_out = f"{counted(num_mixed, 'image')} with objects of several categories"
    left_out += f" and {num_empty:,} without any left out: an image has one class here"
    return assembled(
        tree.name,
        tree.reader.images(paths),
        different,
        labels,
        np.array(codes),
        remarks=(
            *tree.remarks,
            *([left_out] if num_mixed or num_empty else []),
            *outside_of(tree.reader, paths),
        ),
    )


def _splits(tree: FileTree, files: Sequence[str]) -> dict[str, int]:
    """The code of each file's split, by its name; `NO_SPLIT` where no file has one."""
    splits = {file: split_in(_part(file, 1)) for file in files}
    unclear = [printable(file) for file, split in splits.items() if split is None]
    if unclear and len(unclear) < len(files):
        raise DataError(
            f"`{tree.path}` has annotations of splits, and others of which it isn't clear whether "
            f"they are held out: {joined(unclear)}",
            hint="rename them as `instances_train.json`, `instances_val.json` or "
            "`instances_test.json`, or move them elsewhere",
        )
    return {file: SPLITS.index(split) if split else NO_SPLIT for file, split in splits.items()}


def _check_no_overlap(
    tree: FileTree, found: _Labelled, file: str, seen: dict[str, tuple[str, str]]
) -> None:
    """Notes the file and the category of each image; refuses images that have another already."""
    twice = []
    for path, name in zip(found.paths, found.names, strict=True):
        first = seen.setdefault(posixpath.normpath(path), (file, name))
        if first != (file, name):
            twice.append(f"`{printable(path)}` is `{first[1]}` in `{printable(first[0])}`")
    if twice:
        raise DataError(
            f"`{printable(tree.path / file)}` has {counted(len(twice), 'image')} a second time\n"
            f"{listed(twice)}",
            hint="an image has one category and belongs to one split: keep files that have each "
            "image once",
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
