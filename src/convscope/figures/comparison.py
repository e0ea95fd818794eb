"""Pictures of comparisons: values with intervals, one in each row, beside a reference line.

A full dot's interval excludes the line, a hollow dot's includes it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator

from convscope.figures import style

NAME_LETTERS = 18  # of a row's name; longer ones would leave a phone no room for the dots
ROW_HEIGHT = 0.28  # inches, of which a line of text takes 0.2
OTHER_HEIGHT = 1.6  # inches of the axis and the legend
LEAST_SPAN = 0.02  # of the axis, so that differences of rounding errors don't fill it


class IntervalRow(NamedTuple):
    """A value with its interval, all three as fractions; non-finite ones aren't drawn.

    Attributes:
        name: Name of the row.
        value: A difference in accuracy, or an accuracy.
        low: Lower end of its interval.
        high: Upper end of its interval.
    """

    name: str
    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparisonLabels:
    """Text on a picture of rows."""

    label: str
    x: str
    line: str
    apart: str = "interval excludes it"
    touching: str = "interval includes it"


DIFFERENCE_LABELS = ComparisonLabels(
    label="Differences in accuracy with 95% intervals",
    x="difference in accuracy, in percentage points",
    line="no difference",
)
ACCURACY_LABELS = ComparisonLabels(
    label="Accuracies with 95% intervals", x="accuracy in %", line="all images"
)


@style.our_style()
def draw_differences(
    rows: Sequence[IntervalRow], *, labels: ComparisonLabels = DIFFERENCE_LABELS
) -> Figure:
    """Differences in accuracy around zero, the first row on top.

    Args:
        rows: At least one.
        labels: Text on the picture.
    """
    numbers = [0.0, *_numbers(rows)]
    most = max(map(abs, numbers), default=0.0)
    room = max(0.06 * (max(numbers) - min(numbers)), LEAST_SPAN / 2 if most == 0 else 0.0)
    limits = (min(numbers) - room, max(numbers) + room)
    return _drawn(rows, reference=0.0, limits=limits, labels=labels, form="+.1f")


@style.our_style()
def draw_accuracy_bars(
    rows: Sequence[IntervalRow], *, overall: float, labels: ComparisonLabels = ACCURACY_LABELS
) -> Figure:
    """Accuracies of classes or groups of images, beside that of all, the first row on top.

    Args:
        rows: At least one; a phone shows 30 at once.
        overall: The accuracy on all images.
        labels: Text on the picture; `line` is followed by the overall accuracy.
    """
    numbers = [overall, *_numbers(rows)]
    low, high = min(numbers), max(numbers)
    room = max(0.06 * (high - low), LEAST_SPAN / 2)
    limits = (max(0.0, low - room), min(1.0 + room / 8, high + room))  # a line at 1 is whole
    return _drawn(rows, reference=overall, limits=limits, labels=labels, form=".1f")


def _numbers(rows: Sequence[IntervalRow]) -> list[float]:
    return [number for row in rows for number in row[1:] if math.isfinite(number)]


def _drawn(
    rows: Sequence[IntervalRow],
    *,
    reference: float,
    limits: tuple[float, float],
    labels: ComparisonLabels,
    form: str,
) -> Figure:
    height = OTHER_HEIGHT + ROW_HEIGHT * len(rows)
    figure, axes = style.new_figure(labels.label, height=height)
    line = axes.axvline(reference, color=style.VERMILLION, linewidth=1.3, linestyle="--")
    says = labels.line if reference == 0 else f"{labels.line}: {_percent(reference, form)}%"
    entries: list[style.Entry] = [(line, says)]
    for is_apart, name in ((True, labels.apart), (False, labels.touching)):
        chosen = [
            index
            for index, row in enumerate(rows)
            if (not row.low <= reference <= row.high) == is_apart
        ]
        if any(math.isfinite(rows[index].value) for index in chosen):
            entries.append((_draw_rows(axes, rows, chosen, is_full=is_apart), name))
    axes.set_xlim(*limits)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_yticks(range(len(rows)), [style.shortened(row.name, NAME_LETTERS) for row in rows])
    axes.tick_params(axis="y", labelcolor=style.INK)
    axes.grid(visible=False, axis="y")
    axes.xaxis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 5, 10]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: _percent(value, "g", 6)))
    _write_values(axes, rows, form)
    style.set_axis_labels(axes, labels.x, "")
    style.legend_below(figure, entries)
    return figure


def _draw_rows(
    axes: Axes, rows: Sequence[IntervalRow], chosen: Sequence[int], *, is_full: bool
) -> Line2D:
    """Draws the whiskers and dots of some rows, and returns the dots."""
    axes.hlines(
        chosen,
        [rows[index].low for index in chosen],
        [rows[index].high for index in chosen],
        color=style.BLUE,
        linewidth=1.6,
    )
    (dots,) = axes.plot(
        [rows[index].value for index in chosen],
        chosen,
        color=style.BLUE,
        marker="o",
        markersize=6,
        markerfacecolor=style.BLUE if is_full else style.PAPER,
        markeredgewidth=1.4,
        linestyle="none",
        clip_on=False,  # a dot at 100 % is a whole one
        zorder=4,
    )
    return dots


def _write_values(axes: Axes, rows: Sequence[IntervalRow], form: str) -> None:
    """Writes the values at the right, where nothing is drawn."""
    for index, row in enumerate(rows):
        axes.annotate(
            _percent(row.value, form) if math.isfinite(row.value) else "–",
            (1.0, index),
            xycoords=axes.get_yaxis_transform(),
            xytext=(46, 0),
            textcoords="offset points",
            ha="right",
            va="center",
            color=style.INK,
        )


def _percent(value: float, form: str, digits: int = 1) -> str:
    """A fraction in percent, with a minus as wide as a plus, and none before a zero."""
    return f"{round(100 * value, digits) + 0.0:{form}}".replace("-", "−")
