"""AlexNet in three forms.

    form           convolutions (kernels of size/stride)          groups   LRN   dropout is
    alexnet        64 of 11/4, 192 of 5, 384, 256, 256 of 3       1        no    before dense layers
    alexnet_96     96 of 11/4, 256 of 5, 384, 384, 256 of 3       1        no    after dense layers
    alexnet_2012   96 of 11/4, 256 of 5, 384, 384, 256 of 3       1 or 2   yes   after dense layers

Poolings of 3, stride 2, follow the first, second and fifth convolution; then come dense layers of
4096, 4096 and K. Parameters at 1000 classes: 61,100,840, 62,378,344 and 60,965,224.

Source: Krizhevsky et al. 2012, ImageNet classification with deep convolutional neural networks;
    Krizhevsky 2014, One weird trick for parallelizing convolutional neural networks, for `alexnet`.
Departs: the paper's kernels need 227 pixels, not the 224 of its text; `alexnet` pads by 2 on all
    sides, the other two as their option `padding` says. A pooling to 6x6 before the dense layers,
    which changes nothing at the training size, lets other sizes in. The two groups run on one
    device.
"""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor, nn

from convscope.networks.layers import LocalResponseNorm
from convscope.networks.options import is_small, one_of, probability

FEATURE_SIDE = 6
NEURONS = 4096

# Zeros at the left and top, and at the right and bottom: 224 becomes the 227 of the first kernel.
PADDINGS = {"2-1": (2, 1), "1-2": (1, 2), "none": (0, 0)}


class AlexNetForm(NamedTuple):
    """The layers of one form, as in the table above."""

    kernels: tuple[int, int, int, int, int]
    groups: tuple[int, int, int, int, int] = (1, 1, 1, 1, 1)
    lrn: bool = False
    drops_first: bool = False


FORMS = {
    "alexnet": AlexNetForm((64, 192, 384, 256, 256), drops_first=True),
    "alexnet_96": AlexNetForm((96, 256, 384, 384, 256)),
    "alexnet_2012": AlexNetForm((96, 256, 384, 384, 256), groups=(1, 2, 1, 2, 2), lrn=True),
}
SIZES = (11, 5, 3, 3, 3)
POOLED = (0, 1, 4)  # which convolutions a pooling follows


class AlexNet(nn.Module):
    """Maps images (N, C, H, W) to logits (N, K).

    Attributes:
        small_stem: Whether it begins with a 3x3 convolution of stride 1.
    """

    def __init__(
        self, features: nn.Sequential, classifier: nn.Sequential, *, small_stem: bool
    ) -> None:
        super().__init__()
        self.small_stem = small_stem
        self.features = features
        self.avgpool = nn.AdaptiveAvgPool2d(FEATURE_SIDE)
        self.classifier = classifier

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, K) of images (N, C, H, W); shapes at 224x224."""
        x = self.features(images)  # 256 x 6 x 6
        x = self.avgpool(x).flatten(1)  # 9216
        logits: Tensor = self.classifier(x)
        return logits


def _features(
    form: AlexNetForm, in_channels: int, *, small_stem: bool, padding: tuple[int, int] | None
) -> nn.Sequential:
    """The convolutions; `padding` None pads the first one by 2 on all sides."""
    layers = nn.Sequential()
    if padding is not None and any(padding) and not small_stem:
        before, after = padding
        layers.append(nn.ZeroPad2d((before, after, before, after)))
    channels = in_channels
    for index, (kernels, groups, size) in enumerate(
        zip(form.kernels, form.groups, SIZES, strict=True)
    ):
        stride, margin = 1, size // 2
        if index == 0 and small_stem:
            size, margin = 3, 1
        elif index == 0:
            stride, margin = 4, 2 if padding is None else 0
        layers.append(
            nn.Conv2d(channels, kernels, size, stride=stride, padding=margin, groups=groups)
        )
        layers.append(nn.ReLU())
        if form.lrn and index < 2:
            layers.append(LocalResponseNorm())
        if index in POOLED:
            layers.append(nn.MaxPool2d(3, stride=2))
        channels = kernels
    return layers


def _classifier(form: AlexNetForm, num_classes: int, dropout: float) -> nn.Sequential:
    """The dense layers, with dropout before or after the hidden ones as the form says."""
    layers = nn.Sequential()
    for values in (form.kernels[-1] * FEATURE_SIDE**2, NEURONS):
        dense = (nn.Linear(values, NEURONS), nn.ReLU())
        drop = nn.Dropout(dropout)
        layers.extend((drop, *dense) if form.drops_first else (*dense, drop))
    return layers.append(nn.Linear(NEURONS, num_classes))


def alexnet(
    form: str,
    *,
    num_classes: int,
    in_channels: int,
    stem: str = "imagenet",
    dropout: float = 0.5,
) -> AlexNet:
    """The AlexNet whose ImageNet weights are public, from images (N, C, H, W) to logits (N, K).

    Args:
        form: `alexnet`.
        num_classes: K.
        in_channels: C.
        stem: `imagenet` begins with 11x11 kernels of stride 4; `small` with 3x3 kernels of stride
            1, for images of about 32 pixels.
        dropout: Probability of dropping a value before each hidden dense layer.

    Raises:
        NetworkError: An option has a value that can't be.
    """
    probability("dropout", dropout)
    small_stem = is_small(stem)
    row = FORMS[form]
    classifier = _classifier(row, num_classes, dropout)
    features = _features(row, in_channels, small_stem=small_stem, padding=None)
    return AlexNet(features, classifier, small_stem=small_stem)


def alexnet_as_in_paper(
    form: str,
    *,
    num_classes: int,
    in_channels: int,
    stem: str = "imagenet",
    padding: str = "2-1",
    dropout: float = 0.5,
) -> AlexNet:
    """An AlexNet with the paper's 96 first kernels, from images (N, C, H, W) to logits (N, K).

    Args:
        form: `alexnet_96` or `alexnet_2012`.
        num_classes: K.
        in_channels: C.
        stem: `imagenet` begins with 11x11 kernels of stride 4; `small` with 3x3 kernels of stride
            1, for images of about 32 pixels.
        padding: Zeros around the image: `2-1` is 2 at the left and top, 1 at the right and bottom,
            `1-2` the other way round, `none` for images of 227. The small stem pads by 1.
        dropout: Probability of dropping a value after each hidden dense layer.

    Raises:
        NetworkError: An option has a value that can't be.
    """
    probability("dropout", dropout)
    one_of("padding", padding, PADDINGS)
    small_stem = is_small(stem)
    row = FORMS[form]
    classifier = _classifier(row, num_classes, dropout)
    features = _features(row, in_channels, small_stem=small_stem, padding=PADDINGS[padding])
    return AlexNet(features, classifier, small_stem=small_stem)
