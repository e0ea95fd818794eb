"""Variants: what people do to a picture, made in order to see how near copies come."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from convscope.rng import uniform

CROPPED_FRACTION = 0.05  # of height and of width
BRIGHTER_FACTOR, BRIGHTER_BY = 1.1, 8

Corner = tuple[float, float]
Variant = Callable[[Image.Image, Corner], Image.Image]


def _saved(image: Image.Image, *, quality: int) -> Image.Image:
    """The image as it comes back from a JPEG file."""
    content = io.BytesIO()
    image.save(content, "JPEG", quality=quality)
    return Image.open(io.BytesIO(content.getvalue()))


def _resized(image: Image.Image, *, factor: float) -> Image.Image:
    width, height = (max(1, round(side * factor)) for side in image.size)
    return image.resize((width, height), Image.Resampling.BICUBIC)


def _cropped(image: Image.Image, corner: Corner) -> Image.Image:
    """The image without a twentieth (at least a pixel) of each side, cut off around `corner`."""
    width, height = image.size
    cut_width, cut_height = (max(1, round(side * CROPPED_FRACTION)) for side in image.size)
    if cut_width >= width or cut_height >= height:
        return image
    left, top = round(corner[0] * cut_width), round(corner[1] * cut_height)
    return image.crop((left, top, left + width - cut_width, top + height - cut_height))


def _brighter(image: Image.Image) -> Image.Image:
    levels = np.arange(256) * BRIGHTER_FACTOR + BRIGHTER_BY
    table = [int(level) for level in np.minimum(255, np.round(levels))]
    return image.point(table * len(image.getbands()))


VARIANTS: Mapping[str, Variant] = {
    "saved as JPEG of quality 30": lambda image, corner: _saved(image, quality=30),
    "saved as JPEG of quality 75": lambda image, corner: _saved(image, quality=75),
    "resized to 50 %": lambda image, corner: _resized(image, factor=0.5),
    "resized to 200 %": lambda image, corner: _resized(image, factor=2.0),
    "cropped by 5 %": _cropped,
    "brightened by 10 %": lambda image, corner: _brighter(image),
}


def make_variant(pixels: NDArray[np.uint8], name: str, *, key: int) -> NDArray[np.uint8]:
    """A variant (H', W', C) of an image (H, W, C).

    Args:
        pixels: The image.
        name: One of `VARIANTS`.
        key: Decides where a crop lies; a hash of the pixels, so that the order changes nothing.
    """
    image = Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)
    corner = (float(uniform("crop left", key)), float(uniform("crop top", key)))
    changed = np.asarray(VARIANTS[name](image, corner))
    return changed.reshape(*changed.shape[:2], pixels.shape[2])
