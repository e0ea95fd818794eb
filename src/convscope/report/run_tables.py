"""The tables of a report on an evaluation, as plain values for its template."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from convscope.evaluation.confusion import Confusion
from convscope.evaluation.evaluate import Evaluation
from convscope.evaluation.intervals import Estimate
from convscope.report.page import percent

METRICS = ("accuracy", "top5_accuracy", "balanced_accuracy", "macro_f1", "log_loss", "brier")
WHOLE_UP_TO = 20  # classes; a larger confusion matrix can't be read as a table
CLASSES_OF_A_PART = 12
CLASSES_IN_TABLE = 60
ENDS_IN_TABLE = 25  # classes from either end of a longer table
SLICES_LISTED = 40
LEAST_P = 0.001  # smaller ones say no more


def metric_rows(evaluation: Evaluation) -> Iterator[dict[str, Any]]:
    """The metrics that have intervals, a row each."""
    calibration = evaluation.metrics.calibration
    found: dict[str, Estimate | None] = {
        **{name: getattr(evaluation.metrics, name) for name in METRICS},
        "calibration_error": calibration.equal_width,
        "calibration_error_equal_mass": calibration.equal_mass,
    }
    for name, estimate in found.items():
        if estimate is not None:
            value, interval = estimate_texts(name, estimate)
            method = estimate.interval.method
            yield {"name": name, "value": value, "interval": interval, "method": method}


def averages(evaluation: Evaluation) -> dict[str, str]:
    """Averages over classes, by the names in the report's sentence."""
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


def class_rows(evaluation: Evaluation, translations: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The classes, the lowest F1 first; of very many classes those at either end."""
    metrics = evaluation.metrics
    confused, classes = metrics.confused.most_confused(), evaluation.outputs.classes
    order = sorted(
        range(len(metrics.classes)),
        key=lambda i: (not metrics.classes[i].num_images, metrics.classes[i].f1 or 0.0),
    )
    absent, hidden = 0, order[:0]
    if len(order) > CLASSES_IN_TABLE:
        absent = sum(not row.num_images for row in metrics.classes)
        order = order[: len(order) - absent]
        hidden = order[ENDS_IN_TABLE:-ENDS_IN_TABLE]
    is_hidden = set(hidden)
    for index in order:
        if index in is_hidden:
            if index == hidden[0]:
                yield {"note": translations["between"].format(count=f"{len(hidden):,}")}
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
            "confused_with": {
                "name": classes[confused.others[index]],
                "count": int(confused.counts[index]),
            },
        }
    if absent:
        yield {"note": translations["without_images"].format(count=f"{absent:,}")}


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"


@dataclass(frozen=True, slots=True)
class ConfusionCell:
    """One cell of a confusion matrix: a number of images, as a fraction of its row, too."""

    count: int
    share: float
    is_right: bool


@dataclass(frozen=True, slots=True)
class ConfusionTable:
    """A confusion matrix as a table that can be read: all classes, or those with most mistakes.

    Attributes:
        classes: Names of its rows and columns.
        rows: Rows of cells; with `is_part` the last cell is for all other classes.
        is_part: Whether there are more classes than these.
    """

    classes: tuple[str, ...]
    rows: tuple[tuple[ConfusionCell, ...], ...]
    is_part: bool


def confusion_table(confused: Confusion, classes: Sequence[str]) -> ConfusionTable:
    """The whole confusion matrix, or the classes with most mistakes in their row and column.

    Args:
        confused: Numbers of images by true and predicted class.
        classes: K names.
    """
    is_part = len(classes) > WHOLE_UP_TO
    chosen, totals = np.arange(len(classes)), confused.num_images
    if is_part:
        involved = totals + confused.num_predicted - 2 * confused.num_right
        chosen = np.sort(np.argsort(-involved, kind="stable")[:CLASSES_OF_A_PART])
    rows = []
    for place, counts in enumerate(confused.part(chosen)):
        total = max(1, int(totals[chosen[place]]))
        cells = [
            ConfusionCell(int(count), float(count / total), place == other)
            for other, count in enumerate(counts)
        ]
        if is_part:
            rest = int(totals[chosen[place]] - counts.sum())
            cells.append(ConfusionCell(rest, rest / total, is_right=False))
        rows.append(tuple(cells))
    return ConfusionTable(tuple(classes[index] for index in chosen.tolist()), tuple(rows), is_part)


def slice_rows(evaluation: Evaluation, translations: Mapping[str, Any]) -> dict[str, Any]:
    """The slices, those on which the classifier is significantly worse apart."""
    properties = translations["properties"]
    rows = [
        {
            "group": f"{properties.get(each.grouped_by, each.grouped_by)} {each.value}",
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


def estimate_texts(name: str, estimate: Estimate) -> tuple[str, str]:
    """A metric and its interval as they are written: fractions in percent."""
    low, high = estimate.interval.low, estimate.interval.high
    if name in ("macro_f1", "log_loss", "brier"):
        return f"{estimate.value:.4f}", f"{low:.4f} – {high:.4f}"
    return percent(estimate.value), f"{percent(low)} – {percent(high)}"
