"""The picture of a class map: how probable a class is at each place of a larger image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from convscope.figures.style import INK, WIDTH, legend_below, new_figure, our_style
from convscope.figures.tiles import POSITIVE, paled

VEIL = 0.8  # how opaque the surest place is: the image stays visible


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassMapWords:
    """What is written on the picture."""

    title: str = ""
    label: str = "How probable a class is at each place of an image"
    scale: str = "probability of the class"
    window: str = "what one place answers for"


@our_style()
def draw_class_map(
    image: NDArray[np.uint8],
    probabilities: NDArray[np.floating],
    *,
    window: tuple[int, int],
    step: tuple[int, int],
    words: ClassMapWords = ClassMapWords(),
) -> Figure:
    """The probability of one class over the image; each place is drawn in the middle of its window.

    Args:
        image: (H, W, C) of 0 to 255.
        probabilities: (H', W') of the class, 0 to 1.
        window: (height, width) of what one place answers for; drawn for the surest one.
        step: (down, right) from one place to the next.
        words: What is written.
    """
    height, width = image.shape[:2]
    figure, axes = new_figure(
        words.title,
        label=words.label,
        width=WIDTH,
        height=min(height / width, 1.4) * WIDTH + 1.0,
    )
    figure.set_layout_engine("compressed")
    axes.imshow(np.round(255 * paled(image)).astype(np.uint8), interpolation="none")
    rows, columns = probabilities.shape
    top, left = ((side - by) / 2 - 0.5 for side, by in zip(window, step, strict=True))
    # Colours with their opacity, not numbers: where nothing is, the image is seen as it is.
    veil = POSITIVE(0.35 + 0.65 * np.asarray(probabilities, np.float64))
    veil[..., 3] = VEIL * probabilities
    axes.imshow(
        np.round(255 * veil).astype(np.uint8),
        interpolation="none",
        extent=(left, left + columns * step[1], top + rows * step[0], top),
    )
    row, column = np.unravel_index(int(np.argmax(probabilities)), probabilities.shape)
    corner = (int(column) * step[1] - 0.5, int(row) * step[0] - 0.5)
    frame = Rectangle(corner, window[1], window[0], fill=False, edgecolor=INK, linestyle="--")
    axes.add_patch(frame)
    axes.set_xlim(-0.5, width - 0.5)
    axes.set_ylim(height - 0.5, -0.5)
    axes.axis("off")
    figure.colorbar(
        ScalarMappable(Normalize(0, 1), POSITIVE),
        ax=axes,
        location="bottom",
        aspect=40,
        pad=0.02,
        label=words.scale,
        ticks=[0, 0.5, 1],
    )
    legend_below(figure, [(frame, words.window)])
    return figure
