"""Picture of networks: accuracy over multiply-accumulates, number of parameters as area."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter
from matplotlib.transforms import Bbox

from convscope.figures import style

LABEL = "Networks: accuracy against multiply-accumulates, area by parameters"
COLOURS = (style.BLUE, style.VERMILLION, style.GREEN, style.ORANGE, style.PURPLE, style.SKY)
MARKERS = "osD^vP"  # so that families can be told apart without colours
AREA_OF_A_MILLION = 1.5  # square points
EXAMPLE = 50_000_000  # parameters, in the legend
LEAST_AREA = 14.0
# Offsets of a name from its mark, in points; the first place that is free is taken.
PLACES = tuple((dx, dy) for dy in (0, -12, 12, -24, 24, -36, 36, -48) for dx in (5, -5))


class NetworkMark(NamedTuple):
    """The mark of a network.

    Attributes:
        name: Name written beside it.
        family: Networks of one family have one colour and one marker.
        macs: Multiply-accumulates of one image, above 0.
        accuracy: Accuracy as a fraction.
        parameters: Number of parameters, to which the area of the mark is proportional.
    """

    name: str
    family: str
    macs: int
    accuracy: float
    parameters: int


@style.our_style()
def draw_costs(networks: Sequence[NetworkMark]) -> Figure:
    """Accuracy against work on a logarithmic axis; the area of a mark is its number of parameters.

    Args:
        networks: At least one.
    """
    figure, axes = style.new_figure(LABEL, width=7.2, height=5.0)
    axes.set_xscale("log")
    entries: list[style.Entry] = []
    families = list(dict.fromkeys(network.family for network in networks))
    for index, family in enumerate(families):
        members = [network for network in networks if network.family == family]
        marks = axes.scatter(
            [network.macs for network in members],
            [network.accuracy for network in members],
            s=[_area(network.parameters) for network in members],
            color=COLOURS[index % len(COLOURS)],
            marker=MARKERS[index % len(MARKERS)],
            edgecolor=style.PAPER,
            linewidth=0.8,
            alpha=0.85,
            zorder=3,
        )
        entries.append((marks, style.printable(family)))
    size = axes.scatter([], [], s=_area(EXAMPLE), color=style.PAPER, edgecolor=style.QUIET)
    entries.append((size, f"area: {_short_number(EXAMPLE)} parameters"))
    axes.margins(x=0.16, y=0.1)
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: _short_number(value)))
    style.percent_ticks(axes.yaxis)
    style.set_axis_labels(axes, "multiply-accumulates of one image", "top-1 accuracy")
    style.legend_below(figure, entries)
    figure.draw_without_rendering()  # now it is known where the marks are
    _write_names(axes, networks)
    return figure


def _write_names(axes: Axes, networks: Sequence[NetworkMark]) -> None:
    """Writes each name beside its mark, where it covers no other name and no mark's middle."""
    taken = []
    for network in networks:
        x, y = axes.transData.transform((network.macs, network.accuracy))
        side = math.sqrt(_area(network.parameters)) * axes.figure.dpi / style.POINTS_PER_INCH
        taken.append(Bbox.from_bounds(x - side / 2, y - side / 2, side, side))
    # From the top: names below give way.
    for network in sorted(networks, key=lambda network: -network.accuracy):
        reach = math.sqrt(_area(network.parameters)) / 2
        for dx, dy in PLACES:
            text = axes.annotate(
                style.printable(network.name),
                (network.macs, network.accuracy),
                xytext=(dx + math.copysign(reach, dx), dy),
                textcoords="offset points",
                ha="left" if dx > 0 else "right",
                va="center",
                fontsize=7.5,
                color=style.INK,
                arrowprops={"arrowstyle": "-", "color": style.QUIET, "linewidth": 0.6}
                if dy
                else None,
            )
            text.get_window_extent()  # puts it into its place
            box = Text.get_window_extent(text)  # without the line to the mark
            is_inside = axes.bbox.x0 <= box.x0 and box.x1 <= axes.bbox.x1
            if is_inside and not any(box.overlaps(other) for other in taken):
                taken.append(box)
                if dy:  # the line to it
                    x, y = axes.transData.transform((network.macs, network.accuracy))
                    end = box.x0 if dx > 0 else box.x1
                    taken.append(Bbox.from_extents(x, y, end, (box.y0 + box.y1) / 2))
                break
            if (dx, dy) != PLACES[-1]:
                text.remove()


def _area(parameters: int) -> float:
    return max(LEAST_AREA, AREA_OF_A_MILLION * parameters / 1e6)


def _short_number(value: float) -> str:
    """A number in thousands, millions or billions."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:g} {letter}"
    return f"{value:g}"
