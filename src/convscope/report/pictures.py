"""Pictures: small copies of images inside a document, as long as there is room."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from convscope.data.dataset import Images
from convscope.data.decode import DamagedImageError, Decoding, decode_content

SMALL_PX = 64  # smaller images are shown pixel by pixel, and kept without loss
JPEG_QUALITY = 88
SMALL_COPY_QUALITY = 78
LONGEST = 8.0  # a longer image is cut in the middle: the whole would be a line


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture inside a document.

    Attributes:
        source: A `data:` address.
        width: In pixels.
        height: In pixels.
        is_pixelated: Whether its pixels are to be seen one by one.
    """

    source: str
    width: int
    height: int
    is_pixelated: bool


class Pictures:
    """Gives small copies of a data set's images until their room is used up.

    Args:
        images: N images.
        decoding: How they are decoded.
        room_bytes: Of all pictures together.
    """

    def __init__(self, images: Images, decoding: Decoding, *, room_bytes: int) -> None:
        self._images, self._decoding = images, decoding
        self._room = room_bytes

    def of(self, index: int, *, longest_px: int = 176) -> Picture | None:
        """A small copy of an image; None if it can't be read or there is no room left."""
        if self._room <= 0:
            return None
        pixels = self.pixels(index)
        if pixels is None:
            return None
        return self.drawn(_middle_of_long(pixels), longest_px=longest_px)

    def pixels(self, index: int) -> NDArray[np.uint8] | None:
        """The pixels (H, W, C) of an image; None if it can't be read."""
        try:
            return decode_content(self._images.content(index), self._decoding).pixels
        except DamagedImageError:
            return None

    def drawn(self, pixels: NDArray[np.uint8], *, longest_px: int) -> Picture | None:
        """A small copy of pixels (H, W, C); None if there is no room left."""
        picture = embedded(pixels, longest_px=longest_px, quality=SMALL_COPY_QUALITY)
        self._room -= len(picture.source)
        return picture if self._room > 0 else None


def embedded(
    pixels: NDArray[np.uint8], *, longest_px: int | None = None, quality: int = JPEG_QUALITY
) -> Picture:
    """Pixels (H, W, C) inside a page; small ones without loss.

    Args:
        pixels: Grey or in colour.
        longest_px: Larger ones are reduced to it; None for none.
        quality: Of JPEG, 1 to 95.
    """
    image = Image.fromarray(
        np.ascontiguousarray(pixels.squeeze(2) if pixels.shape[2] == 1 else pixels)
    )
    is_small = max(image.size) <= SMALL_PX
    if longest_px is not None and not is_small:
        image.thumbnail((longest_px, longest_px), Image.Resampling.LANCZOS)
    file = io.BytesIO()
    if is_small:
        image.save(file, "PNG", optimize=True)
    else:
        image.save(file, "JPEG", quality=quality)
    kind = "png" if is_small else "jpeg"
    source = f"data:image/{kind};base64,{base64.b64encode(file.getvalue()).decode()}"
    return Picture(source, *image.size, is_small)


def _middle_of_long(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    height, width = pixels.shape[:2]
    longest = max(1, int(LONGEST * min(height, width)))
    top, left = max(0, height - longest) // 2, max(0, width - longest) // 2
    return pixels[top : height - top, left : width - left]
