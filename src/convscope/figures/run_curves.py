"""Picture of several trainings: one curve for each, over the epochs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from convscope.figures import style
from convscope.figures.costs import COLOURS, MARKERS

NAME_LETTERS = 32
MARKED_UP_TO = 20  # epochs; the points of more are a thick line


class RunCurve(NamedTuple):
    """The curve of one training.

    Attributes:
        name: Name of the run.
        validation: The number of each epoch on validation images; a non-finite one leaves a gap.
        train: The same on train images, drawn dashed; empty for none.
        best_epoch: The epoch whose weights were taken, from 1.
    """

    name: str
    validation: Sequence[float]
    train: Sequence[float] = ()
    best_epoch: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunCurvesLabels:
    """Text on a picture of several trainings."""

    label: str
    y: str
    x: str = "epoch"
    train: str = "train"
    best: str = "best epoch"


@style.our_style()
def draw_run_curves(
    curves: Sequence[RunCurve], *, labels: RunCurvesLabels, is_share: bool
) -> Figure:
    """The curves of several trainings, told apart by colour and marker.

    Args:
        curves: At least one.
        labels: Text on the picture.
        is_share: Whether the numbers are fractions, which are written in percent; else 0 is shown.
    """
    figure, axes = style.new_figure(labels.label, height=3.1 + 0.15 * len(curves))
    entries: list[style.Entry] = []
    for index, curve in enumerate(curves):
        colour, marker = COLOURS[index % len(COLOURS)], MARKERS[index % len(MARKERS)]
        train, validation = _drawable(curve.train), _drawable(curve.validation)
        every = 1 if len(validation) <= MARKED_UP_TO else len(validation) // 8
        axes.plot(np.arange(1, len(train) + 1), train, color=colour, linestyle="--", linewidth=1.0)
        epochs = np.arange(1, len(validation) + 1)
        axes.plot(epochs, validation, color=colour, marker=marker, markevery=every)
        if curve.best_epoch is not None:
            value = validation[curve.best_epoch - 1 : curve.best_epoch]
            axes.plot([curve.best_epoch] * len(value), value, marker="*", **_BEST)
        mark = Line2D([], [], color=colour, marker=marker)
        entries.append((mark, style.shortened(curve.name, NAME_LETTERS)))
    if any(len(curve.train) for curve in curves):
        dashed = Line2D([], [], color=style.QUIET, linestyle="--", linewidth=1.0)
        entries.append((dashed, labels.train))
    if any(curve.best_epoch is not None for curve in curves):
        entries.append((Line2D([], [], marker="*", **_BEST), labels.best))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8, steps=[1, 2, 5, 10]))
    if is_share:
        style.percent_ticks(axes.yaxis)
    else:
        axes.set_ylim(bottom=0)
    style.set_axis_labels(axes, labels.x, labels.y)
    style.legend_below(figure, entries)
    return figure


_BEST = {**style.MARK, "markersize": 11}


def _drawable(values: Sequence[float]) -> NDArray[np.float64]:
    """The values with a gap for non-finite ones: infinity would be drawn as a vertical line."""
    numbers = np.asarray(values, dtype=np.float64)
    return np.where(np.isfinite(numbers), numbers, np.nan)
