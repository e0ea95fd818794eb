"""Calibration and selective prediction: how far a classifier's confidence can be trusted.

Temperature and threshold are chosen on validation images; metrics are reported on others.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from convscope.errors import DataError
from convscope.evaluation.intervals import (
    CONFIDENCE,
    QUANTILE,
    RESAMPLES,
    Estimate,
    Interval,
    Record,
    proportion,
    resampled_means,
    sum_of_sizes,
)
from convscope.evaluation.outputs import Outputs
from convscope.rng import seed32

BINS = 15  # Source: Guo et al. 2017, section 5
FEWEST_IMAGES = 30  # for fitting a temperature; fewer say nothing about confidence
SIGNIFICANT = QUANTILE**2  # twice the log-likelihood ratio, one parameter (Wilks 1938)
TEMPERATURE_BOUNDS = 0.05, 20.0
POINTS = 200  # of the risk-coverage curve
LEVELS = 20  # coverages that are tried for a target: 5 %, 10 % and so on to 100 %


@dataclass(frozen=True, slots=True)
class CalibrationBin(Record):
    """Images of similar confidence.

    Attributes:
        confidence: Their mean confidence.
        accuracy: Their accuracy, with Wilson's interval.
        num_images: Number of images.
    """

    confidence: float
    accuracy: Estimate
    num_images: int


@dataclass(frozen=True, slots=True)
class CalibrationError:
    """Expected calibration error: mean distance of confidence from accuracy, over bins.

    Source: Naeini, Cooper, Hauskrecht 2015; Guo et al. 2017, equation 3.

    Attributes:
        equal_width: The error with bins of equal width, 0 to 1.
        equal_mass: The error with bins of equal numbers of images.
        by_chance: 95 % quantile of the error of a perfectly calibrated classifier in samples of
            this size, with bins of equal width.
        bins: The bins of equal width that have images.
    """

    equal_width: Estimate
    equal_mass: Estimate
    by_chance: float
    bins: tuple[CalibrationBin, ...]


def calibration_error(outputs: Outputs) -> CalibrationError:
    """The expected calibration error of the probabilities, with intervals."""
    confidences, correct = outputs.confidences, outputs.is_correct.astype(np.float64)
    width, mass = _equal_width(confidences), _equal_mass(confidences)
    return CalibrationError(
        equal_width=_error(width, outputs),
        equal_mass=_error(mass, outputs),
        by_chance=_by_chance(width, confidences),
        bins=tuple(
            CalibrationBin(
                float(confidences[width == number].mean()),
                proportion(int(correct[width == number].sum()), int((width == number).sum())),
                int((width == number).sum()),
            )
            for number in np.unique(width)
        ),
    )


def _equal_width(confidences: NDArray[np.float64]) -> NDArray[np.int64]:
    """(N,) index of each image's bin; a bin includes its upper end, as in the paper."""
    return np.clip(np.ceil(confidences * BINS).astype(np.int64) - 1, 0, BINS - 1)


