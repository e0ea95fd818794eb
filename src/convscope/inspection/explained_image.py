"""Why a classifier says what it says about one image: everything that a page about it shows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from convscope.classifier import Classifier, ImageLike, Prediction
from convscope.data.decode import USUAL, Decoding
from convscope.errors import UsageError
from convscope.files import printable
from convscope.inspection.attribution import (
    Attribution,
    attribute,
    check_method,
    class_index,
    network_input,
)
from convscope.inspection.class_map import ClassMap, Sliding
from convscope.inspection.faithfulness import DRAWS, STEPS, Faithfulness, faithfulness
from convscope.inspection.stages import Stage, Stages
from convscope.inspection.values import ValueTrace, trace_value

TOP = 3
MOST_KERNELS = 64


class Place(NamedTuple):
    """Where a value is: a layer, and in what it gives."""

    layer: str
    channel: int
    row: int | None = None
    column: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked about images.

    Attributes:
        top: How many of the most probable classes are explained.
        target: Explain this class alone; None for the most probable ones.
        against: What speaks for the class rather than for this one; explains one class alone.
        method: One of `METHODS`.
        layer: That Grad-CAM weighs; None for the last feature maps.
        value: The value whose arithmetic is shown; None for none.
        slide: (height, width) that the image is prepared to for a class map; None for none.
        draws: Random maps that each map is compared with; 0 for no comparison.
        steps: Parts in which pixels are taken away for that.
    """

    top: int = TOP
    target: str | None = None
    against: str | None = None
    method: str = "grad-cam"
    layer: str | None = None
    value: Place | None = None
    slide: tuple[int, int] | None = None
    draws: int = DRAWS
    steps: int = STEPS

    def check(self, classifier: Classifier) -> None:
        """Refuses what can't be asked of this classifier.

        Raises:
            UsageError: No such class, method or layer, or a number that can't be.
        """
        check_method(self.method, self.layer)
        for name in (self.target, self.against):
            if name is not None:
                class_index(classifier, name)
        for field, number, least in (
            ("top", self.top, 1),
            ("draws", self.draws, 0),
            ("steps", self.steps, 1),
        ):
            if number < least:
                raise UsageError(f"`{field}` can't be {number}", hint=f"it is {least} or more")


@dataclass(frozen=True, slots=True, eq=False)
class Explanation:
    """Why a classifier says what it says about one image.

    Attributes:
        image: Its name: the path, or "" for pixels.
        prediction: What it says.
        pixels: (H, W, C) what the network sees, 0 to 255.
        question: What was asked.
        attributions: One map for each class that is explained.
        faithfulness: How true each of them is; empty if it wasn't measured.
        stages: What each stage made of it.
        kernels: (S, C, H, W) of the first convolution; None without one.
        value: The arithmetic of the value that was asked for.
        class_map: Which class is seen where, if that was asked for.
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

    def to_dict(self) -> dict[str, Any]:
        """All but pictures, ready for JSON."""
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
    """Explains images with one classifier; what is the same for all of them is found once.

    Args:
        classifier: With any network; it stays as it is.
        question: What is asked about each image.
        decoding: How images are decoded.

    Raises:
        UsageError: The question can't be asked of this classifier.
    """

    def __init__(
        self, classifier: Classifier, question: Question, *, decoding: Decoding = USUAL
    ) -> None:
        question.check(classifier)
        self._classifier, self._question, self._decoding = classifier, question, decoding

    def explain(
        self, image: ImageLike, *, on_progress: Callable[[int], None] = lambda count: None
    ) -> Explanation:
        """Why the classifier says what it says about an image.

        Args:
            image: What `predict` takes.
            on_progress: Is handed how many images were classified just now, of `num_classified`.

        Raises:
            DataError: The image can't be read.
            UsageError: No such layer or value, or no feature maps to weigh.
            NetworkError: No gradient can be followed through the network, or it can't slide.
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
        """How many images are classified to explain one."""
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
    def _sliding(self) -> Sliding | None:
        size = self._question.slide
        return None if size is None else Sliding(self._classifier, size)

    def _value(self, pixels: NDArray[np.uint8]) -> ValueTrace | None:
        place = self._question.value
        if place is None:
            return None
        return trace_value(
            self._classifier.network,
            network_input(self._classifier, pixels),
            place.layer,
            channel=place.channel,
            row=place.row,
            column=place.column,
        )


def first_kernels(network: nn.Module) -> NDArray[np.float32] | None:
    """(S, C, H, W) up to 64 kernels of the first convolution; None without one."""
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d):
            return layer.weight.detach().float().cpu().numpy()[:MOST_KERNELS]
    return None


def place_of(text: str) -> Place:
    """The value that `LAYER:CHANNEL,ROW,COLUMN` names, or `LAYER:UNIT` in a dense layer.

    Raises:
        UsageError: It is written in another way.
    """
    layer, _, numbers = text.rpartition(":")
    parts = numbers.split(",")
    if not layer or len(parts) not in (1, 3) or not all(part.strip().isdigit() for part in parts):
        raise UsageError(
            f"`{text}` names no value of a layer",
            hint="write `LAYER:CHANNEL,ROW,COLUMN`, as `conv1:3,10,12`, or `LAYER:UNIT` for a "
            "dense layer; they count from 0",
        )
    return Place(layer, *(int(part) for part in parts))
