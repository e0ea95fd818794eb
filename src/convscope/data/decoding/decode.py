"""The one place where bytes become pixels. Needs numpy and Pillow only.

Training, evaluation and prediction all decode here, so that an image has the same pixels in each.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.ExifTags import Base
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from convscope.data.decoding.colours import (
    array_to_pixels,
    depth_of,
    scale,
    span_of,
    span_of_values,
    to_pixels,
)
from convscope.data.decoding.content import (
    DEFAULT_DECODING,
    Content,
    DamagedImageError,
    Decoded,
    Decoding,
    PassingError,
    ValueSpan,
)
from convscope.data.decoding.endings import fault_of_tiff, fault_of_webp, look_into
from convscope.data.decoding.formats import (
    check_size,
    is_read_here,
    open_image,
    over_the_limit,
    read_samples,
)
from convscope.data.decoding.jpeg import load_jpeg, whole_jpeg
from convscope.data.decoding.jpeg_layout import JpegLayout
from convscope.data.decoding.pillow import PIXEL_BUDGET, decoding_with_pillow

# What brings an image upright that EXIF says lies otherwise.
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
REASON_LENGTH = 200  # characters; some decoders quote what they couldn't read


def decode(content: bytes, decoding: Decoding = DEFAULT_DECODING) -> NDArray[np.uint8]:
    """Pixels (H, W, C) of an encoded image, 0 to 255; C is 1 for grey images and 3 for others.

    The format is found by content, not by name. EXIF orientation is applied, transparent images
    are laid over white, the first of several frames is taken. Colour profiles are passed over.

    16-bit grey, 12-bit TIFF and floats from 0 to 1 are scaled to 8 bits and rounded; of 16-bit
    colours Pillow keeps the upper 8 bits. With a `value_range`, that is scaled instead.

    Raises:
        DamagedImageError: Not an image of a format that is read, truncated, too large, or of a
            number format whose range isn't known.
    """
    return decode_content(content, decoding).pixels


def decode_content(content: Content, decoding: Decoding = DEFAULT_DECODING) -> Decoded:
    """The decoded image with properties of its file; accepts pixels that came decoded as well.

    Those may be (H, W), or (H, W, C) with C of 1, 3 or 4 (the last being opacity): bool, uint8,
    uint16, floats from 0 to 1, or any numbers if a `value_range` is given.

    Raises:
        DamagedImageError: The image can't be decoded; see `decode`.
    """
    with _refused_with_a_reason(decoding), decoding_with_pillow():
        if isinstance(content, bytes):
            with ExitStack() as room:  # given back when the image is gone, too
                return _decoded_file(content, decoding, room)
        height, width, *_ = (*content.shape, 1, 1)
        check_size(width, height, decoding)
        pixels = array_to_pixels(content, decoding.value_range)
        span = span_of_values(content, decoding.value_range)
        return Decoded(pixels, "array", content.dtype.name, span=span)


def pixels_of(image: Image.Image, decoding: Decoding = DEFAULT_DECODING) -> NDArray[np.uint8]:
    """Pixels (H, W, C) of a Pillow image, 0 to 255, treated as `decode` treats a file.

    Raises:
        DamagedImageError: The image can't be decoded; see `decode`.
    """
    with _refused_with_a_reason(decoding), decoding_with_pillow():
        check_size(image.width, image.height, decoding)
        return _read(image, decoding)[0]


def _decoded_file(content: bytes, decoding: Decoding, room: ExitStack) -> Decoded:
    content, fault = look_into(content)
    with open_image(content, decoding) as image:
        room.enter_context(PIXEL_BUDGET.taken(image.width * image.height))
        return _decoded(image, content, fault, decoding)


def _decoded(image: ImageFile, content: bytes, fault: str | None, decoding: Decoding) -> Decoded:
    format, mode = image.format or "?", image.mode
    if is_read_here(image):
        samples, largest, num_missing = read_samples(content, image)
        if num_missing and not decoding.allow_truncated:
            raise DamagedImageError("is truncated")
        value_range = decoding.value_range if largest > 255 else None
        pixels = scale(samples, value_range, full_range=(0, largest))
        span = span_of_values(samples, value_range or (0, largest))
        span = span if largest > 255 else ValueSpan()
        return Decoded(pixels, format, mode, is_truncated=num_missing > 0, span=span)
    if isinstance(image, JpegImageFile):
        image, fault = _loaded_jpeg(image, content, decoding)
    if isinstance(image, TiffImageFile):
        fault = fault_of_tiff(content, image.tag_v2, image.size)
    if isinstance(image, WebPImageFile):
        fault = fault_of_webp(content)
    if fault and not decoding.allow_truncated:
        raise DamagedImageError(fault)
    depth = depth_of(image)
    pixels, orientation, is_truncated = _read(image, decoding)
    is_truncated = is_truncated or fault is not None
    span = span_of(image, depth, decoding.value_range)
    return Decoded(pixels, format, mode, orientation, _num_frames(image), is_truncated, span)


def _loaded_jpeg(
    image: JpegImageFile, content: bytes, decoding: Decoding
) -> tuple[ImageFile, str | None]:
    """A JPEG with its pixels, as far as they go, and its fault."""
    layout = JpegLayout.of(content, header_end=image.fp.tell() if image.fp else 0)
    if layout.has_end_mark:
        try:
            return image, load_jpeg(image, content, layout)
        except OSError:
            if not decoding.allow_truncated:
                raise
            return image, "is truncated"
    whole = whole_jpeg(content, layout)
    return open_image(whole or content, decoding), None if whole else "is truncated"


def _read(image: Image.Image, decoding: Decoding) -> tuple[NDArray[np.uint8], int, bool]:
    """Pixels (H, W, C), EXIF orientation, and whether a part was missing."""
    depth = depth_of(image)
    # Pillow turns TIFF upright while it loads, and forgets that it had to.
    orientation = _valid(getattr(image, "tag_v2", {}).get(Base.Orientation, 1))
    is_truncated = False
    try:
        image.load()
    except Exception:
        if not decoding.allow_truncated or not isinstance(image, ImageFile):
            raise
        image.tile = []  # what was decoded so far stays, and loading again finds nothing to do
        if isinstance(image, TiffImageFile):
            image.load_end()
        image.load()
        is_truncated = True
    turned = image
    if not isinstance(image, TiffImageFile):
        orientation = _orientation_of(image)
        if orientation != 1:
            turned = image.transpose(UPRIGHT[orientation])
    return to_pixels(turned, depth, decoding.value_range), orientation, is_truncated


def _orientation_of(image: Image.Image) -> int:
    try:
        return _valid(image.getexif().get(Base.Orientation, 1))
    except Exception:  # damaged EXIF can raise anything, and the pixels are not worse for it
        return 1


def _valid(orientation: Any) -> int:
    return orientation if orientation in UPRIGHT else 1


def _num_frames(image: ImageFile) -> int:
    try:
        return 2 if getattr(image, "is_animated", False) else 1
    except Exception:  # looks for the second frame, and may find anything there
        return 1


@contextmanager
def _refused_with_a_reason(decoding: Decoding) -> Iterator[None]:
    """Context manager that turns any error into a `DamagedImageError` of one printable line."""
    try:
        yield
    except DamagedImageError:
        raise
    except Image.DecompressionBombError as error:
        numbers = [int(number) for number in re.findall(r"\d+", str(error))] or [0]
        raise DamagedImageError(over_the_limit(f"{numbers[0]:,}", decoding)) from error
    except MemoryError as error:
        raise PassingError("needs more memory than there is") from error
    except Exception as error:  # a damaged file can raise anything from within a decoder
        text = _printable(error)
        is_truncated = "truncated" in text.lower() or "not enough image data" in text
        reason = "is truncated" if is_truncated else f"can't be decoded: {text}"
        raise DamagedImageError(reason) from error


def _printable(error: Exception) -> str:
    text = re.sub(r"\s*<[^<>]* object at 0x[0-9a-fA-F]+>", "", str(error)) or type(error).__name__
    if text.startswith("decoder error"):  # libtiff tells no more
        return "its data is damaged"
    if text == "cannot load this image":
        return "no pixels are in it"
    shown = "".join(c if c.isprintable() else " " for c in text)
    return " ".join(shown.split())[:REASON_LENGTH]
