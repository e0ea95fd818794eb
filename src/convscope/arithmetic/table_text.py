"""The layer table as text: for terminals, reports, Markdown and spreadsheets."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from convscope.arithmetic.costs import MACS, Caveat, Convention
from convscope.arithmetic.layer_table import STATUS_COLUMNS, LayerRow, LayerTable, Status
from convscope.errors import UsageError
from convscope.files import csv_text
from convscope.languages import translated
from convscope.text import either_of

MARKS = {Status.UPPER_BOUND: "≤ ", Status.LOWER_BOUND: "≥ ", Status.VARIES: "? "}
MARK_OF_CAVEAT = {
    Caveat.VALUES: "?",
    Caveat.RECURRENT: "?",
    Caveat.ATTENTION: "≤",
    Caveat.OWN_BACKWARD: "≥",
    Caveat.CUT_OFF: "≤",
}

Cell = Callable[[LayerRow, LayerTable, Convention], str]


class LayerTableColumn(NamedTuple):
    """A column of the printed table.

    Attributes:
        title: Its heading; `{unit}` stands for the unit of the convention.
        cell: The text of a row's cell.
        is_text: Whether it is aligned to the left.
    """

    title: str
    cell: Cell
    is_text: bool = False


def _layer(row: LayerRow, *_: object) -> str:
    return "  " * row.depth + (row.name.rpartition(".")[2] or translated("(network)"))


def _output(row: LayerRow, *_: object) -> str:
    if not row.is_used:
        return translated("not called")
    if row.output_shape is None:
        # A list of modules is never called itself.
        return translated("no tensor") if row.num_calls else ""
    return " x ".join(str(length) for length in row.output_shape)


def _number(name: str) -> Cell:
    return lambda row, _table, convention: number(row, name, convention=convention)


def _field(row: LayerRow, table: LayerTable, *_: object) -> str:
    field = row.receptive_field
    if field is None:
        return translated("unknown") if row.output_shape else ""
    if field.is_whole_input(*table.input_shape[2:]):
        return translated("whole input")
    return MARKS.get(row.status("receptive_field"), "") + _pair_text(field.size)


def _field_part(name: str) -> Cell:
    def text(row: LayerRow, table: LayerTable, *_: object) -> str:
        field = row.receptive_field
        if field is None or field.is_whole_input(*table.input_shape[2:]):
            return ""
        return _pair_text(getattr(field, name))

    return text


def _effective(row: LayerRow, *_: object) -> str:
    if row.effective_field is None:
        return ""
    height, width = row.effective_field
    return _pair_text((round(height), round(width)))


COLUMNS = {
    "layer": LayerTableColumn("layer", _layer, is_text=True),
    "kind": LayerTableColumn("kind", lambda row, *_: row.kind, is_text=True),
    "output": LayerTableColumn("output", _output),
    "calls": LayerTableColumn("calls", lambda row, *_: str(row.num_calls)),
    "parameters": LayerTableColumn("parameters", _number("parameters")),
    "operations": LayerTableColumn("{unit}", _number("operations")),
    "backward": LayerTableColumn("backward {unit}", _number("backward_macs")),
    "forward": LayerTableColumn("forward MB", _number("forward_bytes")),
    "saved": LayerTableColumn("saved MB", _number("saved_bytes")),
    "field": LayerTableColumn("field", _field),
    "jump": LayerTableColumn("jump", _field_part("jump")),
    "start": LayerTableColumn("start", _field_part("start")),
    "effective": LayerTableColumn("effective", _effective),
}
DEFAULT = ("layer", "kind", "output", "parameters", "operations", "saved", "field", "jump", "start")


def text_rows(
    table: LayerTable,
    columns: Sequence[str] = DEFAULT,
    *,
    convention: Convention = MACS,
    depth: int | None = None,
) -> list[tuple[str, ...]]:
    """Rows of cells as text, layer names indented by their depth.

    Args:
        table: What to show.
        columns: Names in `COLUMNS`.
        convention: How operations are counted.
        depth: Depth down to which modules are shown; all if None.

    Raises:
        UsageError: There is no such column.
    """
    chosen = _chosen(columns)
    return [
        tuple(column.cell(row, table, convention) for column in chosen)
        for row in table.rows
        if depth is None or row.depth <= depth
    ]


def titles(columns: Sequence[str] = DEFAULT, *, convention: Convention = MACS) -> list[str]:
    """Headings of columns; a UsageError if there is no such column."""
    return [translated(column.title.format(unit=convention.unit)) for column in _chosen(columns)]


def to_markdown(
    table: LayerTable,
    columns: Sequence[str] = DEFAULT,
    *,
    convention: Convention = MACS,
    depth: int | None = None,
) -> str:
    """The table in Markdown, with whole names: Markdown keeps no spaces at the left."""
    shown = [row for row in table.rows if depth is None or row.depth <= depth]
    cells = text_rows(table, columns, convention=convention, depth=depth)
    if "layer" in columns:
        place = list(columns).index("layer")
        names = [f"`{row.name}`" if row.name else translated("(network)") for row in shown]
        cells = [
            (*row[:place], name, *row[place + 1 :]) for row, name in zip(cells, names, strict=True)
        ]
    rule = ["---" if column.is_text else "---:" for column in _chosen(columns)]
    lines = [titles(columns, convention=convention), rule, *cells]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def to_csv(table: LayerTable, *, convention: Convention = MACS) -> str:
    """All numbers of all layers for a spreadsheet, with their status.

    Pairs are columns ending with `_height` and `_width`; what is unknown is empty.
    """
    rows = [_flat(row, table, convention) for row in table.rows]
    return csv_text(list(rows[0]), [[row[name] for name in rows[0]] for row in rows])


def number(row: LayerRow, name: str, *, convention: Convention = MACS) -> str:
    """A number of a row, with the mark of its status; bytes in megabytes.

    Args:
        row: The layer, or the network.
        name: A field of `Costs`, or `operations`: the number that the convention gives.
        convention: How operations are counted, in the backward pass too.
    """
    value = convention.count(row.total) if name == "operations" else getattr(row.total, name)
    if name == "backward_macs":
        value *= convention.per_mac
    text = megabytes(value) if name.endswith("bytes") else f"{value:,}"
    return f"{MARKS.get(row.status(name), '')}{text}"


def marks_explained(row: LayerRow) -> list[str]:
    """Sentences that begin with a mark and say why numbers of a row have it."""
    lines = [
        f"{MARK_OF_CAVEAT[caveat]} {caveat.value}" for caveat in Caveat if caveat in row.caveats
    ]
    return [*lines, f"≥ not counted: {', '.join(row.uncounted)}"] if row.uncounted else lines


def flat_status(row: LayerRow) -> dict[str, str]:
    """Status of a row's numbers and the reasons, for a spreadsheet."""
    return {
        **{f"{name}_status": row.status(name).value for name in STATUS_COLUMNS},
        "uncounted": " ".join(row.uncounted),
        "caveats": "; ".join(caveat.value for caveat in Caveat if caveat in row.caveats),
    }


