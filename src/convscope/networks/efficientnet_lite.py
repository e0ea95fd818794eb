"""EfficientNet-Lite: narrow blocks that widen inside, without squeeze-and-excitation.

    stage       output at 224   kernel   inside     channels   blocks, of lite0 to lite4
    conv_stem   112x112         3x3      -          32         1
    blocks.0    112x112         3x3      as before  16         1
    blocks.1    56x56           3x3      6 times    24         2  3  3  3  4
    blocks.2    28x28           5x5      6 times    40         2  3  3  3  4
    blocks.3    14x14           3x3      6 times    80         3  4  4  5  6
    blocks.4    14x14           5x5      6 times    112        3  4  4  5  6
    blocks.5    7x7             5x5      6 times    192        4  5  5  6  8
    blocks.6    7x7             3x3      6 times    320        1
    conv_head   7x7             1x1      -          1280       1
    classifier  mean over the map, dense layer to K

    form               width   designed for   parameters, K = 1000
    efficientnet_lite0 1.0     224x224        4,652,008
    efficientnet_lite1 1.0     240x240        5,416,680
    efficientnet_lite2 1.1     260x260        6,092,072
    efficientnet_lite3 1.2     280x280        8,197,096
    efficientnet_lite4 1.4     300x300        13,006,568

The width multiplies the channels of the blocks, not of stem and head; the first and the last stage
have one block in all forms. Names are timm's (`conv_stem`, `blocks.1.0.conv_dw`, ...), so that its
weights load.

Source: Tan and Le 2019, EfficientNet, table 1 and section 4, in the form that Google published as
    EfficientNet-Lite in 2020: no squeeze-and-excitation, ReLU6 in place of swish, stem and head not
    scaled. Sandler et al. 2018, MobileNetV2, figure 4, for the block.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

from torch import Tensor, nn

from convscope.networks.layers import SamePadding
from convscope.networks.options import probability
from convscope.networks.residual import ResidualBlock, add_drop_path, check_drop_path

STEM_CHANNELS = 32
HEAD_CHANNELS = 1280
EXPANSION = 6  # channels inside a block, as a multiple of those that enter it
BN_EPS = 1e-3  # TensorFlow's, with which the public weights were trained
BN_MOMENTUM = 0.01


class LiteStage(NamedTuple):
    """A row of the table: blocks of one size."""

    kernel: int
    stride: int
    channels: int
    blocks: int
    is_scaled: bool = True  # whether a deeper form has more blocks


STAGES = (
    LiteStage(3, 1, 16, 1, is_scaled=False),
    LiteStage(3, 2, 24, 2),
    LiteStage(5, 2, 40, 2),
    LiteStage(3, 2, 80, 3),
    LiteStage(5, 1, 112, 3),
    LiteStage(5, 2, 192, 4),
    LiteStage(3, 1, 320, 1, is_scaled=False),
)


class EfficientNetLiteForm(NamedTuple):
    """The multiples of the table's channels and blocks."""

    width: float
    depth: float

    def channels(self, of_table: int) -> int:
        """Scaled channels: the nearest multiple of 8 that is at most a tenth smaller."""
        scaled = of_table * self.width
        rounded = max(8, int(scaled + 4) // 8 * 8)
        return rounded + 8 if rounded < 0.9 * scaled else rounded

    def blocks(self, stage: LiteStage) -> int:
        """Scaled number of blocks of a stage."""
        return math.ceil(stage.blocks * self.depth) if stage.is_scaled else stage.blocks


FORMS = {
    "efficientnet_lite0": EfficientNetLiteForm(1.0, 1.0),
    "efficientnet_lite1": EfficientNetLiteForm(1.0, 1.1),
    "efficientnet_lite2": EfficientNetLiteForm(1.1, 1.2),
    "efficientnet_lite3": EfficientNetLiteForm(1.2, 1.4),
    "efficientnet_lite4": EfficientNetLiteForm(1.4, 1.8),
}


class DepthwiseBlock(ResidualBlock):
    """A kernel for each channel, then a 1x1 convolution: the first block, which doesn't widen.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        kernel: Side of the kernels.
        stride: Stride of the depthwise convolution.
    """

    last_convolution = "conv_pw"

    def __init__(self, in_channels: int, out_channels: int, *, kernel: int, stride: int) -> None:
        super().__init__()
        self.pad, self.conv_dw = _depthwise(in_channels, kernel=kernel, stride=stride)
        self.bn1 = _normalization(in_channels)
        self.act1 = nn.ReLU6()
        self.conv_pw = nn.Conv2d(in_channels, out_channels, 1, bias=False)
        self.bn2 = _normalization(out_channels)
        self._set_shortcut(stride == 1 and in_channels == out_channels)

    def forward(self, x: Tensor) -> Tensor:
        """`x` (N, C, H, W) becomes (N, out_channels, H / stride, W / stride)."""
        out = self.act1(self.bn1(self.conv_dw(self.pad(x))))
        return self._joined(self.bn2(self.conv_pw(out)), x)


class InvertedResidual(ResidualBlock):
    """1x1 to more channels, a kernel for each of them, 1x1 to few channels, beside a shortcut.

    There is no activation at the end: the narrow maps would lose half of what they hold.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        kernel: Side of the depthwise kernels.
        stride: Stride of the depthwise convolution; with 2 there is no shortcut.
    """

    last_convolution = "conv_pwl"

    def __init__(self, in_channels: int, out_channels: int, *, kernel: int, stride: int) -> None:
        super().__init__()
        inside = in_channels * EXPANSION
        self.conv_pw = nn.Conv2d(in_channels, inside, 1, bias=False)
        self.bn1 = _normalization(inside)
        self.act1 = nn.ReLU6()
        self.pad, self.conv_dw = _depthwise(inside, kernel=kernel, stride=stride)
        self.bn2 = _normalization(inside)
        self.act2 = nn.ReLU6()
        self.conv_pwl = nn.Conv2d(inside, out_channels, 1, bias=False)
        self.bn3 = _normalization(out_channels)
        self._set_shortcut(stride == 1 and in_channels == out_channels)

    def forward(self, x: Tensor) -> Tensor:
        """`x` (N, C, H, W) becomes (N, out_channels, H / stride, W / stride)."""
        out = self.act1(self.bn1(self.conv_pw(x)))
        out = self.act2(self.bn2(self.conv_dw(self.pad(out))))
        return self._joined(self.bn3(self.conv_pwl(out)), x)


class EfficientNetLite(nn.Module):
    """Maps images (N, C, H, W) to logits (N, K)."""

    def __init__(
        self,
        form: EfficientNetLiteForm,
        *,
        num_classes: int,
        in_channels: int,
        dropout: float,
        drop_path: float,
    ) -> None:
        super().__init__()
        self.pad = SamePadding(3, stride=2)
        self.conv_stem = nn.Conv2d(in_channels, STEM_CHANNELS, 3, stride=2, bias=False)
        self.bn1 = _normalization(STEM_CHANNELS)
        self.act1 = nn.ReLU6()
        self.blocks = nn.Sequential()
        channels = STEM_CHANNELS
        for stage in STAGES:
            blocks = nn.Sequential(*_blocks_of(form, stage, channels))
            self.blocks.append(blocks)
            channels = form.channels(stage.channels)
        self.conv_head = nn.Conv2d(channels, HEAD_CHANNELS, 1, bias=False)
        self.bn2 = _normalization(HEAD_CHANNELS)
        self.act2 = nn.ReLU6()
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.dropout = nn.Dropout(dropout)
        self.classifier = nn.Linear(HEAD_CHANNELS, num_classes)
        add_drop_path(self, drop_path)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, K) of images (N, C, H, W); shapes of lite0 at 224x224."""
        x = self.act1(self.bn1(self.conv_stem(self.pad(images))))  # 32 x 112 x 112
        x = self.blocks(x)  # 320 x 7 x 7
        x = self.act2(self.bn2(self.conv_head(x)))  # 1280 x 7 x 7
        x = self.avgpool(x).flatten(1)  # 1280
        logits: Tensor = self.classifier(self.dropout(x))
        return logits


def efficientnet_lite(
    form: str,
    *,
    num_classes: int,
    in_channels: int,
    dropout: float = 0.2,
    drop_path: float = 0.0,
) -> EfficientNetLite:
    """An EfficientNet-Lite that maps images (N, C, H, W) to logits (N, K).

    Args:
        form: A row of `FORMS`.
        num_classes: K.
        in_channels: C.
        dropout: Probability of dropping a value before the dense layer.
        drop_path: Stochastic depth: the probability that an image in training skips the last block
            that has a shortcut. It grows linearly from the first one on.

    Raises:
        NetworkError: An option has a value that can't be.
    """
    probability("dropout", dropout)
    check_drop_path(drop_path, residual=True)
    return EfficientNetLite(
        FORMS[form],
        num_classes=num_classes,
        in_channels=in_channels,
        dropout=dropout,
        drop_path=drop_path,
    )


def tensorflow_port_names() -> dict[str, str]:
    """Prefixes of names in ports of TensorFlow's lite0, with ours in their place.

    They count blocks over all stages, and number normalisations from 0 where a block widens.
    """
    names = {"_conv_stem.": "conv_stem.", "_bn0.": "bn1.", "_conv_head.": "conv_head."}
    names |= {"_bn1.": "bn2.", "_fc.": "classifier."}
    counted = (
        (stage_index, block)
        for stage_index, stage in enumerate(STAGES)
        for block in range(stage.blocks)
    )
    for number, (stage_index, block) in enumerate(counted):
        theirs, ours = f"_blocks.{number}.", f"blocks.{stage_index}.{block}."
        layers = {"_depthwise_conv": "conv_dw", "_bn1": "bn1"}
        layers |= {"_project_conv": "conv_pw", "_bn2": "bn2"}
        if stage_index > 0:
            layers = {"_expand_conv": "conv_pw", "_bn0": "bn1", "_depthwise_conv": "conv_dw"}
            layers |= {"_bn1": "bn2", "_project_conv": "conv_pwl", "_bn2": "bn3"}
        names |= {f"{theirs}{old}.": f"{ours}{new}." for old, new in layers.items()}
    return names


def _blocks_of(
    form: EfficientNetLiteForm, stage: LiteStage, channels: int
) -> Iterator[ResidualBlock]:
    """The blocks of a stage; the first has its stride, and changes the channels."""
    block = DepthwiseBlock if stage is STAGES[0] else InvertedResidual
    out_channels = form.channels(stage.channels)
    for index in range(form.blocks(stage)):
        stride = stage.stride if index == 0 else 1
        yield block(channels, out_channels, kernel=stage.kernel, stride=stride)
        channels = out_channels


def _depthwise(channels: int, *, kernel: int, stride: int) -> tuple[nn.Module, nn.Conv2d]:
    """A kernel for each channel, with the padding before it that keeps ceil(side / stride)."""
    padding = kernel // 2 if stride == 1 else 0
    convolution = nn.Conv2d(
        channels, channels, kernel, stride=stride, padding=padding, groups=channels, bias=False
    )
    return nn.Identity() if stride == 1 else SamePadding(kernel, stride=stride), convolution


def _normalization(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=BN_EPS, momentum=BN_MOMENTUM)
