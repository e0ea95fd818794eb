"""Rejection against plain loops, brute force, and its promise."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from samples import FEW, MANY, drawn, some_outputs, with_confidences
from scipy.stats import beta, binom

from convscope.errors import DataError
from convscope.evaluation.calibration import (
    POINTS,
    choose_threshold,
    fewest_accepted,
    risk_coverage,
    selective_accuracy,
)
from convscope.evaluation.intervals import proportion
from convscope.evaluation.outputs import Outputs


def test_error_over_coverage_is_that_of_a_plain_loop() -> None:
    outputs = drawn(150)
    order = sorted(range(150), key=lambda index: -outputs.confidences[index])
    errors = [np.mean(~outputs.is_correct[order[:count]]) for count in range(1, 151)]
    found = risk_coverage(outputs)
    np.testing.assert_allclose(found.coverage, np.arange(1, 151) / 150, atol=1e-12)
    np.testing.assert_allclose(found.error, errors, atol=1e-9)
    assert found.area == pytest.approx(np.mean(errors), abs=1e-9)


@pytest.mark.slow
@MANY
@given(some_outputs(), st.randoms())
def test_the_order_of_images_does_not_change_the_curve(outputs: Outputs, random: object) -> None:
    order = np.random.default_rng(random.randint(0, 9999)).permutation(len(outputs))  # type: ignore[attr-defined]
    first, second = risk_coverage(outputs), risk_coverage(outputs.take(order))
    np.testing.assert_allclose(first.error, second.error, atol=1e-9)
    assert first.area == pytest.approx(second.area, abs=1e-9)
    assert first.error[-1] == pytest.approx(1 - outputs.is_correct.mean(), abs=1e-9)
    assert first.coverage[-1] == 1


def test_mistakes_count_evenly_over_images_of_the_same_confidence() -> None:
    found = risk_coverage(with_confidences([0.9, 0.7, 0.7, 0.7, 0.7], [1, 0, 0, 1, 1]))
    np.testing.assert_allclose(found.error, [0, 0.5 / 2, 1 / 3, 1.5 / 4, 2 / 5], atol=1e-12)


def test_a_long_curve_is_thinned_but_its_area_is_of_all_images() -> None:
    outputs = drawn(3000)
    wrong = np.cumsum(~outputs.is_correct[np.argsort(-outputs.confidences)])
    found = risk_coverage(outputs)
    assert len(found.coverage) == len(found.error) == POINTS
    assert found.area == pytest.approx((wrong / np.arange(1, 3001)).mean(), abs=1e-9)


def test_confidences_from_the_threshold_on_are_answered() -> None:
    outputs = with_confidences([0.9, 0.8, 0.7, 0.6], [1, 0, 1, 0])
    found = selective_accuracy(outputs, float(outputs.confidences[1]))
    assert found.coverage == proportion(2, 4)
    assert found.error == proportion(1, 2)
    assert json.loads(json.dumps(found.to_dict(), allow_nan=False))["error"] == 0.5


def test_where_nothing_is_answered_there_is_no_error() -> None:
    found = selective_accuracy(with_confidences([0.9], [1]), 0.99)
    assert found.error is None
    assert found.coverage.value == 0
    plain = found.to_dict()
    assert plain["error"] is plain["error_interval"] is None
    json.dumps(plain, allow_nan=False)


def brute_force(outputs: Outputs, target: float) -> tuple[int, int] | None:
    """Answers and mistakes at the largest of 20 coverages whose error is proven."""
    count = len(outputs)
    for level in range(20, 0, -1):
        last = sorted(outputs.confidences, reverse=True)[max(0, round(count * level / 20) - 1)]
        is_answered = outputs.confidences >= last
        answered, wrong = int(is_answered.sum()), int((is_answered & ~outputs.is_correct).sum())
        # So few mistakes would be rarer than 1 in 400 if the error were that of the target.
        if binom.cdf(wrong, answered, target) <= 0.05 / 20:
            return answered, wrong
    return None


@FEW
@given(st.integers(1, 400), st.integers(0, 99), st.sampled_from([0.02, 0.1, 0.3, 0.6]))
def test_the_threshold_is_that_of_brute_force(count: int, seed: int, target: float) -> None:
    outputs = drawn(count, seed=seed, margin=2.5)
    expected = brute_force(outputs, target)
    if expected is None:
        with pytest.raises(DataError, match="no threshold keeps the error at"):
            choose_threshold(outputs, target)
        return
    found, (answers, wrong) = choose_threshold(outputs, target), expected
    assert found.coverage == pytest.approx(answers / count, abs=1e-9)
    assert found.error == pytest.approx(wrong / answers, abs=1e-9)
    assert found.error_bound <= target
    assert binom.cdf(wrong, answers, found.error_bound) == pytest.approx(0.05 / 20, abs=1e-9)
    answered = selective_accuracy(outputs, found.min_confidence)
    assert answered.coverage.value == found.coverage
    assert answered.error == proportion(wrong, answers)
    assert (found.num_images, found.target_error) == (count, target)
    assert (found.min_confidence == 0) == (answers == count)
    json.dumps(found.to_dict(), allow_nan=False)


def test_images_of_the_same_confidence_are_answered_together() -> None:
    outputs = with_confidences([0.9] * 300 + [0.6] * 100, [1] * 300 + [0] * 100)
    found = choose_threshold(outputs, 0.05)
    assert (found.coverage, found.error) == (0.75, 0)


def test_without_a_proven_threshold_the_lowest_provable_error_is_named() -> None:
    outputs = with_confidences(np.linspace(0.6, 0.9, 100), [1] * 100)
    with pytest.raises(DataError) as caught:
        choose_threshold(outputs, 0.01)
    bound = 1 - 0.0025 ** (1 / 100)  # no mistakes among 100
    assert caught.value.message == (
        "no threshold keeps the error at 0.01 or below: with 100 images "
        f"{bound:.2g} is the lowest error that can be proven"
    )
    # So many without a mistake would be rarer than 1 in 400 if the error were 1 %.
    assert 0.99**597 <= 0.05 / 20 < 0.99**596
    assert caught.value.hint == (
        "allow a higher `--target-error`, or choose on about 597 images like these"
    )


@pytest.mark.parametrize(
    ("num_images", "seed", "target"), [(72, 0, 0.02), (72, 1, 0.05), (150, 2, 0.03), (40, 3, 0.1)]
)
def test_the_number_of_images_that_is_named_proves_the_target(
    num_images: int, seed: int, target: float
) -> None:
    outputs = drawn(num_images, seed=seed, margin=2.5)
    with pytest.raises(DataError) as caught:
        choose_threshold(outputs, target)
    named = re.search(r"about ([\d,]+) images like these", str(caught.value.hint))
    assert named is not None
    needed = int(named[1].replace(",", ""))
    assert needed > num_images

    def repeated(times: float) -> Outputs:
        """Images like these: each as often as any other, as far as that goes."""
        count = round(needed * times)
        return outputs.take(np.arange(count) * num_images // count)

    assert choose_threshold(repeated(1.1), target).error_bound <= target
    with pytest.raises(DataError, match="no threshold keeps the error"):
        choose_threshold(repeated(0.8), target)


@pytest.mark.parametrize(("error", "target"), [(0.0, 0.02), (0.01, 0.02), (0.1, 0.3), (0.0, 0.5)])
def test_the_fewest_accepted_images_are_as_few_as_can_be(error: float, target: float) -> None:
    count = fewest_accepted(error, target)
    assert count is not None
    bound = [beta.ppf(1 - 0.05 / 20, error * n + 1, n - error * n) for n in (count, count - 1)]
    assert bound[0] <= target < bound[1]


def test_no_number_of_images_proves_an_error_below_that_of_the_most_confident() -> None:
    assert fewest_accepted(0.02, 0.02) is None
    outputs = with_confidences([0.9] * 100, [1] * 80 + [0] * 20)
    with pytest.raises(DataError) as caught:
        choose_threshold(outputs, 0.1)
    assert caught.value.hint == (
        "allow a higher `--target-error`: even of the most confident predictions more are wrong"
    )


def test_a_classifier_that_is_always_wrong_proves_nothing() -> None:
    with pytest.raises(DataError, match="with 50 images 1 is the lowest error"):
        choose_threshold(with_confidences([0.9] * 50, [0] * 50), 0.5)


@pytest.mark.slow
def test_an_error_just_above_the_target_is_rarely_taken_for_lower() -> None:
    random, target, found = np.random.default_rng(0), 0.05, 0
    for _ in range(100):
        is_correct = random.random(500) >= target * 1.0001
        try:
            choose_threshold(with_confidences(random.uniform(0.55, 0.95, 500), is_correct), target)
        except DataError:
            continue
        found += 1
    assert found <= 5
