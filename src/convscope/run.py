"""Run: a read-only view of a run folder. It knows files, not training.

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

from convscope.errors import LISTED_AT_MOST, RunError, UsageError, did_you_mean, either_of
from convscope.files import LEFTOVER, check_format, is_portable, read_json
from convscope.recipe import Recipe, on_top

FORMAT = 1  # of files that a training writes
EVALUATION_FORMAT = 2
EVALUATION, PREDICTIONS, REPORT = "evaluation.json", "predictions.csv", "report.html"
USES = ("train", "validation", "test", "excluded")  # what splits.csv says of an image
LONGEST_NAME = 100  # of a run; file systems take 255 bytes, and a number is added
State = Literal["finished", "diverged", "unfinished"]


@dataclass(frozen=True)
class Run:
    """A run folder.

    Attributes:
        path: The folder.
    """

    path: Path

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
                hint=did_you_mean(str(path), beside) or "`convscope runs` lists the runs",
            )
        if not (folder / "recipe.yaml").is_file():
            raise RunError(
                f"`{folder}` is no run folder: it has no recipe.yaml",
                hint="give a folder that `convscope train` wrote, like runs/digits-lenet5_relu",
            )
        return cls(folder)

    @property
    def state(self) -> State:
        """Whether training ended, broke off on a loss that is no number, or goes on."""
        if self.evaluation_path.is_file():
            return "finished"
        return "diverged" if self.failure_path.is_file() else "unfinished"

    @cached_property
    def recipe(self) -> Recipe:
        """The recipe with all choices made."""
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
        """The epoch, from 1, whose weights the classifier has; None before it is written."""
        description = self.classifier_path / "classifier.json"
        if not description.is_file():
            return None
        epoch = read_json(description).get("metrics", {}).get("epoch")
        return None if epoch is None else int(epoch)

    @property
    def use_counts(self) -> dict[str, int]:
        """How many images were used for what, in the order of `USES`.

        Raises:
            RunError: `splits.csv` is missing or can't be read.
        """
        counts = Counter(use for _, use in read_pairs(self.splits_path))
        return {use: counts[use] for use in USES if counts[use]}

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
    def image_uses(self) -> dict[int, frozenset[str]]:
        """What images were used for (`train`, `validation`, `test`), by their pixels' hash.

        Raises:
            RunError: `splits.csv` is missing or can't be read.
        """
        return read_uses(self.splits_path)

    @property
    def recipe_path(self) -> Path:
        """Everything that decided the result."""
        return self.path / "recipe.yaml"

    @property
    def environment_path(self) -> Path:
        """Versions, device and reason, data fingerprint."""
        return self.path / "environment.json"

    @property
    def history_path(self) -> Path:
        """One row per epoch."""
        return self.path / "history.csv"

    @property
    def splits_path(self) -> Path:
        """Which image was used for what."""
        return self.path / "splits.csv"

    @property
    def checkpoints_path(self) -> Path:
        """Complete states of the training."""
        return self.path / "checkpoints"

    @property
    def classifier_path(self) -> Path:
        """The best classifier."""
        return self.path / "classifier"

    @property
    def evaluation_path(self) -> Path:
        """The numbers on images that training never saw; written last."""
        return self.path / EVALUATION

    @property
    def report_path(self) -> Path:
        """What was found, for people."""
        return self.path / REPORT

    @property
    def predictions_path(self) -> Path:
        """What was predicted for each image of the evaluation."""
        return self.path / PREDICTIONS

    @property
    def measured_path(self) -> Path:
        """What was measured to choose a learning rate or the number of epochs, if anything."""
        return self.path / "measured.json"

    @property
    def rate_picture_path(self) -> Path:
        """The search for a learning rate, if there was one."""
        return self.path / "learning_rate.svg"

    @property
    def step_log_path(self) -> Path:
        """One line a step, where a training was asked to write it."""
        return self.path / "log" / "steps.jsonl"

    @property
    def lock_path(self) -> Path:
        """Locked by the process that trains here."""
        return self.path / "training.lock"

    @property
    def owner_path(self) -> Path:
        """Which process trains here, while it does."""
        return self.path / "training.json"

    @property
    def failure_path(self) -> Path:
        """Why a training could not go on."""
        return self.path / "failure.json"


def read_uses(path: Path) -> dict[int, frozenset[str]]:
    """What a `splits.csv` says that images were used for, by their pixels' hash.

    Raises:
        RunError: It is missing or can't be read.
    """
    uses: dict[int, frozenset[str]] = {}
    for key, use in read_pairs(path):
        uses[key] = uses.get(key, frozenset()) | {use}
    return uses


def read_pairs(path: Path) -> list[tuple[int, str]]:
    """Pixels' hash and use of each image in a `splits.csv`.

    Raises:
        RunError: It is missing or can't be read.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file)
            pairs = [(int(row["pixels"], 16), row["used_for"]) for row in reader]
        if not pairs:
            raise ValueError("it has no rows")
        unknown = sorted({use for _, use in pairs} - set(USES))
        if unknown:
            raise ValueError(
                f"{either_of(unknown[:LISTED_AT_MOST])} can't stand in `used_for`; "
                f"it takes {either_of(USES)}"
            )
    except (OSError, ValueError, KeyError, TypeError, csv.Error) as error:
        raise RunError(
            f"`{path}` can't be read, so it isn't known what training saw: {error}",
            hint="evaluate the folder `classifier` beside it, which claims nothing about that",
        ) from error
    return pairs


def on_top_of_continued(given: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a recipe; where it goes on from a finished run, on top of that run's.

    Args:
        given: What a user asks for; `continues` names the run, if there is one.

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
    started = {"weights": None, "unfreeze_epochs": None}  # how it began doesn't matter any more
    return on_top({**values, **started, "epochs": None}, given)


def find_runs(project: Path) -> list[Run]:
    """All runs directly below `project`, sorted by name."""
    if not project.is_dir():
        return []
    return [Run(path.parent) for path in sorted(project.glob("*/recipe.yaml"))]


def choose_folder(project: Path, name: str) -> Run:
    """Where a training of this name goes: the unfinished run of this name, or the next number.

    `digits-lenet5_relu`, then `digits-lenet5_relu-2` when the first has ended, and so on.

    Raises:
        UsageError: The name can't be that of a folder.
    """
    is_plain = is_portable(name) and not name.startswith(("-", "."))
    if not is_plain or not 0 < len(name) <= LONGEST_NAME:
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
    """Whether a process trains in the run's folder now."""
    if not run.owner_path.is_file():
        return False
    try:
        with FileLock(run.lock_path, blocking=False):
            return False  # whoever wrote that has ended
    except (Timeout, OSError):
        return True


def _has_not_begun(run: Run) -> bool:
    """Whether a folder is empty, or holds only what a training writes before its recipe."""
    before = {
        path.name
        for path in (
            run.lock_path,
            run.owner_path,
            run.environment_path,
            run.splits_path,
            run.measured_path,
        )
    }
    return all(path.name in before or LEFTOVER.fullmatch(path.name) for path in run.path.iterdir())
