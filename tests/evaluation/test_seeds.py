"""Several trainings of a recipe, against SciPy and by hand."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from samples import MANY
from scipy.stats import t, ttest_1samp, ttest_ind, ttest_rel

from convscope.evaluation.seeds import Repeated, over_folds, over_seeds, recipe_difference

# On a grid, as accuracies of some hundred images are: variances are 0 or not nearly 0.
ACCURACIES = st.lists(st.integers(300, 700).map(lambda each: each / 1000), min_size=2, max_size=8)


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
        assert isinstance(found, Repeated)
        plain = json.loads(json.dumps(found.to_dict(), allow_nan=False))
        assert plain["accuracy_interval"]["low"] == plain["accuracy_interval"]["high"]
        assert plain["accuracies"] == list(found.accuracies)
    found = recipe_difference(over_seeds([0.5, 0.5]), over_seeds([0.75, 0.75]))
    assert found.interval.to_dict()["low"] == 0.25
