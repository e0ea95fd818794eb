"""Rows of a store: which of them are there, and what the store does where the system gives none."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from convscope.cache import Cache
from convscope.data.decoding.content import DEFAULT_DECODING
from convscope.data.index.scan import HASH_BYTES
from convscope.data.pixels.preprocessing import Preprocessing
from convscope.data.pixels.store import Store, open_store
from convscope.data.pixels.store_builder import StoreBuilder
from convscope.errors import RunError

NUM = 6
TABLE = [bytes([row]) * HASH_BYTES for row in range(NUM)]
SIZES = {"small": 8, "large": 80}  # rows that are mapped, and rows that are read
FILES = ("contents.bin", "filled.bin", "pixels.bin")
needs_posix = pytest.mark.skipif(os.name != "posix", reason="links and limits are POSIX's")


def geometry_of(side: int) -> Preprocessing:
    return Preprocessing(height=side, width=side, channels=3, mean=(0.0,) * 3, std=(1.0,) * 3)


def maybe_opened(cache: Cache, side: int = 8, builder: StoreBuilder | None = None) -> Store | None:
    geometry, description = geometry_of(side), "photos"
    return open_store(
        cache, TABLE, geometry, decoding=DEFAULT_DECODING, description=description, builder=builder
    )


def opened(cache: Cache, side: int = 8, builder: StoreBuilder | None = None) -> Store:
    store = maybe_opened(cache, side, builder)
    assert store is not None
    return store


def builder_of(cache: Cache) -> StoreBuilder:
    geometry = geometry_of(8)
    return StoreBuilder(cache, geometry, decoding=DEFAULT_DECODING, name="photos", max_rows=NUM)


def picture(row: int, side: int = 8) -> NDArray[np.uint8]:
    return np.full((side, side, 3), 10 * row + 1, dtype=np.uint8)


def filled(cache: Cache, num_rows: int, side: int = 8) -> Path:
    """The folder of a store whose first rows are filled."""
    store = opened(cache, side)
    for row in range(num_rows):
        store.write(row, picture(row, side))
    store.close()
    return store.folder


def damage_row(folder: Path, row: int) -> None:
    content = bytearray((folder / "pixels.bin").read_bytes())
    content[row * len(content) // NUM] ^= 1
    (folder / "pixels.bin").write_bytes(content)


@pytest.mark.parametrize("side", SIZES.values(), ids=SIZES)
def test_a_read_says_which_rows_are_there(tmp_path: Path, side: int) -> None:
    cache = Cache(tmp_path)
    damage_row(filled(cache, 4, side), 2)
    store, order = opened(cache, side), np.array([5, 3, 2, 3, 0])
    for _ in range(2):  # checked the first time, remembered the second
        pixels, are_there = store.read(order)
        assert are_there.tolist() == [False, True, False, True, True]
        for position in np.flatnonzero(are_there):
            expected = picture(int(order[position]), side)
            np.testing.assert_array_equal(pixels[position], expected)
    store.write(2, picture(2, side))
    assert store.read(order).are_there.tolist() == [False, True, True, True, True]


@pytest.mark.parametrize("side", SIZES.values(), ids=SIZES)
def test_a_row_found_damaged_stays_so_whatever_is_noted_meanwhile(
    tmp_path: Path, side: int
) -> None:
    cache = Cache(tmp_path)
    damage_row(filled(cache, 4, side), 2)
    store, other = opened(cache, side), opened(cache, side)
    assert not store.read(np.array([2])).are_there.any()
    other.write(5, picture(5, side))
    other.note()
    store.write(4, picture(4, side))
    store.note()  # takes over what the file says, in which the damaged row counts as filled
    everything = np.arange(NUM)
    assert store.read(everything).are_there.tolist() == [True, True, False, True, True, True]
    store.write(2, picture(2, side))
    store.note()
    assert store.read(everything).are_there.all()


@contextmanager
def no_more_files() -> Iterator[None]:
    """Context manager in which this process can open no file."""
    resource = pytest.importorskip("resource")
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    free = os.dup(0)
    os.close(free)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (free, limits[1]))
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def make_unreadable(path: Path) -> None:
    """Puts a link that leads to itself, which the system can't follow, in the place of a file."""
    path.rename(path.with_name("kept"))
    path.symlink_to(path.name)


def make_readable(path: Path) -> None:
    path.unlink()
    path.with_name("kept").rename(path)


@needs_posix
@pytest.mark.parametrize("file", FILES)
def test_a_store_that_the_system_does_not_give_is_kept(tmp_path: Path, file: str) -> None:
    cache = Cache(tmp_path)
    folder = filled(cache, 4)
    make_unreadable(folder / file)
    assert maybe_opened(cache) is None
    make_readable(folder / file)
    assert opened(cache).read(np.arange(NUM)).are_there.tolist() == [True] * 4 + [False] * 2


@needs_posix
def test_a_store_is_kept_where_too_many_files_are_open(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    filled(cache, 4)
    with no_more_files():
        assert maybe_opened(cache) is None
    assert opened(cache).filled.sum() == 4


@needs_posix
@pytest.mark.parametrize("file", FILES)
def test_rows_of_a_killed_scan_that_the_system_does_not_give_are_kept(
    tmp_path: Path, file: str
) -> None:
    cache = Cache(tmp_path)
    killed = builder_of(cache)
    for row in range(4):
        killed.add(TABLE[row], picture(row))
    killed.close()
    make_unreadable(killed.folder / file)
    refused = builder_of(cache)
    refused.add(TABLE[4], picture(4))
    refused.close()
    make_readable(killed.folder / file)
    again = builder_of(cache)
    again.add(TABLE[5], picture(5))
    assert opened(cache, builder=again).filled.sum() == 5


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("is_missing", [False, True])
def test_a_store_whose_files_are_cut_off_or_gone_is_made_anew(
    tmp_path: Path, file: str, is_missing: bool
) -> None:
    cache = Cache(tmp_path)
    folder = filled(cache, 4)
    if is_missing:
        (folder / file).unlink()
    else:
        os.truncate(folder / file, 5)
    assert not opened(cache).filled.any()


def test_no_store_is_made_by_damaged_settings(tmp_path: Path) -> None:
    (tmp_path / "settings.json").write_text("{")
    with pytest.raises(RunError, match=r"settings\.json` can't be used"):
        maybe_opened(Cache(tmp_path))


def test_rows_of_a_scan_stay_where_they_can_not_become_a_store(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    builder = builder_of(cache)
    builder.add(TABLE[0], picture(0))
    with pytest.raises(FileNotFoundError):
        builder.finish(cache.stores / "none" / "store", TABLE)
    assert (builder.folder / "pixels.bin").exists()
