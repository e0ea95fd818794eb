"""Tables of images and labels: their rows checked, their images found, and opened as a data set."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from convscope.data.dataset import Dataset, Images, check_not_empty
from convscope.data.decoding.content import DamagedImageError
from convscope.data.sources.listing import FileTree, Reader, outside_of
from convscope.data.sources.naming import (
    class_name,
    is_image,
    match_splits,
    split_names,
    to_classes,
)
from convscope.data.sources.several_labels import check_one_label
from convscope.data.sources.table_columns import ChosenColumns, GivenColumns, choose_columns
from convscope.data.sources.table_files import (
    MAX_BYTES,
    Table,
    TableColumn,
    check_text,
    coded,
    is_text,
    read_table,
)
from convscope.data.sources.table_splits import find_splits
from convscope.errors import DataError
from convscope.files import printable
from convscope.text import counted, shown

PROBED_ROWS = 100
FIRST_FOLDER = r"^[^/]+/"
ALL_FOLDERS = r"^.*/"
LEADS_ELSEWHERE = r"^([/\\]|[A-Za-z]:)|(^|[/\\])\.\.([/\\]|$)"  # absolute, or with `..`
SUFFIX = r"\.[^./]+$"

# How a table may shorten the paths below its folder: what is cut off, and a description of that.
SHORTENED = (
    ((FIRST_FOLDER,), "below a folder beside the table"),
    ((ALL_FOLDERS,), "by their names in any folder"),
    ((SUFFIX,), "with the suffix that the table leaves out"),
    ((FIRST_FOLDER, SUFFIX), "below a folder beside the table, with the suffix that it leaves out"),
    ((ALL_FOLDERS, SUFFIX), "by their names in any folder, with the suffix that is left out"),
)


@dataclass(frozen=True, slots=True)
class EmbeddedImages:
    """Images whose encoded bytes lie in a column of a table.

    Attributes:
        cells: (N,) bytes of each image.
        names: (N,) file names where the table has them, else "".
        rows: (N,) numbers of the rows.
    """

    cells: pa.ChunkedArray
    names: Sequence[str]
    rows: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.cells)

    def name(self, index: int) -> str:
        """The file's name where the table has one, else the row's number."""
        return printable(self.names[index]) or f"row {self.rows[index]}"

    def stamp(self, index: int) -> str:
        """No stamp: what is in memory is hashed as fast as its file's time is looked up."""
        return ""

    def content(self, index: int) -> bytes:
        """The bytes in the cell.

        Raises:
            DamagedImageError: The cell is empty.
        """
        content: bytes | None = self.cells[int(index)].as_py()
        if content is None:
            raise DamagedImageError("has no bytes in the table")
        return content


def open_table(
    file: str, reader: Reader, list_tree: Callable[[], FileTree], *, where: str, given: GivenColumns
) -> Dataset:
    """The data set that a table describes.

    Args:
        file: The table's name in its folder.
        reader: Reader of that folder.
        list_tree: Lists that folder, should the table's paths not be found as they are written.
        where: What the user calls the table.
        given: Columns that the user names.

    Raises:
        DataError: The table can't be read, has no such columns, or rows that can't be used: empty
            cells, unknown splits, one image with two labels; all are reported together.
    """
    table, chosen = _read(file, reader, given, where)
    columns = table.columns
    classes, labels = _labels(table, chosen.label, where)
    roles = {chosen.path, chosen.label, chosen.group}
    found_splits = find_splits(
        table, [name for name in columns if name not in roles], given=given.split, where=where
    )
    splits, used = found_splits.codes, roles | {*found_splits.columns}
    is_embedded = not is_text(columns[chosen.path])
    paths = columns[chosen.path]
    remarks = [_roles_remark(chosen, found_splits.description), *found_splits.remarks]
    _check_cells(table, chosen, is_embedded=is_embedded)
    kept = np.arange(len(labels))
    if not is_embedded:
        kept = _first_of_each(table, chosen.path, labels, splits)
    table.problems.check()
    if len(kept) < len(labels):
        repeated = counted(len(labels) - len(kept), "row")
        remarks.append(f"{repeated} left out that repeat another with the same label")
        columns = {name: cells.take(pa.array(kept)) for name, cells in columns.items()}
        paths, labels, splits = columns[chosen.path], labels[kept], splits[kept]
    images: Images
    if is_embedded:
        images = _embedded(paths, table.rows, chosen.path, where)
    else:
        images, found = _in_files(paths, reader, list_tree, where)
        remarks += found
    return Dataset(
        name=file.rpartition(".")[0],
        images=images,
        labels=labels,
        classes=classes,
        given_splits=split_names(splits),
        groups=None if chosen.group is None else _values(columns[chosen.group]),
        columns={
            name: TableColumn(cells)
            for name, cells in columns.items()
            if name not in used and is_text(cells)
        },
        remarks=(*table.remarks, *remarks, *match_splits(classes, labels, splits)),
    )


