"""GoogLeNet: Inception blocks of four branches, 22 layers deep, with two heads for training.

    block   output      1x1   3x3 after 1x1   5x5 after 1x1   1x1 after pooling
    conv1   64x112x112        7x7, stride 2
    conv2   192x56x56         1x1 to 64, 3x3 to 192, after 3x3 pooling
    3a      256x28x28    64    96 -> 128       16 -> 32        32
    ...                 (TABLE below)
    5b      1024x7x7    384   192 -> 384       48 -> 128      128
    fc      K                 mean over the map, dropout, dense

    form             branch of 5x5   normalisation   parameters, K = 1000, with heads / without
    googlenet        3x3 kernels     batch           13,004,888 / 6,624,904
    googlenet_2014   5x5 kernels     local response  13,378,280 / 6,998,552
    googlenet_notes  5x5 kernels     none            its 4d reduces to 128 where the paper has 144

Source: Szegedy et al. 2014, Going deeper with convolutions, table 1.
Departs: `googlenet` is the form whose ImageNet weights are public: batch normalisation, 3x3 kernels
    where the paper has 5x5, a 2x2 fourth pooling, heads that average to 4x4 at any image size.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from convscope.errors import NetworkError
from convscope.networks.layers import LocalResponseNorm
from convscope.networks.options import flag, is_small, probability


class InceptionWidths(NamedTuple):
    """Kernels of an Inception block's branches."""

    one: int
    three_reduce: int
    three: int
    five_reduce: int
    five: int
    pool: int

    @property
    def total(self) -> int:
        """Channels of the block's output."""
        return self.one + self.three + self.five + self.pool


TABLE = {
    "3a": InceptionWidths(64, 96, 128, 16, 32, 32),
    "3b": InceptionWidths(128, 128, 192, 32, 96, 64),
    "4a": InceptionWidths(192, 96, 208, 16, 48, 64),
    "4b": InceptionWidths(160, 112, 224, 24, 64, 64),
    "4c": InceptionWidths(128, 128, 256, 24, 64, 64),
    "4d": InceptionWidths(112, 144, 288, 32, 64, 64),
    "4e": InceptionWidths(256, 160, 320, 32, 128, 128),
    "5a": InceptionWidths(256, 160, 320, 32, 128, 128),
    "5b": InceptionWidths(384, 192, 384, 48, 128, 128),
}
NOTES_TABLE = TABLE | {"4d": TABLE["4d"]._replace(three_reduce=128)}


class GoogLeNetForm(NamedTuple):
    """The differences between the forms of GoogLeNet."""

    table: dict[str, InceptionWidths]
    five: int  # side of the kernel in the third branch
    batch_norm: bool
    last_pool: int  # side of the window of the fourth pooling
    head_window: int | None  # of the pooling in the auxiliary heads; None for what gives 4x4


FORMS = {
    "googlenet": GoogLeNetForm(TABLE, five=3, batch_norm=True, last_pool=2, head_window=None),
    "googlenet_2014": GoogLeNetForm(TABLE, five=5, batch_norm=False, last_pool=3, head_window=5),
    "googlenet_notes": GoogLeNetForm(
        NOTES_TABLE, five=5, batch_norm=False, last_pool=3, head_window=5
    ),
}
HEAD_DROPOUT = 0.7


class GoogLeNetOutputs(NamedTuple):
    """Logits (N, K) of the network and of its two auxiliary heads."""

    logits: Tensor
    auxiliary1: Tensor
    auxiliary2: Tensor


