"""The box of a value stands where it belongs, with stripes in the padding and heat inside."""

from __future__ import annotations

import numpy as np
from matplotlib.patches import Ellipse, Rectangle

from convscope.figures.field import Spread, draw_field
from convscope.figures.style import as_svg

IMAGE = np.full((20, 30, 3), 200, np.uint8)


def test_the_box_reaches_beyond_the_image_with_stripes() -> None:
    figure = draw_field(IMAGE, box=(-4, 10, 6, 35))
    axes = figure.axes[0]
    *stripes, frame = axes.patches
    assert isinstance(frame, Rectangle)
    assert (frame.get_xy(), frame.get_width(), frame.get_height()) == ((9.5, -4.5), 25, 10)
    assert [part.get_hatch() for part in stripes] == ["////"] * 2
    assert axes.get_ylim() == (19.5, -4.5)
    assert axes.get_xlim() == (-0.5, 34.5)
    assert "padding" in as_svg(figure)


def test_a_box_inside_the_image_has_no_padding() -> None:
    figure = draw_field(IMAGE[..., :1], box=(2, 3, 6, 9))
    assert len(figure.axes[0].patches) == 1
    assert "padding" not in as_svg(figure)
    assert np.asarray(figure.axes[0].images[0].get_array()).shape == (20, 30, 3)


def test_what_counts_is_dark_and_the_ellipse_is_around_it() -> None:
    shares = np.zeros((20, 30))
    shares[5, 7] = 1.0
    figure = draw_field(
        IMAGE, box=(0, 0, 20, 30), shares=shares, spread=Spread((5.0, 7.0), (4.0, 8.0))
    )
    pixels = np.asarray(figure.axes[0].images[0].get_array())
    assert pixels[5, 7].sum() < pixels[0, 0].sum() / 4
    ellipse = figure.axes[0].patches[-1]
    assert isinstance(ellipse, Ellipse)
    assert (ellipse.get_center(), ellipse.width, ellipse.height) == ((7.0, 5.0), 8.0, 4.0)
    assert "how much a pixel counts" in as_svg(figure)
