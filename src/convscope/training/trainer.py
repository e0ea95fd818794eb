"""The trainer: epochs of training and validation, the best weights, checkpoints, stopping."""

from __future__ import annotations

import json
import math
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from functools import partial

from torch import Tensor, nn

from convscope.classifier import collect_logits, portable_state
from convscope.data.batch import Batch, Batches
from convscope.errors import StoppedError, is_out_of_memory
from convscope.progress import Reporter, Task
from convscope.recipe import cuts_of, cuts_text
from convscope.run import Run
from convscope.training.autotune.batch_size import explain_no_memory
from convscope.training.autotune.time_budget import Deadline
from convscope.training.ema import WeightEMA
from convscope.training.freezing import freeze, set_train_mode, unfreeze
from convscope.training.loop import train_epoch
from convscope.training.runs.log import RunLog
from convscope.training.runs.signals import StopSignals
from convscope.training.runs.state import NonFiniteError, TrainingState, check_finite, copied
from convscope.training.schedules import Schedule, schedule_of
from convscope.training.setup import Setup
from convscope.training.slowdown import SlowdownWatch, slowdown_text
from convscope.training.step_metrics import DivergedError, EpochSums, MetricAccumulator, StepRow

CYCLES = 5  # last epochs from whose times the remaining ones are planned


