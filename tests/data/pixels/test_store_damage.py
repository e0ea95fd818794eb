"""The store on a disk that changes what it holds: no damaged pixel is used, and no error recurs."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest

from conftest import MakeFolder, make_pictures
from convscope.cache import Cache
from convscope.data.index.image_index import build_image_index
from convscope.data.pixels.preprocessing import Preprocessing
from convscope.data.sources.opening import open_dataset
from convscope.progress import Reporter

pytestmark = pytest.mark.slow

SMALL = Preprocessing(height=8, width=8, channels=3, mean=(0.0,) * 3, std=(1.0,) * 3)
LARGE = Preprocessing(height=80, width=72, channels=3, mean=(0.0,) * 3, std=(1.0,) * 3)
ALL = np.arange(12)
NOBODY = 65534  # a user without rights


def taken(root: Path, cache: Cache | None, size: Preprocessing, said: io.StringIO) -> np.ndarray:
    index = build_image_index(
        open_dataset(root), cache=cache, geometries=[size], reporter=Reporter(file=said)
    )
    pixels = index.pixels(size).take(ALL).numpy()
    index.note()
    return pixels


def flip(content: bytearray) -> None:
    content[len(content) // 3] ^= 1


def zero(content: bytearray) -> None:
    content[len(content) // 4 : len(content) // 2] = bytes(len(content) // 2 - len(content) // 4)


def fill_with_garbage(content: bytearray) -> None:
    content[:] = np.random.default_rng(0).bytes(len(content))


def swap_halves(content: bytearray) -> None:
    half = (len(content) - 16) // 2 // 16 * 16
    content[16:] = content[16 + half :] + content[16 : 16 + half]


def cut(content: bytearray) -> None:
    del content[len(content) // 2 :]


def cut_off_all(content: bytearray) -> None:
    content.clear()


def lengthen(content: bytearray) -> None:
    content.extend(bytes(7))


def set_all(content: bytearray) -> None:
    content[16:] = b"\1" * (len(content) - 16)


CHANGES = (flip, zero, fill_with_garbage, swap_halves, cut, cut_off_all, lengthen, set_all)
DAMAGES = [
    *(("pixels.bin", change, SMALL) for change in CHANGES),
    *(("pixels.bin", change, LARGE) for change in (flip, zero, cut)),
    *(("contents.bin", change, SMALL) for change in CHANGES),
    *(("filled.bin", change, SMALL) for change in (flip, fill_with_garbage, set_all, cut)),
    *(("words.txt", change, SMALL) for change in (fill_with_garbage, cut_off_all)),
]


@pytest.mark.parametrize(("file", "change", "size"), DAMAGES)
def test_a_store_that_the_disk_changed_gives_the_right_pixels_and_is_whole_again(
    make_folder: MakeFolder,
    tmp_path: Path,
    file: str,
    change: Callable[[bytearray], None],
    size: Preprocessing,
) -> None:
    root, cache, said = make_folder({"a": 6, "b": 6}), Cache(tmp_path / "cache"), io.StringIO()
    true = taken(root, None, size, said)
    np.testing.assert_array_equal(taken(root, cache, size, said), true)
    (entry,) = cache.entries()
    content = bytearray((entry.path / file).read_bytes())
    change(content)
    (entry.path / file).write_bytes(content)
    assert said.getvalue() == ""
    np.testing.assert_array_equal(taken(root, cache, size, said), true)
    if file == "pixels.bin" and change in (flip, zero, fill_with_garbage, swap_halves):
        assert said.getvalue().count("are damaged; they are decoded anew") == 1
    (entry,) = cache.entries()
    assert entry.description.isprintable()
    said_before = said.getvalue()
    np.testing.assert_array_equal(taken(root, cache, size, said), true)
    assert said.getvalue() == said_before


def test_a_store_of_an_older_version_is_not_read(make_folder: MakeFolder, tmp_path: Path) -> None:
    root, cache, said = make_folder({"a": 6, "b": 6}), Cache(tmp_path / "cache"), io.StringIO()
    true = taken(root, cache, SMALL, said)
    (entry,) = cache.entries()
    content = (entry.path / "pixels.bin").read_bytes()
    (entry.path / "pixels.bin").write_bytes(content[: 12 * 8 * 8 * 3])  # rows had no checksum
    np.testing.assert_array_equal(taken(root, cache, SMALL, said), true)


@contextmanager
def without_rights_of_root() -> Iterator[None]:
    """Context manager for root, who may read everything, to be somebody else."""
    is_root = os.geteuid() == 0
    if is_root:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if is_root:
            os.seteuid(0)


def test_a_store_that_may_not_be_read_is_left_alone() -> None:
    with TemporaryDirectory() as folder:  # others may not even enter the folders of pytest
        root, cache, said = Path(folder, "pets"), Cache(Path(folder, "cache")), io.StringIO()
        make_pictures(root, {"a": 6, "b": 6})
        true = taken(root, cache, SMALL, said)
        (entry,) = cache.entries()
        for place in (Path(folder), *Path(folder).rglob("*")):
            place.chmod(0o777)
        (entry.path / "pixels.bin").chmod(0)
        with without_rights_of_root():
            np.testing.assert_array_equal(taken(root, cache, SMALL, said), true)
        (entry.path / "pixels.bin").chmod(0o600)
        assert cache.entries()[0].path == entry.path
