"""Confidence intervals of metrics.

Proportions get Wilson's interval, and means of proportions the same with their effective number of
images; any other function of the images gets a bootstrap, whose resamples are the same each time.
How often the intervals hold the true value is in `docs/results.md`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from statistics import NormalDist
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from convscope.rng import seed32

CONFIDENCE = 0.95
RESAMPLES = 1000
DRAWN_AT_ONCE = 1 << 22  # counts of resamples: 32 MB
NORMAL = NormalDist()
QUANTILE = NORMAL.inv_cdf((1 + CONFIDENCE) / 2)  # 1.96


@dataclass(frozen=True, slots=True)
class Interval:
    """A 95 % interval.

    Attributes:
        low: Lower end.
        high: Upper end.
        method: `wilson`, `bootstrap` or another, as shown in reports.
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


def named(name: str, estimate: Estimate | None) -> dict[str, Any]:
    """An estimate as JSON has it: the value, and its interval beside it."""
    return {
        name: estimate and estimate.value,
        f"{name}_interval": estimate and estimate.interval.to_dict(),
    }


@dataclass(frozen=True, slots=True)
class Record:
    """A dataclass that goes to JSON field by field, with an interval beside each estimate."""

    def to_dict(self) -> dict[str, Any]:
        """The fields, ready for JSON."""
        content: dict[str, Any] = {}
        for field in fields(self):
            value = getattr(self, field.name)
            if str(field.type).startswith(Estimate.__name__):
                content.update(named(field.name, value))
            elif isinstance(value, tuple):
                content[field.name] = [
                    each.to_dict() if isinstance(each, Record) else each for each in value
                ]
            else:
                content[field.name] = value
        return content


def proportion(successes: int, trials: int) -> Estimate:
    """A proportion with Wilson's interval. Source: Wilson 1927, equation 3.

    Args:
        successes: Number of successes, 0 to `trials`.
        trials: Number of trials, at least 1.
    """
    return Estimate(successes / trials, _wilson(successes / trials, trials))


def mean_of_proportions(
    value: float, resampled: NDArray[np.float64], trials: NDArray[np.int64]
) -> Interval:
    """Wilson's interval with the number of images at which a proportion would vary as much.

    A bootstrap alone treats classes without a mistake in these images as perfect. For the same
    reason the number is at most that at which all classes are equally hard.
    Source: Korn, Graubard 1998, with Wilson's interval in place of the exact one.

    Args:
        value: The mean on the images themselves, 0 to 1.
        resampled: (R,) the mean in each resample.
        trials: (K,) number of images of each proportion; those of 0 are ignored.
    """
    present = trials[trials > 0]
    effective = len(present) ** 2 / float((1 / present).sum())
    variance = float(resampled.var())
    if variance > 0:
        effective = min(effective, max(value * (1 - value) / variance, 1.0))
    return _wilson(value, effective, method="wilson, effective number")


def _wilson(share: float, trials: float, *, method: str = "wilson") -> Interval:
    doubt = QUANTILE**2 / trials
    middle = share + doubt / 2
    half = math.sqrt(doubt * (share * (1 - share) + doubt / 4))
    low, high = (middle - half) / (1 + doubt), (middle + half) / (1 + doubt)
    # Rounding may put an end a little on the wrong side of 0, of 1, or of the share itself.
    return Interval(max(0.0, min(share, low)), min(1.0, max(share, high)), method)


def mean(values: NDArray[np.float64], resampled: NDArray[np.float64]) -> Estimate:
    """A mean with the bootstrap's interval, corrected for bias and skewness (BCa).

    Where few images make up most of the mean, as the mistakes of a very good classifier do in the
    log loss, it holds the truth less often than in 95 %: in about 90 with four mistakes, in half of
    all cases with one, as there may be none in the sample.
    Source: Efron 1987; Efron and Tibshirani 1993, section 14.3.

    Args:
        values: (N,) one of each image.
        resampled: (R,) their mean in each resample.
    """
    value = float(values.mean())
    gaps = values - value
    squares = float(gaps @ gaps)
    skewness = float((gaps**3).sum()) / (6 * squares**1.5) if squares > 0 else 0.0
    bias = _bias(value, resampled)
    shifted = [bias - QUANTILE, bias + QUANTILE]
    ends = [NORMAL.cdf(bias + each / (1 - skewness * each)) for each in shifted]
    low, high = np.quantile(resampled, ends)
    return Estimate(value, Interval(min(value, float(low)), max(value, float(high)), "bootstrap"))


def sum_of_sizes(means: NDArray[np.float64], resampled: NDArray[np.float64]) -> Estimate:
    """The sum of the distances of several means from 0, which chance makes larger.

    Upwards its interval is the bootstrap's, corrected for that. Downwards the truth is no farther
    off than the means are from their own truth, and so hardly farther than resampling moves them:
    where all true means are 0, the interval begins at 0.
    Source: Efron and Tibshirani 1993, section 14.3, without acceleration; the triangle inequality.

    Args:
        means: (M,) of the images themselves.
        resampled: (R, M) the same from each resample.
    """
    value, sums = float(np.abs(means).sum()), np.abs(resampled).sum(axis=1)
    moved = float(np.quantile(np.abs(resampled - means).sum(axis=1), (1 + CONFIDENCE) / 2))
    high = float(np.quantile(sums, NORMAL.cdf(2 * _bias(value, sums) + QUANTILE)))
    return Estimate(value, Interval(max(0.0, value - moved), max(value, high), "bootstrap"))


def _bias(value: float, resampled: NDArray[np.float64]) -> float:
    """Bias of resamples against the value itself, in standard deviations of a normal."""
    below = (float((resampled < value).mean()) + float((resampled <= value).mean())) / 2
    return NORMAL.inv_cdf(min(max(below, 1 / RESAMPLES), 1 - 1 / RESAMPLES))


def resampled_means(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """(R, M) means of values (N, M) over N images drawn with replacement, R times."""
    count = len(values)
    random = np.random.default_rng(seed32("bootstrap", count))
    means = np.empty((RESAMPLES, values.shape[1]))
    for row in means:
        drawn = np.bincount(random.integers(0, count, count), minlength=count)
        row[:] = drawn @ values / count
    return means


def resampled_cells(counts: NDArray[np.int64], *, num_sums: int = 0) -> Iterator[NDArray[np.int64]]:
    """Blocks (R', M), of R resamples in all, of the images in M cells that held `counts` (M,).

    Drawing counts is drawing images, but takes no longer for more of them. Each block takes little
    memory, however many cells there are.

    Args:
        counts: (M,) number of images in each cell.
        num_sums: How many numbers are made of each resample, where they are more than M.
    """
    total = int(counts.sum())
    random = np.random.default_rng(seed32("bootstrap", total))
    at_once = max(1, DRAWN_AT_ONCE // max(len(counts), num_sums))
    for start in range(0, RESAMPLES, at_once):
        size = min(at_once, RESAMPLES - start)
        yield random.multinomial(total, counts / total, size=size)
