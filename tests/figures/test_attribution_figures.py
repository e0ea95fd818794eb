"""Colours tell evidence for a class from evidence against it, and figures have all panels."""

from __future__ import annotations

import numpy as np
import pytest

from convscope.figures.attribution import Panel, draw_attributions, draw_faithfulness, overlaid
from convscope.figures.style import as_svg, encoded

GREY = np.full((4, 6, 3), 100, np.uint8)


def test_orange_is_for_blue_against_and_grey_neither() -> None:
    values = np.zeros((4, 6), np.float32)
    values[0, 0], values[1, 1] = 2.0, -2.0
    red, green, blue = overlaid(GREY, values).transpose(2, 0, 1).astype(int)
    assert red[0, 0] > green[0, 0] > blue[0, 0]
    assert blue[1, 1] > green[1, 1] > red[1, 1]
    assert red[2, 2] == green[2, 2] == blue[2, 2]


@pytest.mark.parametrize("channels", [1, 3])
def test_a_map_of_zeros_colours_nothing(channels: int) -> None:
    drawn = overlaid(GREY[:, :, :channels], np.zeros((4, 6), np.float32))
    assert drawn.shape == (4, 6, 3)
    assert (drawn == drawn[0, 0]).all()


@pytest.mark.slow
def test_the_picture_has_every_panel_with_its_text() -> None:
    panels = [Panel("photo.jpg", None), Panel("cat 90 %", np.ones((4, 6), np.float32), "true")]
    figure = draw_attributions(GREY, panels, label="attribution of cat")
    assert encoded(figure, "png") == encoded(figure, "png")
    svg = as_svg(figure)
    assert all(word in svg for word in ("photo.jpg", "cat 90 %", "true", "attribution of cat"))


def test_a_name_in_letters_that_the_font_lacks_can_be_drawn() -> None:
    figure = draw_attributions(GREY, [Panel("蜜蜂 90 %", None)], label="x")
    assert "?? 90 %" in as_svg(figure)
    assert encoded(figure, "png")


@pytest.mark.slow
def test_the_curves_are_named() -> None:
    own, random = np.linspace(1, 0, 5), np.ones((3, 5))
    svg = as_svg(draw_faithfulness([(own, random), (own[::-1], random)]))
    assert "by the map" in svg
    assert "by random maps" in svg