def megabytes(count: int) -> str:
    """Bytes in millions, with three decimals for small numbers."""
    millions = count / 1e6
    return f"{millions:,.1f}" if millions >= 10 else f"{millions:.3f}"


def _flat(row: LayerRow, table: LayerTable, convention: Convention) -> dict[str, object]:
    content = row.to_dict(input_size=table.input_shape[2:])
    field = content.pop("receptive_field") or {}
    own = content.pop("own")
    for name in row.status_to_dict():
        del content[name]
    content["output_shape"] = "x".join(str(length) for length in row.output_shape or ())
    if convention.flops:
        content["flops"] = convention.count(row.total)
    content["effective_field"] = "x".join(f"{side:.2f}" for side in row.effective_field or ())
    for name in ("size", "jump", "start"):
        for axis, value in zip(("height", "width"), field.get(name, ("", "")), strict=True):
            content[f"field_{name}_{axis}"] = "" if value is None else value
    content["field_is_whole_input"] = field.get("is_whole_input", "")
    return {**content, **{f"own_{name}": value for name, value in own.items()}, **flat_status(row)}


def _chosen(columns: Iterable[str]) -> list[LayerTableColumn]:
    unknown = [name for name in columns if name not in COLUMNS]
    if unknown:
        raise UsageError(
            f"the layer table has no column `{unknown[0]}`",
            hint=f"there are {either_of(tuple(COLUMNS))}",
        )
    return [COLUMNS[name] for name in columns]


def _pair_text(pair: tuple[int | None, int | None]) -> str:
    height, width = ("-" if value is None else str(value) for value in pair)
    return height if height == width else f"{height} x {width}"
