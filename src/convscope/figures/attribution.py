"""Pictures of attributions over the image, of their faithfulness, and of class maps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize, to_rgb
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from convscope.figures import style
from convscope.figures.tiles import POSITIVE, paled

FOR, AGAINST = style.VERMILLION, style.BLUE
STRONGEST = 0.85  # opacity of the colour where the map is largest
FULL_COLOUR = 0.99  # fraction of the pixels that have less than the strongest colour
VEIL = 0.8  # opacity of the most probable position of a class map: the image stays visible
PANEL_INCHES = 2.5
COLUMNS = 4

Pixels = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class Panel:
    """One attribution over the image.

    Attributes:
        title: Title above it.
        values: (H, W) evidence for (above 0) and against (below 0) the class; None for the image
            itself.
        caption: Text below it.
    """

    title: str
    values: NDArray[np.float32] | None
    caption: str = ""


@dataclass(frozen=True, slots=True)
class FaithfulnessLabels:
    """Text on the picture of faithfulness."""

    label: str = (
        "Score of the class while pixels are deleted and inserted, by the map and at random"
    )
    taken: str = "deletion, most important first"
    put_back: str = "insertion, most important first"
    share: str = "Fraction of the pixels"
    score: str = "Score"
    own: str = "by the map"
    random: str = "by random maps"


def overlaid(pixels: Pixels, values: NDArray[np.float32]) -> Pixels:
    """The image (H, W, 3) in light grey, coloured where the map is not 0.

    Orange is evidence for the class, blue against it; the largest hundredth of the values has the
    strongest colour, as single pixels of a gradient are many times as large as all others.

    Args:
        pixels: (H, W, C) the image, with 1 or 3 channels.
        values: (H, W) the map.
    """
    paper = paled(pixels)
    sizes = np.abs(values)
    most = float(np.quantile(sizes, FULL_COLOUR) or sizes.max())
    share = (sizes / most).clip(0, 1) if most > 0 else np.zeros_like(values)
    opacity = STRONGEST * share[..., None]
    colour = np.where((values > 0)[..., None], to_rgb(FOR), to_rgb(AGAINST))
    # Multiplied with the grey below, so that shapes stay visible under the colour.
    mixed = paper * (1 - opacity) + colour * (0.5 + 0.5 * paper) * opacity
    return np.round(255 * mixed.clip(0, 1)).astype(np.uint8)


@style.our_style()
def draw_attributions(pixels: Pixels, panels: Sequence[Panel], *, label: str) -> Figure:
    """Attributions of one image beside each other.

    Args:
        pixels: (H, W, C) the image as the network sees it.
        panels: At least one; in rows of four.
        label: Alternative text for those who can't see it.
    """
    columns = min(COLUMNS, len(panels))
    rows = -(-len(panels) // columns)
    ratio = pixels.shape[0] / pixels.shape[1]
    captions = [
        style.broken(
            _drawable(p.caption), PANEL_INCHES * style.POINTS_PER_INCH, size=style.TEXT_SIZE
        )
        for p in panels
    ]
    lines = max(caption.count("\n") + 1 if caption else 0 for caption in captions)
    height = PANEL_INCHES * ratio + 0.28 + 0.17 * lines
    figure = style.empty_figure(label, width=columns * PANEL_INCHES, height=rows * height)
    grid = figure.subplots(rows, columns, squeeze=False)
    for axes in grid.flat[len(panels) :]:
        axes.set_visible(False)
    for axes, panel, caption in zip(grid.flat, panels, captions, strict=False):
        shown = pixels if panel.values is None else overlaid(pixels, panel.values)
        shown = shown[:, :, 0] if shown.shape[2] == 1 else shown
        axes.imshow(shown, cmap="gray", vmin=0, vmax=255)
        axes.set(xticks=[], yticks=[])
        axes.grid(visible=False)
        axes.spines[:].set_visible(False)
        title = style.broken(
            _drawable(panel.title), PANEL_INCHES * style.POINTS_PER_INCH, size=style.TEXT_SIZE + 1
        )
        axes.set_title(title, fontsize=style.TEXT_SIZE + 1, color=style.INK, pad=5)
        axes.set_xlabel(caption, color=style.QUIET, fontsize=style.TEXT_SIZE, loc="left")
    return figure


@style.our_style()
def draw_faithfulness(
    curves: Sequence[tuple[NDArray[np.float64], NDArray[np.float64]]],
    *,
    labels: FaithfulnessLabels = FaithfulnessLabels(),
) -> Figure:
    """The score while pixels are deleted, and while they are inserted.

    Args:
        curves: For deletion and insertion: (S + 1,) by the map, and (D, S + 1) by random maps.
        labels: Text on the picture.
    """
    figure = style.empty_figure(labels.label, height=3.0)
    both = figure.subplots(1, 2, sharey=True)
    for axes, (own, random), name in zip(
        both, curves, (labels.taken, labels.put_back), strict=True
    ):
        share = np.linspace(0, 1, len(own))
        band = axes.fill_between(share, random.min(axis=0), random.max(axis=0), color=style.LINE)
        axes.plot(share, random.mean(axis=0), color=style.QUIET, linewidth=1.0)
        (line,) = axes.plot(share, own, color=FOR)
        axes.set_ylim(-0.02, 1.02)
        axes.set_xlim(0, 1)
        axes.set_xticks([0, 0.5, 1], ["0%", "50%", "100%"])
        points = style.WIDTH / 2 * style.POINTS_PER_INCH - 30
        axes.set_title(
            style.broken(name, points, size=style.TEXT_SIZE),
            fontsize=style.TEXT_SIZE,
            color=style.QUIET,
        )
        axes.set_xlabel(style.broken(labels.share, points, size=style.TEXT_SIZE))
    both[0].set_ylabel(labels.score)
    style.legend_below(figure, [(line, labels.own), (band, labels.random)])
    return figure


def _drawable(text: str) -> str:
    """The text with `?` for letters that our font lacks, which would be drawn as boxes."""
    font = get_font(findfont(FontProperties(family="DejaVu Sans")))
    return "".join(letter if font.get_char_index(ord(letter)) else "?" for letter in text)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassMapLabels:
    """Text on the picture of a class map."""

    label: str = "Probability of a class at each position of an image"
    scale: str = "probability of the class"
    window: str = "window of one position"


@style.our_style()
def draw_class_map(
    image: NDArray[np.uint8],
    probabilities: NDArray[np.floating],
    *,
    window: tuple[int, int],
    step: tuple[int, int],
    labels: ClassMapLabels = ClassMapLabels(),
) -> Figure:
    """The probability of one class over the image, each position in the middle of its window.

    Args:
        image: (H, W, C) the image, 0 to 255.
        probabilities: (H', W') probability of the class.
        window: (height, width) of the image that one position sees; drawn for the most probable.
        step: (down, right) pixels from one position to the next.
        labels: Text on the picture.
    """
    height, width = image.shape[:2]
    figure, axes = style.new_figure(
        labels.label, height=min(height / width, 1.4) * style.WIDTH + 1.0
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
    frame = Rectangle(corner, window[1], window[0], fill=False, edgecolor=style.INK, linestyle="--")
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
        label=labels.scale,
        ticks=[0, 0.5, 1],
    )
    style.legend_below(figure, [(frame, labels.window)])
    return figure
