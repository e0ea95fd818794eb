"""Run: a read-only view of a run folder, which knows files and nothing of training.

runs/digits-lenet5_relu/
    recipe.yaml  environment.json  history.csv  splits.csv
    checkpoints/<step>/  classifier/  report.html  predictions.csv  hashes.json  evaluation.json
    and where there is a reason: measured.json  learning_rate.svg  log/steps.jsonl  failure.json
    and while a process trains: training.lock  training.json
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from filelock import FileLock, Timeout

from convscope.errors import RunError, UsageError
from convscope.files import LEFTOVER, is_portable, sha256, write_sealed_json
from convscope.paths import (
    CLASSIFIER_FILE,
    RECIPE_FILE,
    WEIGHTS,
    likely_path,
    likely_run,
    run_meant,
    runs_in,
    shell_word,
)
from convscope.recipe import Recipe, on_top
from convscope.records import read_json, read_table, refusal
from convscope.schemas import (
    ClassifierFile,
    EnvironmentFile,
    EvaluationFile,
    FailureFile,
    HashesFile,
    HistoryRow,
    MeasuredFile,
    RunFile,
)
from convscope.splits import SPLITS, read_image_splits, read_splits
from convscope.text import did_you_mean

FORMAT = 1  # of the files that a training writes
(EVALUATION_FORMAT,) = EvaluationFile.formats
EVALUATION, PREDICTIONS, REPORT = "evaluation.json", "predictions.csv", "report.html"
MAX_NAME_LETTERS, MAX_NAME_BYTES = 100, 240  # file systems take 255 bytes, a number is added
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

    recipe_path = RunPath(RECIPE_FILE)  # the resolved recipe
    environment_path = RunPath("environment.json")  # versions, device, fingerprint of the data
    history_path = RunPath("history.csv")  # one row per epoch
    splits_path = RunPath("splits.csv")  # one row per image
    checkpoints_path = RunPath("checkpoints")  # complete states of the training
    classifier_path = RunPath("classifier")  # that of the best epoch
    report_path = RunPath(REPORT)  # for people
    predictions_path = RunPath(PREDICTIONS)  # for the images of the evaluation
    evaluation_path = RunPath(EVALUATION)  # on the test images; written last
    hashes_path = RunPath("hashes.json")  # of recipe, environment, splits and history, at the end
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
        if not (folder / RECIPE_FILE).is_file():
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
        recipe = Recipe.load(self.recipe_path)
        self._check_unchanged(self.recipe_path)
        return recipe

    @property
    def history(self) -> list[dict[str, float]]:
        """One row per epoch, as in `history.csv`; empty before the first epoch ends.

        Raises:
            RunError: The file is damaged.
        """
        if not self.history_path.exists():
            return []
        rows = [
            {name: float(value) for name, value in row.items()}
            for row in read_table(self.history_path, HistoryRow)
        ]
        if [row["epoch"] for row in rows] != list(range(1, len(rows) + 1)):
            raise refusal(self.history_path, "its epochs don't follow each other", RunFile.way_out)
        self._check_unchanged(self.history_path)
        return rows

    @property
    def environment(self) -> dict[str, Any]:
        """The content of `environment.json`; empty where there is none.

        Raises:
            RunError: The file is damaged.
        """
        if not self.environment_path.exists():
            return {}
        content = read_json(self.environment_path, EnvironmentFile)
        self._check_unchanged(self.environment_path)
        return content

    @property
    def measured(self) -> dict[str, Any]:
        """The content of `measured.json`; empty where nothing was measured.

        Raises:
            RunError: The file is damaged.
        """
        return read_json(self.measured_path, MeasuredFile) if self.measured_path.exists() else {}

    @property
    def failure(self) -> str:
        """Why the training could not go on.

        Raises:
            RunError: The file that says it is damaged.
        """
        return str(read_json(self.failure_path, FailureFile)["message"])

    @property
    def best_epoch(self) -> int | None:
        """The epoch, from 1, whose weights the classifier has; None before there is one."""
        description = self.classifier_path / CLASSIFIER_FILE
        if not description.exists():
            return None
        epoch = read_json(description, ClassifierFile)["metrics"].get("epoch")
        return epoch if isinstance(epoch, int) else None

    @property
    def split_counts(self) -> dict[str, int]:
        """The number of images of each split, in the order of `SPLITS`.

        Raises:
            RunError: `splits.csv` is missing or can't be read.
        """
        counts = Counter(row.split for row in read_splits(self.splits_path))
        self._check_unchanged(self.splits_path)
        return {split: counts[split] for split in SPLITS if counts[split]}

    @property
    def evaluation(self) -> dict[str, Any]:
        """The content of `evaluation.json`.

        Raises:
            RunError: The run isn't finished, or the file is damaged or of another format.
        """
        content = read_json(self.evaluation_path, EvaluationFile)
        self._check_unchanged(self.evaluation_path)
        return content

    @property
    def image_splits(self) -> dict[int, frozenset[str]]:
        """The splits of the images, by the hashes of their pixels.

        Raises:
            RunError: `splits.csv` is missing or can't be read.
        """
        splits = read_image_splits(self.splits_path)
        self._check_unchanged(self.splits_path)
        return splits

    def seal(self, evaluation: bytes) -> None:
        """Writes the hashes of the files that nothing changes after the training.

        Args:
            evaluation: The content that `evaluation.json` is about to have.

        Raises:
            RunError: The folder can't be written to.
        """
        paths = (self.recipe_path, self.environment_path, self.splits_path, self.history_path)
        files = {path.name: sha256(path) for path in paths if path.is_file()}
        files[EVALUATION] = hashlib.sha256(evaluation).hexdigest()
        write_sealed_json(self.hashes_path, {"format": FORMAT, "files": files})

    def _check_unchanged(self, path: Path) -> None:
        """Refuses a file of a finished run that isn't what it was after the training.

        Raises:
            RunError: It isn't, or the file of the hashes is damaged.
        """
        if not (path.is_file() and self.hashes_path.exists() and self.evaluation_path.exists()):
            return
        hashes = read_json(self.hashes_path, HashesFile)["files"]
        if hashes.get(path.name) != sha256(path):
            raise refusal(path, "it was changed after the training", RunFile.way_out)


def _no_run(path: Path) -> RunError:
    """The error for a file or folder that is no run."""
    around, inside = run_meant(path), likely_run(path)
    begins = f"`convscope train DATA --weights {shell_word(path)}` begins with"
    hint = "give a folder that `convscope train` wrote, like runs/digits-lenet5_relu"
    if inside:
        hint = inside
    elif around == path:
        hint = f"it is a classifier, which doesn't say how it was trained; {begins} its weights"
    elif around is not None:
        hint = f"did you mean `{around}`?"
    elif path.suffix.lower() in WEIGHTS:
        hint += f"; {begins} weights of others"
    lacks = f"it has no {RECIPE_FILE}" if path.is_dir() else "it is a file"
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
    return [Run(path) for path in runs_in(project)]


def choose_folder(project: Path, name: str) -> Run:
    """The run folder for a training: the unfinished run of its name, or a new one.

    The first is `digits-lenet5_relu`; once it is finished, `digits-lenet5_relu-2` follows.

    Raises:
        UsageError: The name can't be that of a folder.
    """
    is_plain = 0 < len(name) <= MAX_NAME_LETTERS and not name.startswith(("-", "."))
    if not (is_plain and is_portable(name) and len(os.fsencode(name)) <= MAX_NAME_BYTES):
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
