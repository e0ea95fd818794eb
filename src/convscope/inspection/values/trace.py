"""Trace of one output value: every term of its arithmetic, recomputed, as JSON and as text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from convscope.arithmetic import LayerTable, layer_table
from convscope.classifier import Classifier, ImageLike
from convscope.errors import UsageError
from convscope.inspection.feature_maps.activations import network_inputs
from convscope.inspection.layers import (
    DEFAULT_AXES,
    Position,
    axis_names,
    check_position,
    first_path,
    map_axes_of,
    quoted,
)
from convscope.inspection.values.backtrace import backtrace
from convscope.inspection.values.index_mapping import Indices
from convscope.inspection.values.recording import record
from convscope.inspection.values.steps import ArithmeticStep
from convscope.short_repr import Shown, short_repr
from convscope.text import counted

# How far the terms may be from the stored value, as a fraction of the sum of their absolute values.
# For number formats with fewer digits it is their machine epsilon.
TOLERANCE = 1e-5
INDENT = "    "


@dataclass(frozen=True, slots=True)
class ValueTrace(Shown):
    """How one output value of a layer was computed.

    Attributes:
        layer: Path of the layer.
        channel: Channel of the feature map, or unit of a dense layer.
        row: Row in the feature map; None for a dense layer.
        column: Column in the feature map; None for a dense layer.
        step: The operation that computed the value; its sources lead back from there to a sum over
            a window or over features, to a pooling, or to the image.
        tolerance: Largest `deviation` that rounding explains.
    """

    layer: str
    channel: int
    row: int | None
    column: int | None
    step: ArithmeticStep
    tolerance: float = TOLERANCE

    __repr__ = short_repr

    @property
    def value(self) -> float:
        """The value as the network computed it."""
        return self.step.stored

    @property
    def steps(self) -> tuple[ArithmeticStep, ...]:
        """All steps, the last operation first, each followed by those that lead to it."""
        return tuple(self.step.with_sources())

    @property
    def deviation(self) -> float:
        """The largest |computed - stored| of all steps, as a fraction of the absolute terms."""
        # `max` would pass over what is not a number.
        return float(np.max([step.deviation for step in self.steps]))

    @property
    def holds(self) -> bool:
        """Whether the terms of each step give the stored value, up to rounding."""
        return self.deviation <= self.tolerance

    def to_dict(self) -> dict[str, Any]:
        """The trace, ready for JSON."""
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
        """The arithmetic as on paper, the last operation first.

        Args:
            num_terms: Number of terms of a sum that are written out, the largest first; the rest is
                one line.
        """
        position = [self.channel]
        if self.row is not None:
            position += [self.row, self.column or 0]
        lines = [f"{quoted(self.layer)}, {_position_text(position)}: {_number(self.value)}", ""]
        is_own_step = f"{self.step.layer}.".startswith(f"{self.layer}.") or not self.layer
        if not is_own_step:
            lines += ["the layer passes its input on as it is:", ""]
        lines += _step_lines(self.step, num_terms=num_terms, depth=0)
        verdict = "every step gives" if self.holds else "NOT every step gives"
        lines += [
            "",
            f"{verdict} the value that the network stored: the largest difference is "
            f"{self.deviation:.1e} of the sum of absolute terms, and may be {self.tolerance:.1e}",
        ]
        return "\n".join(lines)


class Recording:
    """All values of one forward pass, each of which can be traced.

    Args:
        network: A classifier, or any network that takes one batch of images; it runs once, in
            evaluation mode, and is left unchanged.
        image: For a classifier, what `predict` takes; for a network, (1, C, H, W) normalised.

    Attributes:
        shapes: Shape of each layer's output, with the batch of 1, by layer path, in the order in
            which the outputs were ready.

    Raises:
        UsageError: The image is none that the network takes.
        NetworkError: The image doesn't fit the network.
        DataError: The image can't be read.
    """

    def __init__(self, network: nn.Module | Classifier, image: Tensor | ImageLike) -> None:
        self._network, inputs = _network_and_input(network, image)
        self._input_shape = tuple(inputs.shape)
        self._values = record(self._network, inputs)
        self.shapes = {name: tuple(value.tensor.shape) for name, value in self._values.items()}

    def trace(
        self, layer: str, *, channel: int, row: int | None = None, column: int | None = None
    ) -> ValueTrace:
        """Every term of one value; arguments and errors are those of `trace_value`."""
        known = first_path(self._network, layer)
        if known not in self._values:
            raise UsageError(
                f"layer `{layer}` of `{type(self._network).__name__}` gave nothing",
                hint="heads that only training uses are not computed; choose a layer that is",
            )
        value = self._values[known]
        shape = tuple(value.tensor.shape)
        # Some layers work on (N, H, W, C).
        axes = map_axes_of(self._table.row(known)) if len(shape) == 4 else None
        names = axis_names(layer, shape, axes or DEFAULT_AXES)
        index = _index(layer, shape, names, {"channel": channel, "row": row, "column": column})
        dtype, tolerance = value.tensor.dtype, TOLERANCE
        if dtype.is_floating_point:
            tolerance = max(TOLERANCE, torch.finfo(dtype).eps)
        return ValueTrace(layer, channel, row, column, backtrace(value, index), tolerance)

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
    """Every term of one output value of a layer for an image.

    The network runs once, in evaluation mode, and every step is computed again in double precision
    from the numbers that went into it. `Recording` traces several values of one such pass.

    Args:
        network: A classifier, or any network that takes one batch of images.
        image: For a classifier, what `predict` takes; for a network, (1, C, H, W) normalised.
        layer: Name of the layer as in `named_modules`.
        channel: Channel of the feature map, or unit of a dense layer, from 0.
        row: Row in the feature map, from 0; None for a dense layer.
        column: Column in the feature map, from 0; None for a dense layer.

    Raises:
        UsageError: No such layer or position, or the layer isn't computed.
        NetworkError: An operation on the way has no rule, or the image doesn't fit.
        DataError: The image can't be read.
    """
    return Recording(network, image).trace(layer, channel=channel, row=row, column=column)


def _network_and_input(
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
    layer: str, shape: tuple[int, ...], names: tuple[str, ...], position: Position
) -> Indices:
    """(D, 1) index of a value in a tensor of this shape, whose dimensions have these names."""
    row, column = position["row"], position["column"]
    if (row is None) != (len(names) == 1) or (column is None) != (len(names) == 1):
        raise UsageError(
            f"layer `{layer}` gives `{shape}`, but `row` is {row} and `column` {column}",
            hint="give both for feature maps, and neither for the units of a dense layer",
        )
    check_position(position, layer, shape, names)
    given: dict[str, Any] = {**position}
    return np.array([[0], *([given[name]] for name in names)], np.int64)


def _step_lines(step: ArithmeticStep, *, num_terms: int, depth: int) -> Iterator[str]:
    """The lines of a step and of its sources."""
    margin = INDENT * depth
    is_given = step.kind in ("image", "padding", "constant")  # belongs to no layer
    where = "" if is_given else f"{quoted(step.layer)}, "
    yield f"{margin}{where}{_position_text(step.index)}: {step.kind} = {_number(step.stored)}"
    for line in _function_lines(step) if step.rule == "function" else _sum_lines(step, num_terms):
        yield f"{margin}{INDENT}{line}"
    is_joined = len(step.sources) > 1
    for source in step.sources:
        yield from _step_lines(source, num_terms=num_terms, depth=depth + (2 if is_joined else 0))


def _function_lines(step: ArithmeticStep) -> Iterator[str]:
    letters = zip("xyzuvw", step.terms.inputs.tolist(), strict=False)
    given = ", ".join(f"{letter} = {_number(number)}" for letter, number in letters)
    constants = "".join(f", {name} = {_number(number)}" for name, number in step.numbers.items())
    yield f"{step.formula} = {_number(step.computed)} with {given}{constants}"


def _sum_lines(step: ArithmeticStep, num_terms: int) -> Iterator[str]:
    """The lines of a sum, or of a choice of one term."""
    if step.formula:
        yield step.formula
    if step.numbers:
        yield ", ".join(f"{name} {_number(number)}" for name, number in step.numbers.items())
    if len(step.terms):
        yield from _term_lines(step, num_terms)
    for name, number in step.added.items():
        yield f"{number:+.6g}  {name}"
    if step.rule == "sum":
        yield f"= {_number(step.computed)}"


def _term_lines(step: ArithmeticStep, num_terms: int) -> Iterator[str]:
    """The terms with the largest absolute value first, then the sum of the rest."""
    terms = step.terms
    order = np.argsort(-np.abs(terms.values), kind="stable")
    if step.winner is not None:
        order = np.concatenate([[step.winner], order[order != step.winner]])
    for at in order[:num_terms].tolist():
        product = ""
        if terms.weights is not None:
            product = f" = {_number(terms.weights[at])} * {_number(terms.inputs[at])}"
        place = _position_text(terms.places[1:, at].tolist())
        note = " (padding)" if terms.is_padding[at] else f"  {place}"
        winner = "  <- this one" if at == step.winner and len(terms) > 1 else ""
        yield f"{terms.values[at]:+.6g}{product}{note}{winner}"
    rest = order[num_terms:]
    if len(rest) == 0:
        return
    text = counted(len(rest), "other term")
    num_padding = int(terms.is_padding[rest].sum())
    if num_padding:
        text += f", {num_padding} of them padding"
    if step.rule == "sum":
        text = f"{terms.values[rest].sum():+.6g}  {text}"
    yield text


def _position_text(index: Sequence[int]) -> str:
    """`channel 3, row 4, column 5`, or the bare numbers of a tensor of another kind."""
    names = {1: ("unit",), 3: ("channel", "row", "column")}.get(len(index))
    if names is None:
        return f"at {list(index)}"
    return ", ".join(f"{name} {at}" for name, at in zip(names, index, strict=True))


def _number(number: float) -> str:
    """A number with six digits."""
    return f"{number:.6g}"
