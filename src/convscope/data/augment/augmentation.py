"""Augmentation on the device, a function of (seed, epoch, image) alone."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from convscope.data.counters import uniform


@dataclass(frozen=True, slots=True, kw_only=True)
class Augmentation:
    """How train images are varied.

    Attributes:
        hflip: Probability of mirroring left and right.
        translate: Largest shift, as a share of the image's size.
        rotate: Largest rotation in degrees.
        scale: Largest change of size, as a share of it.
    """

    hflip: float = 0.0
    translate: float = 0.0
    rotate: float = 0.0
    scale: float = 0.0

    def apply(self, pixels: Tensor, *, seed: int, epoch: int, indices: NDArray[np.int64]) -> Tensor:
        """Varied images (N, H, W, C); what comes in from outside the borders is mirrored.

        Images that are only shifted or mirrored keep their pixels and stay uint8; others become
        floats, in one bilinear resampling.

        Args:
            pixels: (N, H, W, C) uint8.
            seed: The recipe's.
            epoch: Counts from 0.
            indices: (N,) which images of the data set these are.
        """

        def draw(purpose: str) -> NDArray[np.float64]:
            return uniform(purpose, seed, epoch, indices)

        height, width = pixels.shape[1:3]
        is_mirrored = draw("hflip") < self.hflip
        down = np.round((2 * draw("down") - 1) * self.translate * height)
        right = np.round((2 * draw("right") - 1) * self.translate * width)
        if not self.rotate and not self.scale:
            if not self.translate and not self.hflip:
                return pixels
            return _moved(pixels, down=down, right=right, is_mirrored=is_mirrored)
        angle = np.radians((2 * draw("rotate") - 1) * self.rotate)
        size = 1 + (2 * draw("scale") - 1) * self.scale
        mirror = np.where(is_mirrored, -1.0, 1.0)
        cos, sin = np.cos(angle) / size, np.sin(angle) / size
        rows = [
            [mirror * cos, -sin * height / width, right * 2 / width],
            [mirror * sin * width / height, cos, down * 2 / height],
        ]
        matrices = torch.from_numpy(np.array(rows, dtype=np.float32).transpose(2, 0, 1).copy())
        images = pixels.float().permute(0, 3, 1, 2)
        grid = F.affine_grid(matrices.to(pixels.device), list(images.shape), align_corners=False)
        varied = F.grid_sample(images, grid, padding_mode="reflection", align_corners=False)
        return varied.permute(0, 2, 3, 1)

    def describe(self) -> str:
        """The augmentation in words."""
        parts = [
            f"mirrored with probability {self.hflip:g}" if self.hflip else "",
            f"shifted by up to {self.translate:.0%}" if self.translate else "",
            f"rotated by up to {self.rotate:g} degrees" if self.rotate else "",
            f"scaled by up to {self.scale:.0%}" if self.scale else "",
        ]
        return ", ".join(filter(None, parts)) or "none"


def _moved(
    pixels: Tensor,
    *,
    down: NDArray[np.float64],
    right: NDArray[np.float64],
    is_mirrored: NDArray[np.bool_],
) -> Tensor:
    """Images (N, H, W, C) of which each pixel is taken from another place, none is changed."""
    count, height, width, channels = pixels.shape
    rows = np.arange(height) + down.astype(np.int64)[:, np.newaxis]
    columns = np.arange(width)
    columns = np.where(is_mirrored[:, np.newaxis], width - 1 - columns, columns)
    columns = columns + right.astype(np.int64)[:, np.newaxis]
    # One flat index: several times as fast as one index an axis.
    starts = _reflected(rows, height) * width + np.arange(count)[:, np.newaxis] * height * width
    row_starts = torch.from_numpy(starts).to(pixels.device)[:, :, None]
    places = row_starts + torch.from_numpy(_reflected(columns, width)).to(pixels.device)[:, None]
    flat = pixels.reshape(-1, channels).index_select(0, places.flatten())
    return flat.view(count, height, width, channels)


def _reflected(places: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    """Places outside of 0..size-1 mirrored at the border, the border's pixels included."""
    places = np.where(places < 0, -places - 1, places)
    return np.where(places >= size, 2 * size - 1 - places, places)


def default_augmentation(*, channels: int, num_images: int) -> Augmentation:
    """Variation that leaves the class of most images alone.

    Grey images are often signs (digits, letters) whose mirror image means something else; colour
    images are mostly photos. The fewer images, the more each has to be varied.
    """
    scarcity = min(1.0, max(0.0, (4.5 - math.log10(num_images)) / 1.5))  # 1 at 1,000, 0 at 31,600
    if channels == 1:
        return Augmentation(
            translate=round(0.04 + 0.04 * scarcity, 3),
            rotate=round(10 * scarcity, 1),
            scale=round(0.1 * scarcity, 3),
        )
    return Augmentation(hflip=0.5, translate=0.125, scale=round(0.2 * scarcity, 3))
