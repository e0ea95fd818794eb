"""Changes of colour against Pillow, SciPy and colorsys."""

from __future__ import annotations

import colorsys
from collections.abc import Callable

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image, ImageEnhance, ImageOps
from scipy import ndimage

from convscope.data.augment import colour

RANDOM = np.random.default_rng(0)


def photo(height: int = 23, width: int = 31) -> NDArray[np.uint8]:
    """Soft noise: neighbouring pixels are alike, as in photos, and all levels occur."""
    noise = ndimage.gaussian_filter(RANDOM.normal(size=(height, width, 3)), (2, 2, 0))
    noise = (noise - noise.min()) / (noise.max() - noise.min())
    pixels: NDArray[np.uint8] = np.rint(noise * 255).astype(np.uint8)
    return pixels


def planes(*pictures: NDArray[np.uint8]) -> torch.Tensor:
    stacked = np.stack(pictures).astype(np.float32)
    return torch.from_numpy(stacked.transpose(0, 3, 1, 2).copy())


def pixels(images: torch.Tensor) -> NDArray[np.float32]:
    return images.permute(0, 2, 3, 1).numpy()


@pytest.mark.parametrize("factor", [0.0, 0.4, 1.0, 1.7])
@pytest.mark.parametrize(
    ("name", "enhance"),
    [
        ("brightness", ImageEnhance.Brightness),
        ("contrast", ImageEnhance.Contrast),
        ("saturation", ImageEnhance.Color),
    ],
)
def test_brightness_contrast_and_saturation_are_pillows_within_a_level(
    name: str, enhance: Callable[[Image.Image], ImageEnhance.Color], factor: float
) -> None:
    picture = photo()
    expected = np.asarray(enhance(Image.fromarray(picture)).enhance(factor)).astype(int)
    got = pixels(colour.adjust_colours(planes(picture), **{name: torch.tensor([factor])}))[0]
    assert np.abs(got - expected).max() <= 1.3


def test_brightness_contrast_and_saturation_together_are_one_after_the_other() -> None:
    picture = planes((photo() / 4 + 96).astype(np.uint8))  # nothing is cut off on the way
    by = {
        "brightness": torch.tensor([1.1]),
        "contrast": torch.tensor([0.7]),
        "saturation": torch.tensor([1.4]),
    }
    expected = picture
    for name, factor in by.items():
        expected = colour.adjust_colours(expected, **{name: factor})
    assert 0 < expected.min() < expected.max() < 255
    torch.testing.assert_close(colour.adjust_colours(picture, **by), expected, atol=0.5, rtol=0)


def test_each_image_gets_its_own_factor() -> None:
    picture = photo()
    got = colour.adjust_colours(planes(picture, picture), brightness=torch.tensor([1.0, 0.5]))
    np.testing.assert_allclose(pixels(got)[0], picture)
    np.testing.assert_allclose(pixels(got)[1], picture / 2)


@pytest.mark.parametrize("turn", [-0.5, -0.21, 0.0, 0.1, 0.5])
def test_hue_is_turned_as_colorsys_says(turn: float) -> None:
    picture = photo(7, 9)
    picture[0, :3] = [[0, 0, 0], [255, 255, 255], [90, 90, 90]]
    expected = np.empty((7, 9, 3))
    for row in range(7):
        for column in range(9):
            hue, saturation, value = colorsys.rgb_to_hsv(*(picture[row, column] / 255))
            expected[row, column] = colorsys.hsv_to_rgb((hue + turn) % 1, saturation, value)
    got = pixels(colour.adjust_hue(planes(picture), torch.tensor([turn])))[0]
    np.testing.assert_allclose(got, expected * 255, atol=1e-2)


def test_grey_is_pillows_within_a_level() -> None:
    picture = photo()
    expected = np.asarray(Image.fromarray(picture).convert("L")).astype(float)
    got = pixels(colour.to_grey(planes(picture)))[0]
    for channel in range(3):
        assert np.abs(got[:, :, channel] - expected).max() <= 0.51


