"""What explaining one operation gives: a step, and the values to go back to from there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from convscope.inspection.moving import Origin, taken_from
from convscope.inspection.recording import Recorded, Value
from convscope.inspection.terms import Flags, Floats, Indices, Step, Terms


class Explanation(NamedTuple):
    """One operation at one of its output values.

    Attributes:
        step: Without its sources.
        follow: The values that went in, each with its place (D, 1), to be explained in turn.
    """

    step: Step
    follow: tuple[tuple[Value, Indices], ...] = ()


Explain = Callable[[Recorded, int, Indices], Explanation]


def made_step(operation: Recorded, output: int, index: Indices, **fields: Any) -> Step:
    """A step of this operation; the network's own value is looked up.

    Args:
        operation: What ran.
        output: Which of its outputs.
        index: (D, 1) which value of that output.
        **fields: The step's other fields.
    """
    stored = float(taken_from(operation.outputs[output], index)[0])
    place = tuple(int(at) for at in index[1:, 0])
    return Step(layer=operation.layer, index=place, stored=stored, **fields)


def summed(
    operation: Recorded,
    output: int,
    index: Indices,
    terms: Terms,
    *,
    added: dict[str, float] | None = None,
    **fields: Any,
) -> Explanation:
    """The explanation of a value that is the sum of its terms and of what is added to them."""
    extra = added or {}
    absolute = np.abs(terms.values).sum() + sum(abs(value) for value in extra.values())
    step = made_step(
        operation,
        output,
        index,
        rule="sum",
        computed=float(terms.values.sum() + sum(extra.values())),
        scale=float(absolute),
        terms=terms,
        added=extra,
        **fields,
    )
    return Explanation(step)


def chosen(
    operation: Recorded, output: int, index: Indices, terms: Terms, *, sign: int = 1, **fields: Any
) -> Explanation:
    """The explanation of a value that is the largest of its terms, or the smallest for `sign` -1.

    Where several are equal it is the first one, as in torch.
    """
    winner = int((sign * terms.values).argmax())
    value = float(terms.values[winner])
    step = made_step(
        operation,
        output,
        index,
        rule="choice",
        computed=value,
        scale=abs(value),
        terms=terms,
        winner=winner,
        **fields,
    )
    return Explanation(step)


def terms_from(
    found: Origin, *, outside: Flags | None = None, weights: Floats | None = None
) -> Terms:
    """Terms whose inputs lie where they were found.

    Args:
        found: Where T inputs come from.
        outside: (T,) which of them the operation itself takes as padding of 0.
        weights: (T,) what they are multiplied with.
    """
    inputs, is_padding = found.numbers(), found.is_padding
    if outside is not None:
        inputs, is_padding = np.where(outside, 0.0, inputs), is_padding | outside
    values = (
        inputs if weights is None else np.where(is_padding & (inputs == 0), 0.0, weights) * (inputs)
    )
    return Terms(values, inputs, weights, found.places, is_padding)
