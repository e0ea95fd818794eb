"""Evaluation of a classifier on certain images."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch

from convscope.classifier import Classifier, collect_logits, evaluation_batch
from convscope.data.batches import ImageBatches
from convscope.data.gallery import Gallery
from convscope.errors import DataError
from convscope.evaluation.calibration import CalibrationError, calibration_error
from convscope.evaluation.choosing import Part
from convscope.evaluation.comparison import difference
from convscope.evaluation.intervals import named
from convscope.evaluation.metrics import Metrics, compute_metrics
from convscope.evaluation.mistakes import Mistakes, find_mistakes
from convscope.evaluation.outputs import Outputs
from convscope.evaluation.rejection import Answered, answer
from convscope.evaluation.slices import Slice, find_slices, image_properties
from convscope.evaluation.views import Gain, Views, views_called
from convscope.progress import SILENT, Reporter
from convscope.run import EVALUATION_FORMAT


class Uncalibrated(NamedTuple):
    """What the numbers that depend on the temperature would be without it."""

    log_loss: float
    calibration: CalibrationError


@dataclass(frozen=True, slots=True, repr=False, kw_only=True)
class Evaluation:
    """How a classifier fares on certain images.

    Attributes:
        metrics: The numbers.
        mistakes: Where it fails.
        slices: Groups of images for which it may be worse than for others.
        answered: What happens with its threshold; None if it always answers.
        uncalibrated: The numbers without its temperature; None if it has none.
        gain: What several views of each image gave; None with one view.
        outputs: What the classifier gave for each image.
        names: What a user calls each image.
        part: Which images of the gallery these are.
        gallery: All images of the data.
        classifier: What was evaluated.
        images_per_second: Prepared, moved and classified.
    """

    metrics: Metrics
    mistakes: Mistakes
    slices: tuple[Slice, ...]
    answered: Answered | None
    uncalibrated: Uncalibrated | None
    gain: Gain | None
    outputs: Outputs
    names: tuple[str, ...]
    part: Part
    gallery: Gallery
    classifier: Classifier
    images_per_second: float

    def __repr__(self) -> str:
        return f"Evaluation(accuracy {self.accuracy:.2%} on {self.images})"

    @property
    def accuracy(self) -> float:
        """Share of right predictions."""
        return self.metrics.accuracy.value

    @property
    def images(self) -> str:
        """Which images the numbers are from, in words."""
        return self.part.words

    @property
    def damaged(self) -> tuple[tuple[str, str], ...]:
        """Name and reason of images that could not be read and are not counted."""
        return self.gallery.damaged

    def to_dict(self) -> dict[str, Any]:
        """All numbers, ready for JSON."""
        plain = self.uncalibrated
        return {
            "format": EVALUATION_FORMAT,
            "images": self.images,
            "num_seen_in_training": self.part.num_seen,
            "damaged": [{"image": name, "reason": reason} for name, reason in self.damaged],
            **self.metrics.to_dict(),
            "temperature": self.outputs.temperature,
            "uncalibrated": plain
            and {
                "log_loss": plain.log_loss,
                **named("calibration_error", plain.calibration.equal_width),
            },
            "answered": self.answered and self.answered.to_dict(),
            "test_time_augmentation": self.gain and self.gain.to_dict(),
            "mistakes": self.mistakes.to_dict(),
            "slices": [found.to_dict() for found in self.slices],
        }


def evaluate_part(
    classifier: Classifier,
    gallery: Gallery,
    part: Part,
    *,
    tta: str | None = None,
    reporter: Reporter = SILENT,
) -> Evaluation:
    """Metrics, mistakes and slices on some images.

    Args:
        classifier: Whose classes the labels count.
        gallery: All images.
        part: Those to evaluate on.
        tta: Views of each image whose probabilities are averaged: see `views_called`; None for one.
        reporter: Shows progress.

    Raises:
        DataError: There are none, or the classifier gives no numbers.
        UsageError: No views are called `tta`.
    """
    views = None if tta is None else views_called(tta, classifier.preprocessing)
    outputs, seconds = collect_outputs(classifier, gallery, part, reporter=reporter)
    gain = None
    if tta is not None and views is not None:
        plain, plain_seconds = outputs, seconds
        outputs, seconds = collect_outputs(
            classifier, gallery, part, views=views, reporter=reporter
        )
        found = difference(plain.is_correct, outputs.is_correct)
        gain = Gain(tta, views.count, found, seconds / plain_seconds)
    names = tuple(gallery.dataset.images.name(int(index)) for index in part.indices)
    columns = {
        name: [values[index] for index in part.indices]
        for name, values in gallery.dataset.columns.items()
    }
    threshold = classifier.decision.min_confidence
    return Evaluation(
        metrics=compute_metrics(outputs),
        mistakes=find_mistakes(outputs, names),
        slices=find_slices(
            outputs.is_correct, {**image_properties(gallery.facts[part.indices]), **columns}
        ),
        answered=answer(outputs, threshold) if threshold else None,
        uncalibrated=_uncalibrated(outputs) if outputs.temperature != 1 else None,
        gain=gain,
        outputs=outputs,
        names=names,
        part=part,
        gallery=gallery,
        classifier=classifier,
        images_per_second=len(outputs) / seconds,
    )


class Collected(NamedTuple):
    """What a classifier gave, and how long that took."""

    outputs: Outputs
    seconds: float


def collect_outputs(
    classifier: Classifier,
    gallery: Gallery,
    part: Part,
    *,
    views: Views | None = None,
    reporter: Reporter = SILENT,
) -> Collected:
    """What a classifier gives for some images.

    Args:
        classifier: Knows the same classes as the data, in any order.
        gallery: All images.
        part: Which of them.
        views: Of each image; None for the image as it is.
        reporter: Shows progress.

    Raises:
        DataError: There are none, or the classifier gives no numbers.
    """
    if not len(part.indices):
        raise DataError(
            f"there are no images to evaluate on ({part.words})", hint="choose another `--split`"
        )
    preprocessing = views.preprocessing if views else classifier.preprocessing
    batches = ImageBatches(
        gallery.pixels(preprocessing),
        gallery.labels,
        part.indices,
        preprocessing=preprocessing,
        batch_size=evaluation_batch(preprocessing, classifier.device),
        device=classifier.device,
    )
    began = time.perf_counter()
    with reporter.task("evaluating", len(part.indices)) as task:
        logits = collect_logits(
            views.shown_to(classifier.answering, temperature=classifier.decision.temperature)
            if views
            else classifier.answering,
            batches.epoch(0),
            on_progress=task.advance,
        )
    seconds = time.perf_counter() - began
    if not torch.isfinite(logits).all():
        raise DataError(
            "the classifier gives outputs that are no numbers",
            hint="its weights are damaged or its training diverged; train it again",
        )
    classes = gallery.dataset.classes
    columns = [classifier.classes.index(name) for name in classes]
    outputs = Outputs(
        logits.numpy()[:, columns],
        gallery.labels[part.indices],
        classes,
        classifier.decision.temperature,
    )
    return Collected(outputs, seconds)


def _uncalibrated(outputs: Outputs) -> Uncalibrated:
    plain = outputs.at_temperature(1.0)
    return Uncalibrated(float(plain.losses.mean()), calibration_error(plain))
