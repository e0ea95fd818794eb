"""One value of a normalisation: scale times input plus shift, and the numbers that make these."""

from __future__ import annotations

import math

import numpy as np

from convscope.arithmetic.operation_kinds import BATCH_NORMS
from convscope.arithmetic.rules import is_normalisation_by_running_statistics
from convscope.inspection.explaining_windows import grid
from convscope.inspection.explanation import Explain, Explanation, summed
from convscope.inspection.moving import number_at, origin, taken_from
from convscope.inspection.recording import Recorded
from convscope.inspection.terms import Floats, Indices, Terms

FORMULA = (
    "scale * x + shift; scale = weight / sqrt(variance + epsilon), shift = bias - mean * scale"
)


def batch_normalisation(operation: Recorded, output: int, index: Indices) -> Explanation:
    """With the mean and the variance that training left.

    Raises:
        NotImplementedError: It normalises by the batch.
    """
    if not is_normalisation_by_running_statistics(operation.operation) or output != 0:
        raise NotImplementedError
    channel = int(index[1, 0])
    return _normalised(
        operation,
        index,
        kind="batch normalisation",
        mean=_number(operation, "running_mean", (channel,), 0.0),
        variance=_number(operation, "running_var", (channel,), 1.0),
        place=(channel,),
    )


def layer_normalisation(operation: Recorded, output: int, index: Indices) -> Explanation:
    """With the mean and the variance of this image's values along the last axes.

    Raises:
        NotImplementedError: What is asked for is not the normalised value.
    """
    if output != 0:
        raise NotImplementedError
    shape = [int(length) for length in operation.operation.arguments["normalized_shape"]]
    places = grid([1] * (len(index) - len(shape)) + shape)
    places[: -len(shape)] += index[: -len(shape)]
    values = taken_from(operation.value("input"), places)
    place = tuple(int(at) for at in index[-len(shape) :, 0])
    return _by_statistics(operation, index, values, kind="layer normalisation", place=place)


def group_normalisation(operation: Recorded, output: int, index: Indices) -> Explanation:
    """With the mean and the variance of this image's values in a group of channels.

    Raises:
        NotImplementedError: What is asked for is not the normalised value.
    """
    if output != 0:
        raise NotImplementedError
    value, channel = operation.value("input"), int(index[1, 0])
    _, num_channels, *sides = value.tensor.shape
    channels = num_channels // int(operation.operation.arguments["group"])
    places = grid([1, channels, *sides])
    places[0] += index[0]
    places[1] += channel // channels * channels
    values = taken_from(value, places)
    return _by_statistics(operation, index, values, kind="group normalisation", place=(channel,))


def _by_statistics(
    operation: Recorded, index: Indices, values: Floats, *, kind: str, place: tuple[int, ...]
) -> Explanation:
    return _normalised(
        operation, index, kind=kind, mean=values.mean(), variance=values.var(), place=place
    )


def _normalised(
    operation: Recorded,
    index: Indices,
    *,
    kind: str,
    mean: float,
    variance: float,
    place: tuple[int, ...],
) -> Explanation:
    """The explanation for a mean and a variance; weight and bias are at `place`."""
    weight, bias = _number(operation, "weight", place, 1.0), _number(operation, "bias", place, 0.0)
    arguments = operation.operation.arguments
    epsilon = float(arguments.get("eps", arguments.get("epsilon", 0.0)))
    scale = weight / math.sqrt(variance + epsilon)
    value = operation.value("input")
    found = origin(value, index)
    inputs = found.numbers()
    explanation = summed(
        operation,
        0,
        index,
        Terms(scale * inputs, inputs, np.array([scale]), found.places, found.is_padding),
        added={"shift": bias - mean * scale},
        kind=kind,
        formula=FORMULA,
        numbers={
            "mean": float(mean),
            "variance": float(variance),
            "weight": weight,
            "bias": bias,
            "epsilon": epsilon,
        },
    )
    return Explanation(explanation.step, ((value, index),))


def _number(operation: Recorded, name: str, place: tuple[int, ...], otherwise: float) -> float:
    value = operation.optional(name)
    return otherwise if value is None else number_at(value, *place)


NORMALISING: dict[str, Explain] = {
    **dict.fromkeys(BATCH_NORMS, batch_normalisation),
    "native_layer_norm": layer_normalisation,
    "native_group_norm": group_normalisation,
}
