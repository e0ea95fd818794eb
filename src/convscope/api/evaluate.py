"""Evaluating a classifier on any data, and writing the files of an evaluation."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from convscope.api.arguments import checked
from convscope.api.destination import OutputOptions, output_folder, taken_language
from convscope.api.load import (
    DataOptions,
    load_with_run,
    open_evaluation_data,
    with_min_confidence,
)
from convscope.classifier import Classifier
from convscope.evaluation.evaluate import Evaluation, evaluate_subset
from convscope.evaluation.test_time_augmentation import views_called
from convscope.figures.style import save_figure
from convscope.files import (
    mark_output,
    write_csv,
    write_sealed_json,
    write_text,
)
from convscope.languages import language_of, speaking
from convscope.paths import EVALUATION_FILE, PREDICTIONS_FILE, REPORT_FILE, command_line, is_run
from convscope.progress import DEFAULT_REPORTER, Reporter
from convscope.report.run import run_page
from convscope.report.run_figures import run_figures
from convscope.run import Run
from convscope.short_repr import short_repr


@checked(DataOptions, OutputOptions)
def evaluate(
    classifier: Classifier | Run | str | Path,
    data: str | Path | None = None,
    *,
    tta: str | None = None,
    min_confidence: float | None = None,
    device: str = "auto",
    output: str | Path | None = None,
    reporter: Reporter = DEFAULT_REPORTER,
    **options: Any,
) -> Evaluation:
    """Evaluates a classifier on any data, classes matched by name.

    Args:
        classifier: A run, its folder, a classifier folder, or a classifier.
        data: See `open_dataset`; None for the data that the run was trained on.
        tta: Test-time augmentation: `flip`, `crops` or `flip-crops`; None for one view.
        min_confidence: Probability from which on a prediction is accepted; None for the
            classifier's own threshold.
        device: `auto`, `cpu`, `cuda`, `cuda:1` or `mps`.
        output: Folder for report, predictions and numbers; None to write nothing.
        reporter: Shows progress.
        **options: Which images, how they are read, and the language of the report. Images are
            decoded as in training where they don't say.

    Raises:
        DataError: The data can't be used, or has classes that the classifier doesn't know.
        RunError: There is no classifier, or no data is given and the run is unknown.
        UsageError: An option doesn't exist or has an invalid value.
    """
    language = taken_language(options)
    place = None if output is None else output_folder(output)
    loaded = load_with_run(classifier, device=device)
    if min_confidence is not None:
        loaded = loaded._replace(classifier=with_min_confidence(loaded.classifier, min_confidence))
    preprocessing = loaded.classifier.preprocessing
    opened = open_evaluation_data(
        [loaded],
        data,
        geometries=[views_called(tta, preprocessing).preprocessing] if tta else (),
        reporter=reporter,
        **options,
    )
    evaluation = evaluate_subset(
        loaded.classifier, opened.image_index, opened.subset, tta=tta, reporter=reporter
    )
    if place is not None:
        page = evaluation_page(evaluation, run=loaded.run, language=language)
        write_evaluation_files(evaluation, page, place, run=loaded.run)
    return evaluation


class EvaluationFiles(NamedTuple):
    """The files of an evaluation.

    Attributes:
        report: HTML page.
        predictions: CSV table of all images with their predictions.
        numbers: `evaluation.json`.
    """

    report: Path
    predictions: Path
    numbers: Path

    def __repr__(self) -> str:
        return short_repr(self)


@checked()
def write_evaluation(
    evaluation: Evaluation,
    output: str | Path,
    *,
    run: Run | str | Path | None = None,
    language: str = "en",
    command: str | None = None,
) -> EvaluationFiles:
    """Writes the report, a table of predictions and, last, the numbers.

    Args:
        evaluation: The evaluation.
        output: Their folder; created if it doesn't exist.
        run: The run that the classifier is from: the report shows its history and its recipe.
        language: Language of the report: `en` or `zh`.
        command: Command line that repeats the evaluation, for the report.

    Raises:
        RunError: The folder can't be written to.
        UsageError: There is no report in this language.
    """
    run, place = _run_at(run), output_folder(output)
    page = evaluation_page(evaluation, run=run, language=language, command=command)
    return write_evaluation_files(evaluation, page, place, run=run)


def evaluation_page(
    evaluation: Evaluation, *, run: Run | None, language: str, command: str | None = None
) -> str:
    """The report of an evaluation, which takes seconds to make; see `write_evaluation`."""
    again = command_line("convscope", "evaluate", run.path if run else "RUN")
    with speaking(language_of(language)):
        return run_page(evaluation, run=run, command=command or again, language=language)


def write_evaluation_files(
    evaluation: Evaluation, page: str, place: Path, *, run: Run | None
) -> EvaluationFiles:
    """Writes an evaluation with its report into a folder, the numbers last."""
    files = EvaluationFiles(place / REPORT_FILE, place / PREDICTIONS_FILE, place / EVALUATION_FILE)
    write_text(files.report, page)
    _write_predictions(evaluation, files.predictions)
    numbers = evaluation.to_dict()
    if is_run(place):  # then it is what ends the training, and vouches for its files
        numbers["files"] = Run(place).hash_files()
    write_sealed_json(files.numbers, numbers)
    return files


@checked()
def save_figures(
    evaluation: Evaluation,
    output: str | Path,
    *,
    run: Run | str | Path | None = None,
    language: str = "en",
) -> list[Path]:
    """Saves the figures of an evaluation's report as SVG files.

    Args:
        evaluation: The evaluation.
        output: Their folder; created if it doesn't exist.
        run: The run that the classifier is from, for the history of its training.
        language: Language of their texts: `en` or `zh`.

    Raises:
        RunError: The folder can't be written to.
        UsageError: There is no report in this language.
    """
    paths, place = [], output_folder(output)
    mark_output(place)
    for name, figure in run_figures(evaluation, _run_at(run), language=language).items():
        paths.append(place / f"{name}.svg")
        save_figure(figure, paths[-1])
    return paths


def _run_at(place: Run | str | Path | None) -> Run | None:
    """The run at a place; None where a classifier is all there is."""
    if place is None or isinstance(place, Run):
        return place
    return Run(Path(place)) if is_run(Path(place)) else None


def _write_predictions(evaluation: Evaluation, path: Path) -> None:
    outputs = evaluation.outputs
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
            outputs.target_probabilities,
            strict=True,
        )
    ]
    header = ["image", "label", "predicted", "probability", "label_probability"]
    write_csv(path, header, rows)
