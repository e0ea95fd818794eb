"""Table files as columns of text: CSV and TSV with any common separator, and Parquet."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, overload

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet
from numpy.typing import NDArray

from convscope.data.sources.listing import Reader
from convscope.data.sources.naming import suffix_of
from convscope.data.sources.table_columns import separator_of
from convscope.data.sources.unpacking import check_no_bomb, most_unpacked
from convscope.errors import DataError
from convscope.text import LISTED_AT_MOST, counted

MAX_BYTES = 8 << 30
HEAD_BYTES = 1 << 20  # in which the header of a table ends
PARQUET_END_BYTES, MAX_FOOTER_BYTES = 8, 256 << 20
UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
ROWS_AT_ONCE = 100_000
PARQUET_DAMAGE = (pa.ArrowException, OSError, ValueError)
NO_TEXT = (
    pa.types.is_nested,
    pa.types.is_binary,
    pa.types.is_large_binary,
    pa.types.is_fixed_size_binary,
)


class TableColumn(Sequence[str]):
    """A column of text that stays in Arrow's memory; a cell becomes a string when it is read."""

    def __init__(self, cells: pa.Array) -> None:
        self.cells = cells

    def __len__(self) -> int:
        return len(self.cells)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[str]: ...
    def __getitem__(self, index: int | slice) -> str | Sequence[str]:
        if isinstance(index, slice):
            return TableColumn(self.cells[index])
        cell: str = self.cells[int(index)].as_py()
        return cell

    def __iter__(self) -> Iterator[str]:
        for start in range(0, len(self.cells), ROWS_AT_ONCE):
            yield from self.cells.slice(start, ROWS_AT_ONCE).to_pylist()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment] # equal to a list, which has none


@dataclass
class Problems:
    """Problems with the rows of a table, found by several checks and reported together."""

    where: str
    total: int = 0
    lines: list[tuple[int, str]] = field(default_factory=list)

    def add(self, rows: NDArray[np.integer], describe: Callable[[int], str]) -> None:
        """Notes a problem of these rows.

        Args:
            rows: Numbers of the rows in the file.
            describe: Says what is wrong with a row, by its index in `rows`; called for the first
                few only.
        """
        self.total += len(rows)
        self.lines += [
            (int(row), describe(index)) for index, row in enumerate(rows[:LISTED_AT_MOST])
        ]

    def check(self) -> None:
        """Reports the problems.

        Raises:
            DataError: There are any.
        """
        if not self.total:
            return
        shown = [f"  row {row}, {problem}" for row, problem in sorted(self.lines)[:LISTED_AT_MOST]]
        if self.total > len(shown):
            shown.append(f"  and {self.total - len(shown)} more")
        raise DataError(
            f"`{self.where}` has {counted(self.total, 'row')} that can't be used\n"
            + "\n".join(shown),
            hint="correct or remove these rows; the first row of the file is row 1",
        )


@dataclass(frozen=True, slots=True)
class Table:
    """A table whose cells are text, except for embedded images.

    Attributes:
        columns: Each column by its name: text without blanks around, "" where a cell is empty;
            images (structs or bytes) as they are.
        rows: (N,) numbers of the rows in the file.
        problems: Rows that don't have as many cells as the header.
        label_names: Names behind the numbers in a column, where the file has them.
        remarks: What was noticed.
    """

    columns: dict[str, pa.Array | pa.ChunkedArray]
    rows: NDArray[np.int64]
    problems: Problems
    label_names: dict[str, list[str]] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()


def read_table(content: bytes, *, where: str) -> Table:
    """The table in a file, whose kind is found by its suffix.

    Args:
        content: The whole file.
        where: What the user calls it.

    Raises:
        DataError: It is empty, no UTF-8, damaged, or has two columns of the same name.
    """
    is_parquet = suffix_of(where) == ".parquet"
    return _read_parquet(content, where) if is_parquet else _read_text(content, where)


def column_names(reader: Reader, name: str, *, where: str) -> list[str]:
    """The names in a table's header, for which no more than the file's beginning or end is read.

    Args:
        reader: Reads the table.
        name: Its path for that.
        where: What the user calls it.

    Raises:
        DataError: The file can't be read; see `read_table`.
    """
    if suffix_of(where) == ".parquet":
        end = reader.tail(name, num_bytes=PARQUET_END_BYTES)  # a length, and the format's mark
        length = min(int.from_bytes(end[:4], "little"), MAX_FOOTER_BYTES) + PARQUET_END_BYTES
        footer = reader.tail(name, num_bytes=length)
        return list(_opened(footer, where).schema_arrow.names)
    head = reader.head(name, num_bytes=HEAD_BYTES)
    if head.startswith(UTF16_MARKS):
        head = head.decode("utf-16", "ignore").encode()  # it may end in the middle of a letter
    line, *_ = head.splitlines() or [b""]
    return _header(_as_utf8(line, where), where)[0]


