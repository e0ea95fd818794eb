"""Run: a read-only view of a run folder, which knows files and nothing of training.

runs/digits-lenet5_relu/
    recipe.yaml  environment.json  history.csv  splits.csv
    checkpoints/<step>/  classifier/  report.html  predictions.csv  evaluation.json
    and where there is a reason: measured.json  learning_rate.svg  log/steps.jsonl  failure.json
    and while a process trains: training.lock  training.json
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from filelock import FileLock, Timeout

from convscope.errors import RunError, UsageError
from convscope.files import LEFTOVER, check_format, is_portable, read_json
from convscope.paths import WEIGHTS, likely_path, run_around
from convscope.recipe import Recipe, on_top
from convscope.splits import SPLITS, read_image_splits, read_splits
from convscope.text import did_you_mean

FORMAT = 1  # of the files that a training writes
EVALUATION_FORMAT = 2
EVALUATION, PREDICTIONS, REPORT = "evaluation.json", "predictions.csv", "report.html"
MAX_NAME_LENGTH = 100  # file systems take 255 bytes, and a number is added
State = Literal["finished", "diverged", "unfinished"]


class RunPath:
    """An attribute of `Run`: the path of a file or folder in the run folder."""

    def __init__(self, *parts: str) -> None:
        self.parts = parts

    def __get__(self, run: Run, owner: type[Run]) -> Path:
        return run.path.joinpath(*self.parts)


@dataclass(frozen=True)
class Run:
    """A run folder.

    Attributes:
        path: The folder.
    """

    path: Path

    recipe_path = RunPath("recipe.yaml")  # the resolved recipe
    environment_path = RunPath("environment.json")  # versions, device, fingerprint of the data
    history_path = RunPath("history.csv")  # one row per epoch
    splits_path = RunPath("splits.csv")  # one row per image
    checkpoints_path = RunPath("checkpoints")  # complete states of the training
    classifier_path = RunPath("classifier")  # that of the best epoch
    report_path = RunPath(REPORT)  # for people
    predictions_path = RunPath(PREDICTIONS)  # for the images of the evaluation
    evaluation_path = RunPath(EVALUATION)  # on the test images; written last
    measured_path = RunPath("measured.json")  # what chose batch size, learning rate or epochs
    learning_rate_plot_path = RunPath("learning_rate.svg")  # if the learning-rate finder ran
    step_log_path = RunPath("log", "steps.jsonl")  # one line per step, where it was enabled
    lock_path = RunPath("training.lock")  # held by the training process
    owner_path = RunPath("training.json")  # describes the training process while it trains
    failure_path = RunPath("failure.json")  # why the training could not go on

    @classmethod
    def open(cls, path: str | Path) -> Run:
        """The run at `path`.

        Raises:
            RunError: There is no run folder.
        """
        folder = Path(path)
        if not folder.exists():
            beside = [run.path.name for run in find_runs(folder.parent)]
            beside += [run.path.as_posix() for run in find_runs(Path("runs"))]
            raise RunError(
                f"there is no run `{folder}`",
                hint=likely_path(str(path))
                or did_you_mean(str(path), beside)
                or "`convscope runs` lists the runs",
            )
        if not (folder / "recipe.yaml").is_file():
            raise _no_run(folder)
        return cls(folder)

    @property
    def state(self) -> State:
        """Whether training has finished, diverged to a non-finite loss, or goes on."""
        if self.evaluation_path.is_file():
            return "finished"
        return "diverged" if self.failure_path.is_file() else "unfinished"

    @cached_property
    def recipe(self) -> Recipe:
        """The resolved recipe."""
        return Recipe.load(self.recipe_path)

    @property
    def history(self) -> list[dict[str, float]]:
        """One row per epoch, as in `history.csv`; empty before the first epoch ends."""
        if not self.history_path.is_file():
            return []
        with self.history_path.open(encoding="utf-8", newline="") as file:
            return [
                {name: float(value) for name, value in row.items()} for row in csv.DictReader(file)
            ]

    @property
    def best_epoch(self) -> int | None:
        """The epoch, from 1, whose weights the classifier has; None before there is one."""
        description = self.classifier_path / "classifier.json"
        if not description.is_file():
            return None
        epoch = read_json(description).get("metrics", {}).get("epoch")
        return None if epoch is None else int(epoch)

    @property
    def split_counts(self) -> dict[str, int]:
        """The number of images of each split, in the order of `SPLITS`.

        Raises:
            RunError: `splits.csv` is missing or can't be read.
        """
        counts = Counter(row.split for row in read_splits(self.splits_path))
        return {split: counts[split] for split in SPLITS if counts[split]}

    @property
    def evaluation(self) -> dict[str, Any]:
        """The content of `evaluation.json`.

        Raises:
            RunError: The run isn't finished, or the file is of another format.
        """
        content = read_json(self.evaluation_path)
        check_format(content, known=EVALUATION_FORMAT, path=self.evaluation_path)
        return content

    @property
    def image_splits(self) -> dict[int, frozenset[str]]:
        """The splits of the images, by the hashes of their pixels.

        Raises:
            RunError: `splits.csv` is missing or can't be read.
        """
        return read_image_splits(self.splits_path)


def _no_run(path: Path) -> RunError:
    """The error for a file or folder that is no run."""
    around = run_around(path)
    hint = "give a folder that `convscope train` wrote, like runs/digits-lenet5_relu"
    if around is not None:
        hint = f"did you mean `{around}`?"
    elif path.suffix.lower() in WEIGHTS:
        hint += f"; `convscope train DATA --weights {path}` begins with weights of others"
    lacks = "it has no recipe.yaml" if path.is_dir() else "it is a file"
    return RunError(f"`{path}` is no run folder: {lacks}", hint=hint)


def on_top_of_continued(given: Mapping[str, Any]) -> dict[str, Any]:
    """The given fields of a recipe, on top of those of the finished run that it continues, if any.

    Args:
        given: Fields that a user gave; `continues` names the run.

    Raises:
        RunError: There is no such run, or it isn't finished.
    """
    if given.get("continues") is None:
        return dict(given)
    run = Run.open(str(given["continues"]))
    if run.state != "finished":
        raise RunError(
            f"`{run.path}` is {run.state}, not finished",
            hint="the same `convscope train` command goes on with a training that was interrupted",
        )
    values = run.recipe.model_dump(mode="json")
    initial = {"weights": None, "unfreeze_epochs": None}  # its start no longer matters
    return on_top({**values, **initial, "epochs": None, "epochs_cut": None}, given)


def find_runs(project: Path) -> list[Run]:
    """All runs directly below `project`, sorted by name."""
    if not project.is_dir():
        return []
    return [Run(path.parent) for path in sorted(project.glob("*/recipe.yaml"))]


def choose_folder(project: Path, name: str) -> Run:
    """The run folder for a training: the unfinished run of its name, or a new one.

    The first is `digits-lenet5_relu`; once it is finished, `digits-lenet5_relu-2` follows.

    Raises:
        UsageError: The name can't be that of a folder.
    """
    is_plain = is_portable(name) and not name.startswith(("-", "."))
    if not is_plain or not 0 < len(name) <= MAX_NAME_LENGTH:
        raise UsageError(
            f"`{name}` can't be the name of a run",
            hint="give a `--name` that folders may have on all systems; `--project FOLDER` says "
            "where it lies",
        )
    number = 1
    while True:
        run = Run(project / (name if number == 1 else f"{name}-{number}"))
        if run.path.exists() and not run.path.is_dir():
            raise UsageError(
                f"`{run.path}` is a file, not a folder", hint="give the run another `--name`"
            )
        is_free = not run.path.exists() or _has_not_begun(run)
        if is_free or (run.recipe_path.is_file() and run.state == "unfinished"):
            return run
        number += 1


def is_training(run: Run) -> bool:
    """Whether a process is training in the run's folder."""
    if not run.owner_path.is_file():
        return False
    try:
        with FileLock(run.lock_path, blocking=False):
            return False  # the process that wrote it has ended
    except (Timeout, OSError):
        return True


def _has_not_begun(run: Run) -> bool:
    """Whether a folder is empty, or holds only what a training writes before its recipe."""
    paths = run.lock_path, run.owner_path, run.environment_path, run.splits_path, run.measured_path
    before = {path.name for path in (*paths, run.learning_rate_plot_path)}
    return all(path.name in before or LEFTOVER.fullmatch(path.name) for path in run.path.iterdir())
