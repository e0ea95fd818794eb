"""`convscope evaluate`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

from convscope.cli.flags import (
    OutputPath,
    evaluation_flags,
    output_flag,
    typed,
)
from convscope.cli.language import say
from convscope.cli.verb import Verb
from convscope.languages import spoken
from convscope.paths import CLASSIFIER_FOLDER

NOT_REPEATED = ("output", "figures", "as_json", "quiet", "language")  # flags of the output alone


@click.command("evaluate", cls=Verb)
@click.argument("run")
@click.argument("data", required=False)
@click.option(
    "--split",
    metavar="train|val|test|all",
    help="Which images. [default: the test split, else images that training never saw]",
)
@click.option(
    "--tta",
    metavar="flip|crops|flip-crops",
    help="Test-time augmentation: average over 2, 5 or 10 views of each image.",
)
@click.option(
    "--min-confidence",
    type=float,
    metavar="PROBABILITY",
    help="Abstain from predictions below this probability. [default: the classifier's threshold]",
)
@evaluation_flags
@output_flag("Folder for report, predictions and metrics. [default: evaluations/RUN-DATA]")
@click.option(
    "--figures",
    type=OutputPath(),
    metavar="FOLDER",
    help="Also save the report's figures in this folder, as SVG.",
)
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
@click.option("-q", "--quiet", is_flag=True, help="Show no progress.")
def command(
    run: str,
    data: str | None,
    output: str | None,
    figures: str | None,
    as_json: bool,
    quiet: bool,
    **options: Any,
) -> None:
    """Evaluate RUN (a run or a classifier folder) on DATA.

    Without DATA, it is evaluated on the test split of the data that it was trained on. Classes are
    matched by name. Writes a report with pictures and a table of predictions.
    """
    from convscope.api.evaluate import evaluate, save_figures, write_evaluation
    from convscope.cli.tables import print_evaluation
    from convscope.progress import Reporter

    evaluation = evaluate(run, data, reporter=Reporter(quiet=quiet), **options)
    files = None
    if output or not as_json:
        parts = [short_name(Path(run)), evaluation.image_index.dataset.name]
        parts += [options[name] for name in ("split", "tta") if options[name]]
        files = write_evaluation(
            evaluation,
            output or f"evaluations/{'-'.join(parts)}/",
            run=run,
            language=spoken(),
            command=typed(click.get_current_context(), "evaluate", without=NOT_REPEATED),
        )
    if figures is not None:
        saved = save_figures(evaluation, figures, run=run, language=spoken())
        say(f"figures: {saved[0].parent}", file=sys.stderr)
    if as_json:
        print(json.dumps(evaluation.to_dict(), ensure_ascii=False, allow_nan=False))
        return
    print_evaluation(evaluation.to_dict())
    if files is not None:
        say(f"\nreport:      {files.report}\npredictions: {files.predictions}")


def short_name(place: Path) -> str:
    """The name of a run, also where its classifier folder is given."""
    path = place.resolve()
    return path.parent.name if path.name == CLASSIFIER_FOLDER else path.name
