"""Files as containers: whether they go on until their image is whole, where Pillow doesn't look.

Pillow takes a PNG's pixels however the file goes on after them, and refuses it for a text that is
too long; zeros in place of a WebP's data are colours to its decoder; and what a GIF holds behind
a part that was damaged is never looked at; nor are the checksums of a TIFF packed by deflate. JPEG
has a file of its own, `jpeg.py`.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Any, NamedTuple

PNG_START = b"\x89PNG\r\n\x1a\n"
# Parts of a PNG that don't decide its pixels, but whether they are turned or the first of several.
NAMED_PARTS = (b"eXIf", b"acTL", b"fcTL", b"fdAT")
XMP = b"XML:com.adobe.xmp\0"
MOST_XMP_BYTES = 1 << 20  # of what is compressed, which could become anything
# Flat areas are zeros to a WebP's decoder as well: at most a byte for 40 macroblocks.
ZERO_BYTES, MACROBLOCKS_A_ZERO, MACROBLOCK_PX = 16, 16, 16
# Tags of a TIFF: its compression, and the places and sizes of its strips or tiles.
COMPRESSION, DEFLATE, BIT_ORDER = 259, (8, 32946), 266
PLACES, SIZES = (273, 324), (279, 325)
MOST_PIXEL_BYTES = 32  # four colours of 64 bits
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
    """The file with its fault; one of another format than PNG, GIF or WebP is as it is."""
    if content.startswith(PNG_START):
        return _look_into_png(content)
    if content.startswith((b"GIF87a", b"GIF89a")):
        return Container(content, _fault_of_gif(content))
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return Container(content, _fault_of_webp(content))
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


def _fault_of_webp(content: bytes) -> str | None:
    """The fault of a WebP whose data is filled up with zeros, as by a download that was cut off."""
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
            sides = [int.from_bytes(data[at : at + 2], "little") & 0x3FFF for at in (6, 8)]
            across, down = (-(-side // MACROBLOCK_PX) for side in sides)
            macroblocks = across * down if kind == b"VP8 " else 0
            most = ZERO_BYTES + macroblocks // MACROBLOCKS_A_ZERO
            return "is truncated: zeros are in place of its data" if num_zeros > most else None
        place += 8 + size + (size & 1)
    return None


def fault_of_tiff(content: bytes, tags: Mapping[int, Any], num_pixels: int) -> str | None:
    """The fault of a TIFF that is packed by deflate, or None; its tags are those of Pillow."""
    if tags.get(COMPRESSION) not in DEFLATE or tags.get(BIT_ORDER, 1) != 1:
        return None
    places, sizes = (
        next((tags[tag] for tag in each if tag in tags), ()) for each in (PLACES, SIZES)
    )
    view, most_bytes = memoryview(content), num_pixels * MOST_PIXEL_BYTES
    for place, size in zip(places, sizes, strict=False):  # Pillow knows what to say of others
        if not _agrees_with_checksum(view[place : place + size], most_bytes):
            return "is damaged: some of its data has a wrong checksum"
    return None


def _agrees_with_checksum(packed: memoryview, most_bytes: int) -> bool:
    """Whether packed data agrees with its checksum; also true of what ends early."""
    unpacking, num_bytes = zlib.decompressobj(), 0
    rest: bytes | memoryview = packed
    try:
        while rest and not unpacking.eof and num_bytes <= most_bytes:
            num_bytes += len(unpacking.decompress(rest, UNPACKED_AT_ONCE))
            rest = unpacking.unconsumed_tail
    except zlib.error:
        return False
    return True
