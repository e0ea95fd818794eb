"""Comparisons of classifiers and recipes, against formulas, SciPy and by hand."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from samples import MANY
from scipy.stats import binomtest, t, ttest_1samp, ttest_ind, ttest_rel

from convscope.evaluation.comparison import (
    RepeatedAccuracy,
    difference,
    differences,
    holm,
    over_folds,
    over_seeds,
    recipe_difference,
)

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


@pytest.mark.slow
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


@pytest.mark.slow
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


# On a grid, as accuracies of some hundred images are: variances are 0 or not nearly 0.
ACCURACIES = st.lists(st.integers(300, 700).map(lambda each: each / 1000), min_size=2, max_size=8)


@pytest.mark.slow
@MANY
@given(ACCURACIES.filter(lambda each: len(set(each)) > 1))
def test_seeds_have_students_interval(accuracies: list[float]) -> None:
    found = over_seeds(accuracies)
    low, high = ttest_1samp(accuracies, 0).confidence_interval(0.95)
    assert found.accuracy.value == pytest.approx(np.mean(accuracies), abs=1e-9)
    assert found.accuracy.interval.low == pytest.approx(max(0, low), abs=1e-9)
    assert found.accuracy.interval.high == pytest.approx(min(1, high), abs=1e-9)
    assert (found.accuracies, found.are_folds) == (tuple(accuracies), False)


def test_folds_have_the_corrected_interval_by_hand() -> None:
    found = over_folds([0.8, 0.9, 0.85, 0.95, 0.8])
    variance = (0.06**2 + 0.04**2 + 0.01**2 + 0.09**2 + 0.06**2) / 4
    half = t.ppf(0.975, 4) * math.sqrt((1 / 5 + 1 / 4) * variance)
    value, interval = found.accuracy
    assert value == pytest.approx(0.86, abs=1e-9)
    assert interval.low == pytest.approx(0.86 - half, abs=1e-9)
    assert interval.high == min(1, 0.86 + half)
    assert found.are_folds
    seeds = over_seeds([0.8, 0.9, 0.85, 0.95, 0.8]).accuracy.interval
    assert interval.low < seeds.low  # folds share images, so they say less


def test_an_interval_of_accuracies_stays_between_0_and_1() -> None:
    interval = over_seeds([0.98, 1.0]).accuracy.interval
    assert interval.high == 1
    assert over_seeds([0.0, 0.02]).accuracy.interval.low == 0


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Precision loss")  # of one recipe that never varies
@MANY
@given(ACCURACIES, ACCURACIES)
def test_recipes_over_seeds_have_welchs_interval(first: list[float], second: list[float]) -> None:
    value, interval = recipe_difference(over_seeds(first), over_seeds(second))
    assert value == pytest.approx(np.mean(second) - np.mean(first), abs=1e-9)
    if len(set(first)) == len(set(second)) == 1:
        assert (interval.low, interval.high) == pytest.approx((value, value), abs=1e-9)
        return
    low, high = ttest_ind(second, first, equal_var=False).confidence_interval(0.95)
    assert (interval.low, interval.high) == pytest.approx((low, high), abs=1e-9)
    assert interval.method == "welch"


def test_folds_of_two_recipes_are_paired() -> None:
    first, second = [0.6, 0.7, 0.8, 0.9, 0.5], [0.63, 0.72, 0.82, 0.94, 0.52]
    value, interval = recipe_difference(over_folds(first), over_folds(second))
    low, high = ttest_rel(second, first).confidence_interval(0.95)
    wider = math.sqrt(1 + 5 / 4)  # the corrected variance over that of five independent ones
    assert value == pytest.approx(0.026, abs=1e-9)
    assert interval.high - interval.low == pytest.approx((high - low) * wider, abs=1e-9)
    assert interval.low > 0  # unpaired, the spread of the folds would hide it
    unpaired = recipe_difference(over_seeds(first), over_seeds(second))
    assert unpaired.interval.low < 0 < unpaired.interval.high


def test_trainings_that_all_gave_the_same_are_ready_for_json() -> None:
    for found in (over_seeds([1.0, 1.0]), over_folds([0.5, 0.5, 0.5])):
        assert isinstance(found, RepeatedAccuracy)
        plain = json.loads(json.dumps(found.to_dict(), allow_nan=False))
        assert plain["accuracy_interval"]["low"] == plain["accuracy_interval"]["high"]
        assert plain["accuracies"] == list(found.accuracies)
    difference = recipe_difference(over_seeds([0.5, 0.5]), over_seeds([0.75, 0.75]))
    assert difference.interval.to_dict()["low"] == 0.25
