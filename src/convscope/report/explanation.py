"""The page that explains an image, and the index page of several."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from convscope import __version__
from convscope.classifier import Classifier
from convscope.figures.attribution import (
    ClassMapLabels,
    FaithfulnessLabels,
    Panel,
    draw_class_map,
    draw_faithfulness,
    overlaid,
)
from convscope.figures.feature_maps import KernelsLabels, MapsLabels, draw_kernels, draw_maps
from convscope.figures.style import as_svg
from convscope.inspection.attribution.attribution import Attribution
from convscope.inspection.attribution.faithfulness import Faithfulness, area
from convscope.inspection.explained_image import Explanation
from convscope.inspection.feature_maps.stages import Stage
from convscope.inspection.layers import layer_type
from convscope.report.page import Picture, embedded, isolated, percent, render
from convscope.report.translations import translations_of
from convscope.report.value_arithmetic import value_view

CLASSES_LISTED = 5
INDEX_PX = 224
MAPS_SHOWN = 24
SEVERITIES = {
    "better": "note",
    "perhaps": "warning",
    "untold": "warning",
    "no better": "error",
    "zero": "error",
}
POSITIVE_METHODS = ("grad-cam", "guided-backprop")  # they show no evidence against a class


class IndexEntry(NamedTuple):
    """An image on the index page, with its prediction and its attribution map.

    Its own `page` is relative to the index page; `verdict` is None if the map wasn't judged.
    """

    page: str
    name: str
    label: str
    probability: str
    verdict: str | None
    severity: str | None
    picture: Picture


def explanation_page(
    explanation: Explanation,
    classifier: Classifier,
    *,
    name: str,
    command: str,
    language: str = "en",
) -> str:
    """The page of one image as an HTML document, below 5 MB.

    Raises:
        UsageError: There is no such page in this language.
    """
    translations = translations_of("explanation", language)
    prediction, asked = explanation.prediction, explanation.question
    first = explanation.attributions[0]
    colours = "colours_for" if asked.method in POSITIVE_METHODS else "colours"
    kernels = explanation.kernels
    return render(
        "explanation",
        language=language,
        name=short_name(explanation),
        label=prediction.label,
        probability=percent(prediction.probability),
        verdict=_verdict(explanation, classifier, name, translations),
        maps_heading=_maps_heading(explanation, translations),
        method=asked.method,
        layer=layer_text(first, translations),
        colours=translations[colours],
        seen=embedded(explanation.pixels),
        maps=list(_maps(explanation, translations)),
        classes=[(label, percent(share)) for label, share in prediction.top(CLASSES_LISTED)],
        judged=[_judged_row(each, found) for each, found in _pairs(explanation) if found],
        faithful_text=_faithful_text(explanation, translations),
        curves=_curves(explanation, translations),
        class_map=_class_map(explanation, translations),
        stages=[
            {
                **_stage(stage, explanation.pixels, translations),
                "type": layer_type(classifier.network, stage.layer),
            }
            for stage in explanation.stages
        ],
        kernels=None if kernels is None else _kernels(kernels, translations),
        kernels_text=""
        if kernels is None
        else translations["kernels_text"].format(
            count=len(kernels), height=kernels.shape[2], width=kernels.shape[3]
        ),
        value=explanation.value
        and value_view(
            explanation.value, translations, type_of=partial(layer_type, classifier.network)
        ),
        preprocessing=classifier.preprocessing.describe(),
        command=command,
        version=__version__,
    )


def index_entry(explanation: Explanation, page: str) -> IndexEntry:
    """The entry of an explained image, whose own page is at `page`, on the index page."""
    attribution, judged = next(_pairs(explanation))
    verdict = judged.verdict if judged else None
    return IndexEntry(
        page,
        short_name(explanation),
        explanation.prediction.label,
        percent(explanation.prediction.probability),
        verdict,
        SEVERITIES.get(verdict or ""),
        embedded(overlaid(explanation.pixels, attribution.map), longest_px=INDEX_PX),
    )


def index_page(entries: Sequence[IndexEntry], *, name: str, language: str = "en") -> str:
    """The index page of several explained images, in the order of their entries."""
    return render(
        "explanations",
        language=language,
        name=name,
        rows=entries,
        verdicts=translations_of("explanation", language)["verdicts"],
        num_doubtful=sum(entry.verdict not in (None, "better") for entry in entries),
        version=__version__,
    )


def explanation_panels(explanation: Explanation) -> list[Panel]:
    """The panels of the picture: the network's input, then an attribution map for each class.

    Its texts are English: the font that pictures are drawn with has no Chinese letters.
    """
    translations = translations_of("explanation", "en")
    panels = [Panel(short_name(explanation), None, translations["seen"])]
    for row, attribution in zip(
        _maps(explanation, translations), explanation.attributions, strict=True
    ):
        verdict = (
            f"{translations['verdicts'][row['verdict']]}: {row['text']}" if row["verdict"] else ""
        )
        probability = row["probability"].replace("\N{NO-BREAK SPACE}", " ")  # no letter in a font
        panels.append(Panel(f"{row['title']} {probability}", attribution.map, verdict))
    return panels


def short_name(explanation: Explanation) -> str:
    """The image's file name, or what stands for one."""
    return Path(explanation.image).name or "image"


