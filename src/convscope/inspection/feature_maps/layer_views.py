"""Layer views: sparsity, strongest patches and effective fields of layers over a data set.

After a ReLU about half of the values are zero, and a channel that detects something rare is zero
nearly everywhere; both are healthy. A channel is dead if it is zero at every position of every
image: on one image that says little, on a data set that the channel takes part in nothing.
"""

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
from convscope.data.pixels.prepared import Pixels
from convscope.errors import UsageError
from convscope.inspection.feature_maps.activations import activations, prepared_inputs
from convscope.inspection.feature_maps.channel_kernels import ChannelKernel, channel_kernels
from convscope.inspection.feature_maps.effective_field import EffectiveField, effective_field
from convscope.inspection.feature_maps.patches import (
    Patch,
    StrongestPlaces,
    check_channels,
    cut_patches,
)
from convscope.inspection.feature_maps.stages import stage_layers
from convscope.inspection.layers import find_layer, layer_type
from convscope.inspection.receptive_fields import LayerField, known_fields
from convscope.short_repr import Shown, short_repr

CHANNELS = 6  # channels of a layer that are shown if none are named
PATCHES = 8  # patches of each channel
GRADIENTS = 16  # images over which the effective field is averaged
RARE = 0.01  # fraction of images below which an active channel is called rare


@dataclass(slots=True)
class Sparsity:
    """How often the C channels of a layer are zero, over all images seen.

    Attributes:
        num_images: Number of images.
        num_values: Number of values of one channel: positions times images.
        zeros: (C,) number of values that are exactly 0.
        active_images: (C,) number of images in which any value is not 0.
        largest: (C,) largest value.
    """

    num_images: int
    num_values: int
    zeros: NDArray[np.int64]
    active_images: NDArray[np.int64]
    largest: NDArray[np.float64]

    @classmethod
    def of(cls, values: Tensor) -> Sparsity:
        """The counts of a layer's output for a batch: (N, C, H, W), or (N, C) for vectors."""
        flat = values.flatten(2) if values.dim() > 2 else values.unsqueeze(2)  # N, C, positions
        is_zero = flat == 0
        return cls(
            num_images=len(flat),
            num_values=flat.shape[0] * flat.shape[2],
            zeros=is_zero.sum(dim=(0, 2)).cpu().numpy(),
            active_images=(~is_zero).any(dim=2).sum(dim=0).cpu().numpy(),
            largest=flat.amax(dim=(0, 2)).double().cpu().numpy(),
        )

    def __add__(self, other: Sparsity) -> Sparsity:
        """The counts over the images of both."""
        return Sparsity(
            num_images=self.num_images + other.num_images,
            num_values=self.num_values + other.num_values,
            zeros=self.zeros + other.zeros,
            active_images=self.active_images + other.active_images,
            largest=np.maximum(self.largest, other.largest),
        )

    @property
    def zero_share(self) -> float:
        """Fraction of all values that are exactly 0."""
        return float(self.zeros.sum() / (self.num_values * len(self.zeros)))

    @property
    def zero_shares(self) -> NDArray[np.float64]:
        """(C,) fraction of each channel's values that are exactly 0."""
        shares: NDArray[np.float64] = self.zeros / self.num_values
        return shares

    @property
    def dead(self) -> tuple[int, ...]:
        """Channels that are zero at every position of every image."""
        return tuple(np.flatnonzero(self.active_images == 0).tolist())

    @property
    def rare(self) -> tuple[int, ...]:
        """Channels that are active, but in less than 1 % of the images."""
        is_rare = (self.active_images > 0) & (self.active_images < RARE * self.num_images)
        return tuple(np.flatnonzero(is_rare).tolist())

    def to_dict(self) -> dict[str, Any]:
        """The counts, ready for JSON."""
        return {
            "num_images": self.num_images,
            "zero_share": self.zero_share,
            "dead": list(self.dead),
            "rare": list(self.rare),
            "channels": [
                {"zero_share": share, "active_images": active, "largest": largest}
                for share, active, largest in zip(
                    self.zero_shares.tolist(),
                    self.active_images.tolist(),
                    self.largest.tolist(),
                    strict=True,
                )
            ],
        }


