"""The figures of a report on an evaluation, in one language."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from convscope.evaluation.calibration import CalibrationBin, risk_coverage
from convscope.evaluation.evaluate import Evaluation
from convscope.evaluation.metrics import precision_recall_curve, roc_curve
from convscope.figures.calibration import (
    ChosenThreshold,
    ReliabilityBin,
    ReliabilityLabels,
    RiskCoverageLabels,
    draw_reliability,
    draw_risk_coverage,
)
from convscope.figures.comparison import ComparisonLabels, IntervalRow, draw_accuracy_bars
from convscope.figures.confusion import ConfusionCells, ConfusionLabels, draw_confusion
from convscope.figures.ranking import ClassCurve, RankingLabels, draw_precision_recall, draw_roc
from convscope.figures.training import (
    HistoryLabels,
    draw_accuracy_history,
    draw_loss_history,
    draw_rate_history,
)
from convscope.report.translations import translations_of
from convscope.run import Run

ROWS_DRAWN = 30  # classes with a row each
CLASSES_DRAWN = 100  # of curves; the worst ones where there are more


def run_figures(evaluation: Evaluation, run: Run | None, *, language: str) -> dict[str, Figure]:
    """All figures of a report, by name.

    Raises:
        UsageError: There is no report in this language.
    """
    translations = translations_of("run", language)
    return {
        "reliability": _reliability(evaluation, translations),
        "risk": _risk(evaluation, translations),
        **_classes(evaluation, translations),
        **_ranking(evaluation, translations),
        "confusion": confusion_figure(evaluation, translations),
        **(history_figures(run, translations) if run else {}),
    }


def history_figures(run: Run, translations: Mapping[str, Any]) -> dict[str, Figure]:
    """Loss, accuracy and learning rate over epochs; nothing before the first epoch has ended."""
    history, texts = run.history, translations["figures"]
    if not history:
        return {}
    best = run.best_epoch

    def column(name: str) -> list[float]:
        return [row.get(name, math.nan) for row in history]

    def labels(name: str, y: str) -> HistoryLabels:
        names = {each: texts[each] for each in ("train", "validation", "best")}
        return HistoryLabels(label=translations[name], y=translations[y], x=texts["epoch"], **names)

    return {
        "loss": draw_loss_history(
            column("train_loss"),
            column("validation_loss"),
            best_epoch=best,
            labels=labels("loss", "loss"),
        ),
        "accuracy": draw_accuracy_history(
            column("train_accuracy"),
            column("validation_accuracy"),
            best_epoch=best,
            labels=labels("accuracy", "accuracy"),
        ),
        "learning_rate": draw_rate_history(
            column("learning_rate"), labels=labels("learning_rate", "learning_rate")
        ),
    }


def confusion_figure(evaluation: Evaluation, translations: Mapping[str, Any]) -> Figure:
    """The confusion matrix, in the language of the texts."""
    texts, confused = translations["figures"], evaluation.metrics.confused
    return draw_confusion(
        ConfusionCells(confused.targets, confused.predicted, confused.counts, confused.num_classes),
        classes=evaluation.outputs.classes,
        labels=ConfusionLabels(
            label=translations["confusion_heading"],
            x=translations["predicted_class"],
            y=translations["true_class"],
            count=texts["wrong_in_cell"],
            pooled=texts["pooled"],
            diagonal=texts["right"],
            none=texts["none_wrong"],
        ),
    )


def _reliability(evaluation: Evaluation, translations: Mapping[str, Any]) -> Figure:
    plain = evaluation.uncalibrated
    before = plain.calibration.bins if plain else ()
    texts = translations["figures"]
    return draw_reliability(
        [_drawn_bin(each) for each in evaluation.metrics.calibration.bins],
        before=[_drawn_bin(each) for each in before],
        labels=ReliabilityLabels(
            label=translations["reliability"],
            x=texts["confidence"],
            y=translations["accuracy"],
            count=translations["images"],
            diagonal=texts["diagonal"],
            accuracy=texts["with_interval"],
            before=texts["before"],
            after=texts["after"],
        ),
    )


def _drawn_bin(found: CalibrationBin) -> ReliabilityBin:
    interval = found.accuracy.interval
    return ReliabilityBin(
        found.confidence, found.accuracy.value, found.num_images, interval.low, interval.high
    )


def _risk(evaluation: Evaluation, translations: Mapping[str, Any]) -> Figure:
    found, texts = risk_coverage(evaluation.outputs), translations["figures"]
    selective, chosen = evaluation.selective, None
    if selective is not None and selective.error is not None:
        chosen = ChosenThreshold(
            selective.min_confidence, selective.coverage.value, selective.error.value
        )
    calibration = evaluation.classifier.metrics.get("calibration") or {}
    threshold = calibration.get("threshold") or {}
    was_chosen_for_it = chosen and threshold.get("min_confidence") == chosen.threshold
    return draw_risk_coverage(
        found.coverage.tolist(),
        found.error.tolist(),
        chosen=chosen,
        target_error=threshold.get("target_error") if was_chosen_for_it else None,
        labels=RiskCoverageLabels(
            label=translations["risk"],
            x=texts["coverage"],
            y=texts["error"],
            curve=texts["error"],
            chosen=texts["threshold"],
            target=texts["target_error"],
        ),
    )


def _classes(evaluation: Evaluation, translations: Mapping[str, Any]) -> dict[str, Figure]:
    """Recall of each class, the lowest first; nothing where they are too many to be drawn."""
    rows = [
        IntervalRow(row.name, row.recall.value, row.recall.interval.low, row.recall.interval.high)
        for row in evaluation.metrics.classes
        if row.recall is not None
    ]
    if not 1 < len(rows) <= ROWS_DRAWN:
        return {}
    texts = translations["figures"]
    figure = draw_accuracy_bars(
        sorted(rows, key=lambda row: row.value),
        overall=evaluation.accuracy,
        labels=ComparisonLabels(
            label=translations["recall_by_class"],
            x=texts["in_percent"].format(translations["recall"]),
            line=translations["accuracy"],
            apart=texts["apart"],
            touching=texts["touching"],
        ),
    )
    return {"classes": figure}


def _ranking(evaluation: Evaluation, translations: Mapping[str, Any]) -> dict[str, Figure]:
    outputs, texts = evaluation.outputs, translations["figures"]
    ranked = [
        index for index, row in enumerate(evaluation.metrics.classes) if row.roc_area is not None
    ]
    areas = [evaluation.metrics.classes[index].roc_area or 0.0 for index in ranked]
    chosen = [ranked[place] for place in np.argsort(areas, kind="stable")[:CLASSES_DRAWN]]
    if not chosen:
        return {}
    curves: dict[str, list[ClassCurve]] = {"roc": [], "precision_recall": []}
    for index in sorted(chosen):
        scores, is_member = outputs.probabilities[:, index], outputs.targets == index
        for name, curve in (
            ("roc", roc_curve(scores, is_member)),
            ("precision_recall", precision_recall_curve(scores, is_member)),
        ):
            if curve is not None:
                curves[name].append(ClassCurve(outputs.classes[index], *curve))
    shared = {"mean": texts["mean"], "others": texts["others"], "chance": texts["chance"]}
    return {
        "roc": draw_roc(
            curves["roc"],
            labels=RankingLabels(
                label=translations["roc"],
                x=texts["false_positive"],
                y=texts["true_positive"],
                **shared,
            ),
        ),
        "precision_recall": draw_precision_recall(
            curves["precision_recall"],
            labels=RankingLabels(
                label=translations["precision_recall"],
                x=translations["recall"],
                y=translations["precision"],
                **shared,
            ),
        ),
    }
