"""The pages that explain one image, and lead to those of several."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from convscope import __version__
from convscope.classifier import Classifier
from convscope.figures.attribution import (
    FaithfulnessWords,
    Panel,
    draw_faithfulness,
    overlaid,
)
from convscope.figures.class_map import ClassMapWords, draw_class_map
from convscope.figures.kernels import KernelsWords, draw_kernels
from convscope.figures.maps import MapsWords, draw_maps
from convscope.figures.style import as_svg
from convscope.inspection.attribution import Attribution
from convscope.inspection.explained_image import Explanation
from convscope.inspection.faithfulness import Faithfulness, area
from convscope.inspection.stages import Stage
from convscope.report.page import isolated, percent, render
from convscope.report.pictures import Picture, embedded
from convscope.report.words import words_of

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
ONLY_FOR = ("grad-cam", "guided-backprop")  # methods that show nothing that speaks against


class Entry(NamedTuple):
    """What the page of several images says of one.

    Attributes:
        page: Its own page, relative to that of all.
        name: Of the image.
        label: The predicted class.
        probability: Of that class, in percent.
        verdict: Of its map; None if it wasn't judged.
        severity: How the verdict is coloured.
        picture: The image with its map.
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

    Args:
        explanation: What is shown.
        classifier: That it is about.
        name: What a user calls the classifier.
        command: That makes the page again.
        language: Of the page's words: `en` or `zh`.

    Raises:
        UsageError: There are no words in this language.
    """
    words = words_of("explanation", language)
    prediction, asked = explanation.prediction, explanation.question
    first = explanation.attributions[0]
    colours = "colours_for" if asked.method in ONLY_FOR else "colours"
    kernels = explanation.kernels
    return render(
        "explanation",
        language=language,
        name=short_name(explanation),
        label=prediction.label,
        probability=percent(prediction.probability),
        verdict=_verdict(explanation, classifier, name, words),
        maps_heading=_maps_heading(explanation, words),
        method=asked.method,
        layer=layer_text(first, words),
        colours=words[colours],
        seen=embedded(explanation.pixels),
        maps=list(_maps(explanation, words)),
        classes=[(label, percent(share)) for label, share in prediction.top(CLASSES_LISTED)],
        judged=[_judged_row(*pair) for pair in _pairs(explanation) if pair[1]],
        faithful_text=_faithful_text(explanation, words),
        curves=_curves(explanation, words),
        class_map=_class_map(explanation, words),
        stages=[_stage(stage, explanation.pixels, words) for stage in explanation.stages],
        kernels=None if kernels is None else _kernels(kernels, words),
        kernels_text=""
        if kernels is None
        else words["kernels_text"].format(
            count=len(kernels), height=kernels.shape[2], width=kernels.shape[3]
        ),
        value=explanation.value,
        preprocessing=classifier.preprocessing.describe(),
        command=command,
        version=__version__,
    )


def entry_of(explanation: Explanation, page: str) -> Entry:
    """What the page of several images says of this one.

    Args:
        explanation: Of one image.
        page: Its own page, relative to that of all.
    """
    attribution, judged = next(_pairs(explanation))
    verdict = judged.verdict if judged else None
    return Entry(
        page,
        short_name(explanation),
        explanation.prediction.label,
        percent(explanation.prediction.probability),
        verdict,
        SEVERITIES.get(verdict or ""),
        embedded(overlaid(explanation.pixels, attribution.map), longest_px=INDEX_PX),
    )


def index_page(entries: Sequence[Entry], *, name: str, language: str = "en") -> str:
    """The page that leads to those of several images.

    Args:
        entries: In the order of the page.
        name: What a user calls the classifier.
        language: Of the page's words: `en` or `zh`.
    """
    return render(
        "explanations",
        language=language,
        name=name,
        rows=entries,
        verdicts=words_of("explanation", language)["verdicts"],
        num_doubtful=sum(entry.verdict not in (None, "better") for entry in entries),
        version=__version__,
    )


def explanation_panels(explanation: Explanation) -> list[Panel]:
    """The panels of the picture: what the network sees, then a map for each class.

    Its words are English: the font that pictures are drawn with has no Chinese letters.

    Args:
        explanation: What is shown.
    """
    words = words_of("explanation", "en")
    panels = [Panel(short_name(explanation), None, words["seen"])]
    for row, attribution in zip(_maps(explanation, words), explanation.attributions, strict=True):
        verdict = f"{words['verdicts'][row['verdict']]}: {row['text']}" if row["verdict"] else ""
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
    explanation: Explanation, classifier: Classifier, name: str, words: Mapping[str, Any]
) -> str:
    prediction = explanation.prediction
    sentence: str = words["verdict_unsure" if prediction.is_unsure else "verdict"]
    return sentence.format(
        name=isolated(name),
        label=isolated(prediction.label),
        probability=percent(prediction.probability),
        threshold=percent(classifier.decision.min_confidence),
    )


def _maps_heading(explanation: Explanation, words: Mapping[str, Any]) -> str:
    first = explanation.attributions[0]
    if first.against is not None:
        key = "maps_heading_against"
    else:
        key = "maps_heading" if len(explanation.attributions) > 1 else "maps_heading_one"
    against = isolated(first.against or "")
    return str(words[key].format(target=isolated(first.target), against=against))


def layer_text(attribution: Attribution, words: Mapping[str, Any]) -> str:
    """Which feature maps were weighed, and why these; nothing for other methods than Grad-CAM.

    Args:
        attribution: The map.
        words: Of the page that explains one image.
    """
    weighed = attribution.weighed
    if weighed is None:
        return ""
    channels, height, width = weighed.shape
    sentence: str = words["layer_chosen" if weighed.is_chosen else "layer_given"]
    return sentence.format(layer=weighed.layer, channels=channels, height=height, width=width)


def _maps(explanation: Explanation, words: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for attribution, judged in _pairs(explanation):
        share = explanation.prediction.probabilities[attribution.target]
        verdict = judged.verdict if judged else "zero" if attribution.is_zero else None
        text = words["verdict_texts"]["zero"] if verdict == "zero" else ""
        if judged and verdict:
            is_few = verdict == "perhaps" and not judged.num_as_good
            text = words["verdict_texts"]["few" if is_few else verdict].format(
                as_good=judged.num_as_good, draws=len(judged.random_deletion)
            )
        title = attribution.target
        if attribution.against is not None:
            title = words["rather"].format(target=title, against=attribution.against)
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


def _judged_row(attribution: Attribution, judged: Faithfulness | None) -> list[str]:
    if judged is None:
        return []
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


def _faithful_text(explanation: Explanation, words: Mapping[str, Any]) -> str:
    asked, first = explanation.question, explanation.attributions[0]
    blur = explanation.faithfulness[0].blur if explanation.faithfulness else 0.0
    text = words["faithful_text"].format(
        steps=asked.steps,
        draws=asked.draws,
        target=isolated(first.target),
        blur=f"{blur:.0%}".replace("%", "\N{NO-BREAK SPACE}%"),
    )
    return f"{text} {words['score' if first.against is None else 'score_against']}"


def _curves(explanation: Explanation, words: Mapping[str, Any]) -> str:
    if not explanation.faithfulness:
        return ""
    first = explanation.faithfulness[0]
    both = [
        (first.deletion, first.random_deletion),
        (first.insertion, first.random_insertion),
    ]
    return as_svg(draw_faithfulness(both, words=FaithfulnessWords(**words["curves"])))


def _class_map(explanation: Explanation, words: Mapping[str, Any]) -> dict[str, str]:
    """Where the first class that is explained is seen; nothing if that wasn't asked."""
    found, target = explanation.class_map, explanation.attributions[0].target
    if found is None:
        return {}
    height, width = found.pixels.shape[:2]
    rows, columns = found.labels.shape
    labels = {key: text.format(target=target) for key, text in words["class_map_words"].items()}
    figure = draw_class_map(
        found.pixels,
        found.probabilities[found.classes.index(target)],
        window=found.window,
        step=found.step,
        words=ClassMapWords(**labels),
    )
    text = words["class_map_text"].format(
        height=height,
        width=width,
        rows=rows,
        columns=columns,
        window_height=found.window[0],
        window_width=found.window[1],
        down=found.step[0],
        right=found.step[1],
    )
    heading = words["class_map_heading"].format(target=isolated(target))
    return {"heading": heading, "text": text, "figure": as_svg(figure)}


