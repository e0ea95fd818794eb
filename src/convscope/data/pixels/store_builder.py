"""Rows of a store that a scan fills before it is known which contents there are."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
import xxhash
from filelock import FileLock
from numpy.typing import NDArray

from convscope.cache import Cache
from convscope.data.decoding.content import Decoding
from convscope.data.index.scan import HASH_BYTES
from convscope.data.pixels.preprocessing import ResizeGeometry
from convscope.data.pixels.store_files import (
    BINARY,
    GROWING,
    DamagedStoreError,
    add_empty_rows,
    add_filled_rows,
    adopt_from_all,
    adopt_rows,
    create_store_files,
    row_bytes_of,
    row_of_bytes,
    shape_of,
    store_key,
    stored_contents,
    whole_rows,
    write_at,
)
from convscope.errors import RunError

NOTED_AFTER_ROWS = 2048  # that were written; what a killed build loses at most


class StoreBuilder:
    """Rows for the contents that a scan decodes, kept on disk until the store can be opened.

    Nothing is made before the first row comes. A build of the same name that was killed goes on.
    Where there is no room, or another process builds, rows are dropped.

    Args:
        cache: Where stores lie.
        geometry: What the images were resized to.
        decoding: How the images were decoded.
        name: Identifies the data set.
        max_rows: Number of rows to make room for.

    Attributes:
        folder: Where the rows are kept.
        keep: Folders that aren't removed to make room, this one among them.
    """

    def __init__(
        self,
        cache: Cache,
        geometry: ResizeGeometry,
        *,
        decoding: Decoding,
        name: str,
        max_rows: int,
    ) -> None:
        self._cache, self._key = cache, store_key(geometry, decoding)
        name_hash = xxhash.xxh3_64_hexdigest(name.encode(errors="surrogateescape"))
        self.folder = cache.stores / f"{self._key}-{GROWING}-{name_hash}"
        self.keep = [self.folder]
        self._description = f"unfinished scan at {geometry.geometry}"
        self._row_bytes = row_bytes_of(shape_of(geometry))
        self._max_rows = max_rows
        self._lock = threading.Lock()
        # Released by the thread that finishes, which is not the one that opened.
        self._owner = FileLock(self.folder.with_suffix(".lock"), timeout=0, thread_local=False)
        self._file = -1
        self._takes_more, self._is_whole = True, True
        self._stored: frozenset[bytes] | None = None
        self._row_of: dict[bytes, int] = {}
        self._unnoted: list[bytes] = []
        self._noting: threading.Thread | None = None

    @property
    def cache_folder(self) -> Path:
        """The folder of the cache."""
        return self._cache.folder

    @property
    def has_rows(self) -> bool:
        """Whether any row was added."""
        return self._file >= 0

    def lacks(self, content: bytes) -> bool:
        """Whether a row for this content would be kept: no store at this size has it yet."""
        with self._lock:
            if self._stored is None:
                self._stored = stored_contents(self._cache.stores, self._key)
            is_there = content in self._row_of or content in self._stored
            return self._takes_more and not is_there

    def add(self, content: bytes, pixels: NDArray[np.uint8]) -> None:
        """Adds a row (H, W, C), if the disk takes it; from any thread."""
        with self._lock:
            try:
                if self._takes_more and self._file < 0:
                    self._open()
                if not self._takes_more or content in self._row_of:
                    return
                row = len(self._row_of)
                write_at(self._file, row * self._row_bytes, row_of_bytes(content, pixels))
            except (OSError, RunError):
                self._takes_more = False  # decoded again when it is needed
                return
            self._row_of[content] = row
            self._unnoted.append(content)
            if len(self._unnoted) >= NOTED_AFTER_ROWS:
                self._note_soon()

    def finish(self, folder: Path, table: Sequence[bytes]) -> None:
        """Makes the rows part of the store in a folder, which need not exist yet.

        Args:
            folder: The store's folder.
            table: Hashes of all contents of the data set; those without a row get an empty one.

        Raises:
            OSError: The disk doesn't take it.
        """
        if self._file < 0 and self.folder.is_dir():
            self._open()  # a killed scan had decoded all images
        if self._file < 0:
            return
        empty = [content for content in table if content not in self._row_of]
        try:
            self._note_soon()
            self._join()
            if not self._is_whole:
                self._cache.remove(self.folder)
                return
            os.ftruncate(self._file, (len(self._row_of) + len(empty)) * self._row_bytes)
            add_empty_rows(self.folder, empty)
            os.close(self._file)
            self._file = -1
            try:
                self.folder.rename(folder)
            except OSError:
                if not folder.is_dir():
                    raise
                adopt_rows(folder, self.folder, self._row_bytes)
                self._cache.remove(self.folder)
            else:
                adopt_from_all(folder, self._row_bytes)
        finally:
            self._release()

    def close(self) -> None:
        """Lets go of the files; what was added stays for the next scan of the same images.

        A thread that still decodes adds nothing any more.
        """
        with self._lock:
            self._takes_more = False
            if self._file >= 0:
                self._note_soon()
                self._join()
                self._release()

    def _open(self) -> None:
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        self._owner.acquire()
        try:
            if self.folder.is_dir():
                try:
                    self._row_of = whole_rows(self.folder, self._row_bytes)
                except (DamagedStoreError, FileNotFoundError):
                    self._cache.remove(self.folder)
            missing_bytes = (self._max_rows - len(self._row_of)) * (
                self._row_bytes + HASH_BYTES + 1
            )
            if not self._cache.make_room(missing_bytes, keep=self.keep):
                raise OSError("the cache has no room")
            if not self.folder.is_dir():
                create_store_files(self.folder, (), self._row_bytes, self._description)
            self._file = os.open(self.folder / "pixels.bin", os.O_RDWR | BINARY)
            os.ftruncate(self._file, self._max_rows * self._row_bytes)  # counts as taken
        except BaseException:
            self._owner.release()
            raise

    def _note_soon(self) -> None:
        """Makes what was added count for the next scan, in a thread; one at a time."""
        self._join()
        contents, self._unnoted = self._unnoted, []
        self._noting = threading.Thread(target=self._note, args=(contents,), name="store")
        self._noting.start()

    def _note(self, contents: Sequence[bytes]) -> None:
        try:
            os.fsync(self._file)
            add_filled_rows(self.folder, contents)
        except (OSError, RunError):
            self._takes_more, self._is_whole = False, False

    def _join(self) -> None:
        if self._noting is not None:
            self._noting.join()
            self._noting = None

    def _release(self) -> None:
        self._takes_more = False
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
        self._owner.release()
        with suppress(OSError):
            self.folder.with_suffix(".lock").unlink()
