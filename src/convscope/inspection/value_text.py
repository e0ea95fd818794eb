"""The arithmetic of one value written as on paper."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from convscope.errors import counted
from convscope.inspection.layers import quoted
from convscope.inspection.terms import Step

if TYPE_CHECKING:
    from convscope.inspection.values import ValueTrace

AXES = {1: ("unit",), 3: ("channel", "row", "column")}
INDENT = "    "


def trace_text(trace: ValueTrace, *, num_terms: int) -> str:
    """All steps of a trace, the last operation first.

    Args:
        trace: What is written.
        num_terms: How many terms of a sum are written out.
    """
    place = place_text([trace.channel] if trace.row is None else _position(trace))
    lines = [f"{quoted(trace.layer)}, {place}: {number_text(trace.value)}", ""]
    if not _is_inside(trace.step.layer, trace.layer):
        lines += ["the layer passes its input on as it is:", ""]
    lines += _lines(trace.step, num_terms=num_terms, depth=0)
    verdict = "every step gives" if trace.holds else "NOT every step gives"
    lines += [
        "",
        f"{verdict} the value that the network stored: the largest difference is "
        f"{trace.deviation:.1e} of the sum of absolute terms, and may be {trace.tolerance:.1e}",
    ]
    return "\n".join(lines)


def place_text(index: Sequence[int]) -> str:
    """`channel 3, row 4, column 5`, or the bare numbers of a tensor of another kind."""
    names = AXES.get(len(index))
    if names is None:
        return f"at {list(index)}"
    return ", ".join(f"{name} {at}" for name, at in zip(names, index, strict=True))


def number_text(number: float) -> str:
    """Six digits."""
    return f"{number:.6g}"


def _is_inside(layer: str, outer: str) -> bool:
    """Whether a layer is the outer one, or a part of it."""
    return f"{layer}.".startswith(f"{outer}.") or not outer


def _position(trace: ValueTrace) -> list[int]:
    return [trace.channel, trace.row or 0, trace.column or 0]


def _lines(step: Step, *, num_terms: int, depth: int) -> Iterator[str]:
    margin = INDENT * depth
    is_taken = step.kind in ("image", "padding", "constant")  # belongs to no layer
    where = "" if is_taken else f"{quoted(step.layer)}, "
    yield f"{margin}{where}{place_text(step.index)}: {step.kind} = {number_text(step.stored)}"
    arithmetic = _function(step) if step.rule == "function" else _sum_or_choice(step, num_terms)
    for line in arithmetic:
        yield f"{margin}{INDENT}{line}"
    is_joined = len(step.sources) > 1
    for source in step.sources:
        yield from _lines(source, num_terms=num_terms, depth=depth + (2 if is_joined else 0))


def _function(step: Step) -> Iterator[str]:
    letters = zip("xyzuvw", step.terms.inputs.tolist(), strict=False)
    given = ", ".join(f"{letter} = {number_text(number)}" for letter, number in letters)
    constants = "".join(f", {name} = {number_text(n)}" for name, n in step.numbers.items())
    yield f"{step.formula} = {number_text(step.computed)} with {given}{constants}"


def _sum_or_choice(step: Step, num_terms: int) -> Iterator[str]:
    if step.formula:
        yield step.formula
    if step.numbers:
        yield ", ".join(f"{name} {number_text(number)}" for name, number in step.numbers.items())
    if len(step.terms):
        yield from _terms(step, num_terms)
    for name, number in step.added.items():
        yield f"{number:+.6g}  {name}"
    if step.rule == "sum":
        yield f"= {number_text(step.computed)}"


def _terms(step: Step, num_terms: int) -> Iterator[str]:
    """The terms with the largest absolute value first, then the sum of the rest."""
    terms = step.terms
    order = np.argsort(-np.abs(terms.values), kind="stable")
    if step.winner is not None:
        order = np.concatenate([[step.winner], order[order != step.winner]])
    for at in order[:num_terms].tolist():
        product = ""
        if terms.weights is not None:
            product = f" = {number_text(terms.weights[at])} * {number_text(terms.inputs[at])}"
        place = place_text(terms.places[1:, at].tolist())
        notes = [" (padding)"] if terms.is_padding[at] else [f"  {place}"]
        notes += ["  <- this one"] if at == step.winner and len(terms) > 1 else []
        yield f"{terms.values[at]:+.6g}{product}{''.join(notes)}"
    rest = order[num_terms:]
    if len(rest) == 0:
        return
    words = counted(len(rest), "other term")
    padded = int(terms.is_padding[rest].sum())
    if padded:
        words += f", {padded} of them padding"
    if step.rule == "sum":
        words = f"{terms.values[rest].sum():+.6g}  {words}"
    yield words
