"""The two residual blocks, for ResNets of both kinds.

Names are torchvision's (`conv1`, `bn1`, ..., `downsample`), so that published weights load.
Each ReLU is its own module and none works in place: a hook sees every value as it was.

Source: He et al. 2015, Deep residual learning for image recognition, figure 5.
"""

from __future__ import annotations

from torch import Tensor, nn


def normalization(channels: int, batch_norm: bool) -> nn.Module:
    """Batch normalisation, or nothing."""
    return nn.BatchNorm2d(channels) if batch_norm else nn.Identity()


class BasicBlock(nn.Module):
    """Two 3x3 convolutions beside a shortcut, added before the last ReLU.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        stride: Stride of the first convolution.
        shortcut: What the input passes on its way around; None for a plain block without a skip.
        batch_norm: Normalise after each convolution; without it the convolutions have biases.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        stride: int,
        shortcut: nn.Module | None,
        batch_norm: bool,
    ) -> None:
        super().__init__()
        bias = not batch_norm
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, stride=stride, padding=1, bias=bias)
        self.bn1 = normalization(out_channels, batch_norm)
        self.relu1 = nn.ReLU()
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=bias)
        self.bn2 = normalization(out_channels, batch_norm)
        self.downsample = shortcut
        self.relu2 = nn.ReLU()

    @property
    def last_convolution(self) -> nn.Conv2d:
        """The convolution whose output is added to the shortcut."""
        return self.conv2

    def forward(self, x: Tensor) -> Tensor:
        """`x` (N, C, H, W) becomes (N, out_channels, H / stride, W / stride)."""
        out = self.relu1(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        if self.downsample is not None:
            out = out + self.downsample(x)
        result: Tensor = self.relu2(out)
        return result


class Bottleneck(nn.Module):
    """1x1 to fewer channels, 3x3 there, 1x1 to more channels, beside a shortcut.

    Departs: The stride is on the 3x3 convolution, the paper has it on the first 1x1, which throws
        three values in four away. Torchvision's weights are of this form, "v1.5".

    Args:
        in_channels: Channels of the input.
        width: Channels of the 3x3 convolution.
        out_channels: Channels of the output.
        stride: Stride of the 3x3 convolution.
        groups: Groups of the 3x3 convolution.
        shortcut: What the input passes on its way around; None for a plain block without a skip.
        batch_norm: Normalise after each convolution; without it the convolutions have biases.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        width: int,
        stride: int,
        groups: int,
        shortcut: nn.Module | None,
        batch_norm: bool,
    ) -> None:
        super().__init__()
        bias = not batch_norm
        self.conv1 = nn.Conv2d(in_channels, width, 1, bias=bias)
        self.bn1 = normalization(width, batch_norm)
        self.relu1 = nn.ReLU()
        self.conv2 = nn.Conv2d(width, width, 3, stride=stride, padding=1, groups=groups, bias=bias)
        self.bn2 = normalization(width, batch_norm)
        self.relu2 = nn.ReLU()
        self.conv3 = nn.Conv2d(width, out_channels, 1, bias=bias)
        self.bn3 = normalization(out_channels, batch_norm)
        self.downsample = shortcut
        self.relu3 = nn.ReLU()

    @property
    def last_convolution(self) -> nn.Conv2d:
        """The convolution whose output is added to the shortcut."""
        return self.conv3

    def forward(self, x: Tensor) -> Tensor:
        """`x` (N, C, H, W) becomes (N, out_channels, H / stride, W / stride)."""
        out = self.relu1(self.bn1(self.conv1(x)))
        out = self.relu2(self.bn2(self.conv2(out)))
        out = self.bn3(self.conv3(out))
        if self.downsample is not None:
            out = out + self.downsample(x)
        result: Tensor = self.relu3(out)
        return result
