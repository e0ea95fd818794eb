"""Opens whatever a user points at: folders, archives, tables, arrays, well-known names."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypedDict, Unpack

import numpy as np

from convscope.data.dataset import ArrayImages, Dataset
from convscope.data.sources.archive_formats import is_archive, open_archive
from convscope.data.sources.cifar import find_cifar, open_cifar
from convscope.data.sources.coco import find_coco, open_coco
from convscope.data.sources.folders import has_class_folders, open_class_folders
from convscope.data.sources.idx import find_idx, idx_names, open_idx
from convscope.data.sources.listing import FileTree, FolderReader, Reader, list_folder
from convscope.data.sources.naming import (
    ARCHIVE_SUFFIXES,
    TABLE_SUFFIXES,
    is_table,
    suffix_of,
    with_formats,
)
from convscope.data.sources.npz import open_npz
from convscope.data.sources.published import PUBLISHED, find_published
from convscope.data.sources.split_lists import with_listed_splits
from convscope.data.sources.split_names import split_of
from convscope.data.sources.table_and_folders import Choice, table_or_folders
from convscope.data.sources.table_columns import GivenColumns, looks_like_labels
from convscope.errors import DataError
from convscope.paths import likely_path
from convscope.recipe.types import ClassLevel
from convscope.signatures import showing
from convscope.text import did_you_mean, either_of, listed

DIGITS = "digits"
# Tables that many data sets have: the folder says more than such a name.
COMMON_TABLES = frozenset(("labels", "metadata", "annotations", "data", "index"))
UNDERSTOOD = [
    "a folder with a folder of images for each class, with or without train, val and test above",
    f"a table ({', '.join(sorted(TABLE_SUFFIXES))}) with columns of paths and labels, "
    "or the folder that it lies in",
    f"an archive of these ({', '.join(ARCHIVE_SUFFIXES)})",
    "a folder or archive with the original files of MNIST and its kin (idx) or CIFAR (binary)",
    "a folder with COCO's annotations/instances_*.json and its images",
    "a `.npz` file with arrays of images and labels",
    "`digits`, which comes with convscope; `mnist`, `fashion-mnist`, `cifar10`, `cifar100`, which "
    "are downloaded on request",
]
UNDERSTOOD_TEXT = f"data is one of these\n{listed(UNDERSTOOD)}"


@dataclass(frozen=True, slots=True)
class _Given:
    """What a user says about how data is to be taken; refused where it has no effect.

    Attributes:
        columns: Columns of a table.
        level: Which folder is an image's class.
        encoding: Encoding of names in an archive.
    """

    columns: GivenColumns
    level: ClassLevel | None
    encoding: str | None

    def check_no_columns(self, where: str) -> None:
        """Refuses columns for what is no table."""
        if self.columns.are_any:
            raise DataError(
                f"`{where}` is no table and has no columns",
                hint=f"columns are those of a table: {either_of(sorted(TABLE_SUFFIXES))}",
            )

    def check_no_level(self, where: str) -> None:
        """Refuses a level for what has no class folders."""
        if self.level is not None:
            raise DataError(
                f"`{where}` has no class folders, so `--class-level` has no effect",
                hint="leave it out",
            )

    def check_no_encoding(self, where: str) -> None:
        """Refuses an encoding for what is no archive."""
        if self.encoding is not None:
            raise DataError(
                f"`{where}` is no archive, so `--zip-encoding` has no effect", hint="leave it out"
            )


class ReadingOptions(TypedDict, total=False):
    """What a user may say about how data is to be taken; None stands for what is found.

    Attributes:
        path_column: The table's column of paths; found by its name if not given.
        label_column: The table's column of labels; found by its name if not given.
        split_column: The table's column of splits, `none` for no column; found by its name if not
            given.
        group_column: A column of groups that a split keeps together (patient, burst, camera).
        class_level: Which of the folders that an image lies in is its class: the `first` or the
            `last`.
        zip_encoding: Encoding of the names in an archive that doesn't say it.
        extra_formats: Pillow's names of further formats whose files are images.
    """

    path_column: str | None
    label_column: str | None
    split_column: str | None
    group_column: str | None
    class_level: ClassLevel | None
    zip_encoding: str | None
    extra_formats: Sequence[str]


@showing(ReadingOptions)
def open_dataset(
    path: str | Path, *, download: bool = False, **reading: Unpack[ReadingOptions]
) -> Dataset:
    """The images, classes and splits at `path`; no pixel is read yet.

    Args:
        path: What `UNDERSTOOD` lists: a folder of class folders, a table, an archive of either,
            original files of well-known data sets, arrays, or a name.
        download: Whether a well-known data set may be fetched from its publisher.
        **reading: How the data is to be taken; see `ReadingOptions`.

    Raises:
        DataError: There is no data, no image, it isn't clear what is what, or the classes of the
            splits don't match.
        DownloadError: The files of a well-known data set didn't come, or aren't what they
            should be.
    """
    given = _Given(
        GivenColumns(
            path=reading.get("path_column"),
            label=reading.get("label_column"),
            split=reading.get("split_column"),
            group=reading.get("group_column"),
        ),
        reading.get("class_level"),
        reading.get("zip_encoding"),
    )
    file = Path(path)
    with suppress(RuntimeError):  # there is no such user
        file = file.expanduser()
    if str(path) in PUBLISHED and not file.exists():
        return _open_published(str(path), given, download=download)
    with with_formats(reading.get("extra_formats", ())):
        dataset = _open_local(file, str(path), given)
    if not download:
        return dataset
    unused = f"`--download` has no effect: `{path}` is on this machine, and nothing is fetched"
    return replace(dataset, remarks=(*dataset.remarks, unused))


def _open_local(file: Path, name: str, given: _Given) -> Dataset:
    if file.is_dir():
        given.check_no_encoding(name)
        return _open_tree(list_folder(file), given)
    if file.is_file():
        return _open_file(file, given)
    if name == DIGITS:
        given.check_no_columns(name)
        given.check_no_level(name)
        given.check_no_encoding(name)
        return open_digits()
    if file.exists():
        raise DataError(f"`{name}` is no regular file", hint=UNDERSTOOD_TEXT)
    near = did_you_mean(name, (DIGITS, *PUBLISHED))
    raise DataError(
        f"there is no folder `{name}`",
        hint=likely_path(name) or (f"{near}\n{UNDERSTOOD_TEXT}" if near else UNDERSTOOD_TEXT),
    )


def _open_published(name: str, given: _Given, *, download: bool) -> Dataset:
    file = find_published(name, download=download)
    if file.is_dir():
        given.check_no_encoding(name)
    tree = list_folder(file) if file.is_dir() else open_archive(file, encoding=given.encoding)
    return replace(_open_tree(tree, given), name=name)


def _open_file(path: Path, given: _Given) -> Dataset:
    if not is_table(path.name) and suffix_of(path.name) != ".npz" and is_archive(path):
        return _open_tree(open_archive(path, encoding=given.encoding), given)
    given.check_no_encoding(str(path))
    if is_table(path.name):
        given.check_no_level(str(path))
        reader = FolderReader(path.parent)
        return _open_table(path, reader, lambda: list_folder(path.parent), given.columns)
    if suffix_of(path.name) == ".npz":
        given.check_no_columns(str(path))
        given.check_no_level(str(path))
        return open_npz(path)
    if "idx" in path.name.lower():
        raise DataError(
            f"`{path}` is one file of several: images and labels lie in files of their own",
            hint=f"give the folder that they lie in, `{path.parent}`",
        )
    raise DataError(f"`{path}` is a file of an unknown kind", hint=UNDERSTOOD_TEXT)


def _open_tree(tree: FileTree, given: _Given) -> Dataset:
    inner = tree.unwrapped()
    inner = inner if given.columns.are_any else _without_unreadable(inner)
    chosen = _find_table(inner, given)
    if chosen.table is not None:
        table = inner.path / chosen.table
        given.check_no_level(str(table))
        dataset = _open_table(table, inner.reader, lambda: inner, given.columns)
        return replace(dataset, remarks=(*inner.remarks, *dataset.remarks, *chosen.remarks))
    given.check_no_columns(str(tree.path))
    if idx := find_idx(inner):
        given.check_no_level(str(tree.path))
        return open_idx(inner, idx)
    if cifar := find_cifar(inner):
        given.check_no_level(str(tree.path))
        return open_cifar(inner, cifar)
    if coco := find_coco(inner):
        given.check_no_level(str(tree.path))
        return open_coco(inner, coco)
    folders = open_class_folders(inner, level=given.level)
    dataset = with_listed_splits(folders, inner, around=tree)
    return replace(dataset, remarks=(*dataset.remarks, *chosen.remarks))


def _find_table(tree: FileTree, given: _Given) -> Choice:
    """The table with the labels of the images in a tree, or class folders.

    Raises:
        DataError: It is not clear which.
    """
    if given.level is not None and not given.columns.are_any:
        return Choice(None)
    tables = [name for name in tree.top_files if is_table(name)]
    labelled = [name for name in tables if given.columns.are_any or _gives_labels(tree, name)]
    if not labelled:
        return Choice(None)
    if len(labelled) > 1:
        raise DataError(
            f"`{tree.path}` has {len(labelled)} tables of labels\n"
            f"{listed([f'`{tree.path / name}`' for name in labelled])}",
            hint="give one of them in place of the folder",
        )
    if given.columns.are_any or not has_class_folders(tree):
        return Choice(labelled[0])
    path = tree.path / labelled[0]
    return table_or_folders(
        tree, path, lambda: _open_table(path, tree.reader, lambda: tree, GivenColumns())
    )


def _gives_labels(tree: FileTree, name: str) -> bool:
    from convscope.data.sources.table_files import column_names  # Arrow takes its time

    return looks_like_labels(column_names(tree.reader, name, where=name))


def _without_unreadable(tree: FileTree) -> FileTree:
    """The tree without tables and idx files that can't be read, where class folders are there.

    What lies beside class folders needn't belong to the data: it costs a remark.
    """
    errors: dict[str, str] = {}
    names = [name for name in tree.top_files if is_table(name)]
    for name in (*names, *idx_names(tree)):
        try:
            if is_table(name):
                _gives_labels(tree, name)
            else:
                tree.reader.head(name, num_bytes=1)
        except DataError as error:
            errors[name] = error.message
    if not errors or not has_class_folders(tree):
        return tree
    remarks = [f"passed over beside class folders: {reason}" for reason in errors.values()]
    files = [path for path in tree.files if path not in errors]
    return replace(tree, files=files, remarks=(*tree.remarks, *remarks))


def _open_table(
    path: Path, reader: Reader, list_tree: Callable[[], FileTree], given: GivenColumns
) -> Dataset:
    from convscope.data.sources.tables import open_table  # Arrow takes its time

    dataset = open_table(path.name, reader, list_tree, where=str(path), given=given)
    if dataset.name.lower() in COMMON_TABLES or split_of(dataset.name):
        return replace(dataset, name=path.resolve().parent.name or dataset.name)
    return dataset


def open_digits() -> Dataset:
    """The embedded data set of handwritten digits, 0 to 255, without splits.

    Source: UCI Optical Recognition of Handwritten Digits, its test part, 8x8 pixels of 0..16.
    """
    from sklearn.datasets import load_digits

    bunch = load_digits()
    pixels = np.round(bunch.images * (255 / 16)).astype(np.uint8)[:, :, :, np.newaxis]
    return Dataset(
        name="digits",
        images=ArrayImages(pixels, tuple(f"digits/{index:04d}" for index in range(len(pixels)))),
        labels=bunch.target.astype(np.int64),
        classes=tuple(str(digit) for digit in range(10)),
        given_splits=("",) * len(pixels),
    )
