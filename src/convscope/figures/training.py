"""Pictures of a training: curves over the epochs, and the learning-rate finder."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator
from numpy.typing import NDArray

from convscope.figures import style

MARKED_UP_TO = 20  # epochs; the points of more are a thick line
# Largest to smallest loss or learning rate; beyond that the last epochs would be one line.
LOGARITHMIC_FROM = 100.0
RATE_WIDTH = 7.2  # inches of the learning-rate curve
# Room for the labels of a learning-rate curve, as fractions of the loss's range before it climbs;
# above, it also shows where the loss climbs.
ROOM_ABOVE, ROOM_BELOW = 0.3, 0.15


class CurveStyle(NamedTuple):
    """Style of a curve: train and validation differ also where colours can't be told apart."""

    colour: str
    dashes: tuple[float, ...]
    marker: str


TRAIN, VALIDATION = CurveStyle(style.ORANGE, (4, 1.6), "s"), CurveStyle(style.BLUE, (), "o")
RATE = CurveStyle(style.PURPLE, (), "o")


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryLabels:
    """Text on a picture of a training; `best` is followed by the number of the epoch."""

    label: str
    y: str
    x: str = "epoch"
    train: str = "train"
    validation: str = "validation"
    best: str = "best epoch"


LOSS_LABELS = HistoryLabels(label="Loss on train and validation images over epochs", y="loss")
ACCURACY_LABELS = HistoryLabels(
    label="Accuracy on train and validation images over epochs", y="accuracy"
)
RATE_LABELS = HistoryLabels(label="Learning rate over epochs", y="learning rate")


@style.our_style()
def draw_loss_history(
    train: Sequence[float],
    validation: Sequence[float],
    *,
    best_epoch: int | None = None,
    labels: HistoryLabels = LOSS_LABELS,
) -> Figure:
    """The losses over the epochs, on a logarithmic axis if they fall by two orders of magnitude.

    Args:
        train: Loss of each epoch; a non-finite one leaves a gap.
        validation: Loss of each epoch; empty if it wasn't measured.
        best_epoch: The epoch whose weights were taken, from 1.
        labels: Text on the picture.
    """
    return _draw_history((train, validation), best_epoch, labels, _scale_positive)


@style.our_style()
def draw_accuracy_history(
    train: Sequence[float],
    validation: Sequence[float],
    *,
    best_epoch: int | None = None,
    labels: HistoryLabels = ACCURACY_LABELS,
) -> Figure:
    """The accuracies over the epochs.

    Args:
        train: Accuracy of each epoch, 0 to 1; a non-finite one leaves a gap.
        validation: Accuracy of each epoch; empty if it wasn't measured.
        best_epoch: The epoch whose weights were taken, from 1.
        labels: Text on the picture.
    """
    return _draw_history((train, validation), best_epoch, labels, _scale_accuracies)


@style.our_style()
def draw_rate_history(rates: Sequence[float], *, labels: HistoryLabels = RATE_LABELS) -> Figure:
    """The learning rate over the epochs, on a logarithmic axis if it falls by two orders.

    Args:
        rates: Learning rate at the end of each epoch.
        labels: Text on the picture.
    """
    figure, axes = style.new_figure(labels.label, height=2.4)
    _draw_curve(axes, rates, "", RATE)
    _scale_positive(axes, np.asarray(rates, dtype=np.float64))
    _set_axes(axes, len(rates), labels)
    return figure


def _draw_history(
    values: tuple[Sequence[float], Sequence[float]],
    best_epoch: int | None,
    labels: HistoryLabels,
    scale: Callable[[Axes, NDArray[np.float64]], None],
) -> Figure:
    train, validation = values
    figure, axes = style.new_figure(labels.label, height=3.4)
    curves = ((train, labels.train, TRAIN), (validation, labels.validation, VALIDATION))
    entries = [_draw_curve(axes, *curve) for curve in curves if len(curve[0])]
    drawn = np.concatenate([_drawable(train), _drawable(validation)])
    scale(axes, drawn[np.isfinite(drawn)])
    entries += _mark_best(axes, validation if len(validation) else train, best_epoch, labels)
    _set_axes(axes, max(len(train), len(validation)), labels)
    style.legend_below(figure, entries)
    return figure


def _set_axes(axes: Axes, last: int, labels: HistoryLabels) -> None:
    """The axis of epochs, up to the last one, and the labels of both axes."""
    axes.set_xlim(0.5, last + max(0.5, 0.02 * last))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8, steps=[1, 2, 5, 10]))
    if last == 1:
        axes.set_xticks([1])
    if axes.get_yscale() == "linear":
        axes.yaxis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 2.5, 5, 10]))
    style.set_axis_labels(axes, labels.x, labels.y)


def _draw_curve(axes: Axes, values: Sequence[float], name: str, look: CurveStyle) -> style.Entry:
    """A curve; a point without neighbours gets a marker, else nothing would be seen of it."""
    drawn = _drawable(values)
    is_short = len(drawn) <= MARKED_UP_TO
    marked = range(len(drawn)) if is_short else _lonely(drawn).tolist()
    axes.plot(
        np.arange(1, len(drawn) + 1),
        drawn,
        color=look.colour,
        linestyle=(0, look.dashes),
        marker=look.marker,
        markevery=list(marked),
    )
    legend_line = Line2D([], [], color=look.colour, linestyle=(0, look.dashes))
    legend_line.set_marker(look.marker if is_short else "")
    return legend_line, name