class ConvUnit(nn.Module):
    """Convolution, batch normalisation or none, ReLU.

    Departs: epsilon is 0.001, as the published weights were trained; torch's default is 0.00001.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: int,
        *,
        stride: int = 1,
        padding: int = 0,
        batch_norm: bool,
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(
            in_channels, out_channels, kernel, stride=stride, padding=padding, bias=not batch_norm
        )
        self.bn = nn.BatchNorm2d(out_channels, eps=0.001) if batch_norm else nn.Identity()
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """`x` (N, C, H, W) becomes (N, out_channels, H', W')."""
        result: Tensor = self.relu(self.bn(self.conv(x)))
        return result


class Inception(nn.Module):
    """Kernels of three sizes and a pooling side by side: (N, C, H, W) to (N, widths.total, H, W).

    1x1 kernels reduce the channels before the larger ones: 64 kernels of 5x5 on 512 channels have
    819,200 weights, with 24 kernels of 1x1 before them 50,688.

    Source: Szegedy et al. 2014, figure 2b.

    Args:
        in_channels: C.
        widths: A row of the table.
        five: Side of the kernel in the third branch.
        batch_norm: Normalise after each convolution.
    """

    def __init__(
        self, in_channels: int, widths: InceptionWidths, *, five: int, batch_norm: bool
    ) -> None:
        super().__init__()
        self.branch1 = ConvUnit(in_channels, widths.one, 1, batch_norm=batch_norm)
        self.branch2 = nn.Sequential(
            ConvUnit(in_channels, widths.three_reduce, 1, batch_norm=batch_norm),
            ConvUnit(widths.three_reduce, widths.three, 3, padding=1, batch_norm=batch_norm),
        )
        self.branch3 = nn.Sequential(
            ConvUnit(in_channels, widths.five_reduce, 1, batch_norm=batch_norm),
            ConvUnit(
                widths.five_reduce, widths.five, five, padding=five // 2, batch_norm=batch_norm
            ),
        )
        self.branch4 = nn.Sequential(
            nn.MaxPool2d(3, stride=1, padding=1),
            ConvUnit(in_channels, widths.pool, 1, batch_norm=batch_norm),
        )

    def forward(self, x: Tensor) -> Tensor:
        """The branches' maps, one after the other."""
        return torch.cat([self.branch1(x), self.branch2(x), self.branch3(x), self.branch4(x)], 1)


