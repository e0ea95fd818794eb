"""`convscope inspect`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from convscope.api.destination import PAGES
from convscope.cli.flags import (
    machine_flags,
    output_flag,
    reading_flags,
    typed,
)
from convscope.cli.language import say
from convscope.cli.verb import Verb
from convscope.errors import UsageError
from convscope.languages import spoken, translated
from convscope.paths import REPORT_FILE

if TYPE_CHECKING:
    from convscope.inspection.feature_maps.layer_views import Inspection

OWN = ("output", "as_json", "quiet")


@click.command("inspect", cls=Verb)
@click.argument("run")
@click.argument("data", required=False)
@click.option(
    "--layer",
    "layers",
    multiple=True,
    metavar="LAYER",
    help="A layer by its name in `convscope summary`; repeatable. [default: the last layer of each "
    "map size]",
)
@click.option(
    "--channels",
    metavar="NUMBER,NUMBER...",
    help="Channels to show, by their numbers from 0. [default: those with the largest values]",
)
@click.option(
    "--patches",
    "count",
    default=8,
    type=click.IntRange(min=1),
    help="Number of patches of each channel. [default: 8]",
)
@click.option(
    "--split",
    metavar="train|val|test|all",
    help="Which images. [default: the test split, else images that training never saw]",
)
@click.option(
    "--images",
    "num_images",
    default=1000,
    type=click.IntRange(min=1),
    help="Number of images to use at most. [default: 1000]",
)
@machine_flags
@reading_flags
@output_flag(
    "HTML file to write, or a folder for report.html. [default: inspections/RUN.html]",
    *PAGES,
    name=REPORT_FILE,
)
@click.option("--json", "as_json", is_flag=True, help="Print everything but pictures as JSON.")
@click.option("-q", "--quiet", is_flag=True, help="Show no progress.")
def command(
    run: str,
    data: str | None,
    output: str | None,
    channels: str | None,
    as_json: bool,
    quiet: bool,
    **options: Any,
) -> None:
    """Show what the layers of RUN (a run or a classifier folder) respond to in DATA.

    How often each channel is 0, and which are dead; the parts of images that excite channels most,
    cut out by receptive field; and the effective receptive field. Without DATA, it uses the data
    that RUN was trained on: the images that training never saw.
    """
    from convscope.api.inspect import inspect, write_inspection
    from convscope.cli.evaluate import short_name
    from convscope.progress import Reporter

    found = inspect(
        run, data, channels=_numbers(channels), reporter=Reporter(quiet=quiet), **options
    )
    name, page = short_name(Path(run)), None
    if output or not as_json:
        page = write_inspection(
            found,
            output or Path("inspections", f"{name}.html"),
            name=name,
            command=typed(click.get_current_context(), "inspect", without=OWN),
            language=spoken(),
        )
    if as_json:
        print(json.dumps(found.to_dict(), ensure_ascii=False, allow_nan=False))
        return
    _print(found)
    say(f"\npage: {page}")


def _numbers(text: str | None) -> tuple[int, ...]:
    """Channel numbers from `0,3,17`."""
    parts = [part.strip() for part in text.split(",")] if text else []
    if not all(part.isdecimal() for part in parts):
        raise UsageError(
            f"`--channels` can't be `{text}`", hint="write numbers from 0, such as `0,3,17`"
        )
    return tuple(int(part) for part in parts)


def _print(found: Inspection) -> None:
    from convscope.cli.tables import print_table
    from convscope.report.inspection import effective_text, field_text

    rows = [
        [
            view.layer,
            " x ".join(str(length) for length in view.shape),
            f"{view.sparsity.zero_share:.1%}",
            str(len(view.sparsity.dead)),
            str(len(view.sparsity.rare)),
            field_text(view, translated("whole image"), translated("unknown")).replace("×", "x"),
            effective_text(view).replace("×", "x"),
        ]
        for view in found.views
    ]
    say(f"{found.images}\n")
    print_table(
        ["layer", "output", "zeros", "dead", "rare", "receptive field", "effective field"], rows
    )
    say("dead: channels that are 0 everywhere; rare: not 0 in less than 1 % of the images")
