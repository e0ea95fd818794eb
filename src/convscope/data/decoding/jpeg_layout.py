"""The parts of a JPEG: where its image ends, and what can be told of its data without decoding it.

What follows an image is no part of it: the video of a motion photo, a gain map, more views.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import NamedTuple

ZEROS = bytes(64)  # that no encoder writes; see `JpegScan.may_have_zeros`
COMMON_HEADER_BYTES = 2048  # longer ones hold what no other image has
MOST_OWN_ZEROS = 2  # bytes that data may end with before a program filled it up

_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_SEQUENTIAL, _PROGRESSIVE = (0xC0, 0xC1), 0xC2  # with Huffman's codes
_TABLES, _START, _END, _SCAN, _INTERVAL = 0xC4, 0xD8, 0xD9, 0xDA, 0xDD
_WITHOUT_BODY = frozenset((0x01, _START, *range(0xD0, 0xD8)))
_NEEDED = _FRAMES | {_TABLES, _INTERVAL, _SCAN}
_MARK = re.compile(rb"\xff[\x01-\xfe]")
_MARK_BEHIND_DATA = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")
_RESTART_MARK = re.compile(rb"\xff([\xd0-\xd7])")
_IN_ORDER = bytes(range(0xD0, 0xD8))


class CodeTable(NamedTuple):
    """A table of Huffman codes: the symbols in the order of their codes' lengths."""

    counts: bytes  # of codes of 1 to 16 bits
    symbols: bytes

    def code_of(self, symbol: int) -> str:
        """The bits that stand for a symbol."""
        code, place = 0, 0
        for length, count in enumerate(self.counts, start=1):
            number = self.symbols.find(bytes([symbol]), place, place + count)
            if number >= 0:
                return f"{code + number - place:0{length}b}"
            code, place = (code + count) << 1, place + count
        return ""


class JpegScan(NamedTuple):
    """One pass over some components, with its entropy-coded data from `start` to `end`.

    Attributes:
        components: Their names.
        first: The first of the 64 coefficients of a block that it brings.
        last: The last of them.
        refines: Whether it adds a bit to coefficients that an earlier scan brought.
        missing_bits: Number of lowest bits that later scans bring.
        interval: Number of MCUs from one restart mark to the next; 0 for no marks.
        tables: Code tables of the components; for all coefficients but the first, if it has any.
        start: Where its data begins.
        end: Where the next mark is that is no restart mark.
    """

    components: bytes
    first: int
    last: int
    refines: bool
    missing_bits: int
    interval: int
    tables: tuple[CodeTable | None, ...]
    start: int
    end: int

    @property
    def may_have_zeros(self) -> bool:
        """Whether its data may have long rows of zeros.

        They are flat areas, where zeros are the code for "no more coefficients", or bits that
        refine coefficients. Elsewhere they are noise in every frequency, which no encoder writes.
        """
        are_flat = all(table is None or table.symbols[:1] == b"\0" for table in self.tables)
        return self.refines or are_flat or not self.last

    def ends_of_data(self, content: bytes, end: int) -> tuple[int, int]:
        """Where data that reaches to `end` ends without what fills it up: for certain, at most."""
        while content[end - 1] == 0xFF:
            end -= 1
        if content[end - 1] or self.may_have_zeros:
            return end, end
        certain = self.start + len(content[self.start : end].rstrip(b"\0"))
        is_stuffed = content[certain - 1] == 0xFF  # a byte of data, which a zero follows
        certain = min(certain + is_stuffed, end)
        return certain, min(end, certain + MOST_OWN_ZEROS)

    def restart_marks(self, content: bytes) -> bytes:
        """The second bytes of all its restart marks."""
        return b"".join(_RESTART_MARK.findall(content, self.start, self.end))

    def interval_ends(self, content: bytes) -> list[int]:
        """Where its restart marks are."""
        found = _RESTART_MARK.finditer(content, self.start, self.end)
        return [mark.start() for mark in found]


