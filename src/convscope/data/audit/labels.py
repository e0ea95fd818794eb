"""Labels that look wrong: a small probe predicts each from the other images, and some it doubts.

A probe of fixed features errs far more often than people who label, so most of its contradictions
are its own errors. Two measures keep them out: how sure the probe is, and how often it agrees with
the labels where it is as sure. Where it is surest it hardly errs, and disagrees only as often as
labels are wrong; a contradiction counts as long as such wrong labels make up half of all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.isotonic import IsotonicRegression

from convscope.data.audit.label_probe import embed, predict_out_of_fold, stratified_folds
from convscope.errors import counted

MIN_IMAGES = 10  # different ones of a class; of fewer nothing is learned
SUREST_SHARE = 0.25  # of the images, on which the share of wrong labels is measured
MIN_ACCURACY = 0.7  # of the probe; a weaker one is mostly wrong where it contradicts
MIN_AGREEMENT = 0.85  # with the labels, where the probe is as sure
ERRORS_PER_WRONG_LABEL = 2.0  # contradictions, of which half may be the probe's own errors


@dataclass(frozen=True, slots=True)
class Suspicion:
    """A label that may be wrong.

    Attributes:
        index: Of the image.
        label: Its class, an index into the classes.
        suggested: What the probe takes it for.
        probability_of_label: The probe's, 0 to 1; the probe is surer than it should be.
        probability_of_suggested: As above.
        score: What suspicions are ranked by: how many times likelier the suggested class is, as a
            logarithm.
    """

    index: int
    label: int
    suggested: int
    probability_of_label: float
    probability_of_suggested: float
    score: float


@dataclass(frozen=True, slots=True)
class JudgedLabels:
    """Labels that look wrong, and what that is worth.

    Attributes:
        suspicions: The most suspicious first.
        num_judged: Images whose label was judged.
        accuracy: Share of the judged images whose label the probe predicted; None if it judged
            none.
        majority_share: What always naming the commonest class would reach; None as above.
        words: How the labels were judged, or why they weren't.
    """

    suspicions: list[Suspicion]
    num_judged: int
    accuracy: float | None
    majority_share: float | None
    words: str


def suspicious_labels(
    pixels_of: Callable[[int], NDArray[np.uint8]],
    labels: NDArray[np.int64],
    classes: Sequence[str],
    indices: NDArray[np.int64],
    on_progress: Callable[[int], None] = lambda count: None,
) -> JudgedLabels:
    """Labels that a small probe contradicts where it can be trusted.

    Source: out-of-fold predictions as in confident learning (Northcutt, Jiang and Chuang 2021).
    Departs: what is sure enough is found from the agreement with the labels, not from the mean
    probability of each class, which on photos lets most contradictions pass.

    Args:
        pixels_of: Gives the pixels (H, W, C) of an image; called from several threads.
        labels: (N,) of the whole data set.
        classes: K names.
        indices: (M,) of the images to judge: those that can be read.
        on_progress: Called with the number of images just looked at.
    """
    if (np.bincount(labels[indices], minlength=2) >= MIN_IMAGES).sum() < 2:
        return _not_judged()
    embedded = embed(pixels_of, indices, on_progress)
    is_judged = _has_enough(labels[indices], embedded.hashes)
    known = np.unique(labels[indices][is_judged])
    if len(known) < 2:
        return _not_judged()
    rows = np.searchsorted(known, labels[indices][is_judged])
    folds = stratified_folds(rows, embedded.hashes[is_judged])
    log_probabilities = predict_out_of_fold(embedded.features[is_judged], rows, folds)
    judged = indices[is_judged]
    accuracy = float((log_probabilities.argmax(axis=1) == rows).mean())
    majority_share = float(np.bincount(rows).max() / len(rows))
    suspicions = []
    if accuracy >= MIN_ACCURACY:
        for row in _contradictions(log_probabilities, rows):
            own, best = rows[row], int(log_probabilities[row].argmax())
            suspicions.append(
                Suspicion(
                    index=int(judged[row]),
                    label=int(known[own]),
                    suggested=int(known[best]),
                    probability_of_label=float(np.exp(log_probabilities[row, own])),
                    probability_of_suggested=float(np.exp(log_probabilities[row, best])),
                    score=float(log_probabilities[row, best] - log_probabilities[row, own]),
                )
            )
    suspicions.sort(key=lambda suspicion: (-suspicion.score, suspicion.index))
    return JudgedLabels(
        suspicions=suspicions,
        num_judged=len(judged),
        accuracy=accuracy,
        majority_share=majority_share,
        words=_words(accuracy, majority_share, num_judged=len(judged), num_all=len(indices)),
    )


def _contradictions(
    log_probabilities: NDArray[np.float64], labels: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Rows whose label the probe contradicts, as far as half of such labels should be wrong."""
    ordered = np.sort(log_probabilities, axis=1)
    sureness = np.maximum(ordered[:, -1] - ordered[:, -2], 0)
    agrees = log_probabilities.argmax(axis=1) == labels
    rank = np.argsort(np.argsort(sureness, kind="stable"), kind="stable")
    is_surest = rank >= (1 - SUREST_SHARE) * len(labels)
    wrong_share = 1 - float(agrees[is_surest].mean())
    agreement = IsotonicRegression().fit_transform(sureness, agrees.astype(np.float64))
    may_disagree = min(1 - MIN_AGREEMENT, ERRORS_PER_WRONG_LABEL * wrong_share)
    return np.flatnonzero(~agrees & (1 - agreement <= may_disagree))


def _has_enough(labels: NDArray[np.int64], hashes: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """Which images (N,) are of a class with enough different images to learn from."""
    is_enough = np.zeros(len(labels), dtype=bool)
    for label in np.unique(labels):
        rows = labels == label
        is_enough[rows] = len(np.unique(hashes[rows])) >= MIN_IMAGES
    return is_enough


def _not_judged() -> JudgedLabels:
    return JudgedLabels(
        [],
        0,
        None,
        None,
        "labels were not judged: that takes at least two classes with "
        f"{MIN_IMAGES} different images each",
    )


def _words(accuracy: float, majority_share: float, *, num_judged: int, num_all: int) -> str:
    how = (
        f"a small probe predicted {accuracy:.1%} of {counted(num_judged, 'label')} from the other "
        f"images (the commonest class: {majority_share:.1%})"
    )
    if num_judged < num_all:
        left = num_all - num_judged
        how += f"; {counted(left, 'image')} of classes with under {MIN_IMAGES} were not judged"
    if accuracy < MIN_ACCURACY:
        return f"{how}; that is too few for it to contradict a label"
    return f"{how}; of the labels it contradicts, those are named that are likely to be wrong"
