"""The picture of how often a layer's channels are zero."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from convscope.figures.style import (
    BLUE,
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


@dataclass(frozen=True, slots=True, kw_only=True)
class SparsityWords:
    """What is written on the picture."""

    title: str = ""
    label: str = "Share of zeros of each channel, the fewest first"
    x: str = "channels, the most active first"
    y: str = "values that are 0"
    channel: str = "a channel"
    dead: str = "dead: 0 everywhere"
    mean: str = "all channels"


@our_style()
def draw_zero_shares(
    shares: Sequence[float], *, num_dead: int, words: SparsityWords = SparsityWords()
) -> Figure:
    """The share of zeros of each channel as a bar, the most active channel first.

    Args:
        shares: Of C channels, 0 to 1.
        num_dead: How many of them are zero everywhere; these are the last ones.
        words: What is written.
    """
    ordered = np.sort(np.asarray(shares, np.float64))
    figure, axes = new_figure(words.title, label=words.label, width=WIDTH, height=2.6)
    places = np.arange(len(ordered))
    alive = len(ordered) - num_dead
    # One filled step line: of a thousand bars most browsers draw only the gaps between them.
    edges = np.append(places, len(ordered)) - 0.5
    entries: list[Entry] = []
    for first, last, colour, name in (
        (0, alive, BLUE, words.channel),
        (alive, len(ordered), VERMILLION, words.dead),
    ):
        if last > first:
            bars = axes.stairs(ordered[first:last], edges[first : last + 1], fill=True)
            bars.set(facecolor=colour, edgecolor="none")
            entries.append((bars, name))
    mean = axes.axhline(float(ordered.mean()), color=QUIET, linewidth=1.0, linestyle="--")
    entries.append((mean, words.mean))
    axes.set_xlim(-0.5, len(ordered) - 0.5)
    axes.set_ylim(0, 1.02)
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    percent_ticks(axes.yaxis)
    set_axis_labels(axes, words.x, words.y)
    legend_below(figure, entries)
    return figure
