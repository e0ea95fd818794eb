"""Pictures of a training: losses and accuracy over the epochs, with the epoch that was chosen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator
from numpy.typing import NDArray

from convscope.figures.style import (
    BLUE,
    INK,
    ORANGE,
    PAPER,
    QUIET,
    WIDTH,
    Entry,
    legend_below,
    new_figure,
    our_style,
    percent_ticks,
    set_axis_labels,
)

MARKED_UP_TO = 20  # epochs; the points of more are a thick line
LOGARITHMIC_FROM = 100.0  # largest to smallest loss; beyond that the last epochs would be one line


class Look(NamedTuple):
    """How a line looks: train and validation differ also where colours can't be told apart."""

    colour: str
    dashes: tuple[float, ...]
    marker: str


TRAIN, VALIDATION = Look(ORANGE, (4, 1.6), "s"), Look(BLUE, (), "o")


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryWords:
    """What is written on a picture of a training; `best` goes before the number of the epoch."""

    title: str = ""
    label: str
    y: str
    x: str = "epoch"
    train: str = "train"
    validation: str = "validation"
    best: str = "best epoch"


LOSS_WORDS = HistoryWords(label="Loss on train and validation images over epochs", y="loss")
ACCURACY_WORDS = HistoryWords(label="Accuracy on validation images over epochs", y="accuracy")


@our_style()
def draw_loss_history(
    train: Sequence[float],
    validation: Sequence[float],
    *,
    best_epoch: int | None = None,
    words: HistoryWords = LOSS_WORDS,
) -> Figure:
    """The losses over the epochs; the axis is logarithmic where they fall by two orders.

    Args:
        train: Of each epoch, the first one first; what is no number leaves a gap.
        validation: Likewise; empty where nothing was measured.
        best_epoch: The one whose weights were taken, from 1.
        words: What is written.
    """
    figure, axes = new_figure(words.title, label=words.label, width=WIDTH, height=3.1)
    entries = [_draw(axes, train, words.train, TRAIN)] if len(train) else []
    if len(validation):
        entries.append(_draw(axes, validation, words.validation, VALIDATION))
    drawn = np.concatenate([_drawable(train), _drawable(validation)])
    _scale_losses(axes, drawn[np.isfinite(drawn)])
    entries += _mark_best(axes, validation if len(validation) else train, best_epoch, words)
    _finish(figure, axes, words, last=max(len(train), len(validation)), entries=entries)
    return figure


@our_style()
def draw_accuracy_history(
    validation: Sequence[float],
    *,
    train: Sequence[float] = (),
    best_epoch: int | None = None,
    words: HistoryWords = ACCURACY_WORDS,
) -> Figure:
    """The accuracy over the epochs.

    Args:
        validation: Of each epoch, the first one first, 0 to 1; what is no number leaves a gap.
        train: Likewise; empty where nothing was measured.
        best_epoch: The one whose weights were taken, from 1.
        words: What is written.
    """
    figure, axes = new_figure(words.title, label=words.label, width=WIDTH, height=3.1)
    entries = [_draw(axes, train, words.train, TRAIN)] if len(train) else []
    entries.append(_draw(axes, validation, words.validation, VALIDATION))
    drawn = np.concatenate([_drawable(validation), _drawable(train)])
    _scale_accuracies(axes, drawn[np.isfinite(drawn)])
    entries += _mark_best(axes, validation, best_epoch, words)
    _finish(figure, axes, words, last=max(len(train), len(validation)), entries=entries)
    return figure


def _draw(axes: Axes, values: Sequence[float], name: str, look: Look) -> Entry:
    """A line; where a point has no neighbour it is a mark, else there would be nothing."""
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
    stands_for_it = Line2D([], [], color=look.colour, linestyle=(0, look.dashes))
    stands_for_it.set_marker(look.marker if is_short else "")
    return stands_for_it, name


def _mark_best(
    axes: Axes, values: Sequence[float], best_epoch: int | None, words: HistoryWords
) -> list[Entry]:
    """A line at the epoch, and a mark on the curve if it has a value there."""
    if best_epoch is None:
        return []
    axes.axvline(best_epoch, color=QUIET, linewidth=1.0, linestyle=":", zorder=1.5)
    value = _drawable(values)[best_epoch - 1 : best_epoch]
    mark = Line2D(
        [best_epoch] * len(value),
        value.tolist(),
        color=INK,
        marker="D",
        markersize=7,
        markeredgecolor=PAPER,
        linestyle="none",
        zorder=4,
    )
    axes.add_line(mark)
    return [(mark, f"{words.best}: {best_epoch}")]


def _finish(
    figure: Figure,
    axes: Axes,
    words: HistoryWords,
    *,
    last: int,
    entries: list[Entry],
) -> None:
    axes.set_xlim(0.5, last + max(0.5, 0.02 * last))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8, steps=[1, 2, 5, 10]))
    if last == 1:
        axes.set_xticks([1])
    if axes.get_yscale() == "linear":
        axes.yaxis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 2.5, 5, 10]))
    set_axis_labels(axes, words.x, words.y)
    legend_below(figure, entries)


def _scale_losses(axes: Axes, losses: NDArray[np.float64]) -> None:
    """From zero; logarithmic where a linear axis would show only the first epochs."""
    if not len(losses) or losses.min() < 0:
        return
    if losses.min() == 0 or losses.max() < LOGARITHMIC_FROM * losses.min():
        axes.set_ylim(0, (losses.max() or 1.0) * 1.06)
        return
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(numticks=7))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda loss, _: f"{loss:g}"))


def _scale_accuracies(axes: Axes, accuracies: NDArray[np.float64]) -> None:
    """What there is; no axis goes on above 100 %, but a line there is drawn whole."""
    percent_ticks(axes.yaxis)
    if not len(accuracies):
        return
    low, high = accuracies.min(), accuracies.max()
    room = 0.08 * (high - low) or 0.05
    top = min(1.0, high + room)
    axes.set_ylim(max(0.0, low - room), top + 0.02 * (top - low + room))


def _drawable(values: Sequence[float]) -> NDArray[np.float64]:
    """With a gap for what is no number; an infinite one would be drawn as a vertical line."""
    numbers = np.asarray(values, dtype=np.float64)
    return np.where(np.isfinite(numbers), numbers, np.nan)


def _lonely(values: NDArray[np.float64]) -> NDArray[np.int64]:
    """Indices of numbers with a gap on both sides."""
    padded = np.pad(np.isfinite(values), 1)
    return np.flatnonzero(padded[1:-1] & ~padded[:-2] & ~padded[2:])
