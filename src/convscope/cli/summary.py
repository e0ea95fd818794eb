"""`convscope summary`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import click

from convscope.cli.recipe_flags import network_options
from convscope.cli.summary_layer import LAYERS
from convscope.errors import UsageError

FORMATS = ("table", "json", "csv", "markdown", "html")
ENDINGS = {
    ".txt": "table",
    ".json": "json",
    ".csv": "csv",
    ".md": "markdown",
    ".html": "html",
    ".htm": "html",
}


class _NetworkOrLayer(click.Command):
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
    help="Which columns: layer, kind, output, calls, parameters, operations, backward, forward, "
    "saved, field, jump, start, effective; or all.",
)
@click.option(
    "--flops", is_flag=True, help="Count FLOPs, two for each multiply-accumulate. [default: MACs]"
)
@click.option(
    "--with",
    "kinds",
    metavar="KIND,KIND...",
    help="Count in FLOPs also: bias, normalisation, activation, pooling, other; or all.",
)
@click.option("--verify", is_flag=True, help="Also measure every number, and show differences.")
@click.option(
    "--effective",
    is_flag=True,
    help="Also measure how wide the pixels are that really count, on random images.",
)
@click.option("--format", "form", type=click.Choice(FORMATS), help="[default: table]")
@click.option("--json", "as_json", is_flag=True, help="Same as --format json.")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="Write it to this file, in the format of its ending.",
)
def command(networks: tuple[str, ...], **given: Any) -> None:
    """Show NETWORK layer by layer: a name, a run, a classifier folder, file.py:NAME or file.onnx.

    Several NETWORKs are compared side by side. `summary conv`, `summary pool` and `summary dense`
    work out the arithmetic of one layer.

    Output shapes are (N, C, H, W). "saved" is the memory that is kept for the backward pass. Field
    is the receptive field: how many pixels of the input one value depends on, with the jump between
    neighbouring values' fields, and where the first begins. A dash for the jump: the values have no
    common step, and the field is what they see together, an upper bound (≤).
    """
    output: Path | None = given.pop("output")
    form = _form(given.pop("form"), as_json=given.pop("as_json"), output=output)
    measures = {"verified": given.pop("verify"), "effective": given.pop("effective")}
    text = _text(networks, form, measures=measures, **given)
    if output is None:
        print(text, end="")
        return
    from convscope.files import write_text

    write_text(output, text)
    print(f"written to {output}")


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


def _form(form: str | None, *, as_json: bool, output: Path | None) -> str:
    """The format that is asked for, by a flag or by the ending of the file."""
    if as_json and form not in (None, "json"):
        raise UsageError(f"`--json` and `--format {form}` exclude each other")
    asked = "json" if as_json else form
    by_ending = ENDINGS.get(output.suffix.lower()) if output is not None else None
    if asked is not None and by_ending not in (None, asked):
        raise UsageError(f"`--output {output}` ends like {by_ending}, but {asked} is asked for")
    return asked or by_ending or "table"


def _columns(text: str | None, *, effective: bool) -> tuple[str, ...]:
    """The columns to show; that of what is measured only where it is."""
    from convscope.arithmetic.table_text import COLUMNS, USUAL

    if text is None:
        return (*USUAL, "effective") if effective else USUAL
    if text == "all":
        return tuple(name for name in COLUMNS if name != "effective" or effective)
    named = _words(text, tuple(COLUMNS))
    return (*named, "effective") if effective and "effective" not in named else named


def _text(
    networks: tuple[str, ...],
    form: str,
    *,
    input_text: str | None,
    options: tuple[str, ...],
    columns: str | None,
    depth: int | None,
    flops: bool,
    kinds: str | None,
    measures: dict[str, Any],
    **fields: Any,
) -> str:
    from convscope.arithmetic import KINDS, Convention

    chosen = {
        "input_shape": parse_shape(input_text) if input_text else None,
        **fields,
        **network_options(options, taken=("network", "input_shape", *fields)),
    }
    convention = Convention(flops=flops, kinds=_words(kinds, KINDS) if kinds else ())
    if len(networks) > 1:
        flags = {"columns": columns, "depth": depth, **measures}
        for flag, value in flags.items():
            if value not in (None, False):
                name = "verify" if flag == "verified" else flag
                raise UsageError(f"`--{name}` belongs to one network, not to several")
        return _comparison(networks, form, chosen, convention)
    from convscope.cli.summary_text import show
    from convscope.workflows import measured_summary, summarize

    shown = _columns(columns, effective=measures["effective"])
    measures["effective"] |= "effective" in shown
    if any(measures.values()):
        table, checked = measured_summary(networks[0], **measures, **chosen)
    else:
        table, checked = summarize(networks[0], **chosen), None
    return show(
        table, networks[0], form, shown, convention=convention, depth=depth, checked=checked
    )


def _comparison(
    networks: tuple[str, ...], form: str, chosen: dict[str, Any], convention: Any
) -> str:
    from convscope.cli.summary_text import show_side_by_side
    from convscope.workflows import summarize

    tables = [summarize(network, **chosen) for network in networks]
    return show_side_by_side(networks, tables, form, convention=convention)


def _words(text: str, known: tuple[str, ...]) -> tuple[str, ...]:
    """The words of a list with commas; all that are known where one of them is `all`."""
    words = tuple(word.strip() for word in text.split(","))
    return known if "all" in words else words
