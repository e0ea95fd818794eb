"""The cache folder: decoded images within a size limit, the least recently used removed first.

<cache folder>/
    stores/<key>/       decoded images of one data set at one size
    catalogue.sqlite    statistics of images, by content
    settings.json       the limit, where the user chose one
    ...                 downloaded weights and data, which are never removed here
"""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from convscope.downloads import cache_folder
from convscope.errors import RunError
from convscope.files import LEFTOVER, NEW, printable, write_json
from convscope.paths import CATALOGUE_FILE
from convscope.records import read_json
from convscope.schemas import SettingsFile

DEFAULT_LIMIT_BYTES = 64 * 10**9
LEFTOVER_SECONDS = 3600.0  # a folder that is being written or removed is younger
STORE = re.compile("[0-9a-f]{16}-([0-9a-f]{32}|growing-[0-9a-f]{16})")  # the name of a store
REMOVED = re.compile(rf"\.{STORE.pattern}\.removed")
MIN_FREE_BYTES = 10**9  # on the disk, whatever the limit is
DESCRIBED_BYTES = 500  # of a description, which is a sentence
DESCRIPTION_FILE = "words.txt"  # its time is when the store was last used


@dataclass(frozen=True, slots=True)
class CacheEntry:
    """A store of decoded images, which may be removed.

    Attributes:
        path: Its folder.
        bytes: Size on the disk now.
        full_bytes: Size when all its images are decoded, to which the limit applies.
        last_used: Time of its last use, in seconds since 1970.
        description: Text for people about the images that it holds.
    """

    path: Path
    bytes: int
    full_bytes: int
    last_used: float
    description: str


