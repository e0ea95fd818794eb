"""Explanation of a prediction: attributions, faithfulness, stages, a class map, a traced value."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from convscope.classifier import Classifier, ImageLike, Prediction
from convscope.data.decoding.content import DEFAULT_DECODING, Decoding
from convscope.errors import UsageError
from convscope.files import printable
from convscope.inspection.attribution.attribution import (
    Attribution,
    attribute,
    check_method,
    class_index,
)
from convscope.inspection.attribution.class_map import ClassMap, SlidingClassifier
from convscope.inspection.attribution.faithfulness import DRAWS, STEPS, Faithfulness, faithfulness
from convscope.inspection.feature_maps.activations import kernels, network_input
from convscope.inspection.feature_maps.stages import Stage, Stages
from convscope.inspection.values.trace import ValueTrace, trace_value
from convscope.short_repr import Shown, short_repr

TOP = 3
MOST_KERNELS = 64


class ValuePosition(NamedTuple):
    """Position of one value: a layer, and the position in its output."""

    layer: str
    channel: int
    row: int | None = None
    column: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What to explain about images, and how.

    Attributes:
        top: Number of the most probable classes that are explained.
        target: The only class to explain; None for the most probable ones.
        against: A class that the explained one is compared with; only one class is then explained.
        method: One of `METHODS`.
        layer: Path of the Grad-CAM layer; None for the last feature maps.
        value: The value whose arithmetic is traced; None for none.
        slide: (height, width) that the image is prepared to for a class map; None for no map.
        draws: Number of random maps that each map is compared with; 0 for no comparison.
        steps: Number of parts in which pixels are deleted for that comparison.
    """

    top: int = TOP
    target: str | None = None
    against: str | None = None
    method: str = "grad-cam"
    layer: str | None = None
    value: ValuePosition | None = None
    slide: tuple[int, int] | None = None
    draws: int = DRAWS
    steps: int = STEPS

    def check(self, classifier: Classifier) -> None:
        """Refuses what this classifier can't explain.

        Raises:
            UsageError: No such class, method or layer, or a number that is too small.
        """
        check_method(self.method, self.layer)
        for name in (self.target, self.against):
            if name is not None:
                class_index(classifier, name)
        if self.target is not None and self.target == self.against:
            raise UsageError(
                f"`{self.target}` can't be compared with itself",
                hint="choose another class to compare it with",
            )
        for field, least in (("top", 1), ("draws", 0), ("steps", 1)):
            if (number := getattr(self, field)) < least:
                raise UsageError(f"`{field}` can't be {number}", hint=f"it is {least} or more")


@dataclass(frozen=True, slots=True, eq=False)
class Explanation(Shown):
    """Explanation of a classifier's prediction for one image.

    Attributes:
        image: Name of the image: its path, or "" for pixels.
        prediction: The prediction.
        pixels: (H, W, C) the image as the network sees it, 0 to 255.
        question: What was asked.
        attributions: One attribution for each class that is explained.
        faithfulness: Faithfulness of each attribution; empty if it wasn't measured.
        stages: Feature maps of each stage of the network.
        kernels: (S, C, H, W) kernels of the first convolution; None for a network without one.
        value: The traced value, if one was asked for.
        class_map: The class map, if one was asked for.
    """

    image: str
    prediction: Prediction
    pixels: NDArray[np.uint8]
    question: Question
    attributions: tuple[Attribution, ...]
    faithfulness: tuple[Faithfulness, ...]
    stages: tuple[Stage, ...]
    kernels: NDArray[np.float32] | None
    value: ValueTrace | None
    class_map: ClassMap | None

    __repr__ = short_repr

    def to_dict(self) -> dict[str, Any]:
        """The explanation without pictures, ready for JSON."""
        judged = self.faithfulness or [None] * len(self.attributions)
        return {
            "image": self.image,
            "label": self.prediction.label,
            "probability": self.prediction.probability,
            "probabilities": self.prediction.probabilities,
            "is_unsure": self.prediction.is_unsure,
            "attributions": [
                {**each.to_dict(), "faithfulness": found and found.to_dict()}
                for each, found in zip(self.attributions, judged, strict=True)
            ],
            "stages": [stage.to_dict() for stage in self.stages],
            "value": self.value and self.value.to_dict(),
            "class_map": self.class_map and self.class_map.to_dict(),
        }


