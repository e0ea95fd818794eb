"""Formats: which one some bytes are in, and an image opened, of which the header was read alone."""

from __future__ import annotations

import importlib
import io
from collections.abc import Callable

from PIL import (  # each registers its format; TIFF and PNG are used by the others
    BmpImagePlugin,  # noqa: F401
    GifImagePlugin,  # noqa: F401
    Image,
    PngImagePlugin,  # noqa: F401
    PpmImagePlugin,  # noqa: F401
    TiffImagePlugin,  # noqa: F401
    WebPImagePlugin,  # noqa: F401
)
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile

from convscope.data.content import FORMATS, DamagedImageError, Decoding
from convscope.data.pillow import use_stand_ins

# What `ftyp`, the first part of a file of the HEIF family, says of images that HEVC compressed.
HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
MAX_RUN_LENGTH_PIXELS = 4_000_000  # Pillow expands such BMPs in Python: these take 2 s

use_stand_ins()


def open_image(content: bytes, decoding: Decoding) -> ImageFile:
    """The image in some bytes, with its header read and nothing decoded.

    The format is found by the first bytes. A JPEG with more images behind it (MPO) is a JPEG.

    Raises:
        DamagedImageError: Not a format that is read, without pixels, or with too many.
    """
    if 2 * (Image.MAX_IMAGE_PIXELS or decoding.max_pixels) < decoding.max_pixels:
        Image.MAX_IMAGE_PIXELS = decoding.max_pixels  # TIFF, WebP and GIF look for themselves
    opener = _opener(content[:16], decoding.extra_formats)
    if opener is None:
        known = ", ".join((*FORMATS, *decoding.extra_formats))
        reason = "is empty" if not content else f"is no image of a format that is read ({known})"
        raise DamagedImageError(reason)
    image = opener(io.BytesIO(content), "")
    check_size(image.width, image.height, decoding)
    is_run_length = any(tile.codec_name == "bmp_rle" for tile in image.tile)
    if is_run_length and image.width * image.height > MAX_RUN_LENGTH_PIXELS:
        raise DamagedImageError(
            f"has {image.width:,}x{image.height:,} pixels, over the limit of "
            f"{MAX_RUN_LENGTH_PIXELS:,} for run-length coded BMP"
        )
    return image


def check_size(width: int, height: int, decoding: Decoding) -> None:
    """Refuses an image without pixels, or with too many.

    Raises:
        DamagedImageError: It is one.
    """
    if width < 1 or height < 1:
        raise DamagedImageError(f"has no pixels: it is {width} wide and {height} high")
    if width * height > decoding.max_pixels:
        raise DamagedImageError(over_the_limit(f"{width:,}x{height:,}", decoding))


def over_the_limit(pixels: str, decoding: Decoding) -> str:
    """Why an image of so many pixels is refused."""
    return f"has {pixels} pixels, over the limit of {decoding.max_pixels:,} (`--max-pixels`)"


def _opener(
    prefix: bytes, extra_formats: tuple[str, ...]
) -> Callable[[io.BytesIO, str], ImageFile] | None:
    for name in (*FORMATS, *(extra.upper() for extra in extra_formats)):
        opener, accepts = Image.OPEN[name]
        verdict = True if accepts is None else accepts(prefix)
        if verdict and not isinstance(verdict, str):  # a sentence says why it can't be read
            return JpegImageFile if name == "JPEG" else opener
    if prefix[4:8] == b"ftyp" and prefix[8:12] in HEIC_BRANDS:
        return _heif_opener()
    return None


def _heif_opener() -> Callable[[io.BytesIO, str], ImageFile]:
    try:
        heif = importlib.import_module("pillow_heif")
    except ImportError as error:
        raise DamagedImageError(
            "is an HEIC image; `pip install convscope[heif]` reads it"
        ) from error
    heif.register_heif_opener()
    return Image.OPEN["HEIF"][0]