@dataclass(frozen=True, slots=True)
class Cache:
    """The cache in a folder.

    Attributes:
        folder: The folder, which need not exist yet.
    """

    folder: Path

    @property
    def stores(self) -> Path:
        """The folder of the stores."""
        return self.folder / "stores"

    @property
    def limit_bytes(self) -> int:
        """The limit on the size of all stores together.

        Raises:
            RunError: The file that says it is damaged.
        """
        try:
            return int(read_json(self.folder / "settings.json", SettingsFile)["limit_bytes"])
        except RunError as error:
            if isinstance(error.__cause__, FileNotFoundError | NotADirectoryError):
                return DEFAULT_LIMIT_BYTES
            raise

    def set_limit(self, limit_bytes: int) -> None:
        """Sets the limit and removes stores until it is kept.

        Raises:
            RunError: The folder can't be written to.
        """
        write_json(self.folder / "settings.json", {"format": 1, "limit_bytes": limit_bytes})
        self._remove_beyond(limit_bytes, keep=())

    def entries(self) -> list[CacheEntry]:
        """The stores, least recently used first."""
        found = []
        with suppress(OSError):
            for path in self.stores.iterdir():
                if path.name.startswith(".") or not path.is_dir():
                    continue
                with suppress(OSError):  # another process may be removing it
                    description = path / DESCRIPTION_FILE
                    size, full_size = _sizes(path)
                    found.append(
                        CacheEntry(
                            path=path,
                            bytes=size,
                            full_bytes=full_size,
                            last_used=description.stat().st_mtime,
                            description=_readable(description),
                        )
                    )
        return sorted(found, key=lambda entry: entry.last_used)

    def mark_used(self, path: Path) -> None:
        """Records that a store is used now."""
        with suppress(OSError):
            os.utime(path / DESCRIPTION_FILE, (time.time(), time.time()))

    def make_room(self, needed_bytes: int, *, keep: Sequence[Path] = ()) -> bool:
        """Removes the least recently used stores until new ones fit; False if they can't.

        Args:
            needed_bytes: Size of what is about to be written.
            keep: Stores in use, which stay.
        """
        self._sweep()
        limit = self.limit_bytes
        protected = sum(_sizes(path)[1] for path in keep)
        if needed_bytes + protected > limit:
            return False
        self._remove_beyond(limit - needed_bytes, keep=keep)
        return self._free_disk(needed_bytes + MIN_FREE_BYTES, keep=keep)

    def clear(self) -> int:
        """Removes all stores and the metadata cache, and returns the number of freed bytes."""
        entries = self.entries()
        for entry in entries:
            self.remove(entry.path)
        self._sweep()
        freed = sum(entry.bytes for entry in entries)
        for name in (CATALOGUE_FILE, f"{CATALOGUE_FILE}-journal"):
            with suppress(OSError):
                freed += (self.folder / name).stat().st_size
                (self.folder / name).unlink()
        return freed

    def remove(self, path: Path) -> None:
        """Removes a store, whatever state it is in."""
        # It is renamed first, so that other processes find all of it or nothing.
        aside = path.with_name(f".{path.name}.removed")
        shutil.rmtree(aside, ignore_errors=True)
        with suppress(OSError):
            path.rename(aside)
            shutil.rmtree(aside, ignore_errors=True)
        with suppress(OSError):
            path.with_suffix(".lock").unlink()

    def _sweep(self) -> None:
        """Removes what killed processes left half written or half removed, nothing of others."""
        with suppress(OSError):
            for path in self.stores.iterdir():
                with suppress(OSError):
                    is_old = time.time() - path.stat().st_mtime > LEFTOVER_SECONDS
                    if is_old and (_is_leftover(path.name) or _is_incomplete(path)):
                        shutil.rmtree(path, ignore_errors=True)

    def _remove_beyond(self, limit_bytes: int, *, keep: Sequence[Path]) -> None:
        entries = self.entries()
        total = sum(entry.full_bytes for entry in entries)
        for entry in entries:
            if total <= limit_bytes:
                return
            if entry.path not in keep:
                self.remove(entry.path)
                total -= entry.full_bytes

    def _free_disk(self, needed_bytes: int, *, keep: Sequence[Path]) -> bool:
        """Removes stores until the disk has room; none, and False, if that is not enough."""
        removable = [entry for entry in self.entries() if entry.path not in keep]
        if self._free_bytes() + sum(entry.bytes for entry in removable) < needed_bytes:
            return False
        while self._free_bytes() < needed_bytes and removable:
            self.remove(removable.pop(0).path)
        return self._free_bytes() >= needed_bytes

    def _free_bytes(self) -> int:
        existing = self.folder
        while not existing.exists():
            existing = existing.parent
        return shutil.disk_usage(existing).free


def open_cache() -> Cache:
    """The cache of this user, in the folder that `cache_folder` names."""
    return Cache(cache_folder())


def _is_leftover(name: str) -> bool:
    """Whether a name is that of a store which was being made or removed."""
    making = LEFTOVER.fullmatch(name)
    is_new = making is not None and making["kind"] == NEW and STORE.fullmatch(making["name"])
    return bool(is_new or REMOVED.fullmatch(name))


def _is_incomplete(path: Path) -> bool:
    """Whether a store lacks its description, which is surely not there.

    Raises:
        OSError: It can't be said: the folder may not be read.
    """
    try:
        (path / DESCRIPTION_FILE).stat()
    except FileNotFoundError:
        return STORE.fullmatch(path.name) is not None
    return False


def _readable(description: Path) -> str:
    """The beginning of a description, which may be damaged, as one line."""
    return printable(os.fsdecode(description.read_bytes()[:DESCRIBED_BYTES]))


def _sizes(path: Path) -> tuple[int, int]:
    """Size of a folder on the disk now, and when all holes in its sparse files are filled."""
    now, full = 0, 0
    with suppress(OSError), os.scandir(path) as files:
        for file in files:
            status = file.stat()
            blocks = getattr(status, "st_blocks", -(-status.st_size // 512))
            now += blocks * 512
            full += max(blocks * 512, status.st_size)
    return now, full
