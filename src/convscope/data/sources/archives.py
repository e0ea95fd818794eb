"""What all archives have in common: safe names, the list of members, images read from them."""

from __future__ import annotations

import os
import re
import threading
import weakref
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

from convscope.data.dataset import MAX_IMAGE_BYTES
from convscope.data.decoding.content import DamagedImageError
from convscope.data.sources.listing import FileTree
from convscope.data.sources.naming import by_folder, is_image
from convscope.data.sources.passed_over import is_junk, pass_over
from convscope.errors import DataError
from convscope.files import OUTPUT_MARKER, printable
from convscope.short_repr import short_repr
from convscope.text import counted, listed

MAX_TAIL_BYTES = 8 << 30  # of a member of which the end is asked for
_DRIVE = re.compile(r"[A-Za-z]:")

Member = TypeVar("Member")


class Archive(ABC, Generic[Member]):
    """The members of an archive, each read when it is asked for, from any thread.

    Args:
        path: The archive.
        members: What is known of each member, by its path.
    """

    def __init__(self, path: Path, members: Mapping[str, Member]) -> None:
        self.path = path
        self._members = members
        self._file = SharedFile(path)

    def __contains__(self, path: str) -> bool:
        return path in self._members

    def stamp(self, path: str) -> str:
        """The archive's path, size and time, and what tells the member; "" if there is none."""
        member = self._members.get(path)
        return "" if member is None else "|".join((self._file.stamp, path, *self._marks(member)))

    def content(self, path: str, *, max_bytes: int = MAX_IMAGE_BYTES) -> bytes:
        """A member's bytes.

        Raises:
            DamagedImageError: It isn't there, is damaged, or unpacks to more than `max_bytes`.
        """
        return self._content(self._member(path), max_bytes)

    def head(self, path: str, num_bytes: int) -> bytes:
        """The first bytes of a member, however long it is.

        Raises:
            DamagedImageError: It isn't there, or is damaged.
        """
        return self._head(self._member(path), num_bytes)

    def _member(self, path: str) -> Member:
        member = self._members.get(path)
        if member is None:
            raise DamagedImageError("is not in the archive")
        return member

    @abstractmethod
    def _marks(self, member: Member) -> tuple[str, ...]:
        """What changes when a member does, besides its path."""

    @abstractmethod
    def _content(self, member: Member, max_bytes: int) -> bytes: ...

    @abstractmethod
    def _head(self, member: Member, num_bytes: int) -> bytes: ...


@dataclass(frozen=True, slots=True)
class ArchiveReader:
    """Reads members of an archive by their paths below one of its folders.

    Attributes:
        archive: The archive.
        start: The folder's path with a slash at the end, or "" for the top.
    """

    archive: Archive[Any]
    start: str = ""

    def exists(self, path: str) -> bool:
        """Whether there is a member of that path."""
        return self.start + path in self.archive

    def read(self, path: str, *, max_bytes: int) -> bytes:
        """A member's content.

        Raises:
            DataError: It can't be read, or is longer than `max_bytes`.
        """
        with self._explained(path):
            return self.archive.content(self.start + path, max_bytes=max_bytes)

    def head(self, path: str, *, num_bytes: int) -> bytes:
        """The first bytes of a member.

        Raises:
            DataError: It can't be read.
        """
        with self._explained(path):
            return self.archive.head(self.start + path, num_bytes)

    def tail(self, path: str, *, num_bytes: int) -> bytes:
        """The last bytes of a member, which is unpacked for that.

        Raises:
            DataError: It can't be read, or is too long to be unpacked.
        """
        return self.read(path, max_bytes=MAX_TAIL_BYTES)[-num_bytes:]

    @contextmanager
    def _explained(self, path: str) -> Iterator[None]:
        try:
            yield
        except DamagedImageError as error:
            where = printable(self.archive.path / self.start / path)
            raise DataError(f"`{where}` {error.message}") from error

    def images(self, paths: Sequence[str]) -> MemberImages:
        """The images in these members."""
        return MemberImages(self, paths)

    def below(self, folder: str) -> ArchiveReader:
        """A reader of a folder here."""
        return ArchiveReader(self.archive, f"{self.start}{folder}/")


