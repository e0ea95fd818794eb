"""Contact sheets, kernels and patches show the right numbers in the right order and colours."""

from __future__ import annotations

import numpy as np
import pytest

from convscope.figures.kernels import draw_kernels
from convscope.figures.maps import MapsWords, draw_maps
from convscope.figures.patches import draw_patches
from convscope.figures.style import as_svg
from convscope.figures.tiles import coloured

MAPS = np.zeros((4, 5, 6))
MAPS[2, 1, 1], MAPS[0, 0, 0], MAPS[3, 4, 5] = 8.0, 2.0, 4.0


def captions(figure: object) -> list[str]:
    return [text.get_text() for text in figure.axes[0].texts]  # type: ignore[attr-defined]


def tile(figure: object, number: int) -> np.ndarray:
    return np.asarray(figure.axes[0].images[number].get_array())  # type: ignore[attr-defined]


def test_the_most_active_map_comes_first_and_the_least_active_ones_are_left_out() -> None:
    assert captions(draw_maps(MAPS)) == ["2: 8", "3: 4", "0: 2", "1: 0"]
    assert captions(draw_maps(MAPS, most=2)) == ["2: 8", "3: 4"]
    assert captions(draw_maps(MAPS, most=3, by_channel=True)) == ["0: 2", "2: 8", "3: 4"]


def test_with_a_shared_range_the_same_colour_is_the_same_number() -> None:
    shared = draw_maps(MAPS, shared_range=True)
    own = draw_maps(MAPS)
    darkest = coloured(np.array([[8.0]]), limit=8.0, is_signed=False)[0, 0]
    assert (tile(shared, 0)[1, 1] == darkest).all()
    assert (tile(shared, 1)[4, 5] != darkest).any()
    assert (tile(own, 1)[4, 5] == darkest).all()
    assert (tile(own, 0)[0, 0] == 255).all()
    assert ">8</text>" in as_svg(shared)
    assert "each map by itself" in as_svg(own)


def test_zero_is_white_and_signs_are_different_colours() -> None:
    pixels = coloured(np.array([[-1.0, 0.0, 1.0, np.nan]]), limit=1.0, is_signed=True)[0]
    assert (pixels[1] == 255).all()
    assert pixels[0][0] > pixels[0][2]  # brown
    assert pixels[2][2] > pixels[2][0]  # blue
    assert len(set(pixels[3].tolist())) == 1
    assert (coloured(np.zeros((1, 1)), limit=0.0, is_signed=False) == 255).all()


def test_maps_with_negative_values_have_a_scale_with_both_signs() -> None:
    svg = as_svg(draw_maps(-MAPS - 1, shared_range=True, words=MapsWords(title="conv1")))
    assert ">conv1</text>" in svg
    assert ">-9</text>" in svg
    assert ">9</text>" in svg


def test_a_map_that_is_not_a_number_is_drawn_grey() -> None:
    maps = MAPS.copy()
    maps[1] = np.nan
    figure = draw_maps(maps)
    assert (tile(figure, 3) == 153).all()


def test_kernels_of_colour_images_are_colours_and_others_have_a_scale() -> None:
    kernel = np.zeros((2, 3, 3, 3))
    kernel[0, 1, 1, 0], kernel[0, 0, 0, 2] = 2.0, -2.0
    figure = draw_kernels(kernel)
    assert tile(figure, 0)[1, 1].tolist() == [255, 128, 128]
    assert tile(figure, 0)[0, 0].tolist() == [128, 128, 0]
    assert "weight 0; brighter is positive" in as_svg(figure)
    figure = draw_kernels(kernel[..., 0], numbers=[7, 9])
    assert captions(figure) == ["7", "9"]
    assert ">-2</text>" in as_svg(figure)
    assert len(draw_kernels(np.ones((100, 1, 1)), most=10).axes[0].images) == 10


@pytest.mark.parametrize("channels", [1, 3])
def test_patches_show_the_image_and_stripes_where_there_is_none(channels: int) -> None:
    patch = np.full((12, 12, channels), 7, np.uint8)
    beyond = np.zeros((12, 12), np.bool_)
    beyond[:4] = True
    figure = draw_patches([patch, patch], is_padding=[beyond, beyond & False], captions=["a", "b"])
    drawn = tile(figure, 0)
    assert (drawn[4:] == 7).all()
    assert len(np.unique(drawn[:4])) > 1
    assert (tile(figure, 1) == 7).all()
    assert "padding" in as_svg(figure)
    whole = draw_patches([patch], is_padding=[beyond & False], captions=["b"])
    assert not whole.legends
