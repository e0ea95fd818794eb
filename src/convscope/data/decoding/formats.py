"""Formats: found by content; images opened with only their header read; PPM's samples."""

from __future__ import annotations

import importlib
import io
import re
from collections.abc import Callable
from functools import cache

import numpy as np
from numpy.typing import NDArray
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

from convscope.data.decoding.content import FORMATS, DamagedImageError, Decoding
from convscope.data.decoding.pillow import use_stand_ins

# What `ftyp`, the first part of a file of the HEIF family, says of images that HEVC compressed.
HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
# The suffixes of the formats that are read unasked, in lower case.
SUFFIXES = {
    "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif"),
    "PNG": (".png", ".apng"),
    "WEBP": (".webp",),
    "BMP": (".bmp",),
    "GIF": (".gif",),
    "TIFF": (".tif", ".tiff"),
    "PPM": (".ppm", ".pgm", ".pbm", ".pnm"),
    "HEIF": (".heic", ".heif", ".hif"),
}
MAX_RUN_LENGTH_PIXELS = 4_000_000  # Pillow expands such BMPs in Python: these take 2 s
_COMMENT = re.compile(rb"#[^\r\n]*")  # in PPM
_NOT_A_NUMBER = re.compile(rb"[^0-9\s]")

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


@cache
def format_of_suffix() -> dict[str, str]:
    """Pillow's name of the format for each suffix of an image file, in lower case."""
    Image.init()
    found = {suffix.lower(): name for suffix, name in Image.registered_extensions().items()}
    return found | {suffix: name for name, suffixes in SUFFIXES.items() for suffix in suffixes}


def check_size(width: int, height: int, decoding: Decoding) -> None:
    """Refuses an image without pixels, or with too many.

    Raises:
        DamagedImageError: It has none, or too many.
    """
    if width < 1 or height < 1:
        raise DamagedImageError(f"has no pixels: it is {width} wide and {height} high")
    if width * height > decoding.max_pixels:
        raise DamagedImageError(over_the_limit(f"{width:,}x{height:,}", decoding))


def over_the_limit(pixels: str, decoding: Decoding) -> str:
    """The reason for which an image of so many pixels is refused."""
    return f"has {pixels} pixels, over the limit of {decoding.max_pixels:,} (`--max-pixels`)"


def _opener(
    prefix: bytes, extra_formats: tuple[str, ...]
) -> Callable[[io.BytesIO, str], ImageFile] | None:
    names = (*FORMATS, *(extra.upper() for extra in extra_formats))
    for name in names:
        opener, accepts = Image.OPEN[name]
        verdict = accepts is not None and accepts(prefix)
        if verdict and not isinstance(verdict, str):  # a sentence says why it can't be read
            return JpegImageFile if name == "JPEG" else opener
    if prefix[4:8] == b"ftyp" and prefix[8:12] in HEIC_BRANDS:
        return _heif_opener()
    # Formats like TGA, whose files begin with anything: whatever no other one begins with.
    return next((Image.OPEN[name][0] for name in names if Image.OPEN[name][1] is None), None)


def _heif_opener() -> Callable[[io.BytesIO, str], ImageFile]:
    try:
        heif = importlib.import_module("pillow_heif")
    except ImportError as error:
        raise DamagedImageError(
            "is an HEIC image; `pip install convscope[heif]` reads it"
        ) from error
    heif.register_heif_opener()
    return Image.OPEN["HEIF"][0]


def is_read_here(image: ImageFile) -> bool:
    """Whether an opened image is a PPM, PGM or PBM, which `read_samples` reads."""
    return bool(image.tile) and image.tile[0].codec_name in ("ppm", "ppm_plain")


def read_samples(content: bytes, image: ImageFile) -> tuple[NDArray[np.uint16], int, int]:
    """The samples (H, W, C) in a file of the PPM family, their largest value, the number missing.

    Missing samples are 0.

    Raises:
        DamagedImageError: A value that isn't a number, or one above the largest.
    """
    tile = image.tile[0]
    channels = 3 if image.mode == "RGB" else 1
    count = image.width * image.height * channels
    is_bitmap = image.mode == "1"
    largest = 1 if is_bitmap else int(tile.args[1])  # type: ignore[index]
    if tile.codec_name == "ppm":
        width = 1 if largest < 256 else 2
        body = content[tile.offset : tile.offset + count * width]
        found = np.frombuffer(body[: len(body) // width * width], dtype=f">u{width}")
    else:
        found = _read_text(content[tile.offset :], is_bitmap)[:count]
    if found.size and found.max() > largest:
        raise DamagedImageError(f"has the value {found.max()}, over its own maximum of {largest}")
    samples = np.zeros(count, dtype=np.uint16)
    samples[: len(found)] = largest - found if is_bitmap else found  # in a bitmap, 1 is black
    return samples.reshape(image.height, image.width, channels), largest, count - len(found)


def _read_text(text: bytes, is_bitmap: bool) -> NDArray[np.uint64]:
    text = _COMMENT.sub(b"", text)
    if wrong := _NOT_A_NUMBER.search(text):
        raise DamagedImageError(f"has {wrong.group()!r} where a number should be")
    if is_bitmap:  # digits needn't be apart
        digits = np.frombuffer(b"".join(text.split()), dtype=np.uint8)
        return digits.astype(np.uint64) - ord("0")
    if not text.strip():  # of which numpy would make a 0
        return np.zeros(0, dtype=np.uint64)
    return np.fromstring(text, dtype=np.uint64, sep=" ")
