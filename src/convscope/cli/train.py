"""`convscope train`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from convscope.cli.recipe_flags import RecipeCommand, recipe_flags, recipe_of

# Flags that don't change the result: fields of `SessionOptions`.
OF_SESSION = ("workers", "download", "show_batch", "log_steps")


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
    default="runs",
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
@click.option("--json", "as_json", is_flag=True, help="Print the evaluation as JSON.")
@click.option("-q", "--quiet", is_flag=True, help="Show no progress.")
def command(
    data: str | None,
    recipe_file: Path | None,
    project: Path,
    name: str | None,
    as_json: bool,
    quiet: bool,
    **flags: Any,
) -> None:
    """Train a classifier on DATA, and evaluate it on images that training never saw.

    DATA is a folder with one folder of images for each class (with or without `train`, `val` and
    `test` above them); a CSV, TSV or Parquet table of paths and labels; a zip or tar archive of
    either; the original files of MNIST, Fashion-MNIST or CIFAR; a .npz file; or `digits`.

    The same command again continues a training that was interrupted.
    """
    options = {name: flags.pop(name) for name in OF_SESSION}
    recipe = recipe_of(data, flags, file=recipe_file)

    from convscope.cli.tables import print_evaluation
    from convscope.progress import Reporter
    from convscope.training.session import SessionOptions
    from convscope.workflows import train_recipe

    run = train_recipe(
        recipe,
        project=project,
        name=name,
        options=SessionOptions(**options),
        reporter=Reporter(quiet=quiet),
    )
    if as_json:
        print(json.dumps({"run": str(run.path), **run.evaluation}, ensure_ascii=False))
        return
    print_evaluation(run.evaluation)
    print(f"\nclassifier: {run.classifier_path}\nnumbers:    {run.evaluation_path}")
    print(f"next:       convscope predict {run.path} IMAGE...")
