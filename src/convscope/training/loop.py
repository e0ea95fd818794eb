"""The loop: plain PyTorch, one path for every device, network, batch and loss."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn, optim

from convscope.data.batches import Batches
from convscope.data.counters import seed32
from convscope.device import Device
from convscope.errors import TrainingError
from convscope.training.objectives import Objective
from convscope.training.schedules import Schedule

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

    loss_sum: float
    num_correct: int
    num_images: int
    steps: int

    @property
    def loss(self) -> float:
        """Mean over the images."""
        return self.loss_sum / self.num_images

    @property
    def accuracy(self) -> float:
        """Share of right predictions while learning, with dropout and augmentation."""
        return self.num_correct / self.num_images


OnStep = Callable[[int, "EpochSums"], None]


class DivergedError(TrainingError):
    """A loss that is infinite or no number."""

    def __init__(self, step: int, loss: float, lr: float) -> None:
        self.step, self.loss, self.lr = step, loss, lr
        super().__init__(
            f"the loss became {loss} in step {step} at learning rate {lr:.3g}",
            hint=f"try `--lr {lr / 10:.1g}`, or a longer `--warmup-epochs`",
        )


def train_epoch(
    network: nn.Module,
    batches: Batches,
    *,
    epoch: int,
    objective: Objective,
    optimizer: optim.Optimizer,
    schedule: Schedule,
    device: Device,
    seed: int = 0,
    on_step: OnStep = lambda count, sums: None,
) -> EpochSums:
    """One pass over the batches. The network's mode and the frozen layers are the caller's.

    Args:
        network: Learns in place.
        batches: Of images, vectors or anything that `objective` takes.
        epoch: Counts from 0; with `seed` it decides order, augmentation and dropout.
        objective: What is minimised.
        optimizer: Its groups' `lr` are the highest rates of `schedule`, kept in `initial_lr`.
        schedule: Over all epochs.
        device: For the number format.
        seed: Of the recipe.
        on_step: Called now and then with the number of images done since, and sums so far.

    Raises:
        DivergedError: The loss became infinite or no number.
    """
    tally = _Tally(on_step)
    for index, (inputs, targets) in enumerate(batches.epoch(epoch)):
        step = epoch * len(batches) + index
        torch.manual_seed(seed32("step", seed, step))
        lr = _set_rate(optimizer, schedule.factor(step))
        with device.autocast():
            loss, outputs = objective(network, inputs, targets)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        tally.add(step, lr, loss.detach(), outputs.detach(), targets)
    return tally.sums()


def _set_rate(optimizer: optim.Optimizer, factor: float) -> float:
    for group in optimizer.param_groups:
        group["lr"] = group.setdefault("initial_lr", group["lr"]) * factor
    return float(optimizer.param_groups[0]["lr"])


class _Tally:
    """Keeps losses on the device and looks at them only now and then."""

    def __init__(self, on_step: OnStep) -> None:
        self._on_step = on_step
        self._waiting: list[tuple[int, float, int, Tensor, Tensor]] = []
        self._loss_sum, self._correct, self._images, self._steps = 0.0, 0, 0, 0

    def add(self, step: int, lr: float, loss: Tensor, outputs: Tensor, targets: Tensor) -> None:
        self._waiting.append((step, lr, len(targets), loss, _num_correct(outputs, targets)))
        if len(self._waiting) >= LOOK_EVERY:
            self._look()

    def sums(self) -> EpochSums:
        self._look()
        return EpochSums(self._loss_sum, self._correct, self._images, self._steps)

    def _look(self) -> None:
        if not self._waiting:
            return
        losses = torch.stack([row[3] for row in self._waiting]).double().tolist()
        corrects = torch.stack([row[4] for row in self._waiting]).tolist()
        seen = 0
        for (step, lr, count, _, _), loss, correct in zip(
            self._waiting, losses, corrects, strict=True
        ):
            if not math.isfinite(loss):
                raise DivergedError(step, loss, lr)
            self._loss_sum += loss * count
            self._correct += int(correct)
            seen += count
        self._images += seen
        self._steps += len(self._waiting)
        self._waiting.clear()
        sums = EpochSums(self._loss_sum, self._correct, self._images, self._steps)
        self._on_step(seen, sums)


def _num_correct(outputs: Tensor, targets: Tensor) -> Tensor:
    """How many outputs (N, K) hit the class (N,), or the class with the largest share (N, K).

    0 for targets of other kinds.
    """
    if targets.is_floating_point() and targets.shape == outputs.shape and outputs.ndim == 2:
        targets = targets.argmax(dim=1)
    if targets.is_floating_point() or outputs.ndim != 2:
        return torch.zeros((), dtype=torch.int64, device=outputs.device)
    return (outputs.argmax(dim=1) == targets).sum()
