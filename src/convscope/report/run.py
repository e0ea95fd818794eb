"""The report of an evaluation, with the training before it where there is a run."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from convscope import __version__
from convscope.arithmetic import layer_table
from convscope.arithmetic.table_text import number, text_rows
from convscope.data.audit.audit import cheap_audit
from convscope.data.counters import permutation
from convscope.evaluation.evaluate import Evaluation
from convscope.evaluation.intervals import Estimate
from convscope.evaluation.mistakes import Case, cases
from convscope.figures.style import as_svg
from convscope.files import read_json
from convscope.report.confusion import confusion_table, most_often_taken_for
from convscope.report.page import percent, render
from convscope.report.pictures import Picture, Pictures
from convscope.report.run_figures import run_figures
from convscope.report.run_maps import example_maps
from convscope.report.verdict import estimate_texts, verdict
from convscope.report.words import words_of
from convscope.run import Run

HEADLINES = ("accuracy", "top5_accuracy", "balanced_accuracy", "macro_f1", "log_loss", "brier")
WORST, UNSURE, SUSPECTS, SAMPLES = 12, 6, 8, 12  # pictures
PAIRS = 8
CLASSES_IN_TABLE = 60
ENDS_IN_TABLE = 25  # classes from either end of a longer table
SLICES_LISTED = 40
LAYERS_LISTED = 80
LAYER_COLUMNS = ("layer", "kind", "output", "parameters", "operations", "field", "jump")
LEAST_P = 0.001  # smaller ones say no more
PICTURES_BYTES = 2_600_000  # with figures and tables the page stays below 5 MB


def run_page(evaluation: Evaluation, *, run: Run | None, command: str, language: str = "en") -> str:
    """The page as one HTML document, below 5 MB.

    Args:
        evaluation: What was found.
        run: The training before it; None where the classifier is all there is.
        command: That repeats the evaluation.
        language: Of the page's words: `en` or `zh`.

    Raises:
        UsageError: There are no words in this language.
    """
    words = words_of("run", language)
    name = run.path.resolve().name if run else evaluation.classifier.choice.name
    figures = run_figures(evaluation, run, language=language)
    gallery = evaluation.gallery
    pictures = Pictures(gallery.dataset.images, gallery.decoding, room_bytes=PICTURES_BYTES)
    return render(
        "run",
        language=language,
        name=name,
        accuracy=percent(evaluation.accuracy),
        is_training=run is not None,
        verdict=verdict(evaluation, name=name, words=words),
        metrics=evaluation.metrics,
        headlines=list(_headlines(evaluation)),
        others=_others(evaluation),
        evaluation=evaluation,
        use_counts=run.use_counts if run else {},
        data=_data(evaluation, words),
        learning=_learning(run) if run else None,
        confusion=confusion_table(evaluation.metrics.confusion, evaluation.outputs.classes),
        pairs=evaluation.mistakes.pairs[:PAIRS],
        class_rows=list(_class_rows(evaluation, words)),
        shown=_shown(evaluation, pictures),
        maps=example_maps(evaluation, pictures, run=run, language=language),
        calibrated_on=evaluation.classifier.metrics.get("calibration", {}).get("images"),
        slices=_slices(evaluation, words),
        figures={name: as_svg(figure) for name, figure in figures.items()},
        network=_network(evaluation),
        recipe=run.recipe_path.read_text(encoding="utf-8") if run else "",
        environment=_environment(run) if run else {},
        train_command=_train_command(run) if run else "",
        command=command,
        version=__version__,
    )


def _headlines(evaluation: Evaluation) -> Iterator[dict[str, Any]]:
    calibration = evaluation.metrics.calibration
    found: dict[str, Estimate | None] = {
        **{name: getattr(evaluation.metrics, name) for name in HEADLINES},
        "calibration_error": calibration.equal_width,
        "calibration_error_equal_mass": calibration.equal_mass,
    }
    for name, estimate in found.items():
        if estimate is not None:
            value, interval = estimate_texts(name, estimate)
            method = estimate.interval.method
            yield {"name": name, "value": value, "interval": interval, "method": method}


def _others(evaluation: Evaluation) -> dict[str, str]:
    metrics = evaluation.metrics
    return {
        "macro_precision": percent(metrics.macro_precision),
        "balanced_accuracy": percent(metrics.balanced_accuracy.value),
        "macro_f1": f"{metrics.macro_f1.value:.4f}",
        "roc": _number(metrics.macro_roc_area),
        "ap": _number(metrics.macro_average_precision),
        "weighted_precision": percent(metrics.weighted_precision),
        "accuracy": percent(metrics.accuracy.value),
        "weighted_f1": f"{metrics.weighted_f1:.4f}",
    }


def _data(evaluation: Evaluation, words: Mapping[str, Any]) -> dict[str, Any]:
    gallery = evaluation.gallery
    audit = cheap_audit(gallery.source, gallery.survey)
    return {
        "audit": audit,
        "smallest": min(audit.totals),
        "largest": max(audit.totals),
        "findings": [
            {
                "severity": found.severity,
                "title": words["finding_titles"].get(found.kind, found.title),
                "count": len(found.images) or len(found.details),
            }
            for found in audit.findings
        ],
    }


def _learning(run: Run) -> dict[str, Any] | None:
    return {"epochs": len(run.history), "best": run.best_epoch} if run.history else None


def _class_rows(evaluation: Evaluation, words: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The classes, the lowest F1 first; of very many those with images at either end."""
    metrics = evaluation.metrics
    taken = most_often_taken_for(metrics.confusion, evaluation.outputs.classes)
    order = sorted(
        range(len(metrics.classes)),
        key=lambda i: (not metrics.classes[i].num_images, metrics.classes[i].f1 or 0.0),
    )
    absent, hidden = 0, []
    if len(order) > CLASSES_IN_TABLE:
        absent = sum(not row.num_images for row in metrics.classes)
        order = order[: len(order) - absent]
        hidden = order[ENDS_IN_TABLE:-ENDS_IN_TABLE]
    for index in order:
        if index in hidden:
            if index == hidden[0]:
                yield {"note": words["between"].format(count=f"{len(hidden):,}")}
            continue
        row = metrics.classes[index]
        yield {
            "note": None,
            "name": row.name,
            "num_images": row.num_images,
            "precision": row.precision and estimate_texts("precision", row.precision),
            "recall": row.recall and estimate_texts("recall", row.recall),
            "f1": _number(row.f1),
            "roc_area": _number(row.roc_area),
            "average_precision": _number(row.average_precision),
            "taken_for": taken[index],
        }
    if absent:
        yield {"note": words["without_images"].format(count=f"{absent:,}")}


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"


