"""Reliability diagrams and risk-coverage curves have their points and thresholds in place."""

from __future__ import annotations

import numpy as np
import pytest

from convscope.figures.calibration import (
    ChosenThreshold,
    ReliabilityBin,
    draw_reliability,
    draw_risk_coverage,
)
from convscope.figures.style import as_svg

COVERAGE, ERROR = [0.1, 0.5, 1.0], [0.0, 0.02, 0.1]
BINS = [ReliabilityBin(0.55, 0.5, 40, 0.35, 0.65), ReliabilityBin(0.93, 0.9, 1900, 0.88, 0.92)]


def test_points_intervals_and_counts_are_at_their_confidence() -> None:
    above, below = draw_reliability(BINS).axes
    diagonal, points = above.lines
    assert np.column_stack(diagonal.get_data()).tolist() == [[0, 0], [1, 1]]
    assert np.column_stack(points.get_data()).tolist() == [[0.55, 0.5], [0.93, 0.9]]
    whiskers = above.collections[0].get_segments()  # type: ignore[attr-defined]
    assert [segment.tolist() for segment in whiskers] == [
        [[0.55, 0.35], [0.55, 0.65]],
        [[0.93, 0.88], [0.93, 0.92]],
    ]
    assert [bar.get_height() for bar in below.patches] == [40, 1900]  # type: ignore[attr-defined]
    centres = [bar.get_x() + bar.get_width() / 2 for bar in below.patches]  # type: ignore[attr-defined]
    assert centres == pytest.approx([0.55, 0.93])


@pytest.mark.slow
def test_before_calibration_is_told_apart_without_colour() -> None:
    figure = draw_reliability(BINS, before=[ReliabilityBin(0.8, 0.5, 40, 0.35, 0.65)])
    _, before, after = figure.axes[0].lines
    assert before.get_xydata().tolist() == [[0.8, 0.5]]  # type: ignore[union-attr]
    assert before.get_marker() != after.get_marker()
    assert before.get_linestyle() != after.get_linestyle()
    assert "before calibration" in as_svg(figure)
    assert "before calibration" not in as_svg(draw_reliability(BINS))


@pytest.mark.slow
def test_one_bin_of_a_perfect_classifier_is_drawn_whole() -> None:
    figure = draw_reliability([ReliabilityBin(1.0, 1.0, 12_345, 0.999, 1.0)])
    assert figure.axes[0].get_xlim()[1] > 1 < figure.axes[0].get_ylim()[1]
    assert ">12,345</text>" in as_svg(figure)


@pytest.mark.slow
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
    assert ">target error: 2.5%</text>" in svg


@pytest.mark.slow
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
