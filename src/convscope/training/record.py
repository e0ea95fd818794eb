"""Record: what a training writes while it runs. Of several processes the first alone writes."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from torch import Tensor, nn, optim

from convscope.errors import counted
from convscope.files import remove_leftovers, write_csv
from convscope.processes import Processes
from convscope.progress import Reporter
from convscope.recipe import DecidedRecipe
from convscope.run import Run
from convscope.training.cadence import USUAL_INTERVAL, Cadence, Interval
from convscope.training.checkpoint import Checkpoint, load_ended, load_newest
from convscope.training.saver import Saver
from convscope.training.state import TrainingState, take_snapshot
from convscope.training.step_log import StepLog
from convscope.training.tally import StepRow


class Record:
    """Checkpoints, history and, if asked for, a log of the steps.

    Args:
        run: Where they go.
        run_id: Tells this run's checkpoints from those of another.
        processes: Which of those this is that train together.
        interval: The longest way between two checkpoints.
        logs_steps: Whether there is a log of the steps.
    """

    def __init__(
        self,
        run: Run,
        *,
        run_id: str,
        processes: Processes,
        interval: Interval = USUAL_INTERVAL,
        logs_steps: bool = False,
    ) -> None:
        self._run, self._run_id, self._processes = run, run_id, processes
        self._cadence = Cadence(interval)
        self._saver = Saver(run.checkpoints_path, run_id=run_id)
        self._copy_seconds = 0.0
        writes_log = logs_steps and processes.is_first
        self._log = StepLog(run.step_log_path) if writes_log else None

    def find(self, recipe: DecidedRecipe, reporter: Reporter) -> Checkpoint | None:
        """What to go on from: this run's newest checkpoint, or the end of the run it continues.

        Raises:
            RunError: There is one of another format, or none where one has to be.
        """
        found, is_another = None, False
        if self._processes.is_first:
            found = self._find_own(reporter)
            if found is None and recipe.continues is not None:
                found, is_another = load_ended(Path(recipe.continues), reporter.say), True
                place = _place(found.state)
                reporter.say(f"goes on {place} of `{recipe.continues}`")
        found = _shared(found, self._processes)
        if found is not None and self._processes.first_says(is_another):
            found.state.begin_here()
        return found

    def begin(self, state: TrainingState, *, steps_per_epoch: int, num_bytes: int) -> None:
        """Makes history and log say what the state says; what came after it is done again.

        Args:
            state: Where the training is.
            steps_per_epoch: For the log.
            num_bytes: Of a checkpoint, about.
        """
        self._cadence.expect(num_bytes)
        if self._log is not None:
            self._log.begin(state.epoch * steps_per_epoch + state.sums.steps)
        if self._processes.is_first and not state.history:
            self._run.history_path.unlink(missing_ok=True)
        self.write_history(state)

    def is_due_after_step(self) -> bool:
        """Whether to save in the middle of an epoch; called once a step.

        Raises:
            RunError: The last checkpoint could not be written.
        """
        return self._cadence.is_due_after_step() and self._is_free()

    def is_due_after_epoch(self) -> bool:
        """Whether to save at the end of an epoch.

        Raises:
            RunError: The last checkpoint could not be written.
        """
        if not self._is_free():
            return False
        if self._saver.seconds:
            self._cadence.cost_seconds = self._copy_seconds + self._saver.seconds
        return self._cadence.is_due_after_epoch()

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
            TrainingError: A weight is infinite or no number.
            RunError: The checkpoint before could not be written.
        """
        if not self._processes.is_first:
            return
        began = time.perf_counter()
        snapshot = take_snapshot(
            state, network=network, best=best, optimizer=optimizer, average=average
        )
        self._copy_seconds = time.perf_counter() - began
        self._saver.save(snapshot)
        self._cadence.was_saved()

    def close(self) -> None:
        """Waits for the last checkpoint.

        Raises:
            RunError: It could not be written.
        """
        self._saver.wait()

    def abandon(self) -> None:
        """Waits for the last checkpoint where something else has gone wrong already."""
        with suppress(Exception):
            self._saver.wait()

    def log(self, rows: Sequence[StepRow]) -> None:
        """Adds steps to their log."""
        if self._log is not None:
            self._log.write(rows)

    def write_history(self, state: TrainingState) -> None:
        """Writes `history.csv` anew: one row per epoch."""
        if self._processes.is_first and state.history:
            rows = [list(row.values()) for row in state.history]
            write_csv(self._run.history_path, list(state.history[0]), rows)

    def _find_own(self, reporter: Reporter) -> Checkpoint | None:
        """This run's newest checkpoint that is whole."""
        remove_leftovers(self._run.path)
        remove_leftovers(self._run.checkpoints_path)
        checkpoint, remarks = load_newest(self._run.checkpoints_path, run_id=self._run_id)
        for remark in remarks:
            reporter.say(f"note: {remark}")
        if checkpoint is not None:
            reporter.say(f"continues {_place(checkpoint.state)}")
        elif remarks:
            reporter.say("note: no checkpoint is whole; the training begins anew")
        return checkpoint

    def _is_free(self) -> bool:
        if not self._processes.is_first or self._saver.is_busy:
            return False
        self._saver.check()
        return True


def _place(state: TrainingState) -> str:
    if state.sums.steps:
        return f"in epoch {state.epoch + 1}, after {counted(state.sums.steps, 'step')} of it"
    return f"after epoch {state.epoch} (step {state.step})"


def _shared(found: Checkpoint | None, processes: Processes) -> Checkpoint | None:
    """What the first process found, in all of them."""
    if not processes.are_several:
        return found
    facts = [found.step, list(found.files)] if found else [0, []]
    step, names = json.loads(processes.broadcast(json.dumps(facts).encode()))
    files = {name: processes.broadcast(found.files[name] if found else b"") for name in names}
    return found if found is not None or not names else Checkpoint.parse(step, files)
