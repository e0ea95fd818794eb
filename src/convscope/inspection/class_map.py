"""Where in a larger image a classifier sees which class: it slides over the image as a convolution.

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
from convscope.data.decode import USUAL, Decoding
from convscope.data.preprocessing import Preprocessing
from convscope.errors import UsageError
from convscope.inspection.attribution import network_input
from convscope.inspection.boxes import Box
from convscope.inspection.fields import layer_field
from convscope.inspection.running import run
from convscope.networks import to_fully_convolutional


@dataclass(frozen=True, slots=True, eq=False)
class ClassMap:
    """The answers of a classifier at every place of an image.

    Attributes:
        logits: (K, H', W') by class and place.
        probabilities: (K, H', W') likewise; of each place they sum to 1.
        classes: The K names.
        pixels: (H, W, C) of 0 to 255: the image that it slid over.
        window: (height, width) of what one place answers for: the classifier's own input.
        step: (down, right) pixels from one place to the next.
    """

    logits: NDArray[np.float32]
    probabilities: NDArray[np.float64]
    classes: tuple[str, ...]
    pixels: NDArray[np.uint8]
    window: tuple[int, int]
    step: tuple[int, int]

    def box(self, row: int, column: int) -> Box:
        """The window that a place answers for."""
        top, left = row * self.step[0], column * self.step[1]
        return Box(top, left, top + self.window[0], left + self.window[1])

    def to_dict(self) -> dict[str, Any]:
        """What is seen where, ready for JSON."""
        return {
            "size": list(self.pixels.shape[:2]),
            "window": list(self.window),
            "step": list(self.step),
            "labels": self.labels.tolist(),
            "probabilities": self.probabilities.max(axis=0).tolist(),
        }

    @property
    def labels(self) -> NDArray[np.str_]:
        """(H', W') the most probable class of each place."""
        names: NDArray[np.str_] = np.array(self.classes)[self.logits.argmax(axis=0)]
        return names


def class_map(
    classifier: Classifier,
    image: ImageLike,
    *,
    size: tuple[int, int],
    decoding: Decoding = USUAL,
) -> ClassMap:
    """The classifier's answer at every place of an image that is larger than its input.

    At the size of its own input there is one place, with the same answer as `predict`, to rounding.
    Elsewhere answers differ a little from those for a window cut out, since the padding of a
    window is now the picture around it.

    Args:
        classifier: With a LeNet, AlexNet or VGG.
        image: What `predict` takes.
        size: (height, width) that the image is prepared to, in the way of the classifier, at least
            as large as its input.
        decoding: How the image is decoded.

    Raises:
        UsageError: The size is smaller than the classifier's input.
        NetworkError: The network can't be made fully convolutional.
        DataError: The image can't be read.
    """
    return Sliding(classifier, size).over(image, decoding=decoding)


class Sliding:
    """A classifier that slides over larger images; made once for any number of them.

    Args:
        classifier: With a LeNet, AlexNet or VGG.
        size: (height, width) that images are prepared to.

    Raises:
        UsageError: The size is smaller than the classifier's input.
        NetworkError: The network can't be made fully convolutional.
    """

    def __init__(self, classifier: Classifier, size: tuple[int, int]) -> None:
        usual = classifier.preprocessing
        if size[0] < usual.height or size[1] < usual.width:
            raise UsageError(
                f"a class map can't be of {size[0]}x{size[1]}: the classifier's input is larger",
                hint=f"give at least {usual.height}x{usual.width}; twice that shows something",
            )
        network = to_fully_convolutional(classifier.network).eval()
        self._sliding = Classifier(
            network,
            classifier.choice,
            preprocessing=_enlarged(usual, size),
            classes=classifier.classes,
            device=classifier.device,
        )
        self._temperature = classifier.decision.temperature
        self._window = (usual.height, usual.width)
        last = str(len(network) - 1)
        self._field = layer_field(network, last, (usual.channels, *size)).field

    def over(self, image: ImageLike, *, decoding: Decoding = USUAL) -> ClassMap:
        """The classifier's answer at every place of an image.

        Raises:
            DataError: The image can't be read.
        """
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


def _enlarged(usual: Preprocessing, size: tuple[int, int]) -> Preprocessing:
    """The same preparation to another size; what is cut off around it grows alike."""
    if usual.resize is None:
        return replace(usual, height=size[0], width=size[1])
    ratio = min(size) / min(usual.height, usual.width)
    return replace(usual, height=size[0], width=size[1], resize=round(usual.resize * ratio))
