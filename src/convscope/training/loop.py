"""The loop: plain PyTorch, one path for every device, network, batch, loss and optimizer."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn, optim

from convscope.data.batches import Batches
from convscope.data.counters import seed32
from convscope.device import Device
from convscope.errors import TrainingError
from convscope.training.objectives import Objective

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


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRules:
    """How a step is taken.

    Attributes:
        parts: How many parts of the batch are computed one after the other, their gradients added.
        clip_norm: Largest Euclidean norm of the whole gradient; None for any.
        clip_value: Largest size of each value of the gradient; None for any.
    """

    parts: int = 1
    clip_norm: float | None = None
    clip_value: float | None = None

    def clip(self, parameters: Sequence[nn.Parameter]) -> None:
        """Makes gradients that are too large smaller, in place."""
        if self.clip_value is not None:
            nn.utils.clip_grad_value_(parameters, self.clip_value)
        if self.clip_norm is not None:
            nn.utils.clip_grad_norm_(parameters, self.clip_norm)


USUAL_RULES = StepRules()


@dataclass(frozen=True, slots=True, kw_only=True)
class Stepping:
    """What moves the weights.

    Attributes:
        optimizer: Its groups' `lr` are the highest rates, kept in `initial_lr`.
        factor: The share of the highest rate that a step, counted from 0, takes.
        rules: How a step is taken.
        after: Called with the number of each step when it is done.
    """

    optimizer: optim.Optimizer
    factor: Callable[[int], float] = lambda step: 1.0
    rules: StepRules = USUAL_RULES
    after: Callable[[int], None] = lambda step: None


OnLook = Callable[[Sequence[StepRow], EpochSums], None]


class DivergedError(TrainingError):
    """A loss that is infinite or no number."""

    def __init__(self, step: int, loss: float, lr: float, *, highest_lr: float) -> None:
        self.step, self.loss, self.lr = step, loss, lr
        super().__init__(
            f"the loss became {loss} in step {step} at learning rate {lr:.3g}",
            hint=f"try `--lr {highest_lr / 10:.1g}`, or a longer `--warmup-epochs`",
        )


def train_epoch(
    network: nn.Module,
    batches: Batches,
    *,
    epoch: int,
    objective: Objective,
    stepping: Stepping,
    device: Device,
    seed: int = 0,
    on_look: OnLook = lambda rows, sums: None,
) -> EpochSums:
    """One pass over the batches. The network's mode and the frozen layers are the caller's.

    Args:
        network: Learns in place.
        batches: Of images, vectors or anything that `objective` takes.
        epoch: Counts from 0; with `seed` it decides order, augmentation and dropout.
        objective: What is minimised.
        stepping: What moves the weights.
        device: For the number format.
        seed: Of the recipe.
        on_look: Called now and then with the steps done since, and sums so far.

    Raises:
        DivergedError: The loss became infinite or no number.
    """
    optimizer, rules = stepping.optimizer, stepping.rules
    tally = _Tally(on_look, optimizer)
    for index, (inputs, targets) in enumerate(batches.epoch(epoch)):
        step = epoch * len(batches) + index
        lr = set_rate(optimizer, stepping.factor(step))
        gradient = Gradient(network, objective, inputs, targets, device=device, parts=rules.parts)
        take_step(optimizer, gradient, rules=rules, seed=seed, step=step)
        tally.add(step, lr, gradient, targets)
        stepping.after(step)
    return tally.sums()


def set_rate(optimizer: optim.Optimizer, factor: float) -> float:
    """Sets the rates of all groups to a share of their highest; returns that of the last block."""
    for group in optimizer.param_groups:
        group["lr"] = group.setdefault("initial_lr", group["lr"]) * factor
    return float(optimizer.param_groups[0]["lr"])


def take_step(
    optimizer: optim.Optimizer, gradient: Gradient, *, rules: StepRules, seed: int, step: int
) -> None:
    """Moves the weights once; an optimizer that searches along a line asks for several gradients.

    Args:
        optimizer: Its rates are set.
        gradient: Of the step's batch.
        rules: How a step is taken.
        seed: Of the recipe.
        step: Counts from 0; with `seed` it decides dropout.
    """
    learning = [p for group in optimizer.param_groups for p in group["params"]]

    def closure() -> float:
        optimizer.zero_grad(set_to_none=True)
        loss = gradient.compute(seed, step)
        rules.clip(learning)
        return loss  # type: ignore[return-value]  # a tensor: making it a number would wait

    optimizer.step(closure)


def highest_rate(optimizer: optim.Optimizer) -> float:
    """The rate of the last block at the top of the schedule."""
    group = optimizer.param_groups[0]
    return float(group.get("initial_lr", group["lr"]))


class Gradient:
    """The gradient of one batch, computed in parts; an optimizer may ask for it several times.

    Attributes:
        loss: Mean over the batch's images, of the first time.
        outputs: (N, ...) of the first time.
    """

    loss: Tensor
    outputs: Tensor

    def __init__(
        self,
        network: nn.Module,
        objective: Objective,
        inputs: Tensor,
        targets: Tensor,
        *,
        device: Device,
        parts: int,
    ) -> None:
        self._network, self._objective, self._device = network, objective, device
        pairs = zip(inputs.tensor_split(parts), targets.tensor_split(parts), strict=True)
        self._parts = [(part, aims) for part, aims in pairs if len(part)]
        self._num_images = len(inputs)
        self._is_known = False

    def compute(self, seed: int, step: int) -> Tensor:
        """Adds the gradient to the parameters' and returns the loss."""
        total: Tensor | None = None
        outputs: list[Tensor] = []
        for number, (inputs, targets) in enumerate(self._parts):
            # Here, so that dropout is the same each time that an optimizer asks.
            torch.manual_seed(seed32("step", seed, step, number))
            with self._device.autocast():
                loss, output = self._objective(self._network, inputs, targets)
            share = loss * (len(inputs) / self._num_images)
            share.backward()  # type: ignore[no-untyped-call]
            total = share.detach() if total is None else total + share.detach()
            outputs.append(output.detach())
        if total is None:
            raise TrainingError(f"step {step} has no images")
        if not self._is_known:
            self.loss, self.outputs, self._is_known = total, torch.cat(outputs), True
        return total


