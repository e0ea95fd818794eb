"""Evaluate a classifier on any data, and write down what was found."""

from __future__ import annotations

import shlex
from copy import copy
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from convscope.classifier import Classifier
from convscope.evaluation.evaluate import Evaluation, evaluate_part
from convscope.evaluation.views import views_called
from convscope.figures.style import save_figure
from convscope.files import write_csv, write_json, write_text
from convscope.progress import SILENT, Reporter
from convscope.report.run import run_page
from convscope.report.run_figures import run_figures
from convscope.run import EVALUATION, PREDICTIONS, REPORT, Run
from convscope.workflows.measured_data import Synonyms, open_measured
from convscope.workflows.using import load_with_run


def evaluate(
    classifier: Classifier | Run | str | Path,
    data: str | Path | None = None,
    *,
    split: str | None = None,
    synonyms: Synonyms = None,
    tta: str | None = None,
    min_confidence: float | None = None,
    workers: int | None = None,
    device: str = "auto",
    reporter: Reporter = SILENT,
    **source: Any,
) -> Evaluation:
    """Evaluates a classifier on any data, classes matched by name.

    Args:
        classifier: A run, its folder, a classifier folder, or a classifier.
        data: See `open_dataset`; None for the data that the run was trained on.
        split: `train`, `val`, `test` or `all`; None for images that training never saw.
        synonyms: What classes of the data are called by the classifier, or a CSV file with the
            columns `data` and `classifier`; an empty name leaves a class out.
        tta: Test-time augmentation: `flip`, `crops` or `flip-crops`; None for one view.
        min_confidence: From which probability on the classifier answers; None for its own
            threshold.
        workers: Threads that decode images; None for one a core.
        device: `auto`, `cpu`, `cuda`, `cuda:1` or `mps`.
        reporter: Shows progress.
        source: Fields of `Recipe` that say how data is read: `path_column`, `label_column`,
            `split_column`, `exclude`, `max_pixels`, `extra_formats`, `allow_damaged`; where they
            aren't given, images are decoded as in training.

    Raises:
        DataError: The data can't be used, or has classes that the classifier doesn't know.
        RunError: There is no classifier, or no data is given and none is on record.
        UsageError: A field of `source` doesn't exist or has a value that can't be.
    """
    loaded = load_with_run(classifier, device=device)
    if min_confidence is not None:
        loaded = loaded._replace(classifier=_answering_from(min_confidence, loaded.classifier))
    preprocessing = loaded.classifier.preprocessing
    measured = open_measured(
        [loaded],
        data,
        split=split,
        synonyms=synonyms,
        geometries=[views_called(tta, preprocessing).preprocessing] if tta else (),
        workers=workers,
        reporter=reporter,
        source=source,
    )
    return evaluate_part(
        loaded.classifier, measured.gallery, measured.part, tta=tta, reporter=reporter
    )


def _answering_from(min_confidence: float, classifier: Classifier) -> Classifier:
    """The classifier with another threshold; the caller's keeps its own."""
    other = copy(classifier)
    other.decision = replace(classifier.decision, min_confidence=min_confidence)
    return other


class Written(NamedTuple):
    """What was written of an evaluation.

    Attributes:
        report: The HTML page.
        predictions: A table of all images with what was predicted.
        numbers: `evaluation.json`.
    """

    report: Path
    predictions: Path
    numbers: Path


def write_evaluation(
    evaluation: Evaluation,
    folder: str | Path,
    *,
    run: Run | str | Path | None = None,
    language: str = "en",
    command: str | None = None,
) -> Written:
    """Writes the report, a table of predictions and, last, the numbers.

    Args:
        evaluation: What was found.
        folder: Where to; is made if it isn't there.
        run: The run that the classifier is from: the report shows its history and its recipe.
        language: Of the report: `en` or `zh`.
        command: What the report says repeats the evaluation.

    Raises:
        RunError: The folder can't be written to.
        UsageError: There is no report in this language.
    """
    run = _run_at(run)
    place = Path(folder)
    written = Written(place / REPORT, place / PREDICTIONS, place / EVALUATION)
    page = run_page(
        evaluation,
        run=run,
        command=command or f"convscope evaluate {shlex.quote(str(run.path if run else 'RUN'))}",
        language=language,
    )
    write_text(written.report, page)
    _write_predictions(evaluation, written.predictions)
    write_json(written.numbers, evaluation.to_dict())
    return written


def save_figures(
    evaluation: Evaluation,
    folder: str | Path,
    *,
    run: Run | str | Path | None = None,
    language: str = "en",
) -> list[Path]:
    """Saves the figures of an evaluation's report as SVG files.

    Args:
        evaluation: What was found.
        folder: Where to; is made if it isn't there.
        run: The run that the classifier is from, for the history of its training.
        language: Of the words in them: `en` or `zh`.

    Raises:
        RunError: The folder can't be written to.
        UsageError: There are no words in this language.
    """
    paths = []
    for name, figure in run_figures(evaluation, _run_at(run), language=language).items():
        paths.append(Path(folder, f"{name}.svg"))
        save_figure(figure, paths[-1])
    return paths


def _run_at(place: Run | str | Path | None) -> Run | None:
    """The run at a place; None where a classifier is all there is."""
    if place is None or isinstance(place, Run):
        return place
    return Run.open(place) if (Path(place) / "recipe.yaml").is_file() else None


def _write_predictions(evaluation: Evaluation, path: Path) -> None:
    outputs = evaluation.outputs
    own = outputs.own_probabilities
    rows = [
        [
            name,
            outputs.classes[target],
            outputs.classes[predicted],
            f"{confidence:.6f}",
            f"{probability:.6f}",
        ]
        for name, target, predicted, confidence, probability in zip(
            evaluation.names,
            outputs.targets,
            outputs.predicted,
            outputs.confidences,
            own,
            strict=True,
        )
    ]
    header = ["image", "label", "predicted", "probability", "label_probability"]
    write_csv(path, header, rows)
