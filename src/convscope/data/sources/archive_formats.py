"""Zip and tar archives, read in place.

Of a zip the standard library reads the index; members are read here, as its own reader takes turns
on one position in the file. Only what is not packed (method 0) and deflate (8) are read.

A packed tar can only be read from its beginning. Its images are kept in memory as they are in it
(JPEG stays JPEG), up to 1 GiB; a larger one is refused, as reading any image would unpack all.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import re
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from convscope.data.decoding.content import DamagedImageError
from convscope.data.sources.archive_names import (
    decode_names,
    idle_encoding,
    unicode_path,
    unknown_encoding,
)
from convscope.data.sources.archives import Archive, Contents
from convscope.data.sources.listing import FileTree
from convscope.data.sources.naming import is_archive_name, is_image, suffix_of
from convscope.data.sources.unpacking import check_no_bomb
from convscope.errors import DataError
from convscope.files import READ_BYTES

ZIP_MAGICS = (b"PK\3\4", b"PK\5\6")
TAR_MAGIC, TAR_MAGIC_AT = b"ustar", 257

IS_ENCRYPTED = 0x1
IS_UTF8 = 0x800
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
HEADER = struct.Struct("<4s22xHH")  # of a member: magic, then the lengths of name and extra field

MAX_KEPT_BYTES = 1 << 30
KEPT_SUFFIXES = frozenset(
    (".csv", ".tsv", ".parquet", ".txt", ".lst", ".list", ".json", ".bin", ".gz", "")
)
BLOCK_BYTES = 512
SURROGATE = re.compile(r"[\udc80-\udcff]")

Unpacked = gzip.GzipFile | bz2.BZ2File | lzma.LZMAFile
Unpack = Callable[[Path], Unpacked]
PACKINGS: dict[bytes, Unpack] = {
    b"\x1f\x8b": gzip.GzipFile,
    b"BZh": bz2.BZ2File,
    b"\xfd7zXZ\0": lzma.LZMAFile,
}
DAMAGE = (tarfile.TarError, OSError, EOFError, zlib.error, lzma.LZMAError, ValueError)


def is_archive(path: Path) -> bool:
    """Whether a file is an archive by its name or, whatever its name, by its content."""
    return is_archive_name(path.name) or _kind(path) != ""


def open_archive(path: Path, *, encoding: str | None = None) -> FileTree:
    """The file tree of an archive; nothing is written to disk.

    Args:
        path: The archive.
        encoding: Encoding of the names that don't say it; None where the user gives none.

    Raises:
        DataError: It is damaged, encrypted, unpacks to too much, or has names of unknown encoding.
    """
    try:
        "".encode(encoding or "utf-8")
    except LookupError as error:
        raise DataError(f"no encoding is called `{encoding}`") from error
    kind = _kind(path)
    if kind == "zip" or (not kind and path.name.lower().endswith(".zip")):
        return open_zip(path, encoding=encoding)
    return open_tar(path, encoding=encoding)


def _kind(path: Path) -> str:
    """The kind of an archive: `zip`, `tar`, `packed` by gzip, bzip2 or xz, or "" for none."""
    try:
        with path.open("rb") as file:
            head = file.read(TAR_MAGIC_AT + len(TAR_MAGIC))
    except OSError as error:
        raise DataError(f"`{path}` can't be read: {error.strerror or error}") from error
    if head.startswith(ZIP_MAGICS):
        return "zip"
    if head[TAR_MAGIC_AT:] == TAR_MAGIC:
        return "tar"
    return "packed" if head.startswith(tuple(PACKINGS)) else ""


class ZipMember(NamedTuple):
    """A member's position, and what the index says about it."""

    start: int
    packed: int
    unpacked: int
    crc: int
    is_packed: bool


