"""The report on an evaluation, with the training before it where there is a run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from convscope import __version__
from convscope.arithmetic import layer_table
from convscope.arithmetic.table_text import number, text_rows
from convscope.audit.audit import cheap_audit
from convscope.evaluation.error_analysis import ClassifiedImage, classified_images
from convscope.evaluation.evaluate import Evaluation
from convscope.evaluation.verdict import accuracies_of_the_best, overfits, verdicts
from convscope.figures.style import as_svg
from convscope.paths import command_line, short_path
from convscope.report.page import ENLARGED_PX, Picture, Pictures, isolated, percent, render
from convscope.report.run_figures import run_figures
from convscope.report.run_grad_cam import grad_cam_examples
from convscope.report.run_tables import (
    averages,
    class_rows,
    confusion_table,
    metric_rows,
    slice_rows,
)
from convscope.report.translations import translations_of
from convscope.rng import permutation
from convscope.run import Run

WORST, UNSURE, SUSPECTS, SAMPLES = 12, 6, 8, 12  # pictures
PAIRS = 8
LAYERS_LISTED = 80
LAYER_COLUMNS = ("layer", "kind", "output", "parameters", "operations", "field", "jump")
PICTURES_BYTES = 2_600_000  # with figures and tables the page stays below 5 MB
PATH_FIELDS = ("data", "exclude", "splits", "weights", "continues")  # of the recipe
FEW_IMAGES = 200  # with fewer, the interval of 90 % is wider than 8 points
SLICES_NAMED = 3
TELLING = 0.1  # a calibration error that chance explains; beyond, being below says little
ONE_SIDED = 0.7  # fraction of the calibration error that has one sign

HIDDEN_ENVIRONMENT = ("format", "run", "damaged", "launch", "recipes", "recipe_sha256")

PicturedImage = tuple[ClassifiedImage, Picture | None]


def run_page(evaluation: Evaluation, *, run: Run | None, command: str, language: str = "en") -> str:
    """The page as one HTML document, below 5 MB.

    Raises:
        UsageError: There is no report in this language.
    """
    translations = translations_of("run", language)
    name = run.path.resolve().name if run else evaluation.classifier.choice.name
    figures = run_figures(evaluation, run, language=language)
    image_index = evaluation.image_index
    pictures = Pictures(image_index.dataset.images, image_index.decoding, room_bytes=PICTURES_BYTES)
    return render(
        "run",
        language=language,
        name=name,
        accuracy=percent(evaluation.accuracy),
        is_training=run is not None,
        verdict=verdict(evaluation, name=name, translations=translations),
        metrics=evaluation.metrics,
        metric_rows=list(metric_rows(evaluation)),
        averages=averages(evaluation),
        evaluation=evaluation,
        split_counts=run.split_counts if run else {},
        data=_data(evaluation),
        training=_training(evaluation, run, translations) if run and run.history else None,
        confusion=confusion_table(evaluation.metrics.confused, evaluation.outputs.classes),
        pairs=evaluation.mistakes.pairs[:PAIRS],
        class_rows=list(class_rows(evaluation, translations)),
        shown=_shown(evaluation, pictures),
        grad_cam=grad_cam_examples(evaluation, pictures, run=run, language=language),
        calibrated_on=evaluation.classifier.metrics.get("calibration", {}).get("images"),
        slices=slice_rows(evaluation, translations),
        figures={name: as_svg(figure) for name, figure in figures.items()},
        network=_network(evaluation),
        recipe=_recipe(run) if run else "",
        environment=_environment(run) if run else {},
        train_command=_train_command(run) if run else "",
        command=command,
        version=__version__,
    )


def _recipe(run: Run) -> str:
    """The recipe as YAML, with paths as people are shown them."""
    recipe = run.recipe
    given = {name: getattr(recipe, name) for name in PATH_FIELDS}
    shown = {name: short_path(path) for name, path in given.items() if path is not None}
    return recipe.model_copy(update=shown).dump()


def verdict(evaluation: Evaluation, *, name: str, translations: Mapping[str, Any]) -> str:
    """The result of an evaluation in one paragraph."""
    gap = " " if translations["verdict_perfect"].isascii() else ""  # Chinese sentences need none
    return gap.join(_sentences(evaluation, name, translations))


def _sentences(evaluation: Evaluation, name: str, translations: Mapping[str, Any]) -> Iterator[str]:
    metrics = evaluation.metrics
    seen = evaluation.subset.num_seen
    kind = "unknown" if seen is None else "seen" if seen else "unseen"
    yield translations[f"verdict_{kind}"].format(
        count=f"{metrics.num_images:,}",
        seen=f"{seen:,}" if seen else "",
        name=isolated(name),
        accuracy=percent(metrics.accuracy.value),
        low=percent(metrics.accuracy.interval.low),
        high=percent(metrics.accuracy.interval.high),
    )
    if metrics.num_images < FEW_IMAGES:
        yield translations["verdict_few"]
    support = metrics.confused.num_images
    majority = int(support.argmax())
    yield translations["verdict_baseline"].format(
        majority=isolated(metrics.classes[majority].name),
        share=percent(float(support[majority] / metrics.num_images)),
    )
    if not evaluation.mistakes.pairs:
        yield translations["verdict_perfect"]
    else:
        pair = evaluation.mistakes.pairs[0]
        yield translations["verdict_pair"].format(
            label=isolated(pair.label),
            predicted=isolated(pair.predicted),
            count=f"{pair.num_images:,}",
            support=f"{round(pair.num_images / pair.share):,}",
        )
    yield _calibration_sentence(evaluation, translations)
    worse = [each for each in evaluation.slices if each.is_worse]
    if worse:
        groups = [
            f"{isolated(translations['properties'].get(each.grouped_by, each.grouped_by))} "
            f"{isolated(each.value)} ({percent(each.accuracy.value)})"
            for each in worse[:SLICES_NAMED]
        ]
        yield translations["verdict_slices"].format(groups=", ".join(groups))


def _calibration_sentence(evaluation: Evaluation, translations: Mapping[str, Any]) -> str:
    calibration = evaluation.metrics.calibration
    error = calibration.equal_width.value
    if error <= calibration.by_chance:
        can_tell = calibration.by_chance <= TELLING
        return str(translations["verdict_calibrated" if can_tell else "verdict_calibration_untold"])
    gap = float(np.mean(evaluation.outputs.confidences - evaluation.outputs.is_correct))
    kind = "uneven"
    if abs(gap) > ONE_SIDED * error:
        kind = "overconfident" if gap > 0 else "underconfident"
    return str(translations[f"verdict_{kind}"].format(error=percent(error)))


def _train_command(run: Run) -> str:
    return command_line("convscope", "train", "--recipe", run.recipe_path)


def _training(evaluation: Evaluation, run: Run, translations: Mapping[str, Any]) -> dict[str, Any]:
    """How long it was trained, and advice, of which there is always some on the gap."""
    numbers, command = evaluation.to_dict(), _train_command(run)
    advice = list(verdicts(numbers, run.history, recipe=run.recipe, command=command))
    if not overfits(run.history):
        train, validation = accuracies_of_the_best(run.history)
        text = translations["no_overfitting"]
        advice.append(text.format(train=percent(train), validation=percent(validation)))
    return {"epochs": len(run.history), "best": run.best_epoch, "advice": advice}


def _data(evaluation: Evaluation) -> dict[str, Any]:
    image_index = evaluation.image_index
    audit = cheap_audit(image_index.source, image_index.scan)
    return {
        "audit": audit,
        "smallest": min(audit.totals),
        "largest": max(audit.totals),
        "findings": audit.findings,
    }


def _shown(evaluation: Evaluation, pictures: Pictures) -> dict[str, list[PicturedImage]]:
    """Images with their pictures: the worst, suspected labels, the least confident, samples."""
    mistakes = evaluation.mistakes
    drawn = permutation("report", len(evaluation.names))[:SAMPLES]

    def with_pictures(found: Sequence[ClassifiedImage]) -> list[PicturedImage]:
        return [
            (
                case,
                pictures.of(int(evaluation.subset.indices[case.index]), longest_px=ENLARGED_PX),
            )
            for case in found
        ]

    return {
        "worst": with_pictures(mistakes.worst[:WORST]),
        "suspects": with_pictures(mistakes.suspects[:SUSPECTS]),
        "unsure": with_pictures(mistakes.unsure[:UNSURE]),
        "samples": with_pictures(classified_images(evaluation.outputs, evaluation.names, drawn)),
    }


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


def _environment(run: Run) -> dict[str, str]:
    return {
        name: str(value)
        for name, value in run.environment.items()
        if name not in HIDDEN_ENVIRONMENT
    }