def _kernels(kernels: NDArray[np.float32], words: Mapping[str, Any]) -> str:
    """Kernels (S, C, H, W) in colour for C = 3, else the mean over C."""
    is_coloured = kernels.shape[1] == 3
    shown = kernels.transpose(0, 2, 3, 1) if is_coloured else kernels.mean(axis=1)
    labels = KernelsWords(label=words["kernels_alternative"], **words["kernel_words"])
    return as_svg(draw_kernels(shown, words=labels))


def _stage(stage: Stage, pixels: NDArray[np.uint8], words: Mapping[str, Any]) -> dict[str, Any]:
    height, width = stage.maps.shape[1:]
    seen = stage.field.seen if stage.field else None
    if seen is None:
        text = words["no_field"]
    elif (seen.height, seen.width) == pixels.shape[:2]:
        text = words["field_whole"]
    else:
        share = percent(seen.num_pixels / (pixels.shape[0] * pixels.shape[1]))
        text = words["field"].format(height=seen.height, width=seen.width, share=share)
    label = words["stage_alternative"].format(layer=stage.layer)
    labels = MapsWords(label=label, **words["map_words"])
    return {
        "layer": stage.layer,
        "box": seen,
        "field_text": text,
        "sheet": as_svg(draw_maps(stage.maps, most=MAPS_SHOWN, words=labels)),
        "text": words["stage"].format(
            shown=min(MAPS_SHOWN, len(stage.maps)),
            channels=len(stage.maps),
            height=height,
            width=width,
            largest=f"{stage.largest:.3g}",
            channel=stage.strongest,
        ),
    }
