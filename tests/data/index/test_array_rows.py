"""Images in arrays: measured by blocks, to the same bits as one by one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from convscope.cache import Cache
from convscope.data.dataset import ArrayImages, Dataset
from convscope.data.decoding.content import Decoded, Decoding
from convscope.data.index import array_rows
from convscope.data.index.image_index import build_image_index
from convscope.data.index.scan import hash_content, scan_images
from convscope.data.index.statistics import measure, measure_pixels, thumbnail_of
from convscope.data.pixels.preprocessing import Preprocessing

SHAPES = [(28, 28, 1), (32, 32, 3), (8, 8, 1), (40, 25, 3), (20, 90, 1), (150, 260, 3), (1, 2, 3)]


def pictures(shape: tuple[int, int, int], count: int = 5) -> NDArray[np.uint8]:
    pixels = np.random.default_rng(0).integers(0, 256, (count, *shape), dtype=np.uint8)
    pixels[0], pixels[1, : shape[0] // 2] = 77, 3
    return pixels


def data_of(pixels: NDArray[np.generic]) -> Dataset:
    count = len(pixels)
    return Dataset(
        name="array",
        images=ArrayImages(pixels, tuple(map(str, range(count)))),
        labels=np.arange(count) % 2,
        classes=("a", "b"),
        given_splits=("",) * count,
    )


@pytest.mark.parametrize("shape", SHAPES)
def test_images_measured_together_have_the_statistics_of_each_alone(
    shape: tuple[int, int, int],
) -> None:
    pixels = pictures(shape)
    together = measure_pixels(pixels)
    for row, image in zip(together, pixels, strict=True):
        alone = measure(Decoded(image, "", "", num_frames=0, orientation=0))
        assert row.tobytes() == alone.tobytes()
        np.testing.assert_array_equal(row["thumbnail"], thumbnail_of(image))


def test_a_scan_of_an_array_finds_what_decoding_each_image_finds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    dataset = data_of(pictures((12, 10, 3), count=40))
    monkeypatch.setattr(array_rows, "BLOCK_BYTES", 7 * 360)  # blocks that don't come out even
    chosen = dataset.take(np.array([31, 2, 2, 17, 5, 30, 8, 9, 10, 11, 12]))
    by_blocks = scan_images(chosen)
    monkeypatch.setattr(array_rows.ArrayRows, "of", lambda images, decoding: None)
    one_by_one = scan_images(chosen)
    assert by_blocks.statistics.tobytes() == one_by_one.statistics.tobytes()
    assert by_blocks.contents == one_by_one.contents
    assert by_blocks.contents[0] == hash_content(dataset.images.content(31))
    assert by_blocks.damaged == one_by_one.damaged == {}


@pytest.mark.parametrize(
    ("pixels", "decoding"),
    [
        (np.zeros((3, 9, 9, 4), dtype=np.uint8), Decoding()),
        (np.zeros((3, 9, 9, 1), dtype=np.uint16), Decoding()),
        (np.zeros((3, 9, 9, 1), dtype=np.uint8), Decoding(max_pixels=80)),
    ],
)
def test_arrays_that_are_decoded_or_refused_are_looked_at_one_by_one(
    pixels: NDArray[np.generic], decoding: Decoding
) -> None:
    found = scan_images(data_of(pixels), decoding)
    assert len(found.damaged) == (3 if decoding.max_pixels == 80 else 0)
    assert not found.statistics["channels"][:1].tobytes().strip(b"\0\1\3")


def test_the_scan_of_an_array_keeps_it_at_the_size_that_is_needed(tmp_path: Path) -> None:
    dataset = data_of(pictures((12, 10, 3)))
    small = Preprocessing(height=8, width=8, channels=3, mean=(0.0,) * 3, std=(1.0,) * 3)
    index = build_image_index(dataset, cache=Cache(tmp_path), geometries=[small])
    assert index.pixels(small).is_at_hand
    expected = [small.apply(dataset[number][0]) for number in range(5)]
    np.testing.assert_array_equal(index.pixels(small).take(np.arange(5)).numpy(), expected)
