"""One value of a convolution or pooling: every input in its window, with what it counts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch

from convscope.inspection.explanation import Explain, Explanation, chosen, summed, terms_from
from convscope.inspection.moving import number_at, origin, taken_from
from convscope.inspection.recording import Recorded, Value
from convscope.inspection.terms import Flags, Indices


class Windows(NamedTuple):
    """The places that one output value looks at; T of them.

    Attributes:
        places: (D, T) in the input; clipped to it where they are outside.
        is_outside: (T,) whether they are in the padding.
        in_kernel: (A, T) places in the kernel along the A axes that it slides over.
    """

    places: Indices
    is_outside: Flags
    in_kernel: Indices


def grid(lengths: Sequence[int]) -> Indices:
    """(A, T) all places of a box with these A lengths, the last one running fastest."""
    return np.indices(tuple(lengths), np.int64).reshape(len(lengths), -1)


def _windows(value: Value, index: Indices, *, start: Sequence[int], extent: Sequence[int],
             dilation: Sequence[int], channels: range) -> Windows:  # fmt: skip
    """The window at `start` in all of `channels`; an axis that isn't slid over is the image's."""
    num_axes = len(extent)
    first = value.tensor.ndim - num_axes
    places = grid([len(channels), *extent])
    position = np.array(start)[:, None] + np.array(dilation)[:, None] * places[1:]
    lengths = np.array(value.tensor.shape[first:], np.int64)[:, None]
    is_outside: Flags = np.logical_or.reduce((position < 0) | (position >= lengths))
    leading = np.repeat(index[: first - 1], places.shape[1], axis=1)
    rows = [leading, (channels.start + places[:1]), np.clip(position, 0, lengths - 1)]
    return Windows(np.concatenate(rows), is_outside, places[1:])


def convolution(operation: Recorded, output: int, index: Indices) -> Explanation:
    """Kernel value times input for each input channel and place of the kernel, plus the bias.

    Raises:
        NotImplementedError: It is transposed.
    """
    call = operation.operation
    if call.arguments["transposed"]:
        raise NotImplementedError
    value, kernel = operation.value("input"), operation.value("weight")
    num_kernels, channels, *extent = kernel.tensor.shape
    num_axes = len(extent)
    stride, padding, dilation = (
        call.numbers(name, length=num_axes) for name in ("stride", "padding", "dilation")
    )
    at, channel = index[-num_axes:, 0], int(index[-num_axes - 1, 0])
    first = channel // (num_kernels // call.arguments["groups"]) * channels
    seen = _windows(
        value,
        index,
        start=[int(at[axis]) * stride[axis] - padding[axis] for axis in range(num_axes)],
        extent=extent,
        dilation=dilation,
        channels=range(first, first + channels),
    )
    in_kernel = np.concatenate([seen.places[-num_axes - 1 : -num_axes] - first, seen.in_kernel])
    which = np.concatenate([np.full((1, in_kernel.shape[1]), channel), in_kernel])
    exists = _connections(kernel, which)
    terms = terms_from(
        origin(value, seen.places[:, exists]),
        outside=seen.is_outside[exists],
        weights=taken_from(kernel, which[:, exists]),
    )
    bias = operation.optional("bias")
    added = {} if bias is None else {"bias": number_at(bias, channel)}
    formula = "sum of weight * input" + (" + bias" if added else "")
    return summed(operation, output, index, terms, added=added, kind="convolution", formula=formula)


def _connections(kernel: Value, which: Indices) -> Flags:
    """(T,) which places (D, T) of a kernel exist: all, unless it was put into one of zeros.

    So it is in LeNet-5's C3, where each map sees only some maps.
    """
    source = kernel.source
    if source is None or source.name != "index_put":
        return np.ones(which.shape[1], np.bool_)
    target = source.value("self").source
    if target is None or target.name not in ("new_zeros", "zeros"):
        return np.ones(which.shape[1], np.bool_)
    indices = tuple(value.tensor for value in source.values("indices"))
    exists = torch.zeros(kernel.tensor.shape, dtype=torch.bool, device=kernel.tensor.device)
    exists[indices] = True
    connected: Flags = exists.cpu().numpy()[tuple(which)]
    return connected


def _pooled(
    operation: Recorded, index: Indices, *, num_axes: int, dilated: bool
) -> tuple[Windows, list[int], list[int], list[int]]:
    """What a pooling with a fixed window looks at, with its start, window and padding."""
    call, value = operation.operation, operation.value("self")
    extent = call.numbers("kernel_size", length=num_axes)
    stride = call.numbers("stride", length=num_axes) or extent
    padding = call.numbers("padding", length=num_axes)
    dilation = call.numbers("dilation", length=num_axes) if dilated else [1] * num_axes
    at, channel = index[-num_axes:, 0], int(index[-num_axes - 1, 0])
    start = [int(at[axis]) * stride[axis] - padding[axis] for axis in range(num_axes)]
    seen = _windows(
        value,
        index,
        start=start,
        extent=extent,
        dilation=dilation,
        channels=range(channel, channel + 1),
    )
    return seen, start, extent, padding


def max_pooling(operation: Recorded, output: int, index: Indices) -> Explanation:
    """The largest input of the window; padding never wins."""
    num_axes = _num_axes(operation)
    seen, *_ = _pooled(operation, index, num_axes=num_axes, dilated=True)
    found = origin(operation.value("self"), seen.places[:, ~seen.is_outside])
    return chosen(
        operation, output, index, terms_from(found), kind="max pooling", formula="largest input"
    )


def mean_pooling(operation: Recorded, output: int, index: Indices) -> Explanation:
    """The inputs of the window, divided by their number as the layer counts it."""
    call, num_axes = operation.operation, _num_axes(operation)
    seen, start, extent, padding = _pooled(operation, index, num_axes=num_axes, dilated=False)
    value = operation.value("self")
    lengths = value.tensor.shape[-num_axes:]
    # With a rounded-up size, a window may reach beyond the padding: that part counts for nothing.
    sides = zip(start, extent, lengths, padding, strict=True)
    counted = math.prod(min(a + k, length + p) - a for a, k, length, p in sides)
    if not call.arguments["count_include_pad"]:
        counted = int((~seen.is_outside).sum())
    divisor = call.arguments.get("divisor_override") or counted
    inside = ~seen.is_outside
    return _mean(operation, output, index, seen.places[:, inside], divisor)


def _mean(
    operation: Recorded, output: int, index: Indices, places: Indices, divisor: int
) -> Explanation:
    found = origin(operation.value("self"), places)
    terms = terms_from(found, weights=np.full(places.shape[1], 1 / divisor))
    formula = f"sum of inputs / {divisor}"
    return summed(operation, output, index, terms, kind="mean pooling", formula=formula)


def _adaptive(operation: Recorded, index: Indices) -> Indices:
    """(D, T) the places of the window that fits the input's size to the output's."""
    value, num_axes = operation.value("self"), _num_axes(operation)
    lengths = value.tensor.shape[-num_axes:]
    counts = operation.outputs[0].tensor.shape[-num_axes:]
    at = [int(place) for place in index[-num_axes:, 0]]
    sides = list(zip(at, lengths, counts, strict=True))
    start = [place * length // count for place, length, count in sides]
    end = [-(-(place + 1) * length // count) for place, length, count in sides]
    channel = int(index[-num_axes - 1, 0])
    return _windows(
        value,
        index,
        start=start,
        extent=[b - a for a, b in zip(start, end, strict=True)],
        dilation=[1] * num_axes,
        channels=range(channel, channel + 1),
    ).places


def adaptive_mean_pooling(operation: Recorded, output: int, index: Indices) -> Explanation:
    """The mean of a window whose size follows from input and output."""
    places = _adaptive(operation, index)
    return _mean(operation, output, index, places, places.shape[1])


def adaptive_max_pooling(operation: Recorded, output: int, index: Indices) -> Explanation:
    """The largest input of a window whose size follows from input and output."""
    terms = terms_from(origin(operation.value("self"), _adaptive(operation, index)))
    fields: dict[str, Any] = {"kind": "max pooling", "formula": "largest input"}
    return chosen(operation, output, index, terms, **fields)


def _num_axes(operation: Recorded) -> int:
    """How many axes a pooling slides over: its name says it."""
    return int(operation.name.partition("pool")[2][0])


WINDOWED: dict[str, Explain] = {
    "convolution": convolution,
    **{f"max_pool{n}d_with_indices": max_pooling for n in (2, 3)},
    **{f"avg_pool{n}d": mean_pooling for n in (1, 2, 3)},
    **{f"_adaptive_avg_pool{n}d": adaptive_mean_pooling for n in (2, 3)},
    **{f"adaptive_max_pool{n}d": adaptive_max_pooling for n in (2, 3)},
}