def test_blur_is_scipys_gaussian_filter() -> None:
    pictures = planes(photo(), photo())
    got = colour.gaussian_blur(pictures, np.array([2.0, 0.5]))
    for image, (sigma, radius) in enumerate(((2.0, 8), (0.5, 2))):
        for channel in range(3):
            plane = pictures[image, channel].numpy().astype(float)
            expected = ndimage.gaussian_filter(plane, sigma, mode="mirror", radius=radius)
            np.testing.assert_allclose(got[image, channel].numpy(), expected, atol=1e-3)


@pytest.mark.parametrize("size", [(1, 1), (1, 5), (2, 3), (6, 2)])
def test_blur_of_images_smaller_than_its_reach_ends_at_the_mirrored_image(
    size: tuple[int, int],
) -> None:
    plane = RANDOM.uniform(0, 255, size).astype(np.float32)
    got = colour.gaussian_blur(torch.from_numpy(plane)[None, None], np.array([2.0]))
    radius = [min(8, side - 1) for side in size]
    expected = ndimage.gaussian_filter(plane.astype(float), 2.0, mode="mirror", radius=radius)
    np.testing.assert_allclose(got[0, 0].numpy(), expected, atol=1e-3)


@pytest.mark.parametrize("factor", [0.0, 0.3, 1.0, 1.9])
def test_sharpness_is_pillows_up_to_its_rounding(factor: float) -> None:
    picture = photo()
    expected = ImageEnhance.Sharpness(Image.fromarray(picture)).enhance(factor)
    got = pixels(colour.adjust_sharpness(planes(picture), torch.tensor([factor])))[0]
    assert np.abs(got - np.asarray(expected).astype(int)).max() <= 1.6


def test_sharpness_leaves_images_without_an_inside_alone() -> None:
    tiny = planes(photo(2, 9))
    assert torch.equal(colour.adjust_sharpness(tiny, torch.tensor([1.9])), tiny)


@pytest.mark.parametrize("lost_bits", [0, 1, 4, 6])
def test_posterize_is_pillows(lost_bits: int) -> None:
    picture = photo()
    expected = np.asarray(ImageOps.posterize(Image.fromarray(picture), 8 - lost_bits))
    got = pixels(colour.posterize(planes(picture), torch.tensor([float(lost_bits)])))[0]
    np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("threshold", [0, 100, 255, 256])
def test_solarize_is_pillows(threshold: int) -> None:
    picture = photo()
    expected = np.asarray(ImageOps.solarize(Image.fromarray(picture), threshold))
    got = pixels(colour.solarize(planes(picture), torch.tensor([float(threshold)])))[0]
    np.testing.assert_array_equal(got, expected)


def narrow() -> NDArray[np.uint8]:
    """A picture with few levels, and one channel of one level only."""
    picture = (photo() // 3 + 40).astype(np.uint8)
    picture[:, :, 2] = 77
    return picture


def test_autocontrast_is_pillows_within_a_level() -> None:
    picture = narrow()
    expected = np.asarray(ImageOps.autocontrast(Image.fromarray(picture))).astype(int)
    got = pixels(colour.autocontrast(planes(picture)))[0]
    assert np.abs(got - expected).max() <= 1


@pytest.mark.parametrize("make", [photo, narrow])
def test_equalize_is_pillows(make: Callable[[], NDArray[np.uint8]]) -> None:
    picture = make()
    expected = np.asarray(ImageOps.equalize(Image.fromarray(picture)))
    got = pixels(colour.equalize(planes(photo(), picture)))[1]
    np.testing.assert_array_equal(got, expected)


def test_grey_images_have_brightness_and_contrast() -> None:
    picture = photo()[:, :, :1]
    one = Image.fromarray(picture[:, :, 0])
    expected = np.asarray(ImageEnhance.Contrast(one).enhance(0.5)).astype(int)
    got = pixels(colour.adjust_colours(planes(picture), contrast=torch.tensor([0.5])))[0, :, :, 0]
    assert np.abs(got - expected).max() <= 1.3
