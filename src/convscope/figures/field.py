"""The picture of what a value sees: its box on the image, and how much each pixel counts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse, Rectangle
from numpy.typing import NDArray

from convscope.figures.style import (
    INK,
    QUIET,
    VERMILLION,
    WIDTH,
    Entry,
    legend_below,
    new_figure,
    our_style,
)
from convscope.figures.tiles import POSITIVE, paled


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldWords:
    """What is written on the picture."""

    title: str = ""
    label: str = "What a value of a feature map sees of the image"
    box: str = "receptive field"
    padding: str = "padding"
    spread: str = "95 % of what counts, along each axis"
    heat: str = "how much a pixel counts"


@dataclass(frozen=True, slots=True)
class Spread:
    """Where what counts is.

    Attributes:
        centre: (row, column) in pixels; the middle of the first pixel is 0.
        size: (height, width) in pixels.
    """

    centre: tuple[float, float]
    size: tuple[float, float]


@our_style()
def draw_field(
    image: NDArray[np.uint8],
    *,
    box: tuple[int, int, int, int],
    shares: NDArray[np.floating] | None = None,
    spread: Spread | None = None,
    words: FieldWords = FieldWords(),
) -> Figure:
    """The box of a value on the image, with what lies in the padding, and a heat map in it.

    Args:
        image: (H, W, C) of 0 to 255: the network's input.
        box: Top, left, bottom, right, the last two behind the last pixel; may reach beyond it.
        shares: (H, W) how much each pixel counts, at least 0.
        spread: An ellipse around what counts.
        words: What is written.
    """
    height, width = image.shape[:2]
    top, left, bottom, right = box
    rows = (min(0, top) - 0.5, max(height, bottom) - 0.5)
    columns = (min(0, left) - 0.5, max(width, right) - 0.5)
    ratio = (rows[1] - rows[0]) / (columns[1] - columns[0])
    figure, axes = new_figure(
        words.title, label=words.label, width=WIDTH, height=min(ratio, 1.4) * WIDTH + 0.7
    )
    figure.set_layout_engine("compressed")
    pixels = image if image.shape[2] == 3 else np.repeat(image, 3, axis=2)
    axes.imshow(pixels if shares is None else _heated(pixels, shares), interpolation="none")
    entries = [*_draw_box(axes, box, (height, width), words), *_draw_heat(shares, words)]
    if spread is not None:
        ellipse = Ellipse(
            (spread.centre[1], spread.centre[0]),
            *reversed(spread.size),
            fill=False,
            edgecolor=VERMILLION,
            linewidth=1.6,
        )
        axes.add_patch(ellipse)
        entries.append((ellipse, words.spread))
    axes.set_xlim(*columns)
    axes.set_ylim(*reversed(rows))
    axes.axis("off")
    legend_below(figure, entries)
    return figure


def _heated(pixels: NDArray[np.uint8], shares: NDArray[np.floating]) -> NDArray[np.uint8]:
    """(H, W, 3) the image, pale and grey, under the heat; dark is what counts.

    The root makes weak pixels visible: the largest share may be a hundred times the usual one.
    """
    heat = np.sqrt(np.clip(shares, 0, None) / (shares.max() or 1.0))
    colour = POSITIVE(0.4 + 0.6 * heat)[..., :3]
    mixed = (1 - heat[..., None]) * paled(pixels) + heat[..., None] * colour
    result: NDArray[np.uint8] = np.round(255 * mixed).astype(np.uint8)
    return result


def _draw_box(
    axes: Axes, box: tuple[int, int, int, int], size: tuple[int, int], words: FieldWords
) -> list[Entry]:
    """The frame, and stripes where it reaches beyond the image."""
    top, left, bottom, right = box
    inside = (max(top, 0), max(left, 0), min(bottom, size[0]), min(right, size[1]))
    frame = Rectangle((left - 0.5, top - 0.5), right - left, bottom - top, fill=False)
    frame.set(edgecolor=INK, linewidth=1.4, linestyle="--")
    entries: list[Entry] = [(frame, words.box)]
    beyond = [
        (top, left, inside[0], right),
        (inside[2], left, bottom, right),
        (inside[0], left, inside[2], inside[1]),
        (inside[0], inside[3], inside[2], right),
    ]
    stripes = [
        Rectangle((b - 0.5, a - 0.5), d - b, c - a, fill=False, hatch="////", linewidth=0)
        for a, b, c, d in beyond
        if c > a and d > b
    ]
    for part in stripes:
        part.set_edgecolor(QUIET)
        axes.add_patch(part)
    axes.add_patch(frame)
    return [*entries, *[(part, words.padding) for part in stripes[:1]]]


def _draw_heat(shares: NDArray[np.floating] | None, words: FieldWords) -> list[Entry]:
    if shares is None:
        return []
    return [(Rectangle((0, 0), 1, 1, facecolor=POSITIVE(0.8)), words.heat)]
