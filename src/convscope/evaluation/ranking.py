"""Ranking: how well probabilities put the images of each class before all others."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

POINTS = 200  # of a curve; more can't be seen


class Areas(NamedTuple):
    """How well one class is told from all others, by its probability.

    Attributes:
        roc: Area under the ROC curve: how often an image of the class has the higher probability.
        average_precision: Of the curve of precision over recall, without interpolation.
    """

    roc: float
    average_precision: float


class Curve(NamedTuple):
    """A curve of at most `POINTS` points, from left to right.

    Attributes:
        x: False positive rate, or recall.
        y: True positive rate, or precision.
        area: Under the whole curve.
    """

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    area: float


def areas(scores: NDArray[np.float64], is_member: NDArray[np.bool_]) -> Areas | None:
    """The areas of one class; None where all images belong to it, or none.

    Args:
        scores: (N,) probability of the class.
        is_member: (N,) whether the image belongs to it.
    """
    from sklearn.metrics import average_precision_score, roc_auc_score

    if is_member.all() or not is_member.any():
        return None
    return Areas(
        float(roc_auc_score(is_member, scores)), float(average_precision_score(is_member, scores))
    )


def roc_curve(scores: NDArray[np.float64], is_member: NDArray[np.bool_]) -> Curve | None:
    """True over false positive rate of one class; None where all images belong to it, or none."""
    from sklearn import metrics

    found = areas(scores, is_member)
    if found is None:
        return None
    x, y, _ = metrics.roc_curve(is_member, scores)
    return Curve(*_thinned(x, y), found.roc)


def precision_recall_curve(
    scores: NDArray[np.float64], is_member: NDArray[np.bool_]
) -> Curve | None:
    """Precision over recall of one class; None where all images belong to it, or none."""
    from sklearn import metrics

    found = areas(scores, is_member)
    if found is None:
        return None
    precision, recall, _ = metrics.precision_recall_curve(is_member, scores)
    return Curve(*_thinned(recall[::-1], precision[::-1]), found.average_precision)


def _thinned(
    x: NDArray[np.float64], y: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """At most `POINTS` of the points, evenly along the curve as it is drawn, ends included."""
    if len(x) <= POINTS:
        return x, y
    way = np.concatenate([[0.0], np.cumsum(np.abs(np.diff(x)) + np.abs(np.diff(y)))])
    wanted = np.linspace(0, way[-1], POINTS)
    chosen = np.unique(np.clip(np.searchsorted(way, wanted), 0, len(x) - 1))
    chosen[-1] = len(x) - 1
    return x[chosen], y[chosen]
