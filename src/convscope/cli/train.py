"""`convscope train`."""

from __future__ import annotations

import json
import os
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from convscope.cli.recipe_flags import RecipeCommand, recipe_flags, recipe_of
from convscope.cli.report_flags import report_flags
from convscope.errors import DataError, RunError, StoppedError, UsageError
from convscope.run import Run

# Flags that don't change the result: fields of `SessionOptions`.
OF_SESSION = ("workers", "download", "show_batch", "log_steps", "fresh", "allow_change")


@click.command("train", cls=RecipeCommand)
@click.argument("data", required=False)
@recipe_flags
@click.option(
    "-c",
    "--recipe",
    "recipe_file",
    type=click.Path(path_type=Path),
    help="Take the recipe from this YAML file, for instance that of a run; flags come on top.",
)
@click.option(
    "--project",
    type=click.Path(path_type=Path),
    help="Folder of run folders. [default: runs]",
)
@click.option("--name", help="Name of the run. [default: DATA-MODEL]")
@click.option(
    "-j",
    "--workers",
    type=click.IntRange(min=1),
    help="Threads that decode images; they don't change the result. [default: one a core]",
)
@click.option("--download", is_flag=True, help="Fetch DATA that is named: mnist, cifar10 and kin.")
@click.option(
    "--show-batch",
    type=click.Path(path_type=Path),
    help="Save a picture of the first batch, exactly as the network sees it.",
)
@click.option("--log-steps", is_flag=True, help="Write a line of JSON a step, in log/steps.jsonl.")
@click.option(
    "--checkpoint-every",
    help="Longest way between two checkpoints: steps, as 500, or a time, as 5m. They are also "
    "written at the ends of epochs, as far as that costs little. [default: 5m]",
)
@click.option("--fresh", is_flag=True, help="Begin an unfinished run anew instead of going on.")
@click.option(
    "--allow-change",
    is_flag=True,
    help="Go on with an unfinished run although recipe, images, versions or machine are others.",
)
@click.option(
    "--resume",
    type=click.Path(path_type=Path),
    metavar="RUN",
    help="Go on with the unfinished run in this folder, by the recipe in it.",
)
@report_flags
@click.option("--json", "as_json", is_flag=True, help="Print the evaluation as JSON.")
@click.option("-q", "--quiet", is_flag=True, help="Show no progress.")
def command(
    data: str | None,
    recipe_file: Path | None,
    project: Path | None,
    name: str | None,
    checkpoint_every: str | None,
    resume: Path | None,
    language: str,
    as_json: bool,
    quiet: bool,
    **flags: Any,
) -> None:
    """Train a classifier on DATA, and evaluate it on images that training never saw.

    DATA is a folder with one folder of images for each class (with or without `train`, `val` and
    `test` above them); a CSV, TSV or Parquet table of paths and labels; a zip or tar archive of
    either; the original files of MNIST, Fashion-MNIST or CIFAR; a .npz file; or `digits`.

    The same command again continues a training that was interrupted. `torchrun --nproc-per-node 2
    -m convscope train ...` trains in several processes.
    """
    options = {name: flags.pop(name) for name in OF_SESSION}
    if resume is not None:
        recipe_file, project, name = _resumed(
            resume, {"--recipe": recipe_file, "--project": project, "--name": name}
        )
    recipe = recipe_of(data, flags, file=recipe_file)

    from convscope.cli.tables import print_evaluation
    from convscope.processes import processes_asked_for
    from convscope.progress import Reporter
    from convscope.training.cadence import interval_of
    from convscope.training.session import SessionOptions
    from convscope.workflows import train_recipe

    try:
        run = train_recipe(
            recipe,
            project=project or Path("runs"),
            name=name,
            options=SessionOptions(**options, checkpoint_every=interval_of(checkpoint_every)),
            language=language,
            reporter=Reporter(quiet=quiet),
        )
    except DataError as error:
        if resume is not None and data is None:
            error.hint = f"say where the data is now: convscope train PATH --resume {resume}"
        raise
    except StoppedError as error:
        error.hint = f"this continues it: {_again(sys.argv[1:])}"
        raise
    if not processes_asked_for().is_first:
        return
    if as_json:
        print(json.dumps({"run": str(run.path), **run.evaluation}, ensure_ascii=False))
        return
    print_evaluation(run.evaluation)
    print(f"\nreport:     {run.report_path}\nclassifier: {run.classifier_path}")
    print(f"next:       convscope predict {shlex.quote(str(run.path))} IMAGE...")


def _resumed(run: Path, others: Mapping[str, object]) -> tuple[Path, Path, str]:
    """Recipe file, project and name of a run that is to go on.

    Args:
        run: Its folder.
        others: Flags that say these too, with their values.

    Raises:
        UsageError: Something else says them too.
        RunError: There is no such run, or it is not unfinished.
    """
    for flag, value in others.items():
        if value is not None:
            raise UsageError(f"`--resume` and `{flag}` exclude each other")
    found = Run.open(run)
    if found.state != "unfinished":
        raise RunError(
            f"`{run}` is {found.state}, not unfinished",
            hint=f"`--continue {run} --epochs N` goes on with a run that is finished",
        )
    place = found.path.resolve()
    return found.recipe_path, place.parent, place.name


def _again(words: Sequence[str]) -> str:
    """The command that was given, for a shell; without what would throw away what there is."""
    kept = [word for word in words if word != "--fresh"]
    if "WORLD_SIZE" in os.environ:
        return f"torchrun ... -m convscope {shlex.join(kept)}"
    return f"convscope {shlex.join(kept)}"
