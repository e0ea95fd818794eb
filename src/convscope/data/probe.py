"""What kind of images a data set has, found by reading a few of them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from convscope.data.dataset import Dataset
from convscope.data.decode import DamagedImageError, decode_content

PROBED = 100


class ImageKind(NamedTuple):
    """What a data set's images are like.

    Attributes:
        channels: 1 if all probed images are grey, else 3.
        shorter_side_px: Median of the shorter sides.
    """

    channels: int
    shorter_side_px: int


def probe_images(dataset: Dataset) -> ImageKind:
    """Reads up to 100 images, evenly spread; images that can't be read don't count here.

    If none of them can be read, colour and a side of 0 are returned: reading all will name them.
    """
    chosen = np.unique(np.linspace(0, len(dataset) - 1, min(PROBED, len(dataset))).astype(int))
    shapes = []
    for index in chosen:
        try:
            shapes.append(decode_content(dataset.images.content(int(index))).pixels.shape)
        except DamagedImageError:
            continue
    channels = 1 if shapes and all(shape[2] == 1 for shape in shapes) else 3
    sides = [min(shape[:2]) for shape in shapes]
    return ImageKind(channels, int(np.median(sides)) if sides else 0)
