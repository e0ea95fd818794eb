"""Calibrate: choose temperature and threshold of a classifier, on images made for choosing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from convscope.classifier import Classifier
from convscope.data.gallery import Gallery
from convscope.errors import DataError, UsageError
from convscope.evaluation.calibration import Fit, fit_temperature
from convscope.evaluation.choosing import Part
from convscope.evaluation.evaluate import collect_outputs
from convscope.evaluation.rejection import Threshold, choose_threshold
from convscope.progress import SILENT, Reporter
from convscope.run import Run
from convscope.workflows.measured_data import MeasuredData, Synonyms, open_measured
from convscope.workflows.using import load_with_run


class Calibrated(NamedTuple):
    """What was chosen.

    Attributes:
        classifier: With its new temperature and threshold.
        fit: The temperature; None with too few images to fit one.
        threshold: None where no target error was given.
        images: Which images it was chosen on, in words.
    """

    classifier: Classifier
    fit: Fit | None
    threshold: Threshold | None
    images: str

    def to_dict(self) -> dict[str, Any]:
        """The fields, ready for JSON."""
        return {
            "images": self.images,
            "temperature": self.fit and self.fit.to_dict(),
            "threshold": self.threshold and self.threshold.to_dict(),
        }


def calibrate_on(
    classifier: Classifier,
    gallery: Gallery,
    part: Part,
    *,
    target_error: float | None = None,
    reporter: Reporter = SILENT,
) -> Calibrated:
    """Gives a classifier the temperature, and if asked for the threshold, that suit some images.

    Args:
        classifier: Is changed.
        gallery: All images.
        part: Those to choose by; nothing may be reported on them.
        target_error: What the error among the answers is to stay below; None for no threshold.
        reporter: Shows progress.

    Raises:
        DataError: There are no images, or no threshold is proven to keep the error that low.
        UsageError: `target_error` can't be.
    """
    if target_error is not None and not 0 < target_error < 1:
        raise UsageError(
            f"`target_error` can't be {target_error:g}", hint="it is a share, as 0.01 for 1 %"
        )
    outputs, _ = collect_outputs(classifier, gallery, part, reporter=reporter)
    fit = fit_temperature(outputs)
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
    found = Calibrated(classifier, fit, threshold, part.words)
    classifier.metrics["calibration"] = found.to_dict()
    return found


def calibrate(
    classifier: Run | str | Path,
    data: str | Path | None = None,
    *,
    split: str | None = None,
    target_error: float | None = None,
    synonyms: Synonyms = None,
    workers: int | None = None,
    device: str = "auto",
    reporter: Reporter = SILENT,
    **source: Any,
) -> Calibrated:
    """Chooses temperature and threshold of a saved classifier anew, and saves them with it.

    Args:
        classifier: A run, its folder, or a classifier folder; it is changed.
        data: See `open_dataset`; None for the images that chose the best epoch of the run.
        split: `train`, `val`, `test` or `all` of `data`; else `val` of the run's own data, and of
            other data the images that training never saw. Nothing should be reported on them after
            that, so the run's own test images are left out, wherever they lie.
        target_error: What the error among the answers is to stay below; None for no threshold.
        synonyms: As for `evaluate`.
        workers: Threads that decode images; None for one a core.
        device: `auto`, `cpu`, `cuda`, `cuda:1` or `mps`.
        reporter: Shows progress.
        source: As for `evaluate`.

    Raises:
        DataError: As for `evaluate`, all images are reported on, or no threshold is proven to keep
            the error that low.
        RunError: There is no classifier, or it can't be written.
        UsageError: A value can't be.
    """
    if data is None and split in ("test", "all"):
        raise UsageError(
            f"the classifier's own `{split}` images can't choose: they are what is reported",
            hint="leave out `--split`, or give other data",
        )
    loaded = load_with_run(classifier, device=device)
    measured = open_measured(
        [loaded],
        data,
        split=split or ("val" if data is None else None),
        synonyms=synonyms,
        workers=workers,
        reporter=reporter,
        source=source,
    )
    found = calibrate_on(
        loaded.classifier,
        measured.gallery,
        _not_reported(measured, loaded.run),
        target_error=target_error,
        reporter=reporter,
    )
    loaded.classifier.save(loaded.run.classifier_path if loaded.run else str(classifier))
    return found


def _not_reported(measured: MeasuredData, run: Run | None) -> Part:
    """The images but for those that the run reports on: what is reported can't choose.

    Raises:
        DataError: There are no others.
    """
    part = measured.part
    if run is None:
        return part
    uses, hashes = run.image_uses, measured.gallery.pixel_hashes[part.indices]
    is_test = np.array(["test" in uses.get(int(key), ()) for key in hashes], dtype=bool)
    if not is_test.any():
        return part
    if is_test.all():
        raise DataError(
            f"`{run.path}` reports on all of these images, so they can't choose ({part.words})",
            hint="leave out DATA to choose on the validation images, or give other data",
        )
    words = f"{part.words}, but for {int(is_test.sum()):,} that are reported on"
    return part._replace(indices=part.indices[~is_test], words=words)
