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

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F

from convscope.arithmetic.ops.operation import FunctionHook, tensors_in
from convscope.arithmetic.running_layers import RunningLayers
from convscope.arithmetic.state_guard import attributes_restored


def linearised(*, is_thin: bool) -> FunctionHook:
    """Context manager in which gradients show all that a layer looks at.

    Args:
        is_thin: Whether layers give one channel only: fast, but a network that names its numbers
            of channels on the way fails.
    """

    def on_call(func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if func in UNCHANGED:
            return args[0] if args else kwargs["input"]
        if func not in SUMS:
            result = REPLACED.get(func, func)(*args, **kwargs)
            if is_thin and any(tensor.numel() == 0 for tensor in tensors_in(result)):
                raise ValueError("the network looks at channels that a thin pass doesn't have")
            return result
        thin, (dimension, length) = SUMS[func](*args, **kwargs)
        if is_thin:
            return thin
        shape = [-1] * thin.dim()
        shape[dimension] = length
        return thin.expand(shape).contiguous()  # views of it may follow

    return FunctionHook(on_call)


class _Thin(NamedTuple):
    """One channel of an output, with the dimension and the number of all channels."""

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
    """Sum over each window of the mean over all channels."""
    axes = weight.dim() - 2
    ones = input.new_ones((1, 1, *weight.shape[2:]))
    convolve = (F.conv1d, F.conv2d, F.conv3d)[axes - 1]
    mean = input.mean(dim=-axes - 1, keepdim=True)
    thin: Tensor = convolve(mean, ones, None, stride, padding, dilation)
    thin = _with_made(thin, weight, bias)
    return _Thin(thin, (thin.dim() - axes - 1, weight.shape[0]))


def _dense(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> _Thin:
    """Mean over all features."""
    thin = _with_made(input.mean(dim=-1, keepdim=True), weight, bias)
    return _Thin(thin, (input.dim() - 1, weight.shape[0]))


def _with_made(values: Tensor, *parameters: object) -> Tensor:
    """The values plus the means of parameters that are made from the image.

    Only these require a gradient.
    """
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
    """Mean of each window."""
    if dilation not in (1, (1, 1)) or return_indices:
        raise NotImplementedError("maximum pooling with dilation or indices")
    return F.avg_pool2d(input, kernel_size, stride, padding, ceil_mode)


def _adaptive_max_pool(input: Tensor, output_size: Any, return_indices: bool = False) -> Tensor:
    return F.adaptive_avg_pool2d(input, output_size)


def _layer_norm(
    input: Tensor, normalized_shape: Sequence[int], *others: Any, **more: Any
) -> Tensor:
    """Each value plus the mean over the last dimensions."""
    gone = range(input.dim() - len(normalized_shape), input.dim())
    values = input + input.mean(dim=tuple(gone), keepdim=True)
    return _with_made(values, *others, *more.values())


def _group_norm(input: Tensor, num_groups: int, *others: Any, **more: Any) -> Tensor:
    """Each value plus the mean of its image."""
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
    """Each value plus, where statistics are of the image, the mean of its map."""
    values = _with_made(input, running_mean, running_var, weight, bias)
    if not use_input_stats:
        return values
    return values + input.mean(dim=tuple(range(2, input.dim())), keepdim=True)


def _batch_norm(input: Tensor, *others: Any, **more: Any) -> Tensor:
    """The values alone: statistics of the batch don't count as seeing."""
    return _with_made(input, *others, *more.values())


def _sum(left: Any, right: Any, **_alpha: Any) -> Any:
    """A sum in place of a difference, in which what both sides see could cancel."""
    return left + right


def _softmax(input: Tensor, dim: int | None = None, **_more: Any) -> Tensor:
    """Each value plus the mean along the dimension: a softmax of equal values has no gradient."""
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


@dataclass(frozen=True, slots=True)
class Support:
    """The pixels that some values of a layer see.

    Attributes:
        layer: Name of the layer.
        position: (row, column) of the values in the layer's output; None for all values together,
            where they have no rows and columns.
        rows: First and last row of the input that they see.
        columns: First and last column of the input that they see.
    """

    layer: str
    position: tuple[int, int] | None
    rows: tuple[int, int]
    columns: tuple[int, int]


def measure_supports(
    module: nn.Module,
    input_shape: tuple[int, int, int],
    map_axes: Mapping[str, tuple[int, int] | None],
) -> Iterator[Support]:
    """The pixels that the first, middle and last value of each layer see.

    Args:
        module: Any network; it stays as it is.
        input_shape: (C, H, W) of one image.
        map_axes: Layer -> dimensions of its output that are rows and columns; None where it has
            none.

    Yields:
        The supports, layer by layer.

    Raises:
        Exception: Any that the network raises when its functions are replaced by linear ones.
    """
    image = torch.ones((3, *input_shape), dtype=torch.float64, requires_grad=True)
    for name, output in _outputs(module, image).items():
        axes = map_axes.get(name)
        places = _places(output, axes)
        seed = torch.zeros_like(output)
        for index, place in enumerate(places):
            where: list[int | slice] = [slice(None)] * output.dim()
            where[0] = index
            if axes is not None and place is not None:
                where[axes[0]], where[axes[1]] = place
            seed[tuple(where)] = 1
        (gradient,) = torch.autograd.grad(output, image, seed, retain_graph=True, allow_unused=True)
        for index, place in enumerate(places):
            if gradient is not None and (seen := gradient[index].abs().sum(dim=0)).any():
                yield Support(name, place, _range(seen.sum(dim=1)), _range(seen.sum(dim=0)))


def _outputs(module: nn.Module, image: Tensor) -> dict[str, Tensor]:
    """The output of each module's last call, linearised."""
    try:
        return _run(module, image, is_thin=True)
    except Exception:  # a network that counts its channels may say so in any way
        return _run(module, image, is_thin=False)


def _run(module: nn.Module, image: Tensor, *, is_thin: bool) -> dict[str, Tensor]:
    state = {
        name: tensor.detach().double().abs() + 0.1 if tensor.is_floating_point() else tensor.clone()
        for name, tensor in (*module.named_parameters(), *module.named_buffers())
    }
    outputs: dict[str, Tensor] = {}

    def keep(name: str, output: object) -> None:
        first = next(tensors_in(output), None)
        if first is not None and first.requires_grad:
            outputs[name] = first

    with (
        RunningLayers().following(module, returned=keep),
        warnings.catch_warnings(action="ignore"),  # layers may wonder about the one channel
        attributes_restored(module),
        torch.enable_grad(),
        linearised(is_thin=is_thin),
    ):
        functional_call(module, state, (image,))
    return outputs


def _places(output: Tensor, axes: tuple[int, int] | None) -> list[tuple[int, int] | None]:
    if axes is None or axes[0] == axes[1]:
        return [None]
    height, width = output.shape[axes[0]], output.shape[axes[1]]
    places = ((0, 0), (height // 2, width // 2), (height - 1, width - 1))
    return list(dict.fromkeys(places))


def _range(sums: Tensor) -> tuple[int, int]:
    seen = sums.nonzero()
    return int(seen[0]), int(seen[-1])
