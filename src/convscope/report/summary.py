"""The pages of a network's layer table, and of several networks side by side."""

from __future__ import annotations

from collections.abc import Sequence

from convscope.arithmetic import MACS, Convention, LayerTable
from convscope.arithmetic.costs import CONVENTIONS
from convscope.arithmetic.table_text import (
    COLUMNS,
    DEFAULT,
    marks_explained,
    number,
    text_rows,
    titles,
)
from convscope.report.page import render


def summary_page(
    table: LayerTable,
    name: str,
    columns: Sequence[str] = DEFAULT,
    *,
    convention: Convention = MACS,
    depth: int | None = None,
    notes: Sequence[str] = (),
    checks: Sequence[str] = (),
) -> str:
    """One HTML document that shows the table of one network.

    Args:
        table: The layer table.
        name: What the user calls the network.
        columns: Columns shown, of `table_text.COLUMNS`.
        convention: How operations are counted.
        depth: Depth down to which modules are shown.
        notes: Sentences about variants of the network.
        checks: Sentences about what was measured.
    """
    whole = table.rows[0]
    return render(
        "summary",
        name=name,
        table=table,
        operations=number(whole, "operations", convention=convention),
        convention=convention,
        backward=f"{number(whole, 'backward_macs', convention=convention)} {convention.unit}",
        made=f"{number(whole, 'forward_bytes')} MB",
        saved=f"{number(whole, 'saved_bytes')} MB",
        marks=marks_explained(whole),
        titles=titles(columns, convention=convention),
        is_text=[COLUMNS[column].is_text for column in columns],
        rows=text_rows(table, columns, convention=convention, depth=depth),
        notes=list(notes),
        checks=list(checks),
        conventions=CONVENTIONS,
    )


def comparison_page(
    header: Sequence[str], rows: Sequence[Sequence[str]], notes: Sequence[str]
) -> str:
    """One HTML document that shows several networks side by side."""
    return render("networks", header=list(header), rows=list(rows), notes=list(notes))
