"""Evaluation of a classifier on some images: metrics, mistakes, slices."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch

from convscope.classifier import Classifier, collect_logits, evaluation_batch
from convscope.data.batch import Sampler
from convscope.data.batches import ImageBatches
from convscope.data.index.image_index import ImageIndex
from convscope.errors import DataError
from convscope.evaluation.calibration import (
    CalibrationError,
    SelectiveAccuracy,
    calibration_error,
    selective_accuracy,
)
from convscope.evaluation.comparison import difference
from convscope.evaluation.error_analysis import (
    Mistakes,
    Slice,
    find_mistakes,
    find_slices,
    image_properties,
)
from convscope.evaluation.intervals import named
from convscope.evaluation.metrics import Metrics, compute_metrics
from convscope.evaluation.outputs import Outputs
from convscope.evaluation.subset import Subset
from convscope.evaluation.test_time_augmentation import TtaGain, Views, views_called
from convscope.progress import SILENT, Reporter
from convscope.run import EVALUATION_FORMAT
from convscope.short_repr import LONGEST_SENTENCE, Shown
from convscope.text import one_line


class Uncalibrated(NamedTuple):
    """The metrics that depend on the temperature, at temperature 1."""

    log_loss: float
    calibration: CalibrationError


@dataclass(frozen=True, slots=True, repr=False, kw_only=True)
class Evaluation(Shown):
    """The performance of a classifier on some images.

    Attributes:
        metrics: The metrics, with intervals.
        mistakes: Wrong predictions, and labels that are likely wrong.
        slices: Groups of images on which the classifier may be worse than on others.
        selective: Coverage and error at its threshold; None if it has no threshold.
        uncalibrated: Metrics without its temperature; None if it has none.
        gain: What test-time augmentation changes; None with one view.
        outputs: The logits, with the labels.
        names: What a user calls each image.
        subset: Indices and description of the images.
        image_index: All images of the data.
        classifier: The classifier.
        images_per_second: Throughput, preprocessing included.
    """

    metrics: Metrics
    mistakes: Mistakes
    slices: tuple[Slice, ...]
    selective: SelectiveAccuracy | None
    uncalibrated: Uncalibrated | None
    gain: TtaGain | None
    outputs: Outputs
    names: tuple[str, ...]
    subset: Subset
    image_index: ImageIndex
    classifier: Classifier
    images_per_second: float

    def __repr__(self) -> str:
        images = one_line(self.images, at_most=LONGEST_SENTENCE)
        return f"Evaluation(accuracy {self.accuracy:.2%} on {images})"

    @property
    def accuracy(self) -> float:
        """Fraction of images that are classified correctly."""
        return self.metrics.accuracy.value

    @property
    def images(self) -> str:
        """Description of the images."""
        return self.subset.description

    @property
    def damaged(self) -> tuple[tuple[str, str], ...]:
        """Name and reason of each image that could not be read and is in no metric."""
        return self.image_index.damaged

    def to_dict(self) -> dict[str, Any]:
        """All numbers, ready for JSON."""
        plain = self.uncalibrated
        return {
            "format": EVALUATION_FORMAT,
            "images": self.images,
            "num_seen_in_training": self.subset.num_seen,
            "damaged": [{"image": name, "reason": reason} for name, reason in self.damaged],
            **self.metrics.to_dict(),
            "temperature": self.outputs.temperature,
            "uncalibrated": plain
            and {
                "log_loss": plain.log_loss,
                **named("calibration_error", plain.calibration.equal_width),
            },
            "answered": self.selective and self.selective.to_dict(),
            "test_time_augmentation": self.gain and self.gain.to_dict(),
            "mistakes": self.mistakes.to_dict(),
            "slices": [found.to_dict() for found in self.slices],
        }


def evaluate_subset(
    classifier: Classifier,
    image_index: ImageIndex,
    subset: Subset,
    *,
    tta: str | None = None,
    reporter: Reporter = SILENT,
) -> Evaluation:
    """Metrics, mistakes and slices of a classifier on some images.

    Args:
        classifier: The classifier; its classes are those that the labels count.
        image_index: All images.
        subset: The images to evaluate on.
        tta: Test-time augmentation, see `views_called`; None for one view of each image.
        reporter: Shows progress.

    Raises:
        DataError: There are no images, or the classifier's outputs are not finite.
        UsageError: There is no such test-time augmentation.
    """
    views = None if tta is None else views_called(tta, classifier.preprocessing)
    outputs, seconds = collect_outputs(classifier, image_index, subset, reporter=reporter)
    gain = None
    if tta is not None and views is not None:
        plain, plain_seconds = outputs, seconds
        outputs, seconds = collect_outputs(
            classifier, image_index, subset, views=views, reporter=reporter
        )
        found = difference(plain.is_correct, outputs.is_correct)
        gain = TtaGain(tta, views.count, found, seconds / plain_seconds)
    dataset = image_index.dataset
    names = tuple(dataset.images.name(int(index)) for index in subset.indices)
    columns = {
        name: [values[index] for index in subset.indices]
        for name, values in dataset.columns.items()
    }
    properties = image_properties(image_index.statistics[subset.indices])
    threshold = classifier.decision.min_confidence
    uncalibrated = None
    if outputs.temperature != 1:
        plain = outputs.at_temperature(1.0)
        uncalibrated = Uncalibrated(float(plain.losses.mean()), calibration_error(plain))
    return Evaluation(
        metrics=compute_metrics(outputs),
        mistakes=find_mistakes(outputs, names),
        slices=find_slices(outputs.is_correct, {**properties, **columns}),
        selective=selective_accuracy(outputs, threshold) if threshold else None,
        uncalibrated=uncalibrated,
        gain=gain,
        outputs=outputs,
        names=names,
        subset=subset,
        image_index=image_index,
        classifier=classifier,
        images_per_second=len(outputs) / seconds,
    )


class CollectedOutputs(NamedTuple):
    """Outputs, and how long they took."""

    outputs: Outputs
    seconds: float


def collect_outputs(
    classifier: Classifier,
    image_index: ImageIndex,
    subset: Subset,
    *,
    views: Views | None = None,
    reporter: Reporter = SILENT,
) -> CollectedOutputs:
    """A classifier's outputs for some images.

    Args:
        classifier: The classifier; it knows the same classes as the data, in any order.
        image_index: All images.
        subset: The images to classify.
        views: Views of each image that are averaged; None for the image as it is.
        reporter: Shows progress.

    Raises:
        DataError: There are no images, or the classifier's outputs are not finite.
    """
    if not len(subset.indices):
        raise DataError(
            f"there are no images to evaluate on ({subset.description})",
            hint="choose another `--split`",
        )
    network, temperature = classifier.inference_network, classifier.decision.temperature
    preprocessing = views.preprocessing if views else classifier.preprocessing
    batches = ImageBatches(
        image_index.pixels(preprocessing),
        image_index.labels,
        Sampler(subset.indices, batch_size=evaluation_batch(preprocessing, classifier.device)),
        preprocessing=preprocessing,
        device=classifier.device,
    )
    began = time.perf_counter()
    with reporter.task("evaluating", len(subset.indices)) as task:
        logits = collect_logits(
            views.averaged(network, temperature=temperature) if views else network,
            batches.epoch(0),
            on_progress=task.advance,
        )
    seconds = time.perf_counter() - began
    if not torch.isfinite(logits).all():
        raise DataError(
            "the classifier's outputs are non-finite",
            hint="its weights are damaged or its training diverged; train it again",
        )
    classes = image_index.dataset.classes
    column_of = {name: column for column, name in enumerate(classifier.classes)}
    columns = [column_of[name] for name in classes]
    outputs = Outputs(
        logits.numpy()[:, columns], image_index.labels[subset.indices], classes, temperature
    )
    return CollectedOutputs(outputs, seconds)
