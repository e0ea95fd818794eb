"""The state of a training besides its weights, and the snapshot that a checkpoint holds."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from torch import Tensor, nn, optim

from convscope.classifier import portable_state
from convscope.errors import TrainingError
from convscope.training.step_metrics import EpochSums


@dataclass(slots=True)
class TrainingState:
    """Where a training is.

    Attributes:
        epochs: Number of epochs in all.
        epoch: Number of the current epoch, from 0.
        step: Number of optimizer steps done in all.
        sums: Sums over the steps of the current epoch so far.
        epoch_seconds: Seconds that these steps took.
        history: One row per epoch so far.
        best_epoch: The best epoch by the validation images, see `is_better`; -1 before the first.
        best_accuracy: Its accuracy on the validation images.
        best_loss: Its loss on the validation images; None before the first epoch.
        first_epoch: First epoch of this run, where it continues another; patience begins there.
        used_seconds: Seconds that this run has taken so far.
        planned_epochs: Number of epochs when the run began; with `--time` some may be left out.
        steps_per_epoch: Number of steps in an epoch when the run began.
        cycles: Seconds of the last whole epochs, validation and checkpoints included.
    """

    epochs: int
    epoch: int = 0
    step: int = 0
    sums: EpochSums = field(default_factory=EpochSums)
    epoch_seconds: float = 0.0
    history: list[dict[str, float]] = field(default_factory=list)
    best_epoch: int = -1
    best_accuracy: float = -1.0
    best_loss: float | None = None
    first_epoch: int = 0
    used_seconds: float = 0.0
    planned_epochs: int = 0
    steps_per_epoch: int = 0
    cycles: list[float] = field(default_factory=list)

    def is_better(self, accuracy: float, loss: float, *, num_images: int) -> bool:
        """Whether an epoch with these validation numbers is the best so far.

        Accuracies within a standard error of the highest one can't be told apart, and of these the
        lowest loss counts: the highest of twenty accuracies on a hundred images is mostly luck.

        Source: Breiman et al. 1984, Classification and regression trees, section 3.4.3, the rule of
            one standard error.

        Args:
            accuracy: Validation accuracy.
            loss: Validation loss.
            num_images: Number of validation images.
        """
        if self.best_loss is None:
            return True
        highest = max([accuracy, *(row["validation_accuracy"] for row in self.history)])
        least = highest - _standard_error(highest, num_images)
        is_near, best_is_near = accuracy >= least, self.best_accuracy >= least
        return is_near and (not best_is_near or loss < self.best_loss)

    def set_best(self, accuracy: float, loss: float) -> None:
        """Marks the epoch as the best so far."""
        self.best_epoch, self.best_accuracy, self.best_loss = self.epoch, accuracy, loss

    def end_epoch(self, *, accuracy: float, loss: float, learning_rate: float) -> None:
        """Adds the epoch to the history and moves on to the next.

        Args:
            accuracy: Validation accuracy.
            loss: Validation loss.
            learning_rate: Learning rate of the last step.
        """
        seconds = self.epoch_seconds
        self.history.append(
            {
                "epoch": self.epoch + 1,
                "step": self.step,
                "learning_rate": learning_rate,
                "train_loss": self.sums.loss,
                "train_accuracy": self.sums.accuracy,
                "validation_loss": loss,
                "validation_accuracy": accuracy,
                "epoch_seconds": round(seconds, 3),
                "images_per_second": round(self.sums.num_images / max(seconds, 1e-9), 1),
            }
        )
        self.epoch += 1
        self.sums, self.epoch_seconds = EpochSums(), 0.0

    def begin_here(self) -> None:
        """Makes this the beginning of a run that continues where another ended."""
        self.first_epoch, self.used_seconds = self.epoch, 0.0
        self.planned_epochs = 0  # that run's plan was its own

    def adapt(self, *, epochs: int, steps_per_epoch: int) -> bool:
        """Adopts another number of epochs or of steps than when this was saved.

        Returns:
            Whether an unfinished epoch has to begin again.
        """
        if self.planned_epochs != epochs:
            self.epochs = self.planned_epochs = epochs
        if self.steps_per_epoch != steps_per_epoch:
            # With other steps it isn't known which images of the unfinished epoch are left.
            was_begun = self.sums.steps > 0
            self.sums, self.epoch_seconds = EpochSums(), 0.0
            self.steps_per_epoch = steps_per_epoch
            return was_begun
        return False

    def to_dict(self) -> dict[str, Any]:
        """The fields, ready for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> TrainingState:
        """The state that `to_dict` described.

        Raises:
            TypeError: A field is missing or unknown.
        """
        return cls(**{**content, "sums": EpochSums(**content["sums"])})


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A copy of a training at one moment: the training goes on while this is written.

    Attributes:
        step: Number of optimizer steps done.
        state: The training state, ready for JSON.
        tensors: Tensors of `model`, `best`, `optimizer` and, where there is one, `average`; each by
            name, contiguous and on the CPU.
    """

    step: int
    state: dict[str, Any]
    tensors: dict[str, dict[str, Tensor]]


def take_snapshot(
    state: TrainingState,
    *,
    network: nn.Module,
    best: Mapping[str, Tensor],
    optimizer: optim.Optimizer,
    average: Mapping[str, Tensor] | None = None,
) -> Snapshot:
    """Copies everything that a training needs to resume.

    Args:
        state: The training state.
        network: The network, for its weights and buffers.
        best: Weights of the best epoch; they are never changed, so they aren't copied.
        optimizer: The optimizer, for its state.
        average: The moving average of the weights; None where there is none.

    Raises:
        NonFiniteError: A weight is non-finite: such a state must never be resumed from.
    """
    weights = copied(portable_state(network))
    check_finite(weights, step=state.step)
    moments, described = flatten(optimizer)
    tensors = {"model": weights, "best": dict(best), "optimizer": copied(moments)}
    if average is not None:
        tensors["average"] = {n: v.detach().cpu().clone().contiguous() for n, v in average.items()}
    return Snapshot(state.step, {**state.to_dict(), "optimizer": described}, tensors)


def copied(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Copies of the tensors."""
    return {name: value.clone() for name, value in tensors.items()}