def _read_text(content: bytes, where: str) -> Table:
    content = _as_utf8(content, where)
    names, separator = _header(content, where)
    bad: list[Any] = []

    def note(row: Any) -> str:
        bad.append(row)
        return "skip"

    try:
        table = pyarrow.csv.read_csv(
            pa.BufferReader(content),
            # One thread: with several, a bad row's number isn't known; it takes 0.1 s a million.
            pyarrow.csv.ReadOptions(use_threads=False, column_names=names, skip_rows=1),
            pyarrow.csv.ParseOptions(
                delimiter=separator,
                newlines_in_values=True,
                ignore_empty_lines=False,  # they count as rows
                invalid_row_handler=note,
            ),
            pyarrow.csv.ConvertOptions(column_types=dict.fromkeys(names, pa.large_string())),
        )
    except pa.ArrowException as error:
        raise DataError(f"`{where}` can't be read: {error}") from error
    numbers = np.array([row.number for row in bad], dtype=np.int64)
    rows = np.delete(np.arange(2, table.num_rows + len(bad) + 2), numbers - 2)
    problems = Problems(where)
    problems.add(
        numbers,
        lambda index: (
            f"all columns: has {counted(bad[index].actual_columns, 'cell')}, "
            f"the header has {bad[index].expected_columns}"
        ),
    )
    is_expected = separator == ("\t" if suffix_of(where) == ".tsv" else ",") or len(names) == 1
    remarks = () if is_expected else (f"cells of `{where}` are separated by `{separator!r}`",)
    return _without_blank_rows(_texts(table), rows, problems, remarks)


def _header(content: bytes, where: str) -> tuple[list[str], str]:
    """The columns' names, and the separator between cells."""
    found = re.search(rb"[\r\n]", content)
    line = content[: found.start() if found else None].decode()
    if not line.strip():
        raise DataError(f"`{where}` has no header", hint="its first row has to name the columns")
    separator = separator_of(line)
    try:
        cells = [cell.strip() for cell in next(csv.reader([line], delimiter=separator))]
    except csv.Error as error:
        raise DataError(f"the header of `{where}` can't be read: {error}") from error
    names = [cell or f"column {number}" for number, cell in enumerate(cells, 1)]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise DataError(f"`{where}` has two columns called `{twice[0]}`", hint="rename one of them")
    return names, separator


def _as_utf8(content: bytes, where: str) -> bytes:
    """The content without a byte order mark; what Excel writes as UTF-16 becomes UTF-8.

    Checked here, as Arrow has no word for a row of too many cells that is no UTF-8.
    """
    if content.startswith(UTF16_MARKS):
        try:
            return content.decode("utf-16").encode()
        except UnicodeDecodeError as error:
            raise DataError(
                f"`{where}` is no UTF-16, as its first bytes promise: {error}"
            ) from error
    if content.isascii():  # a hundred times as fast as decoding
        return content
    try:
        content.decode()
        return content.removeprefix(b"\xef\xbb\xbf")
    except UnicodeDecodeError as error:
        row = content[: error.start].count(b"\n") + 1
        raise DataError(
            f"`{where}` is not UTF-8 in row {row}", hint="save it as UTF-8, also called Unicode"
        ) from error


def _opened(
    content: bytes, where: str, *, as_dictionary: Sequence[str] = ()
) -> pyarrow.parquet.ParquetFile:
    try:
        source = pa.BufferReader(content)
        return pyarrow.parquet.ParquetFile(source, read_dictionary=list(as_dictionary))
    except PARQUET_DAMAGE as error:
        raise DataError(f"`{where}` can't be read as Parquet: {error}") from error


def _read_parquet(content: bytes, where: str) -> Table:
    schema = _opened(content, where).schema_arrow
    if len(set(schema.names)) < len(schema.names):
        raise DataError(f"`{where}` has two columns of the same name", hint="rename one of them")
    try:
        batches = list(_batches(content, schema, where))
        # Without rows the types don't matter.
        table = pa.Table.from_batches(batches) if batches else schema.empty_table()
        columns = _texts(table)
    except PARQUET_DAMAGE as error:
        raise DataError(f"`{where}` can't be read as Parquet: {error}") from error
    rows = np.arange(1, table.num_rows + 1)
    return Table(columns, rows, Problems(where), _label_names(schema))


