"""`convscope runs`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

from convscope.cli.language import say
from convscope.cli.verb import Verb
from convscope.errors import ConvscopeError, RunError
from convscope.languages import translated
from convscope.paths import is_run, likely_path, run_meant, runs_in
from convscope.run import Run, find_runs, is_training


@click.command("runs", cls=Verb)
@click.argument("project", default="runs", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list.")
def command(project: Path, as_json: bool) -> None:
    """List the runs in the folder PROJECT with state and accuracy, or the one that it is."""
    if not project.is_dir():
        around = run_meant(project) if project.exists() else None
        raise RunError(
            f"there is no folder `{project}`",
            hint=f"did you mean `{around}`?"
            if around is not None
            else likely_path(str(project)) or "`convscope train digits` creates a first run",
        )
    rows = [_row(run) for run in ([Run(project)] if is_run(project) else find_runs(project))]
    if not rows and not as_json:
        near = run_meant(project) or next((p for p in project.iterdir() if runs_in(p)), None)
        say(f"no runs in `{project}`" + (f": did you mean `{near}`?" if near else ""))
        return
    if as_json:
        print(json.dumps(rows, indent=1, ensure_ascii=False))
        return

    from convscope.cli.tables import percent, print_table

    print_table(
        ["run", "state", "model", "epochs", "accuracy", "test images"],
        [
            [
                row["run"],
                translated(row["state"]),
                row["model"] or "-",
                "-" if row["epochs"] is None else f"{row['epochs_done']}/{row['epochs']}",
                percent(row["accuracy"]),
                str(row["num_images"] or "-"),
            ]
            for row in rows
        ],
        left=3,
    )
    for row in rows:
        if "error" in row:
            say(f"note: {row['error']}", file=sys.stderr)


def _row(run: Run) -> dict[str, Any]:
    try:
        return _readable_row(run)
    except ConvscopeError as error:
        unknown = dict.fromkeys(("model", "epochs_done", "epochs", "accuracy", "num_images"))
        return {"run": str(run.path), "state": "unreadable", **unknown, "error": error.message}


def _readable_row(run: Run) -> dict[str, Any]:
    evaluation = run.evaluation if run.state == "finished" else {}
    return {
        "run": str(run.path),
        "state": "running" if is_training(run) else run.state,
        "model": run.recipe.model,
        "epochs_done": len(run.history),
        "epochs": run.recipe.epochs,
        "accuracy": evaluation.get("accuracy"),
        "num_images": evaluation.get("num_images"),
    }
