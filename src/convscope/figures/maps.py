"""The picture of a layer's feature maps: a contact sheet, the most active map first."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from convscope.figures.style import our_style
from convscope.figures.tiles import SCALE_INCHES, Tile, colour_legend, coloured, draw_tiles

COLUMNS = 6
AT_MOST = 48


@dataclass(frozen=True, slots=True, kw_only=True)
class MapsWords:
    """What is written on the picture; a map's caption is its channel and its largest value."""

    title: str = ""
    label: str = "Feature maps, the one with the largest value first"
    shared: str = "activation, the same colours for all maps"
    own: str = "activation, colours for each map by itself"
    lowest: str = "below 0"
    highest: str = "the map's largest"


@our_style()
def draw_maps(
    maps: NDArray[np.floating],
    *,
    shared_range: bool = False,
    by_channel: bool = False,
    most: int = AT_MOST,
    words: MapsWords = MapsWords(),
) -> Figure:
    """The feature maps of one image, with what colours mean.

    Args:
        maps: (C, H, W) what a layer gives.
        shared_range: Whether a colour is the same number in all maps; else each map's darkest is
            its own largest absolute value, so that weak maps show something, too.
        by_channel: Whether they stay in the order of the channels.
        most: How many are shown; the others are the least active ones.
        words: What is written.
    """
    values = np.asarray(maps, np.float64)
    finite = np.where(np.isfinite(values), values, 0.0)
    largest = finite.max(axis=(1, 2))
    limits = np.abs(finite).max(axis=(1, 2))
    shown = np.argsort(-largest, kind="stable")[:most]
    if by_channel:
        shown = np.sort(shown)
    is_signed = bool((finite[shown] < 0).any())
    limit = float(limits[shown].max())
    tiles = [
        Tile(
            coloured(
                values[channel],
                limit=limit if shared_range else float(limits[channel]),
                is_signed=is_signed,
            ),
            f"{channel}: {largest[channel]:.3g}",
        )
        for channel in shown.tolist()
    ]
    figure, axes = draw_tiles(
        tiles, columns=COLUMNS, title=words.title, label=words.label, legend_inches=SCALE_INCHES
    )
    colour_legend(
        figure,
        axes,
        limit=limit if shared_range else None,
        is_signed=is_signed,
        words=(words.shared if shared_range else words.own, words.lowest, words.highest),
    )
    return figure
