"""Airbench: a network for 32x32 images that is made to be trained within seconds.

    layer     output    channels
    whiten    31x31     24         2x2 kernels, fixed: whitened patches, and their negatives
    block1    15x15     64
    block2    7x7       256
    block3    3x3       256
    pool      1x1       256        the largest value of each map
    fc        logits divided by 9

A block: 3x3 convolution, 2x2 max pooling, normalisation, GELU, 3x3 convolution, normalisation,
GELU. Of C channels `whiten` makes 8C. Parameters at 10 classes: 1,972,504.

The kernels of `whiten` are meant to be those of `whitening_kernels`, computed from the images that
the network is trained on, as a training does; until then each passes one pixel on.

Source: Jordan 2024, 94% on CIFAR-10 in 3.29 seconds on a single GPU, section 3 and table 1, the
    network of 94 %; the first layer and the blocks are Page's (2018, How to train your ResNet) and
    Tysam's (2023, hlb-CIFAR10).
Departs: the scale of batch normalisation is trained, so that it is the layer that all tools know;
    the last pooling takes maps of any size.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from convscope.errors import NetworkError
from convscope.networks.options import counts

WIDTHS = (64, 256, 256)
PATCH = 2  # side of a whitened patch
# Added to the variances, so that directions in which patches hardly differ aren't blown up.
SMALLEST_VARIANCE = 5e-4
# Of the running statistics: in a training of few steps they have to follow fast.
MOMENTUM = 0.4
LOGIT_SCALE = 1 / 9


class WhiteningConv2d(nn.Conv2d):
    """A convolution of 2x2 patches with fixed kernels; only its biases are trained.

    Args:
        in_channels: C; it has 8C kernels.
    """

    def __init__(self, in_channels: int) -> None:
        super().__init__(in_channels, 2 * in_channels * PATCH**2, PATCH)
        kernels = self.weight.detach()
        del self.weight
        self.register_buffer("weight", kernels)

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Makes each kernel pass one pixel on, as it is or negated."""
        pixels = torch.eye(self.weight[0].numel(), device=self.weight.device)
        self.weight.copy_(torch.cat([pixels, -pixels]).view_as(self.weight))
        self.bias.zero_()  # type: ignore[union-attr]  # it has one


def whitening_kernels(images: Iterable[Tensor]) -> Tensor:
    """Kernels (8C, C, 2, 2) whose first half gives uncorrelated outputs of variance 1.

    They are the eigenvectors of the covariance of the images' patches, divided by the standard
    deviations along them, and the negatives of all of them.

    Args:
        images: Batches (n, C, H, W), normalised.
    """
    batches = [_moments(batch) for batch in images]
    count = sum(num_patches for num_patches, *_ in batches)
    mean = torch.stack([total for _, total, _ in batches]).sum(dim=0) / count
    square = torch.stack([products for *_, products in batches]).sum(dim=0) / count
    variances, directions = torch.linalg.eigh(square - torch.outer(mean, mean))
    kernels = (directions / (variances.clamp(min=0) + SMALLEST_VARIANCE).sqrt()).T
    # An eigenvector may point both ways, and libraries choose differently.
    largest = kernels.gather(1, kernels.abs().argmax(dim=1, keepdim=True))
    kernels = (kernels * largest.sign()).float()
    return torch.cat([kernels, -kernels]).view(2 * len(kernels), -1, PATCH, PATCH)


def _moments(images: Tensor) -> tuple[int, Tensor, Tensor]:
    """The number of patches of images (n, C, H, W), their sum (4C), and that of their products."""
    patches = nn.functional.unfold(images, PATCH).double().transpose(0, 1).flatten(1)
    return patches.shape[1], patches.sum(dim=1), patches @ patches.T


class AirbenchBlock(nn.Module):
    """Two 3x3 convolutions, of which the first is followed by a pooling that halves the map."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, padding=1, bias=False)
        self.pool = nn.MaxPool2d(2)
        self.bn1 = nn.BatchNorm2d(out_channels, momentum=MOMENTUM)
        self.act1 = nn.GELU()
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(out_channels, momentum=MOMENTUM)
        self.act2 = nn.GELU()

    def forward(self, x: Tensor) -> Tensor:
        """`x` (N, C, H, W) becomes (N, out_channels, H / 2, W / 2), rounded down."""
        x = self.act1(self.bn1(self.pool(self.conv1(x))))
        halved: Tensor = self.act2(self.bn2(self.conv2(x)))
        return halved


class Airbench(nn.Module):
    """Maps images (N, C, H, W) to logits (N, K)."""

    def __init__(self, widths: Sequence[int], *, num_classes: int, in_channels: int) -> None:
        super().__init__()
        self.whiten = WhiteningConv2d(in_channels)
        self.act = nn.GELU()
        self.blocks = nn.Sequential()
        for channels, width in pairwise((self.whiten.out_channels, *widths)):
            self.blocks.append(AirbenchBlock(channels, width))
        self.pool = nn.AdaptiveMaxPool2d(1)
        self.fc = nn.Linear(widths[-1], num_classes, bias=False)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, K) of images (N, C, H, W); shapes at 3x32x32."""
        x = self.act(self.whiten(images))  # 24 x 31 x 31
        x = self.blocks(x)  # 256 x 3 x 3
        x = self.pool(x).flatten(1)  # 256
        logits: Tensor = self.fc(x) * LOGIT_SCALE
        return logits


def airbench(*, num_classes: int, in_channels: int, widths: Sequence[int] = WIDTHS) -> Airbench:
    """An Airbench that maps images (N, C, H, W) to logits (N, K).

    Args:
        num_classes: K.
        in_channels: C.
        widths: Channels of the blocks, each of which halves the map.

    Raises:
        NetworkError: An option has a value that can't be.
    """
    counts("widths", widths)
    if not widths:
        raise NetworkError("option `widths` is empty", hint="give a number for each block")
    return Airbench(widths, num_classes=num_classes, in_channels=in_channels)