def _shown(
    evaluation: Evaluation, pictures: Pictures
) -> dict[str, list[tuple[Case, Picture | None]]]:
    """Images with their pictures: the worst, the least sure, odd labels, and some others."""
    mistakes = evaluation.mistakes
    drawn = permutation("report", len(evaluation.names))[:SAMPLES]

    def with_pictures(found: Sequence[Case]) -> list[tuple[Case, Picture | None]]:
        return [(case, pictures.of(int(evaluation.part.indices[case.index]))) for case in found]

    return {
        "worst": with_pictures(mistakes.worst[:WORST]),
        "suspects": with_pictures(mistakes.suspects[:SUSPECTS]),
        "unsure": with_pictures(mistakes.unsure[:UNSURE]),
        "samples": with_pictures(cases(evaluation.outputs, evaluation.names, drawn)),
    }


def _slices(evaluation: Evaluation, words: Mapping[str, Any]) -> dict[str, Any]:
    rows = [
        {
            "group": f"{words['properties'].get(each.grouped_by, each.grouped_by)} {each.value}",
            "num_images": each.num_images,
            "accuracy": estimate_texts("accuracy", each.accuracy),
            "rest": percent(each.rest_accuracy),
            "p": f"{each.p_value:.2g}" if each.p_value >= LEAST_P else f"< {LEAST_P}",
            "is_worse": each.is_worse,
        }
        for each in evaluation.slices[:SLICES_LISTED]
    ]
    worse = [row for row in rows if row["is_worse"]]
    return {"count": len(evaluation.slices), "worse": worse, "rows": rows}


def _network(evaluation: Evaluation) -> dict[str, Any]:
    classifier = evaluation.classifier
    choice = classifier.choice
    table = layer_table(classifier.network, (1, choice.in_channels, *choice.input_size))
    rows = text_rows(table, LAYER_COLUMNS, depth=2)
    return {
        "name": choice.name,
        "parameters": f"{table.parameters:,}",
        "macs": number(table.rows[0], "macs"),
        "input": " × ".join(str(side) for side in (choice.in_channels, *choice.input_size)),
        "preprocessing": classifier.preprocessing.describe(),
        "layers": rows[:LAYERS_LISTED],
        "num_hidden": max(0, len(rows) - LAYERS_LISTED),
    }


def _train_command(run: Run) -> str:
    return f"convscope train --recipe {shlex.quote(run.recipe_path.as_posix())}"


def _environment(run: Run) -> dict[str, str]:
    content = read_json(run.environment_path) if run.environment_path.is_file() else {}
    return {
        name: str(value)
        for name, value in content.items()
        if name not in ("format", "run", "damaged", "launch")
    }
