"""What speaks for some answers of an evaluation: images beside maps, or why there are none."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from convscope.data.counters import permutation
from convscope.data.dataset import file_of
from convscope.data.pixels import Pixels as Prepared
from convscope.errors import DataError, NetworkError, UsageError
from convscope.evaluation.evaluate import Evaluation
from convscope.evaluation.mistakes import Case, cases
from convscope.figures.attribution import overlaid
from convscope.files import printable
from convscope.inspection.attribution import Attribution, grad_cams
from convscope.report.explanation import layer_text
from convscope.report.page import isolated, percent
from convscope.report.pictures import Picture, Pictures
from convscope.report.words import words_of
from convscope.run import Run

RIGHT, WRONG = 3, 4  # examples
LONGEST_PX = 224

Pixels = NDArray[np.uint8]


class ClassMap(NamedTuple):
    """What speaks for one class in an image.

    Attributes:
        title: The class, with its probability.
        picture: The image with the map; None if there is no room left.
        alternative: What is read out to those who can't see it.
        warning: What is wrong with the map, in a word or two; None if nothing is known to be.
        notes: What there is to know about it.
    """

    title: str
    picture: Picture | None
    alternative: str
    warning: str | None
    notes: tuple[str, ...]


class Example(NamedTuple):
    """An image whose answer is looked into.

    Attributes:
        case: The image, with what it was taken for.
        seen: What the network saw of it; None if that can't be read any more.
        maps: For the answer and, where that is wrong, for the right class; none without `seen`.
        command: That compares its maps with random ones; None where the image has no file.
    """

    case: Case
    seen: Picture | None
    maps: tuple[ClassMap, ...]
    command: str | None


class ExampleMaps(NamedTuple):
    """What a report says of maps.

    Attributes:
        command: That looks into any image; None if nothing can.
        left_out: Why there are no maps; else all that follows.
        method: How they were made, and what their colours say.
        seen: What stands below each image without a map.
        examples: Right answers, then the worst of the wrong ones.
    """

    command: str | None = None
    left_out: str = ""
    method: str = ""
    seen: str = ""
    examples: tuple[Example, ...] = ()


def example_maps(
    evaluation: Evaluation, pictures: Pictures, *, run: Run | None, language: str
) -> ExampleMaps:
    """Examples with Grad-CAM for what they were taken for, and for the right class of wrong ones.

    Args:
        evaluation: What was found.
        pictures: Draws them, as long as there is room.
        run: That the classifier is from, for the commands.
        language: Of the words: `en` or `zh`.
    """
    words, command = words_of("run", language), _command(run, "IMAGE")
    name = evaluation.classifier.choice.name
    prepared = evaluation.gallery.pixels(evaluation.classifier.preprocessing)
    chosen = [
        (case, _seen(prepared, evaluation.part.indices[[case.index]]))
        for case in _chosen(evaluation)
    ]
    asked = [(seen, label) for case, seen in chosen if seen is not None for label in _classes(case)]
    try:
        found = grad_cams(evaluation.classifier, asked)
    except UsageError:
        other = f"{command} --method occlusion"
        return ExampleMaps(other, left_out=words["no_feature_maps"].format(name=name))
    except NetworkError:
        return ExampleMaps(left_out=words["no_gradient"].format(name=name))
    if not found:
        return ExampleMaps(command, left_out=words["no_example"])
    explained = words_of("explanation", language)
    drawer = _Drawer(pictures, words, explained)
    following = iter(found)
    examples = []
    for case, seen in chosen:
        picture, maps = None, []
        if seen is not None:
            picture = pictures.drawn(seen, longest_px=LONGEST_PX)
            maps = [drawer.map(seen, next(following), case) for _ in _classes(case)]
        examples.append(Example(case, picture, tuple(maps), _own_command(evaluation, case, run)))
    return ExampleMaps(
        command,
        method=drawer.method(found[0], evaluation),
        seen=explained["seen"],
        examples=tuple(examples),
    )


class _Drawer:
    """Draws maps and finds the words for them.

    Args:
        pictures: Draws as long as there is room.
        words: Of the report.
        explained: Of the page that explains one image.
    """

    def __init__(
        self, pictures: Pictures, words: Mapping[str, Any], explained: Mapping[str, Any]
    ) -> None:
        self._pictures, self._words, self._explained = pictures, words, explained

    def map(self, seen: Pixels, attribution: Attribution, case: Case) -> ClassMap:
        """A map over what the network saw."""
        target = isolated(attribution.target)
        is_answer = attribution.target == case.predicted
        share = case.probability if is_answer else case.label_probability
        title = self._words["map_of_answer" if is_answer else "map_of_truth"]
        notes, explained = attribution.notes, self._explained
        if attribution.is_zero:
            notes = (explained["verdict_texts"]["zero"], *notes)
        return ClassMap(
            title.format(target=target, probability=percent(share)),
            self._pictures.drawn(overlaid(seen, attribution.map), longest_px=LONGEST_PX),
            explained["map_alternative"].format(target=target),
            explained["verdicts"]["zero"] if attribution.is_zero else None,
            notes,
        )

    def method(self, attribution: Attribution, evaluation: Evaluation) -> str:
        """How maps were made, of which layer, and what their colours say."""
        explained = self._explained
        sentences = [
            explained["methods"]["grad-cam"],
            layer_text(attribution, explained),
            explained["colours_for"],
        ]
        if evaluation.gain:
            sentences.append(self._words["maps_of_one_view"].format(count=evaluation.gain.count))
        return " ".join(sentences)


def _chosen(evaluation: Evaluation) -> tuple[Case, ...]:
    """Some right ones, drawn as the samples are, and the worst of the wrong ones."""
    outputs = evaluation.outputs
    drawn = permutation("report", len(outputs))
    right = drawn[outputs.is_correct[drawn]][:RIGHT]
    return (*cases(outputs, evaluation.names, right), *evaluation.mistakes.worst[:WRONG])


def _classes(case: Case) -> tuple[str, ...]:
    return (case.predicted,) if case.is_right else (case.predicted, case.label)


def _seen(prepared: Prepared, indices: NDArray[np.int64]) -> Pixels | None:
    """(H, W, C) of one image as evaluated; None if it can't be read any more, or is another now."""
    try:
        return prepared.take(indices)[0].numpy()
    except DataError:
        return None


def _own_command(evaluation: Evaluation, case: Case, run: Run | None) -> str | None:
    index = int(evaluation.part.indices[case.index])
    file = file_of(evaluation.gallery.dataset.images, index)
    if file is None or not file.is_file() or printable(file) != str(file):
        return None  # a name that can't be shown can't be copied
    return _command(run, file.as_posix())


def _command(run: Run | None, image: str) -> str:
    place = run.path.as_posix() if run else "RUN"
    return f"convscope explain {shlex.quote(place)} {shlex.quote(image)}"