class AuxiliaryHead(nn.Module):
    """A classifier in the middle of the network, which gives its lower half a nearer loss."""

    def __init__(self, in_channels: int, num_classes: int, form: GoogLeNetForm) -> None:
        super().__init__()
        average = nn.AvgPool2d(form.head_window, stride=3) if form.head_window else nn.Identity()
        # At 224x224 the paper's window gives 4x4 by itself, and the second pooling changes nothing.
        self.pool = nn.Sequential(average, nn.AdaptiveAvgPool2d(4))
        self.conv = ConvUnit(in_channels, 128, 1, batch_norm=form.batch_norm)
        self.fc1 = nn.Linear(128 * 4 * 4, 1024)
        self.relu = nn.ReLU()
        self.dropout = nn.Dropout(HEAD_DROPOUT)
        self.fc2 = nn.Linear(1024, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (N, K) from maps (N, C, H, W)."""
        x = self.conv(self.pool(x)).flatten(1)  # 2048
        logits: Tensor = self.fc2(self.dropout(self.relu(self.fc1(x))))
        return logits


class GoogLeNet(nn.Module):
    """Maps images (N, C, H, W) to logits (N, K)."""

    aux1: AuxiliaryHead | None
    aux2: AuxiliaryHead | None

    def __init__(
        self,
        form: GoogLeNetForm,
        *,
        num_classes: int,
        in_channels: int,
        small_stem: bool,
        auxiliaries: bool,
        lrn: bool,
        dropout: float,
    ) -> None:
        super().__init__()
        norm, pool, table = form.batch_norm, form.last_pool, form.table
        if small_stem:
            self.conv1 = ConvUnit(in_channels, 64, 3, padding=1, batch_norm=norm)
        else:
            self.conv1 = ConvUnit(in_channels, 64, 7, stride=2, padding=3, batch_norm=norm)
        self.maxpool1 = nn.Identity() if small_stem else nn.MaxPool2d(3, stride=2, ceil_mode=True)
        self.norm1 = LocalResponseNorm() if lrn else nn.Identity()
        self.conv2 = ConvUnit(64, 64, 1, batch_norm=norm)
        self.conv3 = ConvUnit(64, 192, 3, padding=1, batch_norm=norm)
        self.norm2 = LocalResponseNorm() if lrn else nn.Identity()
        self.maxpool2 = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        channels = 192
        for name, widths in table.items():
            block = Inception(channels, widths, five=form.five, batch_norm=norm)
            self.add_module(f"inception{name}", block)
            channels = widths.total
        self.maxpool3 = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        self.maxpool4 = nn.MaxPool2d(pool, stride=2, ceil_mode=True)
        self.aux1 = AuxiliaryHead(table["4a"].total, num_classes, form) if auxiliaries else None
        self.aux2 = AuxiliaryHead(table["4d"].total, num_classes, form) if auxiliaries else None
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.dropout = nn.Dropout(dropout)
        self.fc = nn.Linear(channels, num_classes)

    def _maps(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The inputs of the three heads: the maps after 4a, 4d and 5b; shapes at 224x224."""
        x = self.norm1(self.maxpool1(self.conv1(images)))  # 64 x 56 x 56
        x = self.maxpool2(self.norm2(self.conv3(self.conv2(x))))  # 192 x 28 x 28
        x = self._blocks(x, "3a", "3b")  # 480 x 28 x 28
        after_4a = self._blocks(self.maxpool3(x), "4a")  # 512 x 14 x 14
        after_4d = self._blocks(after_4a, "4b", "4c", "4d")  # 528 x 14 x 14
        x = self._blocks(after_4d, "4e")  # 832 x 14 x 14
        x = self._blocks(self.maxpool4(x), "5a", "5b")  # 1024 x 7 x 7
        return after_4a, after_4d, x

    def _blocks(self, x: Tensor, *names: str) -> Tensor:
        for name in names:
            x = self.get_submodule(f"inception{name}")(x)
        return x

    def _classify(self, maps: Tensor) -> Tensor:
        logits: Tensor = self.fc(self.dropout(self.avgpool(maps).flatten(1)))
        return logits

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, K) of images (N, C, H, W), in training too."""
        return self._classify(self._maps(images)[-1])

    def forward_with_auxiliaries(self, images: Tensor) -> GoogLeNetOutputs:
        """Logits (N, K) of images (N, C, H, W) from all three heads, for the loss in training.

        Raises:
            NetworkError: The network was built without auxiliary heads.
        """
        if self.aux1 is None or self.aux2 is None:
            raise NetworkError(
                "this network has no auxiliary heads", hint="build it with `auxiliaries=True`"
            )
        after_4a, after_4d, last = self._maps(images)
        return GoogLeNetOutputs(self._classify(last), self.aux1(after_4a), self.aux2(after_4d))


def googlenet(
    form: str,
    *,
    num_classes: int,
    in_channels: int,
    stem: str = "imagenet",
    auxiliaries: bool = True,
    lrn: bool = False,
    dropout: float = 0.4,
) -> GoogLeNet:
    """A GoogLeNet that maps images (N, C, H, W) to logits (N, K).

    Args:
        form: A row of `FORMS`.
        num_classes: K.
        in_channels: C.
        stem: `imagenet` begins as the paper does; `small` with a 3x3 convolution of stride 1 and
            without the first pooling, for images of about 32 pixels.
        auxiliaries: Add the two heads that `forward_with_auxiliaries` uses.
        lrn: Add local response normalisation before and after the second stage.
        dropout: Probability of dropping a value before the last layer.

    Raises:
        NetworkError: An option has a value that can't be.
    """
    flag("auxiliaries", auxiliaries)
    flag("lrn", lrn)
    probability("dropout", dropout)
    return GoogLeNet(
        FORMS[form],
        num_classes=num_classes,
        in_channels=in_channels,
        small_stem=is_small(stem),
        auxiliaries=auxiliaries,
        lrn=lrn,
        dropout=dropout,
    )
