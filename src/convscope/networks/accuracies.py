"""What the published weights reach on ImageNet: for orientation, not measured here.

On the 50,000 validation images of ImageNet-1K, one centre crop of 224 pixels each, so they are not
comparable with the papers' numbers, which are from several crops.

Source: torchvision 0.21.0, the metadata of its weights (`IMAGENET1K_V1`).
"""

from __future__ import annotations

from typing import NamedTuple


class Accuracy(NamedTuple):
    """Shares of images.

    Attributes:
        top1: Whose class is the most probable one.
        top5: Whose class is among the five most probable.
    """

    top1: float
    top5: float


IMAGENET_ACCURACY = {
    "alexnet": Accuracy(0.56522, 0.79066),
    "vgg11": Accuracy(0.69020, 0.88628),
    "vgg13": Accuracy(0.69928, 0.89246),
    "vgg16": Accuracy(0.71592, 0.90382),
    "vgg19": Accuracy(0.72376, 0.90876),
    "vgg11_bn": Accuracy(0.70370, 0.89810),
    "vgg13_bn": Accuracy(0.71586, 0.90374),
    "vgg16_bn": Accuracy(0.73360, 0.91516),
    "vgg19_bn": Accuracy(0.74218, 0.91842),
    "googlenet": Accuracy(0.69778, 0.89530),
    "resnet18": Accuracy(0.69758, 0.89078),
    "resnet34": Accuracy(0.73314, 0.91420),
    "resnet50": Accuracy(0.76130, 0.92862),
    "resnet101": Accuracy(0.77374, 0.93546),
    "resnet152": Accuracy(0.78312, 0.94046),
    "wide_resnet50_2": Accuracy(0.78468, 0.94086),
    "resnext50_32x4d": Accuracy(0.77618, 0.93698),
    "squeezenet1_0": Accuracy(0.58092, 0.80420),
    "squeezenet1_1": Accuracy(0.58178, 0.80624),
}
