"""Comparisons: values at their places, full dots where the interval excludes the line."""

from __future__ import annotations

import math

import numpy as np
import pytest
from matplotlib.figure import Figure

from convscope.figures.comparison import IntervalRow, draw_accuracy_bars, draw_differences
from convscope.figures.style import PAPER, as_svg

ROWS = [
    IntervalRow("night", -0.04, -0.06, -0.02),
    IntervalRow("day", 0.01, -0.01, 0.03),
    IntervalRow("$dusk_1$", 0.05, 0.02, 0.08),
]


def dots(figure: Figure) -> dict[tuple[float, float], bool]:
    """Places of the dots, with whether they are full."""
    return {
        (float(x), float(y)): line.get_markerfacecolor() != PAPER
        for line in figure.axes[0].lines
        if line.get_marker() == "o"
        for x, y in zip(*map(np.asarray, line.get_data()), strict=True)
    }


def test_differences_are_full_dots_where_zero_is_outside_of_the_interval() -> None:
    figure = draw_differences(ROWS)
    assert dots(figure) == {(-0.04, 0): True, (0.01, 1): False, (0.05, 2): True}
    segments = [
        segment.tolist()
        for collection in figure.axes[0].collections
        for segment in collection.get_segments()  # type: ignore[attr-defined]
    ]
    assert sorted(segments) == sorted(
        [[row.low, index], [row.high, index]] for index, row in enumerate(ROWS)
    )
    assert set(figure.axes[0].lines[0].get_xdata()) == {0}  # type: ignore[arg-type]


def test_the_first_row_is_on_top() -> None:
    bottom, top = draw_differences(ROWS).axes[0].get_ylim()
    assert bottom > top


@pytest.mark.slow
def test_names_and_signed_values_are_written() -> None:
    svg = as_svg(draw_differences(ROWS))
    for text in ("night", "$dusk_1$", "−4.0", "+1.0", "+5.0", "no difference"):
        assert f">{text}</text>" in svg


def test_a_difference_that_rounds_to_zero_has_no_minus() -> None:
    svg = as_svg(draw_differences([IntervalRow("same", -0.0001, -0.01, 0.01)]))
    assert ">+0.0</text>" in svg
    assert "−0.0<" not in svg


def test_no_difference_at_all_is_a_dot_on_the_line() -> None:
    figure = draw_differences([IntervalRow("same", 0.0, 0.0, 0.0)])
    assert dots(figure) == {(0, 0): False}
    assert figure.axes[0].get_xlim() == pytest.approx((-0.01, 0.01))


def test_accuracies_are_compared_with_that_of_all_images() -> None:
    rows = [IntervalRow("day", 0.9, 0.86, 0.94), IntervalRow("night", 0.7, 0.6, 0.86)]
    figure = draw_accuracy_bars(rows, overall=0.85)
    assert dots(figure) == {(0.9, 0): True, (0.7, 1): False}
    assert set(figure.axes[0].lines[0].get_xdata()) == {0.85}  # type: ignore[arg-type]
    assert ">all images: 85.0%</text>" in as_svg(figure)


def test_a_class_without_images_has_a_row_without_a_dot() -> None:
    rows = [IntervalRow("day", 1.0, 0.9, 1.0), IntervalRow("none", math.nan, math.nan, math.nan)]
    figure = draw_accuracy_bars(rows, overall=1.0)
    assert [place for place in dots(figure) if math.isfinite(place[0])] == [(1.0, 0)]
    assert ">–</text>" in as_svg(figure)


def test_thirty_rows_are_higher_not_denser() -> None:
    few, all_rows = draw_accuracy_bars(ROWS, overall=0.0), draw_accuracy_bars(ROWS * 10, overall=0)
    assert all_rows.get_figheight() - few.get_figheight() == pytest.approx(27 * 0.28)


@pytest.mark.slow
def test_long_names_are_shortened_and_no_accuracy_is_above_100_percent() -> None:
    rows = [
        IntervalRow("a class whose name has sixty letters, which is a lot, really", 1.0, 0.5, 1.0)
    ]
    svg = as_svg(draw_accuracy_bars(rows, overall=0.99))
    assert ">a class w…, really</text>" in svg
    assert ">110</text>" not in svg
