"""Confusion: dark cells at the pairs that are confused, even if many classes share a cell."""

from __future__ import annotations

import base64
import io
import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from convscope.figures.confusion import RAMP, ConfusionCells, _edges, _most_errors, draw_confusion
from convscope.figures.style import as_svg


def pixels_in(svg: str) -> NDArray[np.uint8]:
    """The map as it is embedded; the colour bar has other colours only."""
    images = re.findall(r'href="data:image/png;base64,([^"]*)"', svg)
    decoded = [Image.open(io.BytesIO(base64.b64decode(image))) for image in images]
    largest = max(decoded, key=lambda image: image.size[0] * image.size[1])
    return np.asarray(largest.convert("RGB"))


def right_with(errors: dict[tuple[int, int], int], num_classes: int) -> NDArray[np.int64]:
    counts = np.eye(num_classes, dtype=np.int64) * 50
    for place, count in errors.items():
        counts[place] = count
    return counts


@pytest.mark.slow
def test_cells_are_dark_where_errors_are_and_white_elsewhere() -> None:
    pixels = pixels_in(as_svg(draw_confusion(right_with({(3, 20): 1, (7, 1): 40}, 30))))
    assert pixels.shape == (30, 30, 3)
    off_diagonal = ~np.eye(30, dtype=bool)
    dark = np.argwhere((pixels.sum(axis=2) < 3 * 255) & off_diagonal).tolist()
    assert dark == [[3, 20], [7, 1]]
    assert pixels[7, 1].sum() < pixels[3, 20].sum()
    assert set(map(tuple, pixels[~off_diagonal])) == {(223, 227, 232)}


@pytest.mark.slow
def test_a_single_error_among_a_thousand_classes_is_seen() -> None:
    pixels = pixels_in(as_svg(draw_confusion(right_with({(999, 402): 3}, 1000))))
    assert pixels.shape == (250, 250, 3)
    off_diagonal = ~np.eye(250, dtype=bool)
    assert np.argwhere((pixels.sum(axis=2) < 700) & off_diagonal).tolist() == [[249, 100]]


@pytest.mark.slow
def test_an_error_between_neighbours_that_share_a_cell_is_seen() -> None:
    pixels = pixels_in(as_svg(draw_confusion(right_with({(8, 9): 5}, 1000))))
    assert pixels[2, 2].sum() < pixels[3, 3].sum()


@pytest.mark.slow
@pytest.mark.parametrize("num_classes", [40, 1000])
def test_cells_and_the_whole_matrix_give_the_same_picture(num_classes: int) -> None:
    counts = np.random.default_rng(0).poisson(0.05, (num_classes, num_classes))
    cells = ConfusionCells.of(counts)
    assert as_svg(draw_confusion(cells)) == as_svg(draw_confusion(counts))
    off_diagonal = counts - np.diag(np.diagonal(counts))
    block = num_classes // 40
    blocks = off_diagonal.reshape(40, block, 40, block).max(axis=(1, 3))
    np.testing.assert_array_equal(_most_errors(cells, block), blocks)


@pytest.mark.slow
@pytest.mark.parametrize("num_classes", [26, 250, 251, 999, 1000])
def test_the_classes_fill_the_axes(num_classes: int) -> None:
    axes = draw_confusion(right_with({(0, 1): 2}, num_classes)).axes[0]
    assert axes.get_xlim() == (-0.5, num_classes - 0.5)
    assert axes.get_ylim() == (num_classes - 0.5, -0.5)
    assert 4 <= len(axes.get_xticks()) <= 9


@pytest.mark.slow
def test_the_picture_stays_small_where_every_cell_differs() -> None:
    counts = np.random.default_rng(0).geometric(0.002, (1000, 1000))
    assert len(as_svg(draw_confusion(counts))) < 150_000


@pytest.mark.slow
def test_without_errors_it_says_so() -> None:
    figure = draw_confusion(right_with({}, 40))
    assert ">no image is wrong</text>" in as_svg(figure)
    assert len(figure.axes) == 1


@pytest.mark.slow
def test_names_stand_beside_their_numbers_on_the_left() -> None:
    names = [f"Staffordshire bull terrier {index}" for index in range(40)]
    svg = as_svg(draw_confusion(right_with({(0, 1): 2}, 40), classes=names))
    assert ">Staffo…rier 5\N{EN SPACE}5</text>" in svg
    assert ">5</text>" in svg


@pytest.mark.slow
def test_the_colour_bar_says_its_counts_up_to_the_largest() -> None:
    svg = as_svg(draw_confusion(right_with({(0, 1): 1234, (2, 1): 3}, 30)))
    assert ">1,234</text>" in svg
    assert ">1</text>" in svg


@given(st.integers(1, 10**9))
def test_every_count_has_a_colour_of_at_most_ten(most: int) -> None:
    edges = _edges(most)
    assert edges[0] == 1
    assert edges[-2] <= most < edges[-1]
    assert len(edges) <= 11
    assert edges == sorted(set(edges))


def test_the_ramp_grows_darker_in_grey() -> None:
    grey: list[Any] = [
        Image.new("RGB", (1, 1), colour).convert("L").getpixel((0, 0)) for colour in RAMP
    ]
    assert grey == sorted(grey, reverse=True)
    assert grey[0] < 220
