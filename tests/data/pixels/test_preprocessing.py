"""Preprocessing: geometry against an independent computation, round trip, description."""

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
from convscope.data.decoding.content import Decoding
from convscope.data.decoding.decode import decode, decode_content
from convscope.data.pixels.preprocessing import Preprocessing
from convscope.networks import network_entry


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


@pytest.mark.slow
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


@pytest.mark.slow
@given(
    size=st.sampled_from([(1, 1), (1, 10_000), (10_000, 1), (3, 10_000), (700, 500), (37, 38)]),
    fit=st.sampled_from(["crop", "pad", "stretch"]),
    side=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    resize=st.one_of(st.none(), st.integers(1, 60)),
)
def test_no_shape_of_image_is_too_extreme(
    size: tuple[int, int], fit: str, side: tuple[int, int], resize: int | None
) -> None:
    preprocessing = make(height=side[0], width=side[1], fit=fit, resize=resize)
    out = preprocessing.apply(np.full((*size, 3), 90, dtype=np.uint8))
    assert out.shape == (*side, 3)
    if fit == "pad":  # black borders around what was there, which is never nothing
        assert set(np.unique(out)) <= {0, 90}
        assert (out == 90).any()
    else:  # no border: what is shown is the image alone
        assert (out == 90).all()
    assert 0 <= preprocessing.fraction_cut_off(*size) < 1


@pytest.mark.slow
@given(
    size=st.tuples(st.integers(1, 50), st.integers(1, 50)),
    channels=st.sampled_from([1, 3]),
    fit=st.sampled_from(["crop", "pad", "stretch"]),
)
def test_an_image_of_the_inputs_size_stays_as_it_is(
    size: tuple[int, int], channels: int, fit: str
) -> None:
    preprocessing = make(
        height=size[0],
        width=size[1],
        channels=channels,
        fit=fit,
        mean=(0.0,) * channels,
        std=(1.0,) * channels,
    )
    pixels = np.random.default_rng(1).integers(0, 256, (*size, channels), dtype=np.uint8)
    np.testing.assert_array_equal(preprocessing.apply(pixels), pixels)
    assert preprocessing.keeps(pixels.shape)
    assert preprocessing.fraction_cut_off(*size) == 0


