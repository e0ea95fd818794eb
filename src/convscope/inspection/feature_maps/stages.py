"""Stages of a network for one image: feature maps, and the receptive field of the strongest value.

A stage is all layers whose maps have the same size; it is shown by the last of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from convscope.arithmetic import layer_table
from convscope.errors import UsageError
from convscope.inspection.attribution.grad_cam_layer import find_grad_cam_layer
from convscope.inspection.feature_maps.activations import activations, feature_map_shapes
from convscope.inspection.layers import DEFAULT_AXES, map_axes_of
from convscope.inspection.receptive_fields import LayerField, ValueField, known_fields


@dataclass(frozen=True, slots=True, eq=False)
class Stage:
    """The feature maps of one stage for one image.

    Attributes:
        layer: Path of the stage's last layer.
        maps: (C, H, W) its feature maps.
        field: Receptive field of the largest value; None if unknown.
    """

    layer: str
    maps: NDArray[np.float32]
    field: ValueField | None

    @property
    def largest(self) -> float:
        """The largest value of all maps."""
        return float(self.maps.max())

    @property
    def strongest(self) -> int:
        """The channel that has the largest value."""
        return int(self.maps.reshape(len(self.maps), -1).max(axis=1).argmax())

    def to_dict(self) -> dict[str, Any]:
        """The stage without its maps, ready for JSON."""
        return {
            "layer": self.layer,
            "maps": list(self.maps.shape),
            "strongest_channel": self.strongest,
            "largest": self.largest,
            "field": self.field.to_dict() if self.field else None,
        }


class Stages:
    """The stages of a network, found once for any number of images.

    Args:
        network: A network that takes one batch of images; one without feature maps has no stages.
        inputs: (1, C, H, W) an image, normalised.
    """

    def __init__(self, network: nn.Module, inputs: Tensor) -> None:
        self._network = network
        channels, height, width = inputs.shape[1:]
        layers = stage_layers(network, inputs)
        self._fields = known_fields(network, layers, (channels, height, width)) if layers else {}

    def of(self, inputs: Tensor) -> list[Stage]:
        """The stages for an image (1, C, H, W), the first stage first."""
        given = activations(self._network, inputs, list(self._fields)) if self._fields else {}
        return [
            _stage(layer, maps[0].float().cpu().numpy(), self._fields[layer])
            for layer, maps in given.items()
        ]


def stage_layers(network: nn.Module, inputs: Tensor) -> list[str]:
    """The last layer of each map size, without the head; none for a network without feature maps.

    Args:
        network: A network that takes one batch of images.
        inputs: (1, C, H, W), normalised.
    """
    try:
        end = find_grad_cam_layer(network, inputs).layer
    except UsageError:
        return []
    table = layer_table(network, tuple(inputs.shape))
    layers = dict(network.named_modules())
    found: list[tuple[str, tuple[int, int]]] = []
    is_behind = False
    for name, (_, *sides) in feature_map_shapes(network, inputs).items():
        if isinstance(layers[name], nn.Dropout | nn.Dropout2d | nn.Identity):
            continue
        if map_axes_of(table.row(name)) not in (None, DEFAULT_AXES):
            continue  # within a block that works on (N, H, W, C)
        size = (sides[0], sides[1])
        if is_behind and not 1 < prod(size) < prod(found[-1][1]):
            continue  # the head; a pooling in front of it is one more stage
        if found and found[-1][1] == size:
            found.pop()
        found.append((name, size))
        is_behind = is_behind or name == end
    return [name for name, _ in found]


def _stage(layer: str, maps: NDArray[np.float32], field: LayerField | None) -> Stage:
    _, row, column = np.unravel_index(int(maps.argmax()), maps.shape)
    return Stage(layer, maps, field.at(int(row), int(column)) if field else None)
