"""Picture of a confusion matrix that is too large for a table: errors of 26 to 1000 classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import BoundaryNorm, ListedColormap, to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy.typing import NDArray

from convscope.figures import style

CELLS_AT_MOST = 250  # in a row: a phone has about one point for each
NUM_TICKS = 9
NAME_LETTERS = 14
SCALE_SHARE = 0.58  # of the picture's width that is left to the colour bar beside names
STEPS_AT_MOST = 10  # of the colour bar; more can't be told apart
# One hue, dark means many: it is read the same with any colour vision and in grey. The palest is
# still seen as a single cell on white.
RAMP = ("#a8cdea", "#56a0d3", "#1f6fb2", "#0b3f78", "#041a38")


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfusionLabels:
    """Text on the picture; `pooled` if a cell stands for several classes."""

    label: str = "Confusion matrix"
    x: str = "predicted class"
    y: str = "true class"
    count: str = "wrong images in a cell (grey: none wrong)"
    pooled: str = "most wrong images of a pair of classes in a cell"
    diagonal: str = "right"
    none: str = "no image is wrong"


class ConfusionCells(NamedTuple):
    """The cells of a confusion matrix that aren't empty.

    Attributes:
        rows: (M,) index of the true class.
        columns: (M,) index of the predicted class.
        counts: (M,) number of images.
        num_classes: K.
    """

    rows: NDArray[np.int64]
    columns: NDArray[np.int64]
    counts: NDArray[np.int64]
    num_classes: int

    @classmethod
    def of(cls, matrix: NDArray[np.int64]) -> ConfusionCells:
        """The cells of a whole matrix (K, K)."""
        rows, columns = np.nonzero(matrix)
        return cls(rows, columns, matrix[rows, columns], len(matrix))


@style.our_style()
def draw_confusion(
    counts: NDArray[np.int64] | ConfusionCells,
    *,
    classes: Sequence[str] = (),
    labels: ConfusionLabels = ConfusionLabels(),
) -> Figure:
    """The errors as a map: a dark cell is a pair of classes that is often confused.

    With more than 250 classes neighbours share a cell, which shows the largest of their counts, so
    that a single pair stays visible.

    Args:
        counts: (K, K) number of images of each true class (rows) by predicted class (columns),
            or its cells.
        classes: Names of the K classes; without them the axes have only numbers, from 0.
        labels: Text on the picture.
    """
    height = 4.8 if classes else 5.2  # names leave the map, which is square, less room
    figure, axes = style.new_figure(labels.label, height=height)
    given = counts if isinstance(counts, ConfusionCells) else ConfusionCells.of(counts)
    block = -(-given.num_classes // CELLS_AT_MOST)
    cells = _most_errors(given, block)
    edges = _edges(int(cells.max()))
    colours = ListedColormap(_shades(len(edges) - 1))
    norm = BoundaryNorm(edges, colours.N)
    # Pixels, not numbers: else an SVG would hold a picture that was enlarged for its printing.
    pixels = np.where(cells[..., None] > 0, colours(norm(cells))[..., :3], to_rgb(style.PAPER))
    right = np.eye(len(cells), dtype=bool) & (cells == 0)
    pixels[right] = to_rgb(style.LINE)
    size = len(cells) * block
    axes.imshow(
        np.round(255 * pixels).astype(np.uint8),
        interpolation="none",
        extent=(-0.5, size - 0.5, size - 0.5, -0.5),
    )
    _set_ticks(axes, given.num_classes, classes)
    style.set_axis_labels(axes, labels.x, labels.y)
    if not cells.any():
        style.legend_below(
            figure,
            [(Patch(color=style.LINE), labels.diagonal), (Patch(color=style.PAPER), labels.none)],
        )
        return figure
    figure.set_layout_engine("compressed")  # a square map leaves no gaps around it
    bar = figure.colorbar(
        ScalarMappable(norm, colours),
        ax=axes,
        location="bottom",
        spacing="uniform",
        aspect=40,
        label=style.broken(
            labels.count if block == 1 else labels.pooled,
            SCALE_SHARE * style.WIDTH * style.POINTS_PER_INCH,
            size=style.TEXT_SIZE,
        ),
    )
    bar.set_ticks(edges, labels=[f"{count:,}" for count in (*edges[:-1], cells.max())])
    return figure


def _most_errors(given: ConfusionCells, block: int) -> NDArray[np.int64]:
    """The largest count of wrong images in each block of classes; the last one may have fewer."""
    num = -(-given.num_classes // block)
    pooled = np.zeros((num, num), dtype=np.int64)
    wrong = given.rows != given.columns
    places = (given.rows[wrong] // block, given.columns[wrong] // block)
    np.maximum.at(pooled, places, given.counts[wrong])
    return pooled


def _edges(most: int) -> list[int]:
    """Counts at which the colour changes: 1, 2, 5, 10 and so on, beyond the largest count."""
    for factors in ((1, 2, 5), (1, 3), (1,)):
        edges = [factor * 10**power for power in range(19) for factor in factors]
        kept = [edge for edge in edges if edge <= most]
        if len(kept) <= STEPS_AT_MOST:
            break
    return [*kept, edges[len(kept)]] if kept else [1, 2]


def _shades(num: int) -> NDArray[np.float64]:
    """(num, 3) colours along the ramp."""
    known = np.array([to_rgb(colour) for colour in RAMP])
    places = np.linspace(0, 1, num) if num > 1 else np.array([0.6])
    along = np.linspace(0, 1, len(known))
    return np.column_stack([np.interp(places, along, known[:, part]) for part in range(3)])


def _set_ticks(axes: Axes, num_classes: int, classes: Sequence[str]) -> None:
    """Numbers of some classes at both axes; on the left, where there is room, with names."""
    step = next(
        step
        for power in range(9)
        for step in (10**power, 2 * 10**power, 5 * 10**power)
        if num_classes / step <= NUM_TICKS
    )
    places = range(0, num_classes, step)
    axes.set_xlim(-0.5, num_classes - 0.5)
    axes.set_ylim(num_classes - 0.5, -0.5)
    axes.set_xticks(places)
    named = [
        f"{style.shortened(classes[at], NAME_LETTERS)}\N{EN SPACE}{at}" if classes else f"{at}"
        for at in places
    ]
    axes.set_yticks(places, named)
    axes.grid(visible=False)
    axes.spines[["top", "right"]].set_visible(True)
    axes.spines[:].set_color(style.QUIET)
