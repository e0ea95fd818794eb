"""Store: the prepared images of a data set on disk, so that each is decoded only once."""

from __future__ import annotations

import atexit
import os
import threading
import weakref
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
import xxhash
from filelock import FileLock, Timeout
from numpy.typing import NDArray
from torch import Tensor

from convscope.cache import Cache
from convscope.data.decoding.content import Decoding
from convscope.data.index.scan import HASH_BYTES
from convscope.data.pixels.preprocessing import ResizeGeometry
from convscope.data.pixels.store_builder import NOTED_AFTER_ROWS, StoreBuilder
from convscope.data.pixels.store_files import (
    BINARY,
    CHECKSUM_BYTES,
    DamagedStoreError,
    Shape,
    adopt_from_all,
    checksum_of,
    create_store_files,
    read_contents,
    read_filled,
    row_bytes_of,
    row_of_bytes,
    shape_of,
    store_key,
    write_at,
)
from convscope.errors import RunError
from convscope.files import write_bytes

LOCK_SECONDS = 30.0
READ_BYTES = 1 << 14  # a row from which on reading is faster than mapping


class Rows(NamedTuple):
    """Rows of a store as they were read.

    Attributes:
        pixels: (n, H, W, C); anything where a row isn't there.
        are_there: (n,) whether each row is there and undamaged.
    """

    pixels: Tensor
    are_there: NDArray[np.bool_]


class Store:
    """Rows of prepared pixels on disk.

    A row is checked when it is first read in a process: a damaged one counts as not filled.

    Args:
        folder: The store's folder.
        shape: (H, W, C) of each row.

    Attributes:
        filled: (N,) whether each row is there.
        say: Told once, where rows are damaged.

    Raises:
        DamagedStoreError: The files aren't those of a store.
        OSError: They can't be opened.
    """

    def __init__(self, folder: Path, shape: Shape) -> None:
        self.folder = folder
        self.say: Callable[[str], object] = lambda sentence: None
        self._pixel_bytes = int(np.prod(shape))
        self._row_bytes = row_bytes_of(shape)
        self._name, self._table = read_contents(folder)
        table = self._table
        self.row_of = {content: row for row, content in enumerate(table)}
        self._file = os.open(folder / "pixels.bin", os.O_RDWR | BINARY)
        self._lock = threading.Lock()
        self._unnoted: list[int] = []
        self._notes: list[threading.Thread] = []
        self._takes_more, self._has_said = True, False
        self.filled = read_filled(folder, self._name, len(table))
        self._is_right = np.zeros(len(table), dtype=np.bool_)
        self._is_damaged = np.zeros(len(table), dtype=np.bool_)
        if os.fstat(self._file).st_size != len(table) * self._row_bytes:
            raise DamagedStoreError(folder)  # mapping it would fill it up with black
        self._shape = shape
        # "r+", as torch wants an array that may be written to; it is only read.
        mapped = np.memmap(folder / "pixels.bin", np.uint8, "r+", 0, (len(table), self._row_bytes))
        self._rows = np.asarray(mapped)  # whose rows cost less to take than those of a memmap
        self._mapped = torch.from_numpy(self._rows)[:, : self._pixel_bytes]
        atexit.register(_close, weakref.ref(self))

    def read(self, rows: NDArray[np.int64]) -> Rows:
        """Rows, and which of them are there: other threads may add some at any time."""
        # Asked before anything is read: what is added meanwhile may have been read too early.
        are_there = self.filled[rows]
        unchecked = np.flatnonzero(are_there & ~self._is_right[rows]).tolist()
        if self._row_bytes < READ_BYTES or not hasattr(os, "preadv"):
            taken = self._mapped.index_select(0, torch.from_numpy(rows)).numpy()
            for position in unchecked:
                row = int(rows[position])
                are_there[position] = self._is_whole(row, taken[position], self._rows[row])
            return Rows(torch.from_numpy(taken.reshape(-1, *self._shape)), are_there)
        # Touching a page of the mapping for the first time costs more than reading its content.
        pixels = np.empty((len(rows), *self._shape), dtype=np.uint8)
        checksum = np.empty(CHECKSUM_BYTES, dtype=np.uint8)
        to_check = set(unchecked)
        for position in np.flatnonzero(are_there).tolist():
            row = int(rows[position])
            self._read_at(row * self._row_bytes, pixels[position], checksum)
            if position in to_check:
                are_there[position] = self._is_whole(row, pixels[position], checksum)
        return Rows(torch.from_numpy(pixels), are_there)

    def _is_whole(self, row: int, pixels: NDArray[np.uint8], end: NDArray[np.uint8]) -> bool:
        """Whether a row that was just read is as it was written; if not, it counts as not filled.

        Args:
            row: Its number.
            pixels: Its pixels as they were read.
            end: Bytes that end with its checksum.
        """
        if checksum_of(self._table[row], pixels) == end[-CHECKSUM_BYTES:].tobytes():
            self._is_right[row] = True
            return True
        with self._lock:
            self.filled[row], self._is_damaged[row] = False, True
            is_first, self._has_said = not self._has_said, True
        if is_first:
            self.say(f"note: images in `{self.folder}` are damaged; they are decoded anew")
        return False

    def write(self, row: int, pixels: NDArray[np.uint8]) -> None:
        """Adds a row (H, W, C), if the disk takes it; from any thread."""
        if not self._takes_more:
            return
        # Written, not assigned to the mapping: a disk that is full is an error here and would be
        # the death of the process there.
        try:
            content = row_of_bytes(self._table[row], pixels)
            write_at(self._file, row * self._row_bytes, content, self._lock)
        except OSError:
            self._takes_more = False  # what isn't kept is decoded each time
            return
        with self._lock:
            self.filled[row], self._is_right[row], self._is_damaged[row] = True, True, False
            self._unnoted.append(row)
            is_time = len(self._unnoted) >= NOTED_AFTER_ROWS
        if is_time:
            self.note_soon()

    def note_soon(self) -> None:
        """Like `note`, but in a thread: the work on the next images needn't wait for the disk."""
        with self._lock:
            rows, self._unnoted = self._unnoted, []
        if rows:
            thread = threading.Thread(target=self._note, args=(rows,), name="store")
            self._notes.append(thread)
            thread.start()

    def note(self) -> None:
        """Makes what was added count for other processes and the next start."""
        self.note_soon()
        while self._notes:
            self._notes.pop().join()

    def close(self) -> None:
        """Notes what was added and lets go of the file."""
        if self._file >= 0:
            self.note()
            os.close(self._file)
            self._file = -1

    def __del__(self) -> None:
        # In this thread, whichever it is: garbage collection may come here where it holds a lock
        # that the start or the end of another thread needs.
        with suppress(Exception):  # while the interpreter ends, anything may be gone
            if self._file >= 0:
                self._note(self._unnoted)
                os.close(self._file)

    def _read_at(self, offset: int, pixels: NDArray[np.uint8], checksum: NDArray[np.uint8]) -> None:
        """Reads a row; of one that can't be read, or only in part, the checksum is wrong."""
        parts = [pixels.reshape(-1).data, checksum.data]
        with suppress(OSError):
            while parts and (count := os.preadv(self._file, parts, offset)):
                offset += count
                while parts and count >= len(parts[0]):
                    count -= len(parts.pop(0))
                parts = [parts[0][count:], *parts[1:]] if parts else []

    def _note(self, rows: list[int]) -> None:
        # The store may have been removed to make room, or be read-only.
        with suppress(OSError, RunError, Timeout):
            os.fsync(self._file)
            with FileLock(self.folder.with_suffix(".lock"), timeout=LOCK_SECONDS):
                if read_contents(self.folder)[0] != self._name:
                    return  # another store was made in its place
                filled = read_filled(self.folder, self._name, len(self.filled))
                filled[rows] = True
                write_bytes(self.folder / "filled.bin", self._name + filled.tobytes())
            with self._lock:
                self.filled |= filled & ~self._is_damaged  # the file doesn't know of these