def check_finite(weights: Mapping[str, Tensor], *, step: int) -> None:
    """Refuses weights that are non-finite.

    Raises:
        NonFiniteError: One is.
    """
    for name, value in weights.items():
        if value.is_floating_point() and not bool(torch.isfinite(value).all()):
            raise NonFiniteError(name, step)


class NonFiniteError(TrainingError):
    """Weights became non-finite, though the loss of the last step was finite.

    Attributes:
        step: Number of optimizer steps before it was noticed.
    """

    def __init__(self, name: str, step: int) -> None:
        self.step = step
        super().__init__(
            f"`{name}` has non-finite values after step {step}",
            hint="try a lower `--lr`, a longer `--warmup-epochs` or `--clip-norm 1`",
        )


def flatten(optimizer: optim.Optimizer) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Tensors named `<parameter>.<name>`, contiguous and on the CPU, and the rest for JSON."""
    content = optimizer.state_dict()
    tensors: dict[str, Tensor] = {}

    def described(value: Any, name: str) -> Any:
        if isinstance(value, Tensor):
            tensors[name] = value.detach().cpu().contiguous()
            return {"tensor": name}
        if isinstance(value, list | tuple):
            return [described(part, f"{name}.{index}") for index, part in enumerate(value)]
        return value

    state = {
        str(index): {name: described(value, f"{index}.{name}") for name, value in values.items()}
        for index, values in content["state"].items()
    }
    return tensors, state


def unflatten(
    optimizer: optim.Optimizer, tensors: Mapping[str, Tensor], described: Mapping[str, Any]
) -> None:
    """Gives an optimizer the state that `flatten` took, each tensor in its parameter's layout.

    Rates and the like stay those that it was made with: they are in the recipe.
    """

    def value_of(value: Any) -> Any:
        if isinstance(value, dict) and set(value) == {"tensor"}:
            # A copy begins where torch's tensors do in memory: sums over one that lies elsewhere
            # are rounded differently.
            return tensors[value["tensor"]].clone()
        return [value_of(part) for part in value] if isinstance(value, list) else value

    optimizer.load_state_dict(
        {
            "state": {
                int(index): {name: value_of(value) for name, value in values.items()}
                for index, values in described.items()
            },
            "param_groups": optimizer.state_dict()["param_groups"],
        }
    )
    for parameter, values in optimizer.state.items():
        for name, value in values.items():
            if isinstance(value, Tensor) and value.shape == parameter.shape:
                values[name] = torch.empty_like(parameter).copy_(value)


def _standard_error(share: float, count: int) -> float:
    """Standard error of a share, with one more of both kinds, so that all right isn't certainty."""
    likely = (share * count + 1) / (count + 2)
    return math.sqrt(likely * (1 - likely) / count)