@dataclass(frozen=True, slots=True, eq=False)
class LayerView:
    """What one layer responds to.

    Attributes:
        layer: Path of the layer.
        kind: Name of its class.
        shape: Shape of its output for one image: (C, H, W), or (C,) for vectors.
        sparsity: How often its channels are zero.
        patches: Strongest patches of some channels, by channel; none if the receptive field is
            unknown.
        field: Receptive fields of its values; None if unknown.
        effective: Effective receptive field of the value in the middle; None for vectors, or if no
            pixel contributes.
        kernels: The kernels behind the channels that patches are shown of, where there are some.
    """

    layer: str
    kind: str
    shape: tuple[int, ...]
    sparsity: Sparsity
    patches: dict[int, list[Patch]]
    field: LayerField | None
    effective: EffectiveField | None
    kernels: dict[int, ChannelKernel]

    __repr__ = short_repr

    def to_dict(self, names: Sequence[str], labels: Sequence[str]) -> dict[str, Any]:
        """The view without pixels, ready for JSON.

        Args:
            names: Names of the images.
            labels: Their classes; empty if unknown.
        """
        field = self.field
        return {
            "layer": self.layer,
            "kind": self.kind,
            "shape": list(self.shape),
            **self.sparsity.to_dict(),
            "receptive_field": field and field.field.to_dict(input_size=field.input_size),
            "effective_field": self.effective and list(self.effective.size),
            "strongest": {
                channel: [
                    {
                        "image": names[patch.image],
                        "label": labels[patch.image] if labels else None,
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
    """Which layers are viewed, and what of them.

    Attributes:
        layers: Paths of the layers, in order; none for the last layer of each map size.
        channels: Channels whose patches are shown; none for those with the largest values.
        count: Number of patches of each channel.
    """

    layers: Sequence[str] = ()
    channels: Sequence[int] = ()
    count: int = PATCHES


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Inspection(Shown):
    """What the layers of a classifier respond to in a data set.

    Attributes:
        views: One view of each layer.
        names: Names of the images, to which the indices of patches refer.
        images: Description of the images.
        example: (H, W, C) the first image as the network sees it, 0 to 255.
        labels: Class of each image; empty if unknown.
    """

    views: tuple[LayerView, ...]
    names: tuple[str, ...]
    images: str
    example: NDArray[np.uint8]
    labels: tuple[str, ...] = ()

    __repr__ = short_repr

    def to_dict(self) -> dict[str, Any]:
        """The inspection without pixels, ready for JSON."""
        return {
            "images": self.images,
            "num_images": len(self.names),
            "layers": [view.to_dict(self.names, self.labels) for view in self.views],
        }


def view_layers(
    classifier: Classifier,
    pixels: Pixels,
    indices: NDArray[np.int64],
    question: LayerQuestion = LayerQuestion(),
    *,
    on_progress: Callable[[int], None] = lambda count: None,
) -> list[LayerView]:
    """Views of layers over some images, each of which runs through the network once.

    Args:
        classifier: The classifier; its network runs in evaluation mode, and stays as it is.
        pixels: The prepared images.
        indices: (n,) indices of the images to use; patches number them from 0.
        question: Which layers and channels.
        on_progress: Called with the number of images that were just processed.

    Raises:
        UsageError: No such layer or channel, a layer that isn't computed, or no feature maps.
        DataError: An image can't be read any more.
    """
    network = classifier.network
    layers = _layers(classifier, question.layers)
    responses = _responses(classifier, pixels, indices, layers, question, on_progress)
    first = prepared_inputs(classifier, pixels.take(indices[:GRADIENTS]))
    known = known_fields(network, layers, classifier.preprocessing.input_shape)
    shown = {
        layer: list(question.channels) or _strongest(responses[layer].counts) for layer in layers
    }
    kernels = channel_kernels(network, first[:1], shown)
    views = []
    for layer, fields in known.items():
        found = responses[layer]
        patches: dict[int, list[Patch]] = {}
        if fields is not None:
            patches = cut_patches(
                {channel: found.places.of(channel) for channel in shown[layer]},
                fields,
                lambda number: pixels.take(indices[number : number + 1])[0].numpy(),
            )
        views.append(
            LayerView(
                layer,
                layer_type(network, layer),
                found.shape,
                found.counts,
                patches,
                fields,
                _effective(classifier, first, layer) if len(found.shape) == 3 else None,
                kernels.get(layer, {}),
            )
        )
    return views


@dataclass(slots=True)
class _Responses:
    """What is gathered of a layer while images run through the network, batch by batch."""

    shape: tuple[int, ...]
    counts: Sparsity
    places: StrongestPlaces


def _responses(
    classifier: Classifier,
    pixels: Pixels,
    indices: NDArray[np.int64],
    layers: Collection[str],
    question: LayerQuestion,
    on_progress: Callable[[int], None],
) -> dict[str, _Responses]:
    """What each layer gives over all images, each of which runs through the network once."""
    gathered: dict[str, _Responses] = {}
    size = evaluation_batch(classifier.preprocessing, classifier.device)
    for start in range(0, len(indices), size):
        inputs = prepared_inputs(classifier, pixels.take(indices[start : start + size]))
        for layer, values in activations(classifier.network, inputs, layers).items():
            counts, of_layer = Sparsity.of(values), gathered.get(layer)
            if of_layer is None:
                check_channels(question.channels, layer, values.shape[1])
                places = StrongestPlaces(question.count)
                of_layer = gathered[layer] = _Responses(tuple(values.shape[1:]), counts, places)
            else:
                of_layer.counts += counts
            of_layer.places.add(values)
        on_progress(len(inputs))
    return gathered


def _strongest(counts: Sparsity) -> list[int]:
    """The channels with the largest values."""
    return [int(each) for each in np.argsort(-counts.largest, kind="stable")[:CHANNELS]]


def _layers(classifier: Classifier, asked: Collection[str]) -> list[str]:
    """The layers that were asked for, once each; else the last of each map size."""
    if asked:
        for layer in asked:
            find_layer(classifier.network, layer)
        return list(dict.fromkeys(asked))
    shape = classifier.preprocessing.input_shape
    found = stage_layers(classifier.network, torch.zeros(1, *shape, device=classifier.device))
    if not found:
        raise UsageError(
            f"`{type(classifier.network).__name__}` has no feature maps",
            hint="name layers, by their path as in `named_modules`",
        )
    return found


def _effective(classifier: Classifier, inputs: Tensor, layer: str) -> EffectiveField | None:
    with suppress(UsageError):  # all of its values are off there
        return effective_field(classifier.network, inputs, layer)
    return None
