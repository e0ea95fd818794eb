"""Wilson's interval against its formula and its promise; bootstraps against what they must keep."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from samples import MANY
from scipy.stats import binom, binomtest, bootstrap

from convscope.evaluation import intervals
from convscope.evaluation.intervals import (
    RESAMPLES,
    Interval,
    mean,
    mean_of_proportions,
    proportion,
    resampled_cells,
    resampled_means,
    sum_of_sizes,
)

Z = 1.959963984540054


def all_resamples(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.concatenate(list(resampled_cells(counts)))


def wilson(share: float, trials: float) -> tuple[float, float]:
    middle = (share + Z**2 / (2 * trials)) / (1 + Z**2 / trials)
    root = math.sqrt(share * (1 - share) / trials + Z**2 / (4 * trials**2))
    half = Z * root / (1 + Z**2 / trials)
    return middle - half, middle + half


@pytest.mark.slow
@MANY
@given(st.integers(1, 5000), st.data())
def test_a_share_has_the_interval_of_wilsons_formula(trials: int, data: st.DataObject) -> None:
    successes = data.draw(st.integers(0, trials))
    value, interval = proportion(successes, trials)
    share = successes / trials
    low, high = wilson(share, trials)
    assert value == share
    assert interval.method == "wilson"
    assert interval.low == pytest.approx(low, abs=1e-9)
    assert interval.high == pytest.approx(high, abs=1e-9)
    theirs = binomtest(successes, trials).proportion_ci(0.95, method="wilson")
    assert (interval.low, interval.high) == pytest.approx((theirs.low, theirs.high), abs=1e-9)
    assert interval.low <= share <= interval.high


@pytest.mark.parametrize("trials", [1, 2, 7, 100, 99_999])
def test_none_and_all_reach_the_ends_exactly(trials: int) -> None:
    assert proportion(0, trials).interval.low == 0
    assert proportion(trials, trials).interval.high == 1
    assert 0 < proportion(0, trials).interval.high < 1


@pytest.mark.slow
@pytest.mark.parametrize(("count", "least"), [(100, 0.90), (153, 0.85), (500, 0.90), (2000, 0.93)])
def test_on_average_95_of_100_intervals_hold_the_true_accuracy(count: int, least: float) -> None:
    accuracies = np.linspace(0.8, 0.999, 200)
    found = np.zeros(len(accuracies))
    for right in range(count + 1):
        interval = proportion(right, count).interval
        holds = (interval.low <= accuracies) & (accuracies <= interval.high)
        found += binom.pmf(right, count, accuracies) * holds
    assert 0.94 < found.mean() < 0.96
    assert found.min() > least


def test_one_share_alone_is_the_mean_of_itself() -> None:
    resampled = all_resamples(np.array([80, 20]))[:, 0] / 100
    found = mean_of_proportions(0.8, resampled, np.array([100]))
    alone = proportion(80, 100).interval
    assert found.low == pytest.approx(alone.low, abs=0.005)
    assert found.high == pytest.approx(alone.high, abs=0.005)


def test_a_mean_that_scatters_more_is_worth_fewer_images() -> None:
    # Of 200 images all are right, of 10 half: a plain share of 30 scatters as much.
    variance = 0.5 * 0.5 / 10 / 4
    resampled = 0.75 + math.sqrt(variance) * np.repeat([-1.0, 1.0], RESAMPLES // 2)
    found = mean_of_proportions(0.75, resampled, np.array([200, 10]))
    assert (found.low, found.high) == pytest.approx(wilson(0.75, 30), abs=1e-9)


def test_where_no_class_has_a_mistake_their_mean_is_worth_as_many_images_as_it_can_be() -> None:
    certain = np.ones(RESAMPLES)
    found = mean_of_proportions(1.0, certain, np.array([50, 50]))
    expected = proportion(100, 100).interval
    assert found == replace(expected, method="wilson, effective number")
    # A mean of shares of 90 and of 10 images scatters as one of 4 / (1/90 + 1/10) = 36.
    found = mean_of_proportions(1.0, certain, np.array([90, 10, 0]))
    assert found.low == pytest.approx(proportion(36, 36).interval.low, abs=1e-12)


def test_shares_that_never_vary_are_not_taken_for_certain() -> None:
    found = mean_of_proportions(0.5, np.full(RESAMPLES, 0.5), np.array([50, 50]))
    expected = proportion(50, 100).interval
    assert found == replace(expected, method="wilson, effective number")


def test_a_mean_has_the_interval_of_scipys_bca_bootstrap() -> None:
    values = np.random.default_rng(0).exponential(size=80)
    value, interval = mean(values, resampled_means(values[:, None])[:, 0])
    theirs = bootstrap(
        (values,), np.mean, n_resamples=20_000, rng=np.random.default_rng(1), method="BCa"
    ).confidence_interval
    width = theirs.high - theirs.low
    assert value == values.mean()
    assert interval.low == pytest.approx(theirs.low, abs=0.08 * width)
    assert interval.high == pytest.approx(theirs.high, abs=0.08 * width)


@pytest.mark.slow
@MANY
@given(st.lists(st.floats(0, 50), min_size=1, max_size=30))
def test_a_mean_lies_in_its_interval_and_the_interval_in_the_values(values: list[float]) -> None:
    array = np.array(values)
    value, interval = mean(array, resampled_means(array[:, None])[:, 0])
    assert interval.low <= value <= interval.high
    assert interval.low >= array.min() - 1e-9
    assert interval.high <= array.max() + 1e-9


@pytest.mark.slow
def test_a_sum_of_sizes_is_not_taken_for_certain_where_chance_makes_it() -> None:
    random, holds = np.random.default_rng(0), 0
    for _ in range(30):
        values = random.normal(size=(150, 8))  # all true means are 0
        value, interval = sum_of_sizes(values.mean(axis=0), resampled_means(values))
        assert interval.low <= value <= interval.high
        holds += interval.low == 0
    assert holds >= 27


@pytest.mark.slow
@pytest.mark.parametrize("shift", [0.3, 2.0])
def test_the_interval_of_a_sum_of_sizes_holds_the_truth(shift: float) -> None:
    random, holds = np.random.default_rng(1), 0
    for _ in range(30):
        values = random.normal(size=(150, 3)) + [shift, -shift, 0]
        interval = sum_of_sizes(values.mean(axis=0), resampled_means(values)).interval
        holds += interval.low <= 2 * shift <= interval.high
    assert holds >= 26


def test_resamples_are_the_same_each_time() -> None:
    values, counts = np.random.default_rng(0).random((50, 2)), np.array([5, 0, 20])
    assert resampled_means(values).tobytes() == resampled_means(values).tobytes()
    assert all_resamples(counts).tobytes() == all_resamples(counts).tobytes()


def test_resampled_means_scatter_as_the_standard_error_says() -> None:
    values = np.random.default_rng(0).normal(size=(400, 2)) * [1, 10]
    found = resampled_means(values)
    assert found.shape == (RESAMPLES, 2)
    np.testing.assert_allclose(found.std(axis=0), values.std(axis=0) / 20, rtol=0.08)
    np.testing.assert_allclose((found - values.mean(axis=0)).mean(axis=0) / [1, 10], 0, atol=0.01)


def test_resampled_cells_keep_the_number_of_images_and_leave_empty_cells_empty() -> None:
    counts = np.array([60, 0, 30, 10])
    found = all_resamples(counts)
    assert found.shape == (RESAMPLES, 4)
    assert (found.sum(axis=1) == 100).all()
    assert not found[:, 1].any()
    np.testing.assert_allclose(found.mean(axis=0), counts, atol=1)


def test_resamples_in_small_blocks_are_those_of_one_block(monkeypatch: pytest.MonkeyPatch) -> None:
    counts = np.array([60, 0, 30, 10])
    together = all_resamples(counts)
    monkeypatch.setattr(intervals, "DRAWN_AT_ONCE", 28)
    blocks = list(resampled_cells(counts))
    assert [len(block) for block in blocks] == [7] * 142 + [6]
    assert np.concatenate(blocks).tobytes() == together.tobytes()


def test_an_interval_is_ready_for_json_with_its_confidence() -> None:
    assert json.loads(json.dumps(Interval(0.1, 0.2, "wilson").to_dict())) == {
        "low": 0.1,
        "high": 0.2,
        "method": "wilson",
        "confidence": 0.95,
    }
