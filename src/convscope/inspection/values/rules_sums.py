"""Rules of dense layers, of sums, means and maxima over whole axes, and of normalisation."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from convscope.arithmetic.ops.table import factors_of
from convscope.inspection.values.index_mapping import (
    Indices,
    broadcast,
    number_at,
    origin,
    taken_from,
)
from convscope.inspection.values.recording import Recorded, Value
from convscope.inspection.values.rules_windows import grid, mean_of
from convscope.inspection.values.steps import Explained, OutputValue, Terms, terms_from


def matrix_product(at: OutputValue) -> Explained:
    """Weight times input for each input, plus the bias."""
    operation = at.operation
    names = factors_of(operation.operation)
    left, right = operation.value(names.left), operation.value(names.right)
    count = left.tensor.shape[-1]
    along = np.arange(count)[None]
    # A product with a vector has no column.
    rows, batches = left.tensor.ndim - 1, max(right.tensor.ndim - 2, 0)
    row, column = (np.repeat(part, count, 1) for part in (at.index[:rows], at.index[rows:]))
    terms = _product(
        (left, np.concatenate([row, along])),
        (right, np.concatenate([row[:batches], along, column])),
        times=float(operation.arguments.get("alpha", 1)),
    )
    added = {}
    if names.added is not None:
        bias = operation.value(names.added)
        number = taken_from(bias, broadcast(at.index, tuple(bias.tensor.shape)))[0]
        added["bias"] = float(number) * float(operation.arguments["beta"])
    formula = "sum of weight * input" + (" + bias" if added else "")
    return at.sum_of(terms, added=added, kind="dense", formula=formula)


def _product(
    first: tuple[Value, Indices], second: tuple[Value, Indices], *, times: float = 1.0
) -> Terms:
    """Products of T pairs of values; the factor that doesn't depend on the image is the weight."""
    if first[0].is_from_image and not second[0].is_from_image:
        first, second = second, first
    return terms_from(origin(*second), weights=taken_from(*first) * times)


def mean(at: OutputValue) -> Explained:
    """The sum of the inputs, divided by their number."""
    places = _all_places(at)
    return mean_of(at, places, places.shape[1])


def total(at: OutputValue) -> Explained:
    """The sum of the inputs; where these are products, of both factors."""
    value, places = at.operation.value("self"), _all_places(at)
    source, formula = value.source, "sum of inputs"
    terms = terms_from(origin(value, places))
    if source is not None and source.operation.name == "mul" and len(source.inputs) == 2:
        factors = (source.value("self"), source.value("other"))
        pairs = [(part, broadcast(places, tuple(part.tensor.shape))) for part in factors]
        terms, formula = _product(pairs[0], pairs[1]), "sum of weight * input"
    return at.sum_of(terms, kind="sum", formula=formula)


def maximum(at: OutputValue) -> Explained:
    """The largest of all inputs."""
    return at.largest_of(_all_inputs(at), kind="maximum")


def minimum(at: OutputValue) -> Explained:
    """The smallest of all inputs."""
    return at.largest_of(_all_inputs(at), kind="minimum", sign=-1)


def _all_inputs(at: OutputValue) -> Terms:
    return terms_from(origin(at.operation.value("self"), _all_places(at)))


def _all_places(at: OutputValue) -> Indices:
    """(D, T) the places of the input that a reduction over whole axes combines."""
    shape, arguments = at.operation.value("self").tensor.shape, at.operation.arguments
    axes = arguments.get("dim")
    axes = [axes] if isinstance(axes, int) else axes or range(len(shape))
    reduced = {axis % len(shape) for axis in axes}
    given = iter(at.index[:, 0].tolist())
    lengths, start = [], []
    for axis, length in enumerate(shape):
        lengths.append(length if axis in reduced else 1)
        position = next(given) if arguments.get("keepdim", False) or axis not in reduced else 0
        start.append(0 if axis in reduced else position)
    places: Indices = grid(lengths) + np.array(start)[:, None]
    return places


