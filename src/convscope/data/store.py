"""Store: prepared images of a data set on the disk, each decoded once.

<cache folder>/stores/<way>-<contents>/
    pixels.bin      one row of H x W x C bytes for each content, in the order of contents.bin
    contents.bin    a random name, then 16 bytes a row, sorted: the hash of the image's content
    filled.bin      the same name, then one byte a row: whether it is there
    words.txt       what this is; its time is that of the last use

`way` is a hash of how images are decoded and prepared, `contents` one of all contents: a store is
found again whatever the folder is called. Rows come when they are first needed, in any order and
from any process: what two processes write to a row is the same. A row counts once `filled.bin` says
so, which is written after it: a store can be used at once, and a build that was killed goes on.
The random name tells a store from another one that was made in its place after it was removed.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
import threading
import weakref
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
import torch
import xxhash
from filelock import FileLock, Timeout
from numpy.typing import NDArray
from torch import Tensor

from convscope.cache import Cache
from convscope.data.catalogue import decoding_key
from convscope.data.decode import Decoding
from convscope.data.pixels import DecodedPixels, Geometry, Shape
from convscope.data.survey import HASH_BYTES, cut_hashes
from convscope.errors import DataError, RunError
from convscope.files import write_bytes

NOTED_AFTER_ROWS = 2048  # that were written; what a killed build loses at most
LOCK_SECONDS = 30.0
READ_BYTES = 1 << 14  # a row from which on reading is faster than mapping


class Store:
    """Rows of prepared pixels on the disk.

    Args:
        folder: Where they lie.
        shape: (H, W, C) of each.

    Raises:
        OSError: The folder can't be read or written to, or isn't whole.
    """

    def __init__(self, folder: Path, shape: Shape) -> None:
        self.folder = folder
        self._row_bytes = int(np.prod(shape))
        self._name, table = _read_contents(folder)
        self.row_of = {content: row for row, content in enumerate(table)}
        self._file = os.open(folder / "pixels.bin", os.O_RDWR | getattr(os, "O_BINARY", 0))
        self._lock = threading.Lock()
        self._unnoted: list[int] = []
        self._notes: list[threading.Thread] = []
        self._takes_more = True
        self.filled = _read_filled(folder, self._name, len(table))
        if os.fstat(self._file).st_size != len(table) * self._row_bytes:
            raise OSError(f"`{folder}` is damaged")  # mapping it would fill it up with black
        self._shape = shape
        # "r+", as torch wants an array that may be written to; it is only read.
        mapped = np.memmap(folder / "pixels.bin", np.uint8, "r+", 0, (len(table), *shape))
        self._mapped = torch.from_numpy(mapped)
        atexit.register(_close, weakref.ref(self))

    def read(self, rows: NDArray[np.int64]) -> Tensor:
        """Some of the rows (n, H, W, C); those that aren't there hold anything."""
        if self._row_bytes < READ_BYTES or not hasattr(os, "preadv"):
            return self._mapped.index_select(0, torch.from_numpy(rows))
        # Touching a page of the mapping for the first time costs more than reading its content.
        pixels = np.empty((len(rows), *self._shape), dtype=np.uint8)
        for place, row in enumerate(rows.tolist()):
            if self.filled[row]:
                self._read_at(row * self._row_bytes, pixels[place])
        return torch.from_numpy(pixels)

    def write(self, row: int, pixels: NDArray[np.uint8]) -> None:
        """Adds a row (H, W, C), if the disk takes it; from any thread."""
        if not self._takes_more:
            return
        # Written, not assigned to the mapping: a disk that is full is an error here and would be
        # the death of the process there.
        try:
            self._write_at(row * self._row_bytes, np.ascontiguousarray(pixels).data)
        except OSError:
            self._takes_more = False  # what isn't kept is decoded each time
            return
        with self._lock:
            self.filled[row] = True
            self._unnoted.append(row)
            is_time = len(self._unnoted) >= NOTED_AFTER_ROWS
        if is_time:
            self.note_soon()

    def note_soon(self) -> None:
        """Begins to make what was added count for other processes and the next start.

        That waits for the disk, which the work on the next images needn't.
        """
        with self._lock:
            rows, self._unnoted = self._unnoted, []
        if rows:
            thread = threading.Thread(target=self._note, args=(rows,), name="noting")
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
        with suppress(Exception):  # while the interpreter ends, anything may be gone
            self.close()

    def _read_at(self, offset: int, pixels: NDArray[np.uint8]) -> None:
        content = pixels.data.cast("B")
        while content:
            count = os.preadv(self._file, [content], offset)
            if not count:
                raise DataError(
                    f"`{self.folder}` was cut off while it was used",
                    hint="`convscope cache --clear` removes it; then begin again",
                )
            content, offset = content[count:], offset + count

    def _write_at(self, offset: int, content: memoryview) -> None:
        content = content.cast("B")
        if not hasattr(os, "pwrite"):  # Windows
            with self._lock:
                os.lseek(self._file, offset, os.SEEK_SET)
                while content:
                    content = content[os.write(self._file, content) :]
            return
        while content:
            written = os.pwrite(self._file, content, offset)
            content, offset = content[written:], offset + written

    def _note(self, rows: list[int]) -> None:
        # The store may have been removed to make room, or be read-only.
        with suppress(OSError, RunError, Timeout):
            os.fsync(self._file)
            with FileLock(self.folder.with_suffix(".lock"), timeout=LOCK_SECONDS):
                if _read_contents(self.folder)[0] != self._name:
                    return  # another store was made in its place
                filled = _read_filled(self.folder, self._name, len(self.filled))
                filled[rows] = True
                write_bytes(self.folder / "filled.bin", self._name + filled.tobytes())
            self.filled |= filled


