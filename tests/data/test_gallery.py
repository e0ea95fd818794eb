"""Looking at images: read once, remembered, damaged ones named, pixels the same from everywhere."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from conftest import MakeFolder
from convscope.cache import Cache
from convscope.data import survey
from convscope.data.catalogue import open_catalogue
from convscope.data.dataset import Dataset, FileImages
from convscope.data.decode import DamagedImageError, decode_content
from convscope.data.gallery import Gallery, look_at
from convscope.data.pixels import ArrayPixels, DecodedPixels
from convscope.data.preprocessing import Preprocessing
from convscope.data.sources.opening import open_dataset
from convscope.data.store import StoredPixels
from convscope.errors import DataError

PLAIN = Preprocessing(height=8, width=8, channels=3, mean=(0.0,) * 3, std=(1.0,) * 3)


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The names of all files whose content is read."""
    read: list[str] = []
    original = FileImages.content

    def content(self: FileImages, index: int) -> bytes:
        read.append(self.paths[index])
        return original(self, index)

    monkeypatch.setattr(FileImages, "content", content)
    return read


def expected(dataset: Dataset) -> np.ndarray:
    return np.stack(
        [
            PLAIN.apply(decode_content(dataset.images.content(index)).pixels)
            for index in range(len(dataset))
        ]
    )


def taken(gallery: Gallery) -> np.ndarray:
    return gallery.pixels(PLAIN).take(np.arange(len(gallery))).numpy()


def test_pixels_are_the_same_stored_decoded_and_in_memory(
    make_folder: MakeFolder, cache: Cache
) -> None:
    dataset = open_dataset(make_folder({"a": 3, "b": 2}))
    stored = look_at(dataset, cache=cache)
    decoded = look_at(dataset, cache=None)
    assert isinstance(stored.pixels(PLAIN), StoredPixels)
    assert isinstance(decoded.pixels(PLAIN), DecodedPixels)
    for _ in range(2):  # the second time from the disk
        np.testing.assert_array_equal(taken(stored), expected(dataset))
    np.testing.assert_array_equal(taken(decoded), expected(dataset))


def test_images_that_are_in_memory_at_the_right_size_are_taken_from_there(cache: Cache) -> None:
    gallery = look_at(open_dataset("digits"), cache=cache)
    small = Preprocessing(height=8, width=8, channels=1, mean=(0.0,), std=(1.0,))
    assert isinstance(gallery.pixels(small), ArrayPixels)
    assert isinstance(gallery.pixels(PLAIN), StoredPixels)


def test_nothing_is_read_again_when_nothing_changed(
    make_folder: MakeFolder, cache: Cache, reads: list[str]
) -> None:
    root = make_folder({"a": 3, "b": 2})
    first = look_at(open_dataset(root), cache=cache, geometries=[PLAIN])
    assert len(reads) == 2 * 5  # hashed, then decoded
    before = taken(first)
    first.note()
    reads.clear()
    again = look_at(open_dataset(root), cache=cache, geometries=[PLAIN])
    np.testing.assert_array_equal(taken(again), before)
    assert reads == []
    assert again.fingerprint == first.fingerprint


def test_a_changed_image_is_read_again_and_no_other(
    make_folder: MakeFolder, cache: Cache, reads: list[str]
) -> None:
    root = make_folder({"a": 3, "b": 2})
    first = look_at(open_dataset(root), cache=cache)
    taken(first)
    first.note()
    changed = root / "a" / "001.png"
    changed.write_bytes((root / "b" / "000.png").read_bytes())
    reads.clear()
    gallery = look_at(open_dataset(root), cache=cache)
    assert set(reads) == {"a/001.png"}
    np.testing.assert_array_equal(taken(gallery), expected(open_dataset(root)))


