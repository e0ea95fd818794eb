"""Metrics of an evaluation with their intervals, and the curves of rankings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from convscope.evaluation.calibration import CalibrationError, calibration_error
from convscope.evaluation.confusion import Confusion
from convscope.evaluation.intervals import (
    Estimate,
    Record,
    mean,
    mean_of_proportions,
    named,
    proportion,
    resampled_cells,
    resampled_means,
)
from convscope.evaluation.outputs import Outputs
from convscope.short_repr import short_repr

TOP = 5
POINTS = 200  # of a curve; more can't be seen
SIDES: tuple[Literal["left"], Literal["right"]] = ("left", "right")
MATRIX_UP_TO = 1000  # classes; of more a file has the cells of the confusion matrix with images
SORTED_AT_ONCE = 1 << 22  # probabilities


@dataclass(frozen=True, slots=True)
class ClassMetrics(Record):
    """Metrics of one class; None where a metric isn't defined.

    Attributes:
        name: Name of the class.
        num_images: Number of images of the class.
        precision: Fraction of its predictions that are right; None if it is never predicted.
        recall: Fraction of its images that are predicted as it; None if it has no images.
        f1: Harmonic mean of both; None if it has no images and is never predicted.
        roc_area: Area under its ROC curve against all others; None if all images belong to it, or
            none.
        average_precision: Area under its precision-recall curve, without interpolation; None where
            `roc_area` is.
    """

    name: str
    num_images: int
    precision: Estimate | None
    recall: Estimate | None
    f1: float | None
    roc_area: float | None
    average_precision: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Metrics:
    """Metrics of N images. Macro means are over the classes that have images.

    Attributes:
        num_images: N.
        accuracy: Fraction of right predictions; also the weighted mean of recall.
        top5_accuracy: Fraction with the true class among the five most probable; None with five
            classes or fewer, where it says nothing.
        balanced_accuracy: Macro mean of recall.
        macro_f1: Macro mean of F1; a class never predicted counts 0.
        log_loss: Mean negative log probability of the true class, in nats.
        brier: Brier score: mean squared distance of the probabilities from the one-hot target.
        calibration: Expected calibration error.
        macro_precision: Macro mean of precision; a class never predicted counts 0.
        weighted_precision: Mean of precision, weighted by the classes' numbers of images.
        weighted_f1: Mean of F1, weighted by the classes' numbers of images.
        macro_roc_area: Mean ROC area of the classes that have one; None if none has.
        macro_average_precision: Mean average precision of the same classes.
        classes: Metrics of each class.
        confused: The confusion matrix, of which only cells with images are held.
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
    confused: Confusion

    __repr__ = short_repr

    @property
    def confusion(self) -> NDArray[np.int64]:
        """(K, K) counts; rows are true classes, columns predicted ones."""
        return self.confused.matrix

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
            **self._confusion_cells(),
        }

    def _confusion_cells(self) -> dict[str, Any]:
        """The whole matrix; of very many classes, of which it is nearly empty, its cells."""
        if len(self.classes) <= MATRIX_UP_TO:
            return {"confusion": self.confusion.tolist()}
        return {"confusion": None, "confusion_cells": self.confused.to_list()}


def compute_metrics(outputs: Outputs) -> Metrics:
    """All metrics of at least one image."""
    num_classes, num_images = len(outputs.classes), len(outputs)
    confused = Confusion.of(outputs.targets, outputs.predicted, num_classes=num_classes)
    classes = tuple(_class_metrics(outputs, confused))
    support = confused.num_images
    precision = np.array([row.precision.value if row.precision else 0.0 for row in classes])
    f1 = np.array([row.f1 or 0.0 for row in classes])
    resampled_recall, resampled_f1 = _resampled_means_over_classes(confused)
    totals = (confused.num_right, support, confused.num_predicted)
    means = _means_over_classes(*(each[None] for each in totals))
    balanced, macro_f1 = (float(each[0]) for each in means)
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
        confused=confused,
    )


def _class_metrics(outputs: Outputs, confused: Confusion) -> Iterator[ClassMetrics]:
    """The metrics of each class."""
    numbers = (confused.num_right, confused.num_images, confused.num_predicted)
    rows = zip(*(each.tolist() for each in numbers), strict=True)
    for name, (right, support, num_predicted), ranking in zip(
        outputs.classes, rows, _class_areas(outputs), strict=True
    ):
        yield ClassMetrics(
            name=name,
            num_images=support,
            precision=proportion(right, num_predicted) if num_predicted else None,
            recall=proportion(right, support) if support else None,
            f1=2 * right / (support + num_predicted) if support or num_predicted else None,
            roc_area=ranking.roc if ranking else None,
            average_precision=ranking.average_precision if ranking else None,
        )


