"""Where pixels come from: crops, shifts, mirrors and rotations, against Pillow, NumPy and SciPy."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from convscope.data.augment.augmentation import Augmentation
from convscope.data.augment.geometry import (
    AffineTransforms,
    composed,
    full_boxes,
    identities,
    random_resized_crops,
    rotations,
)
from convscope.data.augment.sampling import resize_batch, resize_one_by_one, sample
from convscope.errors import UsageError
from convscope.rng import Draws

NOISE = np.random.default_rng(0).integers(0, 256, (6, 20, 28, 3), dtype=np.uint8)


def soft(count: int, height: int, width: int) -> NDArray[np.uint8]:
    noise = np.random.default_rng(1).normal(size=(count, height, width, 3))
    noise = ndimage.gaussian_filter(noise, (0, 2, 2, 0))
    noise = (noise - noise.min()) / np.ptp(noise)
    pixels: NDArray[np.uint8] = np.rint(noise * 255).astype(np.uint8)
    return pixels


def geometry(pixels: NDArray[np.uint8], **changes: object) -> AffineTransforms:
    count, height, width = pixels.shape[:3]
    nothing = np.zeros(count, dtype=np.int64)
    plain: dict[str, object] = {
        "boxes": full_boxes(count, height=height, width=width),
        "is_cropped": False,
        "is_hflipped": nothing == 1,
        "is_vflipped": nothing == 1,
        "down": nothing,
        "right": nothing,
        "warps": identities(count),
        "is_warped": nothing == 1,
    }
    return AffineTransforms(**{**plain, **changes})  # type: ignore[arg-type]


def apply(augmentation: Augmentation, pixels: NDArray[np.uint8], **given: object) -> torch.Tensor:
    options = {"seed": 3, "epoch": 1, "indices": np.arange(len(pixels)), **given}
    return augmentation.apply(torch.from_numpy(pixels), **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("quarters", [1, 2, 3, -1])
def test_a_quarter_turn_is_rot90(quarters: int) -> None:
    square = soft(2, 17, 17)
    angle = np.full(2, quarters * math.pi / 2)
    turned = sample(
        torch.from_numpy(square),
        geometry(square, warps=rotations(angle, np.ones(2)), is_warped=np.ones(2, dtype=bool)),
        (17, 17),
    )
    expected = np.rot90(square, quarters, axes=(1, 2)).astype(np.float32)
    np.testing.assert_allclose(turned.numpy(), expected, atol=0.01)


def test_everything_at_once_is_one_bilinear_resampling() -> None:
    pixels = soft(3, 24, 30)
    draws = Draws(0, 0, np.arange(3))
    sizes = np.full((3, 2), (24, 30))
    boxes = random_resized_crops(
        draws, sizes, smallest=0.3, ratios=(0.75, 1.33), height=24, width=30
    )
    angle, size = np.radians([20.0, -35.0, 5.0]), np.array([1.2, 0.9, 1.0])
    down, right = np.array([2, 0, -3]), np.array([1, -2, 0])
    is_hflipped = np.array([True, False, True])
    is_vflipped = np.array([False, True, True])
    got = sample(
        torch.from_numpy(pixels),
        geometry(
            pixels,
            boxes=boxes,
            is_cropped=True,
            is_hflipped=is_hflipped,
            is_vflipped=is_vflipped,
            down=down,
            right=right,
            warps=rotations(angle, size),
            is_warped=np.ones(3, dtype=bool),
        ),
        (16, 18),
    )
    for image in range(3):
        expected = np.empty((16, 18, 3))
        places = np.empty((2, 16, 18))
        for row in range(16):
            for column in range(18):
                x, y = column - 8.5, row - 7.5
                x, y = (-x if is_hflipped[image] else x), (-y if is_vflipped[image] else y)
                cos, sin = math.cos(angle[image]), math.sin(angle[image])
                x, y = (cos * x - sin * y) / size[image], (sin * x + cos * y) / size[image]
                x, y = x + right[image] + 9, y + down[image] + 8
                places[0, row, column] = boxes.top[image] + y / 16 * boxes.height[image] - 0.5
                places[1, row, column] = boxes.left[image] + x / 18 * boxes.width[image] - 0.5
        for channel in range(3):
            expected[:, :, channel] = ndimage.map_coordinates(
                pixels[image, :, :, channel].astype(float), places, order=1, mode="reflect"
            )
        np.testing.assert_allclose(got[image].numpy(), expected, atol=0.01)


def test_maps_are_composed_in_order() -> None:
    quarter = rotations(np.array([math.pi / 2]), np.array([1.0]))
    step = identities(1)
    step[0, :, 2] = (10, 0)
    # (1, 2) turns to (-2, 1) and then moves; the other way round, (11, 2) turns.
    np.testing.assert_allclose(composed(quarter, step)[0] @ (1, 2, 1), (8, 1), atol=1e-12)
    np.testing.assert_allclose(composed(step, quarter)[0] @ (1, 2, 1), (-2, 11), atol=1e-12)


@pytest.mark.parametrize("resized", [resize_one_by_one, resize_batch])
@pytest.mark.parametrize("out_size", [(16, 18), (9, 50)])
def test_crops_are_what_pillow_resizes_within_a_level(
    resized: Callable[..., torch.Tensor], out_size: tuple[int, int]
) -> None:
    pixels = soft(12, 30, 38)
    draws = Draws(0, 0, np.arange(12))
    sizes = np.full((12, 2), (60, 70))
    boxes = random_resized_crops(draws, sizes, smallest=0.05, ratios=(0.5, 2), height=30, width=38)
    is_hflipped = draws.uniform("left") < 0.5
    is_vflipped = draws.uniform("top") < 0.5
    crops = geometry(
        pixels, boxes=boxes, is_cropped=True, is_hflipped=is_hflipped, is_vflipped=is_vflipped
    )
    got = resized(torch.from_numpy(pixels), crops, out_size)
    assert got.dtype == torch.uint8
    for image in range(12):
        top, left = boxes.top[image], boxes.left[image]
        box = (left, top, left + boxes.width[image], top + boxes.height[image])
        part = Image.fromarray(pixels[image]).crop(box)
        expected = np.asarray(part.resize(out_size[::-1], Image.Resampling.BILINEAR)).astype(int)
        expected = expected[:, ::-1] if is_hflipped[image] else expected
        expected = expected[::-1] if is_vflipped[image] else expected
        assert np.abs(got[image].numpy() - expected).max() <= 1


def test_a_flat_image_stays_flat_whatever_is_cropped_and_turned() -> None:
    flat = np.full((20, 40, 40, 3), 201, dtype=np.uint8)
    for out_size in ((32, 32), (90, 100)):
        assert (apply(Augmentation(crop_scale=0.1), flat, out_size=out_size) == 201).all()
    turned = apply(Augmentation(rotate=180, scale=0.5, translate=0.4), flat)
    torch.testing.assert_close(turned, torch.full_like(turned, 201), atol=1e-3, rtol=0)


@pytest.mark.parametrize("side", [24, 100])
def test_a_crop_of_the_whole_image_at_its_own_size_is_the_image(side: int) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (5, side, side, 3), dtype=np.uint8)
    kept = apply(Augmentation(crop_scale=1.0, crop_ratio=(1.0, 1.0)), pixels)
    np.testing.assert_array_equal(kept.numpy(), pixels)


def reference_crop(
    source: random.Random, height: int, width: int, smallest: float
) -> tuple[float, float, float, float]:
    """Top, left, height and width as shares, one try after the other as the definition says."""
    for _ in range(10):
        area = height * width * source.uniform(smallest, 1)
        ratio = math.exp(source.uniform(math.log(3 / 4), math.log(4 / 3)))
        w, h = math.sqrt(area * ratio), math.sqrt(area / ratio)
        if w <= width and h <= height:
            top, left = source.uniform(0, height - h), source.uniform(0, width - w)
            return top / height, left / width, h / height, w / width
    if width / height > 4 / 3:
        h, w = float(height), height * 4 / 3
    elif width / height < 3 / 4:
        h, w = width / (3 / 4), float(width)
    else:
        h, w = float(height), float(width)
    return (height - h) / 2 / height, (width - w) / 2 / width, h / height, w / width


@pytest.mark.slow
@pytest.mark.parametrize("size", [(100, 100), (60, 90), (300, 100), (20, 200)])
@pytest.mark.parametrize("smallest", [0.08, 0.9])
def test_random_resized_crops_are_distributed_as_defined(
    size: tuple[int, int], smallest: float
) -> None:
    count = 4000
    source = random.Random(0)
    expected = np.array([reference_crop(source, *size, smallest) for _ in range(count)])
    sizes = np.full((count, 2), size)
    boxes = random_resized_crops(
        Draws(1, 2, np.arange(count)),
        sizes,
        smallest=smallest,
        ratios=(3 / 4, 4 / 3),
        height=1000,
        width=1000,
    )
    got = np.stack(boxes, axis=1) / 1000
    for column in range(4):
        tenths = np.linspace(0.05, 0.95, 10)
        np.testing.assert_allclose(
            np.quantile(got[:, column], tenths),
            np.quantile(expected[:, column], tenths),
            atol=0.03,
        )
    assert (got[:, 0] + got[:, 2]).max() <= 1
    assert (got[:, 1] + got[:, 3]).max() <= 1
    areas = [(boxes[:, 2] * boxes[:, 3]).mean() for boxes in (got, expected)]
    assert areas[0] == pytest.approx(areas[1], abs=0.02)


def test_the_shape_of_a_crop_refers_to_the_original_image() -> None:
    """On a square canvas, a crop of a panorama that is square in the original looks narrow."""
    boxes = random_resized_crops(
        Draws(0, 0, np.arange(50)),
        np.full((50, 2), (100, 400)),
        smallest=0.1,
        ratios=(1.0, 1.0),
        height=256,
        width=256,
    )
    np.testing.assert_allclose(boxes.height / boxes.width, 4, rtol=0.05)


def test_the_smallest_crop_has_a_pixel() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (40, 2, 3, 1), dtype=np.uint8)
    got = apply(Augmentation(crop_scale=1e-6), pixels, out_size=(5, 4))
    assert got.shape == (40, 5, 4, 1)
    assert pixels.min() <= got.min() <= got.max() <= pixels.max()


def test_a_padded_crop_is_a_window_of_the_framed_image_and_every_window_occurs() -> None:
    pixels = np.repeat(NOISE[:1], 600, axis=0)
    framed = np.pad(NOISE[0], ((2, 2), (2, 2), (0, 0)))
    got = apply(Augmentation(pad_crop=2), pixels)
    assert got.dtype == torch.uint8
    windows = {
        framed[top : top + 20, left : left + 28].tobytes() for top in range(5) for left in range(5)
    }
    assert {image.numpy().tobytes() for image in got} == windows


def test_upside_down_is_exact_and_keeps_levels() -> None:
    got = apply(Augmentation(vflip=1.0), NOISE)
    np.testing.assert_array_equal(got.numpy(), NOISE[:, ::-1])


@pytest.mark.parametrize("augmentation", [Augmentation(hflip=1.0), Augmentation(vflip=1.0)])
def test_mirrors_of_crops_are_mirrors(augmentation: Augmentation) -> None:
    axis = 2 if augmentation.hflip else 1
    flips: dict[str, Any] = {"hflip": augmentation.hflip, "vflip": augmentation.vflip}
    for out_size in ((15, 13), (80, 90)):
        plain = apply(Augmentation(crop_scale=0.2), NOISE, out_size=out_size)
        mirrored = apply(Augmentation(crop_scale=0.2, **flips), NOISE, out_size=out_size)
        assert torch.equal(mirrored, plain.flip(axis))


def test_alternating_mirrors_show_both_sides_in_any_two_epochs() -> None:
    pixels = np.repeat(NOISE, 50, axis=0)
    augmentation = Augmentation(hflip=0.5, flip_mode="alternating")
    epochs = [apply(augmentation, pixels, epoch=epoch).numpy() for epoch in range(4)]
    is_hflipped = np.array([(got != pixels).any(axis=(1, 2, 3)) for got in epochs])
    assert (is_hflipped[:-1] != is_hflipped[1:]).all()
    assert 0.4 < is_hflipped[0].mean() < 0.6
    other_seed = apply(augmentation, pixels, seed=4).numpy()
    assert (other_seed != epochs[1]).any()


def test_another_size_without_crops_is_an_error() -> None:
    with pytest.raises(UsageError, match="of 20x28 can't become 16x16 without `crop_scale`"):
        apply(Augmentation(hflip=0.5), NOISE, out_size=(16, 16))
