"""Augmentation as a whole: what an image's result depends on, and what can be asked for."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from convscope.data.augment.augmentation import Augmentation, default_augmentation
from convscope.data.augment.geometry import random_erasing
from convscope.errors import UsageError
from convscope.rng import Draws

Pixels = NDArray[np.uint8]

EVERYTHING = Augmentation(
    crop_scale=0.2,
    pad_crop=2,
    hflip=0.5,
    vflip=0.5,
    flip_mode="alternating",
    translate=0.1,
    rotate=20,
    scale=0.2,
    brightness=0.4,
    contrast=0.4,
    saturation=0.4,
    hue=0.1,
    grey=0.3,
    blur=0.5,
    erase=0.5,
    policy="randaugment",
)
KEEP_LEVELS = [
    Augmentation(hflip=0.5, vflip=0.5),
    Augmentation(pad_crop=3, hflip=0.5),
    Augmentation(translate=0.3),
    Augmentation(crop_scale=0.1, hflip=0.5, vflip=0.5),
    Augmentation(crop_scale=0.1, erase=0.5, pad_crop=2),
    Augmentation(erase=0.5),
]
COMPUTE = [
    Augmentation(rotate=20, scale=0.2),
    Augmentation(crop_scale=0.2, translate=0.2),
    Augmentation(brightness=0.4),
    Augmentation(contrast=0.4),
    Augmentation(saturation=0.9),
    Augmentation(hue=0.5),
    Augmentation(grey=0.5),
    Augmentation(blur=0.5),
    Augmentation(policy="randaugment", policy_ops=3, policy_magnitude=30),
    Augmentation(policy="trivialaugment", crop_scale=0.3, hflip=0.5),
    EVERYTHING,
]


def short(augmentation: Augmentation) -> str:
    return augmentation.describe()[:40]


def noise(count: int, height: int, width: int, channels: int = 3) -> Pixels:
    return np.random.default_rng(0).integers(0, 256, (count, height, width, channels), np.uint8)


def vary(augmentation: Augmentation, pixels: Pixels, rows: list[int], **given: int) -> torch.Tensor:
    """Some of the images, each of which has its own index and original size."""
    indices = np.arange(len(pixels)) * 13 + 5
    sizes = np.random.default_rng(1).integers(20, 400, (len(pixels), 2))
    height, width = pixels.shape[1:3]
    return augmentation.apply(
        torch.from_numpy(pixels[rows]),
        **{"seed": 1, "epoch": 2, **given},
        indices=indices[rows],
        sizes=sizes[rows],
        out_size=(height - 3, width - 5) if augmentation.crop_scale else None,
    )


@pytest.mark.slow
@pytest.mark.parametrize("augmentation", KEEP_LEVELS + COMPUTE, ids=short)
@pytest.mark.parametrize("size", [(13, 17), (67, 90)])
def test_an_images_result_does_not_depend_on_its_batch_to_the_bit(
    augmentation: Augmentation, size: tuple[int, int]
) -> None:
    pixels = noise(11, *size)
    together = vary(augmentation, pixels, list(range(11)))
    for rows in ([4], [10, 0, 3], [8, 7, 6, 5, 4, 3, 2]):
        assert torch.equal(vary(augmentation, pixels, rows), together[rows])


@pytest.mark.slow
@given(
    height=st.integers(1, 40),
    width=st.integers(1, 40),
    channels=st.sampled_from([1, 3]),
    count=st.integers(0, 5),
    augmentation=st.sampled_from(KEEP_LEVELS + COMPUTE),
    epoch=st.integers(0, 100),
)
@settings(max_examples=150, deadline=None)
def test_any_image_stays_within_0_and_255_and_gets_the_size_asked_for(
    height: int, width: int, channels: int, count: int, augmentation: Augmentation, epoch: int
) -> None:
    needs_colour = augmentation.saturation or augmentation.hue or augmentation.grey
    channels = 3 if needs_colour else channels
    pixels = torch.from_numpy(noise(count, height, width, channels))
    kept = pixels.clone()
    out_size = (7, 9) if augmentation.crop_scale else (height, width)
    got = augmentation.apply(
        pixels, seed=0, epoch=epoch, indices=np.arange(count), out_size=out_size
    )
    assert got.shape == (count, *out_size, channels)
    assert torch.equal(pixels, kept)
    if augmentation in KEEP_LEVELS:
        assert got.dtype == torch.uint8
    else:
        assert got.dtype == torch.float32
        assert ((got >= 0) & (got <= 255)).all()


@pytest.mark.slow
@pytest.mark.parametrize("augmentation", KEEP_LEVELS + COMPUTE, ids=short)
def test_seed_epoch_and_index_decide_what_is_done(augmentation: Augmentation) -> None:
    pixels, rows = noise(11, 20, 24), list(range(11))
    first = vary(augmentation, pixels, rows)
    assert torch.equal(vary(augmentation, pixels, rows), first)
    assert not torch.equal(vary(augmentation, pixels, rows, epoch=3), first)
    assert not torch.equal(vary(augmentation, pixels, rows, seed=2), first)
    same = np.repeat(pixels[:1], 11, axis=0)
    assert len({image.numpy().tobytes() for image in vary(augmentation, same, rows)}) > 1


def test_torchs_generator_is_neither_asked_nor_moved() -> None:
    torch.manual_seed(0)
    before = torch.get_rng_state()
    first = vary(EVERYTHING, noise(5, 20, 24), [0, 1, 2])
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(1)
    assert torch.equal(vary(EVERYTHING, noise(5, 20, 24), [0, 1, 2]), first)


def test_jitter_has_the_strength_asked_for() -> None:
    grey = np.full((2000, 4, 4, 3), 100, dtype=np.uint8)
    got = vary(Augmentation(brightness=0.4), grey, list(range(2000)))[:, 0, 0, 0].numpy() / 100
    assert got.min() == pytest.approx(0.6, abs=0.01)
    assert got.max() == pytest.approx(1.4, abs=0.01)
    assert got.mean() == pytest.approx(1, abs=0.02)


@pytest.mark.slow
@pytest.mark.parametrize("field", ["grey", "blur", "erase", "hflip", "vflip"])
def test_a_probability_is_the_share_of_images(field: str) -> None:
    pixels = noise(2000, 12, 14)
    probability: dict[str, Any] = {field: 0.3}
    augmentation = Augmentation(**probability, blur_sigma=(0.5, 1.0))
    got = vary(augmentation, pixels, list(range(2000))).float().numpy()
    share = (got != pixels).any(axis=(1, 2, 3)).mean()
    assert share == pytest.approx(0.3, abs=0.04)


@pytest.mark.slow
def test_an_erased_box_has_one_colour_a_share_of_the_area_and_an_allowed_ratio() -> None:
    images = torch.full((300, 64, 48, 3), -1.0)
    draws = Draws(0, 0, np.arange(300))
    random_erasing(images, draws, probability=1.0)
    colours = set()
    for image in images.numpy():
        rows, columns = np.nonzero((image >= 0).any(axis=2))
        box = image[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
        assert len(np.unique(box.reshape(-1, 3), axis=0)) == 1
        assert len(rows) == box.shape[0] * box.shape[1]
        assert 0.015 < len(rows) / (64 * 48) < 0.34
        assert 0.25 < box.shape[1] / box.shape[0] < 4
        colours.add(tuple(box[0, 0]))
    assert len(colours) > 290


def test_erasing_alone_leaves_the_callers_pixels_as_they_were() -> None:
    pixels = torch.from_numpy(noise(5, 20, 20))
    kept = pixels.clone()
    got = Augmentation(erase=1.0).apply(pixels, seed=0, epoch=0, indices=np.arange(5))
    assert torch.equal(pixels, kept)
    assert not torch.equal(got, kept)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"hflip": 1.5}, "`hflip` can't be `1.5`: it must be less than or equal to 1"),
        (
            {"crop_scale": -0.1},
            "`crop_scale` can't be `-0.1`: it must be greater than or equal to 0",
        ),
        ({"rotate": float("nan")}, "`rotate` can't be `nan`: it must be a finite number"),
        ({"hue": 0.6}, "`hue` can't be `0.6`: it must be less than or equal to 0.5"),
        ({"brightness": -1}, "`brightness` can't be `-1`: it must be greater than or equal to 0"),
        ({"contrast": float("inf")}, "`contrast` can't be `inf`: it must be a finite number"),
        (
            {"policy_magnitude": 31},
            "`policy_magnitude` can't be `31`: it must be less than or equal to 30",
        ),
        ({"crop_ratio": (2.0, 1.0)}, "`crop_ratio` can't be `2, 1`"),
        ({"blur_sigma": (0.0, 1.0)}, "`blur_sigma` can't be `0, 1`"),
        ({"flip_mode": "sometimes"}, "`flip_mode` can't be `sometimes`"),
        ({"policy": "autoaugment"}, "it takes `none`, `randaugment` or `trivialaugment`"),
        ({"flip_mode": "alternating", "hflip": 0.3}, "leave `hflip` at 0.5"),
    ],
)
def test_values_outside_their_limits_are_refused(values: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        Augmentation(**values)  # type: ignore[arg-type]
    assert message in str(caught.value)


def test_colours_of_grey_images_cannot_be_varied() -> None:
    with pytest.raises(UsageError, match="`hue` or `grey` can't be applied to images of 1 channel"):
        Augmentation(hue=0.1, grey=0.1, brightness=0.1).check_applies(1)
    Augmentation(hue=0.1, saturation=0.1, grey=0.1).check_applies(3)
    Augmentation(brightness=0.1, contrast=0.1, blur=0.5, policy="randaugment").check_applies(1)


def test_every_field_is_described() -> None:
    assert EVERYTHING.describe() == (
        "cropped to at least 20% of the area and resized, padded by 2 px and cropped, "
        "flipped horizontally in every other epoch, flipped vertically with probability 0.5, "
        "shifted by up to 10%, rotated by up to 20 degrees, scaled by up to 20%, "
        "brightness changed by up to 40%, contrast changed by up to 40%, "
        "saturation changed by up to 40%, hue shifted by up to 36 degrees, "
        "converted to grey with probability 0.3, "
        "2 operations of RandAugment at magnitude 9, "
        "blurred with probability 0.5, a box erased with probability 0.5"
    )
    assert "TrivialAugment" in Augmentation(policy="trivialaugment").describe()


def test_every_field_has_a_line_in_the_docstring() -> None:
    for field in fields(Augmentation):
        assert f"        {field.name}: " in (Augmentation.__doc__ or "")


def test_fewer_images_are_varied_more() -> None:
    for channels in (1, 3):
        few = default_augmentation(channels=channels, num_images=500)
        many = default_augmentation(channels=channels, num_images=100_000)
        assert few.scale > many.scale == 0
