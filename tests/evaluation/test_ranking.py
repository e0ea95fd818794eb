"""Areas and curves against counting."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from samples import MANY

from convscope.evaluation.ranking import POINTS, areas, precision_recall_curve, roc_curve

SCORED = st.lists(st.tuples(st.integers(0, 6), st.booleans()), min_size=1, max_size=30)
BOTH_KINDS = SCORED.filter(lambda pairs: len({is_member for _, is_member in pairs}) == 2)


def unzipped(pairs: list[tuple[int, bool]]) -> tuple[np.ndarray, np.ndarray]:
    scores, is_member = zip(*pairs, strict=True)
    return np.array(scores) / 6, np.array(is_member)


@MANY
@given(BOTH_KINDS)
def test_the_roc_area_is_how_often_a_member_has_the_higher_score(
    pairs: list[tuple[int, bool]],
) -> None:
    scores, is_member = unzipped(pairs)
    gaps = scores[is_member][:, None] - scores[~is_member][None]
    found = areas(scores, is_member)
    assert found
    assert found.roc == pytest.approx(((gaps > 0) + 0.5 * (gaps == 0)).mean(), abs=1e-9)


@MANY
@given(BOTH_KINDS)
def test_average_precision_is_the_sum_of_steps_in_recall_times_precision(
    pairs: list[tuple[int, bool]],
) -> None:
    scores, is_member = unzipped(pairs)
    expected, before = 0.0, 0.0
    for threshold in sorted(set(scores), reverse=True):
        is_found = scores >= threshold
        recall = is_member[is_found].sum() / is_member.sum()
        expected += (recall - before) * is_member[is_found].mean()
        before = recall
    found = areas(scores, is_member)
    assert found
    assert found.average_precision == pytest.approx(expected, abs=1e-9)


@MANY
@given(BOTH_KINDS)
def test_the_points_of_a_short_roc_curve_enclose_its_area(pairs: list[tuple[int, bool]]) -> None:
    scores, is_member = unzipped(pairs)
    curve = roc_curve(scores, is_member)
    assert curve
    assert (curve.x[0], curve.y[0], curve.x[-1], curve.y[-1]) == (0, 0, 1, 1)
    assert np.trapezoid(curve.y, curve.x) == pytest.approx(curve.area, abs=1e-9)


@pytest.mark.parametrize("is_member", [np.ones(3, bool), np.zeros(3, bool)])
def test_without_both_kinds_there_is_no_curve(is_member: np.ndarray) -> None:
    for function in (areas, roc_curve, precision_recall_curve):
        assert function(np.array([0.1, 0.2, 0.3]), is_member) is None


def test_a_long_curve_is_thinned_but_keeps_its_ends_and_its_area() -> None:
    random = np.random.default_rng(0)
    is_member = random.random(20_000) < 0.3
    scores = random.random(20_000) + 0.3 * is_member
    found = areas(scores, is_member)
    assert found
    roc, curve = roc_curve(scores, is_member), precision_recall_curve(scores, is_member)
    assert roc
    assert curve
    for each in (roc, curve):
        assert len(each.x) == len(each.y) <= POINTS
        assert (np.diff(each.x) >= 0).all()
        assert (each.x[0], each.x[-1]) == (0, 1)
    assert roc.area == found.roc == pytest.approx(np.trapezoid(roc.y, roc.x), abs=0.005)
    assert curve.area == found.average_precision
    assert curve.y[-1] == pytest.approx(is_member.mean(), abs=1e-9)
