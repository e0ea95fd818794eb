"""Comparison: whether one classifier is better than another on the same images.

It compares these two classifiers, not the recipes that they come from: for that see `seeds.py`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convscope.evaluation.intervals import CONFIDENCE, QUANTILE, Estimate, Interval, named


@dataclass(frozen=True, slots=True)
class Difference:
    """How two classifiers differ on N images.

    Attributes:
        accuracy: Of the second less that of the first, with Bonett and Price's interval.
        only_first: Images that only the first gets right.
        only_second: Images that only the second gets right.
        num_images: N.
        p_value: McNemar's test: how likely a difference as large is by chance.
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
    """How two classifiers differ on the same images.

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
    """How each two of several classifiers differ; p-values are adjusted for the number of pairs.

    Args:
        correct: For each classifier (N,) which images it gets right.
    """
    pairs = list(combinations(range(len(correct)), 2))
    found = [difference(correct[first], correct[second]) for first, second in pairs]
    adjusted = holm([each.p_value for each in found])
    return {
        pair: replace(each, p_value=p_value)
        for pair, each, p_value in zip(pairs, found, adjusted, strict=True)
    }


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted for their number: the chance that any is wrongly below 5 % is at most 5 %.

    Source: Holm 1979.
    """
    adjusted = [1.0] * len(p_values)
    highest = 0.0
    for rank, place in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[place]))
        adjusted[place] = highest
    return adjusted


def _interval(only_first: int, only_second: int, count: int) -> Interval:
    """Of a difference of paired shares: Wald's with one image added to either side.

    Source: Bonett, Price 2012, equation 1.
    """
    lost, won = (only_first + 1) / (count + 2), (only_second + 1) / (count + 2)
    middle = won - lost
    error = math.sqrt((won + lost - middle**2) / (count + 2))
    half = QUANTILE * error
    return Interval(max(-1.0, middle - half), min(1.0, middle + half), "bonett-price")


def _mcnemar(only_first: int, only_second: int) -> float:
    """The p-value of McNemar's test, mid-p form: exact, and less timid than the exact test.

    Source: Fagerland, Lydersen, Laake 2013, section 2.4.
    """
    from scipy.stats import binom

    discordant, fewer = only_first + only_second, min(only_first, only_second)
    if only_first == only_second:
        return 1.0
    below = 2 * binom.cdf(fewer, discordant, 0.5) - binom.pmf(fewer, discordant, 0.5)
    return float(min(1.0, below))
