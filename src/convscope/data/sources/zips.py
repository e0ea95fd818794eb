"""Zip archives, read in place: the index once, then any member from any thread.

The standard library reads the index; members are read here, as its own reader takes turns on one
position in the file. Only what is not packed (method 0) and deflate (8) are read.
"""

from __future__ import annotations

import struct
import zipfile
import zlib
from pathlib import Path
from typing import NamedTuple

from convscope.data.decode import DamagedImageError
from convscope.data.sources.members import (
    MAX_MEMBER_BYTES,
    Contents,
    SharedFile,
    check_no_bomb,
)
from convscope.data.sources.places import Place
from convscope.errors import DataError

IS_ENCRYPTED = 0x1
IS_UTF8 = 0x800
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
HEADER = struct.Struct("<4s22xHH")  # of a member: magic, then the lengths of name and extra field
HEADER_MAGIC = b"PK\3\4"


class ZipMember(NamedTuple):
    """Where a member lies, and what the index says of it."""

    start: int
    packed: int
    unpacked: int
    crc: int
    is_packed: bool


class ZipArchive:
    """The members of a zip file."""

    def __init__(self, path: Path, members: dict[str, ZipMember]) -> None:
        self.path = path
        self._members = members
        self._file = SharedFile(path)

    def __contains__(self, path: str) -> bool:
        return path in self._members

    def stamp(self, path: str) -> str:
        """The archive's path, size and time, and the member's path and CRC."""
        member = self._members.get(path)
        return "" if member is None else f"{self._file.stamp}|{path}|{member.crc:08x}"

    def content(self, path: str, *, max_bytes: int = MAX_MEMBER_BYTES) -> bytes:
        """A member's bytes, checked against its CRC.

        Raises:
            DamagedImageError: It isn't there, is damaged, or unpacks to more than `max_bytes`.
        """
        member = self._members.get(path)
        if member is None:
            raise DamagedImageError("is not in the archive")
        if max(member.unpacked, member.packed) > max_bytes:
            raise DamagedImageError(f"unpacks to {member.unpacked:,} bytes, over {max_bytes:,}")
        try:
            content = self._unpacked(member)
        except (OSError, struct.error, zlib.error) as error:
            raise DamagedImageError(f"can't be unpacked: {error}") from error
        if len(content) != member.unpacked or zlib.crc32(content) != member.crc:
            raise DamagedImageError("is damaged: it is not what the archive's index says of it")
        return content

    def _unpacked(self, member: ZipMember) -> bytes:
        magic, name_length, extra_length = HEADER.unpack(
            self._file.read_at(member.start, HEADER.size)
        )
        if magic != HEADER_MAGIC:
            raise DamagedImageError("is not where the archive's index says; the archive is damaged")
        start = member.start + HEADER.size + name_length + extra_length
        packed = self._file.read_at(start, member.packed)
        if not member.is_packed:
            return packed
        return zlib.decompressobj(-zlib.MAX_WBITS).decompress(packed, member.unpacked + 1)


def open_zip(path: Path) -> Place:
    """The place that a zip file is.

    Raises:
        DataError: It is no zip file, is damaged, encrypted, packed by an unusual method, or
            unpacks to absurdly much.
    """
    try:
        with zipfile.ZipFile(path) as file:
            index = file.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise DataError(
            f"`{path}` can't be read as a zip archive: {reason}",
            hint="it may be cut off, or of another kind; download or pack it again",
        ) from error
    check_no_bomb(
        path, packed=path.stat().st_size, unpacked=sum(member.file_size for member in index)
    )
    contents = Contents()
    members: dict[str, ZipMember] = {}
    for member in index:
        name = _name(member)
        if name.endswith("/"):
            contents.add_folder(name)
        elif _is_special(member):
            contents.special.append(name)
        elif found := contents.add_file(name):
            _check_readable(path, found, member)
            members[found] = ZipMember(
                member.header_offset,
                member.compress_size,
                member.file_size,
                member.CRC,
                member.compress_type != zipfile.ZIP_STORED,
            )
    return contents.place(ZipArchive(path, members))


def _check_readable(path: Path, name: str, member: zipfile.ZipInfo) -> None:
    if member.flag_bits & IS_ENCRYPTED:
        raise DataError(
            f"`{path}` is encrypted (`{name}` is)", hint="unpack it, and give the folder"
        )
    if member.compress_type not in METHODS:
        raise DataError(
            f"`{path}` is packed by method {member.compress_type} (`{name}` is); only deflate, "
            "method 8, is read",
            hint="unpack it and give the folder, or pack it again as an ordinary zip",
        )


def _is_special(member: zipfile.ZipInfo) -> bool:
    """Whether a member is a link or a device by its Unix mode; 0 stands for none given."""
    kind = member.external_attr >> 28
    return kind not in (0, 0o10)


def _name(member: zipfile.ZipInfo) -> str:
    """The member's name; many programs write UTF-8 without saying so."""
    if member.flag_bits & IS_UTF8:
        return member.filename
    try:
        return member.filename.encode("cp437").decode()
    except UnicodeError:
        return member.filename
