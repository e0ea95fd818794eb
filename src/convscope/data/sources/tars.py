"""Tar archives, read in place: a plain one at any position, a packed one once into memory.

A packed tar can only be read from its beginning. Its images are kept in memory as they are in it
(JPEG stays JPEG), up to 1 GiB; a larger one is refused, as reading any image would unpack all.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from convscope.data.decode import DamagedImageError
from convscope.data.sources.members import (
    BOMB_BYTES,
    MAX_MEMBER_BYTES,
    Contents,
    SharedFile,
    check_no_bomb,
)
from convscope.data.sources.naming import is_image, suffix_of
from convscope.data.sources.places import Place
from convscope.errors import DataError
from convscope.files import READ_BYTES

MAX_KEPT_BYTES = 1 << 30
KEPT_SUFFIXES = frozenset((".csv", ".tsv", ".parquet", ".txt", ".json", ".bin", ".gz", ""))
BLOCK_BYTES = 512

Unpacked = gzip.GzipFile | bz2.BZ2File | lzma.LZMAFile
Unpack = Callable[[Path], Unpacked]
PACKINGS: dict[bytes, Unpack] = {
    b"\x1f\x8b": gzip.GzipFile,
    b"BZh": bz2.BZ2File,
    b"\xfd7zXZ\0": lzma.LZMAFile,
}
DAMAGE = (tarfile.TarError, OSError, EOFError, zlib.error, lzma.LZMAError, ValueError)


class TarMember(NamedTuple):
    """Where a member's bytes lie."""

    start: int
    num_bytes: int


class TarArchive:
    """The members of a tar file that isn't packed."""

    def __init__(self, path: Path, members: dict[str, TarMember]) -> None:
        self.path = path
        self._members = members
        self._file = SharedFile(path)

    def __contains__(self, path: str) -> bool:
        return path in self._members

    def stamp(self, path: str) -> str:
        """The archive's path, size and time, and the member's path and place."""
        member = self._members.get(path)
        return "" if member is None else f"{self._file.stamp}|{path}|{member.start}"

    def content(self, path: str, *, max_bytes: int = MAX_MEMBER_BYTES) -> bytes:
        """A member's bytes.

        Raises:
            DamagedImageError: It isn't there, is cut off, or has more than `max_bytes`.
        """
        member = self._members.get(path)
        if member is None:
            raise DamagedImageError("is not in the archive")
        if member.num_bytes > max_bytes:
            raise DamagedImageError(f"has {member.num_bytes:,} bytes, over {max_bytes:,}")
        try:
            content = self._file.read_at(*member)
        except OSError as error:
            raise DamagedImageError(f"can't be read: {error.strerror or error}") from error
        if len(content) != member.num_bytes:
            raise DamagedImageError("is cut off; the archive has become shorter")
        return content


class UnpackedArchive:
    """The members of a packed tar file, kept in memory."""

    def __init__(self, path: Path, members: dict[str, bytes]) -> None:
        self.path = path
        self._members = members
        self._stamp = SharedFile(path).stamp

    def __contains__(self, path: str) -> bool:
        return path in self._members

    def stamp(self, path: str) -> str:
        """The archive's path, size and time, and the member's path."""
        return f"{self._stamp}|{path}" if path in self._members else ""

    def content(self, path: str, *, max_bytes: int = MAX_MEMBER_BYTES) -> bytes:
        """A member's bytes.

        Raises:
            DamagedImageError: It isn't there, or has more than `max_bytes`.
        """
        content = self._members.get(path)
        if content is None:
            raise DamagedImageError("is not in the archive")
        if len(content) > max_bytes:
            raise DamagedImageError(f"has {len(content):,} bytes, over {max_bytes:,}")
        return content


def open_tar(path: Path) -> Place:
    """The place that a tar file is, plain or packed by gzip, bzip2 or xz.

    Raises:
        DataError: It is no tar file, is damaged, or unpacks to too much.
    """
    with path.open("rb") as file:
        head = file.read(8)
    unpack = next((unpack for magic, unpack in PACKINGS.items() if head.startswith(magic)), None)
    try:
        return _open_plain(path) if unpack is None else _open_packed(path, unpack)
    except DataError:
        raise
    except DAMAGE as error:
        raise DataError(
            f"`{path}` can't be read as a tar archive: {error}",
            hint="it may be cut off, or of another kind; download or pack it again",
        ) from error


def _open_plain(path: Path) -> Place:
    contents = Contents()
    members: dict[str, TarMember] = {}
    with tarfile.open(path, "r:", errorlevel=2) as archive:
        for member in archive:
            found = _add(contents, member)
            if found:
                members[found] = TarMember(member.offset_data, member.size)
            archive.members = []  # type: ignore[attr-defined] # ten times as large as ours
        _check_end(path, archive.offset)
    return contents.place(TarArchive(path, members))


def _open_packed(path: Path, unpack: Unpack) -> Place:
    contents = Contents()
    kept: dict[str, bytes] = {}
    num_kept = 0
    with unpack(path) as stream:
        counting = _CountingStream(path, stream)
        with tarfile.open(fileobj=counting, mode="r|", errorlevel=2) as archive:
            for member in archive:
                archive.members = []  # type: ignore[attr-defined] # as above
                found = _add(contents, member)
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
    return contents.place(UnpackedArchive(path, kept))


def _add(contents: Contents, member: tarfile.TarInfo) -> str | None:
    """Notes a member; gives its path if it is a file with all its bytes in one piece."""
    if member.isdir():
        contents.add_folder(member.name)
        return None
    if not member.isreg() or member.issparse() or member.size < 0:
        contents.special.append(member.name)
        return None
    return contents.add_file(member.name)


def _check_end(path: Path, offset: int) -> None:
    """Refuses a tar that goes on after what could be read: tarfile stops there without a word."""
    with path.open("rb") as file:
        file.seek(offset)
        rest = file.read(BLOCK_BYTES)
    if rest.strip(b"\0"):
        raise DataError(
            f"`{path}` is damaged: it can't be read from byte {offset:,} on",
            hint="download or pack it again",
        )


class _CountingStream(io.RawIOBase):
    """Unpacked bytes, refused when they become absurdly many; a header alone can be a bomb."""

    def __init__(self, path: Path, stream: Unpacked) -> None:
        self._path = path
        self._packed = path.stat().st_size
        self._stream = stream
        self._count = 0

    def read(self, count: int = -1) -> bytes:
        """The next bytes."""
        block = self._stream.read(count)
        self._count += len(block)
        if self._count > BOMB_BYTES:
            check_no_bomb(self._path, packed=self._packed, unpacked=self._count)
        return block