class Trainer:
    """Runs the epochs of one training.

    Args:
        run: The run folder, for messages.
        setup: Everything that a step needs.
        log: Where checkpoints, history and the log of steps go.
        deadline: When the training has to end; None for no such moment.
    """

    def __init__(
        self, run: Run, setup: Setup, *, log: RunLog, deadline: Deadline | None = None
    ) -> None:
        self.run, self.setup = run, setup
        self._log, self._deadline = log, deadline
        self._steps_per_epoch = len(setup.train_batches)
        self._head_epochs = setup.recipe.head_epochs or 0
        cuts = setup.recipe.epochs_cut
        self._cuts = {} if cuts is None else cuts_of(cuts)
        self._accumulator = MetricAccumulator()
        self._began = self._epoch_began = 0.0  # by the clock, as if never interrupted

    def _enter_phase(self, epoch: int) -> None:
        """Makes the optimizer of an epoch and those after it: of the head alone, or of the rest."""
        head, phase, self._begins = self.setup.head_first, self.setup, self._head_epochs
        if head is not None and epoch < self._head_epochs:
            phase, self._begins = head, 0
        self._phase = phase
        freeze(phase.network, phase.recipe.tune)
        self._train_step = phase.train_step(phase.make_optimizer())
        is_steady = phase.recipe.train_sizes is None and phase.recipe.unfreeze_epochs is None
        self._watch = SlowdownWatch(is_steady=is_steady)
        ema = phase.recipe.ema
        self._ema = WeightEMA(phase.network, ema) if ema else None

    def fit(self, reporter: Reporter) -> tuple[TrainingState, Mapping[str, Tensor]]:
        """Trains all epochs that are left; returns the state and the best weights.

        Raises:
            StoppedError: A signal asked to stop, and everything is saved.
            DivergedError: The loss became non-finite.
            RunError: A checkpoint could not be written.
        """
        self.state, self.best = self._initial_state(reporter)
        self._began = time.perf_counter() - self.state.used_seconds
        left = self.state.epochs - self.state.epoch
        total = left * self.setup.train_batches.num_images - self.state.sums.num_images
        processes = self.setup.processes
        with StopSignals(
            processes.request_stop, second_acts=not processes.is_distributed
        ) as signals:
            try:
                with reporter.task("training", total) as task:
                    while not self._is_over():
                        self._epoch(task, reporter)
                self._log.close()
            except _StopRequestedError:
                again = (
                    "" if processes.is_distributed else "; once more stops at once, without saving"
                )
                self._save()
                reporter.say(f"stopping{again}")
                self._log.close()
                # Whoever ends first is a failure to torchrun, which then ends the others.
                processes.barrier()
                raise self._stopped(signals) from None
            except Exception as error:
                self._log.abandon()
                if isinstance(error, DivergedError | NonFiniteError):
                    self._log.write_failure(error)
                raise
            if processes.any_true(signals.received is not None):
                processes.barrier()
                raise self._stopped(signals)
        return self.state, self.best

    def _epoch(self, task: Task, reporter: Reporter) -> None:
        """Trains and validates one epoch, or what is left of it, and saves."""
        state, setup, was_whole = self.state, self._phase, self.state.sums.steps == 0
        first_step = self._begins * self._steps_per_epoch
        self._epoch_began = time.perf_counter() - state.epoch_seconds
        self._accumulator = MetricAccumulator(state.sums, partial(self._on_read, task))
        schedule = self._schedule()
        losses = [row["validation_loss"] for row in state.history[self._begins :]]
        # The history has the learning rate of the last step, also where it was taken before a stop.
        last = (state.epoch + 1) * self._steps_per_epoch - 1
        self._train_step.set_learning_rate(schedule.factor(last - first_step, losses))
        if setup.recipe.unfreeze_epochs is not None:
            unfreeze(setup.network, state.epoch, every=setup.recipe.unfreeze_epochs)
        set_train_mode(setup.trained_part)
        self._watch.pause()
        with self._errors_explained():
            state.sums = train_epoch(
                self._train_step,
                setup.train_batches,
                epoch=state.epoch,
                factor=lambda step: schedule.factor(step - first_step, losses),
                after_step=partial(self._after_step, reporter),
                accumulator=self._accumulator,
            )
        state.epoch_seconds = time.perf_counter() - self._epoch_began
        with self._ema.in_use() if self._ema else nullcontext():
            accuracy, loss = self._validate()
            count = len(self.setup.validation_labels)
            if state.is_better(accuracy, loss, num_images=count):
                best = copied(portable_state(setup.network))
                check_finite(best, step=state.step)
                self.best = best
                state.set_best(accuracy, loss)
        state.end_epoch(accuracy=accuracy, loss=loss, learning_rate=self._train_step.learning_rate)
        reporter.say(_history_line(state.history[-1], state.epochs))
        is_replanned = self._replan(reporter)
        if setup is not self.setup and state.epoch == self._head_epochs:
            self._enter_phase(state.epoch)  # before it is saved: a checkpoint has its optimizer
        self._log.write_history(state)
        if is_replanned or self._is_over() or self._log.is_due_after_epoch():
            self._save()
        # An epoch that was interrupted says nothing about how long an epoch takes.
        if was_whole and self._deadline is not None and setup is self.setup:
            state.cycles = [*state.cycles, time.perf_counter() - self._epoch_began][-CYCLES:]

    def _on_read(self, task: Task, rows: Sequence[StepRow], sums: EpochSums) -> None:
        seconds = max(1e-9, time.perf_counter() - self._epoch_began)
        self._log.write_steps(rows)
        task.advance(
            sum(row.num_images for row in rows),
            f"epoch {self.state.epoch + 1}/{self.state.epochs}, loss {sums.loss:.3f}, "
            f"accuracy {sums.accuracy:.1%}, {sums.num_images / seconds:,.0f} images/s",
        )

    @contextmanager
    def _errors_explained(self) -> Iterator[None]:
        """Context manager that turns torch's errors for small batches and full memory into ours."""
        try:
            yield
        except ValueError as error:
            if (explained := self.setup.explain_small_batches(error)) is None:
                raise
            raise explained from error
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            traceback.clear_frames(error.__traceback__)  # they hold what the step had computed
            raise explain_no_memory(self.setup) from error

    def _after_step(self, reporter: Reporter, step: int) -> None:
        """Updates the moving average; saves or stops where that is due."""
        if times := self._watch.step():
            reporter.say(slowdown_text(times, precision=self.setup.device.precision))
        if self._ema is not None:
            self._ema.update(step)
        self.state.step += 1
        stops = self.setup.processes.should_stop
        is_last = self._accumulator.steps == self._steps_per_epoch  # soon there is more to save
        if stops or (self._log.is_due_after_step() and not is_last):
            self.state.sums = self._accumulator.sums()
            self.state.epoch_seconds = time.perf_counter() - self._epoch_began
            if stops:
                raise _StopRequestedError
            self._save()
            self._watch.pause()

    def _schedule(self) -> Schedule:
        is_last = self._phase is self.setup
        ends = self.state.epochs if is_last else self._head_epochs
        return schedule_of(
            self._phase.recipe, epochs=ends - self._begins, steps_per_epoch=self._steps_per_epoch
        )

    def _validate(self) -> tuple[float, float]:
        """Accuracy and loss on the validation images, in full precision as in prediction."""
        setup, processes = self._phase, self.setup.processes
        setup.trained_part.eval()
        mine = collect_logits(setup.trained_part, self._stoppable(setup.validation_batches))
        logits, labels = processes.all_gather(mine), setup.validation_labels
        correct = int((logits.argmax(dim=1) == labels).sum())
        loss = float(nn.functional.cross_entropy(logits.double(), labels))
        # Other processors may round differently, and these numbers decide what follows.
        loss = json.loads(processes.broadcast(json.dumps(loss).encode()))
        if not math.isfinite(loss):
            step = self._train_step
            raise DivergedError(
                self.state.step - 1,
                loss,
                step.learning_rate,
                highest_lr=step.highest_learning_rate,
            )
        return correct / len(logits), loss

    def _stoppable(self, batches: Batches) -> Iterator[Batch]:
        """Batches between which a process alone may stop; several stop together after a step."""
        processes = self.setup.processes
        for batch in batches.epoch(0):
            if processes.should_stop and not processes.is_distributed:
                raise _StopRequestedError
            yield batch

    def _stopped(self, signals: StopSignals) -> StoppedError:
        return StoppedError(signals.received, step=self.state.step, place=str(self.run.path))

    def _initial_state(self, reporter: Reporter) -> tuple[TrainingState, Mapping[str, Tensor]]:
        """The state of this run's checkpoint, of the run that it continues, or a new one."""
        recipe, network = self.setup.recipe, self.setup.network
        checkpoint = self._log.find_checkpoint(recipe.continues, reporter)
        self._enter_phase(0 if checkpoint is None else checkpoint.state.epoch)
        if checkpoint is None:
            state = TrainingState(
                epochs=recipe.epochs,
                planned_epochs=recipe.epochs,
                steps_per_epoch=self._steps_per_epoch,
            )
            best: Mapping[str, Tensor] = copied(portable_state(network))
        else:
            checkpoint.restore(network, self._train_step.optimizer)
            if self._ema is not None:
                self._ema.restore(checkpoint.average or checkpoint.model)
            state, best = checkpoint.state, checkpoint.best
            if state.adapt(epochs=recipe.epochs, steps_per_epoch=self._steps_per_epoch):
                reporter.say(f"note: epoch {state.epoch + 1} begins again: its steps changed")
            if self._deadline is not None:
                self._deadline = self._deadline.sooner(state.used_seconds)
        # The weights, the best ones, and what most optimizers keep of each: two numbers.
        num_bytes = 4 * sum(value.nbytes for value in portable_state(network).values())
        self._log.begin(state, num_bytes=num_bytes)
        return state, best

    def _replan(self, reporter: Reporter) -> bool:
        """Leaves out epochs that the recipe leaves out, or for which there is no time left.

        The schedule ends sooner, so what a clock has decided has to be on record.

        Returns:
            Whether the number of epochs changed.
        """
        state = self.state
        epochs = min(state.epochs, self._cuts.get(state.epoch, state.epochs))
        if self._deadline is not None:
            fit = self._deadline.epochs_that_fit(state.cycles, done=state.epoch, planned=epochs)
            epochs = int(self.setup.processes.broadcast(str(fit).encode()))
        if epochs >= state.epochs:
            return False
        if self._cuts.get(state.epoch) != epochs:
            if state.epochs == self.setup.recipe.epochs:
                reporter.say(
                    "note: epochs take longer than when the time was planned: "
                    f"{epochs} of them, not {state.epochs}"
                )
            self._cuts = {done: e for done, e in self._cuts.items() if done < state.epoch}
            self._cuts[state.epoch] = epochs
            # Before the checkpoint: a training that resumes from the one before does the same.
            cut = {"epochs_cut": cuts_text(self._cuts)}
            self._log.write_recipe(self.setup.recipe.model_copy(update=cut))
        state.epochs = epochs
        return True

    def _is_over(self) -> bool:
        state, patience = self.state, self.setup.recipe.patience
        counted_from = max(state.first_epoch, self._head_epochs)
        waited = state.epoch - 1 - max(state.best_epoch, counted_from - 1)
        return state.epoch >= state.epochs or (patience is not None and waited >= patience)

    def _save(self) -> None:
        """Writes a checkpoint of this moment, in the middle of an epoch or after it."""
        self.state.used_seconds = time.perf_counter() - self._began
        self._log.save(
            self.state,
            network=self.setup.network,
            best=self.best,
            optimizer=self._train_step.optimizer,
            average=None if self._ema is None else self._ema.state,
        )


class _StopRequestedError(Exception):
    """A signal asked to stop between two steps."""


def _history_line(row: Mapping[str, float], epochs: int) -> str:
    return (
        f"epoch {row['epoch']:>3.0f}/{epochs}  loss {row['train_loss']:.4f}  "
        f"accuracy {row['train_accuracy']:.2%}  validation loss {row['validation_loss']:.4f}  "
        f"accuracy {row['validation_accuracy']:.2%}  {row['epoch_seconds']:.1f} s  "
        f"{row['images_per_second']:,.0f} images/s"
    )
