"""Metrics of logits against targets; scikit-learn and SciPy underneath."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

CONFIDENCE = 0.95


class Interval(NamedTuple):
    """A 95 % interval."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class ClassMetrics:
    """How one class fares; None where a number isn't defined.

    Attributes:
        name: Of the class.
        num_images: That belong to it.
        precision: Share of its predictions that are right; None if it is never predicted.
        recall: Share of its images that are found; None if it has no images.
        f1: Harmonic mean of both; None if it has no images and is never predicted.
    """

    name: str
    num_images: int
    precision: float | None
    recall: float | None
    f1: float | None


@dataclass(frozen=True, slots=True)
class Metrics:
    """Metrics of N images.

    Attributes:
        num_images: N.
        accuracy: Share of right predictions.
        accuracy_interval: 95 %, Wilson.
        top5_accuracy: Share with the right class among the five most probable; None with five
            classes or fewer, where it says nothing.
        loss: Mean cross-entropy in nats.
        macro_precision: Mean over the classes that have images; a class never predicted counts 0.
        macro_recall: Mean over the classes that have images.
        macro_f1: Mean over the classes that have images.
        classes: One by one.
        confusion: (K, K) counts; rows are true classes, columns predicted ones.
    """

    num_images: int
    accuracy: float
    accuracy_interval: Interval
    top5_accuracy: float | None
    loss: float
    macro_precision: float
    macro_recall: float
    macro_f1: float
    classes: tuple[ClassMetrics, ...]
    confusion: tuple[tuple[int, ...], ...]

    def to_dict(self) -> dict[str, Any]:
        """The fields, ready for JSON."""
        return {
            "num_images": self.num_images,
            "accuracy": self.accuracy,
            "accuracy_interval": {
                "low": self.accuracy_interval.low,
                "high": self.accuracy_interval.high,
                "confidence": CONFIDENCE,
                "method": "wilson",
            },
            "top5_accuracy": self.top5_accuracy,
            "loss": self.loss,
            "macro_precision": self.macro_precision,
            "macro_recall": self.macro_recall,
            "macro_f1": self.macro_f1,
            "classes": [
                {name: getattr(row, name) for name in ClassMetrics.__slots__}
                for row in self.classes
            ],
            "confusion": [list(row) for row in self.confusion],
        }


def compute_metrics(
    logits: torch.Tensor, targets: NDArray[np.int64], classes: tuple[str, ...]
) -> Metrics:
    """All metrics.

    Args:
        logits: (N, K), N at least 1.
        targets: (N,) class indices.
        classes: K names.
    """
    # SciPy and scikit-learn are imported where they are used: together they take nearly as long as
    # torch, and predicting needs neither.
    from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

    indices = np.arange(len(classes))
    predicted = logits.argmax(dim=1).numpy()
    correct = int((predicted == targets).sum())
    precision, recall, f1, support = precision_recall_fscore_support(
        targets, predicted, labels=indices, zero_division=0.0
    )
    named = np.bincount(predicted, minlength=len(classes))
    filled = support > 0
    return Metrics(
        num_images=len(targets),
        accuracy=correct / len(targets),
        accuracy_interval=wilson(correct, len(targets)),
        top5_accuracy=_top5(logits, targets) if len(classes) > 5 else None,
        loss=float(F.cross_entropy(logits.double(), torch.from_numpy(targets))),
        macro_precision=float(precision[filled].mean()),
        macro_recall=float(recall[filled].mean()),
        macro_f1=float(f1[filled].mean()),
        classes=tuple(
            ClassMetrics(
                name,
                int(support[index]),
                float(precision[index]) if named[index] else None,
                float(recall[index]) if support[index] else None,
                float(f1[index]) if support[index] or named[index] else None,
            )
            for index, name in enumerate(classes)
        ),
        confusion=tuple(
            tuple(row) for row in confusion_matrix(targets, predicted, labels=indices).tolist()
        ),
    )


def wilson(successes: int, trials: int) -> Interval:
    """Wilson's 95 % interval of a proportion. Source: Wilson 1927, equation 3."""
    from scipy.stats import binomtest

    interval = binomtest(successes, trials).proportion_ci(CONFIDENCE, method="wilson")
    return Interval(float(interval.low), float(interval.high))


def _top5(logits: torch.Tensor, targets: NDArray[np.int64]) -> float:
    best = logits.topk(5, dim=1).indices
    hits = (best == torch.from_numpy(targets)[:, None]).any(dim=1)
    return int(hits.sum()) / len(targets)
