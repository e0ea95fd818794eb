"""Shapes of the most common operations on torch's meta device, without its Python decompositions.

For these torch would first load its compiler: two seconds, for a table that takes half of one. A
rule takes the arguments of the call, and gives None where torch has to be asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch._ops import OpOverload
from torch._prims_common import suggest_memory_format

from convscope.arithmetic.formulas import Window, output_size


def stand_in(tensor: Tensor, *, requires_grad: bool = False) -> Tensor:
    """A tensor on the meta device that lies in memory as this one does."""
    return torch.empty_strided(
        tensor.size(),
        tensor.stride(),
        dtype=tensor.dtype,
        device="meta",
        requires_grad=requires_grad,
    )


def as_on_devices(func: OpOverload[..., Any], args: tuple[Any, ...], out: Any) -> Any:
    """The output of an operation, laid out in memory as processors and GPUs do it.

    A convolution gives channels last where its input or its weight has them; on the meta device
    never. It matters where maps are flattened: then their values are copied, and the copy is saved.
    """
    if func is not torch.ops.aten.convolution.default or not out.is_meta or out.dim() != 4:
        return out
    if any(suggest_memory_format(tensor) is torch.channels_last for tensor in args[:2]):
        return torch.empty_like(out, memory_format=torch.channels_last)
    return out


def batch_norm(images: Tensor, *others: Any) -> tuple[Tensor, Tensor, Tensor] | None:
    """Batch normalisation: the values, mean and deviation of the batch; empty where not taken."""
    *parameters, takes_statistics = others[:5]
    given = [part for part in parameters if part is not None]
    values = of_one(images)
    if values is None or any(part.shape != images.shape[1:2] for part in given):
        return None
    if not (values.is_contiguous() or values.is_contiguous(memory_format=torch.channels_last)):
        return None
    # With parameters in single precision, images in half precision have such statistics.
    kind = next((part.dtype for part in given if part.dtype != images.dtype), images.dtype)
    statistics = images.new_empty(images.shape[1] if takes_statistics else 0, dtype=kind)
    return values, statistics, stand_in(statistics)


def matrix_product(added: Tensor, left: Tensor, right: Tensor, *_factors: Any) -> Tensor | None:
    """A product of two matrices, and what is added to it."""
    if left.dim() != 2 or right.dim() != 2 or left.shape[1] != right.shape[0]:
        return None
    shape = (left.shape[0], right.shape[1])
    return left.new_empty(shape) if added.shape in (shape, shape[1:]) else None


def of_one(tensor: Tensor) -> Tensor | None:
    """A function of one tensor: in memory its dimensions keep their order, but no gaps."""
    steps, strides = tensor.stride(), [1] * tensor.dim()
    taken = 1
    for dim in sorted(range(tensor.dim()), key=lambda dim: (steps[dim], -dim)):
        if steps[dim] < taken and tensor.shape[dim] > 1:
            return None  # values that are stored once and repeated have no order
        strides[dim] = taken if tensor.shape[dim] > 1 else steps[dim]
        taken *= tensor.shape[dim]
    return torch.empty_strided(tensor.shape, strides, dtype=tensor.dtype, device="meta")


def of_two(left: Tensor, right: object, **_factor: Any) -> Tensor | None:
    """A function of two tensors that are alike, or of a tensor and a number."""
    is_alike = isinstance(right, Tensor) and (left.shape, left.stride()) == (
        right.shape,
        right.stride(),
    )
    return of_one(left) if is_alike or isinstance(right, int | float) else None


def mean(
    tensor: Tensor,
    dims: Sequence[int] | None,
    keepdim: bool = False,
    *,
    dtype: torch.dtype | None = None,
) -> Tensor | None:
    """A mean over some dimensions, or over all."""
    count = tensor.dim()
    gone = {dim % count for dim in dims if -count <= dim < count} if dims else set(range(count))
    if dtype not in (None, tensor.dtype) or (dims and len(gone) != len(dims)):
        return None
    sides = [1 if dim in gone else length for dim, length in enumerate(tensor.shape)]
    shape = sides if keepdim else [side for dim, side in enumerate(sides) if dim not in gone]
    return tensor.new_empty(shape)


def concatenated(tensors: Sequence[Tensor], dim: int = 0) -> Tensor | None:
    """Contiguous tensors laid end to end."""
    shape = list(tensors[0].shape)
    rest = {(*tensor.shape[:dim], *tensor.shape[dim + 1 :]) for tensor in tensors}
    if not 0 <= dim < len(shape) or len(rest) != 1:
        return None
    if not all(tensor.is_contiguous() for tensor in tensors):
        return None
    shape[dim] = sum(tensor.shape[dim] for tensor in tensors)
    return tensors[0].new_empty(shape)


def max_pool(
    images: Tensor,
    kernel: Sequence[int],
    stride: Sequence[int] = (),
    padding: Sequence[int] = (0,),
    dilation: Sequence[int] = (1,),
    ceil_mode: bool = False,
) -> tuple[Tensor, Tensor] | None:
    """Maximum pooling: the maxima, and their indices."""
    sides = _sides(images, kernel, stride or kernel, padding, dilation, ceil_mode=ceil_mode)
    if sides is None:
        return None
    shape = (*images.shape[:2], *sides)
    return images.new_empty(shape), images.new_empty(shape, dtype=torch.int64)


def convolution(
    images: Tensor, weight: Tensor, bias: Tensor | None, *geometry: Any
) -> Tensor | None:
    """A convolution of two axes that isn't transposed."""
    stride, padding, dilation, transposed, _output_padding, groups = geometry
    if transposed or weight.dim() != 4 or not weight.is_contiguous():
        return None
    fits = images.shape[1:2] == (weight.shape[1] * groups,) and weight.shape[0] % groups == 0
    if not fits or (bias is not None and bias.shape != weight.shape[:1]):
        return None
    sides = _sides(images, weight.shape[2:], stride, padding, dilation)
    if sides is None:
        return None
    return images.new_empty((images.shape[0], weight.shape[0], *sides))


def _sides(
    images: Tensor,
    kernel: Sequence[int],
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    *,
    ceil_mode: bool = False,
) -> tuple[int, int] | None:
    """Height and width of the output of a window; None where it doesn't fit, or maps have gaps.

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
