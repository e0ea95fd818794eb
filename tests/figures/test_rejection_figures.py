"""Rejection: the curve, the chosen threshold and the wanted error are where they belong."""

from __future__ import annotations

from convscope.figures.rejection import ChosenThreshold, draw_risk_coverage
from convscope.figures.style import as_svg

COVERAGE, ERROR = [0.1, 0.5, 1.0], [0.0, 0.02, 0.1]


def test_curve_threshold_and_target_are_at_their_places() -> None:
    chosen = ChosenThreshold(0.8312, 0.5, 0.02)
    figure = draw_risk_coverage(COVERAGE, ERROR, chosen=chosen, target_error=0.025)
    curve, target, upright, mark = figure.axes[0].lines
    assert list(curve.get_xdata()) == COVERAGE  # type: ignore[arg-type]
    assert list(curve.get_ydata()) == ERROR  # type: ignore[arg-type]
    assert set(target.get_ydata()) == {0.025}  # type: ignore[arg-type]
    assert set(upright.get_xdata()) == {0.5}  # type: ignore[arg-type]
    assert mark.get_xydata().tolist() == [[0.5, 0.02]]  # type: ignore[union-attr]
    svg = as_svg(figure)
    assert ">from confidence: 0.831</text>" in svg
    assert ">wanted at most: 2.5%</text>" in svg


def test_without_a_threshold_there_is_only_the_curve() -> None:
    figure = draw_risk_coverage(COVERAGE, ERROR)
    assert len(figure.axes[0].lines) == 1
    assert "from confidence" not in as_svg(figure)


def test_a_classifier_without_errors_is_a_line_at_zero() -> None:
    axes = draw_risk_coverage(COVERAGE, [0.0] * 3).axes[0]
    assert axes.get_ylim() == (0, 0.01)
    assert not axes.lines[0].get_clip_on()  # on the edge, but drawn whole


def test_a_target_above_the_curve_is_on_the_axis() -> None:
    assert draw_risk_coverage(COVERAGE, ERROR, target_error=0.4).axes[0].get_ylim()[1] > 0.4


def test_a_single_image_is_a_point() -> None:
    assert draw_risk_coverage([1.0], [1.0]).axes[0].lines[0].get_marker() == "o"