def _equal_mass(confidences: NDArray[np.float64]) -> NDArray[np.int64]:
    """(N,) index of each image's bin; images of equal confidence share one."""
    ordered = np.sort(confidences)
    rank = np.searchsorted(ordered, confidences, side="left")
    return np.asarray(rank * BINS // len(confidences))


def _error(bins: NDArray[np.int64], outputs: Outputs) -> Estimate:
    """Mean over images of the distance between their bin's mean confidence and accuracy."""
    by_bin = np.zeros((len(outputs), BINS))
    by_bin[np.arange(len(outputs)), bins] = outputs.confidences - outputs.is_correct
    value, interval = sum_of_sizes(by_bin.mean(axis=0), resampled_means(by_bin))
    # It is at least the gap over all images, which may be large where these have no mistake.
    accuracy = proportion(int(outputs.is_correct.sum()), len(outputs)).interval
    confidence = float(outputs.confidences.mean())
    gap = max(confidence - accuracy.low, accuracy.high - confidence)
    return Estimate(value, Interval(interval.low, max(interval.high, gap), interval.method))


def _by_chance(bins: NDArray[np.int64], confidences: NDArray[np.float64]) -> float:
    """95 % quantile of the error with labels drawn from the probabilities themselves.

    Source: consistency resampling, Broecker and Smith 2007.
    """
    random = np.random.default_rng(seed32("calibrated", len(bins)))
    errors = np.empty(RESAMPLES)
    for number in range(RESAMPLES):
        gaps = confidences - (random.random(len(bins)) < confidences)
        errors[number] = np.abs(np.bincount(bins, weights=gaps)).sum() / len(bins)
    return float(np.quantile(errors, CONFIDENCE))


@dataclass(frozen=True, slots=True)
class TemperatureFit(Record):
    """A fitted temperature.

    Attributes:
        temperature: What logits are divided by; above 1 lowers the confidence.
        num_images: Number of images that it was fitted on.
        log_loss_before: Mean log loss of these images without it, in nats.
        log_loss_after: Mean log loss of these images with it, in nats.
    """

    temperature: float
    num_images: int
    log_loss_before: float
    log_loss_after: float

    @property
    def bound(self) -> float | None:
        """The end of the search's range that it stopped at; None for a minimum within it."""
        near = (
            end for end in TEMPERATURE_BOUNDS if math.isclose(self.temperature, end, rel_tol=1e-3)
        )
        return next(near, None)

    def bound_text(self) -> str:
        """A sentence about the end of the range that the search stopped at."""
        low, high = TEMPERATURE_BOUNDS
        text = f"the search for a temperature ended at the end of its range, {self.bound:g}"
        if self.bound == high:
            return (
                f"{text}: the labels of these {self.num_images:,} images contradict what the "
                "classifier is sure of"
            )
        return f"{text}: these {self.num_images:,} images don't say how sure the classifier may be"


def fit_temperature(outputs: Outputs) -> TemperatureFit | None:
    """The temperature with the lowest log loss. Source: Guo et al. 2017, section 4.2.

    It stays 1 where that is not significantly worse (likelihood-ratio test, 5 %): few images would
    move it by chance. It also stays 1 where all images are right, which says nothing about the
    confidence that other images deserve.

    Args:
        outputs: Outputs for images that were not trained on and that nothing is reported on.

    Returns:
        None with fewer than 30 images.
    """
    from scipy.optimize import minimize_scalar

    if len(outputs) < FEWEST_IMAGES:
        return None

    def loss(temperature: float) -> float:
        return float(outputs.at_temperature(temperature).losses.mean())

    found = minimize_scalar(
        lambda logarithm: loss(math.exp(logarithm)),
        bounds=tuple(map(math.log, TEMPERATURE_BOUNDS)),
        method="bounded",
    )
    temperature = math.exp(float(found.x))
    gain = 2 * len(outputs) * (loss(1.0) - loss(temperature))
    if outputs.is_correct.all() or gain < SIGNIFICANT:
        temperature = 1.0
    return TemperatureFit(
        temperature=temperature,
        num_images=len(outputs),
        log_loss_before=loss(1.0),
        log_loss_after=loss(temperature),
    )


@dataclass(frozen=True, slots=True)
class RiskCoverage:
    """The risk-coverage curve: error among the most confident predictions, over their fraction.

    Attributes:
        coverage: (P,) fractions of predictions that are accepted, growing to 1.
        error: (P,) fraction of these that is wrong.
        area: Area under the curve: mean error over all coverages; lower is better.
    """

    coverage: NDArray[np.float64]
    error: NDArray[np.float64]
    area: float


def risk_coverage(outputs: Outputs) -> RiskCoverage:
    """The risk-coverage curve. Source: Geifman, El-Yaniv 2017, section 2.

    Mistakes are spread evenly over images of the same confidence, so that the order of the images
    changes nothing.
    """
    order = np.argsort(-outputs.confidences, kind="stable")
    count = len(order)
    wrong = np.cumsum(~outputs.is_correct[order])
    accepted = np.arange(1, count + 1)
    is_last = np.append(np.diff(outputs.confidences[order]) != 0, True)  # of equal confidences
    error = np.interp(accepted, [0, *accepted[is_last]], [0, *wrong[is_last]]) / accepted
    points = np.unique(np.linspace(0, count - 1, min(POINTS, count)).astype(np.int64))
    return RiskCoverage(accepted[points] / count, error[points], float(error.mean()))


@dataclass(frozen=True, slots=True)
class SelectiveAccuracy(Record):
    """Coverage and error where only predictions from a confidence on are accepted.

    Attributes:
        min_confidence: The threshold.
        coverage: Fraction of images whose prediction is accepted.
        error: Fraction of the accepted predictions that is wrong; None if none is accepted.
    """

    min_confidence: float
    coverage: Estimate
    error: Estimate | None


def selective_accuracy(outputs: Outputs, min_confidence: float) -> SelectiveAccuracy:
    """Coverage and error of predictions whose confidence is at least `min_confidence`."""
    is_accepted = outputs.confidences >= min_confidence
    count, wrong = int(is_accepted.sum()), int((is_accepted & ~outputs.is_correct).sum())
    return SelectiveAccuracy(
        min_confidence,
        proportion(count, len(outputs)),
        proportion(wrong, count) if count else None,
    )


@dataclass(frozen=True, slots=True)
class Threshold(Record):
    """A confidence threshold, with its coverage and error on the images it was chosen on.

    Attributes:
        min_confidence: Lowest confidence of an accepted prediction.
        target_error: Error rate that accepted predictions have to stay below.
        num_images: Number of images that it was chosen on.
        coverage: Fraction of these whose prediction is accepted.
        error: Fraction of the accepted predictions that is wrong.
        error_bound: Upper bound of the error rate, with 95 % confidence.
    """

    min_confidence: float
    target_error: float
    num_images: int
    coverage: float
    error: float
    error_bound: float


def choose_threshold(outputs: Outputs, target_error: float) -> Threshold:
    """The lowest threshold at which the error of accepted predictions is at most `target_error`.

    This holds with 95 % confidence, not just on these images: each of 20 coverages is tested at a
    twentieth of the remaining 5 % (Bonferroni), by the exact upper bound of a binomial proportion.
    Source: Geifman, El-Yaniv 2017, section 3; Clopper, Pearson 1934.

    Args:
        outputs: Outputs for images that were not trained on and that nothing is reported on.
        target_error: Above 0 and below 1.

    Raises:
        DataError: No threshold is proven to keep the error that low.
    """
    order = np.argsort(-outputs.confidences, kind="stable")
    confidences, wrong = outputs.confidences[order], np.cumsum(~outputs.is_correct[order])
    best_bound = 1.0
    accepted = []
    for level in range(LEVELS, 0, -1):
        threshold = confidences[max(0, round(len(order) * level / LEVELS) - 1)]
        count = int(np.searchsorted(-confidences, -threshold, side="right"))  # ties are accepted
        bound = _upper_bound(int(wrong[count - 1]), count)
        accepted.append((int(wrong[count - 1]), count))
        best_bound = min(best_bound, bound)
        if bound <= target_error:
            return Threshold(
                # All are accepted: there is no need to abstain.
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
        hint=_images_hint(accepted, len(order), target_error),
    )


def _images_hint(accepted: Sequence[tuple[int, int]], num_images: int, target: float) -> str:
    """A hint that says how many images like these would prove the target.

    Args:
        accepted: The number of mistakes and of images that each coverage accepts.
        num_images: Number of images in all.
        target: Error rate that accepted predictions have to stay below.
    """
    higher = "allow a higher `--target-error`"
    needed = [
        math.ceil(count * num_images / of_these)
        for wrong, of_these in accepted
        if (count := fewest_accepted(wrong / of_these, target)) is not None
    ]
    if not needed:
        return f"{higher}: even of the most confident predictions more are wrong"
    return f"{higher}, or choose on about {min(needed):,} images like these"


def fewest_accepted(error: float, target: float) -> int | None:
    """The number of accepted images that prove the target; None if no number does.

    Args:
        error: Fraction of them that is wrong.
        target: Error rate that is to be proven.
    """
    from scipy.special import betainc

    if error >= target:
        return None

    def is_proven(count: int) -> bool:
        """Whether `_upper_bound` is at most the target; its inverse is ten times as fast."""
        wrong = error * count
        return bool(betainc(wrong + 1, count - wrong, target) >= 1 - (1 - CONFIDENCE) / LEVELS)

    low, high = 0, 1
    while not is_proven(high):
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if is_proven(middle) else (middle, high)
    return high


def _upper_bound(wrong: int, count: int) -> float:
    """Upper bound of a proportion; all `LEVELS` bounds hold together with 95 % confidence."""
    from scipy.stats import beta

    if wrong == count:
        return 1.0
    return float(beta.ppf(1 - (1 - CONFIDENCE) / LEVELS, wrong + 1, count - wrong))
