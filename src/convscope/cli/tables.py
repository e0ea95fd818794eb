"""Tables on the terminal, of the values that `--json` prints."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table

from convscope.cli.language import say
from convscope.languages import translated
from convscope.text import counted, joined

CLASSES_SHOWN = 20
MIN_TEXT, COLUMN_GAP = 18, 3  # letters of a text that may wrap, and what divides columns
PREFIXES = ((10**12, "T"), (10**9, "G"), (10**6, "M"))
MIN_WIDTH_PIPED = 200  # a pipe has no width; nothing is cut off there


def print_table(
    header: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    left: int = 1,
    first_to_go: Sequence[str] = (),
) -> None:
    """Prints a table; the first `left` columns are text, the others numbers."""
    print(table_text(header, rows, left=left, first_to_go=first_to_go), end="")


def table_text(
    header: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    left: int = 1,
    first_to_go: Sequence[str] = (),
) -> str:
    """The text of a table, as wide as the terminal, or as wide as needed for a pipe.

    No number is ever cut off. On a narrow terminal long ones are written as 15.47 G, then columns
    are left out, and it is said which.

    Args:
        header: Titles of the columns.
        rows: The cells.
        left: Number of first columns that are text, which may wrap.
        first_to_go: Titles of the columns that are left out before others, in this order; after
            them it is the last ones. The first column always stays.
    """
    # Without colours there is nothing in it that a terminal obeys but what came with the names.
    console = Console(highlight=False, emoji=False, color_system=None)
    header, first_to_go = (list(map(translated, names)) for names in (header, first_to_go))
    columns = [list(column) for column in zip(header, *rows, strict=True)]
    gone: list[str] = []
    if not console.is_terminal:
        console.width = max(console.width, MIN_WIDTH_PIPED)
    else:
        columns, gone = _fitted(columns, console.width, left=left, first_to_go=first_to_go)
    titles = [column[0] for column in columns]
    left = sum(title in header[:left] for title in titles)
    console.width = max(console.width, _needed(columns, left))
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for index, title in enumerate(titles):
        is_text = index < left
        # Text may wrap; a number that is cut in two is another number.
        table.add_column(
            title, justify="left" if is_text else "right", overflow="fold", no_wrap=not is_text
        )
    for row in zip(*(column[1:] for column in columns), strict=True):
        table.add_row(*row)
    with console.capture() as drawn:
        console.print(table, markup=False)
    if gone:
        left_out = translated(f"left out, as the terminal is too narrow: {joined(gone)}")
        return f"{drawn.get()}{left_out}\n"
    return drawn.get()


def _needed(columns: Sequence[Sequence[str]], left: int) -> int:
    """Number of letters that a line takes at least."""
    widths = [max(map(cell_len, column)) for column in columns]
    texts = sum(min(width, MIN_TEXT) for width in widths[:left])
    return texts + sum(widths[left:]) + len(columns) * COLUMN_GAP


def _fitted(
    columns: Sequence[list[str]], width: int, *, left: int, first_to_go: Sequence[str]
) -> tuple[list[list[str]], list[str]]:
    """The columns that fit, long numbers shortened where they must be; titles of the others."""
    kept = [list(column) for column in columns]
    if _needed(kept, left) > width:
        kept = [*kept[:left], *([_short(cell) for cell in column] for column in kept[left:])]
    titles = [column[0] for column in kept]
    order = [*first_to_go, *(title for title in reversed(titles[1:]) if title not in first_to_go)]
    gone: list[str] = []
    for title in order:
        if _needed(kept, left) <= width or len(kept) == 1:
            break
        index = [column[0] for column in kept].index(title)
        left -= index < left
        del kept[index]
        gone.append(title)
    return kept, sorted(gone, key=titles.index)


def _short(cell: str) -> str:
    """A whole number of seven digits or more with a prefix: 15.47 G for 15,470,264,320."""
    digits = cell.replace(",", "")
    if not digits.isascii() or not digits.isdigit() or int(digits) < 1_000_000:
        return cell
    number = int(digits)
    power, prefix = next(pair for pair in PREFIXES if number >= pair[0])
    return f"{number / power:#.4g} {prefix}"


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
                _confused_with(row["name"], names, evaluation["confusion"]),
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


def _confused_with(name: str, names: Sequence[str], confusion: Sequence[Sequence[int]]) -> str:
    index = names.index(name)
    wrong = [(0 if i == index else count, i) for i, count in enumerate(confusion[index])]
    count, other = max(wrong)
    return f"{names[other]} ({count})" if count else ""
