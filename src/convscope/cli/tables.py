"""Tables on the terminal, of the values that `--json` prints."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from convscope.cli.language import say
from convscope.languages import translated
from convscope.text import counted, joined
from convscope.text_table import table_text

CLASSES_SHOWN = 20


def print_table(
    header: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    left: int = 1,
    first_to_go: Sequence[str] = (),
) -> None:
    """Prints a table; the first `left` columns are text, the others numbers."""
    print(table_text(header, rows, left=left, first_to_go=first_to_go), end="")


METRICS = {
    "accuracy": "accuracy",
    "top5_accuracy": "top-5 accuracy",
    "balanced_accuracy": "balanced accuracy",
    "macro_f1": "macro F1",
    "log_loss": "log loss, nats",
    "calibration_error": "calibration error",
}
FEW_IMAGES = 100  # of fewer, one is more than a point: decimals would be made up
IN_PERCENT = ("accuracy", "top5_accuracy", "balanced_accuracy", "calibration_error")


def print_evaluation(evaluation: Mapping[str, Any]) -> None:
    """Prints an evaluation: its metrics, then those of each class, worst first."""
    say(f"\nevaluated on {counted(evaluation['num_images'], 'image')}: {evaluation['images']}")
    print_table(["", "", "95 % interval", ""], list(_metric_rows(evaluation)))
    if evaluation["damaged"]:
        say(f"left out: {counted(len(evaluation['damaged']), 'image')} that can't be read")
    absent = [row["name"] for row in evaluation["classes"] if not row["num_images"]]
    if absent:
        say(f"no images of {joined(absent)}: macro means are over the other classes")
    _print_classes(evaluation)
    _print_extras(evaluation)


def _metric_rows(evaluation: Mapping[str, Any]) -> Iterator[list[str]]:
    num_images = evaluation["num_images"]
    for name, title in METRICS.items():
        value, interval = evaluation[name], evaluation[f"{name}_interval"]
        if value is not None:
            numbers = (value, interval["low"], interval["high"])
            text, low, high = (_metric_text(name, number, num_images) for number in numbers)
            if name == "accuracy" and num_images < FEW_IMAGES:
                text = f"{round(value * num_images)} of {num_images}"
            yield [
                translated(title),
                translated(text),
                translated(f"{low} to {high}"),
                translated(interval["method"]),
            ]


def _metric_text(name: str, number: float, num_images: int) -> str:
    if name not in IN_PERCENT:
        return f"{number:.4f}"
    if num_images < FEW_IMAGES:
        return f"{number:.0%}"
    digits = 2
    while digits < 4 and number not in (0.0, 1.0) and round(number, digits + 2) in (0.0, 1.0):
        digits += 1  # 99.997 % is not 100 %
    return f"{number:.{digits}%}"


def _print_classes(evaluation: Mapping[str, Any]) -> None:
    rows = sorted(evaluation["classes"], key=lambda row: (row["f1"] is None, row["f1"]))
    names = [row["name"] for row in evaluation["classes"]]
    print_table(
        ["class", "precision", "recall", "F1", "images", "most often confused with"],
        [
            [
                row["name"],
                *(percent(row[name]) for name in ("precision", "recall", "f1")),
                str(row["num_images"]),
                _confused_with(row["name"], names, evaluation),
            ]
            for row in rows[:CLASSES_SHOWN]
        ],
    )
    if len(rows) > CLASSES_SHOWN:
        say(f"and {len(rows) - CLASSES_SHOWN} classes with a higher F1")


def _print_extras(evaluation: Mapping[str, Any]) -> None:
    """Prints slices that are worse, selective prediction, and test-time augmentation."""
    for found in evaluation["slices"]:
        if found["is_worse"]:
            images = counted(found["num_images"], "image")
            say(
                f"worse on {found['grouped_by']} {found['value']}: accuracy "
                f"{found['accuracy']:.1%} on {images}, {found['rest_accuracy']:.1%} on the others"
            )
    selective, gain = evaluation["answered"], evaluation["test_time_augmentation"]
    if selective is not None:
        say(
            f"threshold {selective['min_confidence']:.1%}: {selective['coverage']:.1%} of the "
            f"images are accepted, error rate {percent(selective['error'])}"
        )
    if gain is not None:
        interval = gain["accuracy_difference_interval"]
        say(
            f"{gain['count']} views of each image ({gain['views']}): "
            f"{100 * gain['accuracy_difference']:+.2f} points of accuracy "
            f"({100 * interval['low']:+.2f} to {100 * interval['high']:+.2f}), "
            f"{gain['times_as_long']:.1f} times as long"
        )


def percent(value: float | None) -> str:
    """A fraction in percent, or a dash for one that isn't defined."""
    return "-" if value is None else f"{value:.1%}"


def _confused_with(name: str, names: Sequence[str], evaluation: Mapping[str, Any]) -> str:
    index, matrix = names.index(name), evaluation["confusion"]
    cells = (
        [
            (predicted, count)
            for label, predicted, count in evaluation["confusion_cells"]
            if label == index
        ]
        if matrix is None
        else enumerate(matrix[index])
    )
    wrong = [(count, other) for other, count in cells if other != index]
    count, other = max(wrong, default=(0, 0))
    return f"{names[other]} ({count})" if count else ""
