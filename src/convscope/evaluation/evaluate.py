"""Evaluation of a classifier on a part of a data set, classes matched by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from convscope.classifier import EVALUATION_BATCH, Classifier, collect_logits
from convscope.data.batches import ImageBatches
from convscope.data.dataset import Dataset, check_known
from convscope.data.gallery import Gallery
from convscope.data.pixels import Pixels
from convscope.errors import DataError, UsageError
from convscope.evaluation.metrics import Metrics, compute_metrics
from convscope.progress import SILENT, Reporter

FORMAT = 1

SPLITS = {"train": "train", "val": "validation", "validation": "validation", "test": "test"}


@dataclass(frozen=True, slots=True, repr=False)
class Evaluation:
    """How a classifier fares on certain images.

    Attributes:
        metrics: The numbers.
        images: Which images they are from, in words.
        damaged: Name and reason of images that could not be read and are not counted.
    """

    metrics: Metrics
    images: str
    damaged: tuple[tuple[str, str], ...]

    def __repr__(self) -> str:
        return f"Evaluation(accuracy {self.accuracy:.2%} on {self.images})"

    @property
    def accuracy(self) -> float:
        """Share of right predictions."""
        return self.metrics.accuracy

    def to_dict(self) -> dict[str, Any]:
        """All numbers, ready for JSON."""
        return {
            "format": FORMAT,
            "images": self.images,
            "damaged": [{"image": name, "reason": reason} for name, reason in self.damaged],
            **self.metrics.to_dict(),
        }


def evaluate_part(
    classifier: Classifier,
    gallery: Gallery,
    part: NDArray[np.int64],
    *,
    pixels: Pixels,
    images: str,
    reporter: Reporter = SILENT,
) -> Evaluation:
    """Metrics on some images.

    Args:
        classifier: Whose classes the labels count.
        gallery: All images.
        part: Indices of those to evaluate on.
        pixels: All images, prepared by the classifier's preprocessing.
        images: Which images these are, in words.
        reporter: Shows progress.

    Raises:
        DataError: There are none.
    """
    if not len(part):
        raise DataError(
            f"there are no images to evaluate on ({images})", hint="choose another `--split`"
        )
    batches = ImageBatches(
        pixels,
        gallery.labels,
        part,
        preprocessing=classifier.preprocessing,
        batch_size=EVALUATION_BATCH,
        device=classifier.device,
    )
    with reporter.task("evaluating", len(part)) as task:
        logits = collect_logits(classifier.network, batches.epoch(0), on_progress=task.advance)
    if not torch.isfinite(logits).all():
        raise DataError(
            "the classifier gives outputs that are no numbers",
            hint="its weights are damaged or its training diverged; train it again",
        )
    metrics = compute_metrics(logits, gallery.labels[part], classifier.classes)
    return Evaluation(metrics, images, gallery.damaged)


def match_classes(dataset: Dataset, classifier: Classifier) -> Dataset:
    """The data set with its labels counting the classifier's classes; matched by name.

    Raises:
        DataError: The data has a class that the classifier doesn't know.
    """
    counts = np.bincount(dataset.labels, minlength=len(dataset.classes))
    unknown = {
        name: int(count)
        for name, count in zip(dataset.classes, counts, strict=True)
        if count and name not in classifier.classes
    }
    if unknown:
        check_known(unknown, known=classifier.classes, owner="the classifier")
    new_index = np.array(
        [
            classifier.classes.index(name) if name in classifier.classes else -1
            for name in dataset.classes
        ]
    )
    labels = new_index[dataset.labels].astype(np.int64)
    return replace(dataset, labels=labels, classes=classifier.classes)


def choose_part(
    gallery: Gallery, *, split: str | None, uses: Mapping[int, frozenset[str]] | None
) -> tuple[NDArray[np.int64], str]:
    """Which images to evaluate on.

    Args:
        gallery: All images of the data.
        split: `train`, `val`, `test` or `all`; None for images that training never saw.
        uses: What training used each image for, by its pixels' hash; None if that isn't known.

    Returns:
        Indices, and what they are in words.

    Raises:
        UsageError: No split is called that.
        DataError: The data has no such split.
    """
    if split is not None and split not in (*SPLITS, "all"):
        raise UsageError(
            f"`split` can't be `{split}`", hint="it takes `train`, `val`, `test` or `all`"
        )
    everything = np.arange(len(gallery))
    if split == "all":
        return everything, "all images"
    given = np.array(gallery.dataset.given_splits, dtype=object)
    used = [(uses or {}).get(int(key), frozenset()) for key in gallery.pixel_hashes]
    # With train and val alone, val is what is reported.
    sides = ("test", "validation") if split in (None, "test") else (SPLITS[split],)
    for side in sides:
        if (given == side).any():
            part, words = np.flatnonzero(given == side), f"the {side} split as given"
            return (part, _with_seen(part, words, used)) if split else _unseen(part, words, used)
    if split is None:
        known = "" if uses is not None else "; which of them training saw isn't known"
        return _unseen(everything, f"all images{known}", used)
    part = np.array([i for i, found in enumerate(used) if SPLITS[split] in found], dtype=np.int64)
    if not len(part):
        raise DataError(
            f"the data has no {split} split, and training used none of its images for that",
            hint="`--split all` takes all images",
        )
    return part, f"the images that training used as {SPLITS[split]}"


def _with_seen(part: NDArray[np.int64], words: str, used: Sequence[frozenset[str]]) -> str:
    """The words, and how many of the images training or selection saw."""
    seen = sum(bool(used[i] & {"train", "validation"}) for i in part)
    return f"{words}; training or selection saw {seen:,} of them" if seen else words


def _unseen(
    part: NDArray[np.int64], words: str, used: Sequence[frozenset[str]]
) -> tuple[NDArray[np.int64], str]:
    """The images of a part but for those that training or selection saw.

    What training itself held out as a test stays in, whatever else has the same pixels.
    """
    seen = np.array([bool(used[i]) and "test" not in used[i] for i in part])
    if not seen.any():
        return part, words
    excluded = any("excluded" in used[i] for i in part)
    saw = f"that training or selection saw{' or that were excluded' if excluded else ''}"
    return part[~seen], f"{words}, but for {int(seen.sum()):,} {saw}"