def _class_areas(outputs: Outputs) -> Iterator[RankingAreas | None]:
    """The areas under the curves of each class, of some classes at a time."""
    num_images, num_classes = outputs.probabilities.shape
    members = np.argsort(outputs.targets, kind="stable")
    ends = np.cumsum(np.bincount(outputs.targets, minlength=num_classes))
    step = max(1, SORTED_AT_ONCE // num_images)
    for start in range(0, num_classes, step):
        # Columns become rows: one by one, each value of them would be fetched from afar.
        # A copy, whatever their order in memory is: it is sorted.
        scores = np.array(outputs.probabilities[:, start : start + step].T, order="C")
        for row, index in zip(scores, range(start, start + step), strict=False):
            own = row[members[ends[index - 1] if index else 0 : ends[index]]]
            row.sort()
            yield _areas(row, np.sort(own))


def _resampled_means_over_classes(
    confused: Confusion,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(R,) macro recall and F1 of resamples of the images."""
    of_right = np.flatnonzero(confused.is_right)
    by_predicted = np.argsort(confused.predicted, kind="stable")
    sums = [
        (chosen, classes[chosen])
        for chosen, classes in (
            (of_right, confused.targets),
            (np.arange(len(confused.counts)), confused.targets),
            (by_predicted, confused.predicted),
        )
    ]
    recalls, f1s = [], []
    for drawn in resampled_cells(confused.counts, num_sums=confused.num_classes):
        recall, f1 = _means_over_classes(
            *(_sums(drawn[:, chosen], of, confused.num_classes) for chosen, of in sums)
        )
        recalls.append(recall)
        f1s.append(f1)
    return np.concatenate(recalls), np.concatenate(f1s)


def _sums(
    drawn: NDArray[np.int64], classes: NDArray[np.int64], num_classes: int
) -> NDArray[np.int64]:
    """(R, K) sums of cells (R, M) by their class, which ascends."""
    sums = np.zeros((len(drawn), num_classes), dtype=np.int64)
    if len(classes):
        present, first = np.unique(classes, return_index=True)
        sums[:, present] = np.add.reduceat(drawn, first, axis=1)
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


class RankingAreas(NamedTuple):
    """Areas under the curves that rank images by the probability of one class.

    Attributes:
        roc: Area under the ROC curve: how often an image of the class has the higher probability.
        average_precision: Area under the precision-recall curve, without interpolation.
    """

    roc: float
    average_precision: float


class Curve(NamedTuple):
    """A curve of at most `POINTS` points, from left to right.

    Attributes:
        x: False positive rate, or recall.
        y: True positive rate, or precision.
        area: Area under the whole curve.
    """

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    area: float


def ranking_areas(scores: NDArray[np.float64], is_member: NDArray[np.bool_]) -> RankingAreas | None:
    """The areas under one class's curves; None where all images belong to it, or none.

    Args:
        scores: (N,) probability of the class.
        is_member: (N,) whether the image belongs to it.
    """
    return _areas(np.sort(scores), np.sort(scores[is_member]))


def _areas(ordered: NDArray[np.float64], members: NDArray[np.float64]) -> RankingAreas | None:
    """The areas from the ascending scores (N,) of all images, and those (P,) of the members."""
    num_others = len(ordered) - len(members)
    if not num_others or not len(members):
        return None
    # Of all images, and of the members alone: how many score less than each member, or as much.
    below, up_to = (np.searchsorted(ordered, members, side) for side in SIDES)
    own_below, own_up_to = (np.searchsorted(members, members, side) for side in SIDES)
    beaten, tied = below - own_below, (up_to - below) - (own_up_to - own_below)
    precision = (len(members) - own_below) / (len(ordered) - below)
    return RankingAreas(float((beaten + tied / 2).mean() / num_others), float(precision.mean()))


def roc_curve(scores: NDArray[np.float64], is_member: NDArray[np.bool_]) -> Curve | None:
    """The ROC curve of one class; None where all images belong to it, or none."""
    from sklearn import metrics

    areas = ranking_areas(scores, is_member)
    if areas is None:
        return None
    x, y, _ = metrics.roc_curve(is_member, scores)
    return Curve(*_thinned(x, y), areas.roc)


def precision_recall_curve(
    scores: NDArray[np.float64], is_member: NDArray[np.bool_]
) -> Curve | None:
    """The precision-recall curve of one class; None where all images belong to it, or none."""
    from sklearn import metrics

    areas = ranking_areas(scores, is_member)
    if areas is None:
        return None
    precision, recall, _ = metrics.precision_recall_curve(is_member, scores)
    return Curve(*_thinned(recall[::-1], precision[::-1]), areas.average_precision)


def _thinned(
    x: NDArray[np.float64], y: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """At most `POINTS` of the points, evenly along the curve as it is drawn, ends included."""
    if len(x) <= POINTS:
        return x, y
    length = np.concatenate([[0.0], np.cumsum(np.abs(np.diff(x)) + np.abs(np.diff(y)))])
    wanted = np.linspace(0, length[-1], POINTS)
    chosen = np.unique(np.clip(np.searchsorted(length, wanted), 0, len(x) - 1))
    chosen[-1] = len(x) - 1
    return x[chosen], y[chosen]
