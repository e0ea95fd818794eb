"""The files of a store of prepared images.

<cache folder>/stores/<key>-<contents>/
    pixels.bin      one row for each content, in the order of contents.bin: H x W x C bytes of
                    pixels, and 8 bytes of a checksum of these and the content's hash
    contents.bin    a random name, then 16 bytes per row: the hash of the image's content
    filled.bin      the same name, then one byte per row: whether it is there
    words.txt       a description; its time is that of the last use

`key` is a hash of how images are decoded and prepared, `contents` one of all contents: a store is
found again whatever the folder is called. Rows come when they are first needed, in any order and
from any process: what two processes write to a row is the same. A row counts once `filled.bin` says
so, which is written after it: a store can be used at once, and a build that was killed goes on.
The random name tells a store from another one that was made in its place after it was removed.

Until a data set has been scanned, its contents aren't all known. The images that the scan decodes
go, in the order in which they come, into `<key>-growing-<data>/`, which has the same files and
becomes the store after the scan.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
from collections.abc import Sequence
from contextlib import nullcontext, suppress
from pathlib import Path

import numpy as np
import xxhash
from numpy.typing import NDArray

from convscope.data.decoding.content import Decoding
from convscope.data.index.metadata_cache import decoding_key
from convscope.data.index.scan import HASH_BYTES, cut_hashes
from convscope.data.pixels.preprocessing import ResizeGeometry
from convscope.errors import RunError
from convscope.files import NEW, write_bytes

GROWING = "growing"  # in the name of the folder
CHECKSUM_BYTES = 8
ROW_VERSION = 2  # of what a row holds; stores of another one aren't found
BINARY = getattr(os, "O_BINARY", 0)

Shape = tuple[int, int, int]


class DamagedStoreError(OSError):
    """Raised where a store's files show that they aren't whole; not where they can't be read."""


def checksum_of(content: bytes, pixels: NDArray[np.uint8]) -> bytes:
    """The checksum of a row: of its pixels, and of the hash of the content that they belong to."""
    return xxhash.xxh3_64_digest(pixels.data, seed=int.from_bytes(content[:8], "little"))


def row_of_bytes(content: bytes, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The bytes of a row: pixels (H, W, C) with their checksum."""
    pixels = np.ascontiguousarray(pixels)
    checksum = np.frombuffer(checksum_of(content, pixels), dtype=np.uint8)
    return np.concatenate([pixels.reshape(-1), checksum])


def create_store_files(
    folder: Path, table: Sequence[bytes], row_bytes: int, description: str
) -> None:
    """Makes a store with an empty row for each content; does nothing where one is already."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    new = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}.{NEW}-"))
    try:
        name = os.urandom(HASH_BYTES)
        (new / "contents.bin").write_bytes(name + b"".join(table))
        (new / "filled.bin").write_bytes(name + bytes(len(table)))
        (new / "words.txt").write_text(description, encoding="utf-8")
        with (new / "pixels.bin").open("wb") as file:
            file.truncate(len(table) * row_bytes)  # a hole: takes no room yet
        with suppress(OSError):  # another process was faster
            new.rename(folder)
    finally:
        shutil.rmtree(new, ignore_errors=True)


def adopt_from_all(folder: Path, row_bytes: int) -> None:
    """Copies rows from the other stores at the same size."""
    key = folder.name.partition("-")[0]
    for other in folder.parent.glob(f"{key}-*"):
        if other.is_dir() and other != folder:
            adopt_rows(folder, other, row_bytes)


def adopt_rows(folder: Path, other: Path, row_bytes: int) -> None:
    """Copies the rows that a store lacks from another one that has them."""
    with suppress(OSError, RunError):
        name, contents = read_contents(folder)
        filled = read_filled(folder, name, len(contents))
        row_of = filled_rows(other)
        pairs = [
            (row, row_of[content])
            for row, content in enumerate(contents)
            if content in row_of and not filled[row]
        ]
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
        filled[[row for row, _ in pairs]] = True
        write_bytes(folder / "filled.bin", name + filled.tobytes())


def stored_contents(stores: Path, key: str) -> frozenset[bytes]:
    """The contents that finished stores of one key have."""
    found: set[bytes] = set()
    for folder in stores.glob(f"{key}-*"):
        if not folder.name.startswith(f"{key}-{GROWING}-"):
            with suppress(OSError):
                found |= filled_rows(folder).keys()
    return frozenset(found)


