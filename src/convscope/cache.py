"""The cache folder: decoded images that can be made again, bounded, least recently used goes first.

<cache folder>/
    stores/<key>/       decoded images of one data set at one size
    catalogue.sqlite    what was found out about images
    settings.json       the limit, where the user chose one
    ...                 downloaded weights and data, which the user asked for: never removed here
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from convscope.downloads import cache_folder
from convscope.errors import RunError
from convscope.files import read_json, write_json

USUAL_LIMIT_BYTES = 64 * 10**9
LEFT_OVER_SECONDS = 3600.0  # a folder that is being made or removed is younger
KEPT_FREE_BYTES = 10**9  # of the disk, whatever the limit says


@dataclass(frozen=True, slots=True)
class Entry:
    """Something in the cache that may be removed.

    Attributes:
        path: A folder.
        bytes: On the disk; a store takes only what it holds.
        full_bytes: What it may grow to; the limit counts these.
        used: When it was last used, in seconds since 1970.
        words: What it is, for people.
    """

    path: Path
    bytes: int
    full_bytes: int
    used: float
    words: str


@dataclass(frozen=True, slots=True)
class Cache:
    """The cache in a folder.

    Attributes:
        folder: Need not exist yet.
    """

    folder: Path

    @property
    def stores(self) -> Path:
        """Where decoded images lie."""
        return self.folder / "stores"

    @property
    def limit_bytes(self) -> int:
        """How much decoded images may take."""
        try:
            return int(read_json(self.folder / "settings.json")["limit_bytes"])
        except (RunError, KeyError, TypeError, ValueError):
            return USUAL_LIMIT_BYTES

    def set_limit(self, limit_bytes: int) -> None:
        """Keeps decoded images below this from now on.

        Raises:
            RunError: The folder can't be written to.
        """
        write_json(self.folder / "settings.json", {"format": 1, "limit_bytes": limit_bytes})
        self._remove_beyond(limit_bytes, keep=())

    def entries(self) -> list[Entry]:
        """What lies there, least recently used first."""
        found = []
        with suppress(OSError):
            for path in self.stores.iterdir():
                if path.name.startswith(".") or not path.is_dir():
                    continue
                with suppress(OSError):  # another process may be removing it
                    words = path / "words.txt"
                    size, full_size = _sizes(path)
                    found.append(
                        Entry(
                            path=path,
                            bytes=size,
                            full_bytes=full_size,
                            used=words.stat().st_mtime,
                            words=words.read_text(encoding="utf-8"),
                        )
                    )
        return sorted(found, key=lambda entry: entry.used)

    def mark_used(self, path: Path) -> None:
        """Notes that the entry is used now."""
        with suppress(OSError):
            os.utime(path / "words.txt", (time.time(), time.time()))

    def make_room(self, needed_bytes: int, *, keep: Sequence[Path] = ()) -> bool:
        """Removes what was used longest ago until so much more fits; False if it can't.

        Args:
            needed_bytes: That are about to be written.
            keep: Entries in use.
        """
        self._sweep()
        limit = self.limit_bytes
        protected = sum(_sizes(path)[1] for path in keep)
        if needed_bytes + protected > limit:
            return False
        self._remove_beyond(limit - needed_bytes, keep=keep)
        return self._free_bytes() - needed_bytes >= KEPT_FREE_BYTES or self._free_up(
            needed_bytes, keep=keep
        )

    def clear(self) -> int:
        """Removes all decoded images and what was found out; returns how many bytes that gave."""
        entries = self.entries()
        for entry in entries:
            self.remove(entry.path)
        self._sweep()
        freed = sum(entry.bytes for entry in entries)
        for name in ("catalogue.sqlite", "catalogue.sqlite-journal"):
            with suppress(OSError):
                freed += (self.folder / name).stat().st_size
                (self.folder / name).unlink()
        return freed

    def remove(self, path: Path) -> None:
        """Removes an entry, whatever state it is in."""
        # Renamed first: whoever looks for it finds all of it or nothing.
        aside = path.with_name(f".{path.name}.removed")
        shutil.rmtree(aside, ignore_errors=True)
        with suppress(OSError):
            path.rename(aside)
            shutil.rmtree(aside, ignore_errors=True)
        with suppress(OSError):
            path.with_suffix(".lock").unlink()

    def _sweep(self) -> None:
        """Removes what killed processes left half made or half removed."""
        with suppress(OSError):
            for path in self.stores.iterdir():
                with suppress(OSError):
                    is_old = time.time() - path.stat().st_mtime > LEFT_OVER_SECONDS
                    is_no_store = path.is_dir() and not (path / "words.txt").is_file()
                    if (path.name.startswith(".") or is_no_store) and is_old:
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

    def _free_up(self, needed_bytes: int, *, keep: Sequence[Path]) -> bool:
        """The same where the disk, not the limit, is short."""
        removable = [entry for entry in self.entries() if entry.path not in keep]
        missing = needed_bytes + KEPT_FREE_BYTES - self._free_bytes()
        if sum(entry.bytes for entry in removable) < missing:
            return False
        for entry in removable:
            self.remove(entry.path)
            if self._free_bytes() - needed_bytes >= KEPT_FREE_BYTES:
                return True
        return False

    def _free_bytes(self) -> int:
        place = self.folder
        while not place.exists():
            place = place.parent
        return shutil.disk_usage(place).free


def open_cache() -> Cache:
    """The cache of this user: `$CONVSCOPE_CACHE`, or the system's place for caches."""
    return Cache(cache_folder())


def _sizes(path: Path) -> tuple[int, int]:
    """Bytes on the disk now, and when all holes in files are filled."""
    now, full = 0, 0
    with suppress(OSError):
        for file in os.scandir(path):
            status = file.stat()
            blocks = getattr(status, "st_blocks", -(-status.st_size // 512))
            now += blocks * 512
            full += max(blocks * 512, status.st_size)
    return now, full
