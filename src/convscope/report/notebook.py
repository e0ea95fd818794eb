"""What objects show of themselves in a notebook: HTML that needs no other file and no script.

Text has the colours of the notebook, light or dark; figures lie on a light card.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import singledispatch

import numpy as np
from markupsafe import Markup, escape
from matplotlib.figure import Figure
from numpy.typing import NDArray

from convscope.arithmetic import LayerTable
from convscope.arithmetic.table_text import text_rows, titles
from convscope.classifier import Classifier, Prediction
from convscope.data.dataset import Dataset
from convscope.data.decoding.content import DamagedImageError
from convscope.data.image_files import image_grid
from convscope.evaluation.evaluate import Evaluation
from convscope.figures.attribution import draw_attributions
from convscope.figures.style import as_svg
from convscope.inspection.explained_image import Explanation
from convscope.inspection.values.trace import ValueTrace
from convscope.report.explanation import explanation_panels
from convscope.report.page import embedded
from convscope.report.run_figures import confusion_figure, history_figures
from convscope.report.translations import translations_of
from convscope.run import Run
from convscope.text import counted

SHEET_IMAGES, SHEET_COLUMNS, SHEET_CELL_PX = 24, 8, 96
ROWS_SHOWN = 60  # of a layer table
PREDICTIONS_SHOWN = 5
CARD = "background:white;color:black;border-radius:4px;margin:.3em 0"
EM_PER_INCH = 8.3  # so that letters in figures are as large as those around them


@singledispatch
def html_of(shown: object) -> str:
    """The view of an object.

    Raises:
        NotImplementedError: There is none for objects of this kind.
    """
    raise NotImplementedError(f"a `{type(shown).__name__}` has no view")


@html_of.register
def _(shown: Dataset) -> str:
    counts = np.bincount(shown.labels, minlength=len(shown.classes))
    known = [
        ("images", f"{len(shown):,}"),
        ("classes", f"{len(shown.classes)}: {counts.min():,} to {counts.max():,} images each"),
    ]
    return heading(shown.name) + facts(known) + _contact_sheet(shown)


@html_of.register
def _(shown: LayerTable) -> str:
    rows = text_rows(shown)
    more = len(rows) - ROWS_SHOWN
    note = f"<p>and {more:,} rows more: <code>print</code> shows all</p>" if more > 0 else ""
    return heading(shown.network) + table(titles(), rows[:ROWS_SHOWN]) + note


@html_of.register
def _(shown: Run) -> str:
    known = [("state", shown.state), ("network", shown.recipe.model or "")]
    if shown.state == "finished":
        evaluation = shown.evaluation
        low, high = (evaluation["accuracy_interval"][end] for end in ("low", "high"))
        share = f"{evaluation['accuracy']:.2%} ({low:.2%} to {high:.2%})"
        known.append(("accuracy", f"{share} on {counted(evaluation['num_images'], 'image')}"))
    curves = history_figures(shown, translations_of("run", "en")).values()
    return heading(str(shown.path)) + facts(known) + "".join(map(figure, curves))


@html_of.register
def _(shown: Evaluation) -> str:
    metrics = shown.metrics
    estimates = {
        "accuracy": metrics.accuracy,
        "balanced accuracy": metrics.balanced_accuracy,
        "macro F1": metrics.macro_f1,
        "log loss, nats": metrics.log_loss,
    }
    rows = [
        [name, *(f"{number:.4f}" for number in (value, interval.low, interval.high))]
        for name, (value, interval) in estimates.items()
    ]
    estimated = table(["", "value", "from", "to (95 %)"], rows)
    confusion = confusion_figure(shown, translations_of("run", "en"))
    return heading(shown.images) + estimated + figure(confusion)


@html_of.register
def _(shown: Classifier) -> str:
    preparation = shown.preprocessing
    known = [
        ("network", shown.choice.name),
        ("input", f"{preparation.channels}x{preparation.height}x{preparation.width}"),
        ("classes", f"{len(shown.classes)}: {', '.join(shown.classes[:10])}"),
        ("parameters", f"{sum(each.numel() for each in shown.network.parameters()):,}"),
        ("temperature", f"{shown.decision.temperature:.3g}"),
        *(
            (name.replace("_", " "), f"{value:.6g}")
            for name, value in shown.metrics.items()
            if isinstance(value, int | float)
        ),
    ]
    return heading("classifier") + facts(known)


@html_of.register
def _(shown: Prediction) -> str:
    rows = [[name, f"{share:.1%}"] for name, share in shown.top(PREDICTIONS_SHOWN)]
    return heading(shown.image or "prediction") + table(["class", "probability"], rows)


@html_of.register
def _(shown: Explanation) -> str:
    panels = explanation_panels(shown)
    drawn = draw_attributions(shown.pixels, panels, label=panels[0].title)
    return html_of(shown.prediction) + figure(drawn)


@html_of.register
def _(shown: ValueTrace) -> str:
    return f"<pre>{escape(shown.to_text())}</pre>"


def heading(text: str) -> str:
    """A line above a view."""
    return f"<p><strong>{escape(text)}</strong></p>"


def facts(known: Iterable[tuple[str, str]]) -> str:
    """Names with their values."""
    return table(None, [list(fact) for fact in known])


def table(header: Sequence[str] | None, rows: Iterable[Sequence[str]]) -> str:
    """A table whose first column is text, and the others numbers."""

    def line(cells: Sequence[str], kind: str) -> str:
        aligned = ("left", *["right" if header else "left"] * (len(cells) - 1))
        look = "white-space:pre;padding:0 .6em;text-align:"
        return "".join(
            f'<{kind} style="{look}{side}">{escape(cell)}</{kind}>'
            for side, cell in zip(aligned, cells, strict=True)
        )

    head = f"<thead><tr>{line(header, 'th')}</tr></thead>" if header else ""
    body = "".join(f"<tr>{line(cells, 'td')}</tr>" for cells in rows)
    return f"<table>{head}<tbody>{body}</tbody></table>"


def figure(drawn: Figure) -> str:
    """A figure on a card that is light in dark notebooks too, as its letters are dark."""
    width = round(EM_PER_INCH * drawn.get_figwidth())
    return f'<div style="max-width:{width}em;{CARD}">{Markup(as_svg(drawn))}</div>'


def picture(pixels: NDArray[np.uint8], name: str) -> str:
    """A picture (H, W, C) inside the view."""
    return f'<img alt="{escape(name)}" src="{embedded(pixels).source}">'


def _contact_sheet(dataset: Dataset) -> str:
    """Images of all classes in turn, so that each is seen once before one is seen twice."""
    pixels, names = [], []
    for index in _in_turn(dataset):
        try:
            image, label = dataset[index]
        except DamagedImageError:
            continue
        pixels.append(image)
        names.append(dataset.classes[label])
        if len(pixels) == SHEET_IMAGES:
            break
    if not pixels:
        return "<p>none of its images can be read</p>"
    order = np.argsort([dataset.classes.index(name) for name in names], kind="stable")
    grid = image_grid(
        [pixels[index] for index in order],
        [names[index] for index in order],
        columns=SHEET_COLUMNS,
        cell_px=SHEET_CELL_PX,
    )
    return picture(np.asarray(grid), dataset.name)


def _in_turn(dataset: Dataset) -> list[int]:
    """The indices of all images: the first of each class, then the second of each, and so on."""
    order = np.argsort(dataset.labels, kind="stable")
    labels = dataset.labels[order]
    starts = np.searchsorted(labels, labels)  # where the class of each begins
    turn = np.lexsort((labels, np.arange(len(labels)) - starts))
    return [int(index) for index in order[turn]]