def softmax(at: OutputValue) -> Explained:
    """The exponential of one input as a fraction of the sum over all."""
    value = at.operation.value("self")
    axis = at.operation.arguments["dim"] % value.tensor.ndim
    places = np.repeat(at.index, value.tensor.shape[axis], axis=1)
    places[axis] = np.arange(value.tensor.shape[axis])
    found = origin(value, places)
    inputs = found.numbers()
    powers = np.exp(inputs - inputs.max())
    fractions = powers / powers.sum()
    own = int(at.index[axis, 0])
    return Explained(
        at.choice(
            float(fractions[own]),
            Terms(fractions, inputs, None, found.places, found.is_padding),
            kind="softmax",
            formula="exp(own input) / sum of exp(input)",
            winner=own,
        )
    )


def batch_normalisation(at: OutputValue) -> Explained:
    """Normalisation by the running mean and variance of the training, not by the batch's."""
    operation = at.operation
    if operation.operation.uses_batch_statistics or at.output != 0:
        raise NotImplementedError
    channel = int(at.index[1, 0])
    mean = _number(operation, "running_mean", [channel], 0.0)
    variance = _number(operation, "running_var", [channel], 1.0)
    return _normalised(at, "batch normalisation", [channel], mean=mean, variance=variance)


def layer_normalisation(at: OutputValue) -> Explained:
    """Normalisation by the mean and variance of the image's values along the last axes."""
    shape = [int(length) for length in at.operation.arguments["normalized_shape"]]
    places = grid([1] * (len(at.index) - len(shape)) + shape)
    places[: -len(shape)] += at.index[: -len(shape)]
    position = at.index[-len(shape) :, 0].tolist()
    return _by_statistics_of(at, places, "layer normalisation", position)


def group_normalisation(at: OutputValue) -> Explained:
    """Normalisation by the mean and variance of the image's values in a group of channels."""
    channel = int(at.index[1, 0])
    _, num_channels, *sides = at.operation.value("input").tensor.shape
    group_size = num_channels // int(at.operation.arguments["group"])
    places = grid([1, group_size, *sides])
    places[0] += at.index[0]
    places[1] += channel // group_size * group_size
    return _by_statistics_of(at, places, "group normalisation", [channel])


def _by_statistics_of(
    at: OutputValue, places: Indices, kind: str, position: Sequence[int]
) -> Explained:
    """Normalisation by the statistics of the input at places (D, T)."""
    if at.output != 0:
        raise NotImplementedError  # the value is one of the statistics
    values = taken_from(at.operation.value("input"), places)
    return _normalised(at, kind, position, mean=float(values.mean()), variance=float(values.var()))


def _normalised(
    at: OutputValue, kind: str, position: Sequence[int], *, mean: float, variance: float
) -> Explained:
    """Normalisation by a mean and a variance; weight and bias are at `position`."""
    operation = at.operation
    weight, bias = (
        _number(operation, name, position, otherwise)
        for name, otherwise in (("weight", 1.0), ("bias", 0.0))
    )
    epsilon = float(operation.arguments.get("eps", operation.arguments.get("epsilon", 0.0)))
    scale = weight / math.sqrt(variance + epsilon)
    value = operation.value("input")
    found = origin(value, at.index)
    inputs = found.numbers()
    explained = at.sum_of(
        Terms(scale * inputs, inputs, np.array([scale]), found.places, found.is_padding),
        added={"shift": bias - mean * scale},
        kind=kind,
        formula="scale * x + shift; scale = weight / sqrt(variance + epsilon), "
        "shift = bias - mean * scale",
        numbers={
            "mean": mean,
            "variance": variance,
            "weight": weight,
            "bias": bias,
            "epsilon": epsilon,
        },
    )
    return Explained(explained.step, ((value, at.index),))


def _number(operation: Recorded, argument: str, position: Sequence[int], otherwise: float) -> float:
    """A number of an optional tensor argument."""
    value = operation.optional(argument)
    return otherwise if value is None else number_at(value, *position)
