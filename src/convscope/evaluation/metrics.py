"""Metrics: the numbers of an evaluation, each with its interval; scikit-learn and SciPy beneath."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convscope.evaluation.calibration import CalibrationError, calibration_error
from convscope.evaluation.intervals import (
    Estimate,
    mean,
    mean_of_proportions,
    named,
    proportion,
    resampled_cells,
    resampled_means,
)
from convscope.evaluation.outputs import Outputs
from convscope.evaluation.ranking import areas

TOP = 5


@dataclass(frozen=True, slots=True)
class ClassMetrics:
    """How one class fares; None where a number isn't defined.

    Attributes:
        name: Of the class.
        num_images: That belong to it.
        precision: Share of its predictions that are right; None if it is never predicted.
        recall: Share of its images that are found; None if it has no images.
        f1: Harmonic mean of both; None if it has no images and is never predicted.
        roc_area: Area under its ROC curve against all others; None if all images belong to it, or
            none.
        average_precision: Area under its curve of precision over recall, without interpolation;
            None likewise.
    """

    name: str
    num_images: int
    precision: Estimate | None
    recall: Estimate | None
    f1: float | None
    roc_area: float | None
    average_precision: float | None

    def to_dict(self) -> dict[str, Any]:
        """The fields, ready for JSON."""
        return {
            "name": self.name,
            "num_images": self.num_images,
            **named("precision", self.precision),
            **named("recall", self.recall),
            "f1": self.f1,
            "roc_area": self.roc_area,
            "average_precision": self.average_precision,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Metrics:
    """Metrics of N images. Macro means are over the classes that have images.

    Attributes:
        num_images: N.
        accuracy: Share of right predictions; also the weighted mean of recall.
        top5_accuracy: Share with the right class among the five most probable; None with five
            classes or fewer, where it says nothing.
        balanced_accuracy: Macro mean of recall.
        macro_f1: A class never predicted counts 0.
        log_loss: Mean negative logarithm of the right class's probability, in nats.
        brier: Mean squared distance of the probabilities from the right answer, 0 to 2.
        calibration: How far confidence is from accuracy.
        macro_precision: A class never predicted counts 0.
        weighted_precision: Weighted by the classes' numbers of images.
        weighted_f1: Likewise.
        macro_roc_area: Over the classes that have one; None if none has.
        macro_average_precision: Likewise.
        classes: One by one.
        confusion: (K, K) counts; rows are true classes, columns predicted ones.
    """

    num_images: int
    accuracy: Estimate
    top5_accuracy: Estimate | None
    balanced_accuracy: Estimate
    macro_f1: Estimate
    log_loss: Estimate
    brier: Estimate
    calibration: CalibrationError
    macro_precision: float
    weighted_precision: float
    weighted_f1: float
    macro_roc_area: float | None
    macro_average_precision: float | None
    classes: tuple[ClassMetrics, ...]
    confusion: NDArray[np.int64]

    def to_dict(self) -> dict[str, Any]:
        """The fields, ready for JSON: beside each estimate `<name>_interval`."""
        calibration = self.calibration
        return {
            "num_images": self.num_images,
            **named("accuracy", self.accuracy),
            **named("top5_accuracy", self.top5_accuracy),
            **named("balanced_accuracy", self.balanced_accuracy),
            **named("macro_f1", self.macro_f1),
            **named("log_loss", self.log_loss),
            **named("brier", self.brier),
            **named("calibration_error", calibration.equal_width),
            **named("calibration_error_equal_mass", calibration.equal_mass),
            "calibration_error_by_chance": calibration.by_chance,
            "macro_precision": self.macro_precision,
            "weighted_precision": self.weighted_precision,
            "weighted_f1": self.weighted_f1,
            "macro_roc_area": self.macro_roc_area,
            "macro_average_precision": self.macro_average_precision,
            "reliability": [found.to_dict() for found in calibration.bins],
            "classes": [row.to_dict() for row in self.classes],
            "confusion": self.confusion.tolist(),
        }


def compute_metrics(outputs: Outputs) -> Metrics:
    """All metrics of at least one image."""
    num_classes, num_images = len(outputs.classes), len(outputs)
    cells = outputs.targets * num_classes + outputs.predicted
    confusion = np.bincount(cells, minlength=num_classes**2).reshape(num_classes, num_classes)
    classes = tuple(_class_metrics(outputs, confusion, index) for index in range(num_classes))
    support = confusion.sum(axis=1)
    precision = np.array([row.precision.value if row.precision else 0.0 for row in classes])
    f1 = np.array([row.f1 or 0.0 for row in classes])
    resampled_recall, resampled_f1 = _resampled_means_over_classes(cells, num_classes)
    balanced, macro_f1 = (float(means[0]) for means in _means_over_classes(*_sides(confusion)))
    losses = np.stack([outputs.losses, outputs.brier_terms], axis=1)
    resampled_losses = resampled_means(losses)
    return Metrics(
        num_images=num_images,
        accuracy=proportion(int(outputs.is_correct.sum()), num_images),
        top5_accuracy=proportion(int((outputs.ranks < TOP).sum()), num_images)
        if num_classes > TOP
        else None,
        balanced_accuracy=Estimate(
            balanced, mean_of_proportions(balanced, resampled_recall, support)
        ),
        macro_f1=Estimate(macro_f1, mean_of_proportions(macro_f1, resampled_f1, support)),
        log_loss=mean(outputs.losses, resampled_losses[:, 0]),
        brier=mean(outputs.brier_terms, resampled_losses[:, 1]),
        calibration=calibration_error(outputs),
        macro_precision=float(precision[support > 0].mean()),
        weighted_precision=float(precision @ support / num_images),
        weighted_f1=float(f1 @ support / num_images),
        macro_roc_area=_mean([row.roc_area for row in classes]),
        macro_average_precision=_mean([row.average_precision for row in classes]),
        classes=classes,
        confusion=confusion,
    )


def _class_metrics(outputs: Outputs, confusion: NDArray[np.int64], index: int) -> ClassMetrics:
    found, support = int(confusion[index, index]), int(confusion[index].sum())
    named_so = int(confusion[:, index].sum())
    ranked = areas(outputs.probabilities[:, index], outputs.targets == index) if support else None
    return ClassMetrics(
        name=outputs.classes[index],
        num_images=support,
        precision=proportion(found, named_so) if named_so else None,
        recall=proportion(found, support) if support else None,
        f1=2 * found / (support + named_so) if support or named_so else None,
        roc_area=ranked.roc if ranked else None,
        average_precision=ranked.average_precision if ranked else None,
    )


def _sides(confusion: NDArray[np.int64]) -> tuple[NDArray[np.int64], ...]:
    """(1, K) right, true and predicted numbers of images of each class."""
    return confusion.diagonal()[None], confusion.sum(axis=1)[None], confusion.sum(axis=0)[None]


def _resampled_means_over_classes(
    cells: NDArray[np.int64], num_classes: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(R,) macro recall and (R,) macro F1 of resamples of the images.

    Args:
        cells: (N,) cell of the confusion matrix that each image is in.
        num_classes: K.
    """
    present, counts = np.unique(cells, return_counts=True)
    targets, predicted = present // num_classes, present % num_classes
    drawn = resampled_cells(counts)
    right = _sums(drawn[:, targets == predicted], targets[targets == predicted], num_classes)
    return _means_over_classes(
        right, _sums(drawn, targets, num_classes), _sums(drawn, predicted, num_classes)
    )


def _sums(
    drawn: NDArray[np.int64], classes: NDArray[np.int64], num_classes: int
) -> NDArray[np.int64]:
    """(R, K) sums of cells (R, M) by their class."""
    sums = np.zeros((len(drawn), num_classes), dtype=np.int64)
    for column, index in enumerate(classes):
        sums[:, index] += drawn[:, column]
    return sums


def _means_over_classes(
    right: NDArray[np.int64], true: NDArray[np.int64], predicted: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(R,) macro recall and (R,) macro F1 from (R, K) numbers of images."""
    has_images = true > 0
    num_present = has_images.sum(axis=1)
    recall = right / np.maximum(true, 1)
    f1 = 2 * right / np.maximum(true + predicted, 1)
    return (
        (recall * has_images).sum(axis=1) / num_present,
        (f1 * has_images).sum(axis=1) / num_present,
    )


def _mean(values: list[float | None]) -> float | None:
    defined = [value for value in values if value is not None]
    return float(np.mean(defined)) if defined else None
