"""Endings: whether a file goes on until its image is whole, where Pillow doesn't look or is unsure.

Pillow notices data that ends early in every format, as long as it isn't told otherwise. Two cases
are left: PNG, of which it reads no more than the pixels need, and JPEG without its end mark, which
it refuses though all pixels are there, and takes if zeros follow the pixels that are there.
"""

from __future__ import annotations

import io
import zlib

import numpy as np
from PIL.JpegImagePlugin import JpegImageFile

START_OF_SCAN, END_MARK = b"\xff\xda", b"\xff\xd9"

# Data that a decoder turns into other pixels than none; with restart marks, one of which is the
# one it waits for when the file ends between two of them.
_JUNK = b"".join(bytes((0xFF, 0xD0 + number)) + b"\xa5\x36" * 32 for number in range(8))
TAILS = (b"", b"\xa5\x36" * 32 + _JUNK, b"\x5a\xc9" * 32 + _JUNK)


def fault_of_png(content: bytes) -> str | None:
    """The fault of a PNG as a file, or None.

    Pillow takes the pixels however the file goes on after them, and doesn't look at the checksums
    of the parts that hold them.
    """
    place = 8
    view = memoryview(content)
    while place + 12 <= len(content):
        end = place + 12 + int.from_bytes(view[place : place + 4], "big")
        kind = content[place + 4 : place + 8]
        if end > len(content):
            break
        is_critical = not kind[0] & 0x20
        checksum = int.from_bytes(view[end - 4 : end], "big")
        if is_critical and zlib.crc32(view[place + 4 : end - 4]) != checksum:
            return f"is damaged: its part {kind.decode('ascii', 'replace')} has a wrong checksum"
        if kind == b"IEND":
            return None
        place = end
    return "is truncated"


def lacks_end_mark(content: bytes) -> bool:
    """Whether a JPEG has no end mark behind its pixels."""
    return content.rfind(END_MARK) <= content.rfind(START_OF_SCAN)


def whole_jpeg(content: bytes) -> bytes | None:
    """A JPEG with the end mark that it lacks, or None if more than that is missing.

    If all pixels are there, whatever follows them changes none; otherwise it becomes pixels. Zeros
    at the end are what a download that was cut off leaves in a file of the full size.
    """
    data = content.rstrip(b"\0")
    if data.endswith(b"\xff"):  # half an end mark, or a byte of data, which a zero follows
        data = data[:-1] if len(data) == len(content) else data + b"\0"
    with JpegImageFile(io.BytesIO(content)) as image:
        # Where the pixels come in several scans, nothing tells how many there should be.
        scan = data.rfind(START_OF_SCAN)
        if "progressive" in image.info or data[scan + 4 : scan + 5] != bytes([image.layers]):
            return None
    pictures = []
    try:
        for tail in TAILS:
            with JpegImageFile(io.BytesIO(data + tail + END_MARK)) as image:
                pictures.append(np.asarray(image))
    except OSError:
        return None
    is_whole = all(np.array_equal(pictures[0], other) for other in pictures[1:])
    return data + END_MARK if is_whole else None
