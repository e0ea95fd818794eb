"""The cache folder: bounded, least recently used goes first."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from convscope.cache import DEFAULT_LIMIT_BYTES, MIN_FREE_BYTES, Cache
from convscope.errors import RunError

STORE = f"{'0' * 16}-{'a' * 32}"


def add(cache: Cache, name: str, *, used: float, kilobytes: int = 100) -> Path:
    folder = cache.stores / name
    folder.mkdir(parents=True)
    (folder / "pixels.bin").write_bytes(bytes(kilobytes * 1000))
    (folder / "words.txt").write_text(f"{name} at 8x8")
    os.utime(folder / "words.txt", (used, used))
    return folder


def names(cache: Cache) -> list[str]:
    return [entry.path.name for entry in cache.entries()]


def test_entries_are_listed_by_their_last_use(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    assert cache.entries() == []
    add(cache, "b", used=200)
    a = add(cache, "a", used=300)
    add(cache, "c", used=100)
    assert names(cache) == ["c", "b", "a"]
    cache.mark_used(cache.stores / "c")
    assert names(cache) == ["b", "a", "c"]
    assert cache.entries()[1].description == "a at 8x8"
    assert cache.entries()[1].bytes >= (a / "pixels.bin").stat().st_size


def test_what_was_used_longest_ago_goes_first(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    for number, name in enumerate("abcd"):
        add(cache, name, used=number)
    cache.set_limit(330_000)
    assert names(cache) == ["b", "c", "d"]
    assert cache.make_room(150_000)
    assert names(cache) == ["d"]


def test_what_is_larger_than_the_limit_gets_no_room_and_removes_nothing(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    cache.set_limit(150_000)
    add(cache, "a", used=1)
    assert not cache.make_room(200_000)
    assert names(cache) == ["a"]


def test_a_disk_that_is_nearly_full_gets_what_removing_can_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = Cache(tmp_path)
    add(cache, "a", used=1)
    add(cache, "b", used=2)

    def usage(_: Path) -> shutil._ntuple_diskusage:
        free = MIN_FREE_BYTES + 200_000 - 100_000 * len(cache.entries())
        return shutil._ntuple_diskusage(10**12, 10**12 - free, free)

    monkeypatch.setattr(shutil, "disk_usage", usage)
    assert not cache.make_room(300_000)
    assert names(cache) == ["a", "b"]
    assert cache.make_room(50_000)
    assert names(cache) == ["b"]


def test_a_file_with_holes_takes_what_it_holds(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    folder = add(cache, "a", used=1, kilobytes=0)
    with (folder / "pixels.bin").open("wb") as file:
        file.truncate(10**9)
    assert cache.entries()[0].bytes < 10**6


def test_the_limit_counts_what_a_store_may_grow_to(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    folder = add(cache, "a", used=1, kilobytes=0)
    with (folder / "pixels.bin").open("wb") as file:
        file.truncate(900_000)
    cache.set_limit(1_000_000)
    assert not cache.make_room(200_000, keep=[folder])
    assert names(cache) == ["a"]
    assert cache.make_room(200_000)
    assert names(cache) == []


def test_what_killed_processes_left_is_swept_away(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    growing = f"{'1' * 16}-growing-{'2' * 16}"
    new = [f".{name}.convscope-new-abcd123_" for name in (STORE, growing)]
    for name in (f".{STORE}.removed", *new, STORE, growing):
        folder = add(cache, name, used=1)
        if not name.startswith("."):
            (folder / "words.txt").unlink()
        os.utime(folder, (1, 1))
    fresh = cache.stores / f".{STORE}.convscope-new-abcd1235"
    fresh.mkdir()
    assert names(cache) == []
    cache.clear()
    assert list(cache.stores.iterdir()) == [fresh]


@pytest.mark.parametrize(
    "name",
    [".git", ".x.abcd1234", ".x.removed", "photos", f"{STORE}.bak", ".new-abcd1234"]
    + [".photos.convscope-new-abcd1234", f".{STORE}.convscope-old-abcd1234"],
)
def test_folders_of_others_are_never_swept_away(tmp_path: Path, name: str) -> None:
    cache = Cache(tmp_path)
    folder = cache.stores / name
    folder.mkdir(parents=True)
    (folder / "file").touch()
    os.utime(folder, (1, 1))
    cache.clear()
    cache.make_room(1)
    assert (folder / "file").exists()


@pytest.mark.skipif(os.name != "posix", reason="links are POSIX's")
def test_a_store_that_can_not_be_read_is_not_taken_for_incomplete(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    folder = add(cache, STORE, used=1)
    (folder / "words.txt").unlink()
    (folder / "words.txt").symlink_to("words.txt")  # the system fails to say what is there
    os.utime(folder, (1, 1))
    cache.make_room(1)
    assert (folder / "pixels.bin").exists()


def test_clearing_removes_stores_and_catalogue_and_keeps_downloads(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    add(cache, "a", used=1)
    (tmp_path / "catalogue.sqlite").write_bytes(bytes(5000))
    (tmp_path / "weights.pth").write_bytes(b"asked for")
    assert cache.clear() > 100_000
    assert sorted(path.name for path in tmp_path.iterdir()) == ["stores", "weights.pth"]
    assert names(cache) == []


BAD_LIMITS = ('"x"', "1e400", "NaN", "-1", "true", "[9]", "null", "9" * 5000, "1.5")


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", "[" * 9999, *(f'{{"limit_bytes": {bad}}}' for bad in BAD_LIMITS)]
)
def test_damaged_settings_are_named_until_there_is_a_new_limit(
    tmp_path: Path, content: str
) -> None:
    (tmp_path / "settings.json").write_text(content)
    cache = Cache(tmp_path)
    with pytest.raises(RunError, match=r"settings\.json` (can't be used|has format)") as caught:
        cache.make_room(1)
    assert caught.value.hint is not None
    cache.set_limit(5 * 10**9)
    assert cache.limit_bytes == 5 * 10**9


@pytest.mark.parametrize("folder", ["", "none", "file/below"])
def test_a_cache_without_settings_has_the_usual_limit(tmp_path: Path, folder: str) -> None:
    (tmp_path / "file").touch()
    assert Cache(tmp_path / folder).limit_bytes == DEFAULT_LIMIT_BYTES


def test_a_damaged_description_is_shown_as_far_as_it_can_be_read(tmp_path: Path) -> None:
    folder = add(Cache(tmp_path), "a", used=1)
    (folder / "words.txt").write_bytes(b"photos \xff\x1b[31m\n" + b"x" * 9999)
    (entry,) = Cache(tmp_path).entries()
    assert entry.description.startswith("photos \\xff\\x1b[31m\\nxxx")
    assert len(entry.description) < 600
