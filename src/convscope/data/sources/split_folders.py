"""Splits among class folders: which folders are splits, and which only look like some.

A split that isn't taken for one is trained on. So a folder that looks like a split is used where
those beside it look alike, and else asked about.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from convscope.data.sources.listing import FileTree
from convscope.data.sources.naming import is_image
from convscope.data.sources.split_names import (
    SHOWN_SPLITS,
    mentions_split,
    rest_of,
    split_in,
    split_of,
)
from convscope.data.split import SPLITS
from convscope.errors import DataError
from convscope.files import printable
from convscope.recipe.types import ClassLevel
from convscope.text import joined


class SplitFolders(NamedTuple):
    """The folders of a tree that are splits.

    Attributes:
        codes: Index in `SPLITS` of each top folder; empty if these are classes.
        depth: Number of folders down to a class folder, itself included.
        remarks: What was taken for what.
    """

    codes: Mapping[str, int]
    depth: int
    remarks: tuple[str, ...] = ()


def find_split_folders(tree: FileTree, *, level: ClassLevel | None) -> SplitFolders:
    """The splits that lie above the class folders of a tree.

    Args:
        tree: The files.
        level: The level of the classes that the user gives: `first` makes classes of folders that
            only mention splits.

    Raises:
        DataError: Two folders are the same split, others lie beside splits, or it isn't clear
            whether folders are splits.
    """
    folders = tree.top_folders
    splits = _named(tree, folders)
    # Two class folders called `test` and `val` alone would be strange, but `test` beside `cats`
    # is a class: splits are only splits when nothing else lies beside them.
    if splits and len(splits) == len(folders):
        return _found(tree, {folder: split for split, folder in splits.items()})
    if "train" in splits and (len(splits) > 1 or _any_holds_classes(tree, splits.values())):
        others = [printable(folder) for folder in folders if folder not in splits.values()]
        raise DataError(
            f"`{tree.path}` has splits and other folders beside them: {', '.join(others[:20])}",
            hint="move class folders into the splits, or other folders elsewhere",
        )
    mentioned = {folder: split_in(folder) for folder in folders if mentions_split(folder)}
    said = set(mentioned.values())
    if level == "first" or "train" not in said or len(said) < 2:
        return SplitFolders({}, 1)
    is_clear = len({rest_of(folder) for folder in folders}) == 1 and len(said) == len(folders)
    clear = {folder: split for folder, split in mentioned.items() if split is not None}
    if is_clear and len(clear) == len(folders) and all(_holds_classes(tree, f) for f in folders):
        taken = joined([f"{_quoted([folder])} is {split}" for folder, split in clear.items()])
        return _found(tree, clear)._replace(remarks=(f"folders taken for splits: {taken}",))
    beside = [folder for folder in folders if folder not in mentioned]
    raise DataError(
        f"folders of `{tree.path}` look like splits, and which images are held out isn't clear: "
        f"{_quoted(mentioned)}" + (f", beside {_quoted(beside)}" if beside else ""),
        hint=f"call them {', '.join(SHOWN_SPLITS)}, with class folders in each and nothing beside "
        "them; `--class-level first` if they are classes",
    )


def check_no_splits_within(tree: FileTree, folders: Iterable[str]) -> None:
    """Refuses splits among the folders that stand for nothing.

    Args:
        tree: The files.
        folders: Paths of folders above or below a class folder, from there on.

    Raises:
        DataError: One is called like held-out images, or some only mention train and others.
    """
    names = set(filter(mentions_split, {name for path in folders for name in path.split("/")}))
    splits = {split_in(name) for name in names}
    is_held_out = any(split_of(name) not in (None, "train") for name in names)
    if is_held_out or ("train" in splits and len(splits) > 1):
        raise DataError(
            f"`{tree.path}` has folders that look like splits, but not above all class folders: "
            f"{_quoted(sorted(names))}",
            hint="put splits at the top, and class folders into them: `train/cat`, not "
            "`cat/train`; or give these folders other names",
        )


def _quoted(names: Iterable[str]) -> str:
    return joined([f"`{printable(name)}`" for name in names])


def _named(tree: FileTree, folders: Iterable[str]) -> dict[str, str]:
    """The folder of each split that a folder's whole name stands for."""
    splits: dict[str, str] = {}
    for folder in folders:
        split = split_of(folder)
        if split is None:
            continue
        if split in splits:
            raise DataError(
                f"`{tree.path}` has two folders for the {split} split: "
                f"`{splits[split]}` and `{folder}`",
                hint="keep one of them",
            )
        splits[split] = folder
    return splits


def _found(tree: FileTree, splits: Mapping[str, str]) -> SplitFolders:
    is_wrapped = all(_is_wrapped(tree.below(folder), split) for folder, split in splits.items())
    codes = {folder: SPLITS.index(split) for folder, split in splits.items()}
    return SplitFolders(codes, 3 if is_wrapped else 2)


def _is_wrapped(tree: FileTree, split: str) -> bool:
    """Whether a split holds nothing but a folder called alike, as in `seg_train/seg_train/sea`."""
    inner = tree.top_folders
    is_alone = len(inner) == 1 and not any(map(is_image, tree.top_files))
    return is_alone and split_in(inner[0]) == split and _holds_classes(tree, inner[0])


def _any_holds_classes(tree: FileTree, folders: Iterable[str]) -> bool:
    return any(_holds_classes(tree, folder) for folder in folders)


def _holds_classes(tree: FileTree, folder: str) -> bool:
    """Whether a folder has folders and no images of its own."""
    inner = tree.below(folder)
    return bool(inner.top_folders) and not any(map(is_image, inner.top_files))
