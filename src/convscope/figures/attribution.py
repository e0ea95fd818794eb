"""Maps of what speaks for a class, drawn over the image, and how true they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font
from numpy.typing import NDArray

from convscope.figures.style import (
    BLUE,
    INK,
    LINE,
    POINTS_PER_INCH,
    QUIET,
    TEXT_SIZE,
    VERMILLION,
    WIDTH,
    empty_figure,
    legend_below,
    our_style,
)
from convscope.figures.text import broken

FOR, AGAINST = VERMILLION, BLUE
LIGHTER = 0.45  # how far the grey image below is brought towards white, so that colours stand out
STRONGEST = 0.85  # opacity of the colour where the map is largest
FULL_COLOUR = 0.99  # share of the pixels that have less than the strongest colour
PANEL_INCHES = 2.5
COLUMNS = 4

Pixels = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class Panel:
    """One map over the image.

    Attributes:
        title: Above it.
        values: (H, W) what speaks for (above 0) and against (below 0); None for the image itself.
        caption: Below it.
    """

    title: str
    values: NDArray[np.float32] | None
    caption: str = ""


@dataclass(frozen=True, slots=True)
class FaithfulnessWords:
    """What is written; another language is another instance."""

    title: str = "How fast the class goes and comes back"
    label: str = "Score of the class while pixels are taken away and put back, by the map and at "
    "random"
    taken: str = "taken away, most important first"
    put_back: str = "put back, most important first"
    share: str = "Share of the pixels"
    score: str = "Score"
    own: str = "by the map"
    random: str = "by random maps"


def overlaid(pixels: Pixels, values: NDArray[np.float32]) -> Pixels:
    """The image (H, W, 3) in light grey, coloured where the map is not 0.

    Orange speaks for the class, blue against it; the largest hundredth of the values has the
    strongest colour, as single pixels of a gradient are many times as large as all others.

    Args:
        pixels: (H, W, C) of 1 or 3 channels.
        values: (H, W).
    """
    grey = pixels.astype(np.float64).mean(axis=2, keepdims=True) / 255
    paper = LIGHTER + (1 - LIGHTER) * np.repeat(grey, 3, axis=2)
    sizes = np.abs(values)
    most = float(np.quantile(sizes, FULL_COLOUR) or sizes.max())
    share = (sizes / most).clip(0, 1) if most > 0 else np.zeros_like(values)
    opacity = STRONGEST * share[..., None]
    colour = np.where((values > 0)[..., None], to_rgb(FOR), to_rgb(AGAINST))
    # Multiplied with the grey below, so that shapes stay visible under the colour.
    mixed = paper * (1 - opacity) + colour * (0.5 + 0.5 * paper) * opacity
    return np.round(255 * mixed.clip(0, 1)).astype(np.uint8)


@our_style()
def draw_attributions(pixels: Pixels, panels: Sequence[Panel], *, label: str) -> Figure:
    """Maps over one image beside each other.

    Args:
        pixels: (H, W, C) what the network saw.
        panels: At least one; in rows of four.
        label: What is read out to those who can't see it.
    """
    columns = min(COLUMNS, len(panels))
    rows = -(-len(panels) // columns)
    ratio = pixels.shape[0] / pixels.shape[1]
    captions = [
        broken(_drawable(p.caption), PANEL_INCHES * POINTS_PER_INCH, size=TEXT_SIZE) for p in panels
    ]
    lines = max(caption.count("\n") + 1 if caption else 0 for caption in captions)
    height = PANEL_INCHES * ratio + 0.28 + 0.17 * lines
    figure = empty_figure(label, width=columns * PANEL_INCHES, height=rows * height)
    grid = figure.subplots(rows, columns, squeeze=False)
    for axes in grid.flat[len(panels) :]:
        axes.set_visible(False)
    for axes, panel, caption in zip(grid.flat, panels, captions, strict=False):
        _show(axes, pixels if panel.values is None else overlaid(pixels, panel.values))
        title = broken(_drawable(panel.title), PANEL_INCHES * POINTS_PER_INCH, size=TEXT_SIZE + 1)
        axes.set_title(title, fontsize=TEXT_SIZE + 1, color=INK, pad=5)
        axes.set_xlabel(caption, color=QUIET, fontsize=TEXT_SIZE, loc="left")
    return figure


@our_style()
def draw_faithfulness(
    curves: Sequence[tuple[NDArray[np.float64], NDArray[np.float64]]],
    *,
    words: FaithfulnessWords = FaithfulnessWords(),
) -> Figure:
    """The score while pixels are taken away, and while they are put back.

    Args:
        curves: For both: (S + 1,) by the map, and (D, S + 1) by random maps.
        words: What is written.
    """
    figure = empty_figure(words.label, width=WIDTH, height=3.0)
    both = figure.subplots(1, 2, sharey=True)
    for axes, (own, random), name in zip(both, curves, (words.taken, words.put_back), strict=True):
        share = np.linspace(0, 1, len(own))
        band = axes.fill_between(share, random.min(axis=0), random.max(axis=0), color=LINE)
        axes.plot(share, random.mean(axis=0), color=QUIET, linewidth=1.0)
        (line,) = axes.plot(share, own, color=FOR)
        axes.set_ylim(-0.02, 1.02)
        axes.set_xlim(0, 1)
        axes.set_xticks([0, 0.5, 1], ["0%", "50%", "100%"])
        points = WIDTH / 2 * POINTS_PER_INCH - 30
        axes.set_title(broken(name, points, size=TEXT_SIZE), fontsize=TEXT_SIZE, color=QUIET)
        axes.set_xlabel(broken(words.share, points, size=TEXT_SIZE))
    both[0].set_ylabel(words.score)
    legend_below(figure, [(line, words.own), (band, words.random)])
    return figure


def _drawable(text: str) -> str:
    """The text with `?` for letters that our font lacks, which would be drawn as boxes."""
    font = get_font(findfont(FontProperties(family="DejaVu Sans")))
    return "".join(letter if font.get_char_index(ord(letter)) else "?" for letter in text)


def _show(axes: Axes, pixels: Pixels) -> None:
    axes.imshow(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels, cmap="gray", vmin=0, vmax=255)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
