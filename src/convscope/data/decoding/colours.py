"""Colours: from any colour mode and number format to 8 bits of grey, or of red, green and blue.

Colour profiles (ICC), gamma and chromaticity are passed over, as they are wherever published
weights were trained: the numbers in a file are taken for sRGB. CMYK becomes RGB by
(255 - ink)(255 - black)/255.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from convscope.data.decoding.content import DamagedImageError, ValueSpan

BACKGROUND = 255  # white is what transparent pixels are laid over

GREY_MODES = ("1", "L")
GREY_AND_ALPHA_MODES = ("LA", "La")
WIDE_MODES = ("I;16", "I;16L", "I;16B", "I;16N", "I", "F")
SCALED_AT_ONCE = 1 << 20  # values; in double precision a whole image would take gigabytes

Range = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Depth:
    """The meaning of the numbers in a file, of which Pillow's mode tells only a part.

    Attributes:
        full_range: The values that are black and white; None for the range of the numbers' type.
        dtype: What Pillow's numbers are to be read as; None for as they are.
        is_inverted: Whether the smallest value is white, which Pillow doesn't change.
        is_reduced: Whether each colour has 16 bits, of which Pillow keeps the upper 8.
        is_grey: Whether it is a grey image that Pillow turns into a coloured one.
        levels: Number of grey levels in the file, in whose unit `transparency` is given.
    """

    full_range: Range | None = None
    dtype: str | None = None
    is_inverted: bool = False
    is_reduced: bool = False
    is_grey: bool = False
    levels: int = 256


def depth_of(image: Image.Image) -> Depth:
    """The meaning of an opened image's numbers; has to be read before the image is loaded."""
    tiles = getattr(image, "tile", None) or [None]
    arguments = getattr(tiles[0], "args", None)
    raw_mode = str(arguments[0] if isinstance(arguments, tuple) and arguments else arguments)
    tags = getattr(image, "tag_v2", None)
    if tags is not None:
        bits = tags.get(258, (1,))[0]  # BitsPerSample
        is_signed = tags.get(339, (1,))[0] == 2  # SampleFormat
        dtypes = {("I", False): "uint32", ("L", True): "int8"}
        return Depth(
            full_range=(0, 4095) if bits == 12 else None,
            dtype=dtypes.get((image.mode, is_signed)),
            is_inverted=tags.get(262, 0) == 0 and image.mode in WIDE_MODES,  # Photometric...
            is_reduced=bits == 16 and image.mode not in WIDE_MODES,
        )
    if image.format == "PNG":
        return Depth(
            full_range=(0, 65535) if image.mode == "I" else None,
            is_reduced=";16" in raw_mode and image.mode not in WIDE_MODES,
            is_grey=raw_mode == "LA;16B",
            levels={"L;2": 4, "L;4": 16}.get(raw_mode, 256),
        )
    return Depth(full_range=(0, 65535) if image.format == "PPM" and image.mode == "I" else None)


def to_pixels(image: Image.Image, depth: Depth, value_range: Range | None) -> NDArray[np.uint8]:
    """Pixels (H, W, C) of a loaded image, 0 to 255; C is 1 for grey images and 3 for others.

    Raises:
        DamagedImageError: A number format whose range isn't known, or values beyond it.
    """
    if depth.is_reduced and value_range is not None:
        raise DamagedImageError(
            "has 16 bits a colour, of which only the upper 8 can be read; "
            "`--value-range` can't be applied to it"
        )
    mode = image.mode
    if mode in WIDE_MODES or depth.dtype:
        values = np.asarray(image)
        values = values if depth.dtype is None else values.view(depth.dtype)
        pixels = scale(values, value_range, full_range=depth.full_range)
        pixels = 255 - pixels if depth.is_inverted else pixels
        hidden = image.info.get("transparency")
        pixels = _without(values, hidden, pixels) if isinstance(hidden, int) else pixels
        return pixels[:, :, np.newaxis]
    if mode in GREY_MODES:
        pixels = np.asarray(image if mode == "L" else image.convert("L"))
        hidden = image.info.get("transparency")
        if isinstance(hidden, int):
            grey = (255 if hidden else 0) if mode == "1" else hidden * 255 // (depth.levels - 1)
            pixels = _without(pixels, grey, pixels)
        return pixels[:, :, np.newaxis]
    if mode == "RGB":
        pixels, hidden = np.asarray(image), image.info.get("transparency")
        if isinstance(hidden, tuple):
            shift = 8 if depth.is_reduced else 0
            pixels = _without(pixels, tuple(value >> shift for value in hidden), pixels)
        return pixels
    if image.has_transparency_data:
        pixels = _over_background(image)
        is_grey = mode in GREY_AND_ALPHA_MODES or depth.is_grey
        return np.ascontiguousarray(pixels[:, :, :1]) if is_grey else pixels
    return np.asarray(image.convert("RGB"))


