"""Layers that classic networks use and torch lacks, and the names by which options choose them.

No layer here changes the number of channels, except `Maxout`, which divides it.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from convscope.errors import NetworkError


class ScaledTanh(nn.Module):
    """1.7159 tanh(2x/3): about the identity at -1 and 1, where targets lie, and never flat there.

    Source: LeCun et al. 1998, Gradient-based learning, equation 6 and appendix A.
    """

    def forward(self, x: Tensor) -> Tensor:
        """`x` of any shape, squashed into (-1.7159, 1.7159)."""
        return 1.7159 * torch.tanh(x * (2 / 3))


class Maxout(nn.Module):
    """The largest of each group of neighbouring channels: the channels are divided by `pieces`.

    Source: Goodfellow et al. 2013, Maxout networks, equation 1.

    Args:
        pieces: Number of channels of which the largest is kept.
    """

    def __init__(self, pieces: int = 2) -> None:
        super().__init__()
        self.pieces = pieces

    def forward(self, x: Tensor) -> Tensor:
        """`x` (N, C, ...) becomes (N, C / pieces, ...).

        Raises:
            NetworkError: The channels can't be divided by `pieces`.
        """
        channels_after("maxout", x.shape[1], pieces=self.pieces)
        groups = x.reshape(x.shape[0], -1, self.pieces, *x.shape[2:])
        return groups.amax(dim=2)

    def extra_repr(self) -> str:
        """The arguments that `print` shows."""
        return f"pieces={self.pieces}"


class LocalResponseNorm(nn.Module):
    """Local response normalisation: values divided by a power of their neighbours' energy.

    b = a / (k + alpha * sum of squares over `size` neighbouring channels) ** beta

    Source: Krizhevsky et al. 2012, section 3.3.
    Departs: Torch and Caffe divide `alpha` by `size`; here it is the paper's, which multiplies
        the plain sum. Torch's `alpha` for the same values is `size` times as large.

    Args:
        size: Number of neighbouring channels that are summed.
        alpha: Weight of the sum, in the paper's convention.
        beta: The power.
        k: Constant that is added to the sum; 2 in the paper, 1 in Caffe.
    """

    def __init__(
        self, size: int = 5, *, alpha: float = 1e-4, beta: float = 0.75, k: float = 2.0
    ) -> None:
        super().__init__()
        self.size, self.alpha, self.beta, self.k = size, alpha, beta, k

    def forward(self, x: Tensor) -> Tensor:
        """`x` (N, C, H, W), normalised over C; the shape stays."""
        return F.local_response_norm(x, self.size, self.alpha * self.size, self.beta, self.k)

    def extra_repr(self) -> str:
        """The arguments that `print` shows."""
        return f"{self.size}, alpha={self.alpha}, beta={self.beta}, k={self.k}"


class SamePadding(nn.Module):
    """Zeros around an image such that a layer with a stride gives ceil(side / stride) values.

    How many there are depends on the image; of an odd number, the larger half is below and to the
    right. It is TensorFlow's padding "SAME".

    Args:
        window: Height and width of the layer's window.
        stride: Stride of the layer.
    """

    def __init__(self, window: int, *, stride: int) -> None:
        super().__init__()
        self.window, self.stride = window, stride

    def forward(self, x: Tensor) -> Tensor:
        """`x` (N, C, H, W), with zeros around each map."""
        (top, bottom), (left, right) = map(self._zeros, x.shape[2:])
        return F.pad(x, (left, right, top, bottom))

    def _zeros(self, side: int) -> tuple[int, int]:
        covered = (math.ceil(side / self.stride) - 1) * self.stride + self.window
        zeros = max(0, covered - side)
        return zeros // 2, zeros - zeros // 2

    def extra_repr(self) -> str:
        """The arguments that `print` shows."""
        return f"{self.window}, stride={self.stride}"


class _Pool2d(nn.Module):
    """Base of the poolings that torch lacks.

    Args:
        window: Height and width of the window.
        stride: Distance between windows; the window itself if None.
    """

    def __init__(self, window: int, stride: int | None = None) -> None:
        super().__init__()
        self.window, self.stride = window, stride or window

    def extra_repr(self) -> str:
        """The arguments that `print` shows."""
        return f"{self.window}, stride={self.stride}"


class MinPool2d(_Pool2d):
    """The smallest value of each window; after a ReLU, nearly always 0."""

    def forward(self, x: Tensor) -> Tensor:
        """`x` (N, C, H, W) becomes (N, C, H', W')."""
        return -F.max_pool2d(-x, self.window, self.stride)


class SoftmaxPool2d(_Pool2d):
    """The mean of each window weighted by the softmax of its values: between mean and maximum."""

    def forward(self, x: Tensor) -> Tensor:
        """`x` (N, C, H, W) becomes (N, C, H', W')."""
        rows = x.unfold(2, self.window, self.stride)
        windows = rows.unfold(3, self.window, self.stride).flatten(-2)  # N, C, H', W', window ** 2
        return (windows.softmax(dim=-1) * windows).sum(dim=-1)


class LocallyConnected2d(nn.Module):
    """A convolution whose kernels are not shared: each position has its own.

    Args:
        in_channels: Channels of the input.
        out_channels: Kernels at each position.
        input_size: Height and width of the input, which fix the number of positions.
        kernel_size: Height and width of a kernel.
        stride: Distance between positions.
        padding: Zeros added on each side.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        input_size: tuple[int, int],
        kernel_size: int,
        stride: int = 1,
        padding: int = 0,
    ) -> None:
        super().__init__()
        self.kernel_size, self.stride, self.padding = kernel_size, stride, padding
        height, width = ((side + 2 * padding - kernel_size) // stride + 1 for side in input_size)
        self.output_size = (height, width)
        values = in_channels * kernel_size**2
        self.weight = nn.Parameter(torch.empty(height * width, out_channels, values))
        self.bias = nn.Parameter(torch.empty(out_channels, height, width))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draws the kernels as torch draws a convolution's, so that the two can be compared."""
        bound = 1 / math.sqrt(self.weight.shape[-1])
        nn.init.uniform_(self.weight, -bound, bound)
        nn.init.uniform_(self.bias, -bound, bound)

    def forward(self, x: Tensor) -> Tensor:
        """`x` (N, C, H, W) becomes (N, out_channels, H', W')."""
        windows = F.unfold(x, self.kernel_size, stride=self.stride, padding=self.padding)
        maps = torch.einsum("nvp,pov->nop", windows, self.weight)
        return maps.reshape(*maps.shape[:2], *self.output_size) + self.bias


ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
    "relu": nn.ReLU,
    "leaky_relu": nn.LeakyReLU,
    "elu": nn.ELU,
    "maxout": Maxout,
}

# Each takes the window's side, which is the stride too.
POOLINGS: dict[str, Callable[[int], nn.Module]] = {
    "max": nn.MaxPool2d,
    "mean": nn.AvgPool2d,
    "min": MinPool2d,
    "softmax": SoftmaxPool2d,
}


def channels_after(activation: str, channels: int, *, pieces: int = 2) -> int:
    """The number of channels after an activation; maxout divides it by `pieces`.

    Raises:
        NetworkError: Maxout of a number of channels that can't be divided.
    """
    if activation != "maxout":
        return channels
    if channels % pieces:
        raise NetworkError(
            f"`maxout` can't divide {channels} channels into groups of {pieces}",
            hint=f"choose widths that are multiples of {pieces}",
        )
    return channels // pieces
