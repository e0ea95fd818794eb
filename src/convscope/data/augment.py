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

    def apply(self, images: Tensor, *, seed: int, epoch: int, indices: NDArray[np.int64]) -> Tensor:
        """Varied images (N, C, H, W) in one resampling; borders are mirrored.

        Args:
            images: (N, C, H, W) floats.
            seed: The recipe's.
            epoch: Counts from 0.
            indices: (N,) which images of the data set these are.
        """
        if not (self.hflip or self.translate or self.rotate or self.scale):
            return images

        def draw(purpose: str) -> NDArray[np.float64]:
            return uniform(purpose, seed, epoch, indices)

        height, width = images.shape[2:]
        angle = np.radians((2 * draw("rotate") - 1) * self.rotate)
        size = 1 + (2 * draw("scale") - 1) * self.scale
        mirror = np.where(draw("hflip") < self.hflip, -1.0, 1.0)
        # Whole pixels, so that an image that is only shifted or mirrored isn't blurred.
        down = np.round((2 * draw("down") - 1) * self.translate * height) * 2 / height
        right = np.round((2 * draw("right") - 1) * self.translate * width) * 2 / width
        cos, sin = np.cos(angle) / size, np.sin(angle) / size
        rows = [
            [mirror * cos, -sin * height / width, right],
            [mirror * sin * width / height, cos, down],
        ]
        matrices = torch.from_numpy(np.array(rows, dtype=np.float32).transpose(2, 0, 1).copy())
        grid = F.affine_grid(matrices.to(images.device), list(images.shape), align_corners=False)
        return F.grid_sample(images, grid, padding_mode="reflection", align_corners=False)

    def describe(self) -> str:
        """The augmentation in words."""
        parts = [
            f"mirrored with probability {self.hflip:g}" if self.hflip else "",
            f"shifted by up to {self.translate:.0%}" if self.translate else "",
            f"rotated by up to {self.rotate:g} degrees" if self.rotate else "",
            f"scaled by up to {self.scale:.0%}" if self.scale else "",
        ]
        return ", ".join(filter(None, parts)) or "none"


def default_augmentation(*, channels: int, num_images: int) -> Augmentation:
    """Variation that leaves the class of most images alone.

    Grey images are often signs (digits, letters) whose mirror image means something else; colour
    images are mostly photos. The fewer images, the more each has to be varied.
    """
    scarcity = min(1.0, max(0.0, (5.0 - math.log10(num_images)) / 2))  # 1 at 1,000, 0 at 100,000
    if channels == 1:
        return Augmentation(
            translate=round(0.08 * scarcity, 3),
            rotate=round(10 * scarcity, 1),
            scale=round(0.1 * scarcity, 3),
        )
    return Augmentation(hflip=0.5, translate=0.125, scale=round(0.2 * scarcity, 3))
