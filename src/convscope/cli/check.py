"""`convscope check`."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import click

from convscope.cli.flags import check_flags, output_flag, typed
from convscope.cli.language import padded, say, wrapped
from convscope.cli.verb import Verb
from convscope.languages import spoken, translated
from convscope.text import listed

if TYPE_CHECKING:
    from convscope.audit.findings import Finding, FoundImage
    from convscope.audit.result import Audit

FOUND_WRONG = 1
WIDTH = 92
INDENT = " " * 9
OWN = ("output", "as_json", "quiet")  # where the output goes changes nothing of it
ONLY_CHECK = ("run", "strict", "exclude")  # flags that `train` hasn't, or will get


@click.command("check", cls=Verb)
@click.argument("data")
@click.option(
    "--run",
    metavar="RUN",
    help="Also name labels that the classifier of this run contradicts, by out-of-sample "
    "probabilities.",
)
@check_flags
@click.option(
    "-j", "--workers", type=click.IntRange(min=1), help="Threads that decode. [default: one a core]"
)
@click.option("--download", is_flag=True, help="Fetch DATA that is named: mnist, cifar10 and kin.")
@click.option(
    "--strict",
    is_flag=True,
    help="Exit with 1 if there is damage, a leak, or one picture with two labels.",
)
@output_flag("Where report.html and exclude.csv go. [default: checks/NAME; with --json nowhere]")
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
@click.option("-q", "--quiet", is_flag=True, help="Show no progress.")
def command(data: str, strict: bool, output: str | None, as_json: bool, **flags: Any) -> int:
    """Look for what is wrong with DATA before anything is trained on it.

    Finds damaged, duplicate, leaking, imbalanced and odd images. Writes a page with pictures, and a
    list of images that `convscope train --exclude` takes. With the run of a training (`--run`) it
    names labels that are likely wrong, too.
    """
    from convscope.api.check import check
    from convscope.progress import Reporter

    reporter = Reporter(quiet=flags.pop("quiet"))
    checked = check(data, reporter=reporter, **flags)
    audit = checked.audit
    written = None
    if output or not as_json:
        folder = output or f"checks/{audit.name}/"
        context = click.get_current_context()
        written = checked.write(
            folder,
            command=typed(context, "check", without=OWN),
            train_command=typed(context, "train", without=(*OWN, *ONLY_CHECK)),
            language=spoken(),
        )
        if written.kept:
            reporter.say(f"the list that was there, perhaps edited, is now `{written.kept}`")
    if as_json:
        print(json.dumps(audit.to_dict(), ensure_ascii=False, allow_nan=False))
    elif written:
        print("\n".join(audit_lines(audit)))
        say(f"page: {written.page}   list: {written.exclusions}")
        if written.next_step is not None:
            say(f"images: {written.next_step.images}\ntrain: {written.next_step.command}")
    return FOUND_WRONG if strict and audit.has_leaks_or_damage else 0


def audit_lines(audit: Audit) -> list[str]:
    """What was found, as lines of text: the most serious first, the verdict last."""
    lines = [translated(f"{audit.name}: {audit.counts_text}{audit.splits_text}")]
    for found in audit.findings:
        lines += ["", *_finding_lines(found)]
    return [*lines, "", translated(audit.verdict)]


def _finding_lines(found: Finding) -> list[str]:
    from convscope.audit.copies import KEPT

    count = f": {found.count_text}" if found.images else ""
    severity = padded(translated(found.severity), len(INDENT))
    lines = [f"{severity}{translated(f'{found.title}{count}')}"]
    text = translated(f"{found.sentence} {found.advice}")
    width = min(WIDTH, shutil.get_terminal_size((WIDTH, 0)).columns) - len(INDENT)
    lines += [INDENT + line for line in wrapped(text, width)]
    lines += [INDENT + line for line in translated(listed(found.details)).splitlines()]
    if found.severity != "note":  # of notes, the page has the names
        # Of copies, the one to keep is named by the others.
        named = [image for image in found.images if image.reason != KEPT]
        lines += [
            INDENT + line
            for line in translated(listed(list(map(_named_reason, named)))).splitlines()
        ]
    return lines


def _named_reason(image: FoundImage) -> str:
    return f"{image.name}  {translated(image.reason)}"