def _batches(content: bytes, schema: pa.Schema, where: str) -> Iterator[pa.RecordBatch]:
    """The rows, part by part, each of which fits into memory.

    A file can say in a few bytes that one long cell is repeated a million times. So texts are read
    as they are kept there, each once, and are repeated only after it is known how much that gives.

    Raises:
        DataError: They unpack to an absurd size.
    """
    texts = [field.name for field in schema if pa.types.is_string(field.type)]
    file = _opened(content, where, as_dictionary=texts)
    is_short = all(f.name in texts or pa.types.is_primitive(f.type) for f in schema)
    num_bytes = 0
    for group in range(file.metadata.num_row_groups):
        unpacked = file.metadata.row_group(group).total_byte_size
        check_no_bomb(where, packed=len(content), unpacked=num_bytes + unpacked)
        rows = ROWS_AT_ONCE
        if not is_short:  # then no row is longer than what is unpacked, but it may be repeated
            most = most_unpacked(len(content)) // 8
            rows = max(1, min(ROWS_AT_ONCE, most // max(1, unpacked)))
        for batch in file.iter_batches(rows, row_groups=[group]):
            batch.validate(full=True)  # a damaged file can hold text that is no UTF-8
            num_bytes += sum(map(_num_bytes, batch.columns))
            check_no_bomb(where, packed=len(content), unpacked=num_bytes)
            decoded = [_decoded(cells) for cells in batch.columns]
            yield pa.RecordBatch.from_arrays(decoded, names=batch.schema.names)


def _num_bytes(cells: pa.Array) -> int:
    """The size of a column when texts that it holds once are repeated."""
    if not pa.types.is_dictionary(cells.type):
        return int(cells.nbytes)
    if pa.types.is_primitive(cells.dictionary.type):
        return len(cells) * 8
    lengths = pc.binary_length(cells.dictionary).take(cells.indices)
    return len(cells) * 4 + (pc.sum(lengths).as_py() or 0)


def _decoded(cells: pa.Array) -> pa.Array:
    return cells.dictionary_decode() if pa.types.is_dictionary(cells.type) else cells


def _label_names(schema: pa.Schema) -> dict[str, list[str]]:
    """The names behind numbered labels, which Hugging Face's data sets write into the file."""
    try:
        features = json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"]
        return {
            column: [str(name) for name in feature["names"]]
            for column, feature in features.items()
            if feature.get("_type") == "ClassLabel"
        }
    except (KeyError, TypeError, AttributeError, ValueError):
        return {}


def _texts(table: pa.Table) -> dict[str, pa.Array | pa.ChunkedArray]:
    return {name: _text(table.column(name)) for name in table.column_names}


def _text(column: pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    """A column as text; images, nested values and what has no form as text stay what they are."""
    if any(is_kind(column.type) for is_kind in NO_TEXT):
        return column
    try:
        # Whole numbers that pandas made fractions because of empty cells: 3.0 becomes 3 in Arrow.
        cells = column.cast(pa.large_string()).combine_chunks()
    except pa.ArrowException:
        return column
    if isinstance(cells, pa.ChunkedArray):  # of no chunks
        cells = pa.array([], pa.large_string())
    cells = pc.fill_null(cells, "") if cells.null_count else cells
    return pc.utf8_trim_whitespace(cells)


def _without_blank_rows(
    columns: dict[str, pa.Array | pa.ChunkedArray],
    rows: NDArray[np.int64],
    problems: Problems,
    remarks: tuple[str, ...],
) -> Table:
    is_blank = np.ones(len(rows), dtype=bool)
    for cells in columns.values():
        if is_blank.any():
            is_blank &= np.asarray(pc.equal(cells, ""))
    if is_blank.any():
        kept = np.flatnonzero(~is_blank)
        columns = {name: cells.take(pa.array(kept)) for name, cells in columns.items()}
        rows = rows[kept]
    return Table(columns, rows, problems, remarks=remarks)


def coded(cells: pa.Array) -> tuple[list[str], NDArray[np.int64]]:
    """The different cells of a column, and (N,) indices into them."""
    found = cells.dictionary_encode()
    return found.dictionary.to_pylist(), found.indices.to_numpy().astype(np.int64)


def is_text(cells: pa.Array | pa.ChunkedArray) -> bool:
    """Whether a column's cells are text, as numbers and truth values are here."""
    return bool(pa.types.is_large_string(cells.type) or pa.types.is_string(cells.type))


def check_text(cells: pa.Array | pa.ChunkedArray, name: str, *, where: str) -> None:
    """Refuses a column of lists or other nested values.

    Raises:
        DataError: Its cells are no text.
    """
    if not is_text(cells):
        raise DataError(
            f"column `{name}` of `{where}` holds {cells.type}, not text or numbers",
            hint="one cell, one label: an image belongs to one class",
        )
