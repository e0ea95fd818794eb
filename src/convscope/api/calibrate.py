"""Choosing the temperature and the threshold of a classifier, on images kept for that."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple, Unpack

import numpy as np

from convscope.api.arguments import checked
from convscope.api.load import DataOptions, EvaluationData, load_with_run, open_evaluation_data
from convscope.classifier import Classifier
from convscope.data.index.image_index import ImageIndex
from convscope.errors import DataError, UsageError
from convscope.evaluation.calibration import (
    TemperatureFit,
    Threshold,
    choose_threshold,
    fit_temperature,
)
from convscope.evaluation.evaluate import collect_outputs
from convscope.evaluation.subset import Subset
from convscope.progress import DEFAULT_REPORTER, SILENT, Reporter
from convscope.run import Run
from convscope.short_repr import html_view, short_repr
from convscope.training.runs.lock import owned


class NoTemperatureError(DataError):
    """Images on which no temperature is the best."""


class CalibrationResult(NamedTuple):
    """The result of a calibration.

    Attributes:
        classifier: The classifier, with its new temperature and threshold.
        fit: The temperature; None with too few images to fit one.
        threshold: The threshold; None where no target error was given.
        images: Description of the images that it was chosen on.
    """

    classifier: Classifier
    fit: TemperatureFit | None
    threshold: Threshold | None
    images: str

    def __repr__(self) -> str:
        return short_repr(self)

    def _repr_html_(self) -> str:
        return html_view(self)

    def to_dict(self) -> dict[str, Any]:
        """The fields, ready for JSON."""
        return {
            "images": self.images,
            "temperature": self.fit and self.fit.to_dict(),
            "threshold": self.threshold and self.threshold.to_dict(),
        }


def calibrate_on(
    classifier: Classifier,
    image_index: ImageIndex,
    subset: Subset,
    *,
    target_error: float | None = None,
    reporter: Reporter = SILENT,
) -> CalibrationResult:
    """Chooses a classifier's temperature, and if asked for its threshold, on some images.

    Args:
        classifier: The classifier; it is changed.
        image_index: All images.
        subset: The images to choose on; no metric may be reported on them.
        target_error: Error rate that accepted predictions have to stay below; None for no
            threshold.
        reporter: Shows progress.

    Raises:
        NoTemperatureError: The search for a temperature ended at the end of its range; the
            classifier is as it was.
        DataError: There are no images, or no threshold is proven to keep the error that low.
        UsageError: `target_error` is not between 0 and 1.
    """
    if target_error is not None and not 0 < target_error < 1:
        raise UsageError(
            f"`target_error` can't be {target_error:g}", hint="it is a fraction: 0.01 for 1 %"
        )
    outputs, _ = collect_outputs(classifier, image_index, subset, reporter=reporter)
    fit = fit_temperature(outputs)
    if fit is not None and fit.bound is not None:
        raise NoTemperatureError(
            fit.bound_text(),
            hint="do the labels and classes of the data match those of the classifier? "
            "`convscope evaluate` shows which classes are confused"
            if fit.bound > 1
            else "calibrate on more images",
        )
    temperature = fit.temperature if fit else 1.0
    threshold = None
    if target_error is not None:
        threshold = choose_threshold(outputs.at_temperature(temperature), target_error)
    # A threshold that was chosen for other probabilities says nothing about these.
    classifier.decision = replace(
        classifier.decision,
        temperature=temperature,
        min_confidence=threshold.min_confidence if threshold else 0.0,
    )
    result = CalibrationResult(classifier, fit, threshold, subset.description)
    classifier.metrics["calibration"] = result.to_dict()
    return result


@checked()
def calibrate(
    classifier: Run | str | Path,
    data: str | Path | None = None,
    *,
    target_error: float | None = None,
    device: str = "auto",
    reporter: Reporter = DEFAULT_REPORTER,
    **options: Unpack[DataOptions],
) -> CalibrationResult:
    """Chooses temperature and threshold of a saved classifier anew, and saves them with it.

    Args:
        classifier: A run, its folder, or a classifier folder; it is changed.
        data: See `open_dataset`; None for the validation images of the run.
        target_error: Error rate that accepted predictions have to stay below; None for no
            threshold.
        device: `auto`, `cpu`, `cuda`, `cuda:1` or `mps`.
        reporter: Shows progress.
        **options: See `DataOptions`. The default `split` is `val` of the run's own data, and of
            other data the images that training never saw. No metric should be reported on them
            after that, so the run's own test images are left out, wherever they lie.

    Raises:
        DataError: The data can't be used, has classes that the classifier doesn't know, or holds
            only images that are reported on; or no threshold is proven to keep the error that low;
            or the best temperature is at the end of the range, as with labels that don't match.
        RunError: There is no classifier, it can't be written, or its run is being trained.
        UsageError: An option doesn't exist or has an invalid value.
    """
    split = options.get("split")
    if data is None and split in ("test", "all"):
        raise UsageError(
            f"the classifier can't be calibrated on its own `{split}` images: they are what is "
            "reported",
            hint="leave out `--split`, or give other data",
        )
    options["split"] = split or ("val" if data is None else None)
    loaded = load_with_run(classifier, device=device)
    with owned(loaded.run) if loaded.run else nullcontext():
        opened = open_evaluation_data([loaded], data, reporter=reporter, **options)
        result = calibrate_on(
            loaded.classifier,
            opened.image_index,
            _not_reported(opened, loaded.run),
            target_error=target_error,
            reporter=reporter,
        )
        loaded.classifier.save(loaded.run.classifier_path if loaded.run else str(classifier))
    return result


def _not_reported(opened: EvaluationData, run: Run | None) -> Subset:
    """The images without those that the run reports on: what is reported can't choose."""
    subset = opened.subset
    if run is None:
        return subset
    uses, hashes = run.image_splits, opened.image_index.pixel_hashes[subset.indices]
    is_test = np.array(["test" in uses.get(int(key), ()) for key in hashes], dtype=bool)
    if not is_test.any():
        return subset
    if is_test.all():
        raise DataError(
            f"`{run.path}` reports on all of these images, so they can't choose "
            f"({subset.description})",
            hint="leave out DATA to choose on the validation images, or give other data",
        )
    description = f"{subset.description}, but for {int(is_test.sum()):,} that are reported on"
    return subset._replace(indices=subset.indices[~is_test], description=description)
