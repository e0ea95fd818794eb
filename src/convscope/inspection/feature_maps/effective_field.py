"""Effective receptive field: how much each pixel contributes to a value.

Within the receptive field of a value, pixels in the middle reach it on many more paths than those
at the border, so the contributions are about a Gaussian, much narrower than the receptive field.

Source: Luo et al. 2016, Understanding the effective receptive field in deep convolutional neural
    networks, section 2: the gradient of one value with respect to the input.
Departs: The paper averages over random networks; this averages absolute values over images, for
    the network as it is, so that signs don't cancel.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Unpack

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from convscope.classifier import Classifier, ImageLike
from convscope.errors import UsageError
from convscope.inspection.feature_maps.activations import network_and_inputs
from convscope.inspection.layers import (
    DEFAULT_AXES,
    Position,
    axis_names,
    check_position,
    layer_outputs,
)
from convscope.short_repr import short_repr
from convscope.text import counted

HELD = 0.9545  # along an axis: as much as two standard deviations of a Gaussian to each side
BATCH = 8


@dataclass(frozen=True, slots=True)
class EffectiveField:
    """Contributions of the pixels to a value of a layer.

    Attributes:
        shares: (H, W) contribution of each pixel of the network's input; they sum to 1.
        num_images: Number of images over which the gradients are averaged.
    """

    shares: NDArray[np.float64]
    num_images: int

    __repr__ = short_repr

    @property
    def sigma(self) -> tuple[float, float]:
        """(height, width) standard deviation of the contributions along each axis, in pixels."""
        return _deviation(self.shares.sum(axis=1)), _deviation(self.shares.sum(axis=0))

    @property
    def size(self) -> tuple[float, float]:
        """(height, width) that holds 95.45 % of the contributions along each axis, in pixels.

        The rest is the same on both sides. For a Gaussian the size is four standard deviations; it
        is never larger than the receptive field.
        """
        (top, bottom), (left, right) = self._extent
        return bottom - top, right - left

    @property
    def centre(self) -> tuple[float, float]:
        """(row, column) of the middle of `size`, in pixels; the middle of the first pixel is 0."""
        (top, bottom), (left, right) = self._extent
        return (top + bottom - 1) / 2, (left + right - 1) / 2

    @property
    def _extent(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """Where `size` begins and ends along each axis; the image begins at 0."""
        return _held(self.shares.sum(axis=1)), _held(self.shares.sum(axis=0))


def effective_field(
    network: nn.Module | Classifier,
    inputs: Tensor | Sequence[ImageLike],
    layer: str,
    *,
    map_axes: tuple[int, int] = DEFAULT_AXES,
    seed: int = 0,
    **position: Unpack[Position],
) -> EffectiveField:
    """How much each pixel contributes to one value of a layer, averaged over images.

    Args:
        network: A classifier, or any network that takes one batch of images; it runs in evaluation
            mode.
        inputs: (N, C, H, W) images, already normalised, on the network's device, or random numbers;
            or, for a classifier, a list of images as `predict` takes them.
        layer: Name of the layer as in `named_modules`.
        map_axes: Which dimensions of the layer's output are rows and columns, if it has maps.
        seed: Seed of the random signs.
        position: `channel`, of the feature map, or the unit of a dense layer; None for all
            together, each with a random sign in each image. `row` and `column`, in the feature map;
            its middle if None.

    Raises:
        UsageError: No such layer or position, or no pixel contributes.
        NetworkError: The network can't take these inputs.
    """
    unknown = sorted(set(position) - set(Position.__annotations__))
    if unknown:
        raise TypeError(f"effective_field() got an unexpected keyword argument '{unknown[0]}'")
    network, inputs = network_and_inputs(network, inputs)
    total = np.zeros(tuple(inputs.shape[2:]))
    generator = torch.Generator().manual_seed(seed)
    for start in range(0, len(inputs), BATCH):
        batch = inputs[start : start + BATCH].detach().clone().requires_grad_()
        with torch.inference_mode(mode=False), torch.enable_grad():
            output = layer_outputs(network, batch, [layer])[layer]
        values = _at(output, layer, position, map_axes)
        signs = torch.ones(values.shape)
        if position.get("channel") is None:
            signs = torch.randint(0, 2, values.shape, generator=generator) * 2.0 - 1.0
        value = (values * signs.to(values)).sum()
        gradient = None
        if value.requires_grad:
            (gradient,) = torch.autograd.grad(value, batch, allow_unused=True)
        if gradient is not None:  # else the value is the same for any image
            total += gradient.abs().sum(dim=(0, 1)).double().cpu().numpy()
    if not total.sum() > 0:
        raise UsageError(
            f"no pixel contributes to this value of `{layer}` in {counted(len(inputs), 'image')}",
            hint="its activation is off there, or it doesn't depend on the image: choose another "
            "channel or position, more images, or the layer before the activation",
        )
    return EffectiveField(total / total.sum(), len(inputs))


def _at(output: Tensor, layer: str, position: Position, map_axes: tuple[int, int]) -> Tensor:
    """(N, 1 or C) the values of all images at one position."""
    shape = tuple(output.shape)
    names = axis_names(layer, shape, map_axes)
    check_position(position, layer, shape, names)
    given: dict[str, int | None] = {**position}  # type: ignore[dict-item]
    for axis, name in reversed(list(enumerate(names, start=1))):
        at = given.get(name)
        if name != "channel":
            output = output.select(axis, shape[axis] // 2 if at is None else at)
        elif at is not None:
            output = output.narrow(axis, at, 1)
    return output


def _held(shares: NDArray[np.float64]) -> tuple[float, float]:
    """Where `HELD` of the shares begins and ends, each spread evenly within its pixel."""
    before = np.concatenate([[0.0], np.cumsum(shares)])
    beyond = (1 - HELD) / 2
    first, last = np.interp([beyond, 1 - beyond], before, np.arange(len(before)))
    return float(first), float(last)


def _deviation(shares: NDArray[np.float64]) -> float:
    places = np.arange(len(shares))
    away = places - (places * shares).sum()
    return float(np.sqrt((away**2 * shares).sum()))
