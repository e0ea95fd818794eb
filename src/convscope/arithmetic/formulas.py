"""How large a feature map gets, and what a layer costs: formulas on whole numbers.

Everything here is for one axis (height or width) or one layer, needs no torch, and is what the
layer table and the explanations built on it compute with.

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
        kernel: Number of values it looks at.
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
        """All positions of the input that so many neighbouring windows look at, with padding."""
        return {
            place * self.stride - self.padding_before + step * self.dilation
            for place in range(num_windows)
            for step in range(self.kernel)
        }


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
    """Weights of a convolution, plus one bias per output channel if it has them.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output: the number of kernels.
        kernel: Size of the kernel along each axis.
        groups: Parts that the channels are split into; a kernel sees the channels of one part.
        bias: Whether a constant is added to each output channel.
    """
    weights = out_channels * (in_channels // groups) * prod(kernel)
    return weights + (out_channels if bias else 0)


def convolution_macs(
    positions: int, in_channels: int, out_channels: int, *, kernel: Sequence[int], groups: int = 1
) -> int:
    """Multiply-accumulates of one forward pass through a convolution, padding included.

    Args:
        positions: How often each kernel is applied: N * H * W of the output. For a transposed
            convolution, of the input.
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        kernel: Size of the kernel along each axis.
        groups: Parts that the channels are split into.
    """
    return positions * convolution_parameters(
        in_channels, out_channels, kernel=kernel, groups=groups, bias=False
    )


def dense_parameters(in_features: int, out_features: int, *, bias: bool) -> int:
    """Weights of a dense layer, plus one bias per output if it has them."""
    return in_features * out_features + (out_features if bias else 0)


def dense_macs(rows: int, in_features: int, out_features: int) -> int:
    """Multiply-accumulates of (rows, in_features) times (in_features, out_features)."""
    return rows * in_features * out_features


def same_padding(kernel: int, *, dilation: int = 1) -> tuple[int, int]:
    """The padding before and after that keeps the size at stride 1.

    Both sides are equal only where `dilation * (kernel - 1)` is even: for odd kernels, or an even
    dilation. Elsewhere one more value is needed after than before.
    """
    padding = Window(kernel, dilation=dilation).extent - 1
    return padding // 2, padding - padding // 2


def convolution_additions(
    positions: int,
    in_channels: int,
    out_channels: int,
    *,
    kernel: Sequence[int],
    groups: int = 1,
    bias: bool,
) -> int:
    """Additions of a convolution's forward pass: one fewer than products, and one for the bias.

    Arguments are those of `convolution_macs`, which is the number of multiplications. Counting
    `2 k^2 - 1` for each pair of channels leaves out the additions across channels.
    """
    products = (in_channels // groups) * prod(kernel)
    return positions * out_channels * (products - 1 + (1 if bias else 0))


def pooling_operations(positions: int, channels: int, *, window: Sequence[int]) -> int:
    """Values that pooling looks at: `channels * H' * W' * window height * window width`.

    Args:
        positions: How often a window is placed in one channel: N * H' * W'.
        channels: C.
        window: Its height and width.
    """
    return positions * channels * prod(window)


def tensor_bytes(shape: Sequence[int], *, value_bytes: int = 4) -> int:
    """Memory of a tensor: one value after the other, four bytes each in float32."""
    return prod(shape) * value_bytes


def composed_size(first: Window, second: Window) -> Window:
    """The one window that sees what the second sees through the first: both without padding.

    Source: k = k1 + (k2 - 1) * s1, with extents for dilated windows; strides multiply.
    """
    return Window(
        first.extent + (second.extent - 1) * first.stride, stride=first.stride * second.stride
    )


def field_backward(windows: Sequence[Window]) -> int:
    """Receptive field of one value, from the last window back to the input.

    Source: Araujo, Norris & Sim (2019), equation 1: `r = s * (r - 1) + k`, beginning with 1.
    """
    size = 1
    for window in reversed(windows):
        size = window.stride * (size - 1) + window.extent
    return size


def field_forward(windows: Sequence[Window]) -> tuple[int, int]:
    """Receptive field and jump, from the input to the last window; the same field as backward.

    Source: Araujo, Norris & Sim (2019), equation 2: each window adds `(k - 1) * jump`, then the
    jump is multiplied by its stride.
    """
    size, jump = 1, 1
    for window in windows:
        size += (window.extent - 1) * jump
        jump *= window.stride
    return size, jump
