"""Random erasing: a box of one drawn colour hides a part of the image."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from convscope.data.augment.boxes import draw_shapes, placed
from convscope.data.augment.draws import Draws

AREAS = (0.02, 0.33)
RATIOS = (0.3, 3.3)


def erased(images: Tensor, draws: Draws, *, probability: float) -> Tensor:
    """Images (N, H, W, C), of some of which a box is filled with one colour.

    Source: Zhong et al. 2020, with their shares of the area and ratios.

    Departs: the colour is drawn once a box, not once a pixel, so that uint8 stays uint8 and
    nothing has to be drawn for each pixel. Boxes of no tried shape that fits are left out.

    Args:
        images: (N, H, W, C) of 0 to 255; changed in place.
        draws: Of the N images.
        probability: Share of the images.
    """
    count, height, width, channels = images.shape
    sizes = np.full((count, 2), (height, width), dtype=np.int64)
    shapes = draw_shapes(draws, "erase", sizes, areas=AREAS, ratios=RATIOS)
    boxes = placed(draws, "erase", shapes, height=height, width=width)
    colours = np.floor(draws.shares("erase colour", channels) * 256).astype(np.uint8)
    fills = torch.from_numpy(colours).to(images.device, images.dtype)
    for image in np.flatnonzero(draws.chosen("erase", probability) & shapes.fits):
        top, left = boxes.top[image], boxes.left[image]
        rows = slice(top, top + boxes.height[image])
        images[image, rows, left : left + boxes.width[image]] = fills[image]
    return images
