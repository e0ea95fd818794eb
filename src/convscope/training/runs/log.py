"""The log of a run: checkpoints, history and, if asked for, a line for each step.

Of several processes the first alone writes. A training that is broken off resumes at the last
checkpoint, to the same bits wherever that is. The state of a large network is gigabytes, its epochs
on a few photos are seconds: so the end of an epoch is a good moment for a checkpoint, but not every
one.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import takewhile
from pathlib import Path

from pydantic import ValidationError
from torch import Tensor, nn, optim

from convscope.distributed import ProcessGroup
from convscope.errors import RunError, UsageError
from convscope.files import (
    append_text,
    open_regular,
    remove_leftovers,
    write_csv,
    write_sealed_json,
)
from convscope.progress import Reporter
from convscope.recipe import ResolvedRecipe, seconds_of
from convscope.run import Run
from convscope.schemas import FailureFile, StepLine
from convscope.text import counted
from convscope.training.runs.checkpoint import Checkpoint, load_ended, load_newest
from convscope.training.runs.metadata import rewrite_recipe
from convscope.training.runs.state import NonFiniteError, TrainingState, take_snapshot
from convscope.training.runs.writer import CheckpointWriter
from convscope.training.step_metrics import DivergedError, StepRow

DEFAULT_SECONDS = 300.0
SHARE = 0.015  # of the time that checkpoints at the ends of epochs may take
MAX_LINE_BYTES = 1 << 12  # of a step's line, which has five numbers
EXPECTED_BYTES_PER_SECOND = 100e6  # copied, hashed and written beside a training on two cores


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointInterval:
    """The longest distance between two checkpoints.

    Attributes:
        seconds: Seconds by the clock; None for no limit.
        steps: Number of optimizer steps; None for no limit.
    """

    seconds: float | None = None
    steps: int | None = None


DEFAULT_INTERVAL = CheckpointInterval(seconds=DEFAULT_SECONDS)


def checkpoint_interval(text: str | int | None) -> CheckpointInterval:
    """The interval that `--checkpoint-every` says: `500` steps, or a time like `5m`.

    Raises:
        UsageError: It is neither.
    """
    if text is None:
        return DEFAULT_INTERVAL
    stripped = str(text).strip()
    if re.fullmatch(r"[0-9]+", stripped):
        if int(stripped) < 1:
            raise UsageError("`checkpoint_every` is 0", hint="give a number of steps from 1 on")
        return CheckpointInterval(steps=int(stripped))
    try:
        return CheckpointInterval(seconds=seconds_of(stripped))
    except ValueError as error:
        raise UsageError(
            f"`checkpoint_every` is `{text}`",
            hint="give a number of steps, as 500, or a time, as 5m or 1h30m",
        ) from error


class CheckpointSchedule:
    """Decides when a checkpoint is due.

    Args:
        interval: The longest distance between two checkpoints.
    """

    def __init__(self, interval: CheckpointInterval = DEFAULT_INTERVAL) -> None:
        self._interval = interval
        self._steps, self._last = 0, time.perf_counter()
        self.cost_seconds = 0.0  # time that the last checkpoint took, on whichever thread

    def expect(self, num_bytes: int) -> None:
        """Estimates the cost of a checkpoint from its size, until the first one has been timed.

        Else the first one comes after the first epoch, which a short training never makes up for.
        """
        self.cost_seconds = num_bytes / EXPECTED_BYTES_PER_SECOND

    def is_due_after_step(self) -> bool:
        """Whether the longest distance is reached; called once a step."""
        self._steps += 1
        return self._is_over()

    def is_due_after_epoch(self) -> bool:
        """Whether enough was trained since the last checkpoint to be worth another."""
        return self._is_over() or self._waited() >= self.cost_seconds / SHARE

    def was_saved(self) -> None:
        """Restarts the distance to the next checkpoint."""
        self._steps, self._last = 0, time.perf_counter()

    def _is_over(self) -> bool:
        steps, seconds = self._interval.steps, self._interval.seconds
        if steps is not None and self._steps >= steps:
            return True
        return seconds is not None and self._waited() >= seconds

    def _waited(self) -> float:
        return time.perf_counter() - self._last


class RunLog:
    """Reads and writes the checkpoints, the history and the log of the steps.

    Args:
        run: The run folder.
        run_id: The run's number, which tells its checkpoints from those of another.
        processes: The process group.
        interval: The longest distance between two checkpoints.
        logs_steps: Whether there is a log of the steps.
        check: Raises an error where the run folder may be another's by now.
    """

    def __init__(
        self,
        run: Run,
        *,
        run_id: str,
        processes: ProcessGroup,
        interval: CheckpointInterval = DEFAULT_INTERVAL,
        logs_steps: bool = False,
        check: Callable[[], None] = lambda: None,
    ) -> None:
        self._run, self._run_id, self._processes = run, run_id, processes
        self._check = check
        self._schedule = CheckpointSchedule(interval)
        self._writer = CheckpointWriter(run.checkpoints_path, run_id=run_id, check=check)
        self._copy_seconds = 0.0
        writes_steps = logs_steps and processes.is_main
        self._step_log = StepLog(run.step_log_path) if writes_steps else None

    def find_checkpoint(self, continues: str | None, reporter: Reporter) -> Checkpoint | None:
        """This run's newest whole checkpoint, else the end of the run that it continues.

        Args:
            continues: Path of the finished run that is continued; None for none.
            reporter: Says where the training resumes.

        Raises:
            RunError: A checkpoint has another format, or the continued run has none.
        """
        found, is_another = None, False
        if self._processes.is_main:
            found = self._find_own(reporter)
            if found is None and continues is not None:
                found, is_another = load_ended(Path(continues), reporter.say), True
                reporter.say(f"continues `{continues}` {_position(found.state)}")
        found = _shared(found, self._processes)
        if found is not None and self._processes.broadcast_decision(is_another):
            found.state.begin_here()
        return found

    def begin(self, state: TrainingState, *, num_bytes: int) -> None:
        """Cuts history and step log back to the state; what came after it is trained again.

        Args:
            state: Where the training is.
            num_bytes: Approximate size of a checkpoint.
        """
        self._schedule.expect(num_bytes)
        self._check()
        if self._step_log is not None:
            self._step_log.begin(state.epoch * state.steps_per_epoch + state.sums.steps)
        if self._processes.is_main and not state.history:
            self._run.history_path.unlink(missing_ok=True)
        self.write_history(state)

    def is_due_after_step(self) -> bool:
        """Whether to save in the middle of an epoch; called once a step.

        Raises:
            RunError: The last checkpoint could not be written.
        """
        return self._schedule.is_due_after_step() and self._is_free()

    def is_due_after_epoch(self) -> bool:
        """Whether to save at the end of an epoch.

        Raises:
            RunError: The last checkpoint could not be written.
        """
        if not self._is_free():
            return False
        if self._writer.seconds:
            self._schedule.cost_seconds = self._copy_seconds + self._writer.seconds
        return self._schedule.is_due_after_epoch()

    def save(
        self,
        state: TrainingState,
        *,
        network: nn.Module,
        best: Mapping[str, Tensor],
        optimizer: optim.Optimizer,
        average: Mapping[str, Tensor] | None,
    ) -> None:
        """Copies everything, and begins to write it.

        Raises:
            TrainingError: A weight is non-finite.
            RunError: The checkpoint before could not be written, or the folder is another's.
        """
        if not self._processes.is_main:
            return
        self._check()
        began = time.perf_counter()
        snapshot = take_snapshot(
            state, network=network, best=best, optimizer=optimizer, average=average
        )
        self._copy_seconds = time.perf_counter() - began
        self._writer.save(snapshot)
        self._schedule.was_saved()

    def close(self) -> None:
        """Waits for the last checkpoint.

        Raises:
            RunError: It could not be written.
        """
        self._writer.wait()

    def abandon(self) -> None:
        """Waits for the last checkpoint where something else has gone wrong already."""
        with suppress(Exception):
            self._writer.wait()

    def write_steps(self, rows: Sequence[StepRow]) -> None:
        """Appends steps to their log, if there is one.

        Raises:
            RunError: The folder is another's.
        """
        if self._step_log is not None:
            self._check()
            self._step_log.write(rows)

    def write_history(self, state: TrainingState) -> None:
        """Rewrites `history.csv`: one row per epoch.

        Raises:
            RunError: It can't be written, or the folder is another's.
        """
        if self._processes.is_main and state.history:
            self._check()
            rows = [list(row.values()) for row in state.history]
            write_csv(self._run.history_path, list(state.history[0]), rows)

    def write_recipe(self, recipe: ResolvedRecipe) -> None:
        """Rewrites `recipe.yaml`, with what a clock has decided.

        Raises:
            RunError: It can't be written, or the folder is another's.
        """
        if self._processes.is_main:
            self._check()
            rewrite_recipe(self._run, recipe)

    def write_failure(self, error: DivergedError | NonFiniteError) -> None:
        """Writes down why the training can't go on.

        Raises:
            RunError: It can't be written, or the folder is another's.
        """
        if self._processes.is_main:
            self._check()
            write_sealed_json(
                self._run.failure_path,
                {
                    "format": max(FailureFile.formats),
                    "message": error.message,
                    "step": error.step,
                },
            )

    def _find_own(self, reporter: Reporter) -> Checkpoint | None:
        self._check()
        remove_leftovers(self._run.path)
        remove_leftovers(self._run.checkpoints_path)
        checkpoint, remarks = load_newest(self._run.checkpoints_path, run_id=self._run_id)
        for remark in remarks:
            reporter.say(f"note: {remark}")
        if checkpoint is not None:
            reporter.say(f"resumes {_position(checkpoint.state)}")
        elif remarks:
            reporter.say("note: no checkpoint is whole; the training begins anew")
        return checkpoint

    def _is_free(self) -> bool:
        if not self._processes.is_main or self._writer.is_busy:
            return False
        self._writer.check()
        return True


def _position(state: TrainingState) -> str:
    if state.sums.steps:
        return f"in epoch {state.epoch + 1}, after {counted(state.sums.steps, 'step')} of it"
    return f"after epoch {state.epoch} (step {state.step})"


def _shared(found: Checkpoint | None, processes: ProcessGroup) -> Checkpoint | None:
    """The first process's checkpoint, in all processes."""
    if not processes.is_distributed:
        return found
    header = [found.step, list(found.files)] if found else [0, []]
    step, names = json.loads(processes.broadcast(json.dumps(header).encode()))
    files = {name: processes.broadcast(found.files[name] if found else b"") for name in names}
    return found if found is not None or not names else Checkpoint.parse(step, files)