def _close(store: weakref.ReferenceType[Store]) -> None:
    if (alive := store()) is not None:
        alive.close()


class StoredPixels:
    """Images in a store; those that aren't there yet are decoded, and kept if the disk takes them.

    Args:
        store: Where rows are.
        contents: (N,) hashes of the images' contents; one without a row must not be asked for.
        decoded: Where missing rows come from.
    """

    def __init__(self, store: Store, contents: Sequence[bytes], decoded: DecodedPixels) -> None:
        self.store = store
        self._decoded = decoded
        row_of = store.row_of
        self._rows = np.array([row_of.get(content, -1) for content in contents], dtype=np.int64)

    @property
    def shape(self) -> Shape:
        """(H, W, C) of each."""
        return self._decoded.shape

    @property
    def is_at_hand(self) -> bool:
        """Whether all rows are there."""
        return bool(self.store.filled[self._rows].all())

    def missing(self, indices: NDArray[np.int64]) -> NDArray[np.int64]:
        """Those of some images that aren't there yet."""
        return indices[~self.store.filled[self._rows[indices]]]

    def take(self, indices: NDArray[np.int64]) -> Tensor:
        """Some of the images (n, H, W, C)."""
        rows = self._rows[indices]
        is_missing = ~self.store.filled[rows]
        taken = self.store.read(rows)
        if is_missing.any():
            places = np.flatnonzero(is_missing)
            fresh = taken.numpy()

            def use(place: int, pixels: NDArray[np.uint8]) -> None:
                fresh[places[place]] = pixels
                self.store.write(int(rows[places[place]]), pixels)

            self._decoded.each(indices[places], use)
        return taken

    def keep(self, index: int, pixels: NDArray[np.uint8]) -> None:
        """Adds an image (H, W, C) that was decoded for another reason."""
        row = int(self._rows[index])
        if not self.store.filled[row]:
            self.store.write(row, self._decoded.prepare(pixels))


def open_store(
    cache: Cache,
    table: Sequence[bytes],
    geometry: Geometry,
    *,
    decoding: Decoding,
    words: str,
    keep: Sequence[Path] = (),
) -> Store | None:
    """The store of a data set at one size, made if need be; None where there is no room for it.

    Args:
        cache: Where it lies or goes.
        table: Sorted hashes of all contents of the data set, each once.
        geometry: What images are brought to.
        decoding: How they are decoded.
        words: What this is, for people.
        keep: Stores in use, which aren't removed to make room.
    """
    way = xxhash.xxh3_64_hexdigest(f"{decoding_key(decoding)} {geometry.geometry}".encode())
    folder = cache.stores / f"{way}-{xxhash.xxh3_128_hexdigest(b''.join(table))}"
    shape = (geometry.height, geometry.width, geometry.channels)
    # A cache that can't be written to costs time, nothing else.
    with suppress(OSError, RunError):
        if folder.is_dir():
            with suppress(OSError):
                store = Store(folder, shape)
                cache.mark_used(folder)
                return store
            cache.remove(folder)  # damaged: made anew
        row_bytes = int(np.prod(shape))
        if cache.make_room(len(table) * (row_bytes + HASH_BYTES + 1), keep=keep):
            others = [place for place in cache.stores.glob(f"{way}-*") if place.is_dir()]
            _create(folder, table, shape, f"{words} at {geometry.geometry}")
            for other in others:
                _adopt(folder, other, table, row_bytes)
            return Store(folder, shape)
    return None


def _create(folder: Path, table: Sequence[bytes], shape: Shape, words: str) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    place = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".new-"))
    try:
        name = os.urandom(HASH_BYTES)
        (place / "contents.bin").write_bytes(name + b"".join(table))
        (place / "filled.bin").write_bytes(name + bytes(len(table)))
        (place / "words.txt").write_text(words, encoding="utf-8")
        with (place / "pixels.bin").open("wb") as file:
            file.truncate(len(table) * int(np.prod(shape)))  # a hole: takes no room yet
        with suppress(OSError):  # another process was faster
            place.rename(folder)
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _adopt(folder: Path, other: Path, table: Sequence[bytes], row_bytes: int) -> None:
    """Copies rows from a store of another set of images that has some of these."""
    with suppress(OSError):
        others_name, others = _read_contents(other)
        filled = _read_filled(other, others_name, len(others))
        row_of = {content: row for row, content in enumerate(others) if filled[row]}
        pairs = [(row, row_of[content]) for row, content in enumerate(table) if content in row_of]
        if not pairs:
            return
        with (
            (other / "pixels.bin").open("rb") as source,
            (folder / "pixels.bin").open("rb+") as target,
        ):
            for to_row, from_row in pairs:
                source.seek(from_row * row_bytes)
                target.seek(to_row * row_bytes)
                target.write(source.read(row_bytes))
            target.flush()
            os.fsync(target.fileno())
        name, _ = _read_contents(folder)
        has = _read_filled(folder, name, len(table))
        has[[row for row, _ in pairs]] = True
        write_bytes(folder / "filled.bin", name + has.tobytes())


def _read_contents(folder: Path) -> tuple[bytes, list[bytes]]:
    """The store's random name and the contents that have a row."""
    name, *contents = cut_hashes((folder / "contents.bin").read_bytes())
    return name, contents


def _read_filled(folder: Path, name: bytes, count: int) -> NDArray[np.bool_]:
    """(count,) whether a row is there; none where the file belongs to another store."""
    content = (folder / "filled.bin").read_bytes()
    if content[:HASH_BYTES] != name or len(content) != HASH_BYTES + count:
        return np.zeros(count, dtype=np.bool_)
    return np.frombuffer(content, dtype=np.bool_, offset=HASH_BYTES).copy()
