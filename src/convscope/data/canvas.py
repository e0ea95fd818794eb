"""Canvas: a train image as a whole, at a size that random crops are cut out of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from convscope.data.preprocessing import Preprocessing, with_channels

# Of the input's size: a crop then has about the detail of the centre crop of a resized photo, as
# 256 px is usual for 224.
MARGIN = 8 / 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Canvas:
    """What train images are brought to where random crops are cut out of them.

    The aspect ratio is given up here and restored by the crop, which knows the image's own size.
    Resized by torch, several times as fast as Pillow: what is learned from needn't have the pixels
    that prediction would give it, as the crop makes others of them anyway.

    Attributes:
        height: In pixels.
        width: In pixels.
        channels: 1 or 3.
    """

    height: int
    width: int
    channels: int

    @classmethod
    def around(cls, preprocessing: Preprocessing) -> Canvas:
        """The canvas for a network's input."""
        height, width = round(preprocessing.height * MARGIN), round(preprocessing.width * MARGIN)
        return cls(height=height, width=width, channels=preprocessing.channels)

    @property
    def geometry(self) -> str:
        """What decides the pixels."""
        return f"{self.height}x{self.width}x{self.channels} canvas, torch {torch.__version__}"

    def apply(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Pixels (height, width, channels) of an image (H, W, C), both 0 to 255."""
        pixels = with_channels(pixels, self.channels)
        source = torch.from_numpy(pixels if pixels.flags.writeable else pixels.copy())
        resized = F.interpolate(
            source[None].permute(0, 3, 1, 2),  # in this order torch sees that channels come last
            size=(self.height, self.width),
            mode="bilinear",
            antialias=True,
        )
        return resized[0].permute(1, 2, 0).numpy()

    def keeps(self, shape: tuple[int, ...]) -> bool:
        """Whether images of this shape (H, W, C) stay as they are."""
        return shape == (self.height, self.width, self.channels)
