"""Grad-CAM of some predictions of a report, or why there is none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from convscope.data.dataset import file_of
from convscope.data.pixels.prepared import Pixels as Prepared
from convscope.errors import DataError, NetworkError, UsageError
from convscope.evaluation.error_analysis import ClassifiedImage, classified_images
from convscope.evaluation.evaluate import Evaluation
from convscope.figures.attribution import overlaid
from convscope.files import printable
from convscope.inspection.attribution.attribution import Attribution, grad_cams
from convscope.paths import command_line
from convscope.report.explanation import layer_text
from convscope.report.page import Picture, Pictures, isolated, percent
from convscope.report.translations import translations_of
from convscope.rng import permutation
from convscope.run import Run

RIGHT, WRONG = 3, 4  # examples
LONGEST_PX = 224

Pixels = NDArray[np.uint8]


class GradCamPicture(NamedTuple):
    """The Grad-CAM map of one class, over the image.

    Attributes:
        title: The class, with its probability.
        picture: The image with the map; None if there is no room left.
        alternative: Alternative text of the picture.
        warning: What is wrong with the map, in short; None if nothing is known to be.
        notes: Sentences about the map.
    """

    title: str
    picture: Picture | None
    alternative: str
    warning: str | None
    notes: tuple[str, ...]


class GradCamExample(NamedTuple):
    """An image whose prediction is explained.

    Attributes:
        case: The image, with its prediction.
        seen: The network's input; None if the image can't be read any more.
        maps: Grad-CAM of the predicted class and, where that is wrong, of the true class; empty
            without `seen`.
        command: Command line that compares its maps with random ones; None if the image has no
            file.
    """

    case: ClassifiedImage
    seen: Picture | None
    maps: tuple[GradCamPicture, ...]
    command: str | None


class GradCamSection(NamedTuple):
    """The report's section about Grad-CAM.

    Attributes:
        command: Command line that explains any image; None if there is none.
        left_out: Why there are no maps; else the fields below hold them.
        method: How the maps were computed, and what their colours mean.
        seen: Caption of each image without a map.
        examples: Right predictions, then the worst of the wrong ones.
    """

    command: str | None = None
    left_out: str = ""
    method: str = ""
    seen: str = ""
    examples: tuple[GradCamExample, ...] = ()


def grad_cam_examples(
    evaluation: Evaluation, pictures: Pictures, *, run: Run | None, language: str
) -> GradCamSection:
    """Examples with Grad-CAM of the predicted class, and of the true class where that differs."""
    explanation = translations_of("explanation", language)
    translations = {**translations_of("run", language), "explanation": explanation}
    command = _command(run, "IMAGE")
    name = evaluation.classifier.choice.name
    prepared = evaluation.image_index.pixels(evaluation.classifier.preprocessing)
    chosen = [
        (case, _seen(prepared, evaluation.subset.indices[[case.index]]))
        for case in _chosen(evaluation)
    ]
    asked = [(seen, label) for case, seen in chosen if seen is not None for label in _classes(case)]
    try:
        found = grad_cams(evaluation.classifier, asked)
    except UsageError:
        other = f"{command} --method occlusion"
        return GradCamSection(other, left_out=translations["no_feature_maps"].format(name=name))
    except NetworkError:
        return GradCamSection(left_out=translations["no_gradient"].format(name=name))
    if not found:
        return GradCamSection(command, left_out=translations["no_example"])
    following = iter(found)
    examples = []
    for case, seen in chosen:
        picture, maps = None, []
        if seen is not None:
            picture = pictures.drawn(seen, longest_px=LONGEST_PX)
            maps = [
                _map(seen, next(following), case, pictures, translations) for _ in _classes(case)
            ]
        examples.append(
            GradCamExample(case, picture, tuple(maps), _own_command(evaluation, case, run))
        )
    return GradCamSection(
        command,
        method=_method(found[0], evaluation, translations),
        seen=explanation["seen"],
        examples=tuple(examples),
    )


def _map(
    seen: Pixels,
    attribution: Attribution,
    case: ClassifiedImage,
    pictures: Pictures,
    translations: Mapping[str, Any],
) -> GradCamPicture:
    """A map over the network's input (H, W, C)."""
    target = isolated(attribution.target)
    is_predicted = attribution.target == case.predicted
    probability = case.probability if is_predicted else case.label_probability
    title = translations["map_of_predicted" if is_predicted else "map_of_true"]
    explanation, notes = translations["explanation"], attribution.notes
    if attribution.is_zero:
        notes = (explanation["verdict_texts"]["zero"], *notes)
    return GradCamPicture(
        title.format(target=target, probability=percent(probability)),
        pictures.drawn(overlaid(seen, attribution.map), longest_px=LONGEST_PX),
        explanation["map_alternative"].format(target=target),
        explanation["verdicts"]["zero"] if attribution.is_zero else None,
        notes,
    )


def _method(
    attribution: Attribution, evaluation: Evaluation, translations: Mapping[str, Any]
) -> str:
    """How the maps were computed, of which layer, and what their colours mean."""
    texts = translations["explanation"]
    sentences = [
        texts["methods"]["grad-cam"],
        layer_text(attribution, texts),
        texts["colours_for"],
    ]
    if evaluation.gain:
        sentences.append(translations["maps_of_one_view"].format(count=evaluation.gain.count))
    return " ".join(sentences)


def _chosen(evaluation: Evaluation) -> tuple[ClassifiedImage, ...]:
    """Some right predictions, drawn as the samples are, and the worst of the wrong ones."""
    outputs = evaluation.outputs
    drawn = permutation("report", len(outputs))
    right = drawn[outputs.is_correct[drawn]][:RIGHT]
    return (
        *classified_images(outputs, evaluation.names, right),
        *evaluation.mistakes.worst[:WRONG],
    )


def _classes(case: ClassifiedImage) -> tuple[str, ...]:
    return (case.predicted,) if case.is_right else (case.predicted, case.label)


def _seen(prepared: Prepared, indices: NDArray[np.int64]) -> Pixels | None:
    """(H, W, C) of one image as evaluated; None if it can't be read any more, or is another now."""
    try:
        return prepared.take(indices)[0].numpy()
    except DataError:
        return None


def _own_command(evaluation: Evaluation, case: ClassifiedImage, run: Run | None) -> str | None:
    index = int(evaluation.subset.indices[case.index])
    file = file_of(evaluation.image_index.dataset.images, index)
    if file is None or not file.is_file() or printable(file) != str(file):
        return None  # a name that can't be shown can't be copied
    return _command(run, str(file))


def _command(run: Run | None, image: str) -> str:
    return command_line("convscope", "explain", run.path if run else "RUN", image)
