"""Layer tables as `convscope summary` prints and writes them, in each of its formats."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from convscope.arithmetic import Convention, LayerTable, Verification
from convscope.arithmetic.table_text import (
    COLUMNS,
    flat_status,
    marks_explained,
    number,
    text_rows,
    titles,
    to_csv,
    to_markdown,
)
from convscope.files import csv_text
from convscope.languages import spoken, translated
from convscope.networks import network_entry
from convscope.networks.registry import (
    COSTS,
    IMAGENET_ACCURACY,
    networks_of_size,
    variants_of,
)
from convscope.text import counted
from convscope.text_table import table_text

CHECKED = {
    "macs": "MACs against torch's flop counter",
    "backward_macs": "MACs of the backward pass against torch's flop counter",
    "saved_bytes": "memory kept for the backward pass against what autograd saves",
    "receptive_field": "receptive fields against gradients",
}
DIFFERENCES_SHOWN = 20


# Columns that a narrow terminal lacks first, of networks side by side.
FIRST_TO_GO = ("saved MB", "forward MB", "input")


class TableForm(NamedTuple):
    """How a table is shown.

    Attributes:
        format: `table`, `json`, `csv`, `markdown` or `html`.
        columns: Columns shown; JSON and CSV have all of them, and all modules.
        convention: How operations are counted.
        depth: Depth down to which modules are shown; None for all.
        fits: Whether a table has to fit the terminal, as one that is printed.
    """

    format: str
    columns: Sequence[str]
    convention: Convention
    depth: int | None
    fits: bool = True


def show(
    table: LayerTable, name: str, form: TableForm, *, verification: Verification | None = None
) -> str:
    """The table of one network in a form."""
    columns, convention, depth = form.columns, form.convention, form.depth
    notes, checks = _notes(name, table), _checks(verification)
    if form.format == "json":
        content = {**table.to_dict(), "notes": notes}
        if convention.flops:
            content["flops"] = convention.count(table.rows[0].total)
            content["flops_are"] = convention.description
        if verification is not None:
            content["verification"] = verification.to_dict()
        return json.dumps(content, ensure_ascii=False) + "\n"
    if form.format == "csv":
        return to_csv(table, convention=convention)
    if form.format == "html":
        from convscope.report.summary import Remarks, summary_page

        return summary_page(
            table,
            name,
            columns,
            convention=convention,
            depth=depth,
            language=spoken(),
            remarks=Remarks(notes, checks),
        )
    lines = list(map(translated, [*_totals(table, convention), *notes, *checks]))
    if form.format == "markdown":
        listed = "".join(f"- {line}\n" for line in lines)
        return f"{to_markdown(table, columns, convention=convention, depth=depth)}\n{listed}"
    rows = text_rows(table, columns, convention=convention, depth=depth)
    left = 0
    while left < len(columns) and COLUMNS[columns[left]].is_text:
        left += 1
    heads = titles(columns, convention=convention)
    drawn = table_text(heads, rows, left=left, fits=form.fits)
    return drawn + "".join(f"{line}\n" for line in lines)


def show_side_by_side(
    names: Sequence[str],
    tables: Sequence[LayerTable],
    form: str,
    *,
    convention: Convention,
    fits: bool = True,
) -> str:
    """The totals of several networks, one per row, in a format."""
    rows = [_total_row(name, table, convention) for name, table in zip(names, tables, strict=True)]
    if form == "json":
        status = [table.rows[0].status_to_dict() for table in tables]
        content = [{**row, **more} for row, more in zip(rows, status, strict=True)]
        return json.dumps(content, ensure_ascii=False) + "\n"
    if form == "csv":
        rows = [
            {**row, **flat_status(table.rows[0])} for row, table in zip(rows, tables, strict=True)
        ]
        return csv_text(list(rows[0]), [[row[name] for name in rows[0]] for row in rows])
    header = [
        *("network", "input", "parameters", convention.unit, f"backward {convention.unit}"),
        *("forward MB", "saved MB", "ImageNet top-1"),
    ]
    cells = [_total_cells(*each, convention) for each in zip(rows, tables, strict=True)]
    source = (
        "ImageNet top-1: published weights of torchvision, one centre crop; not measured here\n"
    )
    notes = "".join(
        f"`{name}`: {line}\n"
        for name, table in zip(names, tables, strict=True)
        for line in marks_explained(table.rows[0])
    )
    notes += f"{convention.unit}: {convention.description}\n"
    notes += source if any(row["imagenet_top1"] is not None for row in rows) else ""
    header, notes = list(map(translated, header)), translated(notes)
    if form == "markdown":
        lines = [header, ["---", *["---:"] * (len(header) - 1)], *cells]
        return "".join(f"| {' | '.join(line)} |\n" for line in lines) + f"\n{notes}"
    if form == "html":
        from convscope.report.summary import comparison_page

        return comparison_page(header, cells, notes.splitlines())
    return table_text(header, cells, first_to_go=FIRST_TO_GO, fits=fits) + notes


def _total_row(name: str, table: LayerTable, convention: Convention) -> dict[str, Any]:
    total, accuracy = table.rows[0].total, IMAGENET_ACCURACY.get(name)
    is_whole = table.input_shape[1:] == (3, 224, 224)
    return {
        "network": name,
        "input_shape": "x".join(str(side) for side in table.input_shape),
        **total.to_dict(),
        **({"flops": convention.count(total)} if convention.flops else {}),
        "imagenet_top1": accuracy.top1 if accuracy and is_whole else None,
        "imagenet_top5": accuracy.top5 if accuracy and is_whole else None,
    }


def _total_cells(row: dict[str, Any], table: LayerTable, convention: Convention) -> list[str]:
    shown = ("parameters", "operations", "backward_macs", "forward_bytes", "saved_bytes")
    top1 = row["imagenet_top1"]
    return [
        row["network"],
        row["input_shape"],
        *(number(table.rows[0], name, convention=convention) for name in shown),
        "" if top1 is None else f"{top1:.1%}",
    ]


def _totals(table: LayerTable, convention: Convention) -> list[str]:
    whole = table.rows[0]
    mode = "training" if table.training else "evaluation"
    heads = "" if table.method == "forward" else ", through auxiliary heads"
    lines = [
        f"input {' x '.join(str(side) for side in table.input_shape)}, in {mode} mode{heads}",
        f"parameters {number(whole, 'parameters')} ({table.trainable_parameters:,} trainable), "
        f"buffers {table.buffers:,}",
        f"{convention.unit} {number(whole, 'operations', convention=convention)} "
        f"({convention.description})",
        f"backward pass {number(whole, 'backward_macs', convention=convention)} {convention.unit}",
        f"memory {number(whole, 'forward_bytes')} MB made in the forward pass, "
        f"{number(whole, 'saved_bytes')} MB kept for the backward pass",
    ]
    if unused := table.unused_parameters:
        lines.append(f"{unused:,} parameters are in layers that this pass doesn't call")
    return [*lines, *marks_explained(whole)]


def _notes(name: str, table: LayerTable) -> list[str]:
    """Sentences about which variant of a network this is, and what the others have."""
    variants = variants_of(name)
    if variants is None:
        others = [other for other in networks_of_size(table.parameters) if other != name]
        if name in IMAGENET_ACCURACY or not others:
            return []
        return [f"as many parameters as {', '.join(f'`{other}`' for other in others)}"]
    departs = network_entry(name).departs.rstrip(".").replace(". ", "; ")
    lines = [f"`{name}` is one of {counted(1 + len(variants.others), 'form')} of "
             f"{variants.architecture}{f' ({departs})' if departs else ''}"]  # fmt: skip
    for other in variants.others:
        why = network_entry(other).departs.rstrip(".") or "as in the paper"
        cost = COSTS[other]
        lines.append(f"`{other}` has {cost.parameters:,} parameters, {cost.macs:,} MACs: {why}")
    return lines


def _checks(verification: Verification | None) -> list[str]:
    """Sentences about what was measured, and all differences."""
    if verification is None:
        return []
    lines = []
    for column, title in CHECKED.items():
        if column in verification.unmeasured:
            lines.append(f"could not be measured: {title} ({verification.unmeasured[column]})")
            continue
        wrong = [check for check in verification.differences if check.column == column]
        number = counted(verification.count(column), "check")
        lines.append(f"{title}: {number}, {len(wrong) or 'none'} differ")
        lines += [
            f"  `{check.layer or '(network)'}`: {check.stated} in the table, "
            f"{check.measured} measured"
            for check in wrong[:DIFFERENCES_SHOWN]
        ]
        if len(wrong) > DIFFERENCES_SHOWN:
            lines.append(f"  and {len(wrong) - DIFFERENCES_SHOWN} more")
    return lines
