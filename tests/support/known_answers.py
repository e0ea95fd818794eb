"""Evaluations whose every answer is known: pixels are the logits, and a network reads them off."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from convscope.classifier import Classifier, Decision, NetworkChoice
from convscope.data.dataset import ArrayImages, Dataset
from convscope.data.index.image_index import build_image_index
from convscope.data.pixels.preprocessing import Preprocessing
from convscope.evaluation.evaluate import Evaluation, evaluate_subset
from convscope.evaluation.subset import Subset

STEP = 0.1  # of a logit from one pixel value to the next; so they go from 0 to 25.5
SMALLEST_PX = 4
LONG = "a_class_with_a_name_that_has_no_place_to_break_and_goes_on_and_on_" + "x" * 60
HARD_NAMES = (
    LONG,
    "<b onclick=x>&",
    "$x_1^2$ 100% \\frac",
    "三花猫和其他的动物",
    "🐈‍⬛ 🐕",
    "חתול שחור",
)


@dataclass(frozen=True, kw_only=True)
class Known:
    """What a classifier is to answer.

    Attributes:
        logits: (N, K), 0 to 25.5; tenths are kept.
        targets: (N,) index of the right class.
        classes: K names.
        names: N names of the images; None for numbers.
        columns: Whatever else is known of each image, (N,) by the column's name.
        decision: How logits become an answer.
        num_seen: How many images training saw; None where that isn't known.
        words: Which images these are.
        tta: Views of each image.
    """

    logits: NDArray[np.float64]
    targets: NDArray[np.int64]
    classes: Sequence[str]
    names: Sequence[str] | None = None
    columns: Mapping[str, Sequence[str]] = field(default_factory=dict)
    decision: Decision | None = None
    num_seen: int | None = 0
    words: str = "test images"
    tta: str | None = None


def evaluation_of(known: Known) -> Evaluation:
    """Evaluates a linear network that gives these logits for pictures of them."""
    count, num_classes = known.logits.shape
    side = max(SMALLEST_PX, math.ceil(math.sqrt(num_classes)))
    names = known.names or [f"image/{number:05d}" for number in range(count)]
    dataset = Dataset(
        name="known",
        images=ArrayImages(_pictures(known.logits, side), names),
        labels=known.targets,
        classes=tuple(known.classes),
        given_splits=["test"] * count,
        columns=known.columns,
    )
    classifier = reader_of_logits(known.classes, side, decision=known.decision)
    return evaluate_subset(
        classifier,
        build_image_index(dataset, cache=None),
        Subset(np.arange(count), known.words, known.num_seen),
        tta=known.tta,
    )


def reader_of_logits(
    classes: Sequence[str], side: int, *, decision: Decision | None = None
) -> Classifier:
    """A classifier whose logits are the first K pixels of a square grey image."""
    size = (side, side)
    choice = NetworkChoice("mlp", len(classes), 1, size, {"hidden": []})
    network: Any = choice.build()
    with torch.no_grad():
        network.fc1.weight.copy_(255 * STEP * torch.eye(len(classes), side**2))
        network.fc1.bias.zero_()
    plain: dict[str, Any] = {"mean": (0.0,), "std": (1.0,)}
    preprocessing = Preprocessing(height=side, width=side, channels=1, **plain)
    return Classifier(
        network, choice, preprocessing=preprocessing, classes=classes, decision=decision
    )


def _pictures(logits: NDArray[np.float64], side: int) -> NDArray[np.uint8]:
    """(N, side, side, 1); pixels to which no class belongs make each picture another."""
    count, num_classes = logits.shape
    pixels = np.random.default_rng(0).integers(0, 256, (count, side**2), dtype=np.uint8)
    pixels[:, :num_classes] = np.rint(logits / STEP)
    return pixels.reshape(count, side, side, 1)


def sure_of(
    predicted: NDArray[np.int64], num_classes: int, *, confidence: float | NDArray[np.float64] = 0.9
) -> NDArray[np.float64]:
    """(N, K) logits that give (N,) predicted classes this probability, as nearly as tenths do."""
    logits = np.zeros((len(predicted), num_classes))
    share = np.asarray(confidence, dtype=np.float64)
    logits[np.arange(len(predicted)), predicted] = np.log(share / (1 - share) * (num_classes - 1))
    return logits
