"""Preprocessing: geometry against an independent computation, round trip, words."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from convscope.data.batches import normalise
from convscope.data.decode import decode
from convscope.data.preprocessing import Preprocessing
from convscope.networks import entry


def make(**fields: object) -> Preprocessing:
    values = {"height": 8, "width": 8, "channels": 3, "mean": (0.5,) * 3, "std": (0.25,) * 3}
    return Preprocessing(**{**values, **fields})  # type: ignore[arg-type]


def test_an_image_of_the_right_size_is_not_touched() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    assert make().apply(pixels) is pixels


def test_crop_takes_the_centre() -> None:
    pixels = np.zeros((8, 24, 3), dtype=np.uint8)
    pixels[:, 8:16] = 200
    assert (make().apply(pixels) == 200).all()


def test_pad_keeps_everything_and_adds_black() -> None:
    pixels = np.full((8, 16, 3), 200, dtype=np.uint8)
    padded = make(fit="pad").apply(pixels)
    assert (padded[2:6] == 200).all()
    assert (padded[:2] == 0).all()
    assert (padded[6:] == 0).all()


def test_stretch_takes_both_halves() -> None:
    pixels = np.zeros((8, 32, 3), dtype=np.uint8)
    pixels[:, 16:] = 240
    stretched = make(fit="stretch").apply(pixels)
    assert (stretched[:, :3] == 0).all()
    assert (stretched[:, -3:] == 240).all()


def test_resize_before_the_crop_cuts_a_smaller_part() -> None:
    pixels = np.zeros((32, 32, 3), dtype=np.uint8)
    pixels[8:24, 8:24] = 100
    assert (make(resize=16).apply(pixels)[1:-1, 1:-1] == 100).all()


def test_colour_becomes_grey_by_luma_and_grey_becomes_colour_by_repetition() -> None:
    red = np.zeros((8, 8, 3), dtype=np.uint8)
    red[:, :, 0] = 255
    grey = make(channels=1, mean=(0.5,), std=(0.5,)).apply(red)
    assert grey.shape == (8, 8, 1)
    assert grey[0, 0, 0] == round(255 * 299 / 1000)
    assert make().apply(grey).shape == (8, 8, 3)


@given(
    height=st.integers(1, 60),
    width=st.integers(1, 60),
    channels=st.sampled_from([1, 3]),
    wanted=st.sampled_from([1, 3]),
    fit=st.sampled_from(["crop", "pad", "stretch"]),
    size=st.tuples(st.integers(1, 20), st.integers(1, 20)),
)
def test_any_image_gets_the_inputs_shape(
    height: int, width: int, channels: int, wanted: int, fit: str, size: tuple[int, int]
) -> None:
    preprocessing = make(
        height=size[0],
        width=size[1],
        channels=wanted,
        fit=fit,
        mean=(0.0,) * wanted,
        std=(1.0,) * wanted,
    )
    out = preprocessing.apply(np.full((height, width, channels), 9, dtype=np.uint8))
    assert out.shape == (*size, wanted)
    assert out.dtype == np.uint8


@pytest.mark.parametrize("shape", [(1, 2_000_000, 1), (2_000_000, 1, 1)])
def test_an_extremely_long_image_needs_no_memory_to_match(shape: tuple[int, int, int]) -> None:
    preprocessing = make(height=224, width=224, resize=256)
    assert (preprocessing.apply(np.full(shape, 50, dtype=np.uint8)) == 50).all()


def test_it_survives_json() -> None:
    preprocessing = make(resize=10, fit="crop")
    assert Preprocessing.from_dict(json.loads(json.dumps(preprocessing.to_dict()))) == preprocessing


def test_published_imagenet_weights_see_the_publishers_pixels(shared_data: Path) -> None:
    """The publisher resizes the shorter side to 256, cuts the centre, divides, normalises."""
    preparation = entry("squeezenet1_1").preparation
    assert preparation is not None
    ours = Preprocessing(
        height=224,
        width=224,
        channels=3,
        resize=preparation.resize_px,
        mean=preparation.mean,
        std=preparation.std,
    )
    for file in sorted((shared_data / "hymenoptera" / "val").rglob("*.jpg"))[::15]:
        with Image.open(file) as stored:
            image = stored.convert("RGB")
        width, height = image.size
        if width < height:
            image = image.resize((256, 256 * height // width), Image.Resampling.BILINEAR)
        else:
            image = image.resize((256 * width // height, 256), Image.Resampling.BILINEAR)
        left, top = round((image.width - 224) / 2), round((image.height - 224) / 2)
        pixels = np.asarray(image.crop((left, top, left + 224, top + 224)))
        prepared = ours.apply(decode(file.read_bytes()))
        np.testing.assert_array_equal(prepared, pixels)
        mean, std = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
        np.testing.assert_allclose(
            normalise(torch.from_numpy(np.stack([prepared])), ours)[0].permute(1, 2, 0).numpy(),
            (pixels / 255 - mean) / std,
            atol=1e-5,
        )


@pytest.mark.parametrize(
    ("fit", "words"),
    [
        ("crop", "shorter side resized to 8 px, centre cut to 8x8"),
        ("pad", "longer side resized into 8x8, black borders added"),
        ("stretch", "resized to 8x8 whatever the aspect ratio"),
    ],
)
def test_it_describes_itself_in_a_sentence(fit: str, words: str) -> None:
    assert make(fit=fit).describe() == (
        f"RGB, {words} (bilinear, antialiased), divided by 255, "
        "mean 0.5, 0.5, 0.5 subtracted, divided by 0.25, 0.25, 0.25"
    )
