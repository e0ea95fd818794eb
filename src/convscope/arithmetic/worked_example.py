"""The arithmetic of one layer as on paper: the formula, the numbers put in, the result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import NamedTuple

from convscope.arithmetic.formulas import (
    Window,
    convolution_macs,
    convolution_parameters,
    dense_macs,
    output_size,
)
from convscope.errors import UsageError
from convscope.short_repr import short_repr

VALUE_BYTES = 4  # of a value in float32
INDEX_BYTES = 8  # of the index of a maximum, a whole number of 64 bits

Shape = tuple[int, ...]


class Line(NamedTuple):
    """One quantity of a worked example.

    Attributes:
        quantity: What it is.
        formula: The formula in letters.
        numbers: The formula with the numbers put in.
        result: The value.
        unit: Unit of the value; empty for a number of things.
    """

    quantity: str
    formula: str
    numbers: str
    result: int
    unit: str = ""


@dataclass(frozen=True, slots=True)
class WorkedExample:
    """A layer worked out by hand, for one image.

    Attributes:
        layer: Description of the layer.
        output_shape: (C, H, W) of its output.
        lines: The quantities.
    """

    layer: str
    output_shape: Shape
    lines: tuple[Line, ...]

    __repr__ = short_repr

    def line(self, quantity: str) -> Line:
        """The line of this quantity.

        Raises:
            KeyError: There is none.
        """
        return {line.quantity: line for line in self.lines}[quantity]

    def to_dict(self) -> dict[str, object]:
        """The example, ready for JSON."""
        return {
            "layer": self.layer,
            "output_shape": list(self.output_shape),
            "lines": [line._asdict() for line in self.lines],
        }


def convolution_example(
    shape: tuple[int, int, int],
    windows: tuple[Window, Window],
    *,
    kernels: int,
    groups: int = 1,
    bias: bool = True,
) -> WorkedExample:
    """The output, parameters, operations and memory of a convolution, in both directions.

    Args:
        shape: (C, H, W) of its input.
        windows: How a kernel slides along height and width.
        kernels: The number of kernels: the depth of the output.
        groups: The number of groups of channels.
        bias: Whether each kernel has one.

    Raises:
        UsageError: The kernel doesn't fit, or the channels can't be split into these groups.
    """
    channels = shape[0]
    if channels % groups or kernels % groups:
        raise UsageError(f"{channels} channels and {kernels} kernels can't be split in {groups}")
    (rows, columns), lines = _sizes(shape, windows)
    kernel, positions, depth = _kernel_size(windows), rows * columns, channels // groups
    macs = convolution_macs(positions, channels, kernels, kernel=kernel, groups=groups)
    letters = f"C{' / groups' if groups > 1 else ''} * Kh * Kw"
    window = f"{depth} * {kernel[0]} * {kernel[1]}"
    added = " + 1" if bias else ""
    lines += [
        Line("depth", "kernels", f"{kernels}", kernels),
        Line(
            "parameters",
            f"kernels * {letters}{' + kernels' if bias else ''}",
            f"{kernels} * {window}{f' + {kernels}' if bias else ''}",
            convolution_parameters(channels, kernels, kernel=kernel, groups=groups, bias=bias),
        ),
        Line(
            "multiplications",
            f"H' * W' * kernels * {letters}",
            f"{rows} * {columns} * {kernels} * {window}",
            macs,
        ),
        Line(
            "additions",
            f"H' * W' * kernels * ({letters} - 1{added})",
            f"{rows} * {columns} * {kernels} * ({window} - 1{added})",
            # One fewer than products; `2 k^2 - 1` for each pair of channels would leave out the
            # additions across channels.
            positions * kernels * (depth * prod(kernel) - (0 if bias else 1)),
        ),
    ]
    output = (kernels, rows, columns)
    lines += _flops_and_memory(macs, shape, output, bias=bias)
    layer = f"convolution of {kernels} kernels {_by(kernel)} over {_by(shape)}"
    return WorkedExample(layer, output, tuple(lines))


def pooling_example(
    shape: tuple[int, int, int], windows: tuple[Window, Window], *, ceil_mode: bool = False
) -> WorkedExample:
    """The output, operations and memory of maximum or mean pooling.

    Args:
        shape: (C, H, W) of its input.
        windows: How the window slides along height and width; with padding of at most half of it.
        ceil_mode: Whether an incomplete last window counts.

    Raises:
        UsageError: The window doesn't fit, or there is more padding than half of it.
    """
    kernel = _kernel_size(windows)
    if any(2 * window.padding_before > window.kernel for window in windows):
        raise UsageError(
            f"`padding` {_by([window.padding_before for window in windows])} is more than half of "
            f"a window {_by(kernel)}",
            hint="some windows would see nothing but padding",
        )
    sides, lines = _sizes(shape, windows, ceil_mode=ceil_mode)
    output = (shape[0], *sides)
    lines += [
        Line("depth", "C", f"{shape[0]}", shape[0]),
        Line("parameters", "0", "0", 0),
        Line(
            "comparisons or additions",
            "C * H' * W' * Kh * Kw",
            _product((*output, *kernel)),
            prod(output) * prod(kernel),
        ),
        _memory("of the output", output),
        _memory("kept for the backward pass: the input", shape),
        Line(
            "memory kept beside it by maximum pooling: which value won",
            "C * H' * W' * 8",
            f"{_product(output)} * 8",
            prod(output) * INDEX_BYTES,
            "bytes",
        ),
    ]
    return WorkedExample(f"pooling of {_by(kernel)} over {_by(shape)}", output, tuple(lines))


def dense_example(inputs: Shape, *, outputs: int, bias: bool = True) -> WorkedExample:
    """The parameters, operations and memory of a dense layer on a flattened map or a vector.

    Args:
        inputs: (C, H, W), or the number of values alone.
        outputs: The number of neurons.
        bias: Whether each neuron has one.
    """
    values = prod(inputs)
    macs = dense_macs(1, values, outputs)
    added = " + 1" if bias else ""
    lines = (
        Line("inputs", "C * H * W", _product(inputs), values),
        Line(
            "parameters",
            f"inputs * outputs{' + outputs' if bias else ''}",
            f"{values} * {outputs}{f' + {outputs}' if bias else ''}",
            values * outputs + (outputs if bias else 0),
        ),
        Line("multiplications", "inputs * outputs", f"{values} * {outputs}", macs),
        Line(
            "additions",
            f"outputs * (inputs - 1{added})",
            f"{outputs} * ({values} - 1{added})",
            outputs * (values - (0 if bias else 1)),
        ),
        *_flops_and_memory(macs, inputs, (outputs,), bias=bias),
    )
    return WorkedExample(f"dense layer of {outputs} neurons on {_by(inputs)}", (outputs,), lines)


def _sizes(
    shape: tuple[int, int, int], windows: tuple[Window, Window], *, ceil_mode: bool = False
) -> tuple[tuple[int, int], list[Line]]:
    """Height and width of the output, each with its line."""
    rounding = "ceil" if ceil_mode else "floor"
    is_dilated = any(window.dilation != 1 for window in windows)
    lines = []
    for name, letter, side, window in zip(
        ("height", "width"), "HW", shape[1:], windows, strict=True
    ):
        extent, number = "K", f"{window.kernel}"
        if is_dilated:
            extent, number = "D(K - 1) - 1", f"{window.dilation} * {window.kernel - 1} - 1"
        lines.append(
            Line(
                name,
                f"{letter}' = {rounding}(({letter} - {extent} + 2P) / S) + 1",
                f"{rounding}(({side} - {number} + 2 * {window.padding_before}) / {window.stride})"
                " + 1",
                output_size(side, window, ceil_mode=ceil_mode),
            )
        )
    height, width = (line.result for line in lines)
    return (height, width), lines


def _flops_and_memory(macs: int, inputs: Shape, output: Shape, *, bias: bool) -> list[Line]:
    """FLOPs, memory and the backward pass of a layer with weights.

    FLOPs are those of a layer table: there a sum begins at 0, so each product brings an addition.
    """
    biases = prod(output) if bias else 0
    return [
        Line(
            "FLOPs, as a layer table counts them",
            f"2 * multiplications{' + outputs for the biases' if biases else ''}",
            f"2 * {macs:,}{f' + {biases:,}' if biases else ''}",
            2 * macs + biases,
        ),
        _memory("of the output", output),
        Line("backward: gradient of the weights", "multiplications", f"{macs:,}", macs, "MACs"),
        Line("backward: gradient of the input", "multiplications", f"{macs:,}", macs, "MACs"),
        _memory("kept for the backward pass: the input", inputs),
    ]


def _memory(of: str, shape: Shape) -> Line:
    letters = "C * H * W" if len(shape) == 3 else of.rpartition(" ")[2] + "s"
    numbers = f"{_product(shape)} * 4"
    return Line(f"memory {of}", f"{letters} * 4", numbers, prod(shape) * VALUE_BYTES, "bytes")


def _kernel_size(windows: tuple[Window, Window]) -> tuple[int, int]:
    """Height and width of a window, in values that it looks at."""
    return windows[0].kernel, windows[1].kernel


def _by(lengths: Sequence[int]) -> str:
    return " x ".join(str(length) for length in lengths)


def _product(factors: Sequence[int]) -> str:
    return " * ".join(str(factor) for factor in factors)
