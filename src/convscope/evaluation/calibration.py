"""Calibration: whether of the images with 80 % confidence 80 % are right, and what mends it.

The temperature is chosen on images that training or selection saw already, and reported on others.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convscope.data.counters import seed32
from convscope.evaluation.intervals import (
    CONFIDENCE,
    QUANTILE,
    RESAMPLES,
    Estimate,
    Interval,
    named,
    proportion,
    resampled_means,
    sum_of_sizes,
)
from convscope.evaluation.outputs import Outputs

BINS = 15  # Source: Guo et al. 2017, section 5
FEWEST_IMAGES = 30  # that a temperature is fitted on; fewer say nothing about confidence
SIGNIFICANT = QUANTILE**2  # of twice the log-likelihood, for one number (Wilks 1938)
COLDEST, WARMEST = 0.05, 20.0


@dataclass(frozen=True, slots=True)
class Bin:
    """Images of similar confidence.

    Attributes:
        confidence: Their mean confidence.
        accuracy: The share of them that is right, with Wilson's interval.
        num_images: How many there are.
    """

    confidence: float
    accuracy: Estimate
    num_images: int

    def to_dict(self) -> dict[str, Any]:
        """The fields, ready for JSON."""
        return {
            "confidence": self.confidence,
            **named("accuracy", self.accuracy),
            "num_images": self.num_images,
        }


@dataclass(frozen=True, slots=True)
class CalibrationError:
    """Expected calibration error: how far confidence is from accuracy, on average over images.

    Source: Naeini, Cooper, Hauskrecht 2015; Guo et al. 2017, equation 3.

    Attributes:
        equal_width: With bins of equal width, 0 to 1.
        equal_mass: With bins of equal numbers of images.
        by_chance: What a perfectly calibrated classifier stays below in 95 % of such samples, for
            bins of equal width: no sample is perfectly even.
        bins: Those of equal width that have images.
    """

    equal_width: Estimate
    equal_mass: Estimate
    by_chance: float
    bins: tuple[Bin, ...]


def calibration_error(outputs: Outputs) -> CalibrationError:
    """The expected calibration error of the probabilities, with intervals."""
    confidences, correct = outputs.confidences, outputs.is_correct.astype(np.float64)
    width, mass = _equal_width(confidences), _equal_mass(confidences)
    return CalibrationError(
        equal_width=_error(width, outputs),
        equal_mass=_error(mass, outputs),
        by_chance=_by_chance(width, confidences),
        bins=tuple(
            Bin(
                float(confidences[width == number].mean()),
                proportion(int(correct[width == number].sum()), int((width == number).sum())),
                int((width == number).sum()),
            )
            for number in np.unique(width)
        ),
    )


def _equal_width(confidences: NDArray[np.float64]) -> NDArray[np.int64]:
    """(N,) number of each image's bin; a bin holds its upper end, as in the paper."""
    return np.clip(np.ceil(confidences * BINS).astype(np.int64) - 1, 0, BINS - 1)


def _equal_mass(confidences: NDArray[np.float64]) -> NDArray[np.int64]:
    """(N,) number of each image's bin; images of the same confidence are in one."""
    ordered = np.sort(confidences)
    place = np.searchsorted(ordered, confidences, side="left")
    return np.asarray(place * BINS // len(confidences))


def _error(bins: NDArray[np.int64], outputs: Outputs) -> Estimate:
    """Mean over images of how far their bin's mean confidence is from its accuracy."""
    by_bin = np.zeros((len(outputs), BINS))
    by_bin[np.arange(len(outputs)), bins] = outputs.confidences - outputs.is_correct
    value, interval = sum_of_sizes(by_bin.mean(axis=0), resampled_means(by_bin))
    # It is no less than the gap over all images, which may be large where these have no mistake.
    accuracy = proportion(int(outputs.is_correct.sum()), len(outputs)).interval
    confidence = float(outputs.confidences.mean())
    gap = max(confidence - accuracy.low, accuracy.high - confidence)
    return Estimate(value, Interval(interval.low, max(interval.high, gap), interval.method))


def _by_chance(bins: NDArray[np.int64], confidences: NDArray[np.float64]) -> float:
    """The error that labels drawn from the probabilities themselves stay below.

    Source: consistency resampling, Broecker and Smith 2007.
    """
    random = np.random.default_rng(seed32("calibrated", len(bins)))
    errors = np.empty(RESAMPLES)
    for number in range(RESAMPLES):
        gaps = confidences - (random.random(len(bins)) < confidences)
        errors[number] = np.abs(np.bincount(bins, weights=gaps)).sum() / len(bins)
    return float(np.quantile(errors, CONFIDENCE))


@dataclass(frozen=True, slots=True)
class Fit:
    """A temperature and what it was chosen on.

    Attributes:
        temperature: What logits are divided by; above 1 makes probabilities less sure.
        num_images: That it was fitted on.
        log_loss_before: Mean over these images, in nats.
        log_loss_after: Likewise, with the temperature.
    """

    temperature: float
    num_images: int
    log_loss_before: float
    log_loss_after: float

    def to_dict(self) -> dict[str, Any]:
        """The fields, ready for JSON."""
        return asdict(self)


def fit_temperature(outputs: Outputs) -> Fit | None:
    """The temperature with the lowest log loss. Source: Guo et al. 2017, section 4.2.

    It stays 1 where that is not significantly worse (likelihood ratio, 5 %): few images would move
    it by chance. It also does where all images are right, which says nothing of how sure one may
    be of others.

    Args:
        outputs: For images that training did not learn from and that nothing is reported on.

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
        bounds=(math.log(COLDEST), math.log(WARMEST)),
        method="bounded",
    )
    temperature = math.exp(float(found.x))
    gain = 2 * len(outputs) * (loss(1.0) - loss(temperature))
    if outputs.is_correct.all() or gain < SIGNIFICANT:
        temperature = 1.0
    return Fit(
        temperature=temperature,
        num_images=len(outputs),
        log_loss_before=loss(1.0),
        log_loss_after=loss(temperature),
    )