def _pairs(explanation: Explanation) -> Iterator[tuple[Attribution, Faithfulness | None]]:
    judged = explanation.faithfulness or [None] * len(explanation.attributions)
    yield from zip(explanation.attributions, judged, strict=True)


def _verdict(
    explanation: Explanation, classifier: Classifier, name: str, translations: Mapping[str, Any]
) -> str:
    prediction = explanation.prediction
    sentence: str = translations["verdict_unsure" if prediction.is_unsure else "verdict"]
    return sentence.format(
        name=isolated(name),
        label=isolated(prediction.label),
        probability=percent(prediction.probability),
        threshold=percent(classifier.decision.min_confidence),
    )


def _maps_heading(explanation: Explanation, translations: Mapping[str, Any]) -> str:
    first = explanation.attributions[0]
    key = "maps_heading" if len(explanation.attributions) > 1 else "maps_heading_one"
    if first.against is not None:
        key = "maps_heading_against"
    against = isolated(first.against or "")
    return str(translations[key].format(target=isolated(first.target), against=against))


def layer_text(attribution: Attribution, translations: Mapping[str, Any]) -> str:
    """The feature maps that Grad-CAM weighted, and why these; "" for other methods."""
    chosen = attribution.grad_cam_layer
    if chosen is None:
        return ""
    channels, height, width = chosen.shape
    sentence: str = translations["layer_chosen" if chosen.is_chosen else "layer_given"]
    return sentence.format(layer=chosen.layer, channels=channels, height=height, width=width)