def span_of(image: Image.Image, depth: Depth, value_range: Range | None) -> ValueSpan:
    """The values in a loaded image of more than 8 bits a value."""
    if depth.is_reduced:  # of whose values the upper 8 bits are left
        values = np.asarray(image)
        return ValueSpan(256 * int(values.min()), 256 * int(values.max()), 0, 65535)
    if image.mode not in WIDE_MODES and not depth.dtype:
        return ValueSpan()
    values = np.asarray(image)
    values = values if depth.dtype is None else values.view(depth.dtype)
    return span_of_values(values, value_range or depth.full_range)


def span_of_values(values: NDArray[Any], value_range: Range | None) -> ValueSpan:
    """The span of values that were scaled from a range, or from that of their type."""
    if values.dtype in (np.uint8, bool) or not values.size:
        return ValueSpan()
    black, white = value_range or _range_of(values.dtype) or (0, 0)
    return ValueSpan(float(values.min()), float(values.max()), black, white)


def array_to_pixels(values: NDArray[Any], value_range: Range | None) -> NDArray[np.uint8]:
    """Pixels (H, W, C), 0 to 255, of an image (H, W) or (H, W, C) of any number format.

    Four channels are red, green, blue and opacity.

    Raises:
        DamagedImageError: Another shape, values that are no colours, or an unknown range of values.
    """
    shape = values.shape
    values = values[:, :, np.newaxis] if values.ndim == 2 else values
    if values.ndim != 3 or values.shape[2] not in (1, 3, 4):
        raise DamagedImageError(
            f"has the shape {shape}, not (H, W), (H, W, 1), (H, W, 3) or (H, W, 4)"
        )
    if values.dtype.kind not in "biuf":
        raise DamagedImageError(f"has values of type {values.dtype}, which are no colours")
    if values.dtype == bool:
        pixels = values.astype(np.uint8) * np.uint8(255)
    elif values.dtype == np.uint8:
        pixels = values
    else:
        pixels = scale(values, value_range)
    return _over_background(Image.fromarray(pixels)) if pixels.shape[2] == 4 else pixels


def scale(
    values: NDArray[Any], value_range: Range | None, *, full_range: Range | None = None
) -> NDArray[np.uint8]:
    """Values of any shape brought to 0 to 255, linearly and rounded to the nearest.

    Args:
        values: Integers of more than 8 bits or with a sign, or floats.
        value_range: The values that become 0 and 255; what lies beyond is clipped.
        full_range: The range where `value_range` is None; None for the range of the type: 0 to
            65,535 for unsigned 16-bit integers, 0 to 1 for floats.

    Raises:
        DamagedImageError: The type has no range, values lie beyond it, or some are NaN.
    """
    if values.dtype.kind == "f" and np.isnan(values).any():
        raise DamagedImageError("has values that are NaN")
    span = value_range or full_range or _range_of(values.dtype)
    smallest, largest = values.min(), values.max()
    outside = value_range is None and span and not span[0] <= smallest <= largest <= span[1]
    if span is None or outside:
        known = f"beyond the {span[0]:g} to {span[1]:g} of its type" if span else "of unknown range"
        raise DamagedImageError(
            f"has values from {smallest:.7g} to {largest:.7g}, {known} "
            "(`--value-range LOW,HIGH` says what is black and white)"
        )
    flat = np.ascontiguousarray(values).reshape(-1)
    pixels = np.empty(flat.shape, dtype=np.uint8)
    table = None
    if values.dtype.itemsize == 2 and values.dtype.kind in "iu" and len(flat) > 1 << 16:
        table = _scaled(np.arange(1 << 16).astype(np.uint16).view(values.dtype), span)
        flat = flat.view(np.uint16)
    for start in range(0, len(flat), SCALED_AT_ONCE):
        part = flat[start : start + SCALED_AT_ONCE]
        pixels[start : start + len(part)] = _scaled(part, span) if table is None else table[part]
    return pixels.reshape(values.shape)


def _range_of(dtype: np.dtype[Any]) -> Range | None:
    if dtype.kind == "f":
        return (0, 1)
    return (0, 65535) if dtype.kind == "u" and dtype.itemsize == 2 else None


def _scaled(values: NDArray[Any], span: Range) -> NDArray[np.uint8]:
    low, high = span
    with np.errstate(over="ignore"):  # what overflows is clipped
        fraction = (values.astype(np.float64) - low) / (high - low)
    return (np.clip(fraction, 0, 1) * 255 + 0.5).astype(np.uint8)


def _without(
    values: NDArray[Any], hidden: int | tuple[int, ...], pixels: NDArray[np.uint8]
) -> NDArray[np.uint8]:
    """The pixels with the background in place of the colour that means transparent."""
    is_hidden = values == hidden if isinstance(hidden, int) else (values == hidden).all(axis=2)
    pixels = pixels.copy()
    pixels[is_hidden] = BACKGROUND
    return pixels


def _over_background(image: Image.Image) -> NDArray[np.uint8]:
    opaque = Image.new("RGBA", image.size, (BACKGROUND,) * 3 + (255,))
    opaque.alpha_composite(image.convert("RGBA"))
    return np.asarray(opaque.convert("RGB"))
