"""Reliability: points at confidence and accuracy, with their intervals and counts."""

from __future__ import annotations

import numpy as np
import pytest

from convscope.figures.reliability import ReliabilityBin, draw_reliability
from convscope.figures.style import as_svg

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


def test_before_calibration_is_told_apart_without_colour() -> None:
    figure = draw_reliability(BINS, before=[ReliabilityBin(0.8, 0.5, 40, 0.35, 0.65)])
    _, before, after = figure.axes[0].lines
    assert before.get_xydata().tolist() == [[0.8, 0.5]]  # type: ignore[union-attr]
    assert before.get_marker() != after.get_marker()
    assert before.get_linestyle() != after.get_linestyle()
    assert "before calibration" in as_svg(figure)
    assert "before calibration" not in as_svg(draw_reliability(BINS))


def test_one_bin_of_a_perfect_classifier_is_drawn_whole() -> None:
    figure = draw_reliability([ReliabilityBin(1.0, 1.0, 12_345, 0.999, 1.0)])
    assert figure.axes[0].get_xlim()[1] > 1 < figure.axes[0].get_ylim()[1]
    assert ">12,345</text>" in as_svg(figure)
