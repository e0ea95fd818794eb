"""The scan of images: read once, remembered, damaged ones named, pixels the same everywhere."""

from __future__ import annotations

import io
import os
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from conftest import MakeFolder
from convscope.cache import Cache
from convscope.data.dataset import Dataset, FileImages
from convscope.data.decoding.content import DamagedImageError, Decoded, Decoding
from convscope.data.decoding.decode import decode_content
from convscope.data.index import scan as scan
from convscope.data.index.image_index import ImageIndex, build_image_index
from convscope.data.index.metadata_cache import open_metadata_cache
from convscope.data.pixels.prepared import ArrayPixels, DecodedPixels, StoredPixels
from convscope.data.pixels.preprocessing import Preprocessing
from convscope.data.sources.opening import open_dataset
from convscope.errors import DataError, RunError
from convscope.progress import Reporter

TRUNCATED_ALLOWED = Decoding(allow_truncated=True)
PLAIN = Preprocessing(height=8, width=8, channels=3, mean=(0.0,) * 3, std=(1.0,) * 3)


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
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


def taken(image_index: ImageIndex) -> np.ndarray:
    return image_index.pixels(PLAIN).take(np.arange(len(image_index))).numpy()


def test_pixels_are_the_same_stored_decoded_and_in_memory(
    make_folder: MakeFolder, cache: Cache
) -> None:
    dataset = open_dataset(make_folder({"a": 3, "b": 2}))
    stored = build_image_index(dataset, cache=cache)
    decoded = build_image_index(dataset, cache=None)
    assert isinstance(stored.pixels(PLAIN), StoredPixels)
    assert isinstance(decoded.pixels(PLAIN), DecodedPixels)
    for _ in range(2):  # the second time from the disk
        np.testing.assert_array_equal(taken(stored), expected(dataset))
    np.testing.assert_array_equal(taken(decoded), expected(dataset))


@pytest.mark.slow
def test_images_that_are_in_memory_at_the_right_size_are_taken_from_there(cache: Cache) -> None:
    image_index = build_image_index(open_dataset("digits"), cache=cache)
    small = Preprocessing(height=8, width=8, channels=1, mean=(0.0,), std=(1.0,))
    assert isinstance(image_index.pixels(small), ArrayPixels)
    assert isinstance(image_index.pixels(PLAIN), StoredPixels)


def test_a_new_image_is_read_once_and_one_that_did_not_change_is_not_read_again(
    make_folder: MakeFolder, cache: Cache, reads: list[str]
) -> None:
    root = make_folder({"a": 30, "b": 20})
    first = build_image_index(open_dataset(root), cache=cache, geometries=[PLAIN])
    before = taken(first)
    assert len(reads) == 50
    assert len(set(reads)) == 50  # hashed, decoded and kept from one reading
    np.testing.assert_array_equal(before, expected(open_dataset(root)))
    first.note()
    reads.clear()
    again = build_image_index(open_dataset(root), cache=cache, geometries=[PLAIN])
    np.testing.assert_array_equal(taken(again), before)
    assert reads == []
    assert again.fingerprint == first.fingerprint


def test_damaged_settings_of_the_cache_are_said_before_an_image_is_read(
    make_folder: MakeFolder, cache: Cache, reads: list[str]
) -> None:
    cache.folder.mkdir(parents=True, exist_ok=True)
    (cache.folder / "settings.json").write_text('{"format": 1, "limit_bytes": -1}')
    dataset = open_dataset(make_folder({"a": 3, "b": 2}))
    with pytest.raises(RunError, match="`limit_bytes` can't be `-1`"):
        build_image_index(dataset, cache=cache, geometries=[PLAIN])
    assert reads == []


def test_a_changed_image_is_read_again_and_no_other(
    make_folder: MakeFolder, cache: Cache, reads: list[str]
) -> None:
    root = make_folder({"a": 3, "b": 2})
    first = build_image_index(open_dataset(root), cache=cache)
    taken(first)
    first.note()
    changed = root / "a" / "001.png"
    changed.write_bytes((root / "b" / "000.png").read_bytes())
    reads.clear()
    image_index = build_image_index(open_dataset(root), cache=cache)
    assert set(reads) == {"a/001.png"}
    np.testing.assert_array_equal(taken(image_index), expected(open_dataset(root)))


