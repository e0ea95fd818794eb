"""Index mapping of operations that only move values: views, permutations, slices, padding."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from convscope.errors import NetworkError
from convscope.inspection.values.recording import Recorded, Value

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Indices = NDArray[np.int64]  # (D, T): T places in a tensor of D dimensions


class Origin(NamedTuple):
    """Where T values come from.

    Attributes:
        value: The tensor that they were in before anything moved them.
        places: (D, T) their places in it; 0 where they are padding.
        is_padding: (T,) whether they are padding, which comes from no tensor.
        filling: The value of the padding.
    """

    value: Value
    places: Indices
    is_padding: Flags
    filling: float = 0.0

    def numbers(self) -> Floats:
        """(T,) the values, in double precision."""
        taken = taken_from(self.value, self.places)
        return np.where(self.is_padding, self.filling, taken)


def taken_from(value: Value, index: Indices) -> Floats:
    """(T,) the numbers at the places (D, T) of a tensor, in double precision."""
    tensor = value.tensor.detach()
    if tensor.ndim == 0:
        return np.full(index.shape[1], float(tensor))
    places = tuple(torch.from_numpy(row).to(tensor.device) for row in index)
    numbers: Floats = tensor[places].cpu().double().numpy()
    return numbers


def number_at(value: Value, *place: int) -> float:
    """One number of a tensor, in double precision."""
    return float(value.tensor.detach()[place])


def origin(value: Value, index: Indices) -> Origin:
    """Traces values back through every operation that only moves them.

    Args:
        value: The tensor that they are in.
        index: (D, T) their places in it.

    Raises:
        NetworkError: The values at the origin differ, so an operation moved them in an unknown way.
    """
    found = Origin(value, index, np.zeros(index.shape[1], np.bool_))
    while (source := found.value.source) is not None and source.name in MOVES:
        if found.value.is_from_image is False or found.is_padding.all():
            break
        before = MOVES[source.name](source, found.value.output, found.places)
        is_new = before.is_padding & ~found.is_padding
        if found.is_padding.any() and is_new.any() and before.filling != found.filling:
            break  # two paddings with different fillings: this far back the mapping is right
        filling = before.filling if is_new.any() else found.filling
        padding = before.is_padding | found.is_padding
        found = Origin(before.value, np.where(padding, 0, before.places), padding, filling)
    is_moved = found.value is not value
    if is_moved and not np.array_equal(taken_from(value, index), found.numbers(), equal_nan=True):
        name = value.source.name if value.source else ""
        raise NetworkError(
            f"the values before and after `{name}` differ, so they can't be traced",
            hint="choose a layer before it",
        )
    return found


def _moved(value: Value, index: Indices) -> Origin:
    return Origin(value, index, np.zeros(index.shape[1], np.bool_))


def _same(operation: Recorded, _output: int, index: Indices) -> Origin:
    return _moved(operation.value("self"), index)


def _view(operation: Recorded, output: int, index: Indices) -> Origin:
    """A view that keeps the order of the values."""
    value, shape = operation.value("self"), operation.outputs[output].tensor.shape
    flat = np.ravel_multi_index(tuple(index), tuple(shape)) if len(shape) else index.sum(0)
    return _moved(value, np.array(np.unravel_index(flat, tuple(value.tensor.shape)), np.int64))


def _permute(operation: Recorded, _output: int, index: Indices) -> Origin:
    value = operation.value("self")
    num_axes = value.tensor.ndim
    order, arguments = list(range(num_axes)), operation.arguments
    if operation.name == "permute":
        order = [int(axis) % num_axes for axis in arguments["dims"]]
    else:
        first, second = (int(arguments.get(name, at)) for at, name in enumerate(("dim0", "dim1")))
        if num_axes > 1:
            order[first], order[second] = order[second], order[first]
    return _moved(value, index[np.argsort(order)])


def _expand(operation: Recorded, _output: int, index: Indices) -> Origin:
    value = operation.value("self")
    return _moved(value, broadcast(index, tuple(value.tensor.shape)))


def outside(index: Indices, lengths: Sequence[int]) -> Flags:
    """(T,) which places (D, T) are outside of a tensor with these D lengths."""
    ends = np.array(lengths, np.int64)[:, None]
    is_outside: Flags = np.logical_or.reduce((index < 0) | (index >= ends))
    return is_outside


def broadcast(index: Indices, shape: tuple[int, ...]) -> Indices:
    """(D', T) places in a tensor of `shape` that was broadcast to the tensor of `index` (D, T)."""
    last = index[index.shape[0] - len(shape) :]
    return np.where(np.array(shape, np.int64)[:, None] == 1, 0, last)


def _slice(operation: Recorded, _output: int, index: Indices) -> Origin:
    value, arguments = operation.value("self"), operation.arguments
    axis = arguments["dim"] % value.tensor.ndim
    bounds = slice(arguments["start"], arguments["end"], arguments["step"])
    start, _, step = bounds.indices(value.tensor.shape[axis])
    before = index.copy()
    before[axis] = start + step * index[axis]
    return _moved(value, before)


def _as_strided(operation: Recorded, _output: int, index: Indices) -> Origin:
    """A view with other strides, as after a mean over channels-last maps."""
    value, arguments = operation.value("self"), operation.arguments
    steps, tensor = np.array(arguments["stride"], np.int64), value.tensor
    start = arguments["storage_offset"]
    offset = 0 if start is None else int(start) - tensor.storage_offset()
    rest = (steps[:, None] * index).sum(axis=0) + offset
    before = np.zeros((tensor.ndim, index.shape[1]), np.int64)
    for axis in sorted(range(tensor.ndim), key=tensor.stride, reverse=True):
        if tensor.shape[axis] > 1:
            before[axis], rest = np.divmod(rest, tensor.stride(axis))
    return _moved(value, before)


def _split(operation: Recorded, output: int, index: Indices) -> Origin:
    value = operation.value("self")
    axis = operation.arguments["dim"] % value.tensor.ndim
    before = index.copy()
    before[axis] += sum(part.tensor.shape[axis] for part in operation.outputs[:output])
    return _moved(value, before)


def _select(operation: Recorded, output: int, index: Indices) -> Origin:
    value, arguments = operation.value("self"), operation.arguments
    axis = arguments["dim"] % value.tensor.ndim
    at = arguments.get("index", output) % value.tensor.shape[axis]
    return _moved(value, np.insert(index, axis, at, axis=0))


def _pad(operation: Recorded, _output: int, index: Indices) -> Origin:
    value, arguments = operation.value("self"), operation.arguments
    before, pads = index.copy(), [int(pad) for pad in arguments["pad"]]
    for position in range(len(pads) // 2):
        before[value.tensor.ndim - 1 - position] -= pads[2 * position]
    return _inside(value, before, filling=float(arguments["value"] or 0))


def _inside(value: Value, index: Indices, *, filling: float = 0.0) -> Origin:
    """The origin in a tensor around which there is padding."""
    is_padding = outside(index, value.tensor.shape)
    return Origin(value, np.where(is_padding, 0, index), is_padding, filling)


def _unfold(operation: Recorded, _output: int, index: Indices) -> Origin:
    """`x.unfold(axis, size, step)`: windows along one axis; the place in a window is a new axis."""
    arguments = operation.arguments
    before = index[:-1].copy()
    axis = arguments["dimension"] % len(before)
    before[axis] = index[axis] * arguments["step"] + index[-1]
    return _moved(operation.value("self"), before)


def _im2col(operation: Recorded, _output: int, index: Indices) -> Origin:
    """`im2col`: (N, C * kernel, windows) from (N, C, H, W)."""
    value, numbers = operation.value("self"), operation.operation.numbers
    kernel, stride, padding, dilation = (
        numbers(name, length=2) for name in ("kernel_size", "stride", "padding", "dilation")
    )
    height, width = value.tensor.shape[2:]
    sides = zip((height, width), kernel, stride, padding, dilation, strict=True)
    _, columns = ((side + 2 * p - d * (k - 1) - 1) // s + 1 for side, k, s, p, d in sides)
    channel, inner = np.divmod(index[1], kernel[0] * kernel[1])
    in_kernel, window = np.divmod(inner, kernel[1]), np.divmod(index[2], columns)
    place = [
        window[axis] * stride[axis] - padding[axis] + in_kernel[axis] * dilation[axis]
        for axis in range(2)
    ]
    return _inside(value, np.stack([index[0], channel, *place]))


Move = Callable[[Recorded, int, Indices], Origin]

# One index mapping per operator: from places (D, T) in an output to where those values came from.
MOVES: dict[str, Move] = {
    **dict.fromkeys(("alias", "detach", "clone", "contiguous", "lift_fresh", "positive"), _same),
    **dict.fromkeys(("view", "_unsafe_view", "reshape", "unsqueeze", "squeeze"), _view),
    **dict.fromkeys(("permute", "transpose", "t"), _permute),
    "expand": _expand,
    "slice": _slice,
    "as_strided": _as_strided,
    **dict.fromkeys(("split", "split_with_sizes"), _split),
    **dict.fromkeys(("select", "unbind"), _select),
    "constant_pad_nd": _pad,
    "unfold": _unfold,
    "im2col": _im2col,
}
