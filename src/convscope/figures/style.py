"""The one style of all pictures: quiet axes, colours that can be told apart without colour vision.

Import this only where a picture is wanted: matplotlib takes a while. Nothing here uses pyplot, and
nothing that a user has set for matplotlib changes our pictures or is changed by them.
"""

from __future__ import annotations

import io
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import matplotlib.style
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from convscope.errors import UsageError, either_of
from convscope.figures.inline import inlined
from convscope.figures.text import LETTER_EM, broken, num_letters, printable
from convscope.files import write_bytes

# Source: Okabe and Ito 2008, Color universal design.
BLUE, SKY = "#0072B2", "#56B4E9"
ORANGE, VERMILLION = "#E69F00", "#D55E00"
GREEN, PURPLE = "#009E73", "#CC79A7"
INK, QUIET, LINE, PAPER = "#1a1d21", "#5b636d", "#dfe3e8", "#ffffff"

# Of a picture in a report. A phone shows it 350 px wide: then a point is a pixel, and text of 9
# points can still be read.
WIDTH = 4.8
TEXT_SIZE, TITLE_SIZE = 9.0, 11.0
POINTS_PER_INCH = 72
HANDLE_EM, HANDLE_GAP_EM, COLUMN_GAP_EM = 2.6, 0.7, 1.4  # of a legend, in units of its letters

PIXELS_PER_INCH = 200
EMBEDDED_PIXELS_PER_INCH = 90  # of what stands as pixels in an SVG; more would make it large
SUFFIXES = (".svg", ".png")

Entry = tuple[Artist, str]  # of a legend: what is drawn, and its name

_STYLE = {
    "font.family": "sans-serif",
    # DejaVu comes with matplotlib and sets the layout; a browser that lacks it has Verdana, whose
    # letters are as wide.
    "font.sans-serif": ["DejaVu Sans", "Verdana", "sans-serif"],
    "font.size": TEXT_SIZE,
    "text.color": INK,
    "text.parse_math": False,  # a dollar in a name is a dollar
    "axes.edgecolor": QUIET,
    "axes.labelcolor": QUIET,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.titlesize": TITLE_SIZE,
    "axes.titlelocation": "left",
    "axes.titlepad": 12.0,
    "axes.grid": True,
    "grid.color": LINE,
    "grid.linewidth": 0.7,
    "lines.linewidth": 1.8,
    "lines.markersize": 4.5,
    "legend.edgecolor": PAPER,
    "legend.framealpha": 0.85,
    "legend.labelcolor": QUIET,
    "xtick.color": QUIET,
    "ytick.color": QUIET,
    "xtick.minor.visible": False,
    "ytick.major.size": 0.0,
    "figure.facecolor": PAPER,
    "figure.dpi": PIXELS_PER_INCH,
    "savefig.dpi": "figure",
    "svg.fonttype": "none",  # text stays text: it can be read out, searched and copied
    "svg.hashsalt": "convscope",  # else the names inside are random
}

# Matplotlib's settings are the whole process's, and its fonts must not be used by two threads.
_LOCK = threading.RLock()


@contextmanager
def our_style() -> Iterator[None]:
    """Within it matplotlib has our style; afterwards it has the settings from before."""
    with _LOCK, matplotlib.style.context(_STYLE, after_reset=True):
        yield


def new_figure(
    title: str, *, label: str = "", width: float = 7.2, height: float = 4.2
) -> tuple[Figure, Axes]:
    """An empty picture with one pair of axes, to be filled within `our_style`.

    Args:
        title: What is shown, in words; empty where something around the picture says it.
        label: What is read out to those who can't see it; the title where it is empty.
        width: In inches of `PIXELS_PER_INCH` pixels.
        height: Likewise.
    """
    figure = empty_figure(label or title, width=width, height=height)
    axes = figure.subplots()
    set_title(axes, title)
    return figure, axes


def empty_figure(label: str, *, width: float = WIDTH, height: float) -> Figure:
    """A picture without axes.

    Args:
        label: What is read out to those who can't see it.
        width: In inches of `PIXELS_PER_INCH` pixels.
        height: Likewise.
    """
    return Figure(figsize=(width, height), layout="constrained", label=printable(label))


