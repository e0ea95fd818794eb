"""`convscope evaluate`."""

from __future__ import annotations

import json
from typing import Any

import click

from convscope.cli.recipe_flags import reading_flags


@click.command("evaluate")
@click.argument("run")
@click.argument("data", required=False)
@click.option(
    "--split",
    metavar="train|val|test|all",
    help="Which images. [default: the test split, else images that training never saw]",
)
@reading_flags
@click.option("--device", default="auto", help="auto, cpu, cuda, cuda:1 or mps. [default: auto]")
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
@click.option("-q", "--quiet", is_flag=True, help="Show no progress.")
def command(
    run: str,
    data: str | None,
    split: str | None,
    device: str,
    as_json: bool,
    quiet: bool,
    **reading: Any,
) -> None:
    """Measure RUN (a run or a classifier folder) on DATA.

    Without DATA, it is measured on what it was trained on: the part that training never saw.
    Classes are matched by name.
    """
    from convscope.cli.tables import print_evaluation
    from convscope.progress import Reporter
    from convscope.workflows import evaluate

    evaluation = evaluate(
        run,
        data,
        split=split,
        device=device,
        reporter=Reporter(quiet=quiet),
        **reading,
    ).to_dict()
    if as_json:
        print(json.dumps(evaluation, ensure_ascii=False))
    else:
        print_evaluation(evaluation)
