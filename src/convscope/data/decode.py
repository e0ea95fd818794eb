"""The one place where bytes become pixels. Needs numpy and Pillow only.

Training, evaluation and prediction all decode here, so that an image has the same pixels in each.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from convscope.errors import DataError

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "PPM")
MAX_PIXELS = 100_000_000  # a header can promise more than any memory holds
BACKGROUND = (255, 255, 255)  # what transparent pixels are laid over

GREY_MODES = ("1", "L")
GREY_16_BIT_MODES = ("I;16", "I;16L", "I;16B", "I;16N")
UNKNOWN_RANGE_MODES = ("I", "F")
TRANSPARENT_MODES = ("RGBA", "LA", "PA", "La", "RGBa")


# Encoded bytes, or pixels (H, W, C) of any number format that came decoded.
Content = bytes | NDArray[Any]


class DamagedImageError(DataError):
    """Bytes that are no image, or an image that can't be decoded in full."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoding:
    """What may be decided about decoding; the rest is the same for every image.

    Attributes:
        max_pixels: An image with more is refused before it is decoded.
        value_range: The values of 12-, 16- and 32-bit and float images that become 0 and 255; None
            for the range of their type.
        allow_truncated: Whether an image that ends early is taken as far as it goes.
        extra_formats: Pillow's names of formats to read besides `FORMATS`.
    """

    max_pixels: int = MAX_PIXELS
    value_range: tuple[float, float] | None = None
    allow_truncated: bool = False
    extra_formats: tuple[str, ...] = ()


class Decoded(NamedTuple):
    """An image, and what its file was like.

    Attributes:
        pixels: (H, W, C), 0 to 255, upright.
        format: `JPEG`, `PNG` and so on; `array` for pixels that came decoded.
        mode: Pillow's name of the colour mode in the file: `L`, `RGB`, `CMYK`, `I;16`.
        orientation: EXIF's, 1 to 8; 1 where there is none.
        num_frames: Of which the first was taken.
        is_truncated: Whether a part was missing.
    """

    pixels: NDArray[np.uint8]
    format: str
    mode: str
    orientation: int = 1
    num_frames: int = 1
    is_truncated: bool = False


USUAL = Decoding()


def decode_content(content: Content, decoding: Decoding = USUAL) -> Decoded:
    """What `decode` gives, and what the file was like.

    Raises:
        DamagedImageError: As `decode`.
    """
    if isinstance(content, bytes):
        return Decoded(decode(content), "?", "?")
    return Decoded(content, "array", "?")


def decode(content: bytes) -> NDArray[np.uint8]:
    """Pixels (H, W, C) of an encoded image, 0 to 255; C is 1 for grey images and 3 for others.

    The format is found by content, not by name. EXIF orientation is applied, transparent images
    are laid over white, the first of several frames is taken, 16-bit grey is scaled to 8 bits.

    Raises:
        DamagedImageError: Not an image of a format that is read, truncated, too large, or of a
            number format whose range isn't known.
    """
    try:
        image = Image.open(io.BytesIO(content), formats=FORMATS)
    except UnidentifiedImageError as error:
        known = ", ".join(FORMATS)
        reason = "is empty" if not content else f"is no image of a format that is read ({known})"
        raise DamagedImageError(reason) from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise DamagedImageError(f"has over {MAX_PIXELS:,} pixels") from error
    except Exception as error:  # a damaged header can raise anything from within a decoder
        raise DamagedImageError(f"can't be opened: {error}") from error
    with image:
        if image.width * image.height > MAX_PIXELS:
            raise DamagedImageError(
                f"has {image.width}x{image.height} pixels, over the limit of {MAX_PIXELS:,}"
            )
        try:
            return pixels_of(image)
        except DamagedImageError:
            raise
        except Exception as error:  # as above, while the pixels are read
            raise DamagedImageError(f"can't be decoded: {error}") from error


def pixels_of(image: Image.Image) -> NDArray[np.uint8]:
    """Pixels (H, W, C) of an opened image, 0 to 255, treated as `decode` treats a file.

    Raises:
        DamagedImageError: A number format whose range isn't known.
    """
    is_16_bit = image.mode == "I" and image.format in ("PPM", "PNG")  # how Pillow opens these
    image = ImageOps.exif_transpose(image)
    if is_16_bit or image.mode in GREY_16_BIT_MODES:
        wide = np.asarray(image).astype(np.uint32)  # 0 to 65,535
        return ((wide * 255 + 32767) // 65535).astype(np.uint8)[:, :, np.newaxis]
    if image.mode in UNKNOWN_RANGE_MODES:
        raise DamagedImageError(f"is a 32-bit grey image (mode {image.mode}) of unknown range")
    if image.mode in GREY_MODES and "transparency" not in image.info:
        return np.asarray(image.convert("L"))[:, :, np.newaxis]
    if image.mode in TRANSPARENT_MODES or "transparency" in image.info:
        opaque = Image.new("RGBA", image.size, (*BACKGROUND, 255))
        opaque.alpha_composite(image.convert("RGBA"))
        image = opaque
    return np.asarray(image.convert("RGB"))