class Explainer:
    """Explains images with one classifier; what is the same for all images is computed once.

    Args:
        classifier: A classifier with any network; it stays as it is.
        question: What to explain about each image.
        decoding: How images are decoded.

    Raises:
        UsageError: The question can't be asked of this classifier.
    """

    def __init__(
        self, classifier: Classifier, question: Question, *, decoding: Decoding = DEFAULT_DECODING
    ) -> None:
        question.check(classifier)
        self._classifier, self._question, self._decoding = classifier, question, decoding

    def explain(
        self, image: ImageLike, *, on_progress: Callable[[int], None] = lambda count: None
    ) -> Explanation:
        """The explanation of the prediction for an image.

        Args:
            image: What `predict` takes.
            on_progress: Called with the number of images that were just classified, of
                `num_classified`.

        Raises:
            DataError: The image can't be read.
            UsageError: No such layer or value, or no layer for Grad-CAM.
            NetworkError: No gradient can be computed through the network, or it can't slide.
        """
        classifier, asked = self._classifier, self._question
        pixels = classifier.prepare(image, decoding=self._decoding)
        sliding = self._sliding
        slid_over = None if sliding is None else sliding.over(image, decoding=self._decoding)
        name = image if isinstance(image, str) else getattr(image, "__fspath__", lambda: "")()
        prediction = classifier.predict_prepared(pixels[None], names=[printable(name)])[0]
        attributions = [
            attribute(
                classifier,
                pixels,
                target=target,
                against=asked.against,
                method=asked.method,
                layer=asked.layer,
            )
            for target in self._targets(prediction)
        ]
        if asked.target is None and asked.against == prediction.label:
            attributions = [_of_runner_up(each) for each in attributions]
        judged: list[Faithfulness] = []
        if asked.draws:
            judged = faithfulness(
                classifier,
                pixels,
                attributions,
                draws=asked.draws,
                steps=asked.steps,
                on_progress=on_progress,
            )
        return Explanation(
            prediction.image,
            prediction,
            pixels,
            asked,
            tuple(attributions),
            tuple(judged),
            tuple(self._stages.of(network_input(classifier, pixels))),
            first_kernels(classifier.network),
            self._value(pixels),
            slid_over,
        )

    @property
    def num_classified(self) -> int:
        """Number of images that are classified to explain one."""
        asked = self._question
        if not asked.draws:
            return 0
        num_maps = min(asked.top, len(self._classifier.classes))
        if asked.target or asked.against:
            num_maps = 1
        return 2 + (asked.steps - 1) * (asked.draws + 2 * num_maps)

    @cached_property
    def _stages(self) -> Stages:
        shape = self._classifier.preprocessing.input_shape
        blank = torch.zeros(1, *shape, device=self._classifier.device)
        return Stages(self._classifier.network, blank)

    def _targets(self, prediction: Prediction) -> list[str]:
        asked = self._question
        if asked.target is not None:
            return [asked.target]
        if asked.against is None:
            return [name for name, _ in prediction.top(asked.top)]
        # The most probable of the others: against the prediction itself that is the runner-up.
        return [next(name for name, _ in prediction.top(2) if name != asked.against)]

    @cached_property
    def _sliding(self) -> SlidingClassifier | None:
        size = self._question.slide
        return None if size is None else SlidingClassifier(self._classifier, size)

    def _value(self, pixels: NDArray[np.uint8]) -> ValueTrace | None:
        position = self._question.value
        if position is None:
            return None
        inputs = network_input(self._classifier, pixels)
        return trace_value(self._classifier.network, inputs, **position._asdict())


def _of_runner_up(attribution: Attribution) -> Attribution:
    """The attribution, with the note that it isn't of the prediction, which was named."""
    named, explained = map(shlex.quote, (str(attribution.against), attribution.target))
    note = (
        f"`{attribution.against}` is the prediction itself, so this is the evidence for the "
        f"runner-up; `--class {named} --against {explained}` shows that for the prediction"
    )
    return replace(attribution, notes=(*attribution.notes, note))


def first_kernels(network: nn.Module) -> NDArray[np.float32] | None:
    """(S, C, H, W) up to 64 kernels of the first convolution; None for a network without one."""
    for name, layer in network.named_modules():
        if isinstance(layer, nn.Conv2d):
            return kernels(network, name)[:MOST_KERNELS]
    return None


def parse_position(text: str) -> ValuePosition:
    """Parses `LAYER:CHANNEL,ROW,COLUMN`, or `LAYER:UNIT` for a dense layer.

    Raises:
        UsageError: The text has another form.
    """
    layer, _, numbers = text.rpartition(":")
    parts = numbers.split(",")
    if not layer or len(parts) not in (1, 3) or not all(part.strip().isdigit() for part in parts):
        raise UsageError(
            f"`{text}` names no value of a layer",
            hint="write `LAYER:CHANNEL,ROW,COLUMN`, as `conv1:3,10,12`, or `LAYER:UNIT` for a "
            "dense layer; all numbers are from 0",
        )
    return ValuePosition(layer, *(int(part) for part in parts))
