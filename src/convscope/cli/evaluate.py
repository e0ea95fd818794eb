"""`convscope evaluate`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from convscope.cli.recipe_flags import reading_flags
from convscope.cli.report_flags import measuring_flags, report_flags
from convscope.cli.typed import typed

OWN = ("output", "plot", "as_json", "quiet", "language")


@click.command("evaluate")
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
    metavar="SHARE",
    help="Count images below this probability as not answered. [default: the classifier's own]",
)
@measuring_flags
@reading_flags
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="Folder for report, predictions and numbers. [default: evaluations/RUN-DATA]",
)
@click.option(
    "--plot",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="Also save the report's figures here, as SVG.",
)
@report_flags
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
@click.option("-q", "--quiet", is_flag=True, help="Show no progress.")
def command(
    run: str,
    data: str | None,
    output: Path | None,
    plot: Path | None,
    language: str,
    as_json: bool,
    quiet: bool,
    **options: Any,
) -> None:
    """Measure RUN (a run or a classifier folder) on DATA.

    Without DATA, it is measured on what it was trained on: the part that training never saw.
    Classes are matched by name. Writes a report with pictures and a table of predictions.
    """
    from convscope.cli.tables import print_evaluation
    from convscope.progress import Reporter
    from convscope.workflows import evaluate, save_figures, write_evaluation

    evaluation = evaluate(run, data, reporter=Reporter(quiet=quiet), **options)
    written = None
    if output or not as_json:
        parts = [short_name(Path(run)), evaluation.gallery.dataset.name]
        parts += [options[name] for name in ("split", "tta") if options[name]]
        written = write_evaluation(
            evaluation,
            output or Path("evaluations", "-".join(parts)),
            run=run,
            language=language,
            command=typed(click.get_current_context(), "evaluate", without=OWN),
        )
    if plot is not None:
        save_figures(evaluation, plot, run=run, language=language)
    if as_json:
        print(json.dumps(evaluation.to_dict(), ensure_ascii=False, allow_nan=False))
        return
    print_evaluation(evaluation.to_dict())
    if written is not None:
        print(f"\nreport:      {written.report}\npredictions: {written.predictions}")


def short_name(place: Path) -> str:
    """The run's name, also where its classifier folder is meant."""
    whole = place.resolve()
    return whole.parent.name if whole.name == "classifier" else whole.name
