"""Comparison: of classifiers on the same images, and of recipes over several trainings."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convscope.evaluation.intervals import CONFIDENCE, QUANTILE, Estimate, Interval, Record, named


@dataclass(frozen=True, slots=True)
class Difference:
    """The difference of two classifiers on N images.

    Attributes:
        accuracy: Accuracy of the second minus that of the first, with Bonett and Price's interval.
        only_first: Number of images that only the first gets right.
        only_second: Number of images that only the second gets right.
        num_images: N.
        p_value: The p-value of McNemar's test.
    """

    accuracy: Estimate
    only_first: int
    only_second: int
    num_images: int
    p_value: float

    @property
    def verdict(self) -> str:
        """`first` or `second` for the better one; `neither` where they can't be told apart."""
        low, high = self.accuracy.interval.low, self.accuracy.interval.high
        if self.p_value >= 1 - CONFIDENCE or low <= 0 <= high:
            return "neither"
        return "second" if self.accuracy.value > 0 else "first"

    def to_dict(self) -> dict[str, Any]:
        """The fields, ready for JSON."""
        return {
            **named("accuracy_difference", self.accuracy),
            "only_first": self.only_first,
            "only_second": self.only_second,
            "num_images": self.num_images,
            "p_value": self.p_value,
            "verdict": self.verdict,
        }


def difference(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> Difference:
    """The difference of two classifiers on the same images.

    Args:
        first: (N,) which images the first gets right, N at least 1.
        second: (N,) which the second gets right.
    """
    only_first, only_second = int((first & ~second).sum()), int((second & ~first).sum())
    return Difference(
        Estimate(
            (only_second - only_first) / len(first), _interval(only_first, only_second, len(first))
        ),
        only_first,
        only_second,
        len(first),
        _mcnemar(only_first, only_second),
    )


def differences(correct: Sequence[NDArray[np.bool_]]) -> dict[tuple[int, int], Difference]:
    """The differences of several classifiers, pair by pair; p-values are adjusted for their number.

    Args:
        correct: (N,) which images each classifier gets right.
    """
    pairs = list(combinations(range(len(correct)), 2))
    found = [difference(correct[first], correct[second]) for first, second in pairs]
    adjusted = holm([each.p_value for each in found])
    return {
        pair: replace(each, p_value=p_value)
        for pair, each, p_value in zip(pairs, found, adjusted, strict=True)
    }


def holm(p_values: Sequence[float]) -> list[float]:
    """P-values adjusted for their number: the chance of any false one below 5 % is at most 5 %.

    Source: Holm 1979.
    """
    adjusted = [1.0] * len(p_values)
    highest = 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = highest
    return adjusted


def _interval(only_first: int, only_second: int, count: int) -> Interval:
    """Interval of a difference of paired proportions: Wald's with one image added to either side.

    Source: Bonett, Price 2012, equation 1.
    """
    lost, won = (only_first + 1) / (count + 2), (only_second + 1) / (count + 2)
    middle = won - lost
    error = math.sqrt((won + lost - middle**2) / (count + 2))
    half = QUANTILE * error
    return Interval(max(-1.0, middle - half), min(1.0, middle + half), "bonett-price")


def _mcnemar(only_first: int, only_second: int) -> float:
    """The p-value of McNemar's test, mid-p form: less conservative than the exact test.

    Source: Fagerland, Lydersen, Laake 2013, section 2.4.
    """
    from scipy.stats import binom

    discordant, fewer = only_first + only_second, min(only_first, only_second)
    if only_first == only_second:
        return 1.0
    below = 2 * binom.cdf(fewer, discordant, 0.5) - binom.pmf(fewer, discordant, 0.5)
    return float(min(1.0, below))


@dataclass(frozen=True, slots=True)
class RepeatedAccuracy(Record):
    """The accuracy of a recipe over several trainings.

    Attributes:
        accuracy: Mean over the trainings, with an interval for its expected value.
        accuracies: The accuracy of each training.
        are_folds: Whether each training was tested on another fold of the data.
    """

    accuracy: Estimate
    accuracies: tuple[float, ...]
    are_folds: bool


def over_seeds(accuracies: Sequence[float]) -> RepeatedAccuracy:
    """The accuracy over trainings that differ in their seed alone: Student's interval.

    Args:
        accuracies: The accuracies of at least two trainings.
    """
    variance = float(np.var(accuracies, ddof=1)) / len(accuracies)
    return _repeated(accuracies, variance, "student", are_folds=False)


def over_folds(accuracies: Sequence[float]) -> RepeatedAccuracy:
    """The accuracy over the folds of one data set.

    Folds share most of their train images, so that their accuracies vary less than those of new
    data would: the variance is corrected for that.
    Source: Nadeau, Bengio 2003, equation 7 with a test fraction of one fold.

    Args:
        accuracies: The accuracies of at least two trainings.
    """
    variance = _variance_over_folds(accuracies)
    return _repeated(accuracies, variance, "student, corrected for folds", are_folds=True)


def _variance_over_folds(values: Sequence[float] | NDArray[np.float64]) -> float:
    """Variance of the mean of one value per fold. Source: Nadeau, Bengio 2003, equation 7."""
    return (1 / len(values) + 1 / (len(values) - 1)) * float(np.var(values, ddof=1))


def _repeated(
    accuracies: Sequence[float], variance: float, method: str, *, are_folds: bool
) -> RepeatedAccuracy:
    mean = float(np.mean(accuracies))
    interval = _around(mean, variance, len(accuracies) - 1, method).interval
    clipped = Interval(max(0.0, interval.low), min(1.0, interval.high), method)
    return RepeatedAccuracy(Estimate(mean, clipped), tuple(accuracies), are_folds)


def recipe_difference(first: RepeatedAccuracy, second: RepeatedAccuracy) -> Estimate:
    """Accuracy of the second recipe minus that of the first, over their trainings.

    Folds are paired, as both recipes are tested on the same ones; seeds are not: Welch's interval.
    Source: Nadeau, Bengio 2003; Welch 1947.

    Args:
        first: Accuracy of one recipe; with folds, in the same order as the second.
        second: Accuracy of the other.
    """
    if first.are_folds and second.are_folds:
        gaps = np.subtract(second.accuracies, first.accuracies)
        variance = _variance_over_folds(gaps)
        return _around(float(gaps.mean()), variance, len(gaps) - 1, "student, corrected for folds")
    counts = [len(each.accuracies) for each in (first, second)]
    variances = [
        float(np.var(each.accuracies, ddof=1)) / count
        for each, count in zip((first, second), counts, strict=True)
    ]
    value, variance = second.accuracy.value - first.accuracy.value, sum(variances)
    if not variance:  # all trainings of a recipe gave the same
        return Estimate(value, Interval(value, value, "welch"))
    terms = [each**2 / (count - 1) for each, count in zip(variances, counts, strict=True)]
    return _around(value, variance, variance**2 / sum(terms), "welch")


def _around(value: float, variance: float, freedom: float, method: str) -> Estimate:
    """Student's interval around a value, for some degrees of freedom."""
    from scipy.stats import t

    half = float(t.ppf((1 + CONFIDENCE) / 2, freedom)) * math.sqrt(variance)
    return Estimate(value, Interval(value - half, value + half, method))