class _Tally:
    """Keeps losses on the device and looks at them only now and then."""

    def __init__(self, on_look: OnLook, optimizer: optim.Optimizer) -> None:
        self._on_look, self._optimizer = on_look, optimizer
        self._waiting: list[tuple[int, float, int, Tensor, Tensor]] = []
        self._loss_sum, self._correct, self._images, self._steps = 0.0, 0, 0, 0

    def add(self, step: int, lr: float, gradient: Gradient, targets: Tensor) -> None:
        correct = _num_correct(gradient.outputs, targets)
        self._waiting.append((step, lr, len(targets), gradient.loss, correct))
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
        rows = [
            StepRow(step, lr, loss, count, int(correct))
            for (step, lr, count, _, _), loss, correct in zip(
                self._waiting, losses, corrects, strict=True
            )
        ]
        diverged = next((row for row in rows if not math.isfinite(row.loss)), None)
        rows = rows if diverged is None else rows[: rows.index(diverged)]
        for row in rows:
            self._loss_sum += row.loss * row.num_images
            self._correct += row.num_correct
            self._images += row.num_images
        self._steps += len(rows)
        self._waiting.clear()
        if rows:
            sums = EpochSums(self._loss_sum, self._correct, self._images, self._steps)
            self._on_look(rows, sums)
        if diverged is not None:
            highest = highest_rate(self._optimizer)
            step, lr, loss, *_ = diverged
            raise DivergedError(step, loss, lr, highest_lr=highest)


def _num_correct(outputs: Tensor, targets: Tensor) -> Tensor:
    """How many outputs (N, K) hit the class (N,), or the class with the largest share (N, K).

    0 for targets of other kinds.
    """
    if targets.is_floating_point() and targets.shape == outputs.shape and outputs.ndim == 2:
        targets = targets.argmax(dim=1)
    if targets.is_floating_point() or outputs.ndim != 2:
        return torch.zeros((), dtype=torch.int64, device=outputs.device)
    return (outputs.argmax(dim=1) == targets).sum()
