"""Rules of convolutions and poolings: every input in the window of one output value."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch

from convscope.inspection.values.index_mapping import (
    Flags,
    Indices,
    number_at,
    origin,
    outside,
    taken_from,
)
from convscope.inspection.values.recording import Value
from convscope.inspection.values.steps import Explained, OutputValue, TermWindow, terms_from


class WindowPlaces(NamedTuple):
    """The T places in the window of one output value.

    Attributes:
        places: (D, T) in the input; clipped to it where they are outside.
        is_outside: (T,) whether they are in the padding.
        in_kernel: (A, T) places in the kernel along the A axes that it slides over.
    """

    places: Indices
    is_outside: Flags
    in_kernel: Indices


class WindowGrid(NamedTuple):
    """The window of one output value along the A axes that a kernel slides over.

    Attributes:
        start: (A,) first place in the input; negative in the padding.
        extent: (A,) number of places.
        dilation: (A,) distance from one place to the next.
    """

    start: Sequence[int]
    extent: Sequence[int]
    dilation: Sequence[int]

    def grid(self, value: Value, index: Indices, channels: range) -> WindowPlaces:
        """All places of the window of the output value at `index` (D, 1) in some input channels."""
        places = grid([len(channels), *self.extent])
        start, dilation = (np.array(part)[:, None] for part in (self.start, self.dilation))
        position = start + dilation * places[1:]
        lengths = value.tensor.shape[-len(self.extent) :]
        last = np.array(lengths, np.int64)[:, None] - 1
        leading = np.repeat(index[: -len(self.extent) - 1], places.shape[1], axis=1)
        rows = [leading, channels.start + places[:1], np.clip(position, 0, last)]
        return WindowPlaces(np.concatenate(rows), outside(position, lengths), places[1:])

    def of_terms(self, seen: WindowPlaces, chosen: Flags) -> TermWindow | None:
        """Where the chosen ones of the window's places lie; None but for feature maps."""
        if len(self.extent) != 2:
            return None
        (top, left), (down, right) = self.start, self.dilation
        channels = seen.places[-3, chosen]
        return TermWindow((top, left), (down, right), channels, seen.in_kernel[:, chosen])


def grid(lengths: Sequence[int]) -> Indices:
    """(A, T) all places of a box with these A lengths, the last one running fastest."""
    return np.indices(tuple(lengths), np.int64).reshape(len(lengths), -1)


def convolution(at: OutputValue) -> Explained:
    """Kernel value times input for each input channel and place of the kernel, plus the bias."""
    operation = at.operation
    if operation.arguments["transposed"]:
        raise NotImplementedError
    value, kernel = operation.value("input"), operation.value("weight")
    num_kernels, num_channels, *extent = kernel.tensor.shape
    num_axes = len(extent)
    stride, padding, dilation = (
        operation.operation.numbers(name, length=num_axes)
        for name in ("stride", "padding", "dilation")
    )
    channel = int(at.index[-num_axes - 1, 0])
    first = channel // (num_kernels // operation.arguments["groups"]) * num_channels
    window = WindowGrid(_starts(at.index, stride, padding), extent, dilation)
    seen = window.grid(value, at.index, range(first, first + num_channels))
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
    return at.sum_of(
        terms,
        added=added,
        kind="convolution",
        formula=formula,
        window=window.of_terms(seen, exists),
    )


def _starts(index: Indices, stride: Sequence[int], padding: Sequence[int]) -> list[int]:
    """(A,) where the window of the output value at `index` (D, 1) begins in the input."""
    positions = index[-len(stride) :, 0].tolist()
    return [at * step - pad for at, step, pad in zip(positions, stride, padding, strict=True)]


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


def max_pooling(at: OutputValue) -> Explained:
    """The largest input of the window, fixed or adaptive; padding never wins."""
    is_adaptive = at.operation.name.startswith("adaptive")
    window = _adaptive_window(at) if is_adaptive else _pooling_window(at)
    seen = _in_own_channel(at, window)
    is_inside = ~seen.is_outside
    found = origin(at.operation.value("self"), seen.places[:, is_inside])
    return at.largest_of(terms_from(found), window=window.of_terms(seen, is_inside))


def mean_pooling(at: OutputValue) -> Explained:
    """The sum of the inputs in the window, divided by their number as the layer counts it."""
    operation = at.operation
    window = _pooling_window(at)
    seen = _in_own_channel(at, window)
    num_axes = len(window.extent)
    lengths = operation.value("self").tensor.shape[-num_axes:]
    padding = operation.operation.numbers("padding", length=num_axes)
    # With a rounded-up size, a window may reach beyond the padding: that part isn't counted.
    sides = zip(window.start, window.extent, lengths, padding, strict=True)
    num_inputs = math.prod(min(a + k, length + p) - a for a, k, length, p in sides)
    is_inside = ~seen.is_outside
    if not operation.arguments["count_include_pad"]:
        num_inputs = int(is_inside.sum())
    divisor = operation.arguments.get("divisor_override") or num_inputs
    return mean_of(at, seen.places[:, is_inside], divisor, window=window.of_terms(seen, is_inside))


def mean_of(
    at: OutputValue, places: Indices, divisor: int, *, window: TermWindow | None = None
) -> Explained:
    """The sum of the inputs at places (D, T) over a divisor."""
    found = origin(at.operation.value("self"), places)
    terms = terms_from(found, weights=np.full(places.shape[1], 1 / divisor))
    formula = f"sum of inputs / {divisor}"
    return at.sum_of(terms, kind="mean pooling", formula=formula, window=window)


def adaptive_mean_pooling(at: OutputValue) -> Explained:
    """The mean of a window whose size follows from the sizes of input and output."""
    window = _adaptive_window(at)
    seen = _in_own_channel(at, window)
    found = window.of_terms(seen, ~seen.is_outside)
    return mean_of(at, seen.places, seen.places.shape[1], window=found)


def _pooling_window(at: OutputValue) -> WindowGrid:
    """The window of a pooling with a fixed size."""
    numbers, num_axes = at.operation.operation.numbers, at.operation.operation.num_pooled_axes
    extent = numbers("kernel_size", length=num_axes)
    stride = numbers("stride", length=num_axes) or extent
    padding = numbers("padding", length=num_axes)
    dilation = [1] * num_axes
    if "dilation" in at.operation.arguments:
        dilation = numbers("dilation", length=num_axes)
    return WindowGrid(_starts(at.index, stride, padding), extent, dilation)


def _adaptive_window(at: OutputValue) -> WindowGrid:
    """The window of a pooling that fits its size to that of the output."""
    num_axes = at.operation.operation.num_pooled_axes
    lengths = at.operation.value("self").tensor.shape[-num_axes:]
    counts = at.operation.outputs[0].tensor.shape[-num_axes:]
    sides = list(zip(at.index[-num_axes:, 0].tolist(), lengths, counts, strict=True))
    start = [place * length // count for place, length, count in sides]
    end = [-(-(place + 1) * length // count) for place, length, count in sides]
    extent = [b - a for a, b in zip(start, end, strict=True)]
    return WindowGrid(start, extent, [1] * num_axes)


def _in_own_channel(at: OutputValue, window: WindowGrid) -> WindowPlaces:
    """All places of a window in the channel of the output value."""
    channel = int(at.index[-len(window.extent) - 1, 0])
    return window.grid(at.operation.value("self"), at.index, range(channel, channel + 1))
