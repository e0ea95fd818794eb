"""The Inception block: kernels of three sizes and a pooling side by side.

1x1 kernels reduce the channels before the larger ones: 64 kernels of 5x5 on 512 channels have
819,200 weights, with 24 kernels of 1x1 before them 50,688.

Source: Szegedy et al. 2014, Going deeper with convolutions, figure 2b.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn


class Widths(NamedTuple):
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


class Unit(nn.Module):
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
    """Four branches side by side: (N, C, H, W) becomes (N, widths.total, H, W).

    Args:
        in_channels: C.
        widths: A row of the table.
        five: Side of the kernel in the third branch.
        batch_norm: Normalise after each convolution.
    """

    def __init__(self, in_channels: int, widths: Widths, *, five: int, batch_norm: bool) -> None:
        super().__init__()
        self.branch1 = Unit(in_channels, widths.one, 1, batch_norm=batch_norm)
        self.branch2 = nn.Sequential(
            Unit(in_channels, widths.three_reduce, 1, batch_norm=batch_norm),
            Unit(widths.three_reduce, widths.three, 3, padding=1, batch_norm=batch_norm),
        )
        self.branch3 = nn.Sequential(
            Unit(in_channels, widths.five_reduce, 1, batch_norm=batch_norm),
            Unit(widths.five_reduce, widths.five, five, padding=five // 2, batch_norm=batch_norm),
        )
        self.branch4 = nn.Sequential(
            nn.MaxPool2d(3, stride=1, padding=1),
            Unit(in_channels, widths.pool, 1, batch_norm=batch_norm),
        )

    def forward(self, x: Tensor) -> Tensor:
        """The branches' maps, one after the other."""
        return torch.cat([self.branch1(x), self.branch2(x), self.branch3(x), self.branch4(x)], 1)