@dataclass(frozen=True, slots=True)
class JpegLayout:
    """The parts of a JPEG, up to the end of its first image.

    Attributes:
        frame: The mark that says how it is coded; 0 for none.
        components: Names of the components that the frame has.
        scans: Passes over the image; one in most files.
        has_end_mark: Whether an end mark follows the scans.
    """

    frame: int
    components: bytes
    scans: tuple[JpegScan, ...]
    has_end_mark: bool

    @classmethod
    def of(cls, content: bytes, header_end: int = 0) -> JpegLayout:
        """The layout of a file, as far as it can be followed.

        Args:
            content: The file.
            header_end: Where the data of its first scan begins, if that is known.
        """
        is_common = 0 < header_end <= COMMON_HEADER_BYTES
        walk = _walk_of_header(content[:header_end]).copy() if is_common else _PartWalk()
        walk.end_scan(content)
        has_end_mark = walk.go_on(content)
        return cls(walk.frame, walk.components, tuple(walk.scans), has_end_mark)

    @property
    def can_be_fed(self) -> bool:
        """Whether libjpeg can decode it piece by piece: it is coded with Huffman's codes."""
        return bool(self.scans) and self.frame in (*_SEQUENTIAL, _PROGRESSIVE)

    @property
    def is_sequential(self) -> bool:
        """Whether one scan holds the whole image, so that it can be decoded as it comes."""
        is_single = len(self.scans) == 1 and self.frame in _SEQUENTIAL
        return is_single and len(self.scans[0].components) == len(self.components)

    def fault(self, content: bytes) -> str | None:
        """The fault that is seen without decoding, or None."""
        if not self.is_sequential:
            whole = None if self.frame == _PROGRESSIVE else (0, 63, 0)
            passes = tuple(
                (scan.components, *(whole or scan[1:3] + scan[4:5])) for scan in self.scans
            )
            if _lacks_bits(self.components, passes):
                return "is truncated"
        for scan in self.scans:
            marks = scan.restart_marks(content) if scan.interval else b""
            if marks != (_IN_ORDER * (len(marks) // 8 + 1))[: len(marks)]:
                return "is damaged: restart marks are missing in its data"
            end = scan.ends_of_data(content, scan.end)[0]
            if not scan.may_have_zeros and content.find(ZEROS, scan.start, end) >= 0:
                return "is damaged: zeros are in place of its data"
        return None


@lru_cache(maxsize=64)
def _lacks_bits(components: bytes, passes: tuple[tuple[bytes, int, int, int], ...]) -> bool:
    """Whether there are coefficients that no scan brings to their last bit.

    Args:
        components: Their names.
        passes: Components, first and last coefficient and missing bits of each scan.
    """
    lacking = {name: [True] * 64 for name in components}
    for names, first, last, missing_bits in passes:
        for name in names:
            if name in lacking:
                lacking[name][first : last + 1] = [missing_bits > 0] * (last + 1 - first)
    return any(any(bits) for bits in lacking.values())


@dataclass(slots=True)
class _PartWalk:
    """A walk over the parts of a file, with what they have said so far."""

    place: int = 2
    frame: int = 0
    components: bytes = b""
    interval: int = 0
    tables: dict[int, CodeTable] = field(default_factory=dict)
    scans: list[JpegScan] = field(default_factory=list)

    def copy(self) -> _PartWalk:
        return replace(self, tables=dict(self.tables), scans=list(self.scans))

    def go_on(self, content: bytes) -> bool:
        """Walks on; whether an end mark is there."""
        while mark := _MARK.search(content, self.place):
            place = mark.end()
            code = content[place - 1]
            if code == _END:
                return True
            self.place = place
            if code in _WITHOUT_BODY:
                continue
            length = int.from_bytes(content[place : place + 2], "big")
            self.place += max(length, 2)
            if code in _NEEDED:
                self._note(code, content[place + 2 : place + length], content)
        return False

    def end_scan(self, content: bytes) -> None:
        """Finds the end of a scan of which only the header was seen."""
        if self.scans:
            found = _MARK_BEHIND_DATA.search(content, self.place)
            end = found.start() if found else len(content)
            self.scans[-1] = self.scans[-1]._replace(end=end)
            self.place = end

    def _note(self, code: int, body: bytes, content: bytes) -> None:
        if code == _TABLES:
            _add_tables(self.tables, body)
        elif code == _INTERVAL:
            self.interval = int.from_bytes(body[:2], "big")
        elif code == _SCAN and len(body) >= 6:
            self.scans.append(self._scan(body))
            self.end_scan(content)
        elif code in _FRAMES and not self.frame:
            self.frame, self.components = code, body[6::3]

    def _scan(self, body: bytes) -> JpegScan:
        first, last, bits = body[-3:]
        choices = body[2:-3:2]  # of a table for the first coefficients, and of one for the others
        return JpegScan(
            components=body[1:-3:2],
            first=first,
            last=last,
            refines=bits > 15,
            missing_bits=bits & 15,
            interval=self.interval,
            tables=tuple(self.tables.get(0x10 | c & 15 if last else c >> 4) for c in choices),
            start=self.place,
            end=self.place,
        )


@lru_cache(maxsize=64)
def _walk_of_header(header: bytes) -> _PartWalk:
    """A walk up to the first scan; many images of one program begin alike."""
    walk = _PartWalk()
    walk.go_on(header)
    return walk


def _add_tables(tables: dict[int, CodeTable], body: bytes) -> None:
    """Adds the tables in a part of the file, by class (0x10 for all but the first) and number."""
    place = 0
    while place + 17 < len(body):
        counts = body[place + 1 : place + 17]
        end = place + 17 + sum(counts)
        tables[body[place]] = CodeTable(counts, body[place + 17 : end])
        place = end


@lru_cache(maxsize=256)
def hungry_tail(table: CodeTable | None, num_bytes: int) -> bytes:
    """Data of coefficients other than 0, of which a block of 64 takes more than there is here.

    Whoever still has a block to read asks for more when he has read it.

    Args:
        table: Codes of the last block; None for bits without a code.
        num_bytes: Its length.
    """
    sized = (symbol for symbol in table.symbols if 0 < symbol < 16) if table else iter(())
    symbol = next(sized, 0)  # the next coefficient, of so many bits, which follow the code
    code = table.code_of(symbol) if table and symbol else "1"
    pattern = code + symbol * code[-1]  # most often all zeros, which mean the same from any bit on
    bits = (pattern * num_bytes * 8)[: num_bytes * 8]
    return int(bits, 2).to_bytes(num_bytes, "big").replace(b"\xff", b"\xff\0")
