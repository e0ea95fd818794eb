"""A forward pass in which nothing hides what a value depends on, for measuring receptive fields.

Gradients of the real network would lie: a dead ReLU, a maximum that looks at one pixel of four, a
weight of 0 or a sum that cancels make pixels invisible that the layer does see. So, while a network
runs in `linearised`:

- convolutions and dense layers add up what they see, with weights of 1, and take the mean over
  channels; all their outputs are the same, so one channel is computed and, where the rest of the
  network needs them all, repeated;
- maximum pooling becomes mean pooling and a difference a sum; activations, dropout and batch
  normalisation do nothing;
- normalisation by statistics of the image adds the mean of what these are taken over;
- weights and biases that are made from the image add their mean.

All values stay positive, so no gradient can cancel. They grow by the size of each window, so the
pass is in double precision.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from convscope.arithmetic.operation import tensors_in


class _Linearised(TorchFunctionMode):
    """Replaces functions that hide something by ones that don't.

    Args:
        is_thin: Whether layers give one channel only, instead of all.
    """

    def __init__(self, *, is_thin: bool) -> None:
        super().__init__()
        self.is_thin = is_thin

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: object,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> object:
        """Run the function, or what stands for it."""
        kwargs = dict(kwargs or {})
        if func in UNCHANGED:
            return args[0] if args else kwargs["input"]
        if func not in SUMS:
            result = REPLACED.get(func, func)(*args, **kwargs)
            if self.is_thin and any(tensor.numel() == 0 for tensor in tensors_in(result)):
                raise ValueError("the network looks at channels that a thin pass doesn't have")
            return result
        thin, (dimension, length) = SUMS[func](*args, **kwargs)
        if self.is_thin:
            return thin
        shape = [-1] * thin.dim()
        shape[dimension] = length
        return thin.expand(shape).contiguous()  # views of it may follow


@contextmanager
def linearised(*, is_thin: bool) -> Iterator[None]:
    """Within it every value depends on all that its layer looks at, visibly for gradients.

    Args:
        is_thin: Whether layers give one channel only: fast, but a network that names its numbers
            of channels on the way fails.
    """
    with _Linearised(is_thin=is_thin):
        yield


class _Thin(NamedTuple):
    """One channel of an output, and in which dimension it would have how many."""

    values: Tensor
    channels: tuple[int, int]


def _convolution(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: int | tuple[int, ...] = 1,
    padding: str | int | tuple[int, ...] = 0,
    dilation: int | tuple[int, ...] = 1,
    groups: int = 1,
) -> _Thin:
    """Sums over windows of the mean over all channels."""
    axes = weight.dim() - 2
    ones = input.new_ones((1, 1, *weight.shape[2:]))
    convolve = (F.conv1d, F.conv2d, F.conv3d)[axes - 1]
    mean = input.mean(dim=-axes - 1, keepdim=True)
    thin: Tensor = convolve(mean, ones, None, stride, padding, dilation)
    thin = _with_made(thin, weight, bias)
    return _Thin(thin, (thin.dim() - axes - 1, weight.shape[0]))


def _dense(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> _Thin:
    """The mean over all features."""
    thin = _with_made(input.mean(dim=-1, keepdim=True), weight, bias)
    return _Thin(thin, (input.dim() - 1, weight.shape[0]))


def _with_made(values: Tensor, *parameters: object) -> Tensor:
    """The values and the means of those parameters that depend on the image: only they learn."""
    for parameter in parameters:
        if isinstance(parameter, Tensor) and parameter.requires_grad:
            values = values + parameter.mean()
    return values


def _max_pool(
    input: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Tensor:
    """Means of the same windows."""
    if dilation not in (1, (1, 1)) or return_indices:
        raise NotImplementedError("maximum pooling with dilation or indices")
    return F.avg_pool2d(input, kernel_size, stride, padding, ceil_mode)


def _adaptive_max_pool(input: Tensor, output_size: Any, return_indices: bool = False) -> Tensor:
    return F.adaptive_avg_pool2d(input, output_size)


def _layer_norm(
    input: Tensor, normalized_shape: Sequence[int], *others: Any, **more: Any
) -> Tensor:
    """Each value and the mean of the last dimensions."""
    gone = range(input.dim() - len(normalized_shape), input.dim())
    values = input + input.mean(dim=tuple(gone), keepdim=True)
    return _with_made(values, *others, *more.values())


def _group_norm(input: Tensor, num_groups: int, *others: Any, **more: Any) -> Tensor:
    """Each value and the mean of its image."""
    values = input + input.mean(dim=tuple(range(1, input.dim())), keepdim=True)
    return _with_made(values, *others, *more.values())


def _instance_norm(
    input: Tensor,
    running_mean: Tensor | None = None,
    running_var: Tensor | None = None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    use_input_stats: bool = True,
    *_others: Any,
    **_more: Any,
) -> Tensor:
    """Each value and, where it counts, the mean of its map."""
    values = _with_made(input, running_mean, running_var, weight, bias)
    if not use_input_stats:
        return values
    return values + input.mean(dim=tuple(range(2, input.dim())), keepdim=True)


def _batch_norm(input: Tensor, *others: Any, **more: Any) -> Tensor:
    """Each value: statistics of the batch don't count as seeing."""
    return _with_made(input, *others, *more.values())


def _sum(left: Any, right: Any, **_alpha: Any) -> Any:
    """A difference would let what both sides see cancel."""
    return left + right


def _softmax(input: Tensor, dim: int | None = None, **_more: Any) -> Tensor:
    """Each value and the mean along the dimension: a softmax of equal values would see none."""
    return input if dim is None else input + input.mean(dim=dim, keepdim=True)


SUMS: dict[Callable[..., Any], Callable[..., _Thin]] = {
    torch.conv1d: _convolution,
    torch.conv2d: _convolution,
    torch.conv3d: _convolution,
    F.linear: _dense,
}

REPLACED: dict[Callable[..., Any], Callable[..., Any]] = {
    torch.sub: _sum,
    Tensor.sub: _sum,
    Tensor.__sub__: _sum,
    Tensor.__rsub__: _sum,
    F.max_pool2d: _max_pool,
    torch.max_pool2d: _max_pool,
    F.adaptive_max_pool2d: _adaptive_max_pool,
    F.batch_norm: _batch_norm,
    F.layer_norm: _layer_norm,
    F.group_norm: _group_norm,
    F.instance_norm: _instance_norm,
    F.softmax: _softmax,
    torch.softmax: _softmax,
    Tensor.softmax: _softmax,
}

# Each value depends on the value at its own place; across channels it makes no difference here.
UNCHANGED: frozenset[Callable[..., Any]] = frozenset(
    (
        *(F.relu, F.relu_, F.leaky_relu, F.elu, F.gelu, F.silu, F.hardtanh, F.relu6, F.prelu),
        *(F.sigmoid, F.tanh, F.softplus, F.mish, F.hardswish, F.hardsigmoid, F.selu, F.celu),
        *(torch.relu, torch.relu_, torch.sigmoid, torch.tanh, Tensor.relu, Tensor.relu_),
        *(Tensor.sigmoid, Tensor.tanh, torch.clamp, Tensor.clamp),
        *(F.dropout, F.dropout1d, F.dropout2d, F.dropout3d, F.feature_alpha_dropout),
        F.local_response_norm,
    )
)
