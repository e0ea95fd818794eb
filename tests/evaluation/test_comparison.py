"""Comparisons against sums of binomials, formulas, and what they promise."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from samples import MANY
from scipy.stats import binomtest

from convscope.evaluation.comparison import difference, differences, holm

COUNTS = st.tuples(st.integers(0, 30), st.integers(0, 30), st.integers(0, 60)).filter(any)
Bools = np.ndarray


def answers(only_first: int, only_second: int, both: int = 0, neither: int = 0) -> list[Bools]:
    """Which images two classifiers get right."""
    kinds = np.repeat([[1, 0], [0, 1], [1, 1], [0, 0]], [only_first, only_second, both, neither], 0)
    return list(kinds.T.astype(bool))


@MANY
@given(COUNTS)
def test_the_interval_is_that_of_bonett_and_prices_formula(counts: tuple[int, int, int]) -> None:
    only_first, only_second, both = counts
    count = sum(counts)
    found = difference(*answers(only_first, only_second, both))
    first, second = (only_first + 1) / (count + 2), (only_second + 1) / (count + 2)
    half = 1.959963984540054 * math.sqrt((first + second - (second - first) ** 2) / (count + 2))
    value, interval = found.accuracy
    assert value == pytest.approx((only_second - only_first) / count, abs=1e-12)
    assert interval.low == pytest.approx(max(-1, second - first - half), abs=1e-9)
    assert interval.high == pytest.approx(min(1, second - first + half), abs=1e-9)
    assert interval.low <= value <= interval.high
    assert interval.method == "bonett-price"
    assert (found.only_first, found.only_second, found.num_images) == (
        only_first,
        only_second,
        count,
    )


@MANY
@given(COUNTS)
def test_the_p_value_is_mcnemars_mid_p_by_hand(counts: tuple[int, int, int]) -> None:
    only_first, only_second, both = counts
    discordant, fewer = only_first + only_second, min(only_first, only_second)
    chances = [math.comb(discordant, k) / 2**discordant for k in range(discordant + 1)]
    mid_p = 2 * (sum(chances[:fewer]) + chances[fewer] / 2)
    found = difference(*answers(only_first, only_second, both)).p_value
    assert found == pytest.approx(min(1, mid_p), abs=1e-9)
    if discordant:
        exact = binomtest(fewer, discordant).pvalue
        assert found <= exact + 1e-12
    assert found == difference(*answers(only_second, only_first, both)).p_value


def test_classifiers_that_are_right_on_the_same_images_are_not_told_apart() -> None:
    found = difference(*answers(0, 0, 90, 10))
    assert (found.p_value, found.accuracy.value, found.verdict) == (1, 0, "neither")


def test_the_better_one_is_named() -> None:
    assert difference(*answers(5, 25, 70)).verdict == "second"
    assert difference(*answers(25, 5, 70)).verdict == "first"
    assert difference(*answers(12, 14, 70)).verdict == "neither"


def test_one_image_decides_nothing() -> None:
    found = difference(np.array([False]), np.array([True]))
    assert found.p_value == pytest.approx(0.5, abs=1e-9)
    assert (found.accuracy.value, found.verdict) == (1, "neither")


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.6]) == [1, 1]
    assert holm([0.02]) == [0.02]
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), max_size=20))
def test_holm_keeps_the_order_and_makes_nothing_smaller(p_values: list[float]) -> None:
    adjusted = holm(p_values)
    assert all(0 <= before <= after <= 1 for before, after in zip(p_values, adjusted, strict=True))
    order = np.argsort(p_values, kind="stable")
    assert (np.diff(np.array(adjusted)[order]) >= 0).all()
    count = len(p_values)
    if any(p_value < 0.05 / count for p_value in p_values):  # Bonferroni's are among Holm's
        assert min(adjusted) < 0.05


def test_p_values_of_three_classifiers_are_adjusted_for_three_pairs() -> None:
    random = np.random.default_rng(0)
    correct = [random.random(300) < accuracy for accuracy in (0.8, 0.82, 0.9)]
    found = differences(correct)
    assert list(found) == [(0, 1), (0, 2), (1, 2)]
    alone = [difference(correct[i], correct[j]) for i, j in found]
    assert [each.p_value for each in found.values()] == holm([each.p_value for each in alone])
    assert [each.accuracy for each in found.values()] == [each.accuracy for each in alone]
    assert found[0, 2].verdict == "second"


@pytest.mark.parametrize("accuracy", [0.8, 0.95, 0.99])
@pytest.mark.parametrize("count", [100, 1000])
def test_equal_classifiers_are_rarely_told_apart(accuracy: float, count: int) -> None:
    random = np.random.default_rng(count)
    verdicts = [difference(*(random.random((2, count)) < accuracy)).verdict for _ in range(400)]
    assert np.mean([verdict != "neither" for verdict in verdicts]) <= 0.07


def test_two_points_are_found_on_ten_thousand_images() -> None:
    random = np.random.default_rng(0)
    verdicts = [
        difference(random.random(10_000) < 0.93, random.random(10_000) < 0.95).verdict
        for _ in range(50)
    ]
    assert verdicts == ["second"] * 50


def test_json_holds_the_verdict() -> None:
    plain = json.loads(json.dumps(difference(*answers(5, 25, 70)).to_dict(), allow_nan=False))
    assert (plain["verdict"], plain["accuracy_difference"], plain["num_images"]) == (
        "second",
        0.2,
        100,
    )
    assert (plain["only_first"], plain["only_second"]) == (5, 25)
    assert plain["accuracy_difference_interval"]["method"] == "bonett-price"
