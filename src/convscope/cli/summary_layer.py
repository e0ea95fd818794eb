"""`convscope summary conv|pool|dense`: the arithmetic of one layer, worked out."""

from __future__ import annotations

import json
import re
from typing import Any

import click

from convscope.errors import UsageError

PAIR = "N or HxW"

Pair = tuple[int, int]


def _pair(name: str, text: str | None) -> Pair | None:
    if text is None:
        return None
    match = re.fullmatch(r"(\d+)(?:[xX×](\d+))?", text)
    if not match:
        raise UsageError(f"`--{name}` can't be `{text}`", hint="write one number, or HxW: 3x5")
    height = int(match.group(1))
    return height, int(match.group(2) or height)


def _shape(text: str) -> tuple[int, int, int]:
    from convscope.cli.summary import parse_shape

    return parse_shape(text)


SHAPE = click.option("--input", "input_text", required=True, metavar="CxHxW", help="One image.")
PADDING = click.option("--padding", metavar=PAIR, default="0", help="On each side. [default: 0]")
JSON = click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
NO_BIAS = click.option("--no-bias", is_flag=True, help="Without biases.")


@click.command("conv")
@SHAPE
@click.option("--kernels", required=True, type=click.IntRange(min=1), help="How many.")
@click.option("--size", required=True, metavar=PAIR, help="Height and width of a kernel.")
@click.option("--stride", metavar=PAIR, help="Steps between kernels. [default: 1]")
@PADDING
@click.option("--dilation", metavar=PAIR, default="1", help="[default: 1]")
@click.option("--groups", type=click.IntRange(min=1), default=1, help="[default: 1]")
@NO_BIAS
@JSON
def convolution(
    input_text: str,
    kernels: int,
    groups: int,
    no_bias: bool,
    as_json: bool,
    **pairs: str | None,
) -> None:
    """Work out a convolution: output size, parameters, operations, memory."""
    from convscope.arithmetic.worked import work_out_convolution

    size, stride, padding, dilation = (
        _pair(name, pairs[name]) for name in ("size", "stride", "padding", "dilation")
    )
    _print(
        work_out_convolution(
            _shape(input_text),
            kernels=kernels,
            kernel=size or (1, 1),
            stride=stride or (1, 1),
            padding=padding or (0, 0),
            dilation=dilation or (1, 1),
            groups=groups,
            bias=not no_bias,
        ),
        as_json=as_json,
    )


@click.command("pool")
@SHAPE
@click.option("--size", required=True, metavar=PAIR, help="Height and width of a window.")
@click.option("--stride", metavar=PAIR, help="Steps between windows. [default: the size]")
@PADDING
@click.option("--ceil-mode", is_flag=True, help="An incomplete last window counts.")
@JSON
def pooling(input_text: str, ceil_mode: bool, as_json: bool, **pairs: str | None) -> None:
    """Work out maximum or mean pooling: output size, operations, memory."""
    from convscope.arithmetic.worked import work_out_pooling

    size, stride, padding = (_pair(name, pairs[name]) for name in ("size", "stride", "padding"))
    _print(
        work_out_pooling(
            _shape(input_text),
            window=size or (1, 1),
            stride=stride,
            padding=padding or (0, 0),
            ceil_mode=ceil_mode,
        ),
        as_json=as_json,
    )


@click.command("dense")
@SHAPE
@click.option("--outputs", required=True, type=click.IntRange(min=1), help="How many neurons.")
@NO_BIAS
@JSON
def dense(input_text: str, outputs: int, no_bias: bool, as_json: bool) -> None:
    """Work out a dense layer on a flattened map: parameters, operations, memory."""
    from convscope.arithmetic.worked import work_out_dense

    _print(work_out_dense(_shape(input_text), outputs=outputs, bias=not no_bias), as_json=as_json)


LAYERS = {"conv": convolution, "pool": pooling, "dense": dense}


def _print(worked: Any, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(worked.to_dict(), ensure_ascii=False))
        return
    from convscope.cli.tables import print_table

    print(worked.layer)
    print_table(
        ["", "formula", "numbers", "result"],
        [
            [line.quantity, line.formula, line.numbers, f"{line.result:,} {line.unit}".strip()]
            for line in worked.lines
        ],
        left=3,
    )
    print(f"output {' x '.join(str(side) for side in worked.output_shape)}")