def _read(
    file: str, reader: Reader, given: GivenColumns, where: str
) -> tuple[Table, ChosenColumns]:
    """A table that has rows, and what its columns are; labels and groups are text."""
    table = read_table(reader.read(file, max_bytes=MAX_BYTES), where=where)
    chosen = choose_columns(list(table.columns), given, where=where)
    if not len(table.rows):
        table.problems.check()
    check_not_empty(len(table.rows), where=where)
    for name in (chosen.label, chosen.group):
        if name is not None:
            check_text(table.columns[name], name, where=where)
    return table, chosen


def _labels(table: Table, name: str, where: str) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    values, codes = coded(table.columns[name])
    known = table.label_names.get(name)
    if known is not None and all(v.isdecimal() and int(v) < len(known) for v in values):
        values = [known[int(value)] for value in values]
    check_one_label(values, codes, where=f"column `{name}` of `{where}`")
    return to_classes([class_name(value) for value in values], codes)


def _roles_remark(chosen: ChosenColumns, splits: str) -> str:
    """A remark that says which columns were used for what."""
    parts = [f"paths from column `{chosen.path}`", f"labels from `{chosen.label}`"]
    parts += [splits] if splits else []
    parts += [f"groups from `{chosen.group}`"] if chosen.group else []
    return ", ".join(parts)


def _values(cells: pa.Array) -> list[str]:
    """A column as a list, made from its different cells: ten times as fast where they repeat."""
    values, codes = coded(cells)
    column: list[str] = np.array(values, dtype=object)[codes].tolist()
    return column


def _check_cells(table: Table, chosen: ChosenColumns, *, is_embedded: bool) -> None:
    """Notes rows with an empty path, label or group; `find_splits` does it for splits."""

    def note(name: str, is_wrong: pa.Array, problem: str) -> None:
        rows = table.rows[np.flatnonzero(np.asarray(is_wrong))]
        table.problems.add(rows, lambda _: f"column `{name}`: {problem}")

    for name in (None if is_embedded else chosen.path, chosen.label, chosen.group):
        if name is not None:
            note(name, pc.equal(table.columns[name], ""), "is empty")
    if not is_embedded:
        has_zero = pc.match_substring(table.columns[chosen.path], "\0")
        note(chosen.path, has_zero, "has a zero byte, as no path has")


