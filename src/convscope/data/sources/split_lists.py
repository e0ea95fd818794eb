"""Tables and lists beside class folders: what they say of splits is used, or compared.

`train.txt` and `test.txt` list images, a table such as `splits.csv` has a column of splits. Passed
over, they would let held-out images be trained on.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from convscope.data.dataset import Dataset
from convscope.data.sources.listing import FileTree
from convscope.data.sources.naming import (
    NO_SPLIT,
    is_image,
    is_table,
    match_splits,
    split_names,
    suffix_of,
)
from convscope.data.sources.split_names import mentions_split, split_in, words_of
from convscope.data.sources.table_columns import label_column_of, path_column_of
from convscope.data.split import SPLITS
from convscope.errors import DataError
from convscope.files import printable
from convscope.text import counted, joined, listed

LIST_SUFFIXES = (".txt", ".lst", ".list", ".json", ".csv", ".tsv")
LIST_WORDS = frozenset(("split", "splits", "partition", "partitions"))
IN_QUOTES = re.compile(r'"([^"]*)"')
PROBED_LINES = 100
MAX_BYTES = 1 << 30
TRAIN = SPLITS.index("train")
ELSEWHERE = "or move {files} elsewhere if no splits are to be taken from there"


class _SplitList(NamedTuple):
    """The images that a file names, and their splits.

    Attributes:
        file: The file.
        paths: M paths of images below the tree.
        codes: (M,) indices into `SPLITS`.
    """

    file: str
    paths: Sequence[str]
    codes: NDArray[np.int64]


def with_listed_splits(dataset: Dataset, tree: FileTree, *, around: FileTree) -> Dataset:
    """The data set of class folders with the splits that tables and lists beside them give.

    Where no list has train images, those that are in none are.

    Args:
        dataset: The images in class folders.
        tree: The folder that they lie in.
        around: The folder that everything is wrapped in, where lists may lie too; else the same.

    Raises:
        DataError: Lists contradict each other or the folders, or leave open what an image is.
    """
    lists = [*_tables(tree), *_texts(tree), *_lists_around(tree, around)]
    codes = _merged(dataset, tree, lists)
    if (codes == NO_SPLIT).all():
        return dataset
    files = joined([f"`{printable(each.file)}`" for each in lists])
    if dataset.has_splits:
        _check_same(dataset, tree, codes, files)
        return replace(dataset, remarks=(*dataset.remarks, f"splits from folders, as in {files}"))
    is_open = codes == NO_SPLIT
    remark = f"splits from {files}"
    if is_open.any() and (codes == TRAIN).any():
        first = printable(dataset.images.name(int(np.flatnonzero(is_open)[0])))
        raise DataError(
            f"`{tree.path}` has {counted(int(is_open.sum()), 'image')} without a split in {files}, "
            f"for instance `{first}`",
            hint=f"add them, {ELSEWHERE.format(files=files)}",
        )
    if is_open.any():
        remark += "; the other images are train"
        codes[is_open] = TRAIN
    return replace(
        dataset,
        given_splits=split_names(codes),
        remarks=(*dataset.remarks, remark, *match_splits(dataset.classes, dataset.labels, codes)),
    )


def _lists_around(tree: FileTree, around: FileTree) -> Iterator[_SplitList]:
    """The lists beside the folders that were looked through, with paths below the last one.

    A table beside such a folder would have kept it from being looked through.
    """
    level = around
    while level.path != tree.path:
        start = f"{tree.path.relative_to(level.path).as_posix()}/"
        folder = start.partition("/")[0]
        for each in _texts(level, apart_from=f"{folder}/"):
            yield each._replace(paths=[path.removeprefix(start) for path in each.paths])
        level = level.below(folder)


def _merged(dataset: Dataset, tree: FileTree, lists: Sequence[_SplitList]) -> NDArray[np.int64]:
    """(N,) the split that lists give each image, or `NO_SPLIT`."""
    images = dataset.images
    index_of = {images.name(index): index for index in range(len(images))} if lists else {}
    codes = np.full(len(dataset), NO_SPLIT, dtype=np.int64)
    file_of: dict[int, str] = {}
    wrong = []
    for file, paths, said in lists:
        for path, code in zip(paths, said.tolist(), strict=True):
            index = index_of.get(printable(tree.own_path(path)))
            if index is None:
                continue
            if codes[index] not in (NO_SPLIT, code):
                wrong.append(
                    f"`{printable(path)}`: {SPLITS[codes[index]]} in `{file_of[index]}`, "
                    f"{SPLITS[code]} in `{printable(file)}`"
                )
            codes[index] = code
            file_of[index] = printable(file)
    if wrong:
        raise DataError(
            f"`{tree.path}` has lists that give {counted(len(wrong), 'image')} two splits\n"
            f"{listed(wrong)}",
            hint="keep one list, and move the other elsewhere",
        )
    return codes


def _check_same(dataset: Dataset, tree: FileTree, codes: NDArray[np.int64], files: str) -> None:
    """Refuses lists that say other splits than the folders."""
    wrong = [
        f"`{dataset.images.name(index)}` is {given} by its folder, and {SPLITS[code]} there"
        for index, (given, code) in enumerate(zip(dataset.given_splits, codes, strict=True))
        if code != NO_SPLIT and given != SPLITS[code]
    ]
    if wrong:
        raise DataError(
            f"`{tree.path}` has folders of splits and {files}, which says others for "
            f"{counted(len(wrong), 'image')}\n{listed(wrong)}",
            hint=f"correct one of them, {ELSEWHERE.format(files=files)}",
        )


def _tables(tree: FileTree) -> Iterator[_SplitList]:
    """The splits in tables beside class folders, by a column or by the table's name."""
    for file in filter(is_table, tree.top_files):
        names = _columns(tree, file)
        path = path_column_of(names)
        if path is None:
            continue
        from convscope.data.sources.table_files import MAX_BYTES, is_text, read_table
        from convscope.data.sources.table_splits import find_splits  # Arrow takes its time
        from convscope.data.sources.tables import find_files

        where = str(tree.path / file)
        others = [name for name in names if name not in (path, label_column_of(names))]
        try:
            table = read_table(tree.reader.read(file, max_bytes=MAX_BYTES), where=where)
            if not is_text(table.columns[path]) or not len(table.rows):
                continue
            found = find_splits(table, others, given=None, where=where)
            codes = found.codes
            if found.columns:
                table.problems.check()
            elif split := split_in(_stem(file)):
                codes = np.full(len(table.rows), SPLITS.index(split))
            else:
                continue
            paths, _ = find_files(table.columns[path], tree.reader, lambda: tree, where=where)
        except DataError as error:
            raise _unusable(file, error) from error
        yield _SplitList(file, paths.to_pylist(), codes)