class ZipArchive(Archive[ZipMember]):
    """The members of a zip file."""

    def _marks(self, member: ZipMember) -> tuple[str, ...]:
        return (f"{member.crc:08x}",)

    def _content(self, member: ZipMember, max_bytes: int) -> bytes:
        if max(member.unpacked, member.packed) > max_bytes:
            raise DamagedImageError(f"unpacks to {member.unpacked:,} bytes, over {max_bytes:,}")
        content = self._unpacked(member, member.packed, member.unpacked + 1)
        if len(content) != member.unpacked or zlib.crc32(content) != member.crc:
            raise DamagedImageError("is damaged: it doesn't match the archive's index")
        return content

    def _head(self, member: ZipMember, num_bytes: int) -> bytes:
        return self._unpacked(member, min(member.packed, num_bytes), num_bytes)

    def _unpacked(self, member: ZipMember, num_packed: int, max_bytes: int) -> bytes:
        """The beginning of a member, of which so many packed bytes are read."""
        try:
            magic, name_length, extra_length = HEADER.unpack(
                self._file.read_at(member.start, HEADER.size)
            )
            if magic != ZIP_MAGICS[0]:
                raise DamagedImageError(
                    "is not where the archive's index says; the archive is damaged"
                )
            start = member.start + HEADER.size + name_length + extra_length
            packed = self._file.read_at(start, num_packed)
            if not member.is_packed:
                return packed
            return zlib.decompressobj(-zlib.MAX_WBITS).decompress(packed, max_bytes)
        except (OSError, struct.error, zlib.error) as error:
            raise DamagedImageError(f"can't be unpacked: {error}") from error


def open_zip(path: Path, *, encoding: str | None = None) -> FileTree:
    """The file tree of a zip file; its names are decoded as `decode_names` says.

    Raises:
        DataError: It is no zip file, is damaged, encrypted, packed by an unusual method, or
            unpacks to an absurd size, or its names are of unknown encoding.
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
    known = [_known_name(member) for member in index]
    contents.remarks += idle_encoding(known, encoding)
    names = decode_names(path, known, encoding=encoding)
    for member, name in zip(index, names, strict=True):
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
    return contents.tree(ZipArchive(path, members))


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


def _known_name(member: zipfile.ZipInfo) -> str | bytes:
    """The member's name, or its bytes where nothing says how they are encoded."""
    name = member.orig_filename  # `filename` ends at a zero byte, and has the system's slashes
    if member.flag_bits & IS_UTF8 or name.isascii():
        return member.filename
    raw = name.encode("cp437").partition(b"\0")[0]  # as the library decoded it
    return unicode_path(member.extra, raw) or raw


class TarMember(NamedTuple):
    """The position of a member's bytes."""

    start: int
    num_bytes: int


class TarArchive(Archive[TarMember]):
    """The members of a tar file that isn't packed."""

    def _marks(self, member: TarMember) -> tuple[str, ...]:
        return (str(member.start),)

    def _content(self, member: TarMember, max_bytes: int) -> bytes:
        if member.num_bytes > max_bytes:
            raise DamagedImageError(f"has {member.num_bytes:,} bytes, over {max_bytes:,}")
        return self._read(member)

    def _head(self, member: TarMember, num_bytes: int) -> bytes:
        return self._read(member._replace(num_bytes=min(member.num_bytes, num_bytes)))

    def _read(self, member: TarMember) -> bytes:
        try:
            content = self._file.read_at(*member)
        except OSError as error:
            raise DamagedImageError(f"can't be read: {error.strerror or error}") from error
        if len(content) != member.num_bytes:
            raise DamagedImageError("is cut off; the archive has become shorter")
        return content


class UnpackedArchive(Archive[bytes]):
    """The members of a packed tar file, kept in memory."""

    def _marks(self, member: bytes) -> tuple[str, ...]:
        return ()

    def _content(self, member: bytes, max_bytes: int) -> bytes:
        if len(member) > max_bytes:
            raise DamagedImageError(f"has {len(member):,} bytes, over {max_bytes:,}")
        return member

    def _head(self, member: bytes, num_bytes: int) -> bytes:
        return member[:num_bytes]


def open_tar(path: Path, *, encoding: str | None = None) -> FileTree:
    """The file tree of a tar file, plain or packed by gzip, bzip2 or xz.

    Raises:
        DataError: It is no tar file, is damaged, unpacks to too much, or its names are of unknown
            encoding.
    """
    with path.open("rb") as file:
        head = file.read(8)
    unpack = next((unpack for magic, unpack in PACKINGS.items() if head.startswith(magic)), None)
    try:
        if unpack is None:
            return _open_plain(path, encoding)
        return _open_packed(path, unpack, encoding)
    except DataError:
        raise
    except DAMAGE as error:
        raise DataError(
            f"`{path}` can't be read as a tar archive: {error}",
            hint="it may be cut off, or of another kind; download or pack it again",
        ) from error


