"""The store: filled in any order, by any process, whatever happens in between."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from conftest import MakeFolder
from convscope.cache import Cache
from convscope.data.dataset import FileImages
from convscope.data.decoding.content import DEFAULT_DECODING
from convscope.data.index.image_index import ImageIndex, _store_builders, build_image_index
from convscope.data.pixels import prepared as pixels_module
from convscope.data.pixels.prepared import DecodedPixels, StoredPixels
from convscope.data.pixels.preprocessing import Preprocessing
from convscope.data.sources.opening import open_dataset

pytestmark = pytest.mark.slow

PLAIN = Preprocessing(height=8, width=8, channels=3, mean=(0.0,) * 3, std=(1.0,) * 3)
EVERYTHING = np.arange(60)


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


@pytest.fixture
def root(make_folder: MakeFolder) -> Path:
    return make_folder({"a": 30, "b": 30})


def missing(pixels: StoredPixels, indices: NDArray[np.int64]) -> NDArray[np.int64]:
    """The indices of those images that aren't in the store yet."""
    return indices[~pixels.store.filled[pixels._rows[indices]]]


def stored(image_index: ImageIndex) -> StoredPixels:
    pixels = image_index.pixels(PLAIN)
    assert isinstance(pixels, StoredPixels)
    return pixels


@pytest.fixture
def true(root: Path) -> np.ndarray:
    return build_image_index(open_dataset(root), cache=None).pixels(PLAIN).take(EVERYTHING).numpy()


def no_decoding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pixels_module, "decode_content", None)


def test_rows_are_filled_in_any_order_with_repetitions(
    root: Path, cache: Cache, true: np.ndarray
) -> None:
    store = stored(build_image_index(open_dataset(root), cache=cache))
    for indices in ([5, 3, 5, 59], [59, 0, 3], list(range(59, -1, -1))):
        np.testing.assert_array_equal(store.take(np.array(indices)).numpy(), true[indices])
    assert store.is_at_hand