def add_filled_rows(folder: Path, contents: Sequence[bytes]) -> None:
    """Notes rows of a growing store that were written after all others."""
    with (folder / "contents.bin").open("ab") as file:
        file.write(b"".join(contents))
        num_rows = file.tell() // HASH_BYTES - 1
    name = (folder / "filled.bin").read_bytes()[:HASH_BYTES]
    write_bytes(folder / "filled.bin", name + b"\1" * num_rows)


def add_empty_rows(folder: Path, contents: Sequence[bytes]) -> None:
    """Adds rows to a growing store, all of whose rows are filled, that are filled later."""
    with (folder / "contents.bin").open("ab") as file:
        file.write(b"".join(contents))
    filled = (folder / "filled.bin").read_bytes()
    write_bytes(folder / "filled.bin", filled + bytes(len(contents)))


def whole_rows(folder: Path, row_bytes: int) -> dict[bytes, int]:
    """The rows of a growing store that a killed process has noted; what follows them is cut off.

    Raises:
        DamagedStoreError: The files are damaged.
        OSError: They can't be read.
    """
    name, contents = read_contents(folder)
    filled = (folder / "filled.bin").read_bytes()
    count = len(filled[HASH_BYTES:].partition(b"\0")[0])
    num_bytes = count * row_bytes
    is_long_enough = (folder / "pixels.bin").stat().st_size >= num_bytes
    if filled[:HASH_BYTES] != name or count > len(contents) or not is_long_enough:
        raise DamagedStoreError(folder)
    write_bytes(folder / "filled.bin", filled[: HASH_BYTES + count])
    os.truncate(folder / "contents.bin", HASH_BYTES * (1 + count))
    os.truncate(folder / "pixels.bin", num_bytes)
    return {content: row for row, content in enumerate(contents[:count])}


def filled_rows(folder: Path) -> dict[bytes, int]:
    """The contents that are there, with their rows."""
    name, contents = read_contents(folder)
    filled = read_filled(folder, name, len(contents))
    return {content: row for row, content in enumerate(contents) if filled[row]}


def read_contents(folder: Path) -> tuple[bytes, list[bytes]]:
    """The store's random name and the contents that have a row.

    Raises:
        DamagedStoreError: The file was cut off.
        OSError: It can't be read.
    """
    hashes = (folder / "contents.bin").read_bytes()
    if not hashes or len(hashes) % HASH_BYTES:
        raise DamagedStoreError(folder)
    name, *contents = cut_hashes(hashes)
    return name, contents


def read_filled(folder: Path, name: bytes, count: int) -> NDArray[np.bool_]:
    """(count,) whether a row is there; none where the file belongs to another store."""
    content = (folder / "filled.bin").read_bytes()
    if content[:HASH_BYTES] != name or len(content) != HASH_BYTES + count:
        return np.zeros(count, dtype=np.bool_)
    filled: NDArray[np.bool_] = np.frombuffer(content, dtype=np.uint8, offset=HASH_BYTES) == 1
    return filled


def write_at(
    file: int, offset: int, pixels: NDArray[np.uint8], lock: threading.Lock | None = None
) -> None:
    """Writes pixels into an open file.

    Args:
        file: Its descriptor.
        offset: Position in the file, in bytes.
        pixels: What to write.
        lock: Held where the file has one position for all threads, as on Windows.
    """
    content = np.ascontiguousarray(pixels).data.cast("B")
    if not hasattr(os, "pwrite"):  # Windows
        with lock or nullcontext():
            os.lseek(file, offset, os.SEEK_SET)
            while content:
                content = content[os.write(file, content) :]
        return
    while content:
        written = os.pwrite(file, content, offset)
        content, offset = content[written:], offset + written


def store_key(geometry: ResizeGeometry, decoding: Decoding) -> str:
    """A hash of how images are decoded and resized, with which the names of their stores begin."""
    what = f"{decoding_key(decoding)} {geometry.geometry} rows {ROW_VERSION}"
    return xxhash.xxh3_64_hexdigest(what.encode())


def row_bytes_of(shape: Shape) -> int:
    """The number of bytes of a row of a store."""
    return int(np.prod(shape)) + CHECKSUM_BYTES


def shape_of(geometry: ResizeGeometry) -> Shape:
    """(H, W, C) of images after a resize."""
    return geometry.height, geometry.width, geometry.channels
