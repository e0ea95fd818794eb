"""What a training knows besides weights, and the one copy of everything that a checkpoint holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from torch import Tensor, nn, optim

from convscope.classifier import portable_state
from convscope.errors import TrainingError
from convscope.training.optimizer_state import flatten
from convscope.training.tally import EpochSums


@dataclass(slots=True)
class TrainingState:
    """Where a training is.

    Attributes:
        epochs: How many there are to be in all.
        epoch: The one that is being learned, counting from 0.
        step: Optimizer steps done in all.
        sums: Of the steps of `epoch` that are done.
        epoch_seconds: That they took.
        history: One row per epoch so far.
        best_epoch: With the highest validation accuracy, -1 before the first.
        best_accuracy: On the validation images.
        best_loss: On the validation images; decides between equal accuracies; None before the
            first epoch.
        first_epoch: From which on this run trained, where it goes on with another; patience begins.
        used_seconds: What this run has taken so far.
        planned_epochs: How many there were to be when it began; with `--time` some may be left out.
        steps_per_epoch: As it was when it began.
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

    def is_better(self, accuracy: float, loss: float) -> bool:
        """Whether an epoch with these validation numbers is the best so far."""
        if self.best_loss is None:
            return True
        return (accuracy, -loss) > (self.best_accuracy, -self.best_loss)

    def end_epoch(self) -> None:
        """Moves on to the next epoch."""
        self.epoch += 1
        self.sums, self.epoch_seconds = EpochSums(), 0.0

    def begin_here(self) -> None:
        """Makes this the beginning of a run that goes on where another ended."""
        self.first_epoch, self.used_seconds = self.epoch, 0.0
        self.planned_epochs = 0  # that run's plan was its own

    def adapt(self, *, epochs: int, steps_per_epoch: int) -> bool:
        """Takes over what was changed since this was saved, if anything was.

        Returns:
            Whether an unfinished epoch has to begin again.
        """
        if self.planned_epochs != epochs:
            self.epochs = self.planned_epochs = epochs
        if self.steps_per_epoch != steps_per_epoch:
            # Other steps: which images of the unfinished epoch are still to come isn't known.
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
    """All of a training at one moment, copied: it goes on while this is written.

    Attributes:
        step: Optimizer steps done.
        state: For JSON.
        tensors: By what they are of: `model`, `best`, `optimizer` and, where there is one,
            `average`; each by name, contiguous and on the CPU.
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
    """Copies everything that a training needs to go on.

    Args:
        state: Where it is.
        network: Its weights and buffers.
        best: Those of the best epoch; they are never changed, so they aren't copied.
        optimizer: Its state.
        average: The moving average of the weights; None where there is none.

    Raises:
        NotFiniteError: A weight is infinite or no number: that must never be continued from.
    """
    weights = copied(portable_state(network))
    check_finite(weights, step=state.step)
    moments, described = flatten(optimizer)
    tensors = {"model": weights, "best": dict(best), "optimizer": copied(moments)}
    if average is not None:
        tensors["average"] = {n: v.detach().cpu().clone().contiguous() for n, v in average.items()}
    return Snapshot(state.step, {**state.to_dict(), "optimizer": described}, tensors)


def copied(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The same tensors in memory of their own."""
    return {name: value.clone() for name, value in tensors.items()}


def check_finite(weights: Mapping[str, Tensor], *, step: int) -> None:
    """Refuses weights that can't be used.

    Raises:
        NotFiniteError: One is infinite or no number.
    """
    for name, value in weights.items():
        if value.is_floating_point() and not bool(torch.isfinite(value).all()):
            raise NotFiniteError(name, step)


class NotFiniteError(TrainingError):
    """Weights became infinite or no numbers, though the loss of the last step was one.

    Attributes:
        step: After how many.
    """

    def __init__(self, name: str, step: int) -> None:
        self.step = step
        super().__init__(
            f"`{name}` has values that are infinite or no numbers after step {step}",
            hint="try a lower `--lr`, a longer `--warmup-epochs` or `--clip-norm 1`",
        )
