"""One value of a dense layer, a sum, a mean or a maximum over whole axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from convscope.arithmetic.operation_kinds import PRODUCTS
from convscope.inspection.explaining_windows import grid
from convscope.inspection.explanation import (
    Explain,
    Explanation,
    chosen,
    made_step,
    summed,
    terms_from,
)
from convscope.inspection.moving import broadcast, origin, taken_from
from convscope.inspection.recording import Recorded, Value
from convscope.inspection.terms import Floats, Indices, Terms


def matrix_product(operation: Recorded, output: int, index: Indices) -> Explanation:
    """Weight times input for each input, plus the bias."""
    names = PRODUCTS[operation.name]
    left, right = operation.value(names.left), operation.value(names.right)
    count = left.tensor.shape[-1]
    along = np.arange(count)[None]
    # Times a vector, there is no column.
    rows, batches = left.tensor.ndim - 1, max(right.tensor.ndim - 2, 0)
    row, column = (np.repeat(part, count, 1) for part in (index[:rows], index[rows:]))
    batch = row[:batches]
    arguments = operation.operation.arguments
    terms = _product(
        (left, np.concatenate([row, along])),
        (right, np.concatenate([batch, along, column])),
        times=float(arguments.get("alpha", 1)),
    )
    added = {}
    if names.added is not None:
        bias = operation.value(names.added)
        number = taken_from(bias, broadcast(index, tuple(bias.tensor.shape)))[0]
        added["bias"] = float(number) * float(arguments["beta"])
    return summed(
        operation,
        output,
        index,
        terms,
        added=added,
        kind="dense",
        formula="sum of weight * input" + (" + bias" if added else ""),
    )


def _product(
    first: tuple[Value, Indices], second: tuple[Value, Indices], *, times: float = 1.0
) -> Terms:
    """Products of T pairs of values; the factor that doesn't come from the image is the weight."""
    if first[0].is_from_image and not second[0].is_from_image:
        first, second = second, first
    return terms_from(origin(*second), weights=taken_from(*first) * times)


def _all_places(operation: Recorded, index: Indices, axes: Sequence[int] | None) -> Indices:
    """(D, T) the places of the input over which an operation takes everything together."""
    shape = operation.value("self").tensor.shape
    gone = {axis % len(shape) for axis in axes} if axes else set(range(len(shape)))
    keeps = operation.operation.arguments.get("keepdim", False)
    given = iter(index[:, 0].tolist())
    lengths, start = [], []
    for axis, length in enumerate(shape):
        lengths.append(length if axis in gone else 1)
        at = next(given) if keeps or axis not in gone else 0
        start.append(0 if axis in gone else at)
    places: Indices = grid(lengths) + np.array(start)[:, None]
    return places


def _axes(operation: Recorded) -> list[int] | None:
    axes = operation.operation.arguments.get("dim")
    return [axes] if isinstance(axes, int) else axes


def mean(operation: Recorded, output: int, index: Indices) -> Explanation:
    """The inputs, divided by their number."""
    places = _all_places(operation, index, _axes(operation))
    count = places.shape[1]
    terms = terms_from(origin(operation.value("self"), places), weights=np.full(count, 1 / count))
    formula = f"sum of inputs / {count}"
    return summed(operation, output, index, terms, kind="mean pooling", formula=formula)


def total(operation: Recorded, output: int, index: Indices) -> Explanation:
    """The sum of the inputs; where these are products, of both factors."""
    value = operation.value("self")
    places = _all_places(operation, index, _axes(operation))
    source, formula = value.source, "sum of inputs"
    terms = terms_from(origin(value, places))
    if source is not None and source.operation.name == "mul" and len(source.inputs) == 2:
        factors = (source.value("self"), source.value("other"))
        pairs = [(part, broadcast(places, tuple(part.tensor.shape))) for part in factors]
        terms, formula = _product(pairs[0], pairs[1]), "sum of weight * input"
    return summed(operation, output, index, terms, kind="sum", formula=formula)


def largest(operation: Recorded, output: int, index: Indices) -> Explanation:
    """The largest or smallest of all inputs."""
    places = _all_places(operation, index, _axes(operation))
    terms = terms_from(origin(operation.value("self"), places))
    is_minimum = "min" in operation.name
    fields: dict[str, Any] = {
        "kind": "minimum" if is_minimum else "maximum",
        "formula": "smallest input" if is_minimum else "largest input",
    }
    return chosen(operation, output, index, terms, sign=-1 if is_minimum else 1, **fields)


def softmax(operation: Recorded, output: int, index: Indices) -> Explanation:
    """The exponential of one input as a share of the sum over all."""
    value = operation.value("self")
    axis = operation.operation.arguments["dim"] % value.tensor.ndim
    places = np.repeat(index, value.tensor.shape[axis], axis=1)
    places[axis] = np.arange(value.tensor.shape[axis])
    found = origin(value, places)
    inputs = found.numbers()
    powers: Floats = np.exp(inputs - inputs.max())
    shares = powers / powers.sum()
    own = float(shares[int(index[axis, 0])])
    step = made_step(
        operation,
        output,
        index,
        kind="softmax",
        rule="choice",
        formula="exp(own input) / sum of exp(input)",
        computed=own,
        scale=own,
        terms=Terms(shares, inputs, None, found.places, found.is_padding),
        winner=int(index[axis, 0]),
    )
    return Explanation(step)


SUMMING: dict[str, Explain] = {
    **dict.fromkeys(PRODUCTS, matrix_product),
    "mean": mean,
    "sum": total,
    **dict.fromkeys(("amax", "amin"), largest),
    "_softmax": softmax,
}
