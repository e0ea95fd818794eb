"""Mistakes: which images and which pairs of classes a classifier gets wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convscope.evaluation.outputs import Outputs

KEPT = 50  # of each kind


@dataclass(frozen=True, slots=True)
class Pair:
    """Images of one class that were taken for another.

    Attributes:
        label: Their class.
        predicted: What they were taken for.
        num_images: How many there are.
        share: Of the images of `label`.
    """

    label: str
    predicted: str
    num_images: int
    share: float


@dataclass(frozen=True, slots=True)
class Case:
    """One image.

    Attributes:
        index: Among the evaluated ones.
        name: What a user calls it.
        label: Its class.
        predicted: What it was taken for.
        probability: Of `predicted`.
        label_probability: Of `label`.
        loss: Negative logarithm of `label_probability`, in nats.
    """

    index: int
    name: str
    label: str
    predicted: str
    probability: float
    label_probability: float
    loss: float

    @property
    def is_right(self) -> bool:
        """Whether it was taken for what it is."""
        return self.label == self.predicted


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistakes:
    """Where a classifier fails, the worst first, at most `KEPT` of each kind.

    Attributes:
        num_wrong: Images with another class than their own as the most probable.
        pairs: Classes that are taken for others.
        worst: The images with the highest losses among the wrong ones.
        unsure: The images with the lowest confidence, right or wrong.
        suspects: Images whose label is likely wrong.
    """

    num_wrong: int
    pairs: tuple[Pair, ...]
    worst: tuple[Case, ...]
    unsure: tuple[Case, ...]
    suspects: tuple[Case, ...]

    def to_dict(self) -> dict[str, Any]:
        """The fields, ready for JSON."""
        return {
            "num_wrong": self.num_wrong,
            **{
                name: [asdict(item) for item in getattr(self, name)]
                for name in ("pairs", "worst", "unsure", "suspects")
            },
        }


def find_mistakes(outputs: Outputs, names: Sequence[str]) -> Mistakes:
    """Where a classifier fails.

    Args:
        outputs: For N images.
        names: N names of the images.
    """
    wrong = np.flatnonzero(~outputs.is_correct)
    return Mistakes(
        num_wrong=len(wrong),
        pairs=_pairs(outputs),
        worst=cases(outputs, names, wrong[np.argsort(-outputs.losses[wrong], kind="stable")]),
        unsure=cases(outputs, names, np.argsort(outputs.confidences, kind="stable")),
        suspects=cases(outputs, names, suspected_labels(outputs)),
    )


def suspected_labels(outputs: Outputs) -> NDArray[np.int64]:
    """Indices of images whose label is likely wrong, the likeliest first.

    An image is suspected if another class is at least as probable as it usually is for images of
    that class, and its own class less probable than usual for its own. Source: confident joint,
    Northcutt, Jiang, Chuang 2021, section 3.1; the order is that of the normalised margin there.
    """
    own = outputs.own_probabilities
    sums = np.bincount(outputs.targets, weights=own, minlength=len(outputs.classes))
    counts = np.bincount(outputs.targets, minlength=len(outputs.classes))
    usual = np.where(counts > 0, sums / np.maximum(counts, 1), np.inf)
    is_suspect = (
        ~outputs.is_correct
        & (outputs.confidences >= usual[outputs.predicted])
        & (own < usual[outputs.targets])
    )
    found = np.flatnonzero(is_suspect)
    margin = outputs.confidences[found] - own[found]
    return found[np.argsort(-margin, kind="stable")]


def _pairs(outputs: Outputs) -> tuple[Pair, ...]:
    num_classes = len(outputs.classes)
    support = np.bincount(outputs.targets, minlength=num_classes)
    wrong = ~outputs.is_correct
    cells = outputs.targets[wrong] * num_classes + outputs.predicted[wrong]
    present, counts = np.unique(cells, return_counts=True)
    return tuple(
        Pair(
            outputs.classes[present[place] // num_classes],
            outputs.classes[present[place] % num_classes],
            int(counts[place]),
            float(counts[place] / support[present[place] // num_classes]),
        )
        for place in np.argsort(-counts, kind="stable")[:KEPT]
    )


def cases(outputs: Outputs, names: Sequence[str], indices: NDArray[np.int64]) -> tuple[Case, ...]:
    """The first `KEPT` of some images, by their indices."""
    return tuple(
        Case(
            index=int(index),
            name=names[index],
            label=outputs.classes[outputs.targets[index]],
            predicted=outputs.classes[outputs.predicted[index]],
            probability=float(outputs.confidences[index]),
            label_probability=float(outputs.own_probabilities[index]),
            loss=float(outputs.losses[index]),
        )
        for index in indices[:KEPT]
    )
