"""Samples of the PPM family that Pillow would read one by one in Python, which takes minutes.

These are the plain forms (text) and those whose largest value is neither 255 nor 65,535. Pillow
would also bring them to one of these two, so that a range of values no longer meant the file's.
"""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray
from PIL.ImageFile import ImageFile

from convscope.data.content import DamagedImageError

_COMMENT = re.compile(rb"#[^\r\n]*")
_NOT_A_NUMBER = re.compile(rb"[^0-9\s]")


def is_read_here(image: ImageFile) -> bool:
    """Whether an opened image of the family has samples that `read_samples` is for."""
    return bool(image.tile) and image.tile[0].codec_name in ("ppm", "ppm_plain")


def read_samples(content: bytes, image: ImageFile) -> tuple[NDArray[np.uint16], int, int]:
    """The samples (H, W, C) as they stand in the file, their largest value, how many are missing.

    What is missing is 0.

    Raises:
        DamagedImageError: Something that is no number, or a number above the largest value.
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
