"""From what a user points at to a Dataset: folders, archives, tables, arrays, well-known names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from convscope.data.dataset import Dataset
from convscope.data.sources.archives import SUFFIXES, is_archive, open_archive
from convscope.data.sources.cifar import find_cifar, open_cifar
from convscope.data.sources.coco import find_coco, open_coco
from convscope.data.sources.digits import open_digits
from convscope.data.sources.folders import has_class_folders, open_class_folders
from convscope.data.sources.idx import find_idx, open_idx
from convscope.data.sources.listing import FolderReader, list_folder
from convscope.data.sources.naming import SPLIT_NAMES, TABLE_SUFFIXES, is_table, suffix_of
from convscope.data.sources.npz import open_npz
from convscope.data.sources.places import Place, Reader
from convscope.data.sources.publishers import PUBLISHED, find_published
from convscope.data.sources.table_columns import GivenColumns, looks_like_labels
from convscope.errors import DataError, did_you_mean, either_of, listed

DIGITS = "digits"
# Tables that many data sets have: the folder says more than such a name.
COMMON_TABLES = frozenset((*SPLIT_NAMES, "labels", "metadata", "annotations", "data", "index"))
UNDERSTOOD = [
    "a folder with a folder of images for each class, with or without train, val and test above",
    f"a table ({', '.join(sorted(TABLE_SUFFIXES))}) with columns of paths and labels, "
    "or the folder that it lies in",
    f"an archive of these ({', '.join(SUFFIXES)})",
    "a folder or archive with the original files of MNIST and its kin (idx) or CIFAR (binary)",
    "a folder with COCO's annotations/instances_*.json and its images",
    "a `.npz` file with arrays of images and labels",
    "`digits`, which comes with convscope; `mnist`, `fashion-mnist`, `cifar10`, `cifar100`, which "
    "are downloaded on request",
]


def open_dataset(
    path: str | Path,
    *,
    path_column: str | None = None,
    label_column: str | None = None,
    split_column: str | None = None,
    group_column: str | None = None,
    download: bool = False,
) -> Dataset:
    """The images, classes and splits at `path`; no pixel is read yet.

    Args:
        path: What `UNDERSTOOD` lists: a folder of class folders, a table, an archive of either,
            original files of well-known data sets, arrays, or a name.
        path_column: The table's column of paths; found by its name if not given.
        label_column: Likewise of labels.
        split_column: Likewise of splits; most tables have none.
        group_column: Of what must not be torn apart by a split (patient, burst, camera).
        download: Whether a well-known data set may be fetched from its publisher.

    Raises:
        DataError: There is nothing, or nothing to learn from; classes of splits don't match.
        DownloadError: The files of a well-known data set didn't come, or aren't what they
            should be.
    """
    given = GivenColumns(
        path=path_column, label=label_column, split=split_column, group=group_column
    )
    place = _expanded(Path(path))
    if place.is_dir():
        return _open_place(list_folder(place), given)
    if place.is_file():
        return _open_file(place, given)
    if str(path) == DIGITS:
        _check_no_columns(given, DIGITS)
        return open_digits()
    if str(path) in PUBLISHED:
        place = find_published(str(path), download=download)
        dataset = _open_place(list_folder(place) if place.is_dir() else open_archive(place), given)
        return replace(dataset, name=str(path))
    if place.exists():
        raise DataError(f"`{path}` is no regular file", hint=_understood())
    near = did_you_mean(str(path), (DIGITS, *PUBLISHED))
    raise DataError(
        f"there is no folder `{path}`", hint=f"{near}\n{_understood()}" if near else _understood()
    )


def _open_file(path: Path, given: GivenColumns) -> Dataset:
    if is_table(path.name):
        reader = FolderReader(path.parent)
        return _open_table(path, reader, lambda: list_folder(path.parent), given)
    if suffix_of(path.name) == ".npz":
        _check_no_columns(given, str(path))
        return open_npz(path)
    if is_archive(path):
        return _open_place(open_archive(path), given)
    if "idx" in path.name.lower():
        raise DataError(
            f"`{path}` is one file of several: images and labels lie in files of their own",
            hint=f"give the folder that they lie in, `{path.parent}`",
        )
    raise DataError(f"`{path}` is a file of an unknown kind", hint=_understood())


def _open_place(place: Place, given: GivenColumns) -> Dataset:
    inner = place.unwrapped()
    table = _find_table(inner, given)
    if table is not None:
        dataset = _open_table(inner.path / table, inner.reader, lambda: inner, given)
        return replace(dataset, remarks=(*inner.remarks, *dataset.remarks))
    _check_no_columns(given, str(place.path))
    if idx := find_idx(inner):
        return open_idx(inner, idx)
    if cifar := find_cifar(inner):
        return open_cifar(inner, cifar)
    if coco := find_coco(inner):
        return open_coco(inner, coco)
    return open_class_folders(inner)


def _find_table(place: Place, given: GivenColumns) -> str | None:
    """The table that tells the labels of the images in a place, or None for class folders.

    Raises:
        DataError: It is not clear which.
    """
    tables = [name for name in place.top_files if is_table(name)]
    labelled = [name for name in tables if given.are_any or _tells_labels(place, name)]
    if not labelled:
        return None
    if len(labelled) > 1:
        raise DataError(
            f"`{place.path}` has {len(labelled)} tables of labels\n"
            f"{listed([f'`{place.path / name}`' for name in labelled])}",
            hint="give one of them in place of the folder",
        )
    if given.are_any or not has_class_folders(place):
        return labelled[0]
    if _agrees(place, labelled[0]):
        return None
    raise DataError(
        f"`{place.path}` has class folders and a table of labels, `{labelled[0]}`",
        hint=f"give `{place.path / labelled[0]}` for the table, or move it elsewhere for the "
        "folders",
    )


def _agrees(place: Place, name: str) -> bool:
    """Whether a table has the classes of the folders beside it, so that either may be taken."""
    try:
        table = _open_table(place.path / name, place.reader, lambda: place, GivenColumns())
    except DataError:
        return False
    return table.classes == open_class_folders(place).classes


def _tells_labels(place: Place, name: str) -> bool:
    from convscope.data.sources.table_files import MAX_BYTES, column_names

    content = place.reader.read(name, max_bytes=MAX_BYTES)
    return looks_like_labels(column_names(content, where=name))


def _open_table(
    path: Path, reader: Reader, list_place: Callable[[], Place], given: GivenColumns
) -> Dataset:
    from convscope.data.sources.tables import open_table  # Arrow takes its time

    dataset = open_table(path.name, reader, list_place, where=str(path), given=given)
    if dataset.name.lower() in COMMON_TABLES:
        return replace(dataset, name=path.resolve().parent.name or dataset.name)
    return dataset


def _check_no_columns(given: GivenColumns, where: str) -> None:
    if given.are_any:
        raise DataError(
            f"`{where}` is no table, so that no column of it can be named",
            hint=f"columns are those of a table: {either_of(sorted(TABLE_SUFFIXES))}",
        )


def _expanded(path: Path) -> Path:
    try:
        return path.expanduser()
    except RuntimeError:  # there is no such user
        return path


def _understood() -> str:
    return f"data is one of these\n{listed(UNDERSTOOD)}"
