"""Pictures of calibration: the reliability diagram, and risk over coverage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from convscope.figures import style

BAR = 0.025  # width of a bin's bar, in confidence: thinner than the distance of 20 bins


class ReliabilityBin(NamedTuple):
    """A bin of images of similar confidence.

    Attributes:
        confidence: Mean confidence of the images.
        accuracy: Accuracy on the images.
        num_images: Number of images.
        low: Lower end of the accuracy's interval.
        high: Upper end of the accuracy's interval.
    """

    confidence: float
    accuracy: float
    num_images: int
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ReliabilityLabels:
    """Text on the reliability diagram; `after` if there is a `before`, else `accuracy`."""

    label: str = "Accuracy over confidence, with the number of images of each confidence"
    x: str = "confidence"
    y: str = "accuracy"
    count: str = "images"
    diagonal: str = "accuracy equals confidence"
    accuracy: str = "accuracy with 95% interval"
    before: str = "before calibration"
    after: str = "calibrated, with 95% interval"


@style.our_style()
def draw_reliability(
    bins: Sequence[ReliabilityBin],
    *,
    before: Sequence[ReliabilityBin] = (),
    labels: ReliabilityLabels = ReliabilityLabels(),
) -> Figure:
    """Reliability diagram: below the diagonal a classifier is overconfident.

    Args:
        bins: The bins that have images.
        before: The bins of the same images without calibration, to be compared.
        labels: Text on the picture.
    """
    figure = style.empty_figure(labels.label, height=4.7)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=[5, 1])
    (diagonal,) = above.plot([0, 1], [0, 1], color=style.QUIET, linewidth=1.0, linestyle="--")
    entries: list[style.Entry] = []
    if before:
        drawn = _draw_bins(above, before, colour=style.SKY, marker="s", face=style.PAPER, line=":")
        entries.append((drawn, labels.before))
    drawn = _draw_bins(above, bins, colour=style.BLUE, marker="o", face=style.BLUE, line="-")
    entries += [(drawn, labels.after if before else labels.accuracy), (diagonal, labels.diagonal)]
    above.set_xlim(-0.02, 1.02)
    above.set_ylim(-0.02, 1.02)
    for axis in (above.xaxis, above.yaxis):
        style.percent_ticks(axis)
    style.set_axis_labels(above, "", labels.y)
    _draw_counts(below, bins)
    style.set_axis_labels(below, labels.x, labels.count)
    figure.align_ylabels([above, below])
    style.legend_below(figure, entries)
    return figure


def _draw_bins(
    axes: Axes, bins: Sequence[ReliabilityBin], *, colour: str, marker: str, face: str, line: str
) -> Line2D:
    """Draws points with their intervals, and returns the points for the legend."""
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
    """Draws the number of images in each bin; only the highest bar has a number."""
    counts = [one.num_images for one in bins]
    axes.bar([one.confidence for one in bins], counts, width=BAR, color=style.QUIET)
    axes.set_yticks([0, max(counts)], ["0", f"{max(counts):,}"])
    axes.grid(visible=False, axis="y")


class ChosenThreshold(NamedTuple):
    """The confidence from which predictions are accepted, with its coverage and error.

    Attributes:
        threshold: The confidence.
        coverage: Fraction of images whose prediction is accepted.
        error: Fraction of the accepted predictions that are wrong.
    """

    threshold: float
    coverage: float
    error: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskCoverageLabels:
    """Text on the picture of selective prediction; a number follows `chosen` and `target`."""

    label: str = "Error of the accepted predictions over the fraction of images accepted"
    x: str = "fraction of images accepted, the most confident first"
    y: str = "error of accepted predictions"
    curve: str = "error"
    chosen: str = "from confidence"
    target: str = "target error"


@style.our_style()
def draw_risk_coverage(
    coverage: Sequence[float],
    error: Sequence[float],
    *,
    chosen: ChosenThreshold | None = None,
    target_error: float | None = None,
    labels: RiskCoverageLabels = RiskCoverageLabels(),
) -> Figure:
    """Selective prediction: the error over the fraction of images whose prediction is accepted.

    Args:
        coverage: (P,) fraction of images accepted, the most confident first; increasing.
        error: (P,) fraction of the accepted predictions that are wrong.
        chosen: The threshold to mark.
        target_error: The error that the threshold was chosen for.
        labels: Text on the picture.
    """
    figure, axes = style.new_figure(labels.label, height=3.3)
    marker = "o" if len(coverage) == 1 else ""  # one point is no line
    (curve,) = axes.plot(coverage, error, color=style.BLUE, marker=marker, clip_on=False)
    entries: list[style.Entry] = [(curve, labels.curve)]
    highest = [float(np.max(error))]
    if target_error is not None:
        line = axes.axhline(target_error, color=style.VERMILLION, linewidth=1.3, linestyle="--")
        entries.append((line, f"{labels.target}: {100 * target_error:.3g}%"))
        highest.append(target_error)
    if chosen is not None:
        axes.axvline(chosen.coverage, color=style.INK, linewidth=1.0, linestyle=":")
        (mark,) = axes.plot(chosen.coverage, chosen.error, marker="D", clip_on=False, **style.MARK)
        entries.append((mark, f"{labels.chosen}: {chosen.threshold:.3g}"))
        highest.append(chosen.error)
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1.1 * max(highest) or 0.01)
    style.percent_ticks(axes.xaxis)
    style.percent_ticks(axes.yaxis)
    style.set_axis_labels(axes, labels.x, labels.y)
    style.legend_below(figure, entries)
    return figure
