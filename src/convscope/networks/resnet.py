"""ResNet for photos: 18 to 152 layers, and the wide and the grouped form of 50.

    stage     output    18            34    50                     101    152
    conv1     112x112   7x7, 64, stride 2
    maxpool   56x56     3x3, stride 2
    layer1    56x56     [3x3, 64] x2  x3    [1x1,64 3x3,64 1x1,256] x3   x3   x3
    layer2    28x28     128       x2  x4    128, 128, 512 x4             x4   x8
    layer3    14x14     256       x2  x6    256, 256, 1024 x6            x23  x36
    layer4    7x7       512       x2  x3    512, 512, 2048 x3            x3   x3
    fc        mean over the map, dense layer to K

Parameters at 1000 classes: 11,689,512 (18), 21,797,672 (34), 25,557,032 (50), 44,549,160 (101),
60,192,808 (152), 68,883,240 (wide_resnet50_2), 25,028,904 (resnext50_32x4d).

Source: He et al. 2015, Deep residual learning for image recognition, table 1, shortcuts of kind B;
    Zagoruyko and Komodakis 2016, Wide residual networks; Xie et al. 2017, Aggregated residual
    transformations, table 1; Huang et al. 2016, Deep networks with stochastic depth, `drop_path`.
Departs: the stride of a bottleneck is on its 3x3 convolution, see `Bottleneck`.
"""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor, nn

from convscope.networks.options import flag, is_small
from convscope.networks.residual import (
    BasicBlock,
    Bottleneck,
    add_drop_path,
    check_drop_path,
    normalization,
)

STAGE_CHANNELS = (64, 128, 256, 512)
EXPANSION = 4  # of a bottleneck: its output has four times the channels of its stage


class ResNetForm(NamedTuple):
    """Blocks of each stage, and the 3x3 convolution of a bottleneck."""

    blocks: tuple[int, int, int, int]
    bottleneck: bool
    groups: int = 1
    group_width: int = 64  # channels of a group in the first stage


FORMS = {
    "resnet18": ResNetForm((2, 2, 2, 2), bottleneck=False),
    "resnet34": ResNetForm((3, 4, 6, 3), bottleneck=False),
    "resnet50": ResNetForm((3, 4, 6, 3), bottleneck=True),
    "resnet101": ResNetForm((3, 4, 23, 3), bottleneck=True),
    "resnet152": ResNetForm((3, 8, 36, 3), bottleneck=True),
    "wide_resnet50_2": ResNetForm((3, 4, 6, 3), bottleneck=True, group_width=128),
    "resnext50_32x4d": ResNetForm((3, 4, 6, 3), bottleneck=True, groups=32, group_width=4),
}


class ResNet(nn.Module):
    """Maps images (N, C, H, W) to logits (N, K)."""

    layer1: nn.Sequential
    layer2: nn.Sequential
    layer3: nn.Sequential
    layer4: nn.Sequential

    def __init__(
        self,
        form: ResNetForm,
        *,
        num_classes: int,
        in_channels: int,
        small_stem: bool,
        residual: bool,
        batch_norm: bool,
        drop_path: float,
    ) -> None:
        super().__init__()
        bias = not batch_norm
        if small_stem:
            self.conv1 = nn.Conv2d(in_channels, 64, 3, padding=1, bias=bias)
        else:
            self.conv1 = nn.Conv2d(in_channels, 64, 7, stride=2, padding=3, bias=bias)
        self.bn1 = normalization(64, batch_norm)
        self.relu = nn.ReLU()
        self.maxpool = nn.Identity() if small_stem else nn.MaxPool2d(3, stride=2, padding=1)
        channels = 64
        for stage, (width, blocks) in enumerate(zip(STAGE_CHANNELS, form.blocks, strict=True), 1):
            layer = nn.Sequential()
            for index in range(blocks):
                stride = 2 if stage > 1 and index == 0 else 1
                layer.append(
                    _block(
                        form,
                        channels,
                        width,
                        stride=stride,
                        residual=residual,
                        batch_norm=batch_norm,
                    )
                )
                channels = width * (EXPANSION if form.bottleneck else 1)
            self.add_module(f"layer{stage}", layer)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(channels, num_classes)
        add_drop_path(self, drop_path)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, K) of images (N, C, H, W); shapes at 224x224, channels of 18 and 34."""
        x = self.relu(self.bn1(self.conv1(images)))  # 64 x 112 x 112
        x = self.maxpool(x)  # 64 x 56 x 56
        x = self.layer1(x)  # 64 x 56 x 56
        x = self.layer2(x)  # 128 x 28 x 28
        x = self.layer3(x)  # 256 x 14 x 14
        x = self.layer4(x)  # 512 x 7 x 7
        x = self.avgpool(x).flatten(1)  # 512
        logits: Tensor = self.fc(x)
        return logits


def _block(
    form: ResNetForm,
    channels: int,
    width: int,
    *,
    stride: int,
    residual: bool,
    batch_norm: bool,
) -> nn.Module:
    """One block of a stage, with a projection around it where the shape changes."""
    out_channels = width * (EXPANSION if form.bottleneck else 1)
    shortcut: nn.Module | None = nn.Identity() if residual else None
    if residual and (stride > 1 or channels != out_channels):
        shortcut = nn.Sequential(
            nn.Conv2d(channels, out_channels, 1, stride=stride, bias=not batch_norm),
            normalization(out_channels, batch_norm),
        )
    if not form.bottleneck:
        return BasicBlock(
            channels,
            out_channels,
            stride=stride,
            shortcut=shortcut,
            batch_norm=batch_norm,
        )
    return Bottleneck(
        channels,
        out_channels,
        width=width * form.group_width * form.groups // 64,
        stride=stride,
        groups=form.groups,
        shortcut=shortcut,
        batch_norm=batch_norm,
    )


def resnet(
    form: str,
    *,
    num_classes: int,
    in_channels: int,
    stem: str = "imagenet",
    residual: bool = True,
    batch_norm: bool = True,
    drop_path: float = 0.0,
) -> ResNet:
    """A ResNet that maps images (N, C, H, W) to logits (N, K).

    Args:
        form: A row of `FORMS`.
        num_classes: K.
        in_channels: C.
        stem: `imagenet` begins as the paper does; `small` with a 3x3 convolution of stride 1 and
            without pooling, for images of about 32 pixels.
        residual: Add shortcuts; without them it is the plain network that the paper compares with.
        batch_norm: Normalise after each convolution.
        drop_path: Stochastic depth: the probability that an image in training skips the last
            block. It grows linearly from the first block on.

    Raises:
        NetworkError: An option has a value that can't be.
    """
    flag("residual", residual)
    flag("batch_norm", batch_norm)
    check_drop_path(drop_path, residual=residual)
    return ResNet(
        FORMS[form],
        num_classes=num_classes,
        in_channels=in_channels,
        small_stem=is_small(stem),
        residual=residual,
        batch_norm=batch_norm,
        drop_path=drop_path,
    )
