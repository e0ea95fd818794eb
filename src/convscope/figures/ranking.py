"""Pictures of ranking: ROC curves and precision-recall curves of all classes."""

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

from convscope.figures import style

NAMED_AT_MOST = 6  # curves; if there are more, only the worst are named
NUM_WORST = 3
VECTORS_AT_MOST = 20  # pale curves; more are embedded as pixels, which takes less room
NAME_LETTERS = 24
# A colour and a line each, so that they can be told apart on grey paper too.
LINES = (
    (style.BLUE, "-"),
    (style.VERMILLION, "--"),
    (style.GREEN, "-."),
    (style.INK, ":"),
    (style.PURPLE, (0, (6, 1.5, 1, 1.5, 1, 1.5))),
    (style.ORANGE, (0, (8, 2.5))),
)
GRID = np.linspace(0, 1, 201)  # where curves are averaged


class ClassCurve(NamedTuple):
    """The curve of one class.

    Attributes:
        name: Name of the class.
        x: (P,) false positive rate or recall, increasing from 0 to 1.
        y: (P,) true positive rate or precision.
        area: Area under the curve, written behind the name.
    """

    name: str
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    area: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RankingLabels:
    """Text on a picture of curves; each name and `mean` is followed by an area."""

    label: str
    x: str
    y: str
    mean: str = "mean of all classes"
    others: str = "other classes"
    chance: str = "by chance"


ROC_LABELS = RankingLabels(
    label="ROC curves: true over false positive rate",
    x="false positive rate",
    y="true positive rate",
)
PRECISION_RECALL_LABELS = RankingLabels(label="Precision over recall", x="recall", y="precision")


@style.our_style()
def draw_roc(curves: Sequence[ClassCurve], *, labels: RankingLabels = ROC_LABELS) -> Figure:
    """ROC curves of up to six classes, or of all with the worst three named.

    Args:
        curves: The curves of the classes, at least one.
        labels: Text on the picture.
    """
    mean = np.mean([np.interp(GRID, curve.x, curve.y) for curve in curves], axis=0)
    mean[0] = 0.0
    figure, axes = style.new_figure(labels.label, height=4.6)
    entries = _draw_curves(axes, curves, mean=mean, labels=labels, drawstyle="default")
    (chance,) = axes.plot([0, 1], [0, 1], color=style.QUIET, linewidth=0.9, linestyle=(0, (1, 2)))
    _finish(figure, axes, labels, [*entries, (chance, labels.chance)])
    return figure


@style.our_style()
def draw_precision_recall(
    curves: Sequence[ClassCurve], *, labels: RankingLabels = PRECISION_RECALL_LABELS
) -> Figure:
    """Precision-recall curves of up to six classes, or of all with the worst three named.

    They are drawn in steps, as for the average precision: between two points nothing was measured.

    Args:
        curves: The curves of the classes, at least one.
        labels: Text on the picture.
    """
    curves = [_from_first_hit(curve) for curve in curves]
    mean = np.mean([_step_at(GRID, curve) for curve in curves], axis=0)
    figure, axes = style.new_figure(labels.label, height=4.6)
    entries = _draw_curves(axes, curves, mean=mean, labels=labels, drawstyle="steps-pre")
    _finish(figure, axes, labels, entries)
    return figure


def _from_first_hit(curve: ClassCurve) -> ClassCurve:
    """The curve without its points at a recall of 0, where precision says nothing."""
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
    labels: RankingLabels,
    drawstyle: str,
) -> list[style.Entry]:
    if len(curves) <= NAMED_AT_MOST:
        return _draw_named(axes, curves, drawstyle)
    worst = sorted(range(len(curves)), key=lambda index: curves[index].area)[:NUM_WORST]
    others = [curve for index, curve in enumerate(curves) if index not in worst]
    pale = _draw_pale(axes, others, is_stepped=drawstyle != "default")
    (bold,) = axes.plot(GRID, mean, color=style.INK, linewidth=2.6, zorder=3)
    area = float(np.mean([curve.area for curve in curves]))
    return [
        (bold, f"{labels.mean}: {area:.3f}"),
        *_draw_named(axes, [curves[index] for index in worst], drawstyle, first=1),
        (pale, labels.others),
    ]


def _draw_named(
    axes: Axes, curves: Sequence[ClassCurve], drawstyle: str, *, first: int = 0
) -> list[style.Entry]:
    entries: list[style.Entry] = []
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
        entries.append((drawn, f"{style.shortened(curve.name, NAME_LETTERS)}: {curve.area:.3f}"))
    return entries


def _draw_pale(axes: Axes, curves: Sequence[ClassCurve], *, is_stepped: bool) -> Line2D:
    """Draws all curves thin and grey, and returns their line for the legend."""
    paths = []
    for curve in curves:
        x, y = np.asarray(curve.x), np.asarray(curve.y)
        if is_stepped:
            x, y = np.repeat(x, 2)[:-1], np.repeat(y, 2)[1:]
        paths.append(np.column_stack([x, y]))
    # The more there are the more transparent, so that one sees where most of them are.
    lines = LineCollection(paths, colors=style.PALE, linewidths=0.6, zorder=2)
    lines.set_alpha(max(0.15, min(1.0, (VECTORS_AT_MOST / len(curves)) ** 0.5)))
    lines.set_rasterized(len(curves) > VECTORS_AT_MOST)
    axes.add_collection(lines)
    return Line2D([], [], color=style.PALE, linewidth=1.2)


def _finish(figure: Figure, axes: Axes, labels: RankingLabels, entries: list[style.Entry]) -> None:
    axes.set_xlim(-0.015, 1.015)  # a curve along the edge is drawn whole
    axes.set_ylim(-0.015, 1.015)
    for axis in (axes.xaxis, axes.yaxis):
        style.percent_ticks(axis)
    style.set_axis_labels(axes, labels.x, labels.y)
    style.legend_below(figure, entries)
