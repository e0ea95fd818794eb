"""The arithmetic of one output value: every term of it, and whether they give what is stored."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from convscope.arithmetic import LayerTable, layer_table
from convscope.classifier import Classifier, ImageLike
from convscope.errors import UsageError
from convscope.inspection.activations import network_inputs
from convscope.inspection.following import explained
from convscope.inspection.layers import USUAL_AXES, first_path, map_axes_of
from convscope.inspection.recording import record
from convscope.inspection.terms import Indices, Step
from convscope.inspection.value_text import trace_text

# How far the terms may be from the stored value, as a share of the sum of their absolute values; in
# shorter number formats, by one unit in the last place of a 1.
TOLERANCE = 1e-5


@dataclass(frozen=True, slots=True)
class ValueTrace:
    """How one output value of a layer came about.

    Attributes:
        layer: Its path in the network.
        channel: Of the feature map, or the unit of a dense layer.
        row: In the feature map; None for a dense layer.
        column: Likewise.
        step: The operation that gave the value; its sources lead back from there, to a sum over a
            window or over features, to a pooling, or to the image.
        tolerance: How far a step may be from what was stored, as `deviation`.
    """

    layer: str
    channel: int
    row: int | None
    column: int | None
    step: Step
    tolerance: float = TOLERANCE

    @property
    def value(self) -> float:
        """The value as the network computed it."""
        return self.step.stored

    @property
    def steps(self) -> tuple[Step, ...]:
        """All steps, the last operation first, each followed by what leads to it."""
        return tuple(_all_steps(self.step))

    @property
    def deviation(self) -> float:
        """The largest |computed - stored| of all steps, as a share of the sum of absolute terms."""
        # `max` would pass over what is not a number.
        return float(np.max([step.deviation for step in self.steps]))

    @property
    def holds(self) -> bool:
        """Whether each step's terms give the stored value, to rounding."""
        return self.deviation <= self.tolerance

    def to_dict(self) -> dict[str, Any]:
        """All of it, ready for JSON."""
        return {
            "layer": self.layer,
            "channel": self.channel,
            "row": self.row,
            "column": self.column,
            "value": self.value,
            "deviation": self.deviation,
            "tolerance": self.tolerance,
            "holds": self.holds,
            "step": self.step.to_dict(),
        }

    def to_text(self, *, num_terms: int = 8) -> str:
        """The arithmetic as on paper.

        Args:
            num_terms: How many terms of a sum are written out, the largest first; the rest is one
                line.
        """
        return trace_text(self, num_terms=num_terms)


class Recording:
    """All values of one forward pass, of which any can be traced.

    Args:
        network: A classifier, or any network that takes one batch of images; it runs once, in
            evaluation mode, and is then as it was.
        image: For a classifier, what `predict` takes; for a network, (1, C, H, W) normalised.

    Attributes:
        shapes: Shape of what each layer gives, with the batch of 1, by its path, in the order in
            which they were ready.

    Raises:
        UsageError: The image is none that the network takes.
        NetworkError: The image doesn't fit the network.
        DataError: The image can't be read.
    """

    def __init__(self, network: nn.Module | Classifier, image: Tensor | ImageLike) -> None:
        self._network, inputs = _network_and_inputs(network, image)
        self._input_shape = tuple(inputs.shape)
        self._values = record(self._network, inputs)
        self.shapes = {name: tuple(value.tensor.shape) for name, value in self._values.items()}

    def trace(
        self, layer: str, *, channel: int, row: int | None = None, column: int | None = None
    ) -> ValueTrace:
        """Every term of one value, as `trace_value` gives it.

        Raises:
            UsageError: No such layer or position, or the layer isn't computed.
            NetworkError: An operation on the way has no explanation.
        """
        known = first_path(self._network, layer)
        if known not in self._values:
            raise UsageError(
                f"layer `{layer}` of `{type(self._network).__name__}` gave nothing",
                hint="heads that only training uses are not computed; choose a layer that is",
            )
        value = self._values[known]
        shape = tuple(value.tensor.shape)
        index = _index(layer, shape, channel, row, column, axes=self._map_axes(known, shape))
        step = explained(value, index)
        return ValueTrace(layer, channel, row, column, step, _tolerance(value.tensor.dtype))

    def _map_axes(self, layer: str, shape: tuple[int, ...]) -> tuple[int, int]:
        """Which dimensions are rows and columns: some layers work on (N, H, W, C)."""
        axes = map_axes_of(self._table.row(layer)) if len(shape) == 4 else None
        return axes or USUAL_AXES

    @cached_property
    def _table(self) -> LayerTable:
        return layer_table(self._network, self._input_shape)