def _open_plain(path: Path, encoding: str | None) -> FileTree:
    contents = _TarContents(encoding=encoding or "utf-8")
    members: dict[str, TarMember] = {}
    with tarfile.open(path, "r:", errorlevel=2, encoding=contents.encoding) as archive:
        for member in archive:
            found = contents.add(member)
            if found:
                members[found] = TarMember(member.offset_data, member.size)
            archive.members = []  # type: ignore[attr-defined] # ten times as large as ours
        _check_end(path, archive.offset)
    contents.check_names(path, given=encoding)
    return contents.tree(TarArchive(path, members))


def _open_packed(path: Path, unpack: Unpack, encoding: str | None) -> FileTree:
    contents = _TarContents(encoding=encoding or "utf-8")
    kept: dict[str, bytes] = {}
    num_kept = 0
    with unpack(path) as stream:
        counting = _CountingStream(path, stream)
        with tarfile.open(
            fileobj=counting, mode="r|", errorlevel=2, encoding=contents.encoding
        ) as archive:
            for member in archive:
                archive.members = []  # type: ignore[attr-defined] # as above
                found = contents.add(member)
                if not found or not (is_image(found) or suffix_of(found) in KEPT_SUFFIXES):
                    continue
                num_kept += member.size
                if num_kept > MAX_KEPT_BYTES:
                    raise DataError(
                        f"`{path}` unpacks to more than {MAX_KEPT_BYTES:,} bytes of images",
                        hint="a packed tar can't be read in place; unpack it, or make it a zip or "
                        "a plain tar",
                    )
                content = archive.extractfile(member)
                kept[found] = b"" if content is None else content.read()
        while block := counting.read(READ_BYTES):  # to the end, where its checksum is
            if block.strip(b"\0"):
                raise DataError(
                    f"`{path}` is damaged: it can't be read to its end",
                    hint="download or pack it again",
                )
    contents.check_names(path, given=encoding)
    return contents.tree(UnpackedArchive(path, kept))


@dataclass
class _TarContents(Contents):
    """The list of a tar's members, whose names are taken to be in one encoding.

    Attributes:
        encoding: The encoding.
        undecoded: The names that aren't in it.
        needs_encoding: Whether a name isn't said to be UTF-8, and isn't plain.
    """

    encoding: str = "utf-8"
    undecoded: list[bytes] = field(default_factory=list)
    needs_encoding: bool = False

    def add(self, member: tarfile.TarInfo) -> str | None:
        """Notes a member; returns its path if it is a file with all its bytes in one piece."""
        self.needs_encoding |= not member.name.isascii() and "path" not in member.pax_headers
        if SURROGATE.search(member.name):  # what the library can't decode
            self.undecoded.append(member.name.encode(self.encoding, "surrogateescape"))
        if member.isdir():
            self.add_folder(member.name)
            return None
        if not member.isreg() or member.issparse() or member.size < 0:
            self.special.append(member.name)
            return None
        return self.add_file(member.name)

    def check_names(self, path: Path, *, given: str | None) -> None:
        """Refuses names that can't be decoded, and notes an encoding that isn't needed.

        Raises:
            DataError: There are such names.
        """
        if self.undecoded:
            raise unknown_encoding(path, self.undecoded, encoding=given)
        if not self.needs_encoding:
            self.remarks += idle_encoding((), given)


def _check_end(path: Path, offset: int) -> None:
    """Refuses a tar that goes on after what could be read, where tarfile stops silently."""
    with path.open("rb") as file:
        file.seek(offset)
        rest = file.read(BLOCK_BYTES)
    if rest.strip(b"\0"):
        raise DataError(
            f"`{path}` is damaged: it can't be read from byte {offset:,} on",
            hint="download or pack it again",
        )


class _CountingStream(io.RawIOBase):
    """A stream of unpacked bytes that refuses a bomb; a header alone can be one."""

    def __init__(self, path: Path, stream: Unpacked) -> None:
        self._path = path
        self._packed = path.stat().st_size
        self._stream = stream
        self._count = 0

    def read(self, count: int = -1) -> bytes:
        """The next bytes."""
        block = self._stream.read(count)
        self._count += len(block)
        check_no_bomb(self._path, packed=self._packed, unpacked=self._count)
        return block