def test_a_moved_and_renamed_folder_is_not_decoded_again(
    make_folder: MakeFolder, cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = make_folder({"a": 3, "b": 2})
    first = look_at(open_dataset(root), cache=cache)
    before = taken(first)
    first.note()
    moved = root.rename(root.with_name("elsewhere"))
    monkeypatch.setattr(survey, "decode_content", None)
    monkeypatch.setattr("convscope.data.pixels.decode_content", None)
    np.testing.assert_array_equal(taken(look_at(open_dataset(moved), cache=cache)), before)


def test_a_copy_with_the_same_size_and_time_but_other_content_is_not_mistaken(
    make_folder: MakeFolder, cache: Cache
) -> None:
    first, second = make_folder({"a": 2, "b": 2}, name="one"), make_folder({"a": 2, "b": 2})
    for number, root in enumerate((first, second)):
        for path in sorted(root.rglob("*.png")):
            path.write_bytes(b"P5 2 2 255 " + bytes([number, 9, 9, 9]))
            os.utime(path, ns=(1, 1))
    grey = Preprocessing(height=2, width=2, channels=1, mean=(0.0,), std=(1.0,))
    values = [
        look_at(open_dataset(root), cache=cache).pixels(grey).take(np.arange(4))[:, 0, 0, 0]
        for root in (first, second)
    ]
    assert [value.tolist() for value in values] == [[0] * 4, [1] * 4]


def test_identical_files_are_decoded_once(
    make_folder: MakeFolder, cache: Cache, reads: list[str]
) -> None:
    root = make_folder({"a": 3, "b": 2})
    for number in range(5):
        (root / "b" / f"copy{number}.png").write_bytes((root / "a" / "000.png").read_bytes())
    gallery = look_at(open_dataset(root), cache=cache)
    assert len(reads) == 10 + 5
    np.testing.assert_array_equal(taken(gallery), expected(open_dataset(root)))


def test_the_fingerprint_does_not_depend_on_names_or_order(
    make_folder: MakeFolder, cache: Cache
) -> None:
    root = make_folder({"a": 3, "b": 2})
    before = look_at(open_dataset(root), cache=cache).fingerprint
    (root / "a" / "000.png").rename(root / "a" / "zzz.png")
    assert look_at(open_dataset(root), cache=cache).fingerprint == before
    (root / "a" / "zzz.png").rename(root / "b" / "zzz.png")
    assert look_at(open_dataset(root), cache=cache).fingerprint != before


def test_damaged_images_are_named_with_reasons_and_left_out(
    make_folder: MakeFolder, cache: Cache
) -> None:
    root = make_folder({"a": 30, "b": 30})
    (root / "a" / "000.png").write_bytes(b"")
    content = (root / "b" / "001.png").read_bytes()
    (root / "b" / "001.png").write_bytes(content[: len(content) // 2])
    for _ in range(2):  # the second time remembered
        gallery = look_at(open_dataset(root), cache=cache)
        assert len(gallery) == len(gallery.names) == 58
        assert [name for name, _ in gallery.damaged] == ["a/000.png", "b/001.png"]
        assert gallery.damaged[0][1] == "is empty"
        assert "a/000.png" not in gallery.names
        assert gallery.labels.tolist() == [0] * 29 + [1] * 29
        assert taken(gallery).shape == (58, 8, 8, 3)


def test_more_than_5_percent_damaged_is_an_error_unless_allowed(
    make_folder: MakeFolder, cache: Cache
) -> None:
    root = make_folder({"a": 10, "b": 10})
    for number in (1, 2):
        (root / "a" / f"00{number}.png").write_bytes(b"GIF89a")
    with pytest.raises(DataError, match="2 of 20 images can't be read, more than 5%") as caught:
        look_at(open_dataset(root), cache=cache)
    assert "`a/001.png`" in caught.value.message
    assert "--allow-damaged" in str(caught.value.hint)
    assert len(look_at(open_dataset(root), cache=cache, allow_damaged=True)) == 18


def test_no_readable_image_is_an_error_even_when_damage_is_allowed(
    make_folder: MakeFolder, cache: Cache
) -> None:
    root = make_folder({"a": 1, "b": 1})
    for name in "ab":
        (root / name / "000.png").write_bytes(b"no")
    with pytest.raises(DataError, match="none of the 2 images can be read"):
        look_at(open_dataset(root), cache=cache, allow_damaged=True)


def test_a_catalogue_that_is_damaged_begins_anew(make_folder: MakeFolder, cache: Cache) -> None:
    dataset = open_dataset(make_folder({"a": 3, "b": 2}))
    cache.folder.mkdir()
    (cache.folder / "catalogue.sqlite").write_bytes(b"no database at all" * 100)
    before = taken(look_at(dataset, cache=cache))
    with open_catalogue(cache) as catalogue:
        stamps = [dataset.images.stamp(index) for index in range(len(dataset))]
        assert all(catalogue.contents(stamps))
    np.testing.assert_array_equal(before, expected(dataset))


def test_an_image_that_changes_after_it_was_looked_at_is_an_error(
    make_folder: MakeFolder,
) -> None:
    root = make_folder({"a": 3, "b": 2})
    gallery = look_at(open_dataset(root), cache=None)
    (root / "a" / "001.png").write_bytes((root / "b" / "000.png").read_bytes())
    with pytest.raises(DataError, match=r"`a/001.png` has become another image"):
        taken(gallery)
    (root / "a" / "001.png").unlink()
    with pytest.raises(DataError, match=r"`a/001.png` was read before and can't be now: it can't"):
        taken(gallery)


@pytest.mark.parametrize("workers", [1, 2, 7])
def test_the_number_of_workers_changes_nothing(
    make_folder: MakeFolder, cache: Cache, workers: int
) -> None:
    dataset = open_dataset(make_folder({"a": 40, "b": 23}))
    gallery = look_at(dataset, cache=cache, workers=workers)
    np.testing.assert_array_equal(taken(gallery), expected(dataset))


class Fickle:
    """Images of which one is another one the second time it is read, or can't be read then."""

    def __init__(self, images: FileImages, *, second: bytes | None) -> None:
        self._images, self._second = images, second
        self._reads = 0

    def __len__(self) -> int:
        return len(self._images)

    def name(self, index: int) -> str:
        return self._images.name(index)

    def stamp(self, index: int) -> str:
        return self._images.stamp(index)

    def content(self, index: int) -> bytes:
        if index != 1:
            return self._images.content(index)
        self._reads += 1
        if self._reads == 1:
            return self._images.content(index)
        if self._second is None:
            raise DamagedImageError("can't be read: Input/output error")
        return self._second


@pytest.mark.parametrize("is_replaced", [True, False])
def test_what_goes_wrong_for_a_moment_is_not_remembered(
    make_folder: MakeFolder, cache: Cache, is_replaced: bool
) -> None:
    root = make_folder({"a": 20, "b": 20})
    dataset = open_dataset(root)
    second = (root / "b" / "000.png").read_bytes() if is_replaced else None
    assert isinstance(dataset.images, FileImages)
    fickle = Fickle(dataset.images, second=second)
    first = look_at(replace(dataset, images=fickle), cache=cache, geometries=[PLAIN])
    reason = "became another image" if is_replaced else "can't be read: Input/output error"
    assert [name for name, why in first.damaged if reason in why] == ["a/001.png"]
    first.note()
    again = look_at(dataset, cache=cache, geometries=[PLAIN])
    assert again.damaged == ()
    np.testing.assert_array_equal(taken(again), expected(dataset))
    assert again.fingerprint == look_at(dataset, cache=None).fingerprint


def test_a_catalogue_whose_pages_are_damaged_begins_anew(
    make_folder: MakeFolder, cache: Cache, reads: list[str]
) -> None:
    dataset = open_dataset(make_folder({"a": 30, "b": 20}))
    before = look_at(dataset, cache=cache).fingerprint
    path = cache.folder / "catalogue.sqlite"
    content = bytearray(path.read_bytes())
    content[2 * 4096 :] = b"\xff" * (len(content) - 2 * 4096)
    path.write_bytes(content)
    for _ in range(2):
        assert look_at(dataset, cache=cache).fingerprint == before
    reads.clear()
    assert look_at(dataset, cache=cache).fingerprint == before
    assert reads == []


def test_a_catalogue_that_has_become_too_large_forgets_what_came_first(
    make_folder: MakeFolder, cache: Cache, monkeypatch: pytest.MonkeyPatch, reads: list[str]
) -> None:
    dataset = open_dataset(make_folder({"a": 30, "b": 20}))
    look_at(dataset, cache=cache)
    monkeypatch.setattr("convscope.data.catalogue.MAX_BYTES", 10_000)
    reads.clear()
    look_at(dataset, cache=cache)
    assert 0 < len(reads) < 100
