"""`convscope inspect`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from convscope.cli.recipe_flags import reading_flags
from convscope.cli.report_flags import machine_flags, report_flags
from convscope.cli.typed import typed
from convscope.errors import UsageError

if TYPE_CHECKING:
    from convscope.inspection.layer_views import Inspection

OWN = ("output", "as_json", "quiet")


@click.command("inspect")
@click.argument("run")
@click.argument("data", required=False)
@click.option(
    "--layer",
    "layers",
    multiple=True,
    metavar="LAYER",
    help="Which layer, by its name in `convscope summary`; repeatable. [default: the last of each "
    "size of feature map]",
)
@click.option(
    "--channels",
    metavar="NUMBER,NUMBER...",
    help="Whose strongest patches are shown. [default: those with the largest values]",
)
@click.option(
    "--patches",
    "count",
    default=8,
    type=click.IntRange(min=1),
    help="Of each channel. [default: 8]",
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
    help="Look at this many of them at most. [default: 1000]",
)
@machine_flags
@reading_flags
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="The page. [default: inspections/RUN.html]",
)
@report_flags
@click.option("--json", "as_json", is_flag=True, help="Print everything but pictures as JSON.")
@click.option("-q", "--quiet", is_flag=True, help="Show no progress.")
def command(
    run: str,
    data: str | None,
    output: Path | None,
    channels: str | None,
    language: str,
    as_json: bool,
    quiet: bool,
    **options: Any,
) -> None:
    """Show what the layers of RUN (a run or a classifier folder) answer to in DATA.

    How often each channel is 0, and which are dead; the parts of images that excite channels most,
    cut out by what they see; and how much of that really counts. Without DATA, it looks at what RUN
    was trained on: the part that training never saw.
    """
    from convscope.cli.evaluate import short_name
    from convscope.progress import Reporter
    from convscope.workflows import inspect, write_inspection

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
            language=language,
        )
    if as_json:
        print(json.dumps(found.to_dict(), ensure_ascii=False, allow_nan=False))
        return
    _print(found)
    print(f"\npage: {page}")


def _numbers(text: str | None) -> tuple[int, ...]:
    """Channels from `0,3,17`."""
    parts = [part.strip() for part in text.split(",")] if text else []
    if not all(part.isdigit() for part in parts):
        raise UsageError(
            f"`--channels` can't be `{text}`", hint="write numbers from 0, as `0,3,17`"
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
            field_text(view, "whole image", "unknown").replace("×", "x"),
            effective_text(view).replace("×", "x"),
        ]
        for view in found.views
    ]
    print(f"{found.images}\n")
    print_table(
        ["layer", "output", "zeros", "dead", "rare", "receptive field", "what counts of it"], rows
    )
    print("dead: channels that are 0 everywhere; rare: not 0 in less than 1 % of the images")
