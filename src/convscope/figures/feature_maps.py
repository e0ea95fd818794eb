"""Pictures of layers: feature maps, kernels, patches, sparsity, receptive fields on an image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse, Rectangle
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from convscope.figures import style
from convscope.figures.tiles import (
    ENTRY_INCHES,
    POSITIVE,
    SCALE_INCHES,
    Tile,
    colour_legend,
    coloured,
    draw_tiles,
    paled,
)

MAPS_ACROSS = 6
MAPS_AT_MOST = 48
KERNELS_ACROSS = 8
KERNELS_AT_MOST = 64
STRIPES = 12  # of the padding, across a patch


@dataclass(frozen=True, slots=True, kw_only=True)
class MapsLabels:
    """Text on the picture; a map's caption is its channel and its largest value."""

    label: str = "Feature maps, the one with the largest value first"
    own: str = "activation, colours for each map by itself"
    lowest: str = "below 0"
    highest: str = "the map's largest"


@style.our_style()
def draw_maps(
    maps: NDArray[np.floating],
    *,
    most: int = MAPS_AT_MOST,
    labels: MapsLabels = MapsLabels(),
) -> Figure:
    """The feature maps of a layer for one image, the most active first.

    Args:
        maps: (C, H, W) the feature maps. The darkest colour of each is its own largest absolute
            value, so that weak maps show something, too.
        most: Number of maps that are shown; the others are the least active ones.
        labels: Text on the picture.
    """
    values = np.asarray(maps, np.float64)
    finite = np.where(np.isfinite(values), values, 0.0)
    largest = finite.max(axis=(1, 2))
    limits = np.abs(finite).max(axis=(1, 2))
    shown = np.argsort(-largest, kind="stable")[:most].tolist()
    is_signed = bool((finite[shown] < 0).any())
    drawn = [
        Tile(
            coloured(values[channel], limit=float(limits[channel]), is_signed=is_signed),
            f"{channel}: {largest[channel]:.3g}",
        )
        for channel in shown
    ]
    figure, axes = draw_tiles(
        drawn, columns=MAPS_ACROSS, label=labels.label, legend_inches=SCALE_INCHES
    )
    ends = [labels.lowest, "0", labels.highest] if is_signed else ["0", labels.highest]
    colour_legend(figure, axes, label=labels.own, ends=ends)
    return figure


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelsLabels:
    """Text on the picture; a kernel's caption is its number."""

    label: str = "Kernels of a convolution"
    weight: str = "weight, the same colours for all kernels"
    nothing: str = "weight 0; brighter is positive, each kernel by itself"


@style.our_style()
def draw_kernels(
    kernels: NDArray[np.floating], *, labels: KernelsLabels = KernelsLabels()
) -> Figure:
    """Kernels as pictures, the first 64.

    Args:
        kernels: (K, height, width) weights: 0 is white. Or (K, height, width, 3), of a layer on
            colour images: each kernel is shown in the colours that excite it, with 0 in grey and
            its own range.
        labels: Text on the picture.
    """
    weights = np.asarray(kernels, np.float64)[:KERNELS_AT_MOST]
    limit = float(np.abs(weights).max())
    is_coloured = weights.ndim == 4
    pixels = [
        _colour_picture(kernel) if is_coloured else coloured(kernel, limit=limit, is_signed=True)
        for kernel in weights
    ]
    figure, axes = draw_tiles(
        [Tile(each, str(number)) for number, each in enumerate(pixels)],
        columns=KERNELS_ACROSS,
        label=labels.label,
        legend_inches=ENTRY_INCHES if is_coloured else SCALE_INCHES,
    )
    if is_coloured:
        nothing = Rectangle((0, 0), 1, 1, facecolor=str(128 / 255))
        style.legend_below(figure, [(nothing, labels.nothing)])
    else:
        ends = [f"{-limit:.3g}", "0", f"{limit:.3g}"]
        colour_legend(figure, axes, label=labels.weight, ends=ends)
    return figure


def kernel_pictures(
    weights: NDArray[np.floating], *, most: int
) -> list[tuple[int | None, NDArray[np.uint8]]]:
    """Pictures of one kernel (C, height, width): its slices with the largest weights.

    Each comes with its input channel; a kernel on colour images is one picture, without channel.
    """
    values = np.asarray(weights, np.float64)
    if len(values) == 3:
        return [(None, _colour_picture(values.transpose(1, 2, 0)))]
    limit = float(np.abs(values).max())
    strongest = np.argsort(-np.abs(values).sum(axis=(1, 2)), kind="stable")[:most]
    return [
        (int(channel), coloured(values[channel], limit=limit, is_signed=True))
        for channel in strongest
    ]


def _colour_picture(kernel: NDArray[np.float64]) -> NDArray[np.uint8]:
    """(height, width, 3) the kernel as an image; its largest weight is white or black."""
    shares = 0.5 + kernel / (2 * (np.abs(kernel).max() or 1.0))
    pixels: NDArray[np.uint8] = np.round(255 * shares).astype(np.uint8)
    return pixels


