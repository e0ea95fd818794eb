"""Style of all pictures, their layout, and how they are saved.

The axes are quiet, and colours can be told apart without colour vision. Import this only where a
picture is drawn: matplotlib takes a while. Nothing here uses pyplot, and a user's settings for
matplotlib neither change our pictures nor are changed by them.
"""

from __future__ import annotations

import io
import threading
import unicodedata
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib.style
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from convscope.errors import UsageError
from convscope.figures.inline import inlined
from convscope.files import write_bytes
from convscope.text import either_of

# Source: Okabe and Ito 2008, Color universal design.
BLUE, SKY = "#0072B2", "#56B4E9"
ORANGE, VERMILLION = "#E69F00", "#D55E00"
GREEN, PURPLE = "#009E73", "#CC79A7"
INK, QUIET, LINE, PAPER = "#1a1d21", "#5b636d", "#dfe3e8", "#ffffff"
PALE = "#b4bcc6"  # of many curves that are drawn together

# Names of the colours to which a page's style sheet gives other values on a dark screen.
NAMED_COLOURS = {
    colour.lower(): name
    for colour, name in (
        *((BLUE, "blue"), (SKY, "sky"), (ORANGE, "orange"), (VERMILLION, "vermillion")),
        *((GREEN, "green"), (PURPLE, "purple"), (PALE, "pale")),
        *((INK, "ink"), (QUIET, "quiet"), (LINE, "line"), (PAPER, "paper")),
    )
}

# Width of a picture in a report. A phone shows it 335 px wide: then text of 12.5 points has 12 px.
WIDTH = 4.8
TEXT_SIZE, TITLE_SIZE = 12.5, 13.5
POINTS_PER_INCH = 72
HANDLE_EM, HANDLE_GAP_EM, COLUMN_GAP_EM = 2.0, 0.5, 1.0  # of a legend, in units of its letters

PIXELS_PER_INCH = 200
EMBEDDED_PIXELS_PER_INCH = 90  # of pixels inside an SVG; more would make it large
SUFFIXES = (".svg", ".png")

# Style of a marker on a curve.
MARK: dict[str, Any] = {
    "color": INK,
    "markersize": 7,
    "markeredgecolor": PAPER,
    "linestyle": "none",
    "zorder": 4,
}

Entry = tuple[Artist, str]  # an entry of a legend: what is drawn, and its name

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
    """Context manager that gives matplotlib our style, and its settings back afterwards."""
    with _LOCK, matplotlib.style.context(_STYLE, after_reset=True):
        yield


def new_figure(label: str, *, width: float = WIDTH, height: float) -> tuple[Figure, Axes]:
    """An empty picture with one pair of axes; its arguments are those of `empty_figure`."""
    figure = empty_figure(label, width=width, height=height)
    return figure, figure.subplots()


def empty_figure(label: str, *, width: float = WIDTH, height: float) -> Figure:
    """A picture without axes, to be drawn on within `our_style`.

    Args:
        label: Alternative text for those who can't see it.
        width: Width in inches of `PIXELS_PER_INCH` pixels.
        height: Height in inches of `PIXELS_PER_INCH` pixels.
    """
    return Figure(figsize=(width, height), layout="constrained", label=printable(label))


def set_axis_labels(axes: Axes, x: str, y: str) -> None:
    """Labels both axes, in lines that are no longer than the axes of a report's picture."""
    axes.set_xlabel(broken(x, (WIDTH - 0.9) * POINTS_PER_INCH, size=TEXT_SIZE))
    height = axes.get_figure(root=True).get_figheight()  # type: ignore[union-attr]
    share = axes.get_position().height
    axes.set_ylabel(broken(y, height * share * POINTS_PER_INCH, size=TEXT_SIZE))


def percent_ticks(axis: Axis) -> None:
    """Writes an axis of fractions in percent, with as many digits as they have."""
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{round(100 * value, 6):g}%"))


def legend_below(figure: Figure, entries: Sequence[Entry]) -> None:
    """Draws a legend below the axes, where it covers no data."""
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
    """The number of columns of a legend that fit into a width."""
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

    To a screen reader it is one image; its ids are unlike those of other pictures.
    """
    label = str(figure.get_label())
    return inlined(encoded(figure, "svg"), label=label, colours=NAMED_COLOURS)


@contextmanager
def _any_letters(kind: str) -> Iterator[None]:
    """Context manager without warnings about letters that our font lacks, for an SVG.

    A browser has fonts for what its user reads; matplotlib only leaves enough room.
    """
    with warnings.catch_warnings():
        if kind == "svg":
            warnings.filterwarnings("ignore", message=r"(?s)Glyph \d+ .* missing from font")
        yield


ELLIPSIS = "…"
LETTER_EM = 0.55  # average width of a small letter in DejaVu Sans, in units of its size
CAPITAL = 1.25  # letters that a capital is wide
FULL_WIDTH = 2.0  # letters that a Chinese character is wide


def printable(text: str) -> str:
    """The text in one line, without characters that XML forbids or that can't be seen.

    Folders, and so classes, may have any name.
    """
    return "".join(
        letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text
    )


def num_letters(text: str) -> float:
    """Width of a text, in letters of average width."""
    return sum(_letter_width(letter) for letter in text)


def shortened(name: str, most: float) -> str:
    """A name of at most `most` letters' width, with an ellipsis in place of its middle.

    The beginning and the end stay, as names of classes often differ in one of them only.
    """
    name = printable(name)
    if num_letters(name) <= most:
        return name
    head, tail = "", ""
    for index in range(len(name)):
        # By turns from the front and from the back, until the next one wouldn't fit.
        letter = name[index // 2] if index % 2 == 0 else name[-1 - index // 2]
        if num_letters(head + letter + tail) + 1 > most:
            break
        head, tail = (head + letter, tail) if index % 2 == 0 else (head, letter + tail)
    return f"{head.rstrip()}{ELLIPSIS}{tail.lstrip()}"


def broken(text: str, points: float, *, size: float) -> str:
    """The text, broken into as many lines as it needs.

    Args:
        text: Words with spaces between them, or Chinese, which may be broken anywhere.
        points: Width of a line in points.
        size: Size of the letters in points.
    """
    most = points / (size * LETTER_EM)
    lines = [""]
    for piece in _pieces(printable(text)):
        if lines[-1] and num_letters((lines[-1] + piece).rstrip()) > most:
            lines.append("")
        lines[-1] += piece
    return "\n".join(line.strip() for line in lines)


def _pieces(text: str) -> list[str]:
    """The pieces that must not be broken: words with the space behind them, single wide letters."""
    pieces: list[str] = []
    for before, letter in zip(" " + text, text, strict=False):
        begins = before == " " or FULL_WIDTH in (_letter_width(before), _letter_width(letter))
        # No line begins with a comma or a space.
        if not pieces or (begins and letter.isalnum()):
            pieces.append("")
        pieces[-1] += letter
    return pieces


def _letter_width(letter: str) -> float:
    if unicodedata.east_asian_width(letter) in "WF":
        return FULL_WIDTH
    return CAPITAL if letter.isupper() else 1.0
