"""Seeds: several trainings of one recipe, and whether one recipe is better than another."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convscope.evaluation.intervals import CONFIDENCE, Estimate, Interval, named


@dataclass(frozen=True, slots=True)
class Repeated:
    """The accuracy of a recipe over several trainings.

    Attributes:
        accuracy: The mean over trainings; the interval is of the mean over all trainings that might
            have been.
        accuracies: One by one.
        are_folds: Whether each was tested on another part of the data.
    """

    accuracy: Estimate
    accuracies: tuple[float, ...]
    are_folds: bool

    def to_dict(self) -> dict[str, Any]:
        """The fields, ready for JSON."""
        return {
            **named("accuracy", self.accuracy),
            "accuracies": list(self.accuracies),
            "are_folds": self.are_folds,
        }


def over_seeds(accuracies: Sequence[float]) -> Repeated:
    """Of trainings that differ in their seed alone, tested on the same images: Student's interval.

    Args:
        accuracies: At least two.
    """
    spread = float(np.var(accuracies, ddof=1)) / len(accuracies)
    return _repeated(accuracies, spread, "student", are_folds=False)


def over_folds(accuracies: Sequence[float]) -> Repeated:
    """Of the folds of one data set.

    Folds share most of the images that they learn from, so that their accuracies spread less than
    those of new data would: the variance is corrected for that.
    Source: Nadeau, Bengio 2003, equation 7 with a test share of one fold.

    Args:
        accuracies: At least two.
    """
    spread = _variance_over_folds(accuracies)
    return _repeated(accuracies, spread, "student, corrected for folds", are_folds=True)


def _variance_over_folds(values: Sequence[float] | NDArray[np.float64]) -> float:
    """Of the mean of one value a fold. Source: Nadeau, Bengio 2003, equation 7."""
    return (1 / len(values) + 1 / (len(values) - 1)) * float(np.var(values, ddof=1))


def _repeated(
    accuracies: Sequence[float], spread: float, method: str, *, are_folds: bool
) -> Repeated:
    from scipy.stats import t

    mean = float(np.mean(accuracies))
    half = float(t.ppf((1 + CONFIDENCE) / 2, len(accuracies) - 1)) * math.sqrt(spread)
    interval = Interval(max(0.0, mean - half), min(1.0, mean + half), method)
    return Repeated(Estimate(mean, interval), tuple(accuracies), are_folds)


def recipe_difference(first: Repeated, second: Repeated) -> Estimate:
    """Accuracy of the second recipe less that of the first, over their trainings.

    Folds are paired, as both recipes are tested on the same parts; seeds are not: Welch's interval.
    Source: Nadeau, Bengio 2003; Welch 1947.

    Args:
        first: Of one recipe; with folds, in the same order as the second.
        second: Of another.
    """
    if first.are_folds and second.are_folds:
        gaps = np.subtract(second.accuracies, first.accuracies)
        spread = _variance_over_folds(gaps)
        return _around(float(gaps.mean()), spread, len(gaps) - 1, "student, corrected for folds")
    counts = [len(each.accuracies) for each in (first, second)]
    spreads = [
        float(np.var(each.accuracies, ddof=1)) / count
        for each, count in zip((first, second), counts, strict=True)
    ]
    value, spread = second.accuracy.value - first.accuracy.value, sum(spreads)
    if not spread:  # all trainings of a recipe gave the same
        return Estimate(value, Interval(value, value, "welch"))
    parts = [part**2 / (count - 1) for part, count in zip(spreads, counts, strict=True)]
    return _around(value, spread, spread**2 / sum(parts), "welch")


def _around(value: float, spread: float, freedom: float, method: str) -> Estimate:
    from scipy.stats import t

    half = float(t.ppf((1 + CONFIDENCE) / 2, freedom)) * math.sqrt(spread)
    return Estimate(value, Interval(value - half, value + half, method))