def test_what_was_filled_counts_at_the_next_start(
    root: Path, cache: Cache, true: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = stored(build_image_index(open_dataset(root), cache=cache))
    store.take(np.arange(40))
    store.store.close()
    again = stored(build_image_index(open_dataset(root), cache=cache))
    assert missing(again, EVERYTHING).tolist() == list(range(40, 60))
    again.take(EVERYTHING)
    again.store.close()
    third = stored(build_image_index(open_dataset(root), cache=cache))
    no_decoding(monkeypatch)
    np.testing.assert_array_equal(third.take(EVERYTHING).numpy(), true)


def test_a_store_that_is_collected_as_garbage_notes_its_rows_in_no_other_thread(
    root: Path, cache: Cache, true: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which thread collects, and what it holds then, nobody knows: it must not wait for another."""
    pixels = stored(build_image_index(open_dataset(root), cache=cache))
    pixels.take(EVERYTHING)
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", None)
        patched.setattr(threading.Thread, "join", None)
        del pixels
        gc.collect()
    no_decoding(monkeypatch)
    again = stored(build_image_index(open_dataset(root), cache=cache))
    np.testing.assert_array_equal(again.take(EVERYTHING).numpy(), true)


def test_rows_that_are_not_noted_are_decoded_again(
    root: Path, cache: Cache, true: np.ndarray
) -> None:
    store = stored(build_image_index(open_dataset(root), cache=cache))
    store.take(EVERYTHING)  # never noted, as in a process that is killed
    again = stored(build_image_index(open_dataset(root), cache=cache))
    assert len(missing(again, EVERYTHING)) == 60
    np.testing.assert_array_equal(again.take(EVERYTHING).numpy(), true)


FILLER = """
import sys
import numpy as np
from convscope.cache import Cache
from convscope.data.index.image_index import build_image_index
from convscope.data.pixels.preprocessing import Preprocessing
from convscope.data.sources.opening import open_dataset

plain = Preprocessing(height=8, width=8, channels=3, mean=(0.0,) * 3, std=(1.0,) * 3)
from pathlib import Path
store = build_image_index(open_dataset(sys.argv[1]), cache=Cache(Path(sys.argv[2]))).pixels(plain)
order = np.random.default_rng(int(sys.argv[3])).permutation(60)
for start in range(0, 60, 7):
    store.take(order[start : start + 7])
    store.store.note()
store.store.close()
"""


def test_processes_that_fill_a_store_at_once_give_the_same_store(
    root: Path, cache: Cache, true: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = [sys.executable, "-c", FILLER, str(root), str(cache.folder)]
    fillers = [subprocess.Popen([*command, str(number)]) for number in range(3)]
    assert [filler.wait(timeout=120) for filler in fillers] == [0, 0, 0]
    assert len(cache.entries()) == 1
    store = stored(build_image_index(open_dataset(root), cache=cache))
    no_decoding(monkeypatch)
    np.testing.assert_array_equal(store.take(EVERYTHING).numpy(), true)


def test_added_images_are_decoded_and_the_others_taken_over(
    root: Path, cache: Cache, true: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = stored(build_image_index(open_dataset(root), cache=cache))
    store.take(EVERYTHING)
    store.store.close()
    (root / "b" / "new.png").write_bytes((root / "a" / "000.png").read_bytes() + b"more")
    larger = stored(build_image_index(open_dataset(root), cache=cache))
    assert missing(larger, np.arange(61)).tolist() == [60]
    np.testing.assert_array_equal(larger.take(np.arange(61)).numpy(), [*true, true[0]])


def test_a_store_that_was_removed_and_made_again_takes_no_notes_of_the_old_one(
    root: Path, cache: Cache, true: np.ndarray
) -> None:
    old = stored(build_image_index(open_dataset(root), cache=cache))
    old.take(EVERYTHING)
    cache.clear()
    new = stored(build_image_index(open_dataset(root), cache=cache))
    old.store.close()  # writes that all rows are there; in its own, removed, file they are
    again = stored(build_image_index(open_dataset(root), cache=cache))
    assert len(missing(again, EVERYTHING)) == 60
    np.testing.assert_array_equal(new.take(EVERYTHING).numpy(), true)
    np.testing.assert_array_equal(again.take(EVERYTHING).numpy(), true)


def test_a_store_whose_pixels_were_cut_off_is_made_anew(
    root: Path, cache: Cache, true: np.ndarray
) -> None:
    store = stored(build_image_index(open_dataset(root), cache=cache))
    store.take(EVERYTHING)
    store.store.close()
    os.truncate(store.store.folder / "pixels.bin", 1000)
    anew = stored(build_image_index(open_dataset(root), cache=cache))
    assert len(missing(anew, EVERYTHING)) == 60
    np.testing.assert_array_equal(anew.take(EVERYTHING).numpy(), true)


def test_a_cache_that_is_cleared_while_it_is_used_is_used_again_afterwards(
    root: Path, cache: Cache, true: np.ndarray
) -> None:
    store = stored(build_image_index(open_dataset(root), cache=cache))
    store.take(EVERYTHING)
    cache.clear()
    store.store.close()  # notes rows of a store that is gone
    again = stored(build_image_index(open_dataset(root), cache=cache))
    np.testing.assert_array_equal(again.take(EVERYTHING).numpy(), true)
    again.store.close()
    third = stored(build_image_index(open_dataset(root), cache=cache))
    assert len(missing(third, EVERYTHING)) == 0


def test_large_rows_are_read_as_small_ones_are_mapped(root: Path, cache: Cache) -> None:
    large = Preprocessing(height=80, width=72, channels=3, mean=(0.0,) * 3, std=(1.0,) * 3)
    image_index = build_image_index(open_dataset(root), cache=cache, geometries=[large])
    expected = build_image_index(open_dataset(root), cache=None).pixels(large).take(EVERYTHING)
    for _ in range(2):
        assert (image_index.pixels(large).take(EVERYTHING) == expected).all()


def test_where_the_cache_has_no_room_images_are_decoded_each_time(
    root: Path, cache: Cache, true: np.ndarray
) -> None:
    cache.set_limit(1000)
    pixels = build_image_index(open_dataset(root), cache=cache).pixels(PLAIN)
    assert isinstance(pixels, DecodedPixels)
    assert not pixels.is_at_hand
    np.testing.assert_array_equal(pixels.take(EVERYTHING).numpy(), true)


def test_a_disk_that_is_full_costs_decoding_and_nothing_else(
    root: Path, cache: Cache, true: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    store = stored(build_image_index(open_dataset(root), cache=cache))
    monkeypatch.setattr("os.pwrite", full)
    for _ in range(2):
        np.testing.assert_array_equal(store.take(EVERYTHING).numpy(), true)
    assert len(missing(store, EVERYTHING)) == 60


def test_a_cache_that_cannot_be_written_to_costs_decoding_and_nothing_else(
    root: Path, tmp_path: Path, true: np.ndarray
) -> None:
    (tmp_path / "file").write_text("no folder")
    cache = Cache(tmp_path / "file" / "cache")
    pixels = build_image_index(open_dataset(root), cache=cache).pixels(PLAIN)
    np.testing.assert_array_equal(pixels.take(EVERYTHING).numpy(), true)


def scanned(root: Path, cache: Cache) -> StoredPixels:
    """The store of a data set whose scan keeps the pixels that it decodes."""
    return stored(build_image_index(open_dataset(root), cache=cache, geometries=[PLAIN]))


def test_the_rows_of_a_scan_become_the_store(root: Path, cache: Cache, true: np.ndarray) -> None:
    store = scanned(root, cache)
    assert store.is_at_hand
    np.testing.assert_array_equal(store.take(EVERYTHING).numpy(), true)
    (entry,) = cache.entries()
    assert entry.description.startswith("pictures, 60 images at 8x8x3")


def test_a_scan_that_knows_all_pixels_already_keeps_none_again(
    root: Path, cache: Cache, true: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    scanned(root, cache)
    (cache.folder / "catalogue.sqlite").unlink()
    monkeypatch.setattr("convscope.data.pixels.store.StoreBuilder.add", None)
    np.testing.assert_array_equal(scanned(root, cache).take(EVERYTHING).numpy(), true)
    assert len(cache.entries()) == 1


def test_the_scan_of_added_images_takes_over_the_rows_of_the_others(
    root: Path, cache: Cache, true: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    scanned(root, cache)
    (root / "b" / "new.png").write_bytes((root / "a" / "000.png").read_bytes() + b"more")
    larger = scanned(root, cache)
    no_decoding(monkeypatch)
    np.testing.assert_array_equal(larger.take(np.arange(61)).numpy(), [*true, true[0]])


def test_what_another_process_builds_is_not_built_here_and_becomes_one_store(
    root: Path, cache: Cache, true: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = open_dataset(root)
    (other,) = _store_builders(dataset, [PLAIN], cache, DEFAULT_DECODING).values()
    other.add(b"0123456789abcdef", true[0])
    store = scanned(root, cache)
    assert len(missing(store, EVERYTHING)) == 60
    store.take(EVERYTHING)
    store.store.close()
    other.finish(store.store.folder, [])
    assert [entry.path for entry in cache.entries()] == [store.store.folder]
    no_decoding(monkeypatch)
    np.testing.assert_array_equal(scanned(root, cache).take(EVERYTHING).numpy(), true)


KILLED = """
import os, sys
from dataclasses import replace
from pathlib import Path
from convscope.cache import Cache
from convscope.data.dataset import FileImages
from convscope.data.index import image_index, scan
from convscope.data.pixels import store_builder
from convscope.data.pixels.preprocessing import Preprocessing
from convscope.data.sources.opening import open_dataset

read = FileImages.content

def content(self, index):
    if index == 45:
        os._exit(9)
    return read(self, index)

scan.GROUP, scan.GROUPS_AHEAD, scan.REMEMBERED_AT_ONCE, store_builder.NOTED_AFTER_ROWS = 4, 1, 4, 4
FileImages.content = content
plain = Preprocessing(height=8, width=8, channels=3, mean=(0.0,) * 3, std=(1.0,) * 3)
cache = Cache(Path(sys.argv[2]))
image_index.build_image_index(open_dataset(sys.argv[1]), cache=cache, geometries=[plain])
"""


def test_a_scan_that_was_killed_goes_on_with_the_rows_that_it_kept(
    root: Path, cache: Cache, true: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = [sys.executable, "-c", KILLED, str(root), str(cache.folder)]
    assert subprocess.run(command, timeout=120).returncode == 9
    (growing,) = cache.entries()
    assert "-growing-" in growing.path.name
    read: list[int] = []
    original = FileImages.content

    def content(self: FileImages, index: int) -> bytes:
        read.append(index)
        return original(self, index)

    monkeypatch.setattr(FileImages, "content", content)
    store = scanned(root, cache)
    assert 15 <= len(read) <= 24  # what came last may not have been remembered
    assert len(missing(store, EVERYTHING)) <= 12
    np.testing.assert_array_equal(store.take(EVERYTHING).numpy(), true)
    assert [entry.path for entry in cache.entries()] == [store.store.folder]


def test_a_scan_that_is_interrupted_keeps_what_it_has(
    root: Path, cache: Cache, true: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = FileImages.content

    def content(self: FileImages, index: int) -> bytes:
        if index == 50:
            raise KeyboardInterrupt
        return original(self, index)

    with monkeypatch.context() as patched:
        patched.setattr(FileImages, "content", content)
        with pytest.raises(KeyboardInterrupt):
            scanned(root, cache)
    np.testing.assert_array_equal(scanned(root, cache).take(EVERYTHING).numpy(), true)
    assert len(cache.entries()) == 1


def test_a_scan_that_was_killed_at_its_end_leaves_its_rows_to_the_store(
    root: Path, cache: Cache, true: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr("convscope.data.index.image_index.open_store", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            scanned(root, cache)
    no_decoding(monkeypatch)
    np.testing.assert_array_equal(scanned(root, cache).take(EVERYTHING).numpy(), true)
    assert len(cache.entries()) == 1


@pytest.mark.parametrize("file", ["contents.bin", "filled.bin", "pixels.bin"])
def test_an_unfinished_build_that_is_damaged_begins_anew(
    root: Path, cache: Cache, true: np.ndarray, file: str
) -> None:
    (builder,) = _store_builders(open_dataset(root), [PLAIN], cache, DEFAULT_DECODING).values()
    for number in range(5):
        builder.add(bytes([number]) * 16, true[number])
    builder.close()
    os.truncate(builder.folder / file, 3)
    store = scanned(root, cache)
    assert store.is_at_hand
    np.testing.assert_array_equal(store.take(EVERYTHING).numpy(), true)
