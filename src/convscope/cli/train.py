"""`convscope train`."""

from __future__ import annotations

import json
import os
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from convscope.api.destination import FIRST_BATCH, PICTURES
from convscope.cli.flags import OutputPath, RecipeCommand, recipe_flags, recipe_of, typed
from convscope.cli.language import say
from convscope.errors import DataError, RunError, StoppedError, UsageError
from convscope.languages import spoken
from convscope.paths import shell_word
from convscope.run import Run
from convscope.splits import iterate_splits
from convscope.text import duration_text

# Flags that are fields of `TrainOptions`: they don't change the result.
OPTIONS = (
    *("workers", "download", "show_batch", "log_steps", "profile", "checkpoint_every", "fresh"),
    "allow_change",
)

# Flags that belong to a single training: of another one they say something else.
ONCE = (
    *("time", "tune", "head_epochs", "fresh", "allow_change", "resume", "name", "show_batch"),
    "profile",
)


@click.command("train", cls=RecipeCommand)
@click.argument("data", required=False)
@recipe_flags
@click.option(
    "-c",
    "--recipe",
    "recipe_file",
    type=click.Path(path_type=Path),
    help="Take the recipe from this YAML file, for instance a run's; flags override it.",
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
    help="Threads that decode images; they don't change the result. [default: one per core]",
)
@click.option(
    "--download",
    is_flag=True,
    help="Download DATA that is given by name: mnist, cifar10 and the like.",
)
@click.option(
    "--show-batch",
    type=OutputPath(*PICTURES, name=FIRST_BATCH),
    metavar="FILE",
    help="Save a picture of the first batch, exactly as the network gets it, in this file, or as "
    "first-batch.png in a folder.",
)
@click.option("--log-steps", is_flag=True, help="Write a line of JSON per step to log/steps.jsonl.")
@click.option(
    "--profile",
    is_flag=True,
    help="Measure where the time of a step goes (waiting, forward, backward, optimizer, layers, "
    "operators), in a few of the first steps; a summary and a trace go to profile/.",
)
@click.option(
    "--checkpoint-every",
    help="Longest interval between checkpoints: steps (500) or a time (5m). They are also written "
    "at the ends of epochs where that takes little time. [default: 5m]",
)
@click.option("--fresh", is_flag=True, help="Restart an unfinished run instead of resuming it.")
@click.option(
    "--allow-change",
    is_flag=True,
    help="Resume an unfinished run although recipe, images, versions or machine have changed.",
)
@click.option(
    "--resume",
    type=click.Path(path_type=Path),
    metavar="RUN",
    help="Resume the unfinished run in this folder, with its recipe.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the evaluation as JSON.")
@click.option("-q", "--quiet", is_flag=True, help="Show no progress.")
def command(
    data: str | None,
    recipe_file: Path | None,
    resume: Path | None,
    as_json: bool,
    quiet: bool,
    **flags: Any,
) -> None:
    """Train a classifier on DATA, and evaluate it on images that training never saw.

    DATA is a folder with one folder of images for each class (with or without `train`, `val` and
    `test` above them); a CSV, TSV or Parquet table of paths and labels; a zip or tar archive of
    either; the original files of MNIST, Fashion-MNIST or CIFAR; a .npz file; or `digits`.

    The same command resumes a training that was interrupted. `torchrun --nproc-per-node 2 -m
    convscope train ...` trains in several processes.
    """
    options = {name: flags.pop(name) for name in OPTIONS}
    project, name = flags.pop("project"), flags.pop("name")
    if resume is not None:
        recipe_file, project, name = _resumed(
            resume, {"--recipe": recipe_file, "--project": project, "--name": name}
        )
    recipe = recipe_of(data, flags, file=recipe_file)

    from convscope.api.train import train_options, train_recipe
    from convscope.distributed import process_group_from_environment
    from convscope.progress import Reporter

    try:
        run = train_recipe(
            recipe,
            project=project or Path("runs"),
            name=name,
            options=replace(
                train_options(**options), began=click.get_current_context().find_object(float)
            ),
            language=spoken(),
            reporter=Reporter(quiet=quiet),
        )
    except DataError as error:
        if resume is not None and data is None:
            error.hint = (
                f"say where the data is now: convscope train PATH --resume {shell_word(resume)}"
            )
        raise
    except StoppedError as error:
        error.hint = f"this continues it: {_same_command(sys.argv[1:])}"
        raise
    if not process_group_from_environment().is_main:
        return
    if as_json:
        print(json.dumps({"run": str(run.path), **run.evaluation}, ensure_ascii=False))
    else:
        _print_outcome(run, _train_command(click.get_current_context(), run))


def _print_outcome(run: Run, command: str) -> None:
    """Prints the evaluation, what it means, where it lies, and what most users want next.

    Args:
        run: The finished run.
        command: The command that trained it, for those that are proposed.
    """
    from convscope.cli.tables import print_evaluation
    from convscope.evaluation.verdict import verdicts

    print_evaluation(run.evaluation)
    for sentence in verdicts(run.evaluation, run.history, recipe=run.recipe, command=command):
        say(f"note: {sentence}")
    say(f"\nreport:     {run.report_path}\nclassifier: {run.classifier_path}")
    for title, step in _next_steps(run, command):
        say(f"{title:11} {step}")


def _next_steps(run: Run, command: str) -> Iterator[tuple[str, str]]:
    """Commands that most users want next, as they can be pasted, each with a title."""
    place = shell_word(run.path)
    image = _test_image(run)
    if image is None:  # of data without files
        yield "next:", f"convscope inspect {place}"
    else:
        yield "next:", f"convscope predict {place} {shell_word(image)}"
        yield "or:", f"convscope explain {place} {shell_word(image)}"
    layers = run.measured.get("trained_layers")
    if layers is not None and layers["tune"] == "head":
        yield f"or, in {duration_text(layers['seconds'])}:", f"{command} --tune all"


def _test_image(run: Run) -> Path | None:
    """The file of the first test image; None where it has none of its own."""
    first = next((row for row in iterate_splits(run.splits_path) if row.split == "test"), None)
    path = None if first is None else Path(run.recipe.data) / first.image
    return path if path is not None and path.is_file() else None


def _train_command(context: click.Context, run: Run) -> str:
    """The command that trained, without flags that belong to this one training."""
    if context.params["data"] is None:
        return f"convscope train {shell_word(run.recipe.data)}"
    return typed(context, "train", without=ONCE)


def _resumed(run: Path, excluded: Mapping[str, object]) -> tuple[Path, Path, str]:
    """Recipe file, project and name of a run to resume; flags that would set these are refused."""
    for flag, value in excluded.items():
        if value is not None:
            raise UsageError(f"`--resume` and `{flag}` exclude each other")
    found = Run.open(run)
    if found.state != "unfinished":
        raise RunError(
            f"`{run}` is {found.state}, not unfinished",
            hint=f"`--continue {shell_word(run)} --epochs N` trains a finished run further"
            if found.state == "finished"
            else "give another `--name`, and a lower `--lr` if the loss became non-finite",
        )
    folder = found.path.resolve()
    return found.recipe_path, folder.parent, folder.name


def _same_command(arguments: Sequence[str]) -> str:
    """The command line that was given, without the flag that would discard the training so far."""
    kept = [argument for argument in arguments if argument != "--fresh"]
    if "WORLD_SIZE" in os.environ:
        return f"torchrun ... -m convscope {shlex.join(kept)}"
    return f"convscope {shlex.join(kept)}"
