"""Files as containers: whether they go on until their image is whole, where Pillow doesn't look.

Pillow takes a PNG's pixels however the file goes on after them, and refuses it for a text that is
too long; zeros in place of a WebP's data are colours to its decoder; and what a GIF holds behind
a part that was damaged is never looked at; nor are the checksums of a TIFF packed by deflate. JPEG
has a file of its own, `jpeg.py`.
"""

from __future__ import annotations

import io
import math
import zlib
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from PIL.WebPImagePlugin import WebPImageFile

PNG_START = b"\x89PNG\r\n\x1a\n"
# Parts of a PNG that don't decide its pixels, but whether they are turned or the first of several.
NAMED_PARTS = (b"eXIf", b"acTL", b"fcTL", b"fdAT")
XMP = b"XML:com.adobe.xmp\0"
MOST_XMP_BYTES = 1 << 20  # of what is compressed, which could become anything
# Data of a WebP that may be a decoder's own padding, and zeros that needn't be looked into.
PADDING_BYTES, ZERO_BYTES = 4, 16
# At most, of all pixels, in data that is whole: in each of four channels the code of the commonest
# value is one bit long, and longer ones belong to values that are the rarer for it.
ZERO_BITS_A_PIXEL = 4
# Tags of a TIFF: its compression, the places and sizes of its strips or tiles, and what is in them.
COMPRESSION, DEFLATE, BIT_ORDER = 259, (8, 32946), 266
PLACES, SIZES = (273, 324), (279, 325)
BITS, CHANNELS, STRIP_HEIGHT, PLANES, TILE_WIDTH, TILE_HEIGHT = 258, 277, 278, 284, 322, 323
MAX_PART_BYTES = 1 << 30
UNPACKED_AT_ONCE = 1 << 20


class Container(NamedTuple):
    """A file without what isn't needed of it.

    Attributes:
        content: The file's bytes.
        fault: What is wrong with it, or None.
    """

    content: bytes
    fault: str | None


def look_into(content: bytes) -> Container:
    """The file with its fault; one of another format than PNG and GIF is as it is."""
    if content.startswith(PNG_START):
        return _look_into_png(content)
    if content.startswith((b"GIF87a", b"GIF89a")):
        return Container(content, _fault_of_gif(content))
    return Container(content, None)


def _look_into_png(content: bytes) -> Container:
    """A PNG without texts, colour profile and the like, and its fault.

    Pillow doesn't look at the checksums of the parts that hold the pixels; and it refuses an image
    for a text or a profile that is damaged, or longer than it keeps in memory.
    """
    view = memoryview(content)
    kept, place = [view[:8]], 8
    fault: str | None = "is truncated"
    while place + 12 <= len(content):
        end = place + 12 + int.from_bytes(view[place : place + 4], "big")
        kind = content[place + 4 : place + 8]
        if end > len(content):
            break
        decides_pixels = not kind[0] & 0x20 or kind == b"tRNS"
        may_be_kept = decides_pixels or kind in NAMED_PARTS or _is_short_xmp(kind, view[place:end])
        if may_be_kept:
            checksum = int.from_bytes(view[end - 4 : end], "big")
            is_right = zlib.crc32(view[place + 4 : end - 4]) == checksum
            if decides_pixels and not is_right:
                name = kind.decode("ascii", "replace")
                return Container(content, f"is damaged: its part {name} has a wrong checksum")
            kept += [view[place:end]] if is_right else []
        place = end
        if kind == b"IEND":
            fault = None
            break
    is_all = sum(map(len, kept)) == place
    kept += [] if fault is None else [view[place:]]
    return Container(content if is_all else b"".join(kept), fault)


def _is_short_xmp(kind: bytes, part: memoryview) -> bool:
    """Whether a part is XMP, which may hold an orientation, that is no longer than Pillow takes."""
    if kind != b"iTXt" or bytes(part[8 : 8 + len(XMP)]) != XMP:
        return False
    is_compressed, *_ = part[8 + len(XMP) :]
    if not is_compressed:
        return len(part) <= MOST_XMP_BYTES
    text = bytes(part[10 + len(XMP) : -4]).split(b"\0", 2)[-1]
    unpacking = zlib.decompressobj()
    try:
        unpacking.decompress(text, MOST_XMP_BYTES)
    except zlib.error:
        return False
    return unpacking.eof


def _fault_of_gif(content: bytes) -> str | None:
    """The fault of a GIF up to the end of its first image, or None."""
    place = 13 + _colour_bytes(content[10:11])
    while content[place : place + 1] == b"!":  # an extension
        place = _behind_blocks(content, place + 2)
    if content[place : place + 1] != b",":  # an image
        return None  # Pillow knows what to say
    place += 10 + _colour_bytes(content[place + 9 : place + 10])
    place = _behind_blocks(content, place + 1)
    if place > len(content):
        return "is truncated"
    is_right = content[place : place + 1] in (b"!", b",", b";", b"\0", b"")
    return None if is_right else "is damaged: some of its data is missing or wrong"


