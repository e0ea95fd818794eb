"""`convscope summary`: layer tables, and the arithmetic of one layer (`conv`, `pool`, `dense`)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from convscope.api.destination import TABLES, output_file, output_table
from convscope.cli.flags import OneOf, network_options, output_flag
from convscope.cli.language import LANGUAGE, say
from convscope.cli.verb import Verb
from convscope.errors import UsageError
from convscope.languages import translated
from convscope.paths import exists
from convscope.text import plain

if TYPE_CHECKING:
    from convscope.api.summary_text import TableForm

PAIR = "N or HxW"
FORMATS = ("table", "json", "csv", "markdown", "html")
FORMAT_HABITS = {"text": "table", "txt": "table", "md": "markdown", "htm": "html"}


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


def _maps(text: str) -> tuple[int, int, int]:
    """The shape of the maps that a layer takes, which may have any number of channels."""
    from convscope.arithmetic.failures import refuse_channels_last

    shape = parse_shape(text)
    refuse_channels_last(shape)
    return shape


def _pair(name: str, text: str) -> tuple[int, int]:
    """Height and width from `3` or `3x5`."""
    match = re.fullmatch(r"(\d+)(?:[xX×](\d+))?", text)
    if not match:
        raise UsageError(f"`--{name}` can't be `{text}`", hint="write one number, or HxW: 3x5")
    height = int(match.group(1))
    return height, int(match.group(2) or height)


def _windows(size: str, **geometry: str | None) -> Any:
    """The window that the flags describe, along height and width."""
    from convscope.arithmetic.formulas import window_pair

    kernel = _pair("size", size)
    given = {name: _pair(name, text) for name, text in geometry.items() if text is not None}
    return window_pair(kernel, **given)


def _print_example(example: Any, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(example.to_dict(), ensure_ascii=False))
        return
    from convscope.cli.tables import print_table

    say(example.layer)
    print_table(
        ["", "formula", "numbers", "result"],
        [
            [
                translated(line.quantity),
                translated(line.formula),
                line.numbers,
                translated(f"{line.result:,} {line.unit}".strip()),
            ]
            for line in example.lines
        ],
        left=3,
    )
    say(f"output {' x '.join(str(side) for side in example.output_shape)}")


SHAPE = click.option(
    "--input", "input_text", required=True, metavar="CxHxW", help="Shape of one image."
)
PADDING = click.option(
    "--padding", metavar=PAIR, default="0", help="Padding on each side. [default: 0]"
)
JSON = click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
NO_BIAS = click.option("--no-bias", is_flag=True, help="Without biases.")


@click.command("conv", cls=Verb)
@SHAPE
@click.option("--kernels", required=True, type=click.IntRange(min=1), help="Number of kernels.")
@click.option("--size", required=True, metavar=PAIR, help="Height and width of a kernel.")
@click.option("--stride", metavar=PAIR, help="Stride of the kernels. [default: 1]")
@PADDING
@click.option("--dilation", metavar=PAIR, default="1", help="Dilation of the kernels. [default: 1]")
@click.option(
    "--groups", type=click.IntRange(min=1), default=1, help="Number of groups. [default: 1]"
)
@NO_BIAS
@JSON
def convolution(
    input_text: str,
    kernels: int,
    groups: int,
    no_bias: bool,
    as_json: bool,
    size: str,
    **geometry: str | None,
) -> None:
    """Work out a convolution: output size, parameters, operations, memory."""
    from convscope.arithmetic.worked_example import convolution_example

    example = convolution_example(
        _maps(input_text),
        _windows(size, **geometry),
        kernels=kernels,
        groups=groups,
        bias=not no_bias,
    )
    _print_example(example, as_json=as_json)


@click.command("pool", cls=Verb)
@SHAPE
@click.option("--size", required=True, metavar=PAIR, help="Height and width of a window.")
@click.option("--stride", metavar=PAIR, help="Stride of the windows. [default: the size]")
@PADDING
@click.option("--ceil-mode", is_flag=True, help="Include an incomplete last window.")
@JSON
def pooling(
    input_text: str, size: str, stride: str | None, padding: str, ceil_mode: bool, as_json: bool
) -> None:
    """Work out maximum or mean pooling: output size, operations, memory."""
    from convscope.arithmetic.worked_example import pooling_example

    windows = _windows(size, stride=stride or size, padding=padding)
    example = pooling_example(_maps(input_text), windows, ceil_mode=ceil_mode)
    _print_example(example, as_json=as_json)


@click.command("dense", cls=Verb)
@SHAPE
@click.option("--outputs", required=True, type=click.IntRange(min=1), help="Number of neurons.")
@NO_BIAS
@JSON
def dense(input_text: str, outputs: int, no_bias: bool, as_json: bool) -> None:
    """Work out a dense layer on a flattened map: parameters, operations, memory."""
    from convscope.arithmetic.worked_example import dense_example

    _print_example(
        dense_example(_maps(input_text), outputs=outputs, bias=not no_bias), as_json=as_json
    )


LAYERS = {"conv": convolution, "pool": pooling, "dense": dense}
# Kind of layer -> an example, and what others call it.
LAYER_EXAMPLES = {
    "conv": "--input 3x224x224 --kernels 64 --size 3",
    "pool": "--input 64x112x112 --size 2",
    "dense": "--input 512x7x7 --outputs 10",
}
_LAYERS_ELSEWHERE = {
    "conv": "conv convolution conv2d convolution2d convlayer",
    "pool": "pool pooling maxpool maxpool2d avgpool avgpool2d maxpooling2d averagepooling2d",
    "dense": "dense linear fc fullyconnected denselayer",
}
LAYER_HABITS = {name: ours for ours, names in _LAYERS_ELSEWHERE.items() for name in names.split()}


class _NetworkOrLayer(Verb):
    """A table of a network; or, where a kind of layer is named, the arithmetic of that layer."""

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,
    ) -> click.Context:
        if args and args[0] in LAYERS:
            return LAYERS[args[0]].make_context(f"{info_name} {args[0]}", args[1:], parent, **extra)
        return super().make_context(info_name, args, parent, **extra)

    def check_values(self, values: Mapping[str, Any]) -> None:
        """Refuses what is no shape."""
        if values["input_text"] is not None:
            parse_shape(values["input_text"])

    def check_words(self, context: click.Context, words: Sequence[str]) -> None:
        """Refuses kinds of layers that are called in another way, or stand behind flags."""
        for word in words:
            kind = LAYER_HABITS.get(plain(word))
            if kind is not None and not exists(word):
                example = f"{context.command_path} {kind} {LAYER_EXAMPLES[kind]}"
                raise UsageError(
                    f"`{word}` is a kind of layer, not a network",
                    hint=f"its arithmetic has a form of its own: `{example}`",
                )


@click.command("summary", cls=_NetworkOrLayer)
@click.argument("networks", nargs=-1, required=True, metavar="NETWORK...")
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
@click.option("--train", "training", is_flag=True, help="In training mode. [default: evaluation]")
@click.option(
    "--auxiliary-heads",
    is_flag=True,
    help="Also run auxiliary heads, as the training of a GoogLeNet does.",
)
@click.option("--depth", type=click.IntRange(min=0), help="Show modules down to this depth.")
@click.option(
    "--columns",
    metavar="NAME,NAME...",
    help="Columns: layer, kind, output, calls, parameters, operations, backward, forward, "
    "saved, field, jump, start, effective; or all.",
)
@click.option(
    "--flops", is_flag=True, help="Count FLOPs, two for each multiply-accumulate. [default: MACs]"
)
@click.option(
    "--with",
    "kinds",
    metavar="KIND,KIND...",
    help="Also count the FLOPs of: bias, normalisation, activation, pooling, other; or all.",
)
@click.option("--verify", is_flag=True, help="Also measure every number, and show differences.")
@click.option(
    "--effective",
    is_flag=True,
    help="Also measure effective receptive fields, on random images.",
)
@click.option("--format", "form", type=OneOf(FORMATS, FORMAT_HABITS), help="[default: table]")
@click.option("--json", "as_json", is_flag=True, help="Same as --format json.")
@output_flag(
    "Write to this file, in the format of its ending, or as summary.txt and the like into a "
    "folder.",
    *TABLES,
)
def command(
    networks: tuple[str, ...], output: str | None, form: str | None, as_json: bool, **flags: Any
) -> None:
    """Show NETWORK layer by layer: a name, a run, a classifier folder, file.py:NAME or file.onnx.

    Several NETWORKs are compared side by side. `summary conv`, `summary pool` and `summary dense`
    work out the arithmetic of one layer.

    Output shapes are (N, C, H, W). "saved" is the memory that is kept for the backward pass. Field
    is the receptive field: how many input pixels one value depends on, with the jump between the
    fields of neighbouring values, and where the first begins. A dash for the jump: the values are
    on no regular grid, and the field is that of all of them, an upper bound (≤).
    """
    chosen = _form(form, as_json=as_json, output=output)
    for flag in ("columns", "depth"):
        if chosen in ("json", "csv") and flags[flag] is not None:
            raise UsageError(
                f"`--{flag}` has no effect: {chosen} has all columns and modules",
                hint="leave it out, or choose another `--format`",
            )
    text = _text(networks, chosen, fits=output is None, **flags)
    if output is None:
        print(text, end="")
        return
    from convscope.files import write_text

    file = output_table(output, chosen)
    write_text(file, text)
    say(f"written to {file}")


def _form(form: str | None, *, as_json: bool, output: str | None) -> str:
    """The output format, given by a flag or by the ending of the file."""
    if as_json and form not in (None, "json"):
        raise UsageError(f"`--json` and `--format {form}` exclude each other")
    asked = "json" if as_json else form
    file = output_file(output, endings=tuple(TABLES), name="summary") if output else Path()
    by_ending = TABLES.get(file.suffix.lower())
    if asked is not None and by_ending not in (None, asked):
        raise UsageError(f"`--output {output}` ends like {by_ending}, but {asked} is asked for")
    return asked or by_ending or "table"


def _columns(text: str | None, *, effective: bool) -> tuple[str, ...]:
    """The columns to show; that of effective fields only where they are measured."""
    from convscope.arithmetic.table_text import COLUMNS, DEFAULT

    if text is None:
        return (*DEFAULT, "effective") if effective else DEFAULT
    if text == "all":
        return tuple(name for name in COLUMNS if name != "effective" or effective)
    named = _names(text, tuple(COLUMNS))
    return (*named, "effective") if effective and "effective" not in named else named


def _text(
    networks: tuple[str, ...],
    form: str,
    *,
    fits: bool,
    input_text: str | None,
    options: tuple[str, ...],
    flops: bool,
    kinds: str | None,
    **flags: Any,
) -> str:
    """The table of a network, or of several side by side."""
    from convscope.api.summary_text import TableForm, show_side_by_side
    from convscope.arithmetic import KINDS, Convention

    of_one = {name: flags.pop(name) for name in ("columns", "depth", "verify", "effective")}
    chosen = {
        "input_shape": parse_shape(input_text) if input_text else None,
        **flags,
        **network_options(options, reserved=("network", "input_shape", "output", LANGUAGE, *flags)),
    }
    convention = Convention(flops=flops, kinds=_names(kinds, KINDS) if kinds else ())
    if len(networks) == 1:
        shown = _columns(of_one["columns"], effective=of_one["effective"])
        look = TableForm(form, shown, convention, of_one["depth"], fits)
        return _layer_table(networks[0], chosen, look, verified=of_one["verify"])
    for flag, value in of_one.items():
        if value not in (None, False):
            raise UsageError(f"`--{flag}` applies to one network, not to several")
    from convscope.api.summarize import summarize

    tables = [summarize(network, **chosen) for network in networks]
    return show_side_by_side(networks, tables, form, convention=convention, fits=fits)


def _layer_table(network: str, chosen: dict[str, Any], form: TableForm, *, verified: bool) -> str:
    """The table of one network, measured if a flag asks for it."""
    from convscope.api.summarize import measured_summary, summarize
    from convscope.api.summary_text import show

    effective, verification = "effective" in form.columns, None
    if verified or effective:
        table, verification = measured_summary(
            network, verified=verified, effective=effective, **chosen
        )
    else:
        table = summarize(network, **chosen)
    return show(table, network, form, verification=verification)


def _names(text: str, known: tuple[str, ...]) -> tuple[str, ...]:
    """The names in a list with commas; all that are known where one of them is `all`."""
    names = tuple(name.strip() for name in text.split(","))
    return known if "all" in names else names
