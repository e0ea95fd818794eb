"""The picture of calibration: accuracy over confidence, and how many images are how confident."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from convscope.figures.style import (
    BLUE,
    PAPER,
    QUIET,
    SKY,
    Entry,
    empty_figure,
    legend_below,
    our_style,
    percent_ticks,
    set_axis_labels,
    set_title,
)

BAR = 0.025  # width of a bin's bar, in confidence: thinner than the distance of 20 bins


class ReliabilityBin(NamedTuple):
    """Images of similar confidence.

    Attributes:
        confidence: Their mean confidence.
        accuracy: The share of them that is right.
        num_images: How many they are.
        low: Lower end of the accuracy's interval.
        high: Upper end.
    """

    confidence: float
    accuracy: float
    num_images: int
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ReliabilityWords:
    """What is written on the picture; `after` where there is a `before`, else `accuracy`."""

    title: str = ""
    label: str = "Accuracy over confidence, with the number of images of each confidence"
    x: str = "confidence"
    y: str = "accuracy"
    count: str = "images"
    diagonal: str = "accuracy equals confidence"
    accuracy: str = "accuracy with 95% interval"
    before: str = "before calibration"
    after: str = "calibrated, with 95% interval"


@our_style()
def draw_reliability(
    bins: Sequence[ReliabilityBin],
    *,
    before: Sequence[ReliabilityBin] = (),
    words: ReliabilityWords = ReliabilityWords(),
) -> Figure:
    """Accuracy over confidence: below the diagonal a classifier is too sure of itself.

    Args:
        bins: Those that have images.
        before: The same images without calibration, to be compared.
        words: What is written.
    """
    figure = empty_figure(words.label, height=4.7)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=[5, 1])
    set_title(above, words.title)
    (diagonal,) = above.plot([0, 1], [0, 1], color=QUIET, linewidth=1.0, linestyle="--")
    entries: list[Entry] = []
    if before:
        drawn = _draw_bins(above, before, colour=SKY, marker="s", face=PAPER, line=":")
        entries.append((drawn, words.before))
    drawn = _draw_bins(above, bins, colour=BLUE, marker="o", face=BLUE, line="-")
    entries += [(drawn, words.after if before else words.accuracy), (diagonal, words.diagonal)]
    above.set_xlim(-0.02, 1.02)
    above.set_ylim(-0.02, 1.02)
    for axis in (above.xaxis, above.yaxis):
        percent_ticks(axis)
    set_axis_labels(above, "", words.y)
    _draw_counts(below, bins)
    set_axis_labels(below, words.x, words.count)
    figure.align_ylabels([above, below])
    legend_below(figure, entries)
    return figure


def _draw_bins(
    axes: Axes, bins: Sequence[ReliabilityBin], *, colour: str, marker: str, face: str, line: str
) -> Line2D:
    """Points with their intervals; gives the points, for the legend."""
    confidence, accuracy, _, low, high = np.asarray(bins, dtype=np.float64).T
    axes.vlines(confidence, low, high, color=colour, linewidth=1.4)
    (points,) = axes.plot(
        confidence,
        accuracy,
        color=colour,
        linewidth=1.0,
        linestyle=line,
        marker=marker,
        markersize=5,
        markerfacecolor=face,
        zorder=3,
    )
    return points


def _draw_counts(axes: Axes, bins: Sequence[ReliabilityBin]) -> None:
    """Bars with a number at the highest only: there the shape counts."""
    counts = [one.num_images for one in bins]
    axes.bar([one.confidence for one in bins], counts, width=BAR, color=QUIET)
    axes.set_yticks([0, max(counts)], ["0", f"{max(counts):,}"])
    axes.grid(visible=False, axis="y")
