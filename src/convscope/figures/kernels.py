"""The picture of a convolution's kernels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from convscope.figures.style import legend_below, our_style
from convscope.figures.tiles import (
    ENTRY_INCHES,
    SCALE_INCHES,
    Tile,
    colour_legend,
    coloured,
    draw_tiles,
)

COLUMNS = 8
AT_MOST = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelsWords:
    """What is written on the picture; a kernel's caption is its number."""

    title: str = ""
    label: str = "Kernels of a convolution"
    weight: str = "weight, the same colours for all kernels"
    nothing: str = "weight 0; brighter is positive, each kernel by itself"


@our_style()
def draw_kernels(
    kernels: NDArray[np.floating],
    *,
    numbers: Sequence[int] | None = None,
    most: int = AT_MOST,
    words: KernelsWords = KernelsWords(),
) -> Figure:
    """Kernels as pictures.

    Args:
        kernels: (K, height, width) weights: then 0 is white. Or (K, height, width, 3), of a layer
            that looks at colour images: then each is the colours that excite it, 0 is grey, and
            each has its own range.
        numbers: Which kernels, or which of a kernel's channels, these are; from 0 if None.
        most: How many are shown.
        words: What is written.
    """
    weights = np.asarray(kernels, np.float64)[:most]
    captions = [str(number) for number in (numbers or range(len(weights)))]
    limit = float(np.abs(weights).max())
    if weights.ndim == 4:
        pixels = [_colour_picture(kernel) for kernel in weights]
    else:
        pixels = [coloured(kernel, limit=limit, is_signed=True) for kernel in weights]
    tiles = [Tile(*pair) for pair in zip(pixels, captions, strict=False)]
    is_coloured = weights.ndim == 4
    figure, axes = draw_tiles(
        tiles,
        columns=COLUMNS,
        title=words.title,
        label=words.label,
        legend_inches=ENTRY_INCHES if is_coloured else SCALE_INCHES,
    )
    if is_coloured:
        nothing = Rectangle((0, 0), 1, 1, facecolor=str(128 / 255))
        legend_below(figure, [(nothing, words.nothing)])
    else:
        colour_legend(figure, axes, limit=limit, is_signed=True, words=(words.weight, "", ""))
    return figure


def _colour_picture(kernel: NDArray[np.float64]) -> NDArray[np.uint8]:
    """(height, width, 3) the kernel as an image; its largest weight is full brightness or none."""
    shares = 0.5 + kernel / (2 * (np.abs(kernel).max() or 1.0))
    pixels: NDArray[np.uint8] = np.round(255 * shares).astype(np.uint8)
    return pixels
