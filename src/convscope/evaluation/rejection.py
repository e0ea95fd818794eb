"""Rejection: how many fewer mistakes there are where a classifier may say that it is unsure."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convscope.errors import DataError
from convscope.evaluation.intervals import CONFIDENCE, Estimate, named, proportion
from convscope.evaluation.outputs import Outputs

POINTS = 200
LEVELS = 20  # coverages that are tried for a target: 5 %, 10 % and so on to 100 %


@dataclass(frozen=True, slots=True)
class RiskCoverage:
    """The error among the surest images, over the share of images that these are.

    Attributes:
        coverage: (P,) shares of images that are answered, growing to 1.
        error: (P,) share of these that is wrong.
        area: Mean error over all coverages; lower is better.
    """

    coverage: NDArray[np.float64]
    error: NDArray[np.float64]
    area: float


def risk_coverage(outputs: Outputs) -> RiskCoverage:
    """Error over coverage. Source: Geifman, El-Yaniv 2017, section 2.

    Mistakes count evenly over images of the same confidence, so that the order of the images
    changes nothing.
    """
    order = np.argsort(-outputs.confidences, kind="stable")
    count = len(order)
    wrong = np.cumsum(~outputs.is_correct[order])
    answered = np.arange(1, count + 1)
    is_last = np.append(np.diff(outputs.confidences[order]) != 0, True)  # of its confidence
    error = np.interp(answered, [0, *answered[is_last]], [0, *wrong[is_last]]) / answered
    points = np.unique(np.linspace(0, count - 1, min(POINTS, count)).astype(np.int64))
    return RiskCoverage(answered[points] / count, error[points], float(error.mean()))


@dataclass(frozen=True, slots=True)
class Answered:
    """What happens where only confidences from `min_confidence` on are answered.

    Attributes:
        min_confidence: The threshold.
        coverage: Share of images that are answered.
        error: Share of the answered images that is wrong; None if none is answered.
        num_images: Of all.
    """

    min_confidence: float
    coverage: Estimate
    error: Estimate | None
    num_images: int

    def to_dict(self) -> dict[str, Any]:
        """The fields, ready for JSON."""
        return {
            "min_confidence": self.min_confidence,
            **named("coverage", self.coverage),
            **named("error", self.error),
        }


def answer(outputs: Outputs, min_confidence: float) -> Answered:
    """Which share is answered, and how much of that is wrong."""
    is_answered = outputs.confidences >= min_confidence
    count, wrong = int(is_answered.sum()), int((is_answered & ~outputs.is_correct).sum())
    return Answered(
        min_confidence,
        proportion(count, len(outputs)),
        proportion(wrong, count) if count else None,
        len(outputs),
    )


@dataclass(frozen=True, slots=True)
class Threshold:
    """A threshold and what it was chosen on.

    Attributes:
        min_confidence: From where on an answer is given.
        target_error: What the error among the answers is to stay below.
        num_images: That it was chosen on.
        coverage: Share of these that is answered.
        error: Share of the answers that is wrong.
        error_bound: What the error is below with 95 % confidence.
    """

    min_confidence: float
    target_error: float
    num_images: int
    coverage: float
    error: float
    error_bound: float

    def to_dict(self) -> dict[str, Any]:
        """The fields, ready for JSON."""
        return asdict(self)


def choose_threshold(outputs: Outputs, target_error: float) -> Threshold:
    """The lowest threshold for which the error among the answers is at most `target_error`.

    With 95 % confidence, not just on these images: of 20 coverages each is tested with a twentieth
    of the remaining 5 % (Bonferroni), by the exact upper bound of a binomial share.
    Source: Geifman, El-Yaniv 2017, section 3; Clopper, Pearson 1934.

    Args:
        outputs: For images that training did not learn from and that nothing is reported on.
        target_error: Above 0 and below 1.

    Raises:
        DataError: No threshold is proven to keep the error that low.
    """
    order = np.argsort(-outputs.confidences, kind="stable")
    confidences, wrong = outputs.confidences[order], np.cumsum(~outputs.is_correct[order])
    best_bound = 1.0
    for level in range(LEVELS, 0, -1):
        threshold = confidences[max(0, round(len(order) * level / LEVELS) - 1)]
        count = int(np.searchsorted(-confidences, -threshold, side="right"))  # ties are answered
        bound = _upper_bound(int(wrong[count - 1]), count)
        best_bound = min(best_bound, bound)
        if bound <= target_error:
            return Threshold(
                # All are answered: none need be refused.
                min_confidence=0.0 if count == len(order) else float(threshold),
                target_error=target_error,
                num_images=len(order),
                coverage=count / len(order),
                error=float(wrong[count - 1] / count),
                error_bound=bound,
            )
    raise DataError(
        f"no threshold keeps the error at {target_error:g} or below: with {len(order):,} images "
        f"{best_bound:.2g} is the lowest error that can be proven",
        hint="allow a higher `--target-error`, or choose on more images",
    )


def _upper_bound(wrong: int, count: int) -> float:
    """What a share is below; all `LEVELS` of them together with 95 % confidence."""
    from scipy.stats import beta

    if wrong == count:
        return 1.0
    return float(beta.ppf(1 - (1 - CONFIDENCE) / LEVELS, wrong + 1, count - wrong))
