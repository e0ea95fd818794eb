"""The page on what a classifier's layers respond to in a data set."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from convscope import __version__
from convscope.figures.feature_maps import (
    EffectiveExtent,
    FieldLabels,
    SparsityLabels,
    draw_field,
    draw_zero_shares,
    kernel_pictures,
    striped,
)
from convscope.figures.style import as_svg
from convscope.inspection.feature_maps.channel_kernels import ChannelKernel
from convscope.inspection.feature_maps.layer_views import Inspection, LayerView
from convscope.report.page import embedded, isolated, percent, render
from convscope.report.translations import translations_of

PATCH_PX = 112
CHANNELS_NAMED = 20  # dead or rarely active ones
SLICES_SHOWN = 4  # of a kernel


def inspection_page(
    inspection: Inspection, *, name: str, command: str, language: str = "en"
) -> str:
    """The page as one HTML document, below 5 MB for the default number of patches.

    Raises:
        UsageError: There is no such page in this language.
    """
    translations = translations_of("inspection", language)
    return render(
        "inspection",
        language=language,
        name=name,
        images=inspection.images,
        num_images=len(inspection.names),
        rows=[layer_row(view, translations) for view in inspection.views],
        layers=[_layer(view, inspection, translations) for view in inspection.views],
        command=command,
        version=__version__,
    )


def layer_row(view: LayerView, translations: Mapping[str, Any]) -> list[str]:
    """A layer's row in the table of all layers: its path, its class, and the numbers."""
    counts = view.sparsity
    return [
        view.layer,
        view.kind,
        " × ".join(str(length) for length in view.shape),
        percent(counts.zero_share),
        str(len(counts.dead)),
        str(len(counts.rare)),
        field_text(view, translations["whole"], translations["unknown"]),
        effective_text(view),
    ]


def field_text(view: LayerView, whole: str, unknown: str) -> str:
    """The size of the layer's receptive field, or the text for the whole image or for unknown."""
    if view.field is None:
        return unknown
    field = view.field.field
    if field.is_whole_input(*view.field.input_size):
        return whole
    return f"{field.size[0]} × {field.size[1]}"


def effective_text(view: LayerView) -> str:
    """The size of the effective field in pixels; a dash where it wasn't measured."""
    if view.effective is None:
        return "–"
    height, width = view.effective.size
    return f"{height:.1f} × {width:.1f}"


def _layer(
    view: LayerView, inspection: Inspection, translations: Mapping[str, Any]
) -> dict[str, Any]:
    counts = view.sparsity
    text = translations["zeros"].format(share=percent(counts.zero_share), channels=view.shape[0])
    for key, channels in (("dead", counts.dead), ("rare", counts.rare)):
        if channels:
            text += " " + translations[key].format(count=len(channels), channels=_named(channels))
    labels = SparsityLabels(
        label=translations["sparsity_alternative"].format(layer=view.layer),
        **translations["sparsity_labels"],
    )
    figure = draw_zero_shares(counts.zero_shares.tolist(), num_dead=len(counts.dead), labels=labels)
    return {
        "name": view.layer,
        "type": view.kind,
        "text": text,
        "zeros": as_svg(figure),
        "field": _field(view, inspection, translations),
        "channels": list(_channels(view, inspection, translations)),
    }


def _named(channels: tuple[int, ...]) -> str:
    named = ", ".join(str(channel) for channel in channels[:CHANNELS_NAMED])
    return named + (" …" if len(channels) > CHANNELS_NAMED else "")


def _field(
    view: LayerView, inspection: Inspection, translations: Mapping[str, Any]
) -> dict[str, str]:
    """The receptive and effective field of the value in the middle, on the first image."""
    if view.field is None or view.field.map_size is None or view.effective is None:
        return {}
    height, width = view.field.map_size
    box = view.field.at(height // 2, width // 2).box
    extent = EffectiveExtent(view.effective.centre, view.effective.size)
    drawn = draw_field(
        inspection.example,
        box=(box.top, box.left, box.bottom, box.right),
        shares=view.effective.shares,
        effective=extent,
        labels=FieldLabels(
            label=translations["field_alternative"].format(layer=view.layer),
            **translations["field_labels"],
        ),
    )
    text = translations["field"].format(
        height=box.height,
        width=box.width,
        effective=effective_text(view),
        images=view.effective.num_images,
    )
    return {"text": text, "figure": as_svg(drawn)}


def _channels(
    view: LayerView, inspection: Inspection, translations: Mapping[str, Any]
) -> Iterator[dict[str, Any]]:
    shares = view.sparsity.zero_shares
    labels = inspection.labels
    for channel, patches in view.patches.items():
        kernel = view.kernels.get(channel)
        yield {
            "title": translations["channel"].format(channel=channel),
            "text": translations["channel_zeros"].format(share=percent(float(shares[channel]))),
            "classes": _class_counts([labels[each.image] for each in patches]) if labels else "",
            "kernel": kernel and _kernel(kernel, translations),
            "patches": [
                {
                    "picture": embedded(striped(each.pixels, each.is_padding), longest_px=PATCH_PX),
                    "value": f"{each.value:.3g}",
                    "name": isolated(inspection.names[each.image]),
                    "label": isolated(labels[each.image]) if labels else "",
                }
                for each in patches
            ],
            "alternative": translations["patch_alternative"].format(channel=channel),
            "off": translations["off"],
        }


def _class_counts(labels: Sequence[str]) -> str:
    """How many patches are of which class, the most frequent first."""
    return ", ".join(f"{isolated(label)} {count}" for label, count in Counter(labels).most_common())


def _kernel(kernel: ChannelKernel, translations: Mapping[str, Any]) -> dict[str, Any]:
    """The kernel behind a channel, as a sentence and pictures of its strongest slices."""
    channels, height, width = kernel.weights.shape
    drawn = kernel_pictures(kernel.weights, most=SLICES_SHOWN)
    text = translations["kernel"].format(
        number=kernel.number, layer=kernel.layer, height=height, width=width
    )
    if channels > len(drawn) and drawn[0][0] is not None:
        text += " " + translations["kernel_slices"].format(shown=len(drawn), channels=channels)
    return {
        "text": text,
        "alternative": translations["kernel_alternative"].format(number=kernel.number),
        "slices": [
            {
                "picture": embedded(pixels),
                "channel": ""
                if channel is None or channels == 1
                else translations["slice"].format(channel=channel),
            }
            for channel, pixels in drawn
        ],
    }
