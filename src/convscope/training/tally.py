"""Tally: losses and right predictions of an epoch's steps, looked at only now and then."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from convscope.errors import TrainingError

LOOK_EVERY = 16  # steps between looks at the losses: each look makes a GPU wait


@dataclass(frozen=True, slots=True)
class EpochSums:
    """Sums over an epoch's images, divided once.

    Attributes:
        loss_sum: Of the images' losses.
        num_correct: Right predictions; 0 where the targets are no classes.
        num_images: N.
        steps: Optimizer steps.
    """

    loss_sum: float = 0.0
    num_correct: int = 0
    num_images: int = 0
    steps: int = 0

    def with_step(self, row: StepRow) -> EpochSums:
        """The sums with one more step."""
        return EpochSums(
            self.loss_sum + row.loss * row.num_images,
            self.num_correct + row.num_correct,
            self.num_images + row.num_images,
            self.steps + 1,
        )

    @property
    def loss(self) -> float:
        """Mean over the images."""
        return self.loss_sum / self.num_images

    @property
    def accuracy(self) -> float:
        """Share of right predictions while learning, with dropout and augmentation."""
        return self.num_correct / self.num_images


class Taken(NamedTuple):
    """What is kept of a step on the device.

    Attributes:
        loss: Mean over the images of all processes.
        num_correct: Right predictions of all processes; 0 where the targets are no classes.
        num_images: Of all processes.
    """

    loss: Tensor
    num_correct: Tensor
    num_images: int


class StepRow(NamedTuple):
    """What is known of a step.

    Attributes:
        step: Counts from 0 through the whole training.
        learning_rate: Of the last block.
        loss: Mean over its images.
        num_images: N.
        num_correct: Right predictions; 0 where the targets are no classes.
    """

    step: int
    learning_rate: float
    loss: float
    num_images: int
    num_correct: int


OnLook = Callable[[Sequence[StepRow], EpochSums], None]


class DivergedError(TrainingError):
    """A loss that is infinite or no number."""

    def __init__(self, step: int, loss: float, lr: float, *, highest_lr: float) -> None:
        self.step, self.loss, self.lr = step, loss, lr
        super().__init__(
            f"the loss became {loss} in step {step} at learning rate {lr:.3g}",
            hint=f"try `--lr {highest_lr / 10:.1g}`, or a longer `--warmup-epochs`",
        )


class Tally:
    """Keeps losses on the device and looks at them only now and then.

    Args:
        sums: Of the steps of this epoch that were done before.
        on_look: Called now and then with the steps done since, and sums so far.
    """

    def __init__(
        self,
        sums: EpochSums | None = None,
        on_look: OnLook = lambda rows, sums: None,
    ) -> None:
        self._sums, self._on_look = sums or EpochSums(), on_look
        self._waiting: list[_Waiting] = []

    @property
    def steps(self) -> int:
        """Done in this epoch."""
        return self._sums.steps + len(self._waiting)

    def add(self, step: int, lr: float, taken: Taken, *, highest_lr: float) -> None:
        """Takes a step in.

        Raises:
            DivergedError: The loss of it or one before became infinite or no number.
        """
        self._waiting.append(_Waiting(step, lr, highest_lr, taken))
        if len(self._waiting) >= LOOK_EVERY:
            self.sums()

    def sums(self) -> EpochSums:
        """Looks at all steps so far.

        Raises:
            DivergedError: A loss became infinite or no number.
        """
        if not self._waiting:
            return self._sums
        losses = torch.stack([row.taken.loss for row in self._waiting]).double().tolist()
        corrects = torch.stack([row.taken.num_correct for row in self._waiting]).tolist()
        waiting, self._waiting = self._waiting, []
        rows: list[StepRow] = []
        diverged: DivergedError | None = None
        for row, loss, correct in zip(waiting, losses, corrects, strict=True):
            if not math.isfinite(loss):
                diverged = DivergedError(row.step, loss, row.lr, highest_lr=row.highest_lr)
                break
            rows.append(StepRow(row.step, row.lr, loss, row.taken.num_images, int(correct)))
            self._sums = self._sums.with_step(rows[-1])
        if rows:
            self._on_look(rows, self._sums)
        if diverged is not None:
            raise diverged
        return self._sums


class _Waiting(NamedTuple):
    """A step that nobody has looked at yet."""

    step: int
    lr: float
    highest_lr: float
    taken: Taken