def striped(pixels: NDArray[np.uint8], beyond: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """(height, width, 3) the patch with diagonal stripes where it is padding."""
    colours = pixels if pixels.shape[2] == 3 else np.repeat(pixels, 3, axis=2)
    rows, columns = np.indices(beyond.shape)
    width = max(1, max(beyond.shape) // (2 * STRIPES))
    is_dark = ((rows + columns) // width % 2 == 0)[..., None]
    stripes = np.where(is_dark, to_rgb(style.LINE), to_rgb(style.PAPER))
    striped: NDArray[np.uint8] = np.where(
        beyond[..., None], np.round(255 * stripes).astype(np.uint8), colours
    )
    return striped


@dataclass(frozen=True, slots=True, kw_only=True)
class SparsityLabels:
    """Text on the picture."""

    label: str = "Fraction of zeros of each channel, the fewest first"
    x: str = "channels, the most active first"
    y: str = "values that are 0"
    channel: str = "a channel"
    dead: str = "dead: 0 everywhere"
    mean: str = "all channels"


@style.our_style()
def draw_zero_shares(
    shares: Sequence[float], *, num_dead: int, labels: SparsityLabels = SparsityLabels()
) -> Figure:
    """The fraction of zeros of each channel as a bar, the most active channel first.

    Args:
        shares: Fraction of zeros of each of the C channels.
        num_dead: Number of channels that are zero everywhere; these are the last ones.
        labels: Text on the picture.
    """
    ordered = np.sort(np.asarray(shares, np.float64))
    figure, axes = style.new_figure(labels.label, height=2.6)
    places = np.arange(len(ordered))
    alive = len(ordered) - num_dead
    # One filled step line: of a thousand bars most browsers draw only the gaps between them.
    edges = np.append(places, len(ordered)) - 0.5
    entries: list[style.Entry] = []
    for first, last, colour, name in (
        (0, alive, style.BLUE, labels.channel),
        (alive, len(ordered), style.VERMILLION, labels.dead),
    ):
        if last > first:
            bars = axes.stairs(ordered[first:last], edges[first : last + 1], fill=True)
            bars.set(facecolor=colour, edgecolor="none")
            entries.append((bars, name))
    mean = axes.axhline(float(ordered.mean()), color=style.QUIET, linewidth=1.0, linestyle="--")
    entries.append((mean, labels.mean))
    axes.set_xlim(-0.5, len(ordered) - 0.5)
    axes.set_ylim(0, 1.02)
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    style.percent_ticks(axes.yaxis)
    style.set_axis_labels(axes, labels.x, labels.y)
    style.legend_below(figure, entries)
    return figure


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldLabels:
    """Text on the picture."""

    label: str = "What a value of a feature map sees of the image"
    box: str = "receptive field"
    padding: str = "padding"
    spread: str = "95 % of the contributions, along each axis"
    heat: str = "contribution of a pixel"


@dataclass(frozen=True, slots=True)
class EffectiveExtent:
    """Extent of an effective receptive field.

    Attributes:
        centre: (row, column) in pixels; the middle of the first pixel is 0.
        size: (height, width) in pixels.
    """

    centre: tuple[float, float]
    size: tuple[float, float]


@style.our_style()
def draw_field(
    image: NDArray[np.uint8],
    *,
    box: tuple[int, int, int, int],
    shares: NDArray[np.floating],
    effective: EffectiveExtent,
    labels: FieldLabels = FieldLabels(),
) -> Figure:
    """The receptive field of a value on the image, with its padding and a heat map.

    Args:
        image: (H, W, C) the network's input, 0 to 255.
        box: Top, left, bottom, right of the receptive field, the last two behind the last pixel; it
            may reach beyond the image.
        shares: (H, W) contribution of each pixel, at least 0.
        effective: The effective receptive field, drawn as an ellipse.
        labels: Text on the picture.
    """
    height, width = image.shape[:2]
    top, left, bottom, right = box
    rows = (min(0, top) - 0.5, max(height, bottom) - 0.5)
    columns = (min(0, left) - 0.5, max(width, right) - 0.5)
    ratio = (rows[1] - rows[0]) / (columns[1] - columns[0])
    figure, axes = style.new_figure(labels.label, height=min(ratio, 1.4) * style.WIDTH + 0.7)
    figure.set_layout_engine("compressed")
    axes.imshow(_heated(image, shares), interpolation="none")
    heat = Rectangle((0, 0), 1, 1, facecolor=POSITIVE(0.8))
    ellipse = Ellipse(
        (effective.centre[1], effective.centre[0]),
        *reversed(effective.size),
        fill=False,
        edgecolor=style.VERMILLION,
        linewidth=1.6,
    )
    entries = _draw_box(axes, box, (height, width), labels)
    entries += [(heat, labels.heat), (ellipse, labels.spread)]
    axes.add_patch(ellipse)
    axes.set_xlim(*columns)
    axes.set_ylim(*reversed(rows))
    axes.axis("off")
    style.legend_below(figure, entries)
    return figure


def _heated(pixels: NDArray[np.uint8], shares: NDArray[np.floating]) -> NDArray[np.uint8]:
    """(H, W, 3) the image, pale and grey, under the heat map; dark pixels contribute most.

    The root makes weak pixels visible: the largest share may be a hundred times the median.
    """
    heat = np.sqrt(np.clip(shares, 0, None) / (shares.max() or 1.0))
    colour = POSITIVE(0.4 + 0.6 * heat)[..., :3]
    mixed = (1 - heat[..., None]) * paled(pixels) + heat[..., None] * colour
    result: NDArray[np.uint8] = np.round(255 * mixed).astype(np.uint8)
    return result


def _draw_box(
    axes: Axes, box: tuple[int, int, int, int], size: tuple[int, int], labels: FieldLabels
) -> list[style.Entry]:
    """Draws the frame, with stripes where it reaches beyond the image."""
    top, left, bottom, right = box
    inside = (max(top, 0), max(left, 0), min(bottom, size[0]), min(right, size[1]))
    frame = Rectangle((left - 0.5, top - 0.5), right - left, bottom - top, fill=False)
    frame.set(edgecolor=style.INK, linewidth=1.4, linestyle="--")
    entries: list[style.Entry] = [(frame, labels.box)]
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
        part.set_edgecolor(style.QUIET)
        axes.add_patch(part)
    axes.add_patch(frame)
    return [*entries, *[(part, labels.padding) for part in stripes[:1]]]
