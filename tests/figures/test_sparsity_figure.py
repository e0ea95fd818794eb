"""Channels stand by how often they are zero, and dead ones have a colour of their own."""

from __future__ import annotations

import numpy as np
from matplotlib.colors import to_hex

from convscope.figures.sparsity import draw_zero_shares
from convscope.figures.style import BLUE, VERMILLION, as_svg


def test_channels_stand_by_their_zeros_and_dead_ones_apart() -> None:
    figure = draw_zero_shares([0.5, 1.0, 0.1, 1.0], num_dead=2)
    alive, dead = figure.axes[0].patches
    np.testing.assert_array_equal(alive.get_data().values, [0.1, 0.5])
    np.testing.assert_array_equal(dead.get_data().values, [1.0, 1.0])
    colours = [to_hex(each.get_facecolor()).upper() for each in (alive, dead)]
    assert colours == [BLUE.upper(), VERMILLION.upper()]
    (mean,) = figure.axes[0].lines
    assert mean.get_ydata()[0] == 0.65
    assert "dead: 0 everywhere" in as_svg(figure)


def test_without_dead_channels_nothing_is_said_of_them() -> None:
    figure = draw_zero_shares([0.5, 0.25], num_dead=0)
    assert len(figure.axes[0].patches) == 1
    assert "dead" not in as_svg(figure)


def test_a_layer_that_is_dead_as_a_whole_is_drawn() -> None:
    figure = draw_zero_shares([1.0, 1.0, 1.0], num_dead=3)
    (dead,) = figure.axes[0].patches
    assert to_hex(dead.get_facecolor()).upper() == VERMILLION
