"""`convscope check`."""

from __future__ import annotations

import json
import shlex
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from convscope.errors import UsageError, listed

if TYPE_CHECKING:
    from convscope.data.audit.findings import Finding
    from convscope.data.audit.result import Audit

FOUND_WRONG = 1
WIDTH = 92
INDENT = " " * 9


@click.command("check")
@click.argument("data")
@click.option(
    "--fit",
    metavar="crop|pad|stretch",
    type=click.Choice(["crop", "pad", "stretch"]),
    default="crop",
    help="How images will be brought to the network's input. [default: crop]",
)
@click.option(
    "--imgsz",
    "--img-size",
    "img_size",
    type=click.IntRange(min=1),
    help="Side of that input in pixels. [default: 224, or less where images are smaller]",
)
@click.option("--path-column", metavar="NAME", help="The table's column of paths.")
@click.option("--label-column", metavar="NAME", help="The table's column of labels.")
@click.option("--split-column", metavar="NAME", help="The table's column of splits.")
@click.option("--group", metavar="NAME", help="The table's column of patients, bursts or cameras.")
@click.option("--no-labels", is_flag=True, help="Don't look for wrong labels: takes less time.")
@click.option(
    "--max-pixels", type=click.IntRange(min=1), help="An image with more can't be read here."
)
@click.option(
    "--value-range",
    metavar="LOW,HIGH",
    help="Values of 12-, 16- and 32-bit and float images that become black and white.",
)
@click.option("--allow-damaged", is_flag=True, help="Take images that end early as far as they go.")
@click.option(
    "--strict",
    is_flag=True,
    help="Exit with 1 if there is damage, a leak, or one picture with two labels.",
)
@click.option(
    "--output",
    metavar="FOLDER",
    type=click.Path(path_type=Path),
    help="Where report.html and exclude.csv go. [default: checks/NAME; with --json nowhere]",
)
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
@click.option("-q", "--quiet", is_flag=True, help="Show no progress.")
def command(
    data: str,
    strict: bool,
    output: Path | None,
    as_json: bool,
    quiet: bool,
    **flags: Any,
) -> int:
    """Look for what is wrong with DATA before anything is trained on it.

    Finds damaged, duplicate, leaking, imbalanced, odd and mislabelled-looking images. Writes a page
    with pictures, and a list of images that `convscope train --exclude` takes.
    """
    value_range = bounds_of(flags["value_range"])

    from convscope.cache import Cache
    from convscope.checking import check
    from convscope.data.decode import MAX_PIXELS, Decoding
    from convscope.data.sources.opening import open_dataset
    from convscope.downloads import cache_folder
    from convscope.progress import Reporter

    reporter = Reporter(quiet=quiet)
    checked = check(
        open_dataset(
            data,
            path_column=flags["path_column"],
            label_column=flags["label_column"],
            split_column=flags["split_column"],
            group_column=flags["group"],
        ),
        fit=flags["fit"],
        img_size=flags["img_size"],
        judge_labels=not flags["no_labels"],
        decoding=Decoding(
            max_pixels=flags["max_pixels"] or MAX_PIXELS,
            value_range=value_range,
            allow_truncated=flags["allow_damaged"],
        ),
        cache=Cache(cache_folder()),
        reporter=reporter,
    )
    audit = checked.audit
    written = None
    if output or not as_json:
        folder = output or Path("checks", audit.name)
        written = checked.write(folder, command=typed(click.get_current_context()), called=data)
        if written.kept:
            reporter.say(f"the list that was there, perhaps edited, is now `{written.kept}`")
    if as_json:
        print(json.dumps(audit.to_dict(), ensure_ascii=False, allow_nan=False))
    elif written:
        print("\n".join(audit_lines(audit)))
        print(f"page: {written.page}   list: {written.exclusions}")
    return FOUND_WRONG if strict and audit.has_leaks_or_damage else 0


def bounds_of(words: str | None) -> tuple[float, float] | None:
    """The two numbers of `LOW,HIGH`.

    Raises:
        UsageError: These aren't two numbers, the first below the second.
    """
    if words is None:
        return None
    try:
        low, high = (float(word) for word in words.split(","))
    except ValueError as error:
        raise UsageError(
            f"`--value-range {words}` is not two numbers", hint="write it as LOW,HIGH: 0,4095"
        ) from error
    if not low < high:
        raise UsageError(f"`--value-range {words}`: the first number must be below the second")
    return low, high


def typed(context: click.Context) -> str:
    """The command as it was typed, with `--output`, `--json` and `--quiet` left away."""
    words = ["convscope", "check"]
    for parameter in context.command.params:
        name = parameter.name or ""
        given = context.get_parameter_source(name) is ParameterSource.COMMANDLINE
        if not given or name in ("output", "as_json", "quiet"):
            continue
        value = context.params[name]
        if isinstance(parameter, click.Option):
            words.append(parameter.opts[-1])
        if value is not True:
            words.append(str(value))
    return shlex.join(words)


def audit_lines(audit: Audit) -> list[str]:
    """What was found, as lines of text: the most serious first, the verdict last."""
    lines = [f"{audit.name}: {audit.counts_in_words}"]
    for found in audit.findings:
        lines += ["", *_finding_lines(found)]
    return [*lines, "", audit.verdict]


def _finding_lines(found: Finding) -> list[str]:
    from convscope.data.audit.copies import KEPT

    count = f": {found.count_in_words}" if found.images else ""
    lines = [f"{found.severity:<8} {found.title}{count}"]
    lines += textwrap.wrap(
        f"{found.sentence} {found.advice}",
        WIDTH,
        initial_indent=INDENT,
        subsequent_indent=INDENT,
        break_on_hyphens=False,
        break_long_words=False,
    )
    lines += [INDENT + line for line in listed(found.details).splitlines()]
    if found.severity != "note":  # of notes, the page has the names
        # Of copies, the one to keep is named by the others.
        named = [image for image in found.images if image.reason != KEPT]
        lines += [
            INDENT + line
            for line in listed([f"{image.name}  {image.reason}" for image in named]).splitlines()
        ]
    return lines
