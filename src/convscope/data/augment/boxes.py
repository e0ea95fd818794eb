"""Boxes drawn by area and aspect ratio: what random resized crops keep and erasing fills."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from convscope.data.augment.draws import Bools, Draws, Floats, Integers

TRIES = 10


class Boxes(NamedTuple):
    """A box an image, in whole pixels.

    Attributes:
        top: (N,) first row.
        left: (N,) first column.
        height: (N,) rows.
        width: (N,) columns.
    """

    top: Integers
    left: Integers
    height: Integers
    width: Integers


class Shapes(NamedTuple):
    """The first shape of some tries that fits into each image.

    Attributes:
        height: (N,) in the image's own pixels, not rounded.
        width: (N,) likewise.
        fits: (N,) whether any of the tries did; if not, the other two mean nothing.
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
    """Shapes with a uniform share of the area and a log-uniform ratio of width to height.

    Args:
        draws: Of the N images.
        purpose: Names the draws.
        sizes: (N, 2) height and width of each image.
        areas: Smallest and largest share of the area.
        ratios: Smallest and largest width divided by height.
    """
    low, high = areas
    area = low + (high - low) * draws.shares(f"{purpose} area", TRIES)
    area = area * (sizes[:, 0] * sizes[:, 1])[:, np.newaxis]
    narrow, wide = math.log(ratios[0]), math.log(ratios[1])
    ratio = np.exp(narrow + (wide - narrow) * draws.shares(f"{purpose} ratio", TRIES))
    height, width = np.sqrt(area / ratio), np.sqrt(area * ratio)
    fits = (height <= sizes[:, :1]) & (width <= sizes[:, 1:])
    first = fits.argmax(axis=1)
    rows = np.arange(len(sizes))
    return Shapes(height[rows, first], width[rows, first], np.asarray(fits.any(axis=1)))


def placed(draws: Draws, purpose: str, shapes: Shapes, *, height: int, width: int) -> Boxes:
    """Boxes of given shapes at uniform places in a frame of `height` x `width` pixels.

    Args:
        draws: Of the N images.
        purpose: Names the draws.
        shapes: In pixels of the frame; rounded here, to one pixel at least.
        height: Of the frame.
        width: Of the frame.
    """
    rows = np.clip(np.rint(shapes.height), 1, height).astype(np.int64)
    columns = np.clip(np.rint(shapes.width), 1, width).astype(np.int64)
    top = np.floor(draws.share(f"{purpose} top") * (height - rows + 1)).astype(np.int64)
    left = np.floor(draws.share(f"{purpose} left") * (width - columns + 1)).astype(np.int64)
    return Boxes(top, left, rows, columns)


def whole(count: int, *, height: int, width: int) -> Boxes:
    """The box of everything, for each of `count` images."""
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
    """Which part of each canvas is kept.

    Source: Szegedy et al. 2014, section 6, in the form that everybody uses: ten tries for a box
    that lies within the image, and if none does the largest box in its middle whose ratio is
    allowed.

    Args:
        draws: Of the N images.
        sizes: (N, 2) height and width of the original images, which area and ratio refer to.
        smallest: Share of the area that is kept at least.
        ratios: Smallest and largest width divided by height.
        height: Of the canvas that each whole image was resized to.
        width: Of the canvas.
    """
    drawn = draw_shapes(draws, "crop", sizes, areas=(smallest, 1.0), ratios=ratios)
    rows, columns = sizes[:, 0].astype(float), sizes[:, 1].astype(float)
    kept = Shapes(
        np.where(drawn.fits, drawn.height, np.minimum(rows, columns / ratios[0])),
        np.where(drawn.fits, drawn.width, np.minimum(columns, rows * ratios[1])),
        drawn.fits,
    )
    on_canvas = Shapes(kept.height / rows * height, kept.width / columns * width, kept.fits)
    boxes = placed(draws, "crop", on_canvas, height=height, width=width)
    return Boxes(
        np.where(drawn.fits, boxes.top, (height - boxes.height) // 2),
        np.where(drawn.fits, boxes.left, (width - boxes.width) // 2),
        boxes.height,
        boxes.width,
    )
