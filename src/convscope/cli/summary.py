"""`convscope summary`."""

from __future__ import annotations

import json
import re
from typing import Any

import click

from convscope.cli.recipe_flags import network_options
from convscope.errors import UsageError

COLUMNS = ["layer", "kind", "output", "parameters", "MACs", "field", "jump", "start"]


@click.command("summary")
@click.argument("network")
@click.option("--input", "input_text", metavar="CxHxW", help="Shape of one image: 3x224x224.")
@click.option("--num-classes", type=click.IntRange(min=1), help="Number of classes.")
@click.option("--batch-size", "-b", default=1, type=click.IntRange(min=1), help="[default: 1]")
@click.option(
    "--option",
    "options",
    multiple=True,
    metavar="NAME=VALUE",
    help="Option of the network, for instance stem=small; repeatable.",
)
@click.option("--depth", type=click.IntRange(min=0), help="Show modules down to this depth.")
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
def command(
    network: str,
    input_text: str | None,
    num_classes: int | None,
    batch_size: int,
    options: tuple[str, ...],
    depth: int | None,
    as_json: bool,
) -> None:
    """Show NETWORK (a name, a run or a classifier folder) layer by layer.

    Output shapes are (N, C, H, W); field is the receptive field: how many pixels of the input one
    value depends on, the jump between neighbouring values' fields, and where the first begins.
    A dash for the jump: the values have no common step, and the field is what they see together.
    """
    shape = parse_shape(input_text) if input_text else None
    chosen = network_options(options)

    from convscope.workflows import summarize

    table = summarize(
        network, input_shape=shape, num_classes=num_classes, batch_size=batch_size, **chosen
    )
    if as_json:
        print(json.dumps(table.to_dict(), ensure_ascii=False))
        return

    from convscope.cli.tables import print_table

    height_width = table.input_shape[2:]
    rows = [row for row in table.rows if depth is None or row.depth <= depth]
    print_table(COLUMNS, [_text(row, height_width) for row in rows], left=2)
    print(f"input {' x '.join(str(side) for side in table.input_shape)}")
    print(
        f"parameters {table.parameters:,} ({table.trainable_parameters:,} trainable), "
        f"buffers {table.buffers:,}"
    )
    print(f"MACs {table.macs:,} (multiply-accumulates of convolutions and matrix products)")


def parse_shape(text: str) -> tuple[int, int, int]:
    """Channels, height and width from `3x224x224`.

    Raises:
        UsageError: It isn't written like that.
    """
    match = re.fullmatch(r"(\d+)[xX×](\d+)[xX×](\d+)", text)
    shape = tuple(int(group) for group in match.groups()) if match else (0, 0, 0)
    if 0 in shape:
        raise UsageError(
            f"`--input` can't be `{text}`",
            hint="write channels, height and width as CxHxW, for instance 3x224x224",
        )
    return shape[0], shape[1], shape[2]


def _text(row: Any, input_size: tuple[int, int]) -> list[str]:
    cells = row.to_text(input_size=input_size)
    field = row.receptive_field
    start = ""
    if field is not None and not field.is_whole_input(*input_size):
        top, left = field.start
        start = str(top) if top == left else f"{top}, {left}"
    return [*cells, start]