def set_title(axes: Axes, title: str) -> None:
    """Writes a title above the axes, in lines that are no longer than the picture is wide."""
    width = axes.get_figure(root=True).get_figwidth()  # type: ignore[union-attr]
    # The axes begin further right than the picture, by about the width of their labels.
    axes.set_title(broken(title, (width - 0.7) * POINTS_PER_INCH, size=TITLE_SIZE))


def set_axis_labels(axes: Axes, x: str, y: str) -> None:
    """Says what the axes show, in lines that are no longer than the axes of a report's picture."""
    axes.set_xlabel(broken(x, (WIDTH - 0.9) * POINTS_PER_INCH, size=TEXT_SIZE))
    height = axes.get_figure(root=True).get_figheight()  # type: ignore[union-attr]
    share = axes.get_position().height
    axes.set_ylabel(broken(y, height * share * POINTS_PER_INCH, size=TEXT_SIZE))


def percent_ticks(axis: Axis) -> None:
    """Fractions are written as percent, with as many digits as they have."""
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{round(100 * value, 6):g}%"))


def legend_below(figure: Figure, entries: Sequence[Entry]) -> None:
    """Says below everything what is what: there it covers nothing, whatever the data are.

    Args:
        figure: With its axes.
        entries: What stands for something, with its name.
    """
    names = [printable(name) for _, name in entries]
    legend = figure.legend(
        [drawn for drawn, _ in entries],
        ["?"] * len(names),
        loc="outside lower center",
        ncols=_num_columns(names, figure.get_figwidth() * POINTS_PER_INCH),
        handlelength=HANDLE_EM,
        handletextpad=HANDLE_GAP_EM,
        columnspacing=COLUMN_GAP_EM,
        borderpad=0.2,
    )
    # Set afterwards: matplotlib leaves out entries whose name begins with an underscore.
    for text, name in zip(legend.get_texts(), names, strict=True):
        text.set_text(name)


def _num_columns(names: Sequence[str], points: float) -> int:
    """As many columns of a legend as fit into a width."""
    ems = [HANDLE_EM + HANDLE_GAP_EM + COLUMN_GAP_EM + LETTER_EM * num_letters(n) for n in names]
    for num in range(len(ems), 1, -1):
        long, rest = -(-len(ems) // num), len(ems) % num or num  # the first columns are longer
        starts = [min(i, rest) * long + max(0, i - rest) * (long - 1) for i in range(num)]
        columns = [ems[a:b] for a, b in zip(starts, [*starts[1:], len(ems)], strict=True)]
        if sum(map(max, columns)) * TEXT_SIZE < points:
            return num
    return 1


def save_figure(figure: Figure, path: Path) -> None:
    """Writes a picture as `.svg` or `.png`, whole or not at all; the same bytes each time.

    Raises:
        UsageError: The path has another suffix.
        RunError: The file can't be written.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise UsageError(
            f"a picture can't be written as `{path.name}`",
            hint=f"give it the suffix {either_of(SUFFIXES)}",
        )
    write_bytes(path, encoded(figure, suffix[1:]))


def encoded(figure: Figure, kind: str) -> bytes:
    """The picture's file: `svg` or `png`, without date or version in it."""
    nameless: dict[str, str | None] = {"Title": str(figure.get_label())}
    nameless |= {"svg": {"Date": None, "Creator": None}, "png": {"Software": None}}[kind]
    resolution = "figure" if kind == "png" else EMBEDDED_PIXELS_PER_INCH
    content = io.BytesIO()
    with our_style(), _any_letters(kind):
        figure.savefig(content, format=kind, metadata=nameless, dpi=resolution)
    return content.getvalue()


def as_svg(figure: Figure) -> str:
    """The picture as one element for an HTML page, as wide as the page lets it be.

    It is one image for those who hear the page; its names inside are not those of other pictures.
    """
    return inlined(encoded(figure, "svg"), label=str(figure.get_label()))


@contextmanager
def _any_letters(kind: str) -> Iterator[None]:
    """Within it letters that our font lacks are no reason for a warning, if others draw them.

    Who opens an SVG has fonts for what they read; matplotlib only leaves enough room.
    """
    with warnings.catch_warnings():
        if kind == "svg":
            warnings.filterwarnings("ignore", message=r"(?s)Glyph \d+ .* missing from font")
        yield
