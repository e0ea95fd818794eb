"""JPEG, decoded by libjpeg in a way that shows data that is missing or left over.

libjpeg paints what it lacks in grey and passes over what it can't use, and Pillow doesn't hand on
its warnings. But it says how much of the data it has read. A whole image can't be finished without
the last byte of its data, and is finished with it, whatever follows. So an image is decoded once,
as ever, but is given the last byte by itself, and behind it a few bytes that belong to no image.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import numpy as np
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile

from convscope.data.decoding.jpeg_layout import JpegLayout, JpegScan, hungry_tail

END_MARK = b"\xff\xd9"
NUM_AT_HAND = 8  # bytes that libjpeg reads ahead at most
SHORT_INTERVAL = 128  # bytes between two restart marks; what is damaged lacks a mark then

# Data that a decoder turns into other pixels than none; with restart marks, one of which is the
# one it waits for when the file ends between two of them.
_JUNK = b"".join(bytes((0xFF, 0xD0 + number)) + b"\xa5\x36" * 32 for number in range(8))
TAILS = (b"", b"\xa5\x36" * 32 + _JUNK, b"\x5a\xc9" * 32 + _JUNK)

_WRONG = "is damaged: some of its data is missing or wrong"
_SHORT = "is truncated"


def load_jpeg(image: JpegImageFile, content: bytes, layout: JpegLayout) -> str | None:
    """Decodes an opened JPEG that has an end mark; gives its fault, or None.

    Raises:
        OSError: The decoder gave up.
    """
    if not layout.can_be_fed:
        image.load()  # arithmetic coding has to come in one piece
        return layout.fault(content)
    image.load_prepare()
    name, extents, _, arguments = image.tile[0]
    image.tile = []
    decoder = Image._getdecoder(image.mode, name, arguments, image.decoderconfig)
    try:
        decoder.setimage(image.im, extents)
        return layout.fault(content) or _Feed(decoder, content).decode(layout)
    finally:
        decoder.cleanup()


def whole_jpeg(content: bytes, layout: JpegLayout) -> bytes | None:
    """A JPEG with the end mark that it lacks, or None if more than that is missing.

    If all pixels are there, whatever follows them changes none; otherwise it becomes pixels. Zeros
    at the end are what a download that was cut off leaves in a file of the full size.
    """
    # Nothing tells how many scans there should be; and a mark in the middle of data is damage.
    if not layout.is_sequential or layout.scans[0].end < len(content):
        return None
    data = content.rstrip(b"\0")
    if data.endswith(b"\xff"):  # half an end mark, or a byte of data, which a zero follows
        data = data[:-1] if len(data) == len(content) else data + b"\0"
    pictures = []
    try:
        for tail in TAILS:
            with JpegImageFile(io.BytesIO(data + tail + END_MARK)) as image:
                pictures.append(np.asarray(image))
    except OSError:
        return None
    is_whole = all(np.array_equal(pictures[0], other) for other in pictures[1:])
    return data + END_MARK if is_whole else None


class _Feed:
    """A decoder that is given a file piece by piece.

    Args:
        decoder: Pillow's decoder of an image.
        content: The file.
    """

    def __init__(self, decoder: Any, content: bytes) -> None:
        self._decoder = decoder
        self._content = content
        self._view = memoryview(content)
        self._place = 0
        self._unread: bytes = b""
        self.is_done = False

    def decode(self, layout: JpegLayout) -> str | None:
        """Decodes the image; gives its fault, or None."""
        faults: list[str | None] = []
        for scan in layout.scans:
            faults += self._decode_scan(scan, is_last=layout.is_sequential)
        self._give(END_MARK)
        if not self.is_done:
            raise OSError("image file is truncated")
        return next(filter(None, faults), None)

    def _decode_scan(self, scan: JpegScan, *, is_last: bool) -> Iterator[str | None]:
        ends = scan.interval_ends(self._content) if scan.interval else []
        if (scan.end - scan.start) < SHORT_INTERVAL * len(ends):
            ends = []
        for end in ends:
            yield self._decode_interval(scan, end)
        yield (self._decode_end if is_last else self._decode_interval)(scan, scan.end)

    def _decode_interval(self, scan: JpegScan, end: int) -> str | None:
        """Decodes up to a mark, with which the decoder has to go on; gives its fault, or None.

        When it waits for the mark it reads whatever it is given. Before that it doesn't read a
        byte that comes alone: it fills up 32 or 64 bits at once.
        """
        certain, most = scan.ends_of_data(self._content, end)
        if self._give_to(certain - 2) and self._give_to(certain - 1):
            return _WRONG
        tail = hungry_tail(scan.tables[-1], NUM_AT_HAND)
        return None if self._give_to(most, tail) else _SHORT

    def _decode_end(self, scan: JpegScan, end: int) -> str | None:
        """Decodes up to the end of the image; gives its fault, or None."""
        certain, most = scan.ends_of_data(self._content, end)
        self._give_to(certain - 1)
        if self.is_done:
            return _WRONG
        self._give_to(most, hungry_tail(scan.tables[-1], NUM_AT_HAND))
        return None if self.is_done else _SHORT

    def _give_to(self, place: int, tail: bytes = b"") -> bool:
        """Whether the decoder reads all of the file up to a place, and waits for more."""
        data: bytes | memoryview = self._view[self._place : place]
        self._place = max(self._place, place)
        return self._give(bytes(data) + tail if tail else data)

    def _give(self, data: bytes | memoryview) -> bool:
        if self.is_done:
            return False
        data = self._unread + data if self._unread else data
        num_read, error = self._decoder.decode(data)
        self.is_done = num_read < 0
        if error < 0:
            raise OSError("broken data stream")
        self._unread = b"" if self.is_done else bytes(data[num_read:])
        return not self.is_done and not self._unread
