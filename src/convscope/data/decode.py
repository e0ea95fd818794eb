"""The one place where bytes become pixels. Needs numpy and Pillow only.

Training, evaluation and prediction all decode here, so that an image has the same pixels in each.
"""

from __future__ import annotations

import io

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


class DamagedImageError(DataError):
    """Bytes that are no image, or an image that can't be decoded in full."""


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
