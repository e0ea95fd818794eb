"""Pictures of ranking: ROC curves, and curves of precision over recall, of all classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from convscope.figures.style import (
    BLUE,
    GREEN,
    INK,
    ORANGE,
    PURPLE,
    QUIET,
    VERMILLION,
    WIDTH,
    Entry,
    legend_below,
    new_figure,
    our_style,
    percent_ticks,
    set_axis_labels,
)
from convscope.figures.text import shortened

NAMED_AT_MOST = 6  # curves; of more only the worst are named
NUM_WORST = 3
VECTORS_AT_MOST = 20  # pale curves; more are embedded as pixels, which takes less room
NAME_LETTERS = 24
PALE = "#b4bcc6"
# A colour and a line each, so that they can be told apart on grey paper too.
LINES = (
    (BLUE, "-"),
    (VERMILLION, "--"),
    (GREEN, "-."),
    (INK, ":"),
    (PURPLE, (0, (6, 1.5, 1, 1.5, 1, 1.5))),
    (ORANGE, (0, (8, 2.5))),
)
GRID = np.linspace(0, 1, 201)  # where curves are averaged


class ClassCurve(NamedTuple):
    """The curve of one class.

    Attributes:
        name: Of the class.
        x: (P,) false positive rate or recall, growing from 0 to 1.
        y: (P,) true positive rate or precision.
        area: Under the curve; what is written behind the name.
    """

    name: str
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    area: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RankingWords:
    """What is written on a picture of curves; an area is set behind each name and `mean`."""

    title: str = ""
    label: str
    x: str
    y: str
    mean: str = "mean of all classes"
    others: str = "other classes"
    chance: str = "by chance"


ROC_WORDS = RankingWords(
    label="ROC curves: true over false positive rate",
    x="false positive rate",
    y="true positive rate",
)
PRECISION_RECALL_WORDS = RankingWords(label="Precision over recall", x="recall", y="precision")


@our_style()
def draw_roc(curves: Sequence[ClassCurve], *, words: RankingWords = ROC_WORDS) -> Figure:
    """The true over the false positive rate: up to six classes, or all with the worst three named.

    Args:
        curves: Of the classes, at least one.
        words: What is written.
    """
    mean = np.mean([np.interp(GRID, curve.x, curve.y) for curve in curves], axis=0)
    mean[0] = 0.0
    figure, axes = new_figure(words.title, label=words.label, width=WIDTH, height=4.6)
    entries = _draw_curves(axes, curves, mean=mean, words=words, drawstyle="default")
    (chance,) = axes.plot([0, 1], [0, 1], color=QUIET, linewidth=0.9, linestyle=(0, (1, 2)))
    _finish(figure, axes, words, [*entries, (chance, words.chance)])
    return figure


@our_style()
def draw_precision_recall(
    curves: Sequence[ClassCurve], *, words: RankingWords = PRECISION_RECALL_WORDS
) -> Figure:
    """The precision over the recall: up to six classes, or all with the worst three named.

    Drawn in steps, as the average precision counts it: between two points nothing was measured.

    Args:
        curves: Of the classes, at least one.
        words: What is written.
    """
    curves = [_from_first_hit(curve) for curve in curves]
    mean = np.mean([_step_at(GRID, curve) for curve in curves], axis=0)
    figure, axes = new_figure(words.title, label=words.label, width=WIDTH, height=4.6)
    entries = _draw_curves(axes, curves, mean=mean, words=words, drawstyle="steps-pre")
    _finish(figure, axes, words, entries)
    return figure


def _from_first_hit(curve: ClassCurve) -> ClassCurve:
    """The curve without what stands at a recall of zero: there precision says nothing."""
    x, y = np.asarray(curve.x), np.asarray(curve.y)
    first = min(int(np.searchsorted(x, 0.0, side="right")), len(x) - 1)
    return curve._replace(x=np.append(0.0, x[first:]), y=np.append(y[first], y[first:]))


def _step_at(x: NDArray[np.float64], curve: ClassCurve) -> NDArray[np.float64]:
    """The curve's values at `x`, each that of the next point."""
    places = np.searchsorted(curve.x, x, side="left")
    return np.asarray(curve.y, dtype=np.float64)[np.minimum(places, len(curve.x) - 1)]


def _draw_curves(
    axes: Axes,
    curves: Sequence[ClassCurve],
    *,
    mean: NDArray[np.float64],
    words: RankingWords,
    drawstyle: str,
) -> list[Entry]:
    if len(curves) <= NAMED_AT_MOST:
        return _draw_named(axes, curves, drawstyle)
    worst = sorted(range(len(curves)), key=lambda index: curves[index].area)[:NUM_WORST]
    others = [curve for index, curve in enumerate(curves) if index not in worst]
    pale = _draw_pale(axes, others, is_stepped=drawstyle != "default")
    (bold,) = axes.plot(GRID, mean, color=INK, linewidth=2.6, zorder=3)
    area = float(np.mean([curve.area for curve in curves]))
    return [
        (bold, f"{words.mean}: {area:.3f}"),
        *_draw_named(axes, [curves[index] for index in worst], drawstyle, first=1),
        (pale, words.others),
    ]


def _draw_named(
    axes: Axes, curves: Sequence[ClassCurve], drawstyle: str, *, first: int = 0
) -> list[Entry]:
    entries: list[Entry] = []
    for curve, (colour, line) in zip(curves, LINES[first:], strict=False):
        (drawn,) = axes.plot(
            curve.x,
            curve.y,
            color=colour,
            linestyle=line,
            linewidth=1.7,
            drawstyle=drawstyle,
            zorder=4,
        )
        entries.append((drawn, f"{shortened(curve.name, NAME_LETTERS)}: {curve.area:.3f}"))
    return entries


def _draw_pale(axes: Axes, curves: Sequence[ClassCurve], *, is_stepped: bool) -> Line2D:
    """All curves thin and grey; gives what stands for them in the legend."""
    paths = []
    for curve in curves:
        x, y = np.asarray(curve.x), np.asarray(curve.y)
        if is_stepped:
            x, y = np.repeat(x, 2)[:-1], np.repeat(y, 2)[1:]
        paths.append(np.column_stack([x, y]))
    # The more there are the more transparent, so that one sees where most of them are.
    lines = LineCollection(paths, colors=PALE, linewidths=0.6, zorder=2)
    lines.set_alpha(max(0.15, min(1.0, (VECTORS_AT_MOST / len(curves)) ** 0.5)))
    lines.set_rasterized(len(curves) > VECTORS_AT_MOST)
    axes.add_collection(lines)
    return Line2D([], [], color=PALE, linewidth=1.2)


def _finish(figure: Figure, axes: Axes, words: RankingWords, entries: list[Entry]) -> None:
    axes.set_xlim(-0.015, 1.015)  # a curve along the edge is drawn whole
    axes.set_ylim(-0.015, 1.015)
    for axis in (axes.xaxis, axes.yaxis):
        percent_ticks(axis)
    set_axis_labels(axes, words.x, words.y)
    legend_below(figure, entries)
