"""The epochs of one training: learn, validate, keep the best, write checkpoints."""

from __future__ import annotations

import json
import math
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext

from torch import Tensor, nn, optim

from convscope.classifier import collect_logits, portable_state
from convscope.data.batches import Batch, Batches
from convscope.errors import StoppedError
from convscope.files import write_json
from convscope.progress import Reporter, Task
from convscope.recipe import DecidedRecipe
from convscope.run import FORMAT, Run
from convscope.training.averaging import WeightAverage
from convscope.training.budget import Deadline
from convscope.training.equipment import Equipment, check_batch_norm
from convscope.training.interruption import Interruption
from convscope.training.loop import Stepping, highest_rate, set_rate, train_epoch
from convscope.training.memory import explain_no_memory, is_out_of_memory
from convscope.training.optimizers import optimizer_of
from convscope.training.record import Record
from convscope.training.schedules import Schedule, schedule_of
from convscope.training.state import NotFiniteError, TrainingState, check_finite, copied
from convscope.training.tally import DivergedError, EpochSums, StepRow, Tally
from convscope.training.tuning import set_learning_mode, unfreeze

CYCLES = 5  # last epochs by which those that are left are planned


class Fitting:
    """The epochs of one training.

    Args:
        run: Where a failure is written down.
        recipe: With all choices made.
        equipment: What a step needs.
        record: Where checkpoints, history and the log of steps go.
        deadline: When the training has to end; None for no such moment.
    """

    def __init__(
        self,
        run: Run,
        recipe: DecidedRecipe,
        equipment: Equipment,
        *,
        record: Record,
        deadline: Deadline | None = None,
    ) -> None:
        self.run, self.recipe, self.equipment = run, recipe, equipment
        self._record, self._deadline = record, deadline
        self.steps_per_epoch = len(equipment.train_batches)
        self.optimizer: optim.Optimizer = optimizer_of(recipe, equipment.groups(recipe))
        self.average = WeightAverage(equipment.network, recipe.ema) if recipe.ema else None
        self._tally = Tally()
        self._began = self._epoch_began = 0.0  # by the clock, as if nothing had been broken off

    def fit(self, reporter: Reporter) -> tuple[TrainingState, Mapping[str, Tensor]]:
        """All epochs that are still to do; returns the state and the best weights.

        Raises:
            StoppedError: It was asked to stop, and has saved what it has.
            DivergedError: The loss became infinite or no number.
            RunError: A checkpoint could not be written.
        """
        self.state, self.best = self._begin(reporter)
        self._began = time.perf_counter() - self.state.used_seconds
        left = self.state.epochs - self.state.epoch
        total = left * self.equipment.train_batches.num_images - self.state.sums.num_images
        processes = self.equipment.processes
        with Interruption(
            processes.request_stop, second_acts=not processes.are_several
        ) as interruption:
            try:
                with reporter.task("training", total) as task:
                    self._epochs(task, reporter)
                self._record.close()
            except _StopRequestedError:
                reporter.say("stopping; once more stops at once, without saving")
                self._save()
                self._record.close()
                # Whoever ends first is a failure to torchrun, which then ends the others.
                processes.wait_for_all()
                raise self._stopped(interruption) from None
            except Exception as error:
                self._record.abandon()
                if isinstance(error, DivergedError | NotFiniteError):
                    self._record_failure(error)
                raise
            if processes.any_says(interruption.signal is not None):
                processes.wait_for_all()
                raise self._stopped(interruption)
        return self.state, self.best

    def _stopped(self, interruption: Interruption) -> StoppedError:
        place = str(self.run.path)
        return StoppedError(interruption.signal, step=self.state.step, place=place)

    def _epochs(self, task: Task, reporter: Reporter) -> None:
        state = self.state
        while not self._is_over():
            is_whole = state.sums.steps == 0
            self._epoch(task)
            reporter.say(_line(state.history[-1], state.epochs))
            is_changed = self._plan_anew(reporter)
            self._record.write_history(state)
            if is_changed or self._is_over() or self._record.is_due_after_epoch():
                self._save()
            # One that was broken off says nothing about how long an epoch takes.
            if is_whole and self._deadline is not None:
                state.cycles = [*state.cycles, time.perf_counter() - self._epoch_began][-CYCLES:]

    def _epoch(self, task: Task) -> None:
        """Learns and validates; moves the state on."""
        state = self.state
        self._epoch_began = time.perf_counter() - state.epoch_seconds
        self._tally = Tally(state.sums, self._on_look(task))
        sums = self._train_epoch()
        state.sums = sums
        state.epoch_seconds = time.perf_counter() - self._epoch_began
        with self.average.in_use() if self.average else nullcontext():
            accuracy, loss = self._validate()
            if state.is_better(accuracy, loss):
                best = copied(portable_state(self.equipment.network))
                check_finite(best, step=state.step)
                self.best = best
                state.best_epoch, state.best_accuracy = state.epoch, accuracy
                state.best_loss = loss
        self._add_row(sums, accuracy=accuracy, loss=loss, seconds=state.epoch_seconds)
        state.end_epoch()

    def _on_look(self, task: Task) -> Callable[[Sequence[StepRow], EpochSums], None]:
        def on_look(rows: Sequence[StepRow], sums: EpochSums) -> None:
            seconds = max(1e-9, time.perf_counter() - self._epoch_began)
            self._record.log(rows)
            task.advance(
                sum(row.num_images for row in rows),
                f"epoch {self.state.epoch + 1}/{self.state.epochs}, loss {sums.loss:.3f}, "
                f"accuracy {sums.accuracy:.1%}, {sums.num_images / seconds:,.0f} images/s",
            )

        return on_look

    def _train_epoch(self) -> EpochSums:
        equipment, recipe, state = self.equipment, self.recipe, self.state
        if recipe.unfreeze_epochs is not None:
            unfreeze(equipment.network, state.epoch, every=recipe.unfreeze_epochs)
        set_learning_mode(equipment.learner)
        schedule = self._schedule(state.epochs)
        losses = [row["validation_loss"] for row in state.history]
        # The rate of the last step stands in the history, also where it was taken before a stop.
        last = (state.epoch + 1) * self.steps_per_epoch - 1
        set_rate(self.optimizer, schedule.factor(last, losses))
        try:
            return train_epoch(
                equipment.learner,
                equipment.train_batches,
                epoch=state.epoch,
                objective=equipment.objective,
                stepping=Stepping(
                    optimizer=self.optimizer,
                    factor=lambda step: schedule.factor(step, losses),
                    rules=equipment.rules,
                    after=self._after_step,
                ),
                device=equipment.device,
                processes=equipment.processes,
                seed=recipe.seed,
                tally=self._tally,
            )
        except ValueError as error:
            if (explained := check_batch_norm(error, recipe)) is None:
                raise
            raise explained from error
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            traceback.clear_frames(error.__traceback__)  # they hold what the step had computed
            raise explain_no_memory(recipe, equipment) from error

    def _after_step(self, step: int) -> None:
        """The average, and whatever may happen between two steps."""
        if self.average is not None:
            self.average.update(step)
        self.state.step += 1
        stops = self.equipment.processes.should_stop
        is_last = self._tally.steps == self.steps_per_epoch  # soon there is more to save
        if stops or (self._record.is_due_after_step() and not is_last):
            self.state.sums = self._tally.sums()
            self.state.epoch_seconds = time.perf_counter() - self._epoch_began
            if stops:
                raise _StopRequestedError
            self._save()

    def _schedule(self, epochs: int) -> Schedule:
        return schedule_of(self.recipe, epochs=epochs, steps_per_epoch=self.steps_per_epoch)

    def _validate(self) -> tuple[float, float]:
        """Accuracy and loss on the validation images, in full precision as when it is used."""
        equipment = self.equipment
        equipment.learner.eval()
        mine = collect_logits(equipment.learner, self._stoppable(equipment.validation_batches))
        logits, labels = equipment.processes.gather(mine), equipment.validation_labels
        correct = int((logits.argmax(dim=1) == labels).sum())
        loss = float(nn.functional.cross_entropy(logits.double(), labels))
        # Other processors may round differently, and what follows is decided by these numbers.
        loss = json.loads(equipment.processes.broadcast(json.dumps(loss).encode()))
        if not math.isfinite(loss):
            rate = self.optimizer.param_groups[0]["lr"]
            highest = highest_rate(self.optimizer)
            raise DivergedError(self.state.step - 1, loss, rate, highest_lr=highest)
        return correct / len(logits), loss

    def _stoppable(self, batches: Batches) -> Iterator[Batch]:
        """Batches between which a process alone may stop; several stop together after a step."""
        processes = self.equipment.processes
        for batch in batches.epoch(0):
            if processes.should_stop and not processes.are_several:
                raise _StopRequestedError
            yield batch

    def _record_failure(self, error: DivergedError | NotFiniteError) -> None:
        if self.equipment.processes.is_first:
            write_json(
                self.run.failure_path,
                {"format": FORMAT, "message": error.message, "step": error.step},
            )

    def _begin(self, reporter: Reporter) -> tuple[TrainingState, Mapping[str, Tensor]]:
        """The state to go on from: this run's own, that of the run it continues, or a new one."""
        checkpoint = self._record.find(self.recipe, reporter)
        if checkpoint is None:
            state = TrainingState(
                epochs=self.recipe.epochs,
                planned_epochs=self.recipe.epochs,
                steps_per_epoch=self.steps_per_epoch,
            )
            self._begin_record(state)
            return state, copied(portable_state(self.equipment.network))
        checkpoint.restore(self.equipment.network, self.optimizer)
        if self.average is not None:
            self.average.restore(checkpoint.average or checkpoint.model)
        state = checkpoint.state
        if state.adapt(epochs=self.recipe.epochs, steps_per_epoch=self.steps_per_epoch):
            reporter.say(f"note: epoch {state.epoch + 1} begins again: its steps are others now")
        if self._deadline is not None:
            self._deadline = self._deadline.sooner(state.used_seconds)
        self._begin_record(state)
        return state, checkpoint.best

    def _begin_record(self, state: TrainingState) -> None:
        """Tells the record where the training is, and how large its checkpoints will be."""
        weights = portable_state(self.equipment.network).values()
        self._record.begin(
            state,
            steps_per_epoch=self.steps_per_epoch,
            # The weights, the best ones, and what most optimizers keep of each: two numbers.
            num_bytes=4 * sum(value.nbytes for value in weights),
        )

    def _plan_anew(self, reporter: Reporter) -> bool:
        """Leaves epochs out for which there is no time left; the schedule ends sooner.

        Returns:
            Whether the plan is another one now: what a clock has decided has to be on record.
        """
        if self._deadline is None:
            return False
        state = self.state
        epochs = self._deadline.epochs_that_fit(
            state.cycles, done=state.epoch, planned=state.epochs
        )
        epochs = int(self.equipment.processes.broadcast(str(epochs).encode()))
        if epochs >= state.epochs:
            return False
        if state.epochs == self.recipe.epochs:
            reporter.say(
                "note: epochs take longer than when the time was planned: "
                f"{epochs} of them, not {state.epochs}"
            )
        state.epochs = epochs
        return True

    def _is_over(self) -> bool:
        state = self.state
        waited = state.epoch - 1 - max(state.best_epoch, state.first_epoch - 1)
        lost_patience = self.recipe.patience is not None and waited >= self.recipe.patience
        return lost_patience or state.epoch >= state.epochs

    def _add_row(self, sums: EpochSums, *, accuracy: float, loss: float, seconds: float) -> None:
        self.state.history.append(
            {
                "epoch": self.state.epoch + 1,
                "step": self.state.step,
                "learning_rate": self.optimizer.param_groups[0]["lr"],
                "train_loss": sums.loss,
                "train_accuracy": sums.accuracy,
                "validation_loss": loss,
                "validation_accuracy": accuracy,
                "epoch_seconds": round(seconds, 3),
                "images_per_second": round(sums.num_images / max(seconds, 1e-9), 1),
            }
        )

    def _save(self) -> None:
        """A checkpoint of this moment, in the middle of an epoch or after it."""
        self.state.used_seconds = time.perf_counter() - self._began
        self._record.save(
            self.state,
            network=self.equipment.network,
            best=self.best,
            optimizer=self.optimizer,
            average=None if self.average is None else self.average.state,
        )


class _StopRequestedError(Exception):
    """Between two steps somebody wants to stop."""


def _line(row: dict[str, float], epochs: int) -> str:
    return (
        f"epoch {row['epoch']:>3.0f}/{epochs}  loss {row['train_loss']:.4f}  "
        f"accuracy {row['train_accuracy']:.2%}  validation loss {row['validation_loss']:.4f}  "
        f"accuracy {row['validation_accuracy']:.2%}  {row['epoch_seconds']:.1f} s  "
        f"{row['images_per_second']:,.0f} images/s"
    )
