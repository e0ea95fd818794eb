"""The epochs of one training: learn, validate, keep the best, write a checkpoint."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping

import torch
from torch import Tensor, nn, optim

from convscope.classifier import EVALUATION_BATCH, collect_logits, portable_state
from convscope.data.batches import ImageBatches, Variation
from convscope.data.preprocessing import Preprocessing
from convscope.device import Device
from convscope.errors import UsageError
from convscope.files import write_csv, write_json
from convscope.progress import Reporter, Task
from convscope.recipe import DecidedRecipe
from convscope.run import FORMAT, Run
from convscope.training.checkpoint import TrainingState, load_newest, save_checkpoint
from convscope.training.choices import augmentation_of, mixing_of
from convscope.training.loop import DivergedError, EpochSums, OnStep, train_epoch
from convscope.training.material import Material
from convscope.training.objectives import Classification
from convscope.training.optimizers import make_optimizer
from convscope.training.schedules import Schedule
from convscope.training.tuning import set_learning_mode


class Fitting:
    """The epochs of one training."""

    def __init__(
        self,
        run: Run,
        recipe: DecidedRecipe,
        network: nn.Module,
        material: Material,
        *,
        preprocessing: Preprocessing,
        device: Device,
    ) -> None:
        self.run, self.recipe, self.device = run, recipe, device
        self.network = network.to(device.torch)
        augmentation = augmentation_of(recipe)
        augmentation.check_applies(preprocessing.channels)
        gallery, split = material.gallery, material.split
        self.train_batches = ImageBatches(
            material.learning,
            gallery.labels,
            split.train,
            preprocessing=preprocessing,
            batch_size=recipe.batch_size,
            device=device.torch,
            variation=Variation(
                recipe.seed,
                augmentation,
                sizes=gallery.sizes,
                mixing=mixing_of(recipe),
                num_classes=len(gallery.dataset.classes),
            ),
        )
        self.validation_batches = ImageBatches(
            material.evaluation,
            gallery.labels,
            split.validation,
            preprocessing=preprocessing,
            batch_size=EVALUATION_BATCH,
            device=device.torch,
        )
        self.validation_labels = torch.from_numpy(gallery.labels[split.validation])
        self.objective = Classification(recipe.label_smoothing, recipe.auxiliary_weight)
        self.optimizer: optim.Optimizer = make_optimizer(
            network,
            recipe.opt,
            lr=recipe.lr,
            weight_decay=recipe.weight_decay,
            momentum=recipe.momentum,
        )
        steps = len(self.train_batches)
        self.schedule = Schedule(
            recipe.sched, steps * recipe.epochs, round(recipe.warmup_epochs * steps)
        )

    def fit(self, reporter: Reporter) -> tuple[TrainingState, Mapping[str, Tensor]]:
        """All epochs that are still to do; returns the state and the best weights."""
        state, best = self._begin(reporter)
        total = (self.recipe.epochs - state.epoch) * self.train_batches.num_images
        with reporter.task("training", total) as task:
            while state.epoch < self.recipe.epochs and not self._is_patience_over(state):
                best = self._epoch(state, best, task)
                reporter.say(_line(state.history[-1], self.recipe.epochs))
                save_checkpoint(
                    self.run.checkpoints_path,
                    state.epoch * len(self.train_batches),
                    network=self.network,
                    best=best,
                    optimizer=self.optimizer,
                    state=state,
                )
                self._write_history(state)
        return state, best

    def _epoch(
        self, state: TrainingState, best: Mapping[str, Tensor], task: Task
    ) -> Mapping[str, Tensor]:
        """Learns and validates; moves the state on and returns the best weights so far."""
        began = time.monotonic()

        def on_step(count: int, sums: EpochSums) -> None:
            seconds = max(1e-9, time.monotonic() - began)
            task.advance(
                count,
                f"epoch {state.epoch + 1}/{self.recipe.epochs}, loss {sums.loss:.3f}, "
                f"accuracy {sums.accuracy:.1%}, {sums.num_images / seconds:,.0f} images/s",
            )

        sums = self._train_epoch(state.epoch, on_step)
        seconds = time.monotonic() - began
        accuracy, loss = self._validate(state.epoch)
        if state.is_better(accuracy, loss):
            best = _copied(self.network)
            state.best_epoch, state.best_accuracy, state.best_loss = state.epoch, accuracy, loss
        self._record(state, sums, accuracy=accuracy, loss=loss, seconds=seconds)
        state.epoch += 1
        return best

    def _train_epoch(self, epoch: int, on_step: OnStep) -> EpochSums:
        set_learning_mode(self.network)
        try:
            return train_epoch(
                self.network,
                self.train_batches,
                epoch=epoch,
                objective=self.objective,
                optimizer=self.optimizer,
                schedule=self.schedule,
                device=self.device,
                seed=self.recipe.seed,
                on_step=on_step,
            )
        except DivergedError as error:
            self._record_failure(error)
            raise
        except ValueError as error:
            if "more than 1 value per channel" not in str(error):
                raise
            raise UsageError(
                f"batch normalisation can't learn from batches of {self.recipe.batch_size} "
                f"at {self.recipe.img_size} px: only one value is left of each channel",
                hint="choose a larger `--batch-size` or `--img-size`",
            ) from error

    def _validate(self, epoch: int) -> tuple[float, float]:
        """Accuracy and loss on the validation images, in full precision as when it is used."""
        self.network.eval()
        logits = collect_logits(self.network, self.validation_batches.epoch(0))
        correct = int((logits.argmax(dim=1) == self.validation_labels).sum())
        loss = float(nn.functional.cross_entropy(logits.double(), self.validation_labels))
        if not math.isfinite(loss):
            step = (epoch + 1) * len(self.train_batches) - 1
            error = DivergedError(step, loss, self.optimizer.param_groups[0]["lr"])
            self._record_failure(error)
            raise error
        return correct / len(logits), loss

    def _record_failure(self, error: DivergedError) -> None:
        write_json(
            self.run.failure_path,
            {"format": FORMAT, "message": error.message, "step": error.step},
        )

    def _begin(self, reporter: Reporter) -> tuple[TrainingState, Mapping[str, Tensor]]:
        checkpoint, remarks = load_newest(self.run.checkpoints_path)
        for remark in remarks:
            reporter.say(f"note: {remark}")
        if checkpoint is None:
            return TrainingState(), _copied(self.network)
        checkpoint.restore(self.network, self.optimizer)
        self._write_history(checkpoint.state)
        reporter.say(f"continues after epoch {checkpoint.state.epoch} (step {checkpoint.step})")
        return checkpoint.state, checkpoint.best

    def _is_patience_over(self, state: TrainingState) -> bool:
        waited = state.epoch - 1 - state.best_epoch
        return self.recipe.patience is not None and waited >= self.recipe.patience

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
                "step": (state.epoch + 1) * len(self.train_batches),
                "learning_rate": self.optimizer.param_groups[0]["lr"],
                "train_loss": sums.loss,
                "train_accuracy": sums.accuracy,
                "validation_loss": loss,
                "validation_accuracy": accuracy,
                "epoch_seconds": round(seconds, 3),
                "images_per_second": round(sums.num_images / seconds, 1),
            }
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