def test_a_moved_and_renamed_folder_is_not_decoded_again(
    make_folder: MakeFolder, cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = make_folder({"a": 3, "b": 2})
    first = build_image_index(open_dataset(root), cache=cache)
    before = taken(first)
    first.note()
    moved = root.rename(root.with_name("elsewhere"))
    monkeypatch.setattr(scan, "decode_content", None)
    monkeypatch.setattr("convscope.data.pixels.prepared.decode_content", None)
    np.testing.assert_array_equal(
        taken(build_image_index(open_dataset(moved), cache=cache)), before
    )


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
        build_image_index(open_dataset(root), cache=cache)
        .pixels(grey)
        .take(np.arange(4))[:, 0, 0, 0]
        for root in (first, second)
    ]
    assert [value.tolist() for value in values] == [[0] * 4, [1] * 4]


def test_identical_files_are_decoded_once(
    make_folder: MakeFolder, cache: Cache, reads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded: list[bytes] = []

    def decode(content: bytes, decoding: Decoding) -> Decoded:
        decoded.append(content)
        return decode_content(content, decoding)

    monkeypatch.setattr(scan, "decode_content", decode)
    root = make_folder({"a": 3, "b": 2})
    for number in range(5):
        (root / "b" / f"copy{number}.png").write_bytes((root / "a" / "000.png").read_bytes())
    image_index = build_image_index(open_dataset(root), cache=cache)
    assert len(reads) == 10
    assert len(decoded) == 5
    np.testing.assert_array_equal(taken(image_index), expected(open_dataset(root)))


def test_the_fingerprint_does_not_depend_on_names_or_order(
    make_folder: MakeFolder, cache: Cache
) -> None:
    root = make_folder({"a": 3, "b": 2})
    before = build_image_index(open_dataset(root), cache=cache).fingerprint
    (root / "a" / "000.png").rename(root / "a" / "zzz.png")
    assert build_image_index(open_dataset(root), cache=cache).fingerprint == before
    (root / "a" / "zzz.png").rename(root / "b" / "zzz.png")
    assert build_image_index(open_dataset(root), cache=cache).fingerprint != before


def test_damaged_images_are_named_with_reasons_and_left_out(
    make_folder: MakeFolder, cache: Cache
) -> None:
    root = make_folder({"a": 30, "b": 30})
    (root / "a" / "000.png").write_bytes(b"")
    content = (root / "b" / "001.png").read_bytes()
    (root / "b" / "001.png").write_bytes(content[: len(content) // 2])
    for _ in range(2):  # the second time remembered
        image_index = build_image_index(open_dataset(root), cache=cache)
        assert len(image_index) == len(image_index.names) == 58
        assert [name for name, _ in image_index.damaged] == ["a/000.png", "b/001.png"]
        assert image_index.damaged[0][1] == "is empty"
        assert "a/000.png" not in image_index.names
        assert image_index.labels.tolist() == [0] * 29 + [1] * 29
        assert taken(image_index).shape == (58, 8, 8, 3)


def test_more_than_5_percent_damaged_is_an_error_unless_allowed(
    make_folder: MakeFolder, cache: Cache
) -> None:
    root = make_folder({"a": 10, "b": 10})
    for number in (1, 2):
        (root / "a" / f"00{number}.png").write_bytes(b"GIF89a")
    with pytest.raises(DataError, match="2 of 20 images can't be read, more than 5%") as caught:
        build_image_index(open_dataset(root), cache=cache)
    assert "`a/001.png`" in caught.value.message
    assert "--allow-damaged" in str(caught.value.hint)
    assert len(build_image_index(open_dataset(root), cache=cache, decoding=TRUNCATED_ALLOWED)) == 18


def test_no_readable_image_is_an_error_even_when_damage_is_allowed(
    make_folder: MakeFolder, cache: Cache
) -> None:
    root = make_folder({"a": 1, "b": 1})
    for name in "ab":
        (root / name / "000.png").write_bytes(b"no")
    with pytest.raises(DataError, match="none of the 2 images can be read"):
        build_image_index(open_dataset(root), cache=cache, decoding=TRUNCATED_ALLOWED)


def test_a_metadata_cache_that_is_damaged_begins_anew(
    make_folder: MakeFolder, cache: Cache
) -> None:
    dataset = open_dataset(make_folder({"a": 3, "b": 2}))
    cache.folder.mkdir()
    (cache.folder / "catalogue.sqlite").write_bytes(b"no database at all" * 100)
    before = taken(build_image_index(dataset, cache=cache))
    with open_metadata_cache(cache) as metadata_cache:
        stamps = [dataset.images.stamp(index) for index in range(len(dataset))]
        assert all(metadata_cache.contents(stamps))
    np.testing.assert_array_equal(before, expected(dataset))


def test_an_image_that_changes_after_the_scan_is_an_error(
    make_folder: MakeFolder,
) -> None:
    root = make_folder({"a": 3, "b": 2})
    image_index = build_image_index(open_dataset(root), cache=None)
    (root / "a" / "001.png").write_bytes((root / "b" / "000.png").read_bytes())
    with pytest.raises(DataError, match=r"`a/001.png` has become another image"):
        taken(image_index)
    (root / "a" / "001.png").unlink()
    with pytest.raises(DataError, match=r"`a/001.png` was read before and can't be now: it can't"):
        taken(image_index)


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2, 7])
def test_the_number_of_workers_changes_nothing(
    make_folder: MakeFolder, cache: Cache, workers: int
) -> None:
    dataset = open_dataset(make_folder({"a": 40, "b": 23}))
    image_index = build_image_index(dataset, cache=cache, workers=workers)
    np.testing.assert_array_equal(taken(image_index), expected(dataset))


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


@pytest.mark.slow
@pytest.mark.parametrize("is_replaced", [True, False])
def test_what_goes_wrong_for_a_moment_is_not_remembered(
    make_folder: MakeFolder, cache: Cache, is_replaced: bool
) -> None:
    root = make_folder({"a": 20, "b": 20})
    dataset = open_dataset(root)
    second = (root / "b" / "000.png").read_bytes() if is_replaced else None
    assert isinstance(dataset.images, FileImages)
    fickle = replace(dataset, images=Fickle(dataset.images, second=second))
    build_image_index(fickle, cache=cache, decoding=TRUNCATED_ALLOWED)
    # The contents are known by now, but not what they are decoded to without truncated ones.
    first = build_image_index(fickle, cache=cache, geometries=[PLAIN])
    reason = "became another image" if is_replaced else "can't be read: Input/output error"
    assert [name for name, why in first.damaged if reason in why] == ["a/001.png"]
    first.note()
    again = build_image_index(dataset, cache=cache, geometries=[PLAIN])
    assert again.damaged == ()
    np.testing.assert_array_equal(taken(again), expected(dataset))
    assert again.fingerprint == build_image_index(dataset, cache=None).fingerprint


def test_a_long_scan_says_once_how_long_it_will_take(
    make_folder: MakeFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("convscope.data.index.image_index.TIMED_SECONDS", 0.0)
    monkeypatch.setattr("convscope.data.index.image_index.LONG_SECONDS", 0.0)
    said = io.StringIO()
    dataset = open_dataset(make_folder({"a": 60, "b": 20}))
    build_image_index(dataset, cache=None, reporter=Reporter(file=said))
    assert re.findall(
        "scanning 80 images for the first time: about [0-9]+ s, once", said.getvalue()
    )
    assert said.getvalue().count("scanning") == 1


def test_a_metadata_cache_whose_pages_are_damaged_begins_anew(
    make_folder: MakeFolder, cache: Cache, reads: list[str]
) -> None:
    dataset = open_dataset(make_folder({"a": 30, "b": 20}))
    before = build_image_index(dataset, cache=cache).fingerprint
    path = cache.folder / "catalogue.sqlite"
    content = bytearray(path.read_bytes())
    content[2 * 4096 :] = b"\xff" * (len(content) - 2 * 4096)
    path.write_bytes(content)
    for _ in range(2):
        assert build_image_index(dataset, cache=cache).fingerprint == before
    reads.clear()
    assert build_image_index(dataset, cache=cache).fingerprint == before
    assert reads == []


def test_a_metadata_cache_that_has_become_too_large_forgets_what_came_first(
    make_folder: MakeFolder, cache: Cache, monkeypatch: pytest.MonkeyPatch, reads: list[str]
) -> None:
    dataset = open_dataset(make_folder({"a": 30, "b": 20}))
    build_image_index(dataset, cache=cache)
    monkeypatch.setattr("convscope.data.index.metadata_cache.MAX_BYTES", 10_000)
    reads.clear()
    build_image_index(dataset, cache=cache)
    assert 0 < len(reads) < 50
