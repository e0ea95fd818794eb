"""The picture of a search for a learning rate: the loss over the rate, and what was chosen."""

from __future__ import annotations

import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from convscope.figures.style import (
    BLUE,
    INK,
    PAPER,
    SKY,
    VERMILLION,
    new_figure,
    our_style,
)

# Shares of the loss's range before it climbs, for labels; above also to show where it climbs.
ROOM_ABOVE, ROOM_BELOW = 0.3, 0.15


@our_style()
def draw_learning_rate(
    rates: Sequence[float],
    losses: Sequence[float],
    smoothed: Sequence[float],
    *,
    chosen: float,
    steepest: float,
    lowest: float,
    title: str,
) -> Figure:
    """The loss over the learning rate, with the chosen rate; a loss that explodes leaves the top.

    Args:
        rates: Of the steps, growing.
        losses: Of the steps' batches; what is no number leaves a gap.
        smoothed: Their moving average.
        chosen: The rate to train with.
        steepest: One of the rates: where the smoothed loss falls fastest.
        lowest: One of the rates: where it is lowest.
        title: What was trained on what.
    """
    figure, axes = new_figure(title)
    axes.set_xscale("log")
    axes.set_xlim(rates[0], rates[-1])
    axes.set_ylim(*_range_of_interest(rates, losses, smoothed, lowest))
    axes.plot(rates, _drawable(losses), color=SKY, alpha=0.8, linewidth=0.9, label="each batch")
    axes.plot(rates, _drawable(smoothed), color=BLUE, linewidth=2.2, label="moving average")
    for rate, words, marker in ((steepest, "falls fastest", "v"), (lowest, "lowest", "o")):
        loss = smoothed[_nearest(rates, rate)]
        _mark(axes, rate, loss, marker=marker, label=f"{words}: {rate:.2g}")
    axes.axvline(chosen, color=VERMILLION, linewidth=1.4)
    _label_chosen(axes, chosen)
    axes.set_xlabel("learning rate")
    axes.set_ylabel("loss")
    axes.xaxis.set_major_locator(LogLocator(numticks=12))
    axes.xaxis.set_minor_locator(NullLocator())
    # As one types it: 0.001, not a power.
    axes.xaxis.set_major_formatter(FuncFormatter(lambda rate, _: f"{rate:g}"))
    # There the loss has not fallen yet. What stands at the points themselves would overlap where
    # they are close to each other or to the line.
    axes.legend(loc="lower left")
    return figure


def _range_of_interest(
    rates: Sequence[float], losses: Sequence[float], smoothed: Sequence[float], lowest: float
) -> tuple[float, float]:
    """From the lowest loss to the highest that there is up to the rate of the lowest."""
    until = _nearest(rates, lowest) + 1
    values = [loss for loss in (*losses[:until], *smoothed[:until]) if math.isfinite(loss)]
    bottom, top = min(values), max(values)
    span = (top - bottom) or max(abs(top), 1.0)
    floor = 0.0 if bottom >= 0 else -math.inf  # a loss that is never negative has no axis there
    return max(floor, bottom - ROOM_BELOW * span), top + ROOM_ABOVE * span


def _drawable(losses: Sequence[float]) -> list[float]:
    """With a gap for what is no number; an infinite one would be drawn as a vertical line."""
    return [loss if math.isfinite(loss) else math.nan for loss in losses]


def _nearest(rates: Sequence[float], rate: float) -> int:
    return min(range(len(rates)), key=lambda index: abs(rates[index] - rate))


def _label_chosen(axes: Axes, chosen: float) -> None:
    """Writes the rate at the top of its line, on the side with more room."""
    left, right = axes.get_xlim()
    is_on_the_left = chosen * chosen < left * right
    axes.annotate(
        f"chosen: {chosen:.2g}",
        (chosen, 1.0),
        xycoords=axes.get_xaxis_transform(),
        xytext=(6 if is_on_the_left else -6, -3),
        textcoords="offset points",
        ha="left" if is_on_the_left else "right",
        va="top",
        weight="bold",
        bbox={"facecolor": PAPER, "edgecolor": "none", "pad": 1.5},
    )


def _mark(axes: Axes, rate: float, loss: float, *, marker: str, label: str) -> None:
    """A point of the curve; also at the edge it is drawn whole."""
    axes.plot(
        rate,
        loss,
        color=INK,
        marker=marker,
        markersize=7,
        markeredgecolor=PAPER,
        linestyle="none",
        clip_on=False,
        zorder=4,
        label=label,
    )
