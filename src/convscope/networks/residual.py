"""The two residual blocks, for ResNets of both kinds.

Names are torchvision's (`conv1`, `bn1`, ..., `downsample`), so that published weights load.
Each ReLU is its own module and none works in place: a hook sees every value as it was.

Source: He et al. 2015, Deep residual learning for image recognition, figure 5; Huang et al. 2016,
    Deep networks with stochastic depth, for `DropPath`.
"""

from __future__ import annotations

from torch import Tensor, nn

from convscope.errors import NetworkError
from convscope.networks.options import probability


class DropPath(nn.Module):
    """Stochastic depth: drops a branch at random in training, for each image on its own.

    A kept branch is divided by the probability of keeping it, which evaluation then need not do.

    Source: Huang et al. 2016, Deep networks with stochastic depth, equation 2.
    Departs: The paper drops a block for all images of a batch together, and multiplies by the
        probability of staying in evaluation, equation 5, instead of dividing in training.

    Args:
        dropped: Probability of dropping the branch of an image, below 1.
    """

    def __init__(self, dropped: float) -> None:
        super().__init__()
        self.dropped = dropped

    def forward(self, branch: Tensor) -> Tensor:
        """`branch` (N, ...), in training with 0 for the images that are dropped."""
        if not self.training:
            return branch
        kept = 1 - self.dropped
        drawn = branch.new_empty(len(branch), *[1] * (branch.dim() - 1)).bernoulli_(kept)
        return branch * drawn.div_(kept)

    def extra_repr(self) -> str:
        """The arguments that `print` shows."""
        return f"dropped={self.dropped}"


def check_drop_path(drop_path: object, *, residual: bool) -> None:
    """Refuses what is no probability of dropping a block.

    Raises:
        NetworkError: Not a probability below 1; or not 0 where no shortcut leads around a block.
    """
    probability("drop_path", drop_path)
    if drop_path and not residual:
        raise NetworkError(
            f"option `drop_path` can't be `{drop_path}` without shortcuts: "
            "where a block is dropped, nothing would be left",
            hint="leave `residual` at true, or `drop_path` at 0",
        )


def normalization(channels: int, batch_norm: bool) -> nn.Module:
    """Batch normalisation, or nothing."""
    return nn.BatchNorm2d(channels) if batch_norm else nn.Identity()


class ResidualBlock(nn.Module):
    """Base of the two blocks; `downsample` is the module on the skip connection, if any."""

    drop_path: DropPath | None
    downsample: nn.Module | None
    last_convolution: str  # name of the one whose output is added to the shortcut

    def _set_shortcut(self, has_shortcut: bool) -> None:
        """Adds a shortcut that changes nothing, or none; stochastic depth is off at first."""
        self.register_module("drop_path", None)  # see `add_drop_path`
        self.downsample = nn.Identity() if has_shortcut else None

    def _joined(self, branch: Tensor, x: Tensor) -> Tensor:
        if self.drop_path is not None:
            branch = self.drop_path(branch)
        return branch if self.downsample is None else branch + self.downsample(x)


class BasicBlock(ResidualBlock):
    """Two 3x3 convolutions beside a shortcut, added before the last ReLU.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        stride: Stride of the first convolution.
        shortcut: Module on the skip connection; None for a plain block without one.
        batch_norm: Normalise after each convolution; without it the convolutions have biases.
    """

    last_convolution = "conv2"

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
        self.register_module("drop_path", None)  # see `add_drop_path`
        self.downsample = shortcut
        self.relu2 = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """`x` (N, C, H, W) becomes (N, out_channels, H / stride, W / stride)."""
        out = self.relu1(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        result: Tensor = self.relu2(self._joined(out, x))
        return result


class Bottleneck(ResidualBlock):
    """1x1 to fewer channels, 3x3 there, 1x1 to more channels, beside a shortcut.

    Departs: The stride is on the 3x3 convolution, the paper has it on the first 1x1, which throws
        three values in four away. Torchvision's weights are of this form, "v1.5".

    Args:
        in_channels: Channels of the input.
        width: Channels of the 3x3 convolution.
        out_channels: Channels of the output.
        stride: Stride of the 3x3 convolution.
        groups: Groups of the 3x3 convolution.
        shortcut: Module on the skip connection; None for a plain block without one.
        batch_norm: Normalise after each convolution; without it the convolutions have biases.
    """

    last_convolution = "conv3"

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
        self.register_module("drop_path", None)  # see `add_drop_path`
        self.downsample = shortcut
        self.relu3 = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """`x` (N, C, H, W) becomes (N, out_channels, H / stride, W / stride)."""
        out = self.relu1(self.bn1(self.conv1(x)))
        out = self.relu2(self.bn2(self.conv2(out)))
        out = self.bn3(self.conv3(out))
        result: Tensor = self.relu3(self._joined(out, x))
        return result


def add_drop_path(network: nn.Module, last: float) -> None:
    """Lets training drop residual blocks at random, the last one with probability `last`.

    The probability grows linearly from block to block: early blocks make what all later ones build
    on, so they are dropped least.

    Source: Huang et al. 2016, Deep networks with stochastic depth, equation 4.
    """
    blocks = [
        module
        for module in network.modules()
        if isinstance(module, ResidualBlock) and module.downsample is not None
    ]
    for number, block in enumerate(blocks if last else (), start=1):
        block.drop_path = DropPath(last * number / len(blocks))
