"""Geometry of augmentation: crops and affine maps, joined to one transform for each image.

All of it is numbers without pixels, which `sampling.py` resamples; only erasing fills pixels.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from convscope.rng import Bools, Draws, Floats, Integers

TRIES = 10  # for a random shape that fits into the image
ERASED_AREAS = (0.02, 0.33)  # fractions of the image's area
ERASED_RATIOS = (0.3, 3.3)  # width divided by height


class Boxes(NamedTuple):
    """Boxes of N images, in whole pixels.

    Attributes:
        top: (N,) first row.
        left: (N,) first column.
        height: (N,) number of rows.
        width: (N,) number of columns.
    """

    top: Integers
    left: Integers
    height: Integers
    width: Integers


@dataclass(frozen=True, slots=True, kw_only=True)
class AffineTransforms:
    """Transforms from the pixels of N augmented images to those of their sources.

    A position in the augmented image is flipped, then mapped by `warps`, then shifted, and then
    lies in the box, which is stretched to the size of the augmented image. Positions outside of the
    source are mirrored at its border.

    Attributes:
        boxes: Box of each source that is kept.
        is_cropped: Whether the boxes are smaller than the sources.
        is_hflipped: (N,) whether left and right are exchanged.
        is_vflipped: (N,) whether top and bottom are exchanged.
        down: (N,) vertical shift in whole pixels of the augmented image.
        right: (N,) horizontal shift in whole pixels of the augmented image.
        warps: (N, 2, 3) maps from (x, y, 1), in pixels from the centre, to (x, y).
        is_warped: (N,) whether `warps` is not the identity.
    """

    boxes: Boxes
    is_cropped: bool
    is_hflipped: Bools
    is_vflipped: Bools
    down: Integers
    right: Integers
    warps: Floats
    is_warped: Bools

    @property
    def is_resampled(self) -> Bools:
        """(N,) whether an image needs values between pixels, other than by a crop."""
        is_shifted = (self.down != 0) | (self.right != 0)
        return np.asarray(self.is_warped | (is_shifted & self.is_cropped))

    def of(self, rows: Integers) -> AffineTransforms:
        """The transforms of some of the images."""
        names = ("is_hflipped", "is_vflipped", "down", "right", "warps", "is_warped")
        chosen = {name: getattr(self, name)[rows] for name in names}
        return replace(self, boxes=Boxes(*(part[rows] for part in self.boxes)), **chosen)

    def matrices(self, *, in_size: tuple[int, int], out_size: tuple[int, int]) -> Floats:
        """(N, 2, 3) maps from (x, y, 1), in pixels from the centre, to (x, y) of `grid_sample`.

        There -1 and 1 are the outer borders of the source, which is of `in_size`.
        """
        height, width = in_size
        across = self.boxes.width / out_size[1]
        along = self.boxes.height / out_size[0]
        maps = self.warps.copy()
        maps[:, :, 0] *= np.where(self.is_hflipped, -1, 1)[:, np.newaxis]
        maps[:, :, 1] *= np.where(self.is_vflipped, -1, 1)[:, np.newaxis]
        maps[:, 0, 2] += self.right
        maps[:, 1, 2] += self.down
        maps[:, 0] *= across[:, np.newaxis]
        maps[:, 1] *= along[:, np.newaxis]
        maps[:, 0, 2] += self.boxes.left + (self.boxes.width - width) / 2
        maps[:, 1, 2] += self.boxes.top + (self.boxes.height - height) / 2
        maps[:, 0] *= 2 / width
        maps[:, 1] *= 2 / height
        return maps


def identities(count: int) -> Floats:
    """(count, 2, 3) identity maps."""
    return np.broadcast_to(np.eye(2, 3), (count, 2, 3)).copy()


def linear(rows: list[list[Floats]], shifts: list[Floats] | None = None) -> Floats:
    """(N, 2, 3) maps of N matrices, given by their four entries, and of N shifts (x, y)."""
    maps = identities(len(rows[0][0]))
    maps[:, :, :2] = np.array(rows).transpose(2, 0, 1)
    if shifts is not None:
        maps[:, :, 2] = np.array(shifts).T
    return maps


def rotations(angle: Floats, size: Floats) -> Floats:
    """(N, 2, 3) maps that rotate an image by `angle` (radians) and scale it by `size`."""
    cos, sin = np.cos(angle) / size, np.sin(angle) / size
    return linear([[cos, -sin], [sin, cos]])


def composed(first: Floats, second: Floats) -> Floats:
    """(N, 2, 3) maps that apply `first` and then `second`."""
    maps = second[:, :, :2] @ first
    maps[:, :, 2] += second[:, :, 2]
    return maps


class Shapes(NamedTuple):
    """The first of several random shapes that fits into each image.

    Attributes:
        height: (N,) height in pixels of the image, not rounded.
        width: (N,) width in pixels of the image, not rounded.
        fits: (N,) whether any shape fits; if not, height and width mean nothing.
    """

    height: Floats
    width: Floats
    fits: Bools


def draw_shapes(
    draws: Draws,
    purpose: str,
    sizes: Integers,
    *,
    areas: tuple[float, float],
    ratios: tuple[float, float],
) -> Shapes:
    """Random shapes with a uniform fraction of the area and a log-uniform aspect ratio.

    Args:
        draws: Random numbers for the N images.
        purpose: Name of what is drawn.
        sizes: (N, 2) height and width of each image.
        areas: Smallest and largest fraction of the area.
        ratios: Smallest and largest width divided by height.
    """
    low, high = areas
    area = low + (high - low) * draws.uniforms(f"{purpose} area", TRIES)
    area = area * (sizes[:, 0] * sizes[:, 1])[:, np.newaxis]
    narrow, wide = math.log(ratios[0]), math.log(ratios[1])
    ratio = np.exp(narrow + (wide - narrow) * draws.uniforms(f"{purpose} ratio", TRIES))
    height, width = np.sqrt(area / ratio), np.sqrt(area * ratio)
    fits = (height <= sizes[:, :1]) & (width <= sizes[:, 1:])
    first = fits.argmax(axis=1)
    rows = np.arange(len(sizes))
    return Shapes(height[rows, first], width[rows, first], np.asarray(fits.any(axis=1)))


def place_boxes(draws: Draws, purpose: str, shapes: Shapes, *, height: int, width: int) -> Boxes:
    """Boxes of given shapes at uniformly random positions in images of one size.

    Args:
        draws: Random numbers for the N images.
        purpose: Name of what is drawn.
        shapes: Heights and widths in pixels, which are rounded to one pixel at least.
        height: Height of the images.
        width: Width of the images.
    """
    rows = np.clip(np.rint(shapes.height), 1, height).astype(np.int64)
    columns = np.clip(np.rint(shapes.width), 1, width).astype(np.int64)
    top = np.floor(draws.uniform(f"{purpose} top") * (height - rows + 1)).astype(np.int64)
    left = np.floor(draws.uniform(f"{purpose} left") * (width - columns + 1)).astype(np.int64)
    return Boxes(top, left, rows, columns)


def full_boxes(count: int, *, height: int, width: int) -> Boxes:
    """Boxes that hold the whole of each of `count` images."""
    zero = np.zeros(count, dtype=np.int64)
    return Boxes(zero, zero, zero + height, zero + width)


def random_resized_crops(
    draws: Draws,
    sizes: Integers,
    *,
    smallest: float,
    ratios: tuple[float, float],
    height: int,
    width: int,
) -> Boxes:
    """The random box of each pre-crop that is kept.

    Source: Szegedy et al. 2014, section 6, in the common form: ten tries for a box that lies
    within the image, and if none does the largest central box with an allowed aspect ratio.

    Args:
        draws: Random numbers for the N images.
        sizes: (N, 2) height and width of the original images, which area and ratio refer to.
        smallest: Smallest fraction of the area that is kept.
        ratios: Smallest and largest width divided by height.
        height: Height of the pre-crops, to which the whole images were resized.
        width: Width of the pre-crops.
    """
    drawn = draw_shapes(draws, "crop", sizes, areas=(smallest, 1.0), ratios=ratios)
    rows, columns = sizes[:, 0].astype(float), sizes[:, 1].astype(float)
    kept = Shapes(
        np.where(drawn.fits, drawn.height, np.minimum(rows, columns / ratios[0])),
        np.where(drawn.fits, drawn.width, np.minimum(columns, rows * ratios[1])),
        drawn.fits,
    )
    in_pre_crop = Shapes(kept.height / rows * height, kept.width / columns * width, kept.fits)
    boxes = place_boxes(draws, "crop", in_pre_crop, height=height, width=width)
    return Boxes(
        np.where(drawn.fits, boxes.top, (height - boxes.height) // 2),
        np.where(drawn.fits, boxes.left, (width - boxes.width) // 2),
        boxes.height,
        boxes.width,
    )


def random_erasing(images: Tensor, draws: Draws, *, probability: float) -> Tensor:
    """Images (N, H, W, C), in some of which a box is filled with one random colour.

    Source: Zhong et al. 2020, with their fractions of the area and aspect ratios.

    Departs: a box has one colour, not one for each pixel, so that uint8 stays uint8 and fewer
    random numbers are needed. An image without a shape that fits stays as it is.

    Args:
        images: (N, H, W, C) of 0 to 255, changed in place.
        draws: Random numbers for the N images.
        probability: Probability that an image has a box.
    """
    count, height, width, channels = images.shape
    sizes = np.full((count, 2), (height, width), dtype=np.int64)
    shapes = draw_shapes(draws, "erase", sizes, areas=ERASED_AREAS, ratios=ERASED_RATIOS)
    boxes = place_boxes(draws, "erase", shapes, height=height, width=width)
    colours = np.floor(draws.uniforms("erase colour", channels) * 256).astype(np.uint8)
    fills = torch.from_numpy(colours).to(images.device, images.dtype)
    for image in np.flatnonzero(draws.bernoulli("erase", probability) & shapes.fits):
        top, left = boxes.top[image], boxes.left[image]
        rows = slice(top, top + boxes.height[image])
        images[image, rows, left : left + boxes.width[image]] = fills[image]
    return images
