"""SqueezeNet: AlexNet's accuracy with fifty times fewer parameters, in two forms.

    form            first layer         pooling before           parameters
    squeezenet1_0   96 of 7, stride 2   fire 2, 5 and 9          1,248,424
    squeezenet1_1   64 of 3, stride 2   fire 2, 4 and 6          1,235,496, with 2.4 times less work

A fire module squeezes to few channels with 1x1 kernels, then expands with 1x1 and 3x3 kernels side
by side. There is no dense layer: a 1x1 convolution makes K maps, their means are the logits.

Source: Iandola et al. 2016, SqueezeNet, table 1; 1.1 from the authors' repository.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from convscope.networks.options import is_small, probability


class SqueezeNetForm(NamedTuple):
    """The first convolution, and what follows it: (squeeze, expand each) or "pool"."""

    channels: int
    kernel: int
    body: tuple[tuple[int, int] | str, ...]


# fmt: off
FORMS = {
    "squeezenet1_0": SqueezeNetForm(96, 7, (
        "pool", (16, 64), (16, 64), (32, 128),
        "pool", (32, 128), (48, 192), (48, 192), (64, 256),
        "pool", (64, 256),
    )),
    "squeezenet1_1": SqueezeNetForm(64, 3, (
        "pool", (16, 64), (16, 64),
        "pool", (32, 128), (32, 128),
        "pool", (48, 192), (48, 192), (64, 256), (64, 256),
    )),
}
# fmt: on


class Fire(nn.Module):
    """(N, C, H, W) becomes (N, 2 * expand, H, W).

    Args:
        in_channels: C.
        squeeze: Channels between the two halves.
        expand: Kernels of each size.
    """

    def __init__(self, in_channels: int, squeeze: int, expand: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(in_channels, squeeze, 1)
        self.squeeze_activation = nn.ReLU()
        self.expand1x1 = nn.Conv2d(squeeze, expand, 1)
        self.expand1x1_activation = nn.ReLU()
        self.expand3x3 = nn.Conv2d(squeeze, expand, 3, padding=1)
        self.expand3x3_activation = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """The maps of both kernel sizes, one after the other."""
        x = self.squeeze_activation(self.squeeze(x))
        ones = self.expand1x1_activation(self.expand1x1(x))
        threes = self.expand3x3_activation(self.expand3x3(x))
        return torch.cat([ones, threes], dim=1)


class SqueezeNet(nn.Module):
    """Maps images (N, C, H, W) to logits (N, K), none of which is negative."""

    def __init__(
        self,
        form: SqueezeNetForm,
        *,
        num_classes: int,
        in_channels: int,
        small_stem: bool,
        dropout: float,
    ) -> None:
        super().__init__()
        side, stride, padding = (3, 1, 1) if small_stem else (form.kernel, 2, 0)
        first = nn.Conv2d(in_channels, form.channels, side, stride=stride, padding=padding)
        self.features = nn.Sequential(first, nn.ReLU())
        channels = form.channels
        for index, row in enumerate(form.body):
            if isinstance(row, tuple):
                squeeze, expand = row
                self.features.append(Fire(channels, squeeze, expand))
                channels = 2 * expand
            elif small_stem and index == 0:
                # It keeps the names of the layers behind it as they are in public weights.
                self.features.append(nn.Identity())
            else:
                self.features.append(nn.MaxPool2d(3, stride=2, ceil_mode=True))
        self.classifier = nn.Sequential(
            nn.Dropout(dropout),
            nn.Conv2d(channels, num_classes, 1),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(1),
        )

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, K) of images (N, C, H, W); shapes at 224x224."""
        x = self.features(images)  # 512 x 13 x 13
        x = self.classifier(x)  # K x 1 x 1
        logits: Tensor = x.flatten(1)
        return logits


def squeezenet(
    form: str, *, num_classes: int, in_channels: int, stem: str = "imagenet", dropout: float = 0.5
) -> SqueezeNet:
    """A SqueezeNet that maps images (N, C, H, W) to logits (N, K).

    Args:
        form: A row of `FORMS`.
        num_classes: K.
        in_channels: C.
        stem: `imagenet` begins as the paper does; `small` with a 3x3 convolution of stride 1 and
            without the first pooling, for images of about 32 pixels.
        dropout: Probability of dropping a value before the last convolution.

    Raises:
        NetworkError: An option has a value that can't be.
    """
    probability("dropout", dropout)
    return SqueezeNet(
        FORMS[form],
        num_classes=num_classes,
        in_channels=in_channels,
        small_stem=is_small(stem),
        dropout=dropout,
    )
