"""How large a feature map gets, and what a layer takes: formulas on whole numbers.

Everything here is for one axis (height or width) or one layer, and needs no torch.

A MAC is one multiplication whose product is added to a running sum. Biases, activations, pooling
and normalisation have none. What others print as "FLOPs" is either this number or twice it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from convscope.errors import UsageError


@dataclass(frozen=True, slots=True)
class Window:
    """A kernel or pooling window along one axis.

    Attributes:
        kernel: The number of values it looks at.
        stride: Steps between neighbouring windows.
        padding_before: Values added left of (or above) the input; negative crops.
        padding_after: Values added right of (or below) the input; negative crops.
        dilation: Steps between neighbouring values inside one window.
    """

    kernel: int
    stride: int = 1
    padding_before: int = 0
    padding_after: int = 0
    dilation: int = 1

    def __post_init__(self) -> None:
        for name in ("kernel", "stride", "dilation"):
            value = getattr(self, name)
            if value < 1:
                raise UsageError(
                    f"`{name}` of a window is `{value}`", hint="it must be 1 or larger"
                )

    @property
    def extent(self) -> int:
        """Distance from the first to the last value of a window, both included."""
        return self.dilation * (self.kernel - 1) + 1

    def positions(self, num_windows: int) -> set[int]:
        """Positions of the input, padding included, that neighbouring windows look at together."""
        return {
            place * self.stride - self.padding_before + step * self.dilation
            for place in range(num_windows)
            for step in range(self.kernel)
        }


def window_pair(
    kernel: tuple[int, int],
    *,
    stride: tuple[int, int] = (1, 1),
    padding: tuple[int, int] = (0, 0),
    dilation: tuple[int, int] = (1, 1),
) -> tuple[Window, Window]:
    """A window's height and width, with the same padding on both sides of an axis."""
    height, width = (
        Window(size, step, pad, pad, spread)
        for size, step, pad, spread in zip(kernel, stride, padding, dilation, strict=True)
    )
    return height, width


def output_size(size: int, window: Window, *, ceil_mode: bool = False) -> int:
    """Number of outputs along one axis: `floor((size + padding - extent) / stride) + 1`.

    With `ceil_mode` the division rounds up, so that a last window may reach over the end; it is
    dropped again if it would start in the right padding or beyond it.

    Source: Dumoulin & Visin, "A guide to convolution arithmetic for deep learning" (2016),
    relationship 6, with dilation; the rule for the last window is that of torch's pooling.

    Args:
        size: Length of the input along this axis.
        window: The kernel or pooling window.
        ceil_mode: Whether an incomplete last window counts.

    Raises:
        UsageError: No window fits into the padded input.
    """
    padded = size + window.padding_before + window.padding_after
    free = padded - window.extent
    steps = -(-free // window.stride) if ceil_mode else free // window.stride
    if ceil_mode and steps * window.stride >= size + window.padding_before:
        steps -= 1
    if steps < 0:
        raise UsageError(
            f"a window of extent `{window.extent}` doesn't fit into `{padded}` padded values",
            hint="use a larger input, more padding, a smaller kernel or less dilation",
        )
    return steps + 1


def convolution_parameters(
    in_channels: int, out_channels: int, *, kernel: Sequence[int], groups: int = 1, bias: bool
) -> int:
    """The number of weights of a convolution, plus one bias per output channel if it has biases.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output: the number of kernels.
        kernel: Size of the kernel along each axis.
        groups: The number of groups of channels; a kernel sees the channels of one group.
        bias: Whether a constant is added to each output channel.
    """
    weights = out_channels * (in_channels // groups) * prod(kernel)
    return weights + (out_channels if bias else 0)


def convolution_macs(
    positions: int, in_channels: int, out_channels: int, *, kernel: Sequence[int], groups: int = 1
) -> int:
    """Multiply-accumulates of one forward pass through a convolution, padding included.

    Args:
        positions: The number of places of each kernel: N * H * W of the output, or of the input for
            a transposed convolution.
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        kernel: Size of the kernel along each axis.
        groups: The number of groups of channels.
    """
    return positions * convolution_parameters(
        in_channels, out_channels, kernel=kernel, groups=groups, bias=False
    )


def dense_macs(rows: int, in_features: int, out_features: int) -> int:
    """Multiply-accumulates of (rows, in_features) times (in_features, out_features)."""
    return rows * in_features * out_features
