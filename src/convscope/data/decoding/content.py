"""Types of decoding: encoded content, options, the decoded image, errors."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from convscope.errors import DataError, UsageError

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "PPM")
MAX_PIXELS = 100_000_000  # a header can promise more than any memory holds

# Encoded bytes, or pixels (H, W, C) of any number format that came decoded.
Content = bytes | NDArray[Any]


class DamagedImageError(DataError):
    """Raised for bytes that are no image, or an image that can't be decoded in full."""


class PassingError(DamagedImageError):
    """Raised for an image that can't be read now, but perhaps later: nothing is remembered."""

    is_of_memory = True  # where that is the cause


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoding:
    """Options of decoding; all else is the same for every image.

    Attributes:
        max_pixels: An image with more is refused before it is decoded.
        value_range: The values of 12-, 16- and 32-bit and float images that become 0 and 255, with
            what lies beyond clipped to them; None for the range of their type, which 32-bit
            integers don't have. Images of 8 bits and less stay as they are.
        allow_truncated: Whether an image that ends early is taken as far as it goes.
        extra_formats: Pillow's names of formats to read besides `FORMATS`.

    Raises:
        UsageError: A limit below 1, a range that is empty or not finite, or a format that Pillow
            can't read.
    """

    max_pixels: int = MAX_PIXELS
    value_range: tuple[float, float] | None = None
    allow_truncated: bool = False
    extra_formats: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.max_pixels < 1:
            raise UsageError(f"an image can't have at most `{self.max_pixels}` pixels")
        if self.value_range is not None:
            low, high = self.value_range
            if not (math.isfinite(low) and math.isfinite(high) and low < high):
                raise UsageError(
                    f"`{low:g},{high:g}` is no range of values",
                    hint="the first becomes black, the second white: `--value-range 0,4095`",
                )
        if self.extra_formats:
            Image.init()  # knows all of Pillow's formats from here on
        for name in self.extra_formats:
            if name.upper() not in Image.OPEN:
                raise UsageError(
                    f"Pillow reads no format called `{name}`",
                    hint=f"it reads {', '.join(sorted(Image.OPEN))}",
                )


class ValueSpan(NamedTuple):
    """The values in a file of more than 8 bits a value, and those that became 0 and 255.

    Attributes:
        smallest: The smallest value.
        largest: The largest value.
        black: The value that became 0.
        white: The value that became 255; the same for files of 8 bits and less.
    """

    smallest: float = 0
    largest: float = 0
    black: float = 0
    white: float = 0


class Decoded(NamedTuple):
    """A decoded image, and properties of its file.

    Attributes:
        pixels: (H, W, C), 0 to 255, upright.
        format: Format of the file, `JPEG` and so on; `array` for pixels that came decoded.
        mode: Pillow's name of the colour mode in the file: `L`, `RGB`, `CMYK`, `I;16`; the type of
            the numbers of an array: `uint16`.
        orientation: EXIF orientation, 1 to 8; 1 where there is none.
        num_frames: Number of frames, of which the first is used; 2 stands for two or more, as
            counting them all means reading the whole file.
        is_truncated: Whether a part was missing.
        span: The values in the file, where they have more than 8 bits.
    """

    pixels: NDArray[np.uint8]
    format: str
    mode: str
    orientation: int = 1
    num_frames: int = 1
    is_truncated: bool = False
    span: ValueSpan = ValueSpan()


DEFAULT_DECODING = Decoding()
