"""`convscope check`."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from convscope.cli.recipe_flags import check_flags
from convscope.cli.typed import typed
from convscope.errors import listed

if TYPE_CHECKING:
    from convscope.data.audit.findings import Finding
    from convscope.data.audit.result import Audit

FOUND_WRONG = 1
WIDTH = 92
INDENT = " " * 9
OWN = ("output", "as_json", "quiet")  # where the output goes changes nothing of it
ONLY_CHECK = ("no_labels", "strict", "exclude")  # flags that `train` hasn't, or will get


@click.command("check")
@click.argument("data")
@check_flags
@click.option("--no-labels", is_flag=True, help="Don't look for wrong labels: takes less time.")
@click.option(
    "-j", "--workers", type=click.IntRange(min=1), help="Threads that decode. [default: one a core]"
)
@click.option("--download", is_flag=True, help="Fetch DATA that is named: mnist, cifar10 and kin.")
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
    no_labels: bool,
    workers: int | None,
    download: bool,
    strict: bool,
    output: Path | None,
    as_json: bool,
    quiet: bool,
    **reading: Any,
) -> int:
    """Look for what is wrong with DATA before anything is trained on it.

    Finds damaged, duplicate, leaking, imbalanced, odd and mislabelled-looking images. Writes a page
    with pictures, and a list of images that `convscope train --exclude` takes.
    """
    from convscope.progress import Reporter
    from convscope.workflows import check

    reporter = Reporter(quiet=quiet)
    checked = check(
        data,
        judge_labels=not no_labels,
        workers=workers,
        download=download,
        reporter=reporter,
        **reading,
    )
    audit = checked.audit
    written = None
    if output or not as_json:
        folder = output or Path("checks", audit.name)
        context = click.get_current_context()
        written = checked.write(
            folder,
            command=typed(context, "check", without=OWN),
            train_command=typed(context, "train", without=(*OWN, *ONLY_CHECK)),
        )
        if written.kept:
            reporter.say(f"the list that was there, perhaps edited, is now `{written.kept}`")
    if as_json:
        print(json.dumps(audit.to_dict(), ensure_ascii=False, allow_nan=False))
    elif written:
        print("\n".join(audit_lines(audit)))
        print(f"page: {written.page}   list: {written.exclusions}")
    return FOUND_WRONG if strict and audit.has_leaks_or_damage else 0


def audit_lines(audit: Audit) -> list[str]:
    """What was found, as lines of text: the most serious first, the verdict last."""
    lines = [f"{audit.name}: {audit.counts_in_words}{audit.sides_in_words}"]
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
