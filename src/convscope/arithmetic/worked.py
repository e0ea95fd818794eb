"""The arithmetic of one layer as on paper: the formula, the numbers put in, the result."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import NamedTuple

from convscope.arithmetic.formulas import (
    Window,
    convolution_additions,
    convolution_macs,
    convolution_parameters,
    dense_macs,
    dense_parameters,
    output_size,
    pooling_operations,
    tensor_bytes,
)
from convscope.errors import UsageError

PLACE_BYTES = 8  # of the place of a maximum, a whole number of 64 bits


class Line(NamedTuple):
    """One quantity.

    Attributes:
        quantity: What it is.
        formula: In letters.
        numbers: The same with the numbers put in.
        result: The value.
        unit: Of the value; empty for counts.
    """

    quantity: str
    formula: str
    numbers: str
    result: int
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Worked:
    """A layer worked out by hand, for one image.

    Attributes:
        layer: In words.
        output_shape: (C, H, W) of what it gives.
        lines: The quantities.
    """

    layer: str
    output_shape: tuple[int, ...]
    lines: tuple[Line, ...]

    def line(self, quantity: str) -> Line:
        """The line of this quantity.

        Raises:
            KeyError: There is none.
        """
        return {line.quantity: line for line in self.lines}[quantity]

    def to_dict(self) -> dict[str, object]:
        """Ready for JSON."""
        return {
            "layer": self.layer,
            "output_shape": list(self.output_shape),
            "lines": [line._asdict() for line in self.lines],
        }


def work_out_convolution(
    shape: tuple[int, int, int],
    *,
    kernels: int,
    kernel: tuple[int, int],
    stride: tuple[int, int] = (1, 1),
    padding: tuple[int, int] = (0, 0),
    dilation: tuple[int, int] = (1, 1),
    groups: int = 1,
    bias: bool = True,
) -> Worked:
    """What a convolution gives and takes, in both directions.

    Args:
        shape: (C, H, W) of its input.
        kernels: How many: the depth of the output.
        kernel: Height and width of each.
        stride: Down and across.
        padding: Zeros on each side, above and below, left and right.
        dilation: Steps between a kernel's values.
        groups: Parts that the channels are split into.
        bias: Whether each kernel has one.

    Raises:
        UsageError: The kernel doesn't fit, or the channels can't be split so.
    """
    channels = shape[0]
    if channels % groups or kernels % groups:
        raise UsageError(f"{channels} channels and {kernels} kernels can't be split in {groups}")
    sides, lines = _sizes(shape, kernel, stride, padding, dilation)
    positions, height, width = prod(sides), *kernel
    per_group = channels // groups
    parameters = convolution_parameters(channels, kernels, kernel=kernel, groups=groups, bias=bias)
    macs = convolution_macs(positions, channels, kernels, kernel=kernel, groups=groups)
    additions = convolution_additions(
        positions, channels, kernels, kernel=kernel, groups=groups, bias=bias
    )
    product = f"{kernels} * {per_group} * {height} * {width}"
    split = " / groups" if groups > 1 else ""
    output = (kernels, *sides)
    lines += [
        Line("depth", "kernels", f"{kernels}", kernels),
        Line(
            "parameters",
            f"kernels * C{split} * Kh * Kw{' + kernels' if bias else ''}",
            f"{product}{f' + {kernels}' if bias else ''}",
            parameters,
        ),
        Line(
            "multiplications",
            f"H' * W' * kernels * C{split} * Kh * Kw",
            f"{sides[0]} * {sides[1]} * {product}",
            macs,
        ),
        Line(
            "additions",
            f"H' * W' * kernels * (C{split} * Kh * Kw - 1{' + 1' if bias else ''})",
            f"{sides[0]} * {sides[1]} * {kernels} * "
            f"({per_group} * {height} * {width} - 1{' + 1' if bias else ''})",
            additions,
        ),
        _flops(macs, biases=prod(output) if bias else 0),
        _memory("output", output),
        *_backward(macs, shape),
    ]
    words = f"convolution of {kernels} kernels {height} x {width} over {_by(shape)}"
    return Worked(words, output, tuple(lines))


def work_out_pooling(
    shape: tuple[int, int, int],
    *,
    window: tuple[int, int],
    stride: tuple[int, int] | None = None,
    padding: tuple[int, int] = (0, 0),
    ceil_mode: bool = False,
) -> Worked:
    """What maximum or mean pooling gives and takes.

    Args:
        shape: (C, H, W) of its input.
        window: Height and width.
        stride: Down and across; the window itself if None.
        padding: On each side; at most half of the window.
        ceil_mode: Whether an incomplete last window counts.

    Raises:
        UsageError: The window doesn't fit, or there is more padding than half of it.
    """
    if any(2 * pad > side for pad, side in zip(padding, window, strict=True)):
        raise UsageError(
            f"`padding` {padding[0]} x {padding[1]} is more than half of a window "
            f"{window[0]} x {window[1]}",
            hint="some windows would see nothing but padding",
        )
    sides, lines = _sizes(shape, window, stride or window, padding, (1, 1), ceil_mode=ceil_mode)
    looked_at = pooling_operations(prod(sides), shape[0], window=window)
    output = (shape[0], *sides)
    lines += [
        Line("depth", "C", f"{shape[0]}", shape[0]),
        Line("parameters", "0", "0", 0),
        Line(
            "comparisons or additions",
            "C * H' * W' * Kh * Kw",
            f"{shape[0]} * {sides[0]} * {sides[1]} * {window[0]} * {window[1]}",
            looked_at,
        ),
        _memory("output", output),
        _memory("kept for the backward pass: the input", shape),
        Line(
            "memory kept beside it by maximum pooling: which value won",
            "C * H' * W' * 8",
            f"{' * '.join(str(side) for side in output)} * 8",
            tensor_bytes(output, value_bytes=PLACE_BYTES),
            "bytes",
        ),
    ]
    return Worked(f"pooling of {window[0]} x {window[1]} over {_by(shape)}", output, tuple(lines))


def work_out_dense(inputs: tuple[int, ...], *, outputs: int, bias: bool = True) -> Worked:
    """What a dense layer on a flattened map or a vector takes.

    Args:
        inputs: (C, H, W), or the number of values alone.
        outputs: Number of its neurons.
        bias: Whether each has one.
    """
    values = prod(inputs)
    macs = dense_macs(1, values, outputs)
    lines = (
        Line("inputs", "C * H * W", " * ".join(str(side) for side in inputs), values),
        Line(
            "parameters",
            f"inputs * outputs{' + outputs' if bias else ''}",
            f"{values} * {outputs}{f' + {outputs}' if bias else ''}",
            dense_parameters(values, outputs, bias=bias),
        ),
        Line("multiplications", "inputs * outputs", f"{values} * {outputs}", macs),
        Line(
            "additions",
            f"outputs * (inputs - 1{' + 1' if bias else ''})",
            f"{outputs} * ({values} - 1{' + 1' if bias else ''})",
            outputs * (values - (0 if bias else 1)),
        ),
        _flops(macs, biases=outputs if bias else 0),
        _memory("output", (outputs,)),
        *_backward(macs, inputs),
    )
    return Worked(f"dense layer of {outputs} neurons on {_by(inputs)}", (outputs,), lines)


def _sizes(
    shape: tuple[int, int, int],
    kernel: tuple[int, int],
    stride: tuple[int, int],
    padding: tuple[int, int],
    dilation: tuple[int, int],
    *,
    ceil_mode: bool = False,
) -> tuple[tuple[int, int], list[Line]]:
    """Height and width of the output, each with its line."""
    sides, lines = [], []
    opening, closing = ("ceil(", ")") if ceil_mode else ("floor(", ")")
    for axis, letter in enumerate("HW"):
        window = Window(
            kernel[axis],
            stride=stride[axis],
            padding_before=padding[axis],
            padding_after=padding[axis],
            dilation=dilation[axis],
        )
        side = output_size(shape[1 + axis], window, ceil_mode=ceil_mode)
        dilated = dilation != (1, 1)
        extent = "D(K - 1) - 1" if dilated else "K"
        number = f"{dilation[axis]} * {kernel[axis] - 1} - 1" if dilated else f"{kernel[axis]}"
        lines.append(
            Line(
                "height" if axis == 0 else "width",
                f"{letter}' = {opening}({letter} - {extent} + 2P) / S{closing} + 1",
                f"{opening}({shape[1 + axis]} - {number} + 2 * {padding[axis]}) / {stride[axis]}"
                f"{closing} + 1",
                side,
            )
        )
        sides.append(side)
    return (sides[0], sides[1]), lines


def _flops(macs: int, *, biases: int) -> Line:
    """The layer table's count: there a sum begins at 0, so that a product brings one addition."""
    return Line(
        "FLOPs, as a layer table counts them",
        f"2 * multiplications{' + outputs for the biases' if biases else ''}",
        f"2 * {macs:,}{f' + {biases:,}' if biases else ''}",
        2 * macs + biases,
    )


def _backward(macs: int, shape: tuple[int, ...]) -> tuple[Line, ...]:
    return (
        Line("backward: gradient of the weights", "multiplications", f"{macs:,}", macs, "MACs"),
        Line("backward: gradient of the input", "multiplications", f"{macs:,}", macs, "MACs"),
        _memory("kept for the backward pass: the input", shape),
    )


def _memory(what: str, shape: tuple[int, ...]) -> Line:
    product = " * ".join(str(side) for side in shape)
    letters = "C * H * W" if len(shape) == 3 else what.rpartition(" ")[2] + "s"
    return Line(
        f"memory of the {what}" if what == "output" else f"memory {what}",
        f"{letters} * 4",
        f"{product} * 4",
        tensor_bytes(shape),
        "bytes",
    )


def _by(shape: tuple[int, ...]) -> str:
    return " x ".join(str(side) for side in shape)