def _columns(tree: FileTree, file: str) -> list[str]:
    """The names of a table's columns; none where it can't be read: it says nothing of splits."""
    from convscope.data.sources.table_files import column_names

    with suppress(DataError):
        return column_names(tree.reader, file, where=file)
    return []


def _texts(tree: FileTree, *, apart_from: str | None = None) -> Iterator[_SplitList]:
    """The splits that text files of images stand for by their names, but those in one folder."""
    files = [path for path in tree.files if path.count("/") < 2 and _may_list(path)]
    if apart_from is not None:
        files = [path for path in files if not path.startswith(apart_from)]
    if not files:
        return
    images = [path for path in tree.files if is_image(path)]
    names = {*map(_name, images), *map(_stem, images)}
    found = {file: paths for file in files if (paths := _listed_paths(tree, file, names))}
    splits = {file: split_in(_stem(file)) for file in found}
    if found and not any(splits.values()):
        files_text = joined([f"`{printable(file)}`" for file in found])
        raise DataError(
            f"`{tree.path}` has lists of images, and which are held out isn't clear: {files_text}",
            hint=f"call them `train.txt`, `val.txt` or `test.txt`, "
            f"{ELSEWHERE.format(files=files_text)}",
        )
    for file, split in splits.items():
        if split is not None:
            paths = _found_paths(tree, file, found[file])
            yield _SplitList(file, paths, np.full(len(paths), SPLITS.index(split)))


def _may_list(path: str) -> bool:
    if not path.lower().endswith(LIST_SUFFIXES):  # first, as this is asked of every image
        return False
    stem = _stem(path)
    return mentions_split(stem) or not LIST_WORDS.isdisjoint(words_of(stem))


def _listed_paths(tree: FileTree, file: str, names: Collection[str]) -> list[str]:
    """The paths in the lines of a text file; none if most lines name no image of the tree."""
    is_read_as_table = is_table(file) and path_column_of(_columns(tree, file)) is not None
    if not tree.reader.exists(file) or is_read_as_table:
        return []
    text = tree.reader.read(file, max_bytes=MAX_BYTES).decode("utf-8-sig", "replace")
    parts = IN_QUOTES.findall(text) if suffix_of(file) == ".json" else text.splitlines()
    lines = [line.strip() for line in parts]
    paths = [_path_in(line, names) for line in lines if line and not line.startswith("#")]
    first = paths[:PROBED_LINES]
    num_found = sum(_name(path) in names for path in first)
    return paths if num_found * 2 > len(first) else []


def _path_in(line: str, names: Collection[str]) -> str:
    """The path in a line, without a label behind it."""
    cut = (line.partition("\t")[0], line.partition(",")[0], line.rpartition(" ")[0])
    return next((path for path in (line, *cut) if _name(path) in names), line)


def _found_paths(tree: FileTree, file: str, paths: Sequence[str]) -> list[str]:
    import pyarrow as pa

    from convscope.data.sources.tables import find_files  # Arrow takes its time

    cells = pa.array(paths, pa.large_string())
    try:
        found, _ = find_files(cells, tree.reader, lambda: tree, where=str(tree.path / file))
    except DataError as error:
        raise _unusable(file, error) from error
    return list(found.to_pylist())


def _unusable(file: str, error: DataError) -> DataError:
    """An error whose way out fits what lies beside class folders."""
    way_out = ELSEWHERE.format(files=f"`{printable(file)}`")
    return DataError(error.message, hint=f"correct it, {way_out}")


def _name(path: str) -> str:
    return path.replace("\\", "/").rpartition("/")[2]


def _stem(path: str) -> str:
    name = _name(path)
    return name[: len(name) - len(suffix_of(name))]
