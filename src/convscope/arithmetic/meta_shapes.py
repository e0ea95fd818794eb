"""Shapes of the commonest operations on torch's meta device, without its Python decompositions.

For these torch would first load its compiler: two seconds, for a table that takes half of one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch._ops import OpOverload

from convscope.arithmetic.formulas import Window, output_size
from convscope.arithmetic.operation import tensors_in

aten = torch.ops.aten


def shapes(
    func: OpOverload[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> object | None:
    """Tensors on the meta device as the call would give them; None where torch has to say it."""
    first = next(tensors_in(args), None)
    if func not in SHAPES or first is None or not first.is_meta:
        return None
    return SHAPES[func](*args, **kwargs)


def stand_in(tensor: Tensor, *, requires_grad: bool = False) -> Tensor:
    """A tensor on the meta device that lies in memory as this one does."""
    return torch.empty_strided(
        tensor.size(),
        tensor.stride(),
        dtype=tensor.dtype,
        device="meta",
        requires_grad=requires_grad,
    )


def _batch_norm(images: Tensor, *others: Any) -> tuple[Tensor, Tensor, Tensor] | None:
    """Normalised values; mean and deviation of the batch, empty where it isn't looked at."""
    *parameters, looks = others[:5]
    if any(part is not None and part.shape != images.shape[1:2] for part in parameters):
        return None
    statistics = torch.empty(images.shape[1] if looks else 0, device="meta")
    return stand_in(images), statistics, stand_in(statistics)


def _product(added: Tensor, left: Tensor, right: Tensor, *_factors: Any) -> Tensor | None:
    if left.dim() != 2 or left.shape[1:] != right.shape[:1]:
        return None
    return torch.empty((left.shape[0], right.shape[1]), dtype=left.dtype, device="meta")


def _value_by_value(left: Tensor, right: object, **_factor: Any) -> Tensor | None:
    if not isinstance(right, Tensor):
        return stand_in(left)
    if left.shape != right.shape or left.dtype != right.dtype:
        return None
    return stand_in(left)


def _mean(
    tensor: Tensor, dims: Sequence[int] | None, keepdim: bool = False, **_dtype: Any
) -> Tensor:
    gone = {dim % tensor.dim() for dim in dims or range(tensor.dim())}
    sides = [1 if dim in gone else length for dim, length in enumerate(tensor.shape)]
    shape = sides if keepdim else [side for dim, side in enumerate(sides) if dim not in gone]
    return torch.empty(shape, dtype=tensor.dtype, device="meta")


def _concatenated(tensors: Sequence[Tensor], dim: int = 0) -> Tensor | None:
    shape = list(tensors[0].shape)
    rest = {(*tensor.shape[:dim], *tensor.shape[dim + 1 :]) for tensor in tensors if dim >= 0}
    if len(rest) != 1:
        return None
    shape[dim] = sum(tensor.shape[dim] for tensor in tensors)
    return torch.empty(shape, dtype=tensors[0].dtype, device="meta")


def _max_pool(
    images: Tensor,
    kernel: Sequence[int],
    stride: Sequence[int] = (),
    padding: Sequence[int] = (0,),
    dilation: Sequence[int] = (1,),
    ceil_mode: bool = False,
) -> tuple[Tensor, Tensor] | None:
    """Maxima, and where they were."""
    sides = _sides(images, kernel, stride or kernel, padding, dilation, ceil_mode=ceil_mode)
    if sides is None:
        return None
    shape = (*images.shape[:2], *sides)
    values = torch.empty(shape, dtype=images.dtype, device="meta")
    return values, torch.empty(shape, dtype=torch.int64, device="meta")


def _convolution(
    images: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    transposed: bool,
    output_padding: Sequence[int],
    groups: int,
) -> Tensor | None:
    fits = images.dim() == 4 and weight.dim() == 4 and images.shape[1] == weight.shape[1] * groups
    if transposed or not fits or images.dtype != weight.dtype or not weight.is_contiguous():
        return None
    sides = _sides(images, weight.shape[2:], stride, padding, dilation)
    if sides is None:
        return None
    shape = (images.shape[0], weight.shape[0], *sides)
    return torch.empty(shape, dtype=images.dtype, device="meta")


def _sides(
    images: Tensor,
    kernel: Sequence[int],
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    *,
    ceil_mode: bool = False,
) -> tuple[int, int] | None:
    """Height and width after a window slid; None where it doesn't fit, or strides in memory differ.

    Torch lets one number stand for both axes.
    """
    if images.dim() != 4 or not images.is_contiguous():
        return None
    numbers = (tuple(given) * (2 // len(given)) for given in (kernel, stride, padding, dilation))
    sides = []
    for length, size, step, pad, spread in zip(images.shape[2:], *numbers, strict=True):
        window = Window(size, step, pad, pad, spread)
        if length + 2 * pad < window.extent:
            return None
        sides.append(output_size(length, window, ceil_mode=ceil_mode))
    return sides[0], sides[1]


SHAPES: dict[OpOverload[..., Any], Callable[..., object | None]] = {
    aten.native_batch_norm.default: _batch_norm,
    aten.addmm.default: _product,
    aten.relu.default: stand_in,
    aten.add.Tensor: _value_by_value,
    aten.sub.Tensor: _value_by_value,
    aten.mul.Tensor: _value_by_value,
    aten.tanh.default: stand_in,
    aten.mean.dim: _mean,
    aten.cat.default: _concatenated,
    aten.max_pool2d_with_indices.default: _max_pool,
    aten.convolution.default: _convolution,
}
