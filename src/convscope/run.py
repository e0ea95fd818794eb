"""Run: a read-only view of a run folder, which knows files and nothing of training.

runs/digits-lenet5_relu/
    recipe.yaml  environment.json  history.csv  splits.csv
    checkpoints/<step>/  classifier/  report.html  predictions.csv  evaluation.json
    and for a reason: measured.json  learning_rate.svg  log/steps.jsonl  profile/  failure.json
    and while a process trains: training.lock  training.json
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Literal

from filelock import FileLock, Timeout

from convscope.errors import RunError, UsageError
from convscope.files import LEFTOVER, is_portable, sha256
from convscope.paths import (
    CHECKPOINTS_FOLDER,
    CLASSIFIER_FILE,
    CLASSIFIER_FOLDER,
    ENVIRONMENT_FILE,
    EVALUATION_FILE,
    FAILURE_FILE,
    HASHES_FILE,
    HISTORY_FILE,
    LEARNING_RATE_PICTURE,
    LOCK_FILE,
    LOG_FOLDER,
    MEASURED_FILE,
    OWNER_FILE,
    PREDICTIONS_FILE,
    PROFILE_FOLDER,
    RECIPE_FILE,
    REPORT_FILE,
    SPLITS_FILE,
    STEPS_FILE,
    WEIGHTS,
    is_run,
    likely_path,
    likely_run,
    no_run_text,
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
from convscope.short_repr import Shown, short_repr
from convscope.splits import SPLITS, iterate_splits, read_image_splits
from convscope.text import did_you_mean

FORMAT = 1  # of the files that a training writes
OLD_EVALUATION_FORMAT = 2  # whose hashes were in a file of their own, or not written yet
EVALUATION_FORMAT = max(EvaluationFile.formats)
MAX_NAME_LETTERS, MAX_NAME_BYTES = 100, 240  # file systems take 255 bytes, a number is added
State = Literal["finished", "diverged", "unfinished"]


class RunPath:
    """An attribute of `Run`: the path of a file or folder in the run folder."""

    def __init__(self, *parts: str) -> None:
        self.parts = parts

    def __get__(self, run: Run, owner: type[Run]) -> Path:
        return run.path.joinpath(*self.parts)


@dataclass(frozen=True)
class Run(Shown):
    """A run folder.

    Attributes:
        path: The folder.
    """

    path: Path

    __repr__ = short_repr

    recipe_path = RunPath(RECIPE_FILE)  # the resolved recipe
    environment_path = RunPath(ENVIRONMENT_FILE)  # versions, device, fingerprint of the data
    history_path = RunPath(HISTORY_FILE)  # one row per epoch
    splits_path = RunPath(SPLITS_FILE)  # one row per image
    checkpoints_path = RunPath(CHECKPOINTS_FOLDER)  # complete states of the training
    classifier_path = RunPath(CLASSIFIER_FOLDER)  # that of the best epoch
    report_path = RunPath(REPORT_FILE)  # for people
    predictions_path = RunPath(PREDICTIONS_FILE)  # for the images of the evaluation
    evaluation_path = RunPath(EVALUATION_FILE)  # on the test images; written last
    measured_path = RunPath(MEASURED_FILE)  # what chose batch size, learning rate or epochs
    learning_rate_plot_path = RunPath(LEARNING_RATE_PICTURE)  # if the finder ran
    step_log_path = RunPath(LOG_FOLDER, STEPS_FILE)  # a line per step, if asked for
    profile_path = RunPath(PROFILE_FOLDER)  # summary.txt and trace.json, if asked for
    lock_path = RunPath(LOCK_FILE)  # held by the training process
    owner_path = RunPath(OWNER_FILE)  # describes the training process while it trains
    failure_path = RunPath(FAILURE_FILE)  # why the training could not go on

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
        if not is_run(folder):
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
        """The resolved recipe.

        Raises:
            RunError: The file is damaged.
        """
        try:
            recipe = Recipe.load(self.recipe_path)
        except UsageError as error:  # nobody gave this file
            raise RunError(error.message, hint=error.hint or RunFile.way_out) from error
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
        counts = Counter(row.split for row in iterate_splits(self.splits_path))
        self._check_unchanged(self.splits_path)
        return {split: counts[split] for split in SPLITS if counts[split]}

    @property
    def evaluation(self) -> dict[str, Any]:
        """The content of `evaluation.json`.

        Raises:
            RunError: The run isn't finished, or the file is damaged or of another format.
        """
        content = read_json(self.evaluation_path, EvaluationFile)
        if content.pop("files", None) is None:  # the hashes of others lie elsewhere, and its own
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

    def hash_files(self) -> dict[str, str]:
        """The SHA-256 of the files that nothing changes after the training, by their names.

        Raises:
            RunError: The training has ended, and one was changed since.
        """
        files = (self.recipe_path, self.environment_path, self.splits_path, self.history_path)
        there = [path for path in files if path.is_file()]
        for path in there:
            self._check_unchanged(path)
        return {path.name: sha256(path) for path in there}

    def _check_unchanged(self, path: Path) -> None:
        """Refuses a file of a finished run that isn't what it was after the training.

        Raises:
            RunError: It isn't, or the file of the hashes is damaged.
        """
        if path.is_file() and self.evaluation_path.exists():
            recorded = self._recorded_hashes()
            if recorded is not None and recorded.get(path.name) != sha256(path):
                raise refusal(path, "it was changed after the training", RunFile.way_out)

    def _recorded_hashes(self) -> Mapping[str, str] | None:
        """The hashes of a finished run's files, by their names; None if a version had none yet."""
        status = self.evaluation_path.stat()
        written = status.st_ino, status.st_mtime_ns, status.st_size
        found = _hashes_in(self.evaluation_path, written)
        if found is not None:
            return found
        beside = self.path / HASHES_FILE
        return read_json(beside, HashesFile)["files"] if beside.exists() else None


@lru_cache(maxsize=16)
def _hashes_in(evaluation: Path, written: tuple[int, ...]) -> Mapping[str, str] | None:
    """The hashes in an evaluation, of a thousand classes in 9 MB; None if a version had none yet.

    Args:
        evaluation: Path of the file.
        written: What tells this file from one that was there before.
    """
    content = read_json(evaluation, EvaluationFile)
    if content["format"] <= OLD_EVALUATION_FORMAT:
        return None
    found: Mapping[str, str] = content.get("files", {})
    return found


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
    return RunError(f"`{path}` {no_run_text(path)}", hint=hint)


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
    return [Run(path) for path in runs_in(project)] if project.is_dir() else []


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
        if is_free or (has_begun(run) and run.state == "unfinished"):
            return run
        number += 1


def has_begun(run: Run) -> bool:
    """Whether a training has begun in a folder; another may hold a recipe that a user wrote.

    What was trained is never passed over because a file of it is gone.
    """
    return is_run(run.path) or (run.recipe_path.is_file() and run.checkpoints_path.is_dir())


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
    """Whether a folder is empty, or holds only what a training writes before its recipe.

    Where a training was, its lock is; without it a `splits.csv` may be a user's.
    """
    before = (
        *(LOCK_FILE, OWNER_FILE, ENVIRONMENT_FILE, SPLITS_FILE),
        *(MEASURED_FILE, LEARNING_RATE_PICTURE),
    )
    names = [path.name for path in run.path.iterdir()]
    is_ours = all(name in before or LEFTOVER.fullmatch(name) for name in names)
    return is_ours and (not names or LOCK_FILE in names)