def _colour_bytes(flags: bytes) -> int:
    """Size of the table of colours that follows some flags."""
    return 3 << (flags[0] & 7) + 1 if flags and flags[0] & 0x80 else 0


def _behind_blocks(content: bytes, place: int) -> int:
    """The place behind blocks that each begin with their length, the last of which is empty."""
    while place < len(content) and content[place]:
        place += content[place] + 1
    return place + 1


def fault_of_webp(content: bytes) -> str | None:
    """The fault of a WebP whose data is filled up with zeros, as by a download that was cut off.

    Data that is whole can end in thousands of zeros where the image is flat. But all of it is
    needed: without its last bytes it can't be decoded. Zeros in place of other data are codes of
    another length: either they don't suffice, or some are left over.
    """
    place = 12
    while place + 8 <= len(content):
        kind = content[place : place + 4]
        size = int.from_bytes(content[place + 4 : place + 8], "little")
        if kind == b"ANMF":  # the first frame, which has parts of its own
            place += 24
            continue
        if kind in (b"VP8 ", b"VP8L"):
            data = content[place + 8 : place + 8 + size]
            num_zeros = len(data) - len(data.rstrip(b"\0"))
            is_whole = num_zeros <= ZERO_BYTES or _needs_its_zeros(kind, data, num_zeros)
            return None if is_whole else "is truncated: zeros are in place of its data"
        place += 8 + size + (size & 1)
    return None


def _needs_its_zeros(kind: bytes, data: bytes, num_zeros: int) -> bool:
    """Whether the zeros that end the data of a WebP are data."""
    data = data[:-PADDING_BYTES]
    padding = bytes(len(data) % 2)
    body = b"".join((b"WEBP", kind, len(data).to_bytes(4, "little"), data, padding))
    try:
        with WebPImageFile(io.BytesIO(b"RIFF" + len(body).to_bytes(4, "little") + body)) as image:
            most = ZERO_BITS_A_PIXEL * image.width * image.height  # where all codes are as long
            if num_zeros * 8 > most:
                return False
            image.load()
    except (OSError, SyntaxError):
        return True
    return False


def fault_of_tiff(content: bytes, tags: Mapping[int, Any], size: tuple[int, int]) -> str | None:
    """The fault of a TIFF that is packed by deflate, or None.

    Args:
        content: The file.
        tags: Its tags, as Pillow gives them.
        size: Its width and height.
    """
    if tags.get(COMPRESSION) not in DEFLATE or tags.get(BIT_ORDER, 1) != 1:
        return None
    places, sizes = (
        next((tags[tag] for tag in each if tag in tags), ()) for each in (PLACES, SIZES)
    )
    num_parts, part_bytes = _parts_of_tiff(tags, size)
    parts = zip(places[:num_parts], sizes, strict=False)  # Pillow knows what to say of others
    view = memoryview(content)
    faults = (_fault_of_packed(view[at : at + count], part_bytes) for at, count in parts)
    return next(filter(None, faults), None)


def _parts_of_tiff(tags: Mapping[int, Any], size: tuple[int, int]) -> tuple[int, int]:
    """The number of strips or tiles that a TIFF needs, and the bytes that each unpacks to at most.

    More than that isn't unpacked here, as it isn't when the image is decoded.
    """
    width, height = size
    part_width, part_height = width, min(_number(tags, STRIP_HEIGHT, height), height)
    if TILE_WIDTH in tags:
        part_width, part_height = _number(tags, TILE_WIDTH, 1), _number(tags, TILE_HEIGHT, 1)
    channels = _number(tags, CHANNELS, 1)
    bits = max(np.atleast_1d(tags.get(BITS, 1)).tolist(), default=1)
    row_bytes = math.ceil(part_width * channels * bits / 8)
    num_planes = channels if tags.get(PLANES) == 2 else 1
    num_parts = math.ceil(width / part_width) * math.ceil(height / part_height) * num_planes
    return num_parts, min(row_bytes * part_height, MAX_PART_BYTES)


def _number(tags: Mapping[int, Any], tag: int, default: int) -> int:
    """A tag that is a whole number above 0, or what is taken where it isn't."""
    value = tags.get(tag)
    return value if isinstance(value, int) and value > 0 else default


def _fault_of_packed(packed: memoryview, most_bytes: int) -> str | None:
    """The fault of data packed by deflate; none of what ends early, which its decoder notices."""
    unpacking, num_bytes = zlib.decompressobj(), 0
    rest: bytes | memoryview = packed
    try:
        while rest and not unpacking.eof:
            num_bytes += len(unpacking.decompress(rest, UNPACKED_AT_ONCE))
            if num_bytes > most_bytes:
                return "is damaged: some of its data unpacks to more than its pixels"
            rest = unpacking.unconsumed_tail
    except zlib.error:
        return "is damaged: some of its data has a wrong checksum"
    return None
