"""Intervals: between which values the truth lies, as far as these images can tell.

Proportions get Wilson's interval; whatever else is a function of the images gets a bootstrap, whose
resamples are the same each time.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from convscope.data.counters import seed32

CONFIDENCE = 0.95
RESAMPLES = 1000


@dataclass(frozen=True, slots=True)
class Interval:
    """A 95 % interval.

    Attributes:
        low: The truth is hardly below.
        high: The truth is hardly above.
        method: `wilson`, `bootstrap` or another, as the reports say.
    """

    low: float
    high: float
    method: str

    def to_dict(self) -> dict[str, Any]:
        """The fields, ready for JSON."""
        return {**asdict(self), "confidence": CONFIDENCE}


class Estimate(NamedTuple):
    """A number with its 95 % interval."""

    value: float
    interval: Interval


def proportion(successes: int, trials: int) -> Estimate:
    """A share with Wilson's interval. Source: Wilson 1927, equation 3.

    Args:
        successes: From 0 to `trials`.
        trials: At least 1.
    """
    # SciPy and scikit-learn are imported where they are used: together they take nearly as long as
    # torch, and predicting needs neither.
    from scipy.stats import binomtest

    found = binomtest(successes, trials).proportion_ci(CONFIDENCE, method="wilson")
    interval = Interval(float(found.low), float(found.high), "wilson")
    return Estimate(successes / trials, interval)


def percentile(estimate: float, resampled: NDArray[np.float64]) -> Interval:
    """The percentile bootstrap's interval, which always holds the estimate itself.

    Source: Efron and Tibshirani 1993, section 13.3.

    Args:
        estimate: From the images themselves.
        resampled: (R,) the same from each resample; NaN where it isn't defined.
    """
    low, high = np.nanquantile(resampled, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return Interval(min(estimate, float(low)), max(estimate, float(high)), "bootstrap")


def reflected(estimate: float, resampled: NDArray[np.float64]) -> Interval:
    """The basic bootstrap's interval of a number that chance makes larger, cut off at 0.

    What resampling adds to the estimate, sampling has added to the truth.
    Source: Davison and Hinkley 1997, equation 5.6.
    """
    low, high = np.nanquantile(resampled, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    bottom, top = 2 * estimate - float(high), 2 * estimate - float(low)
    return Interval(max(0.0, min(estimate, bottom)), max(estimate, top), "basic bootstrap")


def resampled_means(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """(R, M) means of values (N, M) over N images drawn with replacement, R times."""
    count = len(values)
    random = np.random.default_rng(seed32("bootstrap", count))
    means = np.empty((RESAMPLES, values.shape[1]))
    for row in means:
        drawn = np.bincount(random.integers(0, count, count), minlength=count)
        row[:] = drawn @ values / count
    return means


def resampled_cells(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """(R, M) how many images fall in each of M cells, of which these held `counts` (M,).

    Drawing counts is drawing images, but takes no longer for more of them.
    """
    total = int(counts.sum())
    random = np.random.default_rng(seed32("bootstrap", total))
    drawn: NDArray[np.int64] = random.multinomial(total, counts / total, size=RESAMPLES)
    return drawn
