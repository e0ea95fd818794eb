"""Layers that slide a window: convolutions and poolings.

Where torch has the layer, it is taken. ONNX also pads differently on both sides; then the layers
here pad first.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, prod

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from convscope.onnx_import.node import Compute, Node
from convscope.recipe.types import MAX_SIDE_PX

CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
MAX_POOLS = (nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d)
AVERAGE_POOLS = (nn.AvgPool1d, nn.AvgPool2d, nn.AvgPool3d)


class PaddedConv(nn.Module):
    """A convolution of weights (kernels, channels of a group, ...) that pads its sides unevenly."""

    def __init__(
        self, windows: OnnxWindows, weight: nn.Parameter, bias: nn.Parameter | None, groups: int
    ) -> None:
        super().__init__()
        self.windows, self.groups = windows, groups
        self.weight, self.bias = weight, bias

    def forward(self, x: Tensor) -> Tensor:
        """`x` (N, C, ...) becomes (N, kernels, ...)."""
        return _convolved(x, self.weight, self.bias, self.windows, self.groups)


class PaddedMaxPool(nn.Module):
    """The largest value of each window, with padding that torch's pooling doesn't have."""

    def __init__(self, windows: OnnxWindows) -> None:
        super().__init__()
        self.windows = windows

    def forward(self, x: Tensor) -> Tensor:
        """`x` (N, C, ...) becomes (N, C, ...)."""
        windows = self.windows
        pool = (F.max_pool1d, F.max_pool2d, F.max_pool3d)[len(windows.kernel) - 1]
        padded = windows.padded(x, value=-inf)
        return pool(padded, windows.kernel, windows.strides, 0, windows.dilations)


class PaddedAveragePool(nn.Module):
    """The mean of each window, with padding that torch's pooling doesn't have."""

    def __init__(self, windows: OnnxWindows, *, counts_padding: bool) -> None:
        super().__init__()
        self.windows, self.counts_padding = windows, counts_padding

    def forward(self, x: Tensor) -> Tensor:
        """`x` (N, C, ...) becomes (N, C, ...)."""
        means = self._means(x)
        if self.counts_padding:
            return means
        inside = self._means(torch.ones_like(x[:1, :1]))  # which fraction of each window is
        return means / inside

    def _means(self, x: Tensor) -> Tensor:
        pool = (F.avg_pool1d, F.avg_pool2d, F.avg_pool3d)[len(self.windows.kernel) - 1]
        means: Tensor = pool(self.windows.padded(x), self.windows.kernel, self.windows.strides)
        return means


def convolution(node: Node) -> nn.Module:
    """The layer of a node `Conv`."""
    weight, bias = node.weight(1), node.optional_weight(2)
    kernel = tuple(weight.shape[2:])
    windows = OnnxWindows.of(node, kernel)
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
    """A node `Conv` whose kernels the network computes, as a function of maps, kernels and bias."""
    kernel = node.integers("kernel_shape") or ()
    windows, groups = OnnxWindows.of(node, kernel), node.integer("group", 1)

    def compute(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        if tuple(weight.shape[2:]) != kernel:
            raise node.refuse(f"`kernel_shape` isn't that of its weights, `{tuple(weight.shape)}`")
        return _convolved(x, weight, bias, windows, groups)

    return compute


def _convolved(
    x: Tensor, weight: Tensor, bias: Tensor | None, windows: OnnxWindows, groups: int
) -> Tensor:
    convolve = (F.conv1d, F.conv2d, F.conv3d)[len(windows.kernel) - 1]
    at = {"stride": windows.strides, "dilation": windows.dilations}
    maps: Tensor = convolve(windows.padded(x), weight, bias, **at, groups=groups)
    return maps


def max_pool(node: Node) -> nn.Module:
    """The layer of a node `MaxPool`."""
    windows = OnnxWindows.of(node, node.integers("kernel_shape") or ())
    node.integer("storage_order")  # of the indices of the maxima, a second output
    padding = windows.for_pooling()
    if padding is None:
        return PaddedMaxPool(windows)
    pads, ceil = padding
    pool = MAX_POOLS[len(windows.kernel) - 1]
    geometry = (windows.kernel, windows.strides, pads, windows.dilations)
    kernel, stride, pad, dilation = map(_one_or_all, geometry)
    return pool(kernel, stride, pad, dilation, ceil_mode=ceil)


def average_pool(node: Node) -> nn.Module:
    """The layer of a node `AveragePool`."""
    windows = OnnxWindows.of(node, node.integers("kernel_shape") or ())
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


SIDES = ("NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER")


@dataclass(frozen=True, slots=True)
class OnnxWindows:
    """How a window slides, one entry for each axis of the maps.

    Attributes:
        kernel: Length of a window.
        strides: Distance between windows.
        dilations: Distance between the values of a window.
        pads: Padding before and after; ignored unless `same` is empty.
        same: `SAME_UPPER` or `SAME_LOWER`: as much padding as gives ceil(length / stride) windows,
            the odd one after or before; else empty.
        ceil: Whether a last window may reach beyond the padding.
    """

    kernel: tuple[int, ...]
    strides: tuple[int, ...]
    dilations: tuple[int, ...]
    pads: tuple[tuple[int, int], ...]
    same: str
    ceil: bool

    @classmethod
    def of(cls, node: Node, kernel: tuple[int, ...]) -> OnnxWindows:
        """The windows that the attributes of a node describe.

        Raises:
            NetworkError: They contradict each other.
        """
        axes = len(kernel)
        strides = node.integers("strides") or (1,) * axes
        dilations = node.integers("dilations") or (1,) * axes
        pads = node.integers("pads") or (0,) * 2 * axes
        side = node.text("auto_pad", "NOTSET")
        ceil = bool(node.integer("ceil_mode"))
        node.require(side in SIDES, f"its `auto_pad` is `{side}`")
        lengths = (len(strides), len(dilations), len(pads) / 2)
        node.require(1 <= axes <= 3 and set(lengths) == {axes}, "its axes contradict each other")
        node.require(min(*kernel, *strides, *dilations) > 0, "a length is below 1")
        node.require(min(pads) >= 0, f"its `pads` are `{list(pads)}`")
        given = {"kernel_shape": kernel, "strides": strides, "dilations": dilations, "pads": pads}
        for name, values in given.items():
            is_usual = max(values) <= MAX_SIDE_PX
            node.require(is_usual, f"its `{name}` are `{list(values)}`, above {MAX_SIDE_PX:,}")
        if side == "VALID":
            pads = (0,) * 2 * axes
        both = tuple(zip(pads[:axes], pads[axes:], strict=True))
        same = side if side.startswith("SAME") else ""
        return cls(kernel, strides, dilations, both, same, ceil and not same)

    @property
    def extents(self) -> tuple[int, ...]:
        """The number of positions from the first to the last value of a window."""
        pairs = zip(self.kernel, self.dilations, strict=True)
        return tuple((length - 1) * step + 1 for length, step in pairs)

    @property
    def even(self) -> tuple[int, ...] | None:
        """The padding where it is the same on both sides, else None."""
        if self.same or any(before != after for before, after in self.pads):
            return None
        return tuple(before for before, _ in self.pads)

    def for_pooling(self) -> tuple[tuple[int, ...], bool] | None:
        """Padding and ceil mode of torch's pooling with the same windows, or None.

        Padding by a stride less one more at the end, as Caffe's and TensorFlow's exporters write
        it, lets in exactly the windows of torch's ceil mode.
        """
        before = tuple(pad for pad, _ in self.pads)
        if self.same or any(
            2 * pad > length for pad, length in zip(before, self.kernel, strict=True)
        ):
            return None
        if self.even is not None:
            return before, self.ceil
        rows = zip(self.pads, self.strides, self.extents, strict=True)
        if not self.ceil and all(
            pad[1] == pad[0] + stride - 1 and pad[1] < extent for pad, stride, extent in rows
        ):
            return before, True
        return None

    def padded(self, maps: Tensor, *, value: float = 0.0) -> Tensor:
        """Maps (N, C, ...) padded so that windows without padding fit exactly."""
        padding: list[int] = []
        for axis in reversed(range(len(self.kernel))):
            length = maps.shape[2 + axis]
            before, windows = self._windows(axis, length)
            needed = (windows - 1) * self.strides[axis] + self.extents[axis]
            # Less than nothing where the last values belong to no window.
            padding += [before, needed - length - before]
        return F.pad(maps, padding, value=value)

    def _windows(self, axis: int, length: int) -> tuple[int, int]:
        """Padding before the first window, and the number of windows."""
        stride, extent = self.strides[axis], self.extents[axis]
        if self.same:
            windows = -(-length // stride)
            missing = max((windows - 1) * stride + extent - length, 0)
            return (missing + (self.same == "SAME_LOWER")) // 2, windows
        before, after = self.pads[axis]
        free = length + before + after - extent
        windows = (-(-free // stride) if self.ceil else free // stride) + 1
        if self.ceil and (windows - 1) * stride >= length + before:
            windows -= 1  # it would lie in the padding alone
        return before, windows
