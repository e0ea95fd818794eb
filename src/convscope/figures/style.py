"""The one style of all pictures: quiet axes, colours that can be told apart without colour vision.

Import this only where a picture is wanted: matplotlib takes a while. Nothing here uses pyplot, and
nothing that a user has set for matplotlib changes our pictures or is changed by them.
"""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import matplotlib.style
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from convscope.errors import UsageError, either_of
from convscope.files import write_bytes

# Source: Okabe and Ito 2008, Color universal design.
BLUE, SKY = "#0072B2", "#56B4E9"
ORANGE, VERMILLION = "#E69F00", "#D55E00"
GREEN, PURPLE = "#009E73", "#CC79A7"
INK, QUIET, LINE, PAPER = "#1a1d21", "#5b636d", "#dfe3e8", "#ffffff"

PIXELS_PER_INCH = 200
SUFFIXES = (".svg", ".png")

_STYLE = {
    "font.family": "sans-serif",
    # DejaVu comes with matplotlib and sets the layout; a browser that lacks it has Verdana, whose
    # letters are as wide.
    "font.sans-serif": ["DejaVu Sans", "Verdana", "sans-serif"],
    "font.size": 9.0,
    "text.color": INK,
    "text.parse_math": False,  # a dollar in a name is a dollar
    "axes.edgecolor": QUIET,
    "axes.labelcolor": QUIET,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.titlesize": 11.0,
    "axes.titlelocation": "left",
    "axes.titlepad": 12.0,
    "axes.grid": True,
    "grid.color": LINE,
    "grid.linewidth": 0.7,
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


def new_figure(title: str, *, width: float = 7.2, height: float = 4.2) -> tuple[Figure, Axes]:
    """An empty picture with one pair of axes, to be filled within `our_style`.

    Args:
        title: What is shown, in words.
        width: In inches of `PIXELS_PER_INCH` pixels.
        height: Likewise.
    """
    figure = Figure(figsize=(width, height), layout="constrained", label=title)
    axes = figure.subplots()
    axes.set_title(title)
    return figure, axes


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
    content = io.BytesIO()
    with our_style():
        figure.savefig(content, format=kind, metadata=nameless)
    return content.getvalue()
