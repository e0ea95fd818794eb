"""Losses and correct predictions of an epoch's steps, read from the device only now and then."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from convscope.errors import TrainingError

READ_EVERY = 16  # steps between two reads of the losses: each read makes a GPU wait


@dataclass(frozen=True, slots=True)
class EpochSums:
    """Sums over the images of an epoch; what is reported is divided once.

    Attributes:
        loss_sum: Sum of the images' losses.
        num_correct: Number of correct predictions; 0 where the targets are no classes.
        num_images: N.
        steps: Number of optimizer steps.
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
        """Mean loss over the images."""
        return self.loss_sum / self.num_images

    @property
    def accuracy(self) -> float:
        """Train accuracy, measured during training with dropout and augmentation."""
        return self.num_correct / self.num_images


class StepMetrics(NamedTuple):
    """Metrics of a step, still on the device.

    Attributes:
        loss: Scalar, mean over the images of all processes.
        num_correct: Number of correct predictions of all processes; 0 where the targets are no
            classes.
        num_images: Number of images of all processes.
    """

    loss: Tensor
    num_correct: Tensor
    num_images: int


class StepRow(NamedTuple):
    """Metrics of a step as plain numbers.

    Attributes:
        step: Number of the step in the whole training, from 0.
        learning_rate: Learning rate of the last block.
        loss: Mean over the step's images.
        num_images: N.
        num_correct: Number of correct predictions; 0 where the targets are no classes.
    """

    step: int
    learning_rate: float
    loss: float
    num_images: int
    num_correct: int


OnRead = Callable[[Sequence[StepRow], EpochSums], None]


class DivergedError(TrainingError):
    """The loss of a step is non-finite."""

    def __init__(self, step: int, loss: float, lr: float, *, highest_lr: float) -> None:
        self.step, self.loss, self.lr = step, loss, lr
        super().__init__(
            f"the loss became {loss} in step {step} at learning rate {lr:.3g}",
            hint=f"try `--lr {highest_lr / 10:.1g}`, or a longer `--warmup-epochs`",
        )


class MetricAccumulator:
    """Keeps the metrics of steps on the device and reads them only now and then.

    Args:
        sums: Sums of the steps of this epoch that were done before.
        on_read: Called after each read with the steps since the last one, and all sums so far.
    """

    def __init__(
        self,
        sums: EpochSums | None = None,
        on_read: OnRead = lambda rows, sums: None,
    ) -> None:
        self._sums, self._on_read = sums or EpochSums(), on_read
        self._unread: list[_UnreadStep] = []

    @property
    def steps(self) -> int:
        """Number of steps in this epoch so far."""
        return self._sums.steps + len(self._unread)

    def add(self, step: int, lr: float, metrics: StepMetrics, *, highest_lr: float) -> None:
        """Adds a step.

        Raises:
            DivergedError: The loss of this step or of one before became non-finite.
        """
        self._unread.append(_UnreadStep(step, lr, highest_lr, metrics))
        if len(self._unread) >= READ_EVERY:
            self.sums()

    def sums(self) -> EpochSums:
        """Reads all steps so far.

        Raises:
            DivergedError: A loss became non-finite.
        """
        if not self._unread:
            return self._sums
        losses = torch.stack([each.metrics.loss for each in self._unread]).double().tolist()
        corrects = torch.stack([each.metrics.num_correct for each in self._unread]).tolist()
        unread, self._unread = self._unread, []
        rows: list[StepRow] = []
        diverged: DivergedError | None = None
        for each, loss, correct in zip(unread, losses, corrects, strict=True):
            if not math.isfinite(loss):
                diverged = DivergedError(each.step, loss, each.lr, highest_lr=each.highest_lr)
                break
            rows.append(StepRow(each.step, each.lr, loss, each.metrics.num_images, int(correct)))
            self._sums = self._sums.with_step(rows[-1])
        if rows:
            self._on_read(rows, self._sums)
        if diverged is not None:
            raise diverged
        return self._sums


class _UnreadStep(NamedTuple):
    """A step whose metrics are still on the device."""

    step: int
    lr: float
    highest_lr: float
    metrics: StepMetrics