def _mark_best(
    axes: Axes, values: Sequence[float], best_epoch: int | None, labels: HistoryLabels
) -> list[style.Entry]:
    """A line at the best epoch, and a marker on the curve if it has a value there."""
    if best_epoch is None:
        return []
    axes.axvline(best_epoch, color=style.QUIET, linewidth=1.0, linestyle=":", zorder=1.5)
    value = _drawable(values)[best_epoch - 1 : best_epoch]
    mark = Line2D([best_epoch] * len(value), value.tolist(), marker="D", **style.MARK)
    axes.add_line(mark)
    return [(mark, f"{labels.best}: {best_epoch}")]


def _scale_positive(axes: Axes, values: NDArray[np.float64]) -> None:
    """An axis from 0, or a logarithmic one if the last epochs would look like one line."""
    if not len(values) or values.min() < 0:
        return
    if values.min() == 0 or values.max() < LOGARITHMIC_FROM * values.min():
        axes.set_ylim(0, (values.max() or 1.0) * 1.06)
        return
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(numticks=7))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: _plain(value)))


def _scale_accuracies(axes: Axes, accuracies: NDArray[np.float64]) -> None:
    """The axis of accuracies: it ends at 100 %, but a line there is drawn whole."""
    style.percent_ticks(axes.yaxis)
    if not len(accuracies):
        return
    low, high = accuracies.min(), accuracies.max()
    room = 0.08 * (high - low) or 0.05
    top = min(1.0, high + room)
    axes.set_ylim(max(0.0, low - room), top + 0.02 * (top - low + room))


def _plain(value: float) -> str:
    """A power of ten as one types it: 0.00001."""
    return np.format_float_positional(value, trim="-")


def _drawable(values: Sequence[float]) -> NDArray[np.float64]:
    """The values with a gap for non-finite ones: infinity would be drawn as a vertical line."""
    numbers = np.asarray(values, dtype=np.float64)
    return np.where(np.isfinite(numbers), numbers, np.nan)


def _lonely(values: NDArray[np.float64]) -> NDArray[np.int64]:
    """Indices of values with a gap on both sides."""
    padded = np.pad(np.isfinite(values), 1)
    return np.flatnonzero(padded[1:-1] & ~padded[:-2] & ~padded[2:])


@style.our_style()
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
    """The learning-rate curve: the loss over the learning rate, with the chosen one.

    A loss that explodes leaves the picture at the top.

    Args:
        rates: Learning rate of each step, increasing.
        losses: Loss of each step's batch; a non-finite one leaves a gap.
        smoothed: Moving average of the losses.
        chosen: The learning rate to train with.
        steepest: The one of `rates` where the smoothed loss falls fastest.
        lowest: The one of `rates` where the smoothed loss is lowest.
        title: Which network was trained on which data.
    """
    figure, axes = style.new_figure(title, width=RATE_WIDTH, height=4.2)
    # The axes begin further right than the picture, by about the width of their labels.
    points = (RATE_WIDTH - 0.7) * style.POINTS_PER_INCH
    axes.set_title(style.broken(title, points, size=style.TITLE_SIZE))
    axes.set_xscale("log")
    axes.set_xlim(rates[0], rates[-1])
    axes.set_ylim(*_range_of_interest(rates, losses, smoothed, lowest))
    axes.plot(
        rates, _drawable(losses), color=style.SKY, alpha=0.8, linewidth=0.9, label="each batch"
    )
    axes.plot(rates, _drawable(smoothed), color=style.BLUE, linewidth=2.2, label="moving average")
    for rate, name, marker in ((steepest, "falls fastest", "v"), (lowest, "lowest", "o")):
        loss, label = smoothed[_nearest(rates, rate)], f"{name}: {rate:.2g}"
        axes.plot(rate, loss, marker=marker, clip_on=False, label=label, **style.MARK)
    axes.axvline(chosen, color=style.VERMILLION, linewidth=1.4)
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
    """From the lowest loss to the highest at learning rates up to that of the lowest."""
    until = _nearest(rates, lowest) + 1
    values = [loss for loss in (*losses[:until], *smoothed[:until]) if math.isfinite(loss)]
    bottom, top = min(values), max(values)
    span = (top - bottom) or max(abs(top), 1.0)
    floor = 0.0 if bottom >= 0 else -math.inf  # a loss that is never negative has no axis there
    return max(floor, bottom - ROOM_BELOW * span), top + ROOM_ABOVE * span


def _nearest(rates: Sequence[float], rate: float) -> int:
    return min(range(len(rates)), key=lambda index: abs(rates[index] - rate))


def _label_chosen(axes: Axes, chosen: float) -> None:
    """Writes the learning rate at the top of its line, on the side with more room."""
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
        bbox={"facecolor": style.PAPER, "edgecolor": "none", "pad": 1.5},
    )
