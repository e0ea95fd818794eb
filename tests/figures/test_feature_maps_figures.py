"""Feature maps, kernels, patches, zeros and receptive fields: numbers, order and colours."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.patches import Ellipse, Rectangle

from convscope.figures.feature_maps import (
    EffectiveExtent,
    draw_field,
    draw_kernels,
    draw_maps,
    draw_zero_shares,
    striped,
)
from convscope.figures.style import BLUE, VERMILLION, as_svg
from convscope.figures.tiles import coloured

IMAGE = np.full((20, 30, 3), 200, np.uint8)
SHARES = np.zeros((20, 30))
SHARES[5, 7] = 1.0
EXTENT = EffectiveExtent((5.0, 7.0), (4.0, 8.0))
MAPS = np.zeros((4, 5, 6))
MAPS[2, 1, 1], MAPS[0, 0, 0], MAPS[3, 4, 5] = 8.0, 2.0, 4.0


def captions(figure: object) -> list[str]:
    return [text.get_text() for text in figure.axes[0].texts]  # type: ignore[attr-defined]


def tile(figure: object, number: int) -> np.ndarray:
    return np.asarray(figure.axes[0].images[number].get_array())  # type: ignore[attr-defined]


def test_the_most_active_map_comes_first_and_the_least_active_ones_are_left_out() -> None:
    assert captions(draw_maps(MAPS)) == ["2: 8", "3: 4", "0: 2", "1: 0"]
    assert captions(draw_maps(MAPS, most=2)) == ["2: 8", "3: 4"]


@pytest.mark.slow
def test_the_darkest_colour_of_a_map_is_its_own_largest_value() -> None:
    figure = draw_maps(MAPS)
    darkest = coloured(np.array([[8.0]]), limit=8.0, is_signed=False)[0, 0]
    assert (tile(figure, 1)[4, 5] == darkest).all()
    assert (tile(figure, 0)[0, 0] == 255).all()
    assert "each map by itself" in as_svg(figure)


def test_zero_is_white_and_signs_are_different_colours() -> None:
    pixels = coloured(np.array([[-1.0, 0.0, 1.0, np.nan]]), limit=1.0, is_signed=True)[0]
    assert (pixels[1] == 255).all()
    assert pixels[0][0] > pixels[0][2]  # brown
    assert pixels[2][2] > pixels[2][0]  # blue
    assert len(set(pixels[3].tolist())) == 1
    assert (coloured(np.zeros((1, 1)), limit=0.0, is_signed=False) == 255).all()


@pytest.mark.slow
def test_maps_with_negative_values_have_a_scale_with_both_signs() -> None:
    svg = as_svg(draw_maps(-MAPS - 1))
    assert ">below 0</text>" in svg
    assert ">0</text>" in svg


def test_a_map_that_is_not_a_number_is_drawn_grey() -> None:
    maps = MAPS.copy()
    maps[1] = np.nan
    figure = draw_maps(maps)
    assert (tile(figure, 3) == 153).all()


@pytest.mark.slow
def test_kernels_of_colour_images_are_colours_and_others_have_a_scale() -> None:
    kernel = np.zeros((2, 3, 3, 3))
    kernel[0, 1, 1, 0], kernel[0, 0, 0, 2] = 2.0, -2.0
    figure = draw_kernels(kernel)
    assert tile(figure, 0)[1, 1].tolist() == [255, 128, 128]
    assert tile(figure, 0)[0, 0].tolist() == [128, 128, 0]
    assert "weight 0; brighter is positive" in as_svg(figure)
    figure = draw_kernels(kernel[..., 0])
    assert captions(figure) == ["0", "1"]
    assert ">-2</text>" in as_svg(figure)
    assert len(draw_kernels(np.ones((100, 1, 1))).axes[0].images) == 64


@pytest.mark.parametrize("channels", [1, 3])
def test_patches_show_the_image_and_stripes_where_there_is_none(channels: int) -> None:
    patch = np.full((12, 12, channels), 7, np.uint8)
    beyond = np.zeros((12, 12), np.bool_)
    beyond[:4] = True
    drawn = striped(patch, beyond)
    assert drawn.shape == (12, 12, 3)
    assert (drawn[4:] == 7).all()
    assert len(np.unique(drawn[:4])) > 1
    assert (striped(patch, beyond & False) == 7).all()


@pytest.mark.slow
def test_channels_stand_by_their_zeros_and_dead_ones_apart() -> None:
    figure = draw_zero_shares([0.5, 1.0, 0.1, 1.0], num_dead=2)
    stairs: list[Any] = [*figure.axes[0].patches]
    alive, dead = stairs
    np.testing.assert_array_equal(alive.get_data().values, [0.1, 0.5])
    np.testing.assert_array_equal(dead.get_data().values, [1.0, 1.0])
    colours = [to_hex(each.get_facecolor()).upper() for each in (alive, dead)]
    assert colours == [BLUE.upper(), VERMILLION.upper()]
    (mean,) = figure.axes[0].lines
    assert np.asarray(mean.get_ydata())[0] == 0.65
    assert "dead: 0 everywhere" in as_svg(figure)


@pytest.mark.slow
def test_without_dead_channels_nothing_is_said_of_them() -> None:
    figure = draw_zero_shares([0.5, 0.25], num_dead=0)
    assert len(figure.axes[0].patches) == 1
    assert "dead" not in as_svg(figure)


def test_a_layer_that_is_dead_as_a_whole_is_drawn() -> None:
    figure = draw_zero_shares([1.0, 1.0, 1.0], num_dead=3)
    (dead,) = figure.axes[0].patches
    assert to_hex(dead.get_facecolor()).upper() == VERMILLION


def test_the_box_reaches_beyond_the_image_with_stripes() -> None:
    figure = draw_field(IMAGE, box=(-4, 10, 6, 35), shares=SHARES, effective=EXTENT)
    axes = figure.axes[0]
    *stripes, frame, _ = axes.patches
    assert isinstance(frame, Rectangle)
    assert (frame.get_xy(), frame.get_width(), frame.get_height()) == ((9.5, -4.5), 25, 10)
    assert [part.get_hatch() for part in stripes] == ["////"] * 2
    assert axes.get_ylim() == (19.5, -4.5)
    assert axes.get_xlim() == (-0.5, 34.5)
    assert "padding" in as_svg(figure)


def test_a_box_inside_the_image_has_no_padding() -> None:
    figure = draw_field(IMAGE[..., :1], box=(2, 3, 6, 9), shares=SHARES, effective=EXTENT)
    assert len(figure.axes[0].patches) == 2
    assert "padding" not in as_svg(figure)
    assert np.asarray(figure.axes[0].images[0].get_array()).shape == (20, 30, 3)


def test_the_heat_map_is_dark_and_the_ellipse_is_around_it() -> None:
    figure = draw_field(IMAGE, box=(0, 0, 20, 30), shares=SHARES, effective=EXTENT)
    pixels = np.asarray(figure.axes[0].images[0].get_array())
    assert pixels[5, 7].sum() < pixels[0, 0].sum() / 4
    ellipse = figure.axes[0].patches[-1]
    assert isinstance(ellipse, Ellipse)
    assert np.array_equal(ellipse.get_center(), (7.0, 5.0))
    assert (ellipse.width, ellipse.height) == (8.0, 4.0)
    assert "contribution of a pixel" in as_svg(figure)
