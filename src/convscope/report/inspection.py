"""The page of what a classifier's layers answer to in a data set."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from convscope import __version__
from convscope.figures.field import FieldWords, Spread, draw_field
from convscope.figures.patches import striped
from convscope.figures.sparsity import SparsityWords, draw_zero_shares
from convscope.figures.style import as_svg
from convscope.inspection.layer_views import Inspection, LayerView
from convscope.inspection.patches import Patch
from convscope.report.page import isolated, percent, render
from convscope.report.pictures import embedded
from convscope.report.words import words_of

PATCH_PX = 112
CHANNELS_NAMED = 20  # of those that are dead or rare


def inspection_page(
    inspection: Inspection, *, name: str, command: str, language: str = "en"
) -> str:
    """The page as one HTML document, below 5 MB for the usual number of patches.

    Args:
        inspection: What was found.
        name: What a user calls the classifier.
        command: That makes the page again.
        language: Of the page's words: `en` or `zh`.

    Raises:
        UsageError: There are no words in this language.
    """
    words = words_of("inspection", language)
    return render(
        "inspection",
        language=language,
        name=name,
        images=inspection.images,
        num_images=len(inspection.names),
        rows=[_row(view, words) for view in inspection.views],
        layers=[_layer(view, inspection, words) for view in inspection.views],
        command=command,
        version=__version__,
    )


def _row(view: LayerView, words: Mapping[str, Any]) -> list[str]:
    """A line of the table of all layers."""
    counts = view.sparsity
    return [
        view.layer,
        " × ".join(str(length) for length in view.shape),
        percent(counts.zero_share),
        str(len(counts.dead)),
        str(len(counts.rare)),
        field_text(view, words["whole"], words["unknown"]),
        effective_text(view),
    ]


def field_text(view: LayerView, whole: str, unknown: str) -> str:
    """The size of the layer's boxes, or the words for all of the image or for none known."""
    if view.field is None:
        return unknown
    field = view.field.field
    if field.is_whole_input(*view.field.input_size):
        return whole
    return f"{field.size[0]} × {field.size[1]}"


def effective_text(view: LayerView) -> str:
    """The size of what really counts in the boxes, in pixels; a dash where it wasn't measured."""
    if view.effective is None:
        return "–"
    height, width = view.effective.size
    return f"{height:.1f} × {width:.1f}"


def _layer(view: LayerView, inspection: Inspection, words: Mapping[str, Any]) -> dict[str, Any]:
    counts = view.sparsity
    text = words["zeros"].format(share=percent(counts.zero_share), channels=view.shape[0])
    for key, channels in (("dead", counts.dead), ("rare", counts.rare)):
        if channels:
            text += " " + words[key].format(count=len(channels), channels=_named(channels))
    labels = SparsityWords(
        label=words["sparsity_alternative"].format(layer=view.layer), **words["sparsity_words"]
    )
    figure = draw_zero_shares(counts.zero_shares.tolist(), num_dead=len(counts.dead), words=labels)
    return {
        "name": view.layer,
        "text": text,
        "zeros": as_svg(figure),
        "field": _field(view, inspection, words),
        "channels": list(_channels(view, inspection, words)),
    }


def _named(channels: tuple[int, ...]) -> str:
    named = ", ".join(str(channel) for channel in channels[:CHANNELS_NAMED])
    return named + (" …" if len(channels) > CHANNELS_NAMED else "")


def _field(view: LayerView, inspection: Inspection, words: Mapping[str, Any]) -> dict[str, str]:
    """What the value in the middle sees, on the first image, and what of it counts."""
    if view.field is None or view.field.map_size is None or view.effective is None:
        return {}
    height, width = view.field.map_size
    box = view.field.at(height // 2, width // 2).box
    spread = Spread(view.effective.centre, view.effective.size)
    drawn = draw_field(
        inspection.example,
        box=(box.top, box.left, box.bottom, box.right),
        shares=view.effective.shares,
        spread=spread,
        words=FieldWords(
            label=words["field_alternative"].format(layer=view.layer), **words["field_words"]
        ),
    )
    text = words["field"].format(
        height=box.height,
        width=box.width,
        effective=effective_text(view),
        images=view.effective.num_images,
    )
    return {"text": text, "figure": as_svg(drawn)}


def _channels(
    view: LayerView, inspection: Inspection, words: Mapping[str, Any]
) -> Iterator[dict[str, Any]]:
    shares = view.sparsity.zero_shares
    for channel, patches in view.patches.items():
        yield {
            "title": words["channel"].format(channel=channel),
            "text": words["channel_zeros"].format(share=percent(float(shares[channel]))),
            "patches": [_patch(patch, inspection) for patch in patches],
            "alternative": words["patch_alternative"].format(channel=channel),
            "off": words["off"],
        }


def _patch(patch: Patch, inspection: Inspection) -> dict[str, Any]:
    name = inspection.names[patch.image]
    return {
        "picture": embedded(striped(patch.pixels, patch.is_padding), longest_px=PATCH_PX),
        "value": f"{patch.value:.3g}",
        "name": isolated(name),
    }