def _maps(explanation: Explanation, translations: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for attribution, judged in _pairs(explanation):
        share = explanation.prediction.probabilities[attribution.target]
        verdict = judged.verdict if judged else "zero" if attribution.is_zero else None
        text = translations["verdict_texts"]["zero"] if verdict == "zero" else ""
        if judged and verdict:
            is_few = verdict == "perhaps" and not judged.num_as_good
            text = translations["verdict_texts"]["few" if is_few else verdict].format(
                as_good=judged.num_as_good, draws=len(judged.random_deletion)
            )
        title = attribution.target
        if attribution.against is not None:
            title = translations["rather"].format(target=title, against=attribution.against)
        yield {
            "target": attribution.target,
            "title": title,
            "probability": percent(share),
            "verdict": verdict,
            "severity": SEVERITIES.get(verdict or ""),
            "text": text,
            "notes": attribution.notes,
            "picture": embedded(overlaid(explanation.pixels, attribution.map)),
        }


def _judged_row(attribution: Attribution, judged: Faithfulness) -> list[str]:
    random = [
        float(np.mean([area(curve) for curve in curves]))
        for curves in (judged.random_deletion, judged.random_insertion)
    ]
    return [
        attribution.target,
        f"{judged.deletion_area:.3f}",
        f"{random[0]:.3f}",
        f"{judged.insertion_area:.3f}",
        f"{random[1]:.3f}",
        f"{judged.num_as_good} / {len(judged.random_deletion)}",
    ]


def _faithful_text(explanation: Explanation, translations: Mapping[str, Any]) -> str:
    asked, first = explanation.question, explanation.attributions[0]
    blur = explanation.faithfulness[0].blur if explanation.faithfulness else 0.0
    text = translations["faithful_text"].format(
        steps=asked.steps,
        draws=asked.draws,
        target=isolated(first.target),
        blur=f"{blur:.0%}".replace("%", "\N{NO-BREAK SPACE}%"),
    )
    return f"{text} {translations['score' if first.against is None else 'score_against']}"


def _curves(explanation: Explanation, translations: Mapping[str, Any]) -> str:
    if not explanation.faithfulness:
        return ""
    first = explanation.faithfulness[0]
    both = [
        (first.deletion, first.random_deletion),
        (first.insertion, first.random_insertion),
    ]
    return as_svg(draw_faithfulness(both, labels=FaithfulnessLabels(**translations["curves"])))


def _class_map(explanation: Explanation, translations: Mapping[str, Any]) -> dict[str, str]:
    """The section on where the first class is predicted; empty if that wasn't asked for."""
    found, target = explanation.class_map, explanation.attributions[0].target
    if found is None:
        return {}
    height, width = found.pixels.shape[:2]
    rows, columns = found.labels.shape
    labels = {
        key: text.format(target=target) for key, text in translations["class_map_labels"].items()
    }
    figure = draw_class_map(
        found.pixels,
        found.probabilities[found.classes.index(target)],
        window=found.window,
        step=found.step,
        labels=ClassMapLabels(**labels),
    )
    text = translations["class_map_text"].format(
        height=height,
        width=width,
        rows=rows,
        columns=columns,
        window_height=found.window[0],
        window_width=found.window[1],
        down=found.step[0],
        right=found.step[1],
    )
    heading = translations["class_map_heading"].format(target=isolated(target))
    return {"heading": heading, "text": text, "figure": as_svg(figure)}


def _kernels(kernels: NDArray[np.float32], translations: Mapping[str, Any]) -> str:
    """Kernels (S, C, H, W) in colour for C = 3, else the mean over C."""
    is_coloured = kernels.shape[1] == 3
    shown = kernels.transpose(0, 2, 3, 1) if is_coloured else kernels.mean(axis=1)
    labels = KernelsLabels(
        label=translations["kernels_alternative"], **translations["kernel_labels"]
    )
    return as_svg(draw_kernels(shown, labels=labels))


def _stage(
    stage: Stage, pixels: NDArray[np.uint8], translations: Mapping[str, Any]
) -> dict[str, Any]:
    height, width = stage.maps.shape[1:]
    seen = stage.field.seen if stage.field else None
    if seen is None:
        text = translations["no_field"]
    elif (seen.height, seen.width) == pixels.shape[:2]:
        text = translations["field_whole"]
    else:
        share = percent(seen.num_pixels / (pixels.shape[0] * pixels.shape[1]))
        text = translations["field"].format(height=seen.height, width=seen.width, share=share)
    label = translations["stage_alternative"].format(layer=stage.layer)
    labels = MapsLabels(label=label, **translations["map_labels"])
    return {
        "layer": stage.layer,
        "box": seen,
        "field_text": text,
        "sheet": as_svg(draw_maps(stage.maps, most=MAPS_SHOWN, labels=labels)),
        "text": translations["stage"].format(
            shown=min(MAPS_SHOWN, len(stage.maps)),
            channels=len(stage.maps),
            height=height,
            width=width,
            largest=f"{stage.largest:.3g}",
            channel=stage.strongest,
        ),
    }
