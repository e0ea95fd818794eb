"""Tiles: many small pictures in one, each with a caption, and the colours of numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure
from numpy.typing import NDArray

from convscope.figures import style

GAP = 0.08  # between tiles, in widths of a tile
CAPTION_SIZE = 7.5
CAPTION_EM = 1.5  # height of a caption's line
SCALE_INCHES, ENTRY_INCHES = 0.75, 0.36  # room for a scale of colours, or for one entry of a legend

PALEST = 0.45  # brightness of black in an image that something is drawn over

# 0 is white. Above it gets dark in blue, below it in brown: both are told apart with any colour
# vision, and by their legend in grey.
POSITIVE = LinearSegmentedColormap.from_list(
    "positive", ["#ffffff", "#a8cdea", "#56a0d3", "#1f6fb2", "#0b3f78", "#041a38"]
)
SIGNED = LinearSegmentedColormap.from_list(
    "signed",
    ["#3d1c02", "#8c4a0b", "#d99a4e", "#f3dcc0", "#ffffff", "#a8cdea", "#56a0d3", "#1f6fb2",
     "#041a38"],
    N=257,  # one of them is 0
)  # fmt: skip


class Tile(NamedTuple):
    """A small picture.

    Attributes:
        pixels: (height, width, 3), 0 to 255.
        caption: One short line.
    """

    pixels: NDArray[np.uint8]
    caption: str


def draw_tiles(
    tiles: Sequence[Tile], *, columns: int, label: str, legend_inches: float
) -> tuple[Figure, Axes]:
    """Draws tiles of equal size in rows; to be called within `our_style`.

    Args:
        tiles: The tiles, all of one shape.
        columns: Number of tiles in a row.
        label: Alternative text for those who can't see it.
        legend_inches: Room for a legend below.
    """
    height, width = tiles[0].pixels.shape[:2]
    tile_inches = style.WIDTH / (columns * (1 + GAP))
    ratio = height / width
    caption = CAPTION_EM * CAPTION_SIZE / style.POINTS_PER_INCH / tile_inches
    pitch = ratio + caption + GAP
    rows = -(-len(tiles) // columns)
    figure, axes = style.new_figure(label, height=rows * pitch * tile_inches + legend_inches)
    figure.set_layout_engine("compressed")
    letters = tile_inches * style.POINTS_PER_INCH / (CAPTION_SIZE * style.LETTER_EM)
    for number, tile in enumerate(tiles):
        row, column = divmod(number, columns)
        left, top = column * (1 + GAP), row * pitch
        axes.imshow(tile.pixels, interpolation="none", extent=(left, left + 1, top + ratio, top))
        axes.plot(
            [left, left + 1, left + 1, left, left],
            [top, top, top + ratio, top + ratio, top],
            color=style.LINE,
            linewidth=0.6,
        )
        axes.text(
            left + 0.5,
            top + ratio + 0.02,
            style.shortened(tile.caption, letters),
            size=CAPTION_SIZE,
            color=style.QUIET,
            ha="center",
            va="top",
        )
    axes.set_xlim(-GAP / 2, columns * (1 + GAP) - GAP / 2)
    axes.set_ylim(rows * pitch, -GAP / 2)
    axes.set_aspect("equal")
    axes.axis("off")
    return figure, axes


def coloured(values: NDArray[np.float64], *, limit: float, is_signed: bool) -> NDArray[np.uint8]:
    """(H, W, 3) pixels of numbers (H, W): white is 0, the darkest is `limit` or beyond.

    Non-finite numbers are drawn in a middle grey, which no number has.
    """
    scale = limit or 1.0
    shares = values / (2 * scale) + 0.5 if is_signed else values / scale
    colours = (SIGNED if is_signed else POSITIVE)(np.clip(shares, 0, 1))[..., :3]
    colours[~np.isfinite(values)] = 0.6
    pixels: NDArray[np.uint8] = np.round(255 * colours).astype(np.uint8)
    return pixels


def paled(image: NDArray[np.uint8]) -> NDArray[np.float64]:
    """(H, W, 3) an image (H, W, C) in pale grey, 0 to 1: what is drawn over it is darker."""
    grey = image.mean(axis=2, keepdims=True) / 255
    return PALEST + (1 - PALEST) * np.repeat(grey, 3, axis=2)


def colour_legend(figure: Figure, axes: Axes, *, label: str, ends: Sequence[str]) -> None:
    """Draws the scale of colours below the tiles.

    Args:
        figure: The picture with the tiles.
        axes: The axes that they are in.
        label: What the numbers are.
        ends: Names of 0 and of the upper end; of the lower end first where there are numbers
            below 0.
    """
    is_signed = len(ends) == 3
    low = -1.0 if is_signed else 0.0
    bar = figure.colorbar(
        ScalarMappable(Normalize(low, 1.0), SIGNED if is_signed else POSITIVE),
        ax=axes,
        location="bottom",
        aspect=40,
        pad=0.02,
        label=style.broken(label, style.WIDTH * style.POINTS_PER_INCH, size=style.TEXT_SIZE),
    )
    bar.set_ticks([low, 0.0, 1.0] if is_signed else [0.0, 1.0], labels=ends)
    # Else the outer ones stand beyond the bar, and the tiles get smaller to make room for them.
    first, *_, last = bar.ax.get_xticklabels()
    first.set_horizontalalignment("left")
    last.set_horizontalalignment("right")