def trace_value(
    network: nn.Module | Classifier,
    image: Tensor | ImageLike,
    layer: str,
    *,
    channel: int,
    row: int | None = None,
    column: int | None = None,
) -> ValueTrace:
    """Every term of one value that a layer gives for an image.

    The network runs once, in evaluation mode, and every step is computed again in double precision
    from the numbers that went into it. `Recording` traces several values of one such pass.

    Args:
        network: A classifier, or any network that takes one batch of images.
        image: For a classifier, what `predict` takes; for a network, (1, C, H, W) normalised.
        layer: Its name as in `named_modules`.
        channel: Of the feature map, or the unit of a dense layer, from 0.
        row: In the feature map, from 0; None for a dense layer.
        column: Likewise.

    Raises:
        UsageError: No such layer or position, or the layer isn't computed.
        NetworkError: An operation on the way has no explanation, or the image doesn't fit.
        DataError: The image can't be read.
    """
    return Recording(network, image).trace(layer, channel=channel, row=row, column=column)


def _network_and_inputs(
    network: nn.Module | Classifier, image: Tensor | ImageLike
) -> tuple[nn.Module, Tensor]:
    if isinstance(network, Classifier):
        if isinstance(image, Tensor):
            raise UsageError(
                "a classifier takes an image, not a tensor",
                hint="give `classifier.network` for a tensor that is already normalised",
            )
        return network.network, network_inputs(network, [image])
    if not isinstance(image, Tensor) or image.dim() != 4 or len(image) != 1:
        shape = f"a tensor of shape `{tuple(image.shape)}`" if isinstance(image, Tensor) else "that"
        raise UsageError(
            f"a network takes one image as a tensor (1, C, H, W), not {shape}",
            hint="`inputs[:1]` is the first of a batch; a classifier takes files",
        )
    return network, image


def _index(
    layer: str,
    shape: tuple[int, ...],
    channel: int,
    row: int | None,
    column: int | None,
    *,
    axes: tuple[int, int],
) -> Indices:
    """(D, 1) the place of a value in a tensor of this shape, whose `axes` are rows and columns."""
    names = ["channel"]
    if len(shape) == 4:
        names = [{axes[0]: "row", axes[1]: "column"}.get(axis, "channel") for axis in (1, 2, 3)]
    elif len(shape) != 2:
        raise UsageError(
            f"layer `{layer}` gives a tensor of shape `{shape}`, which is no map and no vector",
            hint="choose a layer that gives (N, C, H, W) or (N, C)",
        )
    given = {"channel": channel, "row": row, "column": column}
    if (row is None) != (len(names) == 1) or (column is None) != (len(names) == 1):
        raise UsageError(
            f"layer `{layer}` gives `{shape}`, but `row` is {row} and `column` {column}",
            hint="give both for feature maps, and neither for the units of a dense layer",
        )
    for name, length in zip(names, shape[1:], strict=True):
        if not 0 <= (given[name] or 0) < length:
            raise UsageError(
                f"`{name}` can't be {given[name]}: layer `{layer}` gives `{shape}`",
                hint=f"it is 0 to {length - 1}",
            )
    return np.array([[0], *([given[name]] for name in names)], np.int64)


def _tolerance(dtype: torch.dtype) -> float:
    return max(TOLERANCE, torch.finfo(dtype).eps) if dtype.is_floating_point else TOLERANCE


def _all_steps(step: Step) -> Iterator[Step]:
    yield step
    for source in step.sources:
        yield from _all_steps(source)
