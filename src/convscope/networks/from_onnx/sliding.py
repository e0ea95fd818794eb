"""Layers that slide a window: convolutions and poolings.

Where torch has the layer, it is taken. ONNX also pads differently on both sides; then the layers
here pad first.
"""

from __future__ import annotations

from math import inf, prod

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from convscope.networks.from_onnx.node import Node
from convscope.networks.from_onnx.values import Compute
from convscope.networks.from_onnx.windows import Windows

CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
MAX_POOLS = (nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d)
AVERAGE_POOLS = (nn.AvgPool1d, nn.AvgPool2d, nn.AvgPool3d)


class PaddedConv(nn.Module):
    """A convolution that pads its two sides differently.

    Args:
        windows: Where the kernels lie.
        weight: (kernels, channels of a group, ...).
        bias: (kernels,) or None.
        groups: Into how many parts the channels fall.
    """

    def __init__(
        self, windows: Windows, weight: nn.Parameter, bias: nn.Parameter | None, groups: int
    ) -> None:
        super().__init__()
        self.windows, self.groups = windows, groups
        self.weight, self.bias = weight, bias

    def forward(self, x: Tensor) -> Tensor:
        """`x` (N, C, ...) becomes (N, kernels, ...)."""
        return _convolved(x, self.weight, self.bias, self.windows, self.groups)


class PaddedMaxPool(nn.Module):
    """The largest value of each window, with padding that torch's pooling doesn't have."""

    def __init__(self, windows: Windows) -> None:
        super().__init__()
        self.windows = windows

    def forward(self, x: Tensor) -> Tensor:
        """`x` (N, C, ...) becomes (N, C, ...)."""
        pool = (F.max_pool1d, F.max_pool2d, F.max_pool3d)[len(self.windows.kernel) - 1]
        padded = F.pad(x, self.windows.padding_for(x.shape[2:]), value=-inf)
        windows = self.windows
        return pool(padded, windows.kernel, windows.strides, 0, windows.dilations)


class PaddedAveragePool(nn.Module):
    """The mean of each window, with padding that torch's pooling doesn't have.

    Args:
        windows: Where they lie.
        counts_padding: Whether zeros of the padding count as values.
    """

    def __init__(self, windows: Windows, *, counts_padding: bool) -> None:
        super().__init__()
        self.windows, self.counts_padding = windows, counts_padding

    def forward(self, x: Tensor) -> Tensor:
        """`x` (N, C, ...) becomes (N, C, ...)."""
        means = self._means(x)
        if self.counts_padding:
            return means
        share = self._means(torch.ones_like(x[:1, :1]))  # of each window inside the maps
        return means / share

    def _means(self, x: Tensor) -> Tensor:
        pool = (F.avg_pool1d, F.avg_pool2d, F.avg_pool3d)[len(self.windows.kernel) - 1]
        padded = F.pad(x, self.windows.padding_for(x.shape[2:]))
        result: Tensor = pool(padded, self.windows.kernel, self.windows.strides)
        return result


def convolution(node: Node) -> nn.Module:
    """`Conv`."""
    weight, bias = node.weight(1), node.optional_weight(2)
    kernel = tuple(weight.shape[2:])
    windows = Windows.of(node, kernel)
    groups = node.integer("group", 1)
    stated = node.integers("kernel_shape")
    node.require(stated in (None, kernel), f"`kernel_shape` isn't that of its weights, `{kernel}`")
    node.require(groups > 0 and weight.shape[0] % groups == 0, f"its `group` is `{groups}`")
    if windows.even is None:
        return PaddedConv(windows, weight, bias, groups)
    layer = CONVOLUTIONS[len(kernel) - 1](
        weight.shape[1] * groups,
        weight.shape[0],
        kernel,  # type: ignore[arg-type]
        stride=windows.strides,  # type: ignore[arg-type]
        padding=windows.even,  # type: ignore[arg-type]
        dilation=windows.dilations,  # type: ignore[arg-type]
        groups=groups,
        bias=bias is not None,
        device="meta",  # the file's weights follow
    )
    layer.weight, layer.bias = weight, bias
    return layer


def free_convolution(node: Node) -> Compute:
    """`Conv` whose kernels the network computes, as a function of maps, kernels and bias."""
    kernel = node.integers("kernel_shape") or ()
    windows, groups = Windows.of(node, kernel), node.integer("group", 1)

    def compute(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        if tuple(weight.shape[2:]) != kernel:
            raise node.refuse(f"`kernel_shape` isn't that of its weights, `{tuple(weight.shape)}`")
        return _convolved(x, weight, bias, windows, groups)

    return compute


def _convolved(
    x: Tensor, weight: Tensor, bias: Tensor | None, windows: Windows, groups: int
) -> Tensor:
    convolve = (F.conv1d, F.conv2d, F.conv3d)[len(windows.kernel) - 1]
    padded = F.pad(x, windows.padding_for(x.shape[2:]))
    at = {"stride": windows.strides, "dilation": windows.dilations}
    result: Tensor = convolve(padded, weight, bias, **at, groups=groups)
    return result


def max_pool(node: Node) -> nn.Module:
    """`MaxPool`."""
    windows = Windows.of(node, node.integers("kernel_shape") or ())
    node.integer("storage_order")  # of the places of the maxima, a second output
    padding = windows.for_pooling()
    if padding is None:
        return PaddedMaxPool(windows)
    pads, ceil = padding
    pool = MAX_POOLS[len(windows.kernel) - 1]
    dilation = _one_or_all(windows.dilations)
    return pool(
        _one_or_all(windows.kernel),
        stride=_one_or_all(windows.strides),
        padding=_one_or_all(pads),
        dilation=dilation,
        ceil_mode=ceil,
    )


def average_pool(node: Node) -> nn.Module:
    """`AveragePool`."""
    windows = Windows.of(node, node.integers("kernel_shape") or ())
    counts_padding = bool(node.integer("count_include_pad"))
    node.require(prod(windows.dilations) == 1, "its `dilations` are larger than 1")
    padding = windows.for_pooling()
    if counts_padding and windows.even is None:
        # Versions of ONNX differ in whether what lies beyond the padding counts.
        node.require(not windows.ceil, "its `ceil_mode` comes with uneven padding that counts")
        padding = None
    if padding is None:
        return PaddedAveragePool(windows, counts_padding=counts_padding)
    pads, ceil = padding
    pool = AVERAGE_POOLS[len(windows.kernel) - 1]
    return pool(
        windows.kernel,  # type: ignore[arg-type]
        stride=windows.strides,  # type: ignore[arg-type]
        padding=pads,  # type: ignore[arg-type]
        ceil_mode=ceil,
        count_include_pad=counts_padding,
    )


def _one_or_all(lengths: tuple[int, ...]) -> int | tuple[int, ...]:
    """One number where all axes have the same, as people write it."""
    return lengths[0] if len(set(lengths)) == 1 else lengths
