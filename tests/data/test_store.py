"""The store: filled in any order, by any process, whatever happens in between."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from conftest import MakeFolder
from convscope.cache import Cache
from convscope.data import pixels as pixels_module
from convscope.data.gallery import Gallery, look_at
from convscope.data.pixels import DecodedPixels
from convscope.data.preprocessing import Preprocessing
from convscope.data.sources.opening import open_dataset
from convscope.data.store import StoredPixels

PLAIN = Preprocessing(height=8, width=8, channels=3, mean=(0.0,) * 3, std=(1.0,) * 3)
EVERYTHING = np.arange(60)


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


@pytest.fixture
def root(make_folder: MakeFolder) -> Path:
    return make_folder({"a": 30, "b": 30})


def stored(gallery: Gallery) -> StoredPixels:
    pixels = gallery.pixels(PLAIN)
    assert isinstance(pixels, StoredPixels)
    return pixels


@pytest.fixture
def true(root: Path) -> np.ndarray:
    return look_at(open_dataset(root), cache=None).pixels(PLAIN).take(EVERYTHING).numpy()


def no_decoding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pixels_module, "decode_content", None)


def test_rows_are_filled_in_any_order_with_repetitions(
    root: Path, cache: Cache, true: np.ndarray
) -> None:
    store = stored(look_at(open_dataset(root), cache=cache))
    for indices in ([5, 3, 5, 59], [59, 0, 3], list(range(59, -1, -1))):
        np.testing.assert_array_equal(store.take(np.array(indices)).numpy(), true[indices])
    assert store.is_at_hand


def test_what_was_filled_counts_at_the_next_start(
    root: Path, cache: Cache, true: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = stored(look_at(open_dataset(root), cache=cache))
    store.take(np.arange(40))
    store.store.close()
    again = stored(look_at(open_dataset(root), cache=cache))
    assert again.missing(EVERYTHING).tolist() == list(range(40, 60))
    again.take(EVERYTHING)
    again.store.close()
    third = stored(look_at(open_dataset(root), cache=cache))
    no_decoding(monkeypatch)
    np.testing.assert_array_equal(third.take(EVERYTHING).numpy(), true)


def test_rows_that_are_not_noted_are_decoded_again(
    root: Path, cache: Cache, true: np.ndarray
) -> None:
    store = stored(look_at(open_dataset(root), cache=cache))
    store.take(EVERYTHING)  # never noted, as in a process that is killed
    again = stored(look_at(open_dataset(root), cache=cache))
    assert len(again.missing(EVERYTHING)) == 60
    np.testing.assert_array_equal(again.take(EVERYTHING).numpy(), true)


FILLER = """
import sys
import numpy as np
from convscope.cache import Cache
from convscope.data.gallery import look_at
from convscope.data.preprocessing import Preprocessing
from convscope.data.sources.opening import open_dataset

plain = Preprocessing(height=8, width=8, channels=3, mean=(0.0,) * 3, std=(1.0,) * 3)
from pathlib import Path
store = look_at(open_dataset(sys.argv[1]), cache=Cache(Path(sys.argv[2]))).pixels(plain)
order = np.random.default_rng(int(sys.argv[3])).permutation(60)
for start in range(0, 60, 7):
    store.take(order[start : start + 7])
    store.store.note()