def _close(store: weakref.ReferenceType[Store]) -> None:
    if (alive := store()) is not None:
        alive.close()


def open_store(
    cache: Cache,
    table: Sequence[bytes],
    geometry: ResizeGeometry,
    *,
    decoding: Decoding,
    description: str,
    keep: Sequence[Path] = (),
    builder: StoreBuilder | None = None,
) -> Store | None:
    """The store of a data set at one size, made if need be; None where there is no room for it.

    Args:
        cache: Where stores lie.
        table: Sorted hashes of all contents of the data set, each once.
        geometry: What images are resized to.
        decoding: How images are decoded.
        description: What the data is, for people.
        keep: Folders of stores in use, which aren't removed to make room.
        builder: Rows that a scan has added, which become part of the store.

    Raises:
        RunError: The settings of the cache are damaged.
    """
    key = store_key(geometry, decoding)
    folder = cache.stores / f"{key}-{xxhash.xxh3_128_hexdigest(b''.join(table))}"
    shape = shape_of(geometry)
    row_bytes = row_bytes_of(shape)
    description = f"{description} at {geometry.geometry}"
    # A cache that can't be written to costs time, nothing else.
    if builder is not None:
        with suppress(OSError, RunError):
            builder.finish(folder, table)
            (folder / "words.txt").write_text(description, encoding="utf-8")
    with suppress(OSError):
        if folder.is_dir():
            # Of any other error, as of too many open files, the store is innocent.
            with suppress(DamagedStoreError, FileNotFoundError):
                store = Store(folder, shape)
                if store.row_of.keys() >= set(table):
                    cache.mark_used(folder)
                    return store
            cache.remove(folder)  # made anew
        if cache.make_room(len(table) * (row_bytes + HASH_BYTES + 1), keep=keep):
            create_store_files(folder, table, row_bytes, description)
            adopt_from_all(folder, row_bytes)
            return Store(folder, shape)
    return None