def _first_of_each(
    table: Table, name: str, labels: NDArray[np.int64], splits: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Indices of the first row of each path; rows that contradict it are noted as problems."""
    paths, codes = _unique(table.columns[name])
    N = len(labels)
    if len(paths) == N:
        return np.arange(N)
    first = np.empty(len(paths), dtype=np.int64)
    first[codes[::-1]] = np.arange(N)[::-1]
    others = first[codes]
    is_empty = np.asarray(pc.equal(table.columns[name], ""))
    for values, noun in ((labels, "label"), (splits, "split")):
        unlike = np.flatnonzero((values != values[others]) & ~is_empty)

        def describe(index: int, unlike: Any = unlike, noun: str = noun) -> str:
            path = shown(table.columns[name][int(unlike[index])].as_py())
            row = table.rows[others[unlike[index]]]
            return f"column `{name}`: `{path}` has another {noun} in row {row}"

        table.problems.add(table.rows[unlike], describe)
    return np.flatnonzero(others == np.arange(N))


def _unique(cells: pa.Array) -> tuple[pa.Array, NDArray[np.int64]]:
    """Like `coded`, for paths that stay in Arrow's memory; `./a.png` is the same as `a.png`."""
    if pc.any(pc.starts_with(cells, "./")).as_py():
        cells = pc.replace_substring_regex(cells, r"^(\./)+", "")
    found = cells.dictionary_encode()
    return found.dictionary, found.indices.to_numpy().astype(np.int64)


def _embedded(
    cells: pa.ChunkedArray, rows: NDArray[np.int64], name: str, where: str
) -> EmbeddedImages:
    """The images in a column of bytes, or of structs with `bytes` and perhaps `path`."""
    kind = cells.type
    names: Sequence[str] = [""] * len(cells)
    if pa.types.is_struct(kind) and kind.get_field_index("bytes") >= 0:
        if kind.get_field_index("path") >= 0:
            paths = pc.fill_null(pc.struct_field(cells, "path").cast(pa.large_string()), "")
            names = TableColumn(paths.combine_chunks())
        cells = pc.struct_field(cells, "bytes")
    if not (pa.types.is_binary(cells.type) or pa.types.is_large_binary(cells.type)):
        raise DataError(
            f"column `{name}` of `{where}` holds {kind}, not paths or images",
            hint="images in a table are bytes, or structs with a field called bytes",
        )
    return EmbeddedImages(cells, names, rows)


def _in_files(
    paths: pa.Array, reader: Reader, list_tree: Callable[[], FileTree], where: str
) -> tuple[Images, list[str]]:
    """The images in files that a table names, and remarks on where these were found."""
    paths, found = find_files(paths, reader, list_tree, where=where)
    suspects = paths.filter(pc.match_substring_regex(paths, LEADS_ELSEWHERE)).to_pylist()
    return reader.images(TableColumn(paths)), [*found, *outside_of(reader, suspects)]


def find_files(
    paths: pa.Array, reader: Reader, list_tree: Callable[[], FileTree], *, where: str
) -> tuple[pa.Array, tuple[str, ...]]:
    """The paths of a table's images below its folder.

    Only the first hundred are looked for, as looking for millions takes minutes: a file that is
    missing later is an image that can't be read.

    Args:
        paths: (N,) paths as written.
        reader: Reader of the table's folder.
        list_tree: Lists that folder; asked only if no path is there as it is written.
        where: What the user calls the table.

    Returns:
        N paths, and a remark if they aren't the given ones.

    Raises:
        DataError: None is found, or a name stands for several files.
    """
    first = paths.slice(0, PROBED_ROWS).to_pylist()
    if any(path.startswith(("http://", "https://")) for path in first):
        raise DataError(
            f"`{where}` has web addresses in place of paths",
            hint="nothing is fetched while training: download the images, and write their paths",
        )
    if any(reader.exists(path) for path in first):
        return paths, ()
    if any("\\" in path for path in first):
        paths = pc.replace_substring(paths, "\\", "/")
        if any(reader.exists(path) for path in paths.slice(0, PROBED_ROWS).to_pylist()):
            return paths, ("backslashes in the table's paths were taken as slashes",)
    tree = list_tree()
    files = pa.array([path for path in tree.files if is_image(path)], pa.large_string())
    best, most = None, 0
    for patterns, description in SHORTENED:
        keys = files
        for pattern in patterns:
            keys = pc.replace_substring_regex(keys, pattern, "")
        num_found = pc.sum(pc.is_in(paths.slice(0, PROBED_ROWS), value_set=keys)).as_py()
        if num_found > most:
            best, most = (keys, description), num_found
    if best is not None:
        found = _lengthened(paths, files, best[0], where)
        return found, (
            f"images were found {best[1]}, for instance `{printable(found[0].as_py())}`",
        )
    raise DataError(
        f"of the first {len(first)} images in `{where}` none is there; looked in "
        f"`{tree.path}`, for instance for `{printable(first[0])}`"
        + "".join(f"; {remark}" for remark in tree.remarks),
        hint="paths are relative to the table's folder",
    )


def _lengthened(paths: pa.Array, files: pa.Array, keys: pa.Array, where: str) -> pa.Array:
    """The files whose keys are the table's paths; a path that is no key stays as it is."""
    wanted = pc.is_in(keys, value_set=paths)
    files, keys = files.filter(wanted), keys.filter(wanted)
    if pc.count_distinct(keys).as_py() < len(keys):
        counts = pc.value_counts(keys)
        twice = counts.field("values").filter(pc.greater(counts.field("counts"), 1))[0]
        same = [f"`{printable(file)}`" for file in files.filter(pc.equal(keys, twice)).to_pylist()]
        raise DataError(
            f"`{printable(twice.as_py())}` in `{where}` may be {' or '.join(same)}",
            hint="write paths below the table's folder into the table",
        )
    return pc.coalesce(files.take(pc.index_in(paths, value_set=keys)), paths)
