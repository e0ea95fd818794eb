"""A table beside class folders: both say what an image is, and they have to say the same."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from convscope.data.dataset import Dataset
from convscope.data.sources.folders import open_class_folders
from convscope.data.sources.listing import FileTree
from convscope.errors import DataError
from convscope.text import counted, listed


class Choice(NamedTuple):
    """The table that images are opened by, None for class folders, and remarks on the choice."""

    table: str | None
    remarks: Sequence[str] = ()


def table_or_folders(tree: FileTree, path: Path, open_table: Callable[[], Dataset]) -> Choice:
    """The table or the class folders, whichever says more where both say the same: it has splits.

    Args:
        tree: The class folders.
        path: The table, at their top.
        open_table: Opens it.

    Raises:
        DataError: They don't say the same of each image, or have no image in common.
    """
    try:
        table, folders = open_table(), open_class_folders(tree, level="first")
    except DataError as error:
        raise _contradiction(tree, path, f"; one of them can't be used: {error.message}") from error
    if table.classes != folders.classes:
        raise _contradiction(tree, path, "")
    index_of = {name: index for index, name in enumerate(_paths_of(folders, tree))}
    in_table = _paths_of(table, tree)
    if wrong := list(_differences(folders, table, index_of, in_table)):
        what = f", which says something else of {counted(len(wrong), 'image')}\n{listed(wrong)}"
        raise _contradiction(tree, path, what)
    if index_of.keys().isdisjoint(in_table):
        raise _contradiction(tree, path, ", which have no image in common")
    if table.has_splits and not folders.has_splits:
        return Choice(path.name, _left_out(index_of.keys() - in_table))
    same = f"labels are those of the class folders; `{path.name}` says the same"
    return Choice(None, [same])


def _differences(
    folders: Dataset, table: Dataset, index_of: Mapping[str, int], in_table: Sequence[str]
) -> Iterator[str]:
    """The images of which a table says another class or split than the class folders."""
    for index, name in enumerate(in_table):
        other = index_of.get(name)
        if other is None:
            continue
        label, split = table.classes[table.labels[index]], table.given_splits[index]
        if label != folders.classes[folders.labels[other]]:
            yield f"`{name}` is `{label}` in the table"
        elif split and folders.given_splits[other] not in ("", split):
            yield f"`{name}` is {split} in the table"


def _contradiction(tree: FileTree, path: Path, what: str) -> DataError:
    return DataError(
        f"`{tree.path}` has class folders and a table of labels, `{path.name}`{what}",
        hint=f"give `{path}` for the table, or move it elsewhere for the folders",
    )


def _left_out(missing: Collection[str]) -> list[str]:
    """A remark on the images in class folders that the table doesn't have."""
    if not missing:
        return []
    return [
        f"left out: {counted(len(missing), 'image')} in class folders, not in the table\n"
        f"{listed(sorted(missing))}"
    ]


def _paths_of(dataset: Dataset, tree: FileTree) -> list[str]:
    return [tree.own_path(dataset.images.name(index)) for index in range(len(dataset))]
