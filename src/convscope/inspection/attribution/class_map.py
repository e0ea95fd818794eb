"""Class map: the predictions of a classifier that slides over a larger image as a convolution.

Source: Sermanet et al. 2013, OverFeat, section 3.5.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import softmax

from convscope.classifier import Classifier, ImageLike
from convscope.data.decoding.content import DEFAULT_DECODING, Decoding
from convscope.data.pixels.preprocessing import Preprocessing
from convscope.errors import UsageError
from convscope.inspection.feature_maps.activations import network_input
from convscope.inspection.layers import run
from convscope.inspection.receptive_fields import Box, layer_field
from convscope.networks import to_fully_convolutional
from convscope.short_repr import short_repr


@dataclass(frozen=True, slots=True, eq=False)
class ClassMap:
    """The predictions of a classifier at every position of an image.

    Attributes:
        logits: (K, H', W') logit of each class at each position.
        probabilities: (K, H', W') probability of each class; they sum to 1 at each position.
        classes: Names of the K classes.
        pixels: (H, W, C) the image that the classifier slid over, 0 to 255.
        window: (height, width) of the image that one position sees: the classifier's own input.
        step: (down, right) pixels from one position to the next.
    """

    logits: NDArray[np.float32]
    probabilities: NDArray[np.float64]
    classes: tuple[str, ...]
    pixels: NDArray[np.uint8]
    window: tuple[int, int]
    step: tuple[int, int]

    __repr__ = short_repr

    def box(self, row: int, column: int) -> Box:
        """The window that a position sees."""
        top, left = row * self.step[0], column * self.step[1]
        return Box(top, left, top + self.window[0], left + self.window[1])

    def to_dict(self) -> dict[str, Any]:
        """The most probable class at each position, ready for JSON."""
        return {
            "size": list(self.pixels.shape[:2]),
            "window": list(self.window),
            "step": list(self.step),
            "labels": self.labels.tolist(),
            "probabilities": self.probabilities.max(axis=0).tolist(),
        }

    @property
    def labels(self) -> NDArray[np.str_]:
        """(H', W') name of the most probable class at each position."""
        names: NDArray[np.str_] = np.array(self.classes)[self.logits.argmax(axis=0)]
        return names


def class_map(
    classifier: Classifier,
    image: ImageLike,
    *,
    size: tuple[int, int],
    decoding: Decoding = DEFAULT_DECODING,
) -> ClassMap:
    """The classifier's predictions at every position of an image that is larger than its input.

    At the size of its own input there is one position, with the prediction of `predict` up to
    rounding. Elsewhere predictions differ a little from those for a window cut out, since the
    padding of a window is now the image around it.

    Args:
        classifier: A classifier with a LeNet, AlexNet or VGG.
        image: What `predict` takes.
        size: (height, width) that the image is prepared to, by the classifier's preprocessing; at
            least as large as its input.
        decoding: How the image is decoded.

    Raises:
        UsageError: The size is smaller than the classifier's input.
        NetworkError: The network can't be made fully convolutional.
        DataError: The image can't be read.
    """
    return SlidingClassifier(classifier, size).over(image, decoding=decoding)


class SlidingClassifier:
    """A classifier that slides over larger images; built once for any number of them.

    Arguments and errors are those of `class_map`.
    """

    def __init__(self, classifier: Classifier, size: tuple[int, int]) -> None:
        preprocessing = classifier.preprocessing
        if size[0] < preprocessing.height or size[1] < preprocessing.width:
            raise UsageError(
                f"a class map can't be of {size[0]}x{size[1]}: the classifier's input is larger",
                hint=f"give at least {preprocessing.height}x{preprocessing.width}, better twice "
                "that",
            )
        network = to_fully_convolutional(classifier.network).eval()
        self._sliding = Classifier(
            network,
            classifier.choice,
            preprocessing=_enlarged(preprocessing, size),
            classes=classifier.classes,
            device=classifier.device,
        )
        self._temperature = classifier.decision.temperature
        self._window = (preprocessing.height, preprocessing.width)
        last = str(len(network) - 1)
        self._field = layer_field(network, last, (preprocessing.channels, *size)).field

    def over(self, image: ImageLike, *, decoding: Decoding = DEFAULT_DECODING) -> ClassMap:
        """The classifier's predictions at every position of an image."""
        sliding = self._sliding
        pixels = sliding.prepare(image, decoding=decoding)
        with torch.no_grad():
            logits = run(sliding.network, network_input(sliding, pixels))[0].float().cpu().numpy()
        return ClassMap(
            logits=logits,
            probabilities=softmax(logits.astype(np.float64) / self._temperature, axis=0),
            classes=sliding.classes,
            pixels=pixels,
            window=self._window,
            step=(self._field.height.jump or 0, self._field.width.jump or 0),
        )


def _enlarged(preprocessing: Preprocessing, size: tuple[int, int]) -> Preprocessing:
    """The same preprocessing to another size; the border that is cropped grows in proportion."""
    resize, ratio = preprocessing.resize, min(size) / min(preprocessing.height, preprocessing.width)
    if resize is not None:
        resize = round(resize * ratio)
    return replace(preprocessing, height=size[0], width=size[1], resize=resize)
