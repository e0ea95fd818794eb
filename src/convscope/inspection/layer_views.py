"""What the layers of a classifier answer to in a data set: zeros, strongest patches, fields."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from convscope.classifier import Classifier, evaluation_batch
from convscope.data.batches import normalise
from convscope.data.pixels import Pixels
from convscope.errors import UsageError
from convscope.inspection.activations import activations
from convscope.inspection.effective_field import EffectiveField, effective_field
from convscope.inspection.fields import LayerField, known_fields
from convscope.inspection.layers import find_layer
from convscope.inspection.patches import Patch, StrongestPlaces, check_channels, cut_patches
from convscope.inspection.sparsity import Sparsity
from convscope.inspection.stages import stage_layers

CHANNELS = 6  # shown of a layer where none are named
PATCHES = 8  # of each channel
GRADIENTS = 16  # images over which the effective field is averaged


@dataclass(frozen=True, slots=True, eq=False)
class LayerView:
    """What one layer answers to.

    Attributes:
        layer: Its path.
        shape: Of what it gives for one image: (C, H, W), or (C,) for vectors.
        sparsity: How often its channels are zero.
        patches: Of some channels, the parts of images that excite them most; none where the
            layer's values have no box.
        field: The boxes of its values; None where they have none.
        effective: How much each pixel counts for the value in the middle; None where nothing
            counts, or for vectors.
    """

    layer: str
    shape: tuple[int, ...]
    sparsity: Sparsity
    patches: dict[int, list[Patch]]
    field: LayerField | None
    effective: EffectiveField | None

    def to_dict(self, names: Sequence[str]) -> dict[str, Any]:
        """All but pixels, ready for JSON.

        Args:
            names: What a user calls the images.
        """
        field = self.field
        return {
            "layer": self.layer,
            "shape": list(self.shape),
            **self.sparsity.to_dict(),
            "receptive_field": field and field.field.to_dict(input_size=field.input_size),
            "effective_field": self.effective and list(self.effective.size),
            "strongest": {
                channel: [
                    {
                        "image": names[patch.image],
                        "value": patch.value,
                        "field": patch.field.to_dict(),
                    }
                    for patch in found
                ]
                for channel, found in self.patches.items()
            },
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerQuestion:
    """What is asked about a classifier's layers.

    Attributes:
        layers: Paths, in the order of the answers; none for the last of each size of map.
        channels: Whose patches are shown; none for those with the largest values.
        count: Patches of each channel.
    """

    layers: Sequence[str] = ()
    channels: Sequence[int] = ()
    count: int = PATCHES


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Inspection:
    """What the layers of a classifier answer to in a data set.

    Attributes:
        views: One of each layer.
        names: What a user calls the images; patches count among them.
        images: Which images these are, in words.
        example: (H, W, C) what the network sees of the first one, 0 to 255.
    """

    views: tuple[LayerView, ...]
    names: tuple[str, ...]
    images: str
    example: NDArray[np.uint8]

    def to_dict(self) -> dict[str, Any]:
        """All but pixels, ready for JSON."""
        return {
            "images": self.images,
            "num_images": len(self.names),
            "layers": [view.to_dict(self.names) for view in self.views],
        }


def view_layers(
    classifier: Classifier,
    pixels: Pixels,
    indices: NDArray[np.int64],
    question: LayerQuestion = LayerQuestion(),
    *,
    on_progress: Callable[[int], None] = lambda count: None,
) -> list[LayerView]:
    """What layers answer to in some images, each of which runs through the network once.

    Args:
        classifier: Its network runs in evaluation mode, and stays as it is.
        pixels: Images as its preprocessing makes them.
        indices: (n,) which of them; patches count from 0 among these.
        question: What is asked.
        on_progress: Is handed how many images were looked at just now.

    Raises:
        UsageError: No such layer or channel, a layer that isn't computed, or no feature maps.
        DataError: An image can't be read any more.
    """
    layers = _layers(classifier, question.layers)
    counts: dict[str, Sparsity] = {}
    shapes: dict[str, tuple[int, ...]] = {}
    places = {layer: StrongestPlaces(question.count) for layer in layers}
    size = evaluation_batch(classifier.preprocessing, classifier.device)
    for start in range(0, len(indices), size):
        inputs = _inputs(classifier, pixels, indices[start : start + size])
        for layer, values in activations(classifier.network, inputs, layers).items():
            if layer not in counts:
                check_channels(question.channels, layer, values.shape[1])
            found = Sparsity.of(values)
            counts[layer] = counts[layer] + found if layer in counts else found
            shapes[layer] = tuple(values.shape[1:])
            places[layer].add(values)
        on_progress(len(inputs))
    middle = _inputs(classifier, pixels, indices[:GRADIENTS])
    views = []
    known = known_fields(classifier.network, layers, classifier.preprocessing.input_shape)
    for layer, fields in known.items():
        channels = question.channels or _strongest_channels(counts[layer])
        patches: dict[int, list[Patch]] = {}
        if fields is not None:
            patches = cut_patches(
                {channel: places[layer].of(channel) for channel in channels},
                fields,
                lambda number: pixels.take(indices[number : number + 1])[0].numpy(),
            )
        effective = _effective(classifier, middle, layer) if len(shapes[layer]) == 3 else None
        views.append(LayerView(layer, shapes[layer], counts[layer], patches, fields, effective))
    return views


def _layers(classifier: Classifier, asked: Collection[str]) -> list[str]:
    """Those that were asked for, once each; else the last of each size of map."""
    if asked:
        for layer in asked:
            find_layer(classifier.network, layer)
        return list(dict.fromkeys(asked))
    shape = classifier.preprocessing.input_shape
    found = stage_layers(classifier.network, torch.zeros(1, *shape, device=classifier.device))
    if not found:
        raise UsageError(
            f"`{type(classifier.network).__name__}` has no feature maps",
            hint="name layers to look at, by their path as in `named_modules`",
        )
    return found


def _inputs(classifier: Classifier, pixels: Pixels, indices: NDArray[np.int64]) -> Tensor:
    batch = pixels.take(indices).to(classifier.device)
    return normalise(batch, classifier.preprocessing)


def _strongest_channels(counts: Sparsity) -> list[int]:
    """Those with the largest values, the strongest first."""
    found: list[int] = np.argsort(-counts.largest, kind="stable")[:CHANNELS].tolist()
    return found


def _effective(classifier: Classifier, inputs: Tensor, layer: str) -> EffectiveField | None:
    with suppress(UsageError):  # all of its values are off there: nothing counts
        return effective_field(classifier.network, inputs, layer)
    return None