@dataclass(frozen=True, slots=True)
class MemberImages:
    """Images in members of an archive."""

    reader: ArchiveReader
    paths: Sequence[str]

    __repr__ = short_repr

    def __len__(self) -> int:
        return len(self.paths)

    def name(self, index: int) -> str:
        """The path in the archive, below the folder that was opened."""
        return printable(self.paths[index])

    def stamp(self, index: int) -> str:
        """The archive's path, size and time, and the member's position in it."""
        return self.reader.archive.stamp(self.reader.start + self.paths[index])

    def content(self, index: int) -> bytes:
        """The member's bytes."""
        return self.reader.archive.content(self.reader.start + self.paths[index])


class SharedFile:
    """A file that many threads read at once, also after it was handed to another process.

    Raises:
        DataError: It can't be opened.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._open()

    def _open(self) -> None:
        try:
            self._handle = os.open(self.path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        except OSError as error:
            raise DataError(f"`{self.path}` can't be read: {error.strerror}") from error
        self._lock = threading.Lock()
        weakref.finalize(self, os.close, self._handle)
        status = os.fstat(self._handle)
        self.num_bytes = status.st_size
        self.stamp = f"{self.path.resolve()}|{status.st_size}|{status.st_mtime_ns}"

    def read_at(self, start: int, count: int) -> bytes:
        """`count` bytes from `start` on, or as many as there are."""
        if hasattr(os, "pread"):
            return os.pread(self._handle, count, start)
        with self._lock:  # Windows
            os.lseek(self._handle, start, os.SEEK_SET)
            return os.read(self._handle, count)

    def __getstate__(self) -> Path:
        return self.path

    def __setstate__(self, path: Path) -> None:
        self.path = path
        self._open()


@dataclass
class Contents:
    """The list of an archive's members, filled as they are met.

    Attributes:
        files: Paths of regular files, hidden ones and systems' leftovers left out.
        folders: Paths of folders, listed as members or part of a member's path.
        unsafe: Members whose names lead out of the archive.
        special: Members that are links, devices or pipes.
        hidden: Hidden images.
        repeated: Members whose path occurred before; the last one counts.
        markers: Hidden members that mark output.
        remarks: What else was noticed.
    """

    files: dict[str, None] = field(default_factory=dict)
    folders: set[str] = field(default_factory=set)
    unsafe: list[str] = field(default_factory=list)
    special: list[str] = field(default_factory=list)
    hidden: list[str] = field(default_factory=list)
    repeated: list[str] = field(default_factory=list)
    markers: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    def add_file(self, name: str) -> str | None:
        """The member's path, or None if it is left out."""
        path = self._path(name)
        if not path:
            if path is not None:
                self.unsafe.append(name)  # it stands for the archive itself
            return None
        if any(map(is_junk, path.split("/"))):
            if path.endswith(f"/{OUTPUT_MARKER}"):
                self.markers.append(path)
            elif is_image(path):
                self.hidden.append(path)
            return None
        if path in self.files:
            self.repeated.append(path)
        self.files[path] = None
        self._add_folders(path.rpartition("/")[0])
        return path

    def add_folder(self, name: str) -> None:
        """Notes a folder, and those that it lies in."""
        path = self._path(name)
        if path and not any(map(is_junk, path.split("/"))):
            self._add_folders(path)

    def tree(self, archive: Archive[Any]) -> FileTree:
        """The file tree of the archive."""
        kinds = [
            ("member", "left out: its path leads out of the archive", self.unsafe),
            ("member", "left out: links, devices and pipes are not read", self.special),
            ("member", "passed over: hidden, or of a system", self.hidden),
            ("member", "met again; the last one of each path counts", self.repeated),
        ]
        remarks = self.remarks + [
            f"{counted(len(names), noun)} {description}\n{listed(list(map(printable, names)))}"
            for noun, description, names in kinds
            if names
        ]
        kept = pass_over(list(self.files), list(self.folders), markers=self.markers)
        return FileTree(
            path=archive.path,
            name=printable(archive.path.name.partition(".")[0]) or "data",
            files=sorted(kept.files, key=by_folder),
            folders=sorted(kept.folders, key=by_folder),
            reader=ArchiveReader(archive),
            remarks=(*remarks, *kept.remarks),
        )

    def _path(self, name: str) -> str | None:
        path = name.replace("\\", "/")  # as some programs on Windows write it
        parts = [part for part in path.split("/") if part not in ("", ".")]
        if path.startswith("/") or ".." in parts or _DRIVE.match(path):
            self.unsafe.append(name)
            return None
        return "/".join(parts)

    def _add_folders(self, path: str) -> None:
        while path and path not in self.folders:
            self.folders.add(path)
            path = path.rpartition("/")[0]
