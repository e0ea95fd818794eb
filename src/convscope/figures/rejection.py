"""The picture of rejection: how few mistakes are left where only sure answers are given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure

from convscope.figures.style import (
    BLUE,
    INK,
    PAPER,
    VERMILLION,
    WIDTH,
    Entry,
    legend_below,
    new_figure,
    our_style,
    percent_ticks,
    set_axis_labels,
)


class ChosenThreshold(NamedTuple):
    """The least confidence that is answered, and what comes of it.

    Attributes:
        threshold: The confidence.
        coverage: Share of images that are answered.
        error: Share of the answered images that is wrong.
    """

    threshold: float
    coverage: float
    error: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectionWords:
    """What is written on the picture; numbers are set behind `chosen` and `target`."""

    title: str = ""
    label: str = "Error among the surest images over the share of images that are answered"
    x: str = "share of images answered, the surest first"
    y: str = "error among them"
    curve: str = "error"
    chosen: str = "from confidence"
    target: str = "wanted at most"


@our_style()
def draw_risk_coverage(
    coverage: Sequence[float],
    error: Sequence[float],
    *,
    chosen: ChosenThreshold | None = None,
    target_error: float | None = None,
    words: RejectionWords = RejectionWords(),
) -> Figure:
    """The error over the share of images that are answered, the surest ones first.

    Args:
        coverage: (P,) shares of images, growing.
        error: (P,) shares of the answered ones that are wrong.
        chosen: The threshold to be marked.
        target_error: The error that it was chosen for.
        words: What is written.
    """
    figure, axes = new_figure(words.title, label=words.label, width=WIDTH, height=3.3)
    marker = "o" if len(coverage) == 1 else ""  # one point is no line
    (curve,) = axes.plot(coverage, error, color=BLUE, marker=marker, clip_on=False)
    entries: list[Entry] = [(curve, words.curve)]
    highest = [float(np.max(error))]
    if target_error is not None:
        line = axes.axhline(target_error, color=VERMILLION, linewidth=1.3, linestyle="--")
        entries.append((line, f"{words.target}: {100 * target_error:.3g}%"))
        highest.append(target_error)
    if chosen is not None:
        axes.axvline(chosen.coverage, color=INK, linewidth=1.0, linestyle=":")
        (mark,) = axes.plot(
            chosen.coverage,
            chosen.error,
            color=INK,
            marker="D",
            markersize=7,
            markeredgecolor=PAPER,
            linestyle="none",
            clip_on=False,
            zorder=4,
        )
        entries.append((mark, f"{words.chosen}: {chosen.threshold:.3g}"))
        highest.append(chosen.error)
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1.1 * max(highest) or 0.01)
    percent_ticks(axes.xaxis)
    percent_ticks(axes.yaxis)
    set_axis_labels(axes, words.x, words.y)
    legend_below(figure, entries)
    return figure
