"""The epochs of one training: learn, validate, keep the best, write a checkpoint."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path

from torch import Tensor, nn, optim

from convscope.classifier import collect_logits, portable_state
from convscope.files import write_csv, write_json
from convscope.progress import Reporter, Task
from convscope.recipe import DecidedRecipe
from convscope.run import FORMAT, Run
from convscope.training.averaging import WeightAverage
from convscope.training.budget import Deadline
from convscope.training.cadence import Cadence
from convscope.training.checkpoint import (
    Checkpoint,
    TrainingState,
    load_ended,
    load_newest,
    save_checkpoint,
)
from convscope.training.equipment import Equipment, check_batch_norm
from convscope.training.loop import (
    DivergedError,
    EpochSums,
    OnLook,
    Stepping,
    StepRow,
    highest_rate,
    train_epoch,
)
from convscope.training.optimizers import optimizer_of
from convscope.training.schedules import Schedule, schedule_of
from convscope.training.step_log import StepLog
from convscope.training.tuning import set_learning_mode, unfreeze


class Fitting:
    """The epochs of one training.

    Args:
        run: Where checkpoints and the history go.
        recipe: With all choices made.
        equipment: What a step needs.
        log: One line a step; None for no such log.
        deadline: When the training has to end; None for no such moment.
    """

    def __init__(
        self,
        run: Run,
        recipe: DecidedRecipe,
        equipment: Equipment,
        *,
        log: StepLog | None = None,
        deadline: Deadline | None = None,
    ) -> None:
        self.run, self.recipe, self.equipment = run, recipe, equipment
        self._log, self._deadline = log, deadline
        self._checkpoints = Cadence()
        self.steps_per_epoch = len(equipment.train_batches)
        self.optimizer: optim.Optimizer = optimizer_of(recipe, equipment.groups(recipe))
        self.average = WeightAverage(equipment.network, recipe.ema) if recipe.ema else None

    def fit(self, reporter: Reporter) -> tuple[TrainingState, Mapping[str, Tensor]]:
        """All epochs that are still to do; returns the state and the best weights."""
        state, best = self._begin(reporter)
        total = (state.epochs - state.epoch) * self.equipment.train_batches.num_images
        cycles: list[float] = []
        with reporter.task("training", total) as task:
            while not self._is_over(state):
                began = time.perf_counter()
                best = self._epoch(state, best, task)
                reporter.say(_line(state.history[-1], state.epochs))
                self._plan_anew(state, cycles, reporter)
                self._write_history(state)
                if self._is_over(state) or self._checkpoints.is_due():
                    self._save(state, best)
                cycles.append(time.perf_counter() - began)
                state.used_seconds += cycles[-1]
        return state, best

    def _epoch(
        self, state: TrainingState, best: Mapping[str, Tensor], task: Task
    ) -> Mapping[str, Tensor]:
        """Learns and validates; moves the state on and returns the best weights so far."""
        began = time.perf_counter()

        def on_look(rows: Sequence[StepRow], sums: EpochSums) -> None:
            seconds = max(1e-9, time.perf_counter() - began)
            if self._log is not None:
                self._log.write(rows)
            task.advance(
                sum(row.num_images for row in rows),
                f"epoch {state.epoch + 1}/{state.epochs}, loss {sums.loss:.3f}, "
                f"accuracy {sums.accuracy:.1%}, {sums.num_images / seconds:,.0f} images/s",
            )

        sums = self._train_epoch(state, on_look)
        seconds = time.perf_counter() - began
        with self.average.in_use() if self.average else nullcontext():
            accuracy, loss = self._validate(state.epoch)
            if state.is_better(accuracy, loss):
                best = _copied(self.equipment.network)
                state.best_epoch, state.best_accuracy, state.best_loss = (
                    state.epoch,
                    accuracy,
                    loss,
                )
        self._record(state, sums, accuracy=accuracy, loss=loss, seconds=seconds)
        state.epoch += 1
        return best

    def _train_epoch(self, state: TrainingState, on_look: OnLook) -> EpochSums:
        equipment, recipe = self.equipment, self.recipe
        if recipe.unfreeze_epochs is not None:
            unfreeze(equipment.network, state.epoch, every=recipe.unfreeze_epochs)
        set_learning_mode(equipment.learner)
        schedule = self._schedule(state.epochs)
        losses = [row["validation_loss"] for row in state.history]
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
                    after=self.average.update if self.average else lambda step: None,
                ),
                device=equipment.device,
                seed=recipe.seed,
                on_look=on_look,
            )
        except DivergedError as error:
            self._record_failure(error)
            raise
        except ValueError as error:
            if (explained := check_batch_norm(error, recipe)) is None:
                raise
            raise explained from error

    def _schedule(self, epochs: int) -> Schedule:
        return schedule_of(self.recipe, epochs=epochs, steps_per_epoch=self.steps_per_epoch)

    def _validate(self, epoch: int) -> tuple[float, float]:
        """Accuracy and loss on the validation images, in full precision as when it is used."""
        equipment = self.equipment
        equipment.learner.eval()
        logits = collect_logits(equipment.learner, equipment.validation_batches.epoch(0))
        labels = equipment.validation_labels
        correct = int((logits.argmax(dim=1) == labels).sum())
        loss = float(nn.functional.cross_entropy(logits.double(), labels))
        if not math.isfinite(loss):
            step = (epoch + 1) * self.steps_per_epoch - 1
            rate = self.optimizer.param_groups[0]["lr"]
            error = DivergedError(step, loss, rate, highest_lr=highest_rate(self.optimizer))
            self._record_failure(error)
            raise error
        return correct / len(logits), loss

    def _record_failure(self, error: DivergedError) -> None:
        write_json(
            self.run.failure_path,
            {"format": FORMAT, "message": error.message, "step": error.step},
        )

    def _begin(self, reporter: Reporter) -> tuple[TrainingState, Mapping[str, Tensor]]:
        """The state to go on from: this run's own, that of the run it continues, or a new one."""
        checkpoint, remarks = load_newest(self.run.checkpoints_path)
        for remark in remarks:
            reporter.say(f"note: {remark}")
        if checkpoint is not None:
            words = f"continues after epoch {checkpoint.state.epoch} (step {checkpoint.step})"
            if self._deadline is not None:
                self._deadline = self._deadline.sooner(checkpoint.state.used_seconds)
            return self._restored(checkpoint, words, reporter)
        if self.recipe.continues is not None:
            source = load_ended(Path(self.recipe.continues))
            source.state.epochs = self.recipe.epochs
            source.state.first_epoch = source.state.epoch
            source.state.used_seconds = 0.0
            words = f"goes on after epoch {source.state.epoch} of `{self.recipe.continues}`"
            return self._restored(source, words, reporter)
        if self._log is not None:
            self._log.begin(0)
        return TrainingState(epochs=self.recipe.epochs), _copied(self.equipment.network)

    def _restored(
        self, checkpoint: Checkpoint, words: str, reporter: Reporter
    ) -> tuple[TrainingState, Mapping[str, Tensor]]:
        state = checkpoint.state
        checkpoint.restore(self.equipment.network, self.optimizer)
        if self.average is not None:
            self.average.restore(checkpoint.average or checkpoint.model)
        if self._log is not None:
            self._log.begin(state.epoch * self.steps_per_epoch)
        self._write_history(state)
        reporter.say(words)
        return state, checkpoint.best

    def _plan_anew(self, state: TrainingState, cycles: Sequence[float], reporter: Reporter) -> None:
        """Leaves epochs out for which there is no time left; the schedule ends sooner."""
        if self._deadline is None:
            return
        epochs = self._deadline.epochs_that_fit(cycles, done=state.epoch, planned=state.epochs)
        if epochs < state.epochs:
            if state.epochs == self.recipe.epochs:
                reporter.say(
                    "note: epochs take longer than when the time was planned: "
                    f"{epochs} of them, not {state.epochs}"
                )
            state.epochs = epochs

    def _is_over(self, state: TrainingState) -> bool:
        waited = state.epoch - 1 - max(state.best_epoch, state.first_epoch - 1)
        lost_patience = self.recipe.patience is not None and waited >= self.recipe.patience
        return lost_patience or state.epoch >= state.epochs

    def _record(
        self,
        state: TrainingState,
        sums: EpochSums,
        *,
        accuracy: float,
        loss: float,
        seconds: float,
    ) -> None:
        state.history.append(
            {
                "epoch": state.epoch + 1,
                "step": (state.epoch + 1) * self.steps_per_epoch,
                "learning_rate": self.optimizer.param_groups[0]["lr"],
                "train_loss": sums.loss,
                "train_accuracy": sums.accuracy,
                "validation_loss": loss,
                "validation_accuracy": accuracy,
                "epoch_seconds": round(seconds, 3),
                "images_per_second": round(sums.num_images / max(seconds, 1e-9), 1),
            }
        )

    def _save(self, state: TrainingState, best: Mapping[str, Tensor]) -> None:
        with self._checkpoints.timed():
            save_checkpoint(
                self.run.checkpoints_path,
                state.epoch * self.steps_per_epoch,
                network=self.equipment.network,
                best=best,
                optimizer=self.optimizer,
                state=state,
                average=None if self.average is None else self.average.state,
            )

    def _write_history(self, state: TrainingState) -> None:
        header = list(state.history[0])
        write_csv(self.run.history_path, header, [list(row.values()) for row in state.history])


def _copied(network: nn.Module) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in portable_state(network).items()}


def _line(row: dict[str, float], epochs: int) -> str:
    return (
        f"epoch {row['epoch']:>3.0f}/{epochs}  loss {row['train_loss']:.4f}  "
        f"accuracy {row['train_accuracy']:.2%}  validation loss {row['validation_loss']:.4f}  "
        f"accuracy {row['validation_accuracy']:.2%}  {row['epoch_seconds']:.1f} s  "
        f"{row['images_per_second']:,.0f} images/s"
    )
