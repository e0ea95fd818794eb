"""The picture of what excites a channel: parts of images, the strongest first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from convscope.figures.style import LINE, PAPER, QUIET, legend_below, our_style
from convscope.figures.tiles import ENTRY_INCHES, Tile, draw_tiles

COLUMNS = 6
STRIPES = 12  # of the padding, across a tile


@dataclass(frozen=True, slots=True, kw_only=True)
class PatchesWords:
    """What is written on the picture."""

    title: str = ""
    label: str = "Parts of images that excite a channel most, the strongest first"
    padding: str = "padding"


@our_style()
def draw_patches(
    patches: Sequence[NDArray[np.uint8]],
    *,
    is_padding: Sequence[NDArray[np.bool_]],
    captions: Sequence[str],
    words: PatchesWords = PatchesWords(),
) -> Figure:
    """Patches in rows, with stripes where they reach beyond the image.

    Args:
        patches: Each (height, width, C) of 0 to 255, all of one shape.
        is_padding: Of each, (height, width) what is no part of the image.
        captions: Of each, how strong it is, for instance.
        words: What is written.
    """
    tiles = [
        Tile(striped(pixels, beyond), caption)
        for pixels, beyond, caption in zip(patches, is_padding, captions, strict=True)
    ]
    has_padding = any(beyond.any() for beyond in is_padding)
    figure, _ = draw_tiles(
        tiles,
        columns=COLUMNS,
        title=words.title,
        label=words.label,
        legend_inches=ENTRY_INCHES if has_padding else 0.0,
    )
    if has_padding:
        stripes = Rectangle((0, 0), 1, 1, facecolor=PAPER, edgecolor=QUIET, hatch="////")
        legend_below(figure, [(stripes, words.padding)])
    return figure


def striped(pixels: NDArray[np.uint8], beyond: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """(height, width, 3) the patch with diagonal stripes where it is padding."""
    colours = pixels if pixels.shape[2] == 3 else np.repeat(pixels, 3, axis=2)
    rows, columns = np.indices(beyond.shape)
    width = max(1, max(beyond.shape) // (2 * STRIPES))
    is_dark = ((rows + columns) // width % 2 == 0)[..., None]
    stripes = np.where(is_dark, to_rgb(LINE), to_rgb(PAPER))
    striped: NDArray[np.uint8] = np.where(
        beyond[..., None], np.round(255 * stripes).astype(np.uint8), colours
    )
    return striped