class StepLog:
    """A file with a line of JSON for each step: step, learning rate, loss and so on.

    Args:
        path: Path of the file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def begin(self, step: int) -> None:
        """Cuts the log off before the first line of a step that is trained again, or damaged one.

        However long it is, it is read line by line.

        Raises:
            RunError: It can't be read or written.
        """
        try:
            with open_regular(self._path) as file:
                lines = iter(partial(file.readline, MAX_LINE_BYTES), b"")
                end = sum(map(len, takewhile(partial(_is_before, step), lines)))
            os.truncate(self._path, end)
        except FileNotFoundError:
            append_text(self._path, "")
        except OSError as error:
            raise RunError(
                f"`{self._path}` can't be cut off: {error.strerror or error}",
                hint="move it away, or leave out `--log-steps`",
            ) from error

    def write(self, rows: Sequence[StepRow]) -> None:
        """Appends lines.

        Raises:
            RunError: They can't be written.
        """
        append_text(self._path, "".join(json.dumps(row._asdict()) + "\n" for row in rows))


def _is_before(step: int, line: bytes) -> bool:
    """Whether a line is a whole one about an earlier step."""
    try:
        return line.endswith(b"\n") and StepLine.model_validate_json(line).step < step
    except ValidationError:
        return False  # cut off by a kill
