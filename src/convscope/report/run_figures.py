"""The figures of a report, as SVG to put into the page, in one language."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from convscope.evaluation.calibration import Bin
from convscope.evaluation.evaluate import Evaluation
from convscope.evaluation.ranking import Curve, precision_recall_curve, roc_curve
from convscope.evaluation.rejection import risk_coverage
from convscope.figures.comparison import ComparisonWords, Row, draw_accuracy_bars
from convscope.figures.confusion import ConfusionWords, draw_confusion
from convscope.figures.history import HistoryWords, draw_accuracy_history, draw_loss_history
from convscope.figures.ranking import ClassCurve, RankingWords, draw_precision_recall, draw_roc
from convscope.figures.rejection import ChosenThreshold, RejectionWords, draw_risk_coverage
from convscope.figures.reliability import ReliabilityBin, ReliabilityWords, draw_reliability
from convscope.report.words import words_of
from convscope.run import Run

ROWS_DRAWN = 30  # classes with a row each
CLASSES_DRAWN = 100  # of curves; the worst ones where there are more


def run_figures(evaluation: Evaluation, run: Run | None, *, language: str) -> dict[str, Figure]:
    """All figures of a report, by name.

    Raises:
        UsageError: There are no words in this language.
    """
    words = words_of("run", language)
    return {
        **_evaluation_figures(evaluation, words),
        **(_history_figures(run, words) if run else {}),
    }


def _history_figures(run: Run, words: Mapping[str, Any]) -> dict[str, Figure]:
    """Loss and accuracy over epochs; nothing before the first epoch has ended."""
    history, drawn = run.history, words["figures"]
    if not history:
        return {}
    best = run.best_epoch

    def column(name: str) -> list[float]:
        return [row.get(name, math.nan) for row in history]

    shared = {"x": drawn["epoch"], "train": drawn["train"], "validation": drawn["validation"]}
    return {
        "loss": draw_loss_history(
            column("train_loss"),
            column("validation_loss"),
            best_epoch=best,
            words=HistoryWords(label=words["loss"], y=words["loss"], best=drawn["best"], **shared),
        ),
        "validation_accuracy": draw_accuracy_history(
            column("validation_accuracy"),
            best_epoch=best,
            words=HistoryWords(
                label=words["validation_accuracy"],
                y=words["accuracy"],
                best=drawn["best"],
                **shared,
            ),
        ),
    }


def _evaluation_figures(evaluation: Evaluation, words: Mapping[str, Any]) -> dict[str, Figure]:
    """Reliability, error over coverage, confusion, ROC and precision over recall."""
    figures = {
        "reliability": _reliability(evaluation, words),
        "risk": _risk(evaluation, words),
        **_classes(evaluation, words),
        **_ranking(evaluation, words),
    }
    drawn = words["figures"]
    figures["confusion"] = draw_confusion(
        evaluation.metrics.confusion,
        classes=evaluation.outputs.classes,
        words=ConfusionWords(
            label=words["confusion_heading"],
            x=words["predicted_class"],
            y=words["true_class"],
            count=drawn["wrong_in_cell"],
            pooled=drawn["pooled"],
            diagonal=drawn["right"],
            none=drawn["none_wrong"],
        ),
    )
    return figures


def _reliability(evaluation: Evaluation, words: Mapping[str, Any]) -> Figure:
    before: Sequence[Bin] = ()
    if evaluation.uncalibrated is not None:
        before = evaluation.uncalibrated.calibration.bins
    drawn = words["figures"]
    return draw_reliability(
        [_drawn_bin(each) for each in evaluation.metrics.calibration.bins],
        before=[_drawn_bin(each) for each in before],
        words=ReliabilityWords(
            label=words["reliability"],
            x=drawn["confidence"],
            y=words["accuracy"],
            count=words["images"],
            diagonal=drawn["diagonal"],
            accuracy=drawn["with_interval"],
            before=drawn["before"],
            after=drawn["after"],
        ),
    )


def _drawn_bin(found: Bin) -> ReliabilityBin:
    interval = found.accuracy.interval
    return ReliabilityBin(
        found.confidence, found.accuracy.value, found.num_images, interval.low, interval.high
    )


def _risk(evaluation: Evaluation, words: Mapping[str, Any]) -> Figure:
    found, drawn = risk_coverage(evaluation.outputs), words["figures"]
    answered, chosen = evaluation.answered, None
    if answered is not None and answered.error is not None:
        chosen = ChosenThreshold(
            answered.min_confidence, answered.coverage.value, answered.error.value
        )
    calibration = evaluation.classifier.metrics.get("calibration") or {}
    threshold = calibration.get("threshold") or {}
    was_chosen_for_it = chosen and threshold.get("min_confidence") == chosen.threshold
    return draw_risk_coverage(
        found.coverage.tolist(),
        found.error.tolist(),
        chosen=chosen,
        target_error=threshold.get("target_error") if was_chosen_for_it else None,
        words=RejectionWords(
            label=words["risk"],
            x=drawn["coverage"],
            y=drawn["error"],
            curve=drawn["error"],
            chosen=drawn["from_confidence"],
            target=drawn["wanted"],
        ),
    )


def _classes(evaluation: Evaluation, words: Mapping[str, Any]) -> dict[str, Figure]:
    """Recall of each class, the lowest first; nothing where they are too many to be drawn."""
    rows = [
        Row(row.name, row.recall.value, row.recall.interval.low, row.recall.interval.high)
        for row in evaluation.metrics.classes
        if row.recall is not None
    ]
    if not 1 < len(rows) <= ROWS_DRAWN:
        return {}
    drawn = words["figures"]
    figure = draw_accuracy_bars(
        sorted(rows, key=lambda row: row.value),
        overall=evaluation.accuracy,
        words=ComparisonWords(
            label=words["recall_by_class"],
            x=drawn["in_percent"].format(words["recall"]),
            line=words["accuracy"],
            apart=drawn["apart"],
            touching=drawn["touching"],
        ),
    )
    return {"classes": figure}


def _ranking(evaluation: Evaluation, words: Mapping[str, Any]) -> dict[str, Figure]:
    outputs, drawn = evaluation.outputs, words["figures"]
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
                curves[name].append(_drawn_curve(outputs.classes[index], curve))
    shared = {"mean": drawn["mean"], "others": drawn["others"], "chance": drawn["chance"]}
    return {
        "roc": draw_roc(
            curves["roc"],
            words=RankingWords(
                label=words["roc"], x=drawn["false_positive"], y=drawn["true_positive"], **shared
            ),
        ),
        "precision_recall": draw_precision_recall(
            curves["precision_recall"],
            words=RankingWords(
                label=words["precision_recall"], x=words["recall"], y=words["precision"], **shared
            ),
        ),
    }


def _drawn_curve(name: str, curve: Curve) -> ClassCurve:
    return ClassCurve(name, curve.x, curve.y, curve.area)
