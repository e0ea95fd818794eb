"""The pages of a network's layer table, and of several networks side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from convscope.arithmetic import MACS, Convention, LayerTable
from convscope.arithmetic.costs import Costs
from convscope.arithmetic.table_text import (
    COLUMNS,
    DEFAULT,
    marks_explained,
    number,
    text_rows,
    titles,
)
from convscope.languages import speaking, spoken
from convscope.report.page import percent, render
from convscope.report.translations import translations_of

BARS_AT_MOST = 40
# Terms of the numbers at the top of the page; the table has those of its columns and kinds besides.
AT_THE_TOP = ("parameters", "trainable", "buffers", "backward", "forward", "saved")


class Remarks(NamedTuple):
    """Sentences about variants of a network, and about what was measured of it."""

    notes: Sequence[str] = ()
    checks: Sequence[str] = ()


NO_REMARKS = Remarks()


class CostBar(NamedTuple):
    """What a layer, or all layers of a module, hold and compute.

    Attributes:
        name: Path of the layer or module.
        kind: Name of its class.
        parameters: Their number, with the share of all.
        operations: Their number in the convention's unit, with the share of all.
    """

    name: str
    kind: str
    parameters: tuple[int, float]
    operations: tuple[int, float]


class CostBars(NamedTuple):
    """The bars of a network; `depth` is None where each layer has its own."""

    bars: list[CostBar]
    depth: int | None


def summary_page(
    table: LayerTable,
    name: str,
    columns: Sequence[str] = DEFAULT,
    *,
    convention: Convention = MACS,
    depth: int | None = None,
    language: str = "en",
    remarks: Remarks = NO_REMARKS,
) -> str:
    """One HTML document that shows the table of one network.

    Args:
        table: The layer table.
        name: What the user calls the network.
        columns: Columns shown, of `table_text.COLUMNS`.
        convention: How operations are counted.
        depth: Depth down to which modules are shown.
        language: Language of the page: `en` or `zh`.
        remarks: What else is said of the network.
    """
    whole = table.rows[0]
    translations = translations_of("summary", language)
    with speaking(language):
        names = dict(zip(COLUMNS, titles(tuple(COLUMNS), convention=convention), strict=True))
        rows = text_rows(table, columns, convention=convention, depth=depth)
    drawn = cost_bars(table, convention)
    used = _terms(table, columns, depth, convention.unit)
    return render(
        "summary",
        language=language,
        name=name,
        table=table,
        operations=number(whole, "operations", convention=convention),
        convention=convention,
        backward=f"{number(whole, 'backward_macs', convention=convention)} {convention.unit}",
        made=f"{number(whole, 'forward_bytes')} MB",
        saved=f"{number(whole, 'saved_bytes')} MB",
        marks=marks_explained(whole),
        layer=names["layer"],
        titles=[names[column] for column in columns],
        is_text=[COLUMNS[column].is_text for column in columns],
        rows=rows,
        notes=list(remarks.notes),
        checks=list(remarks.checks),
        bars=[
            (bar.name, bar.kind, _with_share(bar.parameters), _with_share(bar.operations))
            for bar in drawn.bars
        ],
        bars_text=translations["bars_text"]
        if drawn.depth is None
        else translations["bars_grouped"].format(depth=drawn.depth),
        glossary=[
            (names.get(term, translations["terms"].get(term, term)), text)
            for term, text in translations["glossary"].items()
            if term in used
        ],
    )


def _with_share(number_and_share: tuple[int, float]) -> tuple[str, str, str]:
    """A number, its share in percent, and the length of its bar."""
    count, share = number_and_share
    return f"{count:,}", percent(share), f"{100 * share:.2f}"


def cost_bars(table: LayerTable, convention: Convention = MACS) -> CostBars:
    """The parameters and operations of each layer, or of modules where layers are too many.

    They add up to those of the network.
    """
    deepest = max(row.depth for row in table.rows)
    for depth in range(deepest, 0, -1):
        sums = _sums(table, depth)
        if len(sums) <= BARS_AT_MOST or depth == 1:
            break
    total = [sum(costs.parameters for costs in sums.values())]
    total += [sum(convention.count(costs) for costs in sums.values())]
    kinds = {row.name: row.kind for row in table.rows}
    bars = [
        CostBar(
            name or kinds[name],
            kinds[name],
            (costs.parameters, costs.parameters / (total[0] or 1)),
            (convention.count(costs), convention.count(costs) / (total[1] or 1)),
        )
        for name, costs in sums.items()
    ]
    return CostBars(bars, None if depth == deepest else depth)


def _sums(table: LayerTable, depth: int) -> dict[str, Costs]:
    """What layers hold and compute themselves, summed by their module of this depth."""
    sums: dict[str, Costs] = {}
    for row in table.rows:
        if row.own.parameters or row.own.macs or row.own.bias_operations:
            module = ".".join(row.name.split(".")[:depth])
            sums[module] = sums.get(module, Costs()) + row.own
    return sums


def _terms(table: LayerTable, columns: Sequence[str], depth: int | None, unit: str) -> set[str]:
    """The terms that the page uses."""
    used = {*AT_THE_TOP, *columns, unit}
    if "jump" in columns:
        used.add("stride")
    if "kind" in columns:
        used |= {row.kind for row in table.rows if depth is None or row.depth <= depth}
    return used


def comparison_page(
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    notes: Sequence[str],
) -> str:
    """The page of several networks side by side, in the language that is spoken."""
    shown = {"header": list(header), "rows": list(rows), "notes": list(notes)}
    return render("networks", language=spoken(), **shown)
