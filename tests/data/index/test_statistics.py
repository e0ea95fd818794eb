from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from convscope.data.decoding.content import Decoded
from convscope.data.decoding.decode import decode_content
from convscope.data.index.statistics import (
    STATISTICS,
    THUMBNAIL_PX,
    hash_pixels,
    measure,
    thumbnail_of,
)
from convscope.data.sources.opening import open_dataset


def statistics_of(pixels: NDArray[np.uint8]) -> NDArray[np.void]:
    return measure(Decoded(pixels, "PNG", "RGB", orientation=6, num_frames=3))


def noise(height: int, width: int, channels: int = 3, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (height, width, channels), dtype=np.uint8)


def photos(folder: Path) -> list[NDArray[np.uint8]]:
    images = open_dataset(folder / "flowers").images
    return [decode_content(images.content(index)).pixels for index in range(0, len(images), 12)]


def blurred(pixels: NDArray[np.uint8], radius: float) -> NDArray[np.uint8]:
    return np.asarray(Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(radius)))


def test_statistics_are_those_of_the_image_and_its_file() -> None:
    pixels = noise(40, 30)
    row = statistics_of(pixels)
    assert row.dtype == STATISTICS
    assert row[["height", "width", "channels"]].item() == (40, 30, 3)
    assert row[["orientation", "num_frames", "format"]].item() == (6, 3, b"PNG")
    assert row["pixels"] == hash_pixels(pixels)
    scaled = pixels.reshape(-1, 3) / 255
    assert row["mean"] == pytest.approx(scaled.mean(axis=0), rel=1e-5)
    assert row["square"] == pytest.approx((scaled**2).mean(axis=0), rel=1e-5)


def test_a_grey_image_has_the_same_statistics_as_its_copy_in_three_channels() -> None:
    grey = noise(50, 60, channels=1)
    one, three = statistics_of(grey), statistics_of(np.repeat(grey, 3, axis=2))
    for name in ("mean", "square", "darkest", "lightest", "contrast", "sharpness"):
        assert one[name] == pytest.approx(three[name], abs=0.005), name
    difference = one["thumbnail"].astype(int) - three["thumbnail"].astype(int)
    assert np.abs(difference).max() <= 1


def test_contrast_and_extremes_are_those_of_grey() -> None:
    pixels = np.zeros((64, 64, 1), dtype=np.uint8)
    pixels[:, 32:] = 255
    row = statistics_of(pixels)
    assert row["contrast"] == pytest.approx(0.5)
    assert row[["darkest", "lightest"]].item() == (0, 1)


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 9, 3), (2, 2, 3), (5, 700, 1), (3000, 2, 3)])
def test_images_of_any_size_have_statistics(shape: tuple[int, int, int]) -> None:
    row = statistics_of(noise(*shape))
    assert row["thumbnail"].shape == (THUMBNAIL_PX, THUMBNAIL_PX)
    assert 0 <= row["contrast"] <= 0.5


def test_an_image_of_one_colour_has_no_contrast_and_no_sharpness() -> None:
    row = statistics_of(np.full((50, 40, 3), 77, dtype=np.uint8))
    assert row["contrast"] == pytest.approx(0, abs=1e-4)
    assert np.isnan(row["sharpness"])


@pytest.mark.slow
def test_every_blurred_photo_is_less_sharp_than_itself_and_nearly_all_others(
    shared_data: Path,
) -> None:
    originals = photos(shared_data)
    sharp = np.array([statistics_of(pixels)["sharpness"] for pixels in originals])
    blurry = np.array(
        [
            statistics_of(blurred(pixels, min(pixels.shape[:2]) / 50))["sharpness"]
            for pixels in originals
        ]
    )
    assert (blurry < sharp).all()
    assert (blurry[:, np.newaxis] < sharp).mean() > 0.99


def test_sharpness_knows_nothing_of_brightness_and_contrast(shared_data: Path) -> None:
    for pixels in photos(shared_data)[:10]:
        dull = (pixels // 2 + 60).astype(np.uint8)
        assert statistics_of(dull)["sharpness"] == pytest.approx(
            statistics_of(pixels)["sharpness"], abs=0.02
        )


def test_thumbnails_of_one_photo_in_two_sizes_agree(shared_data: Path) -> None:
    for pixels in photos(shared_data)[:10]:
        image = Image.fromarray(pixels)
        half = np.asarray(image.resize((image.width // 2, image.height // 2)))
        difference = thumbnail_of(pixels).astype(float) - thumbnail_of(half)
        assert np.abs(difference).mean() < 4