store.store.close()
"""


def test_processes_that_fill_a_store_at_once_give_the_same_store(
    root: Path, cache: Cache, true: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = [sys.executable, "-c", FILLER, str(root), str(cache.folder)]
    fillers = [subprocess.Popen([*words, str(number)]) for number in range(3)]
    assert [filler.wait(timeout=120) for filler in fillers] == [0, 0, 0]
    assert len(cache.entries()) == 1
    store = stored(look_at(open_dataset(root), cache=cache))
    no_decoding(monkeypatch)
    np.testing.assert_array_equal(store.take(EVERYTHING).numpy(), true)


def test_added_images_are_decoded_and_the_others_taken_over(
    root: Path, cache: Cache, true: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = stored(look_at(open_dataset(root), cache=cache))
    store.take(EVERYTHING)
    store.store.close()
    (root / "b" / "new.png").write_bytes((root / "a" / "000.png").read_bytes() + b"more")
    larger = stored(look_at(open_dataset(root), cache=cache))
    assert larger.missing(np.arange(61)).tolist() == [60]
    np.testing.assert_array_equal(larger.take(np.arange(61)).numpy(), [*true, true[0]])


def test_a_store_that_was_removed_and_made_again_takes_no_notes_of_the_old_one(
    root: Path, cache: Cache, true: np.ndarray
) -> None:
    old = stored(look_at(open_dataset(root), cache=cache))
    old.take(EVERYTHING)
    cache.clear()
    new = stored(look_at(open_dataset(root), cache=cache))
    old.store.close()  # writes that all rows are there; in its own, removed, file they are
    again = stored(look_at(open_dataset(root), cache=cache))
    assert len(again.missing(EVERYTHING)) == 60
    np.testing.assert_array_equal(new.take(EVERYTHING).numpy(), true)
    np.testing.assert_array_equal(again.take(EVERYTHING).numpy(), true)


def test_a_store_whose_pixels_were_cut_off_is_made_anew(
    root: Path, cache: Cache, true: np.ndarray
) -> None:
    store = stored(look_at(open_dataset(root), cache=cache))
    store.take(EVERYTHING)
    store.store.close()
    os.truncate(store.store.folder / "pixels.bin", 1000)
    anew = stored(look_at(open_dataset(root), cache=cache))
    assert len(anew.missing(EVERYTHING)) == 60
    np.testing.assert_array_equal(anew.take(EVERYTHING).numpy(), true)


def test_a_cache_that_is_cleared_while_it_is_used_is_used_again_afterwards(
    root: Path, cache: Cache, true: np.ndarray
) -> None:
    store = stored(look_at(open_dataset(root), cache=cache))
    store.take(EVERYTHING)
    cache.clear()
    store.store.close()  # notes rows of a store that is gone
    again = stored(look_at(open_dataset(root), cache=cache))
    np.testing.assert_array_equal(again.take(EVERYTHING).numpy(), true)
    again.store.close()
    third = stored(look_at(open_dataset(root), cache=cache))
    assert len(third.missing(EVERYTHING)) == 0


def test_large_rows_are_read_as_small_ones_are_mapped(root: Path, cache: Cache) -> None:
    large = Preprocessing(height=80, width=72, channels=3, mean=(0.0,) * 3, std=(1.0,) * 3)
    gallery = look_at(open_dataset(root), cache=cache, geometries=[large])
    expected = look_at(open_dataset(root), cache=None).pixels(large).take(EVERYTHING)
    for _ in range(2):
        assert (gallery.pixels(large).take(EVERYTHING) == expected).all()


def test_where_the_cache_has_no_room_images_are_decoded_each_time(
    root: Path, cache: Cache, true: np.ndarray
) -> None:
    cache.set_limit(1000)
    pixels = look_at(open_dataset(root), cache=cache).pixels(PLAIN)
    assert isinstance(pixels, DecodedPixels)
    assert not pixels.is_at_hand
    np.testing.assert_array_equal(pixels.take(EVERYTHING).numpy(), true)


def test_a_disk_that_is_full_costs_decoding_and_nothing_else(
    root: Path, cache: Cache, true: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    store = stored(look_at(open_dataset(root), cache=cache))
    monkeypatch.setattr("os.pwrite", full)
    for _ in range(2):
        np.testing.assert_array_equal(store.take(EVERYTHING).numpy(), true)
    assert len(store.missing(EVERYTHING)) == 60


def test_a_cache_that_cannot_be_written_to_costs_decoding_and_nothing_else(
    root: Path, tmp_path: Path, true: np.ndarray
) -> None:
    (tmp_path / "file").write_text("no folder")
    cache = Cache(tmp_path / "file" / "cache")
    pixels = look_at(open_dataset(root), cache=cache).pixels(PLAIN)
    np.testing.assert_array_equal(pixels.take(EVERYTHING).numpy(), true)
