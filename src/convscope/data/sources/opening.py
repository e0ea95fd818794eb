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
from convscope.data.sources.idx import find_idx, open_idx
from convscope.data.sources.listing import FileTree, FolderReader, Reader, list_folder
from convscope.data.sources.naming import ARCHIVE_SUFFIXES, TABLE_SUFFIXES, is_table, suffix_of
from convscope.data.sources.npz import open_npz
from convscope.data.sources.split_lists import with_listed_splits
from convscope.data.sources.split_names import split_of
from convscope.data.sources.table_and_folders import Choice, table_or_folders
from convscope.data.sources.table_columns import GivenColumns, looks_like_labels
from convscope.downloads import Checksum, cache_folder, download_file
from convscope.errors import DataError
from convscope.paths import likely_path
from convscope.recipe.types import ClassLevel
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
class PublishedFile:
    """A file with its hash, as given by its publisher or the PyTorch project."""

    name: str
    checksum: Checksum
    num_bytes: int


@dataclass(frozen=True, slots=True)
class PublishedData:
    """A data set that can be fetched.

    Attributes:
        folders: Addresses below which all files lie, tried in this order.
        files: The files of the data set.
    """

    folders: tuple[str, ...]
    files: tuple[PublishedFile, ...]


def _files(
    names: Sequence[str], *checksums_and_sizes: tuple[str, int]
) -> tuple[PublishedFile, ...]:
    return tuple(
        PublishedFile(name, Checksum("MD5", digest), num_bytes)
        for name, (digest, num_bytes) in zip(names, checksums_and_sizes, strict=True)
    )


IDX_FILES = (
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
)
CIFAR_FOLDERS = ("https://www.cs.toronto.edu/~kriz",)
PUBLISHED = {
    "mnist": PublishedData(
        (
            "https://storage.googleapis.com/cvdf-datasets/mnist",
            "https://ossci-datasets.s3.amazonaws.com/mnist",
        ),
        _files(
            IDX_FILES,
            ("f68b3c2dcbeaaa9fbdd348bbdeb94873", 9_912_422),
            ("d53e105ee54ea40749a09fcbcd1e9432", 28_881),
            ("9fb629c4189551a2d022fa330f9573f3", 1_648_877),
            ("ec29112dd5afa0611ce80d1b7f02629c", 4_542),
        ),
    ),
    "fashion-mnist": PublishedData(
        ("http://fashion-mnist.s3-website.eu-central-1.amazonaws.com",),
        _files(
            IDX_FILES,
            ("8d4fb7e6c68d591d4c3dfef9ec88bf0d", 26_421_880),
            ("25c81989df183df01b3e8a0aad5dffbe", 29_515),
            ("bef4ecab320f06d8554ea6380940ec79", 4_422_102),
            ("bb300cfdad3c16e7a12a480ee83cd310", 5_148),
        ),
    ),
    "cifar10": PublishedData(
        CIFAR_FOLDERS,
        _files(["cifar-10-binary.tar.gz"], ("c32a1d4ab5d03f1284b67883e8d87530", 170_052_171)),
    ),
    "cifar100": PublishedData(
        CIFAR_FOLDERS,
        _files(["cifar-100-binary.tar.gz"], ("03b5dce01913d631647c71ecec9e9cb8", 168_513_733)),
    ),
}


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
    """

    path_column: str | None
    label_column: str | None
    split_column: str | None
    group_column: str | None
    class_level: ClassLevel | None
    zip_encoding: str | None


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
    from convscope.data.sources.table_files import MAX_BYTES, column_names

    content = tree.reader.read(name, max_bytes=MAX_BYTES)
    return looks_like_labels(column_names(content, where=name))


def _open_table(
    path: Path, reader: Reader, list_tree: Callable[[], FileTree], given: GivenColumns
) -> Dataset:
    from convscope.data.sources.tables import open_table  # Arrow takes its time

    dataset = open_table(path.name, reader, list_tree, where=str(path), given=given)
    if dataset.name.lower() in COMMON_TABLES or split_of(dataset.name):
        return replace(dataset, name=path.resolve().parent.name or dataset.name)
    return dataset


def find_published(name: str, *, download: bool) -> Path:
    """The folder of a data set's files, or its only file; fetched if asked for.

    Args:
        name: A key of `PUBLISHED`.
        download: Whether files that are missing may be fetched.

    Raises:
        DataError: Files are missing and may not be fetched.
        DownloadError: One didn't come, or is not what it should be.
    """
    published = PUBLISHED[name]
    folder = cache_folder() / "datasets" / name
    missing = [file for file in published.files if not (folder / file.name).is_file()]
    if missing and not download:
        megabytes = sum(file.num_bytes for file in missing) / 1e6
        raise DataError(
            f"`{name}` is not on this machine",
            hint=f"`--download` fetches it from {published.folders[0]} ({megabytes:.0f} MB) into "
            f"`{folder}`; or give the folder where its files lie",
        )
    for file in missing:
        urls = [f"{address}/{file.name}" for address in published.folders]
        download_file(urls, folder / file.name, checksum=file.checksum)
    return folder if len(published.files) > 1 else folder / published.files[0].name


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
