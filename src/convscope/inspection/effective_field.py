"""How much each pixel really counts for a value: the effective receptive field.

Within the box that a value can see, pixels in the middle reach it on many more ways than those at
the border, so what counts is about a Gaussian, much narrower than the box.

Source: Luo et al. 2016, Understanding the effective receptive field in deep convolutional neural
    networks, section 2: the gradient of one value with respect to the input.
Departs: There it is averaged over random networks; here over images, for the network as it is, as
    absolute values, so that signs don't cancel.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from convscope.classifier import Classifier, ImageLike
from convscope.errors import UsageError, counted
from convscope.inspection.activations import network_and_inputs
from convscope.inspection.layers import USUAL_AXES
from convscope.inspection.running import evaluation_mode, run, watched

HELD = 0.9545  # along an axis; of a Gaussian, two standard deviations to each side hold as much
BATCH = 8


@dataclass(frozen=True, slots=True)
class EffectiveField:
    """Shares of the pixels in a value of a layer.

    Attributes:
        shares: (H, W) of the network's input; they sum to 1.
        num_images: Over how many images the gradients are averaged.
    """

    shares: NDArray[np.float64]
    num_images: int

    @property
    def sigma(self) -> tuple[float, float]:
        """(height, width) standard deviations of the shares along each axis, in pixels."""
        return _deviation(self.shares.sum(axis=1)), _deviation(self.shares.sum(axis=0))

    @property
    def size(self) -> tuple[float, float]:
        """(height, width) in which 95.45 % of what counts lies along an axis, in pixels.

        As much lies beyond it on one side as on the other. For a Gaussian it is four standard
        deviations; it is never larger than the receptive field.
        """
        (top, bottom), (left, right) = self._extent
        return bottom - top, right - left

    @property
    def centre(self) -> tuple[float, float]:
        """(row, column) of the middle of that, in pixels; the middle of the first pixel is 0."""
        (top, bottom), (left, right) = self._extent
        return (top + bottom - 1) / 2, (left + right - 1) / 2

    @property
    def _extent(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """Where it begins and ends along each axis; the image begins at 0."""
        return _held(self.shares.sum(axis=1)), _held(self.shares.sum(axis=0))


def effective_field(
    network: nn.Module | Classifier,
    inputs: Tensor | Sequence[ImageLike],
    layer: str,
    *,
    channel: int | None = None,
    row: int | None = None,
    column: int | None = None,
    map_axes: tuple[int, int] = USUAL_AXES,
    seed: int = 0,
) -> EffectiveField:
    """How much each pixel counts for one value of a layer, averaged over images.

    Args:
        network: A classifier, or any network that takes one batch of images; it runs in evaluation
            mode.
        inputs: (N, C, H, W) images, already normalised, on the network's device, or random numbers;
            or, for a classifier, a list of images as `predict` takes them.
        layer: Its name as in `named_modules`.
        channel: Of the feature map, or the unit of a dense layer; None for all together, each with
            a random sign in each image.
        row: In the feature map; its middle if None.
        column: Likewise.
        map_axes: Which dimensions of what the layer gives are rows and columns, if it gives maps.
        seed: Of the signs.

    Raises:
        UsageError: No such layer or position, or no pixel counts.
        NetworkError: The network can't take these inputs.
    """
    network, inputs = network_and_inputs(network, inputs)
    total = np.zeros(tuple(inputs.shape[2:]))
    generator = torch.Generator().manual_seed(seed)
    for start in range(0, len(inputs), BATCH):
        batch = inputs[start : start + BATCH].detach().clone().requires_grad_()
        output = _as_maps(_output(network, batch, layer), map_axes)
        values = _at(output, layer, channel, row, column)
        signs = torch.ones(values.shape)
        if channel is None:
            signs = torch.randint(0, 2, values.shape, generator=generator) * 2.0 - 1.0
        value = (values * signs.to(values)).sum()
        gradient = None
        if value.requires_grad:
            (gradient,) = torch.autograd.grad(value, batch, allow_unused=True)
        if gradient is not None:  # else the value is the same for any image
            total += gradient.abs().sum(dim=(0, 1)).double().cpu().numpy()
    if not total.sum() > 0:
        raise UsageError(
            f"no pixel counts for this value of `{layer}` in {counted(len(inputs), 'image')}",
            hint="its activation is off there, or it doesn't depend on the image: choose another "
            "channel or position, more images, or the layer before the activation",
        )
    return EffectiveField(total / total.sum(), len(inputs))


def _output(network: nn.Module, batch: Tensor, layer: str) -> Tensor:
    """What a layer gives, with a gradient; a copy, as it may be changed in place afterwards."""
    outputs: dict[str, Tensor] = {}

    def keep(name: str, output: Tensor) -> None:
        outputs[name] = output.clone()

    with (
        torch.inference_mode(mode=False),
        torch.enable_grad(),
        evaluation_mode(network),
        watched(network, [layer], keep),
    ):
        run(network, batch)
    if layer not in outputs:
        raise UsageError(f"`{layer}` isn't computed", hint="choose a layer that evaluation uses")
    return outputs[layer]


def _as_maps(output: Tensor, map_axes: tuple[int, int]) -> Tensor:
    """(N, C, H, W) of what holds its rows and columns elsewhere; vectors as they are."""
    if output.dim() != 4:
        return output
    (channels,) = {1, 2, 3} - set(map_axes)
    return output.permute(0, channels, *map_axes)


def _at(
    output: Tensor, layer: str, channel: int | None, row: int | None, column: int | None
) -> Tensor:
    """(N, 1 or C) the values of all images at one position."""
    shape = tuple(output.shape)
    if len(shape) not in (2, 4):
        raise UsageError(
            f"`{layer}` gives a tensor of shape `{shape}`, which is no map and no vector",
            hint="choose a layer that gives (N, C, H, W) or (N, C)",
        )
    lengths = dict(zip(("channel", "row", "column"), shape[1:], strict=False))
    for name, given in (("channel", channel), ("row", row), ("column", column)):
        if given is not None and not 0 <= given < lengths.get(name, 0):
            raise UsageError(
                f"`{name}` can't be {given}: `{layer}` gives `{shape}`",
                hint=f"it is 0 to {lengths[name] - 1}" if name in lengths else "it gives vectors",
            )
    if len(shape) == 4:
        at_row = shape[2] // 2 if row is None else row
        at_column = shape[3] // 2 if column is None else column
        output = output[:, :, at_row, at_column]
    return output if channel is None else output[:, channel : channel + 1]


def _held(shares: NDArray[np.float64]) -> tuple[float, float]:
    """From where to where `HELD` of the shares lies, evenly spread within each pixel."""
    before = np.concatenate([[0.0], np.cumsum(shares)])
    beyond = (1 - HELD) / 2
    first, last = np.interp([beyond, 1 - beyond], before, np.arange(len(before)))
    return float(first), float(last)


def _deviation(shares: NDArray[np.float64]) -> float:
    places = np.arange(len(shares))
    away = places - (places * shares).sum()
    return float(np.sqrt((away**2 * shares).sum()))
