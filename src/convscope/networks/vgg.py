"""VGG: blocks of 3x3 convolutions, each followed by a 2x2 pooling that halves the map.

    form      configuration   convolutions in the five blocks       parameters, K = 1000
    vgg11     A               1, 1, 2, 2, 2                          132,863,336
    vgg13     B               2, 2, 2, 2, 2                          133,047,848
    vgg16     D               2, 2, 3, 3, 3                          138,357,544
    vgg16_c   C               as D, the third of a block is 1x1      133,638,952
    vgg19     E               2, 2, 4, 4, 4                          143,667,240

Blocks have 64, 128, 256, 512 and 512 kernels a convolution; dense layers of 4096, 4096 and K
follow. With `_bn` each convolution is followed by batch normalisation.

No stem for small images is needed: from 32 pixels on, something is left after the fifth pooling.

Source: Simonyan and Zisserman 2014, Very deep convolutional networks, table 1.
Departs: a pooling to 7x7 before the dense layers, which changes nothing at 224x224, lets other
    sizes in.
"""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor, nn

from convscope.networks.options import probability

KERNELS = (64, 128, 256, 512, 512)
FEATURE_SIDE = 7
NEURONS = 4096


class VGGForm(NamedTuple):
    """The kernel sizes of each of the five blocks."""

    blocks: tuple[tuple[int, ...], ...]
    batch_norm: bool = False


A = ((3,), (3,), (3, 3), (3, 3), (3, 3))
B = ((3, 3), (3, 3), (3, 3), (3, 3), (3, 3))
C = ((3, 3), (3, 3), (3, 3, 1), (3, 3, 1), (3, 3, 1))
D = ((3, 3), (3, 3), (3, 3, 3), (3, 3, 3), (3, 3, 3))
E = ((3, 3), (3, 3), (3, 3, 3, 3), (3, 3, 3, 3), (3, 3, 3, 3))

FORMS = {
    "vgg11": VGGForm(A),
    "vgg13": VGGForm(B),
    "vgg16": VGGForm(D),
    "vgg16_c": VGGForm(C),
    "vgg19": VGGForm(E),
    "vgg11_bn": VGGForm(A, batch_norm=True),
    "vgg13_bn": VGGForm(B, batch_norm=True),
    "vgg16_bn": VGGForm(D, batch_norm=True),
    "vgg19_bn": VGGForm(E, batch_norm=True),
}


class VGG(nn.Module):
    """Maps images (N, C, H, W) to logits (N, K)."""

    def __init__(
        self, form: VGGForm, *, num_classes: int, in_channels: int, dropout: float
    ) -> None:
        super().__init__()
        self.features = nn.Sequential()
        channels = in_channels
        for kernels, sizes in zip(KERNELS, form.blocks, strict=True):
            for size in sizes:
                self.features.append(nn.Conv2d(channels, kernels, size, padding=size // 2))
                if form.batch_norm:
                    self.features.append(nn.BatchNorm2d(kernels))
                self.features.append(nn.ReLU())
                channels = kernels
            self.features.append(nn.MaxPool2d(2))
        self.avgpool = nn.AdaptiveAvgPool2d(FEATURE_SIDE)
        self.classifier = nn.Sequential(
            nn.Linear(channels * FEATURE_SIDE**2, NEURONS),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(NEURONS, NEURONS),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(NEURONS, num_classes),
        )

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, K) of images (N, C, H, W); shapes at 224x224."""
        x = self.features(images)  # 512 x 7 x 7
        x = self.avgpool(x).flatten(1)  # 25088
        logits: Tensor = self.classifier(x)
        return logits


def vgg(form: str, *, num_classes: int, in_channels: int, dropout: float = 0.5) -> VGG:
    """A VGG that maps images (N, C, H, W) to logits (N, K).

    Args:
        form: A row of `FORMS`.
        num_classes: K.
        in_channels: C.
        dropout: Probability of dropping a value after each hidden dense layer.

    Raises:
        NetworkError: An option has a value that can't be.
    """
    probability("dropout", dropout)
    return VGG(FORMS[form], num_classes=num_classes, in_channels=in_channels, dropout=dropout)