def quadrants(height: int, width: int) -> np.ndarray:
    """Four colours: what is where can be told after resizing."""
    pixels = np.zeros((height, width, 3), dtype=np.uint8)
    pixels[: height // 2, :, 0] = 200
    pixels[:, : width // 2, 1] = 200
    return pixels


def test_crop_to_a_rectangle_keeps_as_much_as_its_shape_allows() -> None:
    pixels = quadrants(40, 80)
    same_shape = make(height=10, width=20).apply(pixels)
    np.testing.assert_array_equal(same_shape[0, 0], [200, 200, 0])
    np.testing.assert_array_equal(same_shape[-1, -1], [0, 0, 0])
    assert make(height=10, width=20).fraction_cut_off(40, 80) == 0
    lower = make(height=5, width=20).apply(pixels)  # full width, half the height is cut
    np.testing.assert_array_equal(lower[0, 0], [200, 200, 0])
    np.testing.assert_array_equal(lower[-1, -1], [0, 0, 0])
    assert make(height=5, width=20).fraction_cut_off(40, 80) == pytest.approx(0.5)
    assert make(height=20, width=20).fraction_cut_off(40, 80) == pytest.approx(0.5)
    assert make(height=20, width=10).fraction_cut_off(40, 80) == pytest.approx(0.75)


def test_resize_cuts_off_more() -> None:
    assert make(height=224, width=224, resize=256).fraction_cut_off(256, 256) == pytest.approx(
        1 - (224 / 256) ** 2
    )
    assert make(height=224, width=224, resize=256).fraction_cut_off(224, 224) > 0.2


def test_a_resize_smaller_than_the_input_leaves_no_black_borders() -> None:
    assert (make(resize=2).apply(np.full((30, 20, 3), 9, dtype=np.uint8)) == 9).all()


def test_pad_to_a_rectangle_keeps_the_shape() -> None:
    padded = make(height=10, width=30, fit="pad").apply(quadrants(20, 20) + 10)
    assert (padded[:, :10] == 0).all()
    assert (padded[:, 20:] == 0).all()
    np.testing.assert_array_equal(padded[0, 10], [210, 210, 10])
    np.testing.assert_array_equal(padded[-1, 19], [10, 10, 10])
    assert make(height=10, width=30, fit="pad").fraction_cut_off(20, 20) == 0


def test_stretch_to_a_rectangle_takes_all() -> None:
    preprocessing = make(height=10, width=30, fit="stretch")
    stretched = preprocessing.apply(quadrants(20, 20))
    np.testing.assert_array_equal(stretched[0, 0], [200, 200, 0])
    np.testing.assert_array_equal(stretched[-1, -1], [0, 0, 0])


def test_the_fraction_cut_off_is_what_is_missing_from_the_picture() -> None:
    for size in [(50, 80), (80, 50), (10, 1500), (64, 64)]:
        for preprocessing in (make(), make(resize=12), make(height=6, width=9)):
            count = np.arange(size[0] * size[1], dtype=np.float64)
            rows, columns = np.divmod(count, size[1])
            column = np.zeros((*size, 3), dtype=np.uint8)
            column[:, :, 0] = (rows / size[0] * 255).reshape(size)
            column[:, :, 1] = (columns / size[1] * 255).reshape(size)
            seen = preprocessing.apply(column).astype(float) / 255
            shares = [np.ptp(seen[:, :, axis]) for axis in (0, 1)]
            sides = (preprocessing.height, preprocessing.width)
            whole = [share / (1 - 1 / side) for share, side in zip(shares, sides, strict=True)]
            kept = 1 - preprocessing.fraction_cut_off(*size)
            assert np.prod(whole) == pytest.approx(kept, abs=0.06)


def test_images_are_decoded_with_the_range_of_the_training() -> None:
    preprocessing = make(value_range=(0.0, 4095.0))
    values = np.array([[0, 4095]], dtype=np.uint16)
    pixels = decode_content(values, preprocessing.decoding()).pixels
    assert pixels.reshape(-1).tolist() == [0, 255]
    others = Decoding(max_pixels=7, allow_truncated=True)
    assert preprocessing.decoding(others) == Decoding(
        max_pixels=7, allow_truncated=True, value_range=(0.0, 4095.0)
    )
    assert make().decoding() == Decoding()


def test_preprocessing_from_before_there_was_a_range_still_loads() -> None:
    old = make().to_dict()
    del old["value_range"]
    assert Preprocessing.from_dict(old) == make()


@pytest.mark.parametrize("shape", [(1, 2_000_000, 1), (2_000_000, 1, 1)])
def test_an_extremely_long_image_needs_no_memory_to_match(shape: tuple[int, int, int]) -> None:
    preprocessing = make(height=224, width=224, resize=256)
    assert (preprocessing.apply(np.full(shape, 50, dtype=np.uint8)) == 50).all()


def test_it_survives_json() -> None:
    for preprocessing in (make(resize=10, fit="crop"), make(value_range=(-1.0, 2.5))):
        copied = Preprocessing.from_dict(json.loads(json.dumps(preprocessing.to_dict())))
        assert copied == preprocessing


def test_published_imagenet_weights_see_the_publishers_pixels(shared_data: Path) -> None:
    """The publisher resizes the shorter side to 256, cuts the centre, divides, normalises."""
    preparation = network_entry("squeezenet1_1").preparation
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
    ("fit", "description"),
    [
        ("crop", "shorter side resized to 8 px, centre cut to 8x8"),
        ("pad", "longer side resized into 8x8, black borders added"),
        ("stretch", "resized to 8x8 whatever the aspect ratio"),
    ],
)
def test_it_describes_itself_in_a_sentence(fit: str, description: str) -> None:
    assert make(fit=fit).describe() == (
        f"RGB, {description} (bilinear, antialiased), divided by 255, "
        "mean 0.5, 0.5, 0.5 subtracted, divided by 0.25, 0.25, 0.25"
    )


def test_it_describes_a_range_of_values_and_a_rectangle() -> None:
    description = make(height=4, width=6, value_range=(0.0, 4095.0)).describe()
    assert description.startswith(
        "values of more than 8 bits from 0 to 4095 brought to 0 to 255, RGB, "
        "resized to cover 4x6, centre cut to 4x6 (bilinear, antialiased)"
    )
