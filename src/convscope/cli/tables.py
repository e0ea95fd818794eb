"""Tables on the terminal, drawn from the objects that `--json` prints."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from convscope.errors import counted

CLASSES_SHOWN = 20
MIN_WIDTH_PIPED = 200  # a pipe has no width; nothing is cut off there


def print_table(header: Sequence[str], rows: Iterable[Sequence[str]], *, left: int = 1) -> None:
    """Prints a table; the first `left` columns are text, the others numbers."""
    console = Console(highlight=False, emoji=False)
    if not console.is_terminal:
        console.width = max(console.width, MIN_WIDTH_PIPED)
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for index, title in enumerate(header):
        is_text = index < left
        # Words may go on in the next line; a number that is cut in two is another number.
        table.add_column(
            title, justify="left" if is_text else "right", overflow="fold", no_wrap=not is_text
        )
    for row in rows:
        table.add_row(*row)
    console.print(table, markup=False)


def print_evaluation(evaluation: Mapping[str, Any]) -> None:
    """Prints what an evaluation found: headline, then class by class, worst first."""
    interval = evaluation["accuracy_interval"]
    print(f"\nmeasured on {counted(evaluation['num_images'], 'image')}: {evaluation['images']}")
    print(
        f"accuracy {evaluation['accuracy']:.2%}  "
        f"(95 % interval {interval['low']:.2%} to {interval['high']:.2%}, Wilson)"
    )
    if evaluation["top5_accuracy"] is not None:
        print(f"top-5    {evaluation['top5_accuracy']:.2%}")
    print(f"macro F1 {evaluation['macro_f1']:.4f}   loss {evaluation['loss']:.4f} nats")
    if evaluation["damaged"]:
        print(f"not counted: {counted(len(evaluation['damaged']), 'image')} that can't be read")
    absent = [row["name"] for row in evaluation["classes"] if not row["num_images"]]
    if absent:
        print(f"no images of {', '.join(absent)}: macro means are over the other classes")
    rows = sorted(evaluation["classes"], key=lambda row: (row["f1"] is None, row["f1"]))
    names = [row["name"] for row in evaluation["classes"]]
    print_table(
        ["class", "precision", "recall", "F1", "images", "most often taken for"],
        [
            [
                row["name"],
                *(share(row[name]) for name in ("precision", "recall", "f1")),
                str(row["num_images"]),
                _taken_for(row["name"], names, evaluation["confusion"]),
            ]
            for row in rows[:CLASSES_SHOWN]
        ],
    )
    if len(rows) > CLASSES_SHOWN:
        print(f"and {len(rows) - CLASSES_SHOWN} classes with a higher F1")


def share(value: float | None) -> str:
    """A share in percent, or a dash for one that isn't defined."""
    return "-" if value is None else f"{value:.1%}"


def _taken_for(name: str, names: Sequence[str], confusion: Sequence[Sequence[int]]) -> str:
    index = names.index(name)
    wrong = [(0 if i == index else count, i) for i, count in enumerate(confusion[index])]
    count, other = max(wrong)
    return f"{names[other]} ({count})" if count else ""
