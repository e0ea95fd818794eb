"""The loop: plain PyTorch, one path for every device, network, batch, loss and optimizer."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn, optim

from convscope.data.batches import Batch, Batches
from convscope.data.counters import seed32
from convscope.device import Device
from convscope.errors import TrainingError
from convscope.networks import NORMALISATIONS
from convscope.processes import ALONE, Processes
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
    processes: Processes = ALONE,
    seed: int = 0,
    tally: Tally | None = None,
) -> EpochSums:
    """One pass over the batches. The network's mode and the frozen layers are the caller's.

    Args:
        network: Learns in place.
        batches: Of images, vectors or anything that `objective` takes.
        epoch: Counts from 0; with `seed` it decides order, augmentation and dropout.
        objective: What is minimised.
        stepping: What moves the weights.
        device: For the number format.
        processes: Which of those this is that share the batches.
        seed: Of the recipe.
        tally: Takes the steps in; one that knows steps of this epoch goes on after them.

    Raises:
        DivergedError: The loss became infinite or no number.
    """
    optimizer, rules = stepping.optimizer, stepping.rules
    tally = tally or Tally()
    start = tally.steps
    for index, batch in enumerate(batches.epoch(epoch, start=start), start):
        step = epoch * len(batches) + index
        lr = set_rate(optimizer, stepping.factor(step))
        gradient = Gradient(
            network, objective, batch, device=device, processes=processes, parts=rules.parts
        )
        take_step(optimizer, gradient, rules=rules, seed=seed, step=step)
        tally.add(step, lr, gradient, highest_lr=highest_rate(optimizer))
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

    Of several processes each computes that of its images, and they are added up.

    Attributes:
        loss: Mean over the images of all processes, of the first time.
        num_correct: Right predictions of all processes, of the first time; 0 where the targets are
            no classes.
        num_images: Of all processes.
    """

    loss: Tensor
    num_correct: Tensor

    def __init__(
        self,
        network: nn.Module,
        objective: Objective,
        batch: Batch,
        *,
        device: Device,
        processes: Processes = ALONE,
        parts: int = 1,
    ) -> None:
        self._network, self._objective, self._device = network, objective, device
        self._processes = processes
        inputs, targets = (part.tensor_split(parts) for part in (batch.inputs, batch.targets))
        self._parts = [pair for pair in zip(inputs, targets, strict=True) if len(pair[0])]
        self._first_part = processes.rank * parts
        self.num_images = batch.num_images
        self._is_known = False

    def compute(self, seed: int, step: int) -> Tensor:
        """Adds the gradient to the parameters' and returns the loss."""
        total: Tensor | None = None
        correct: list[Tensor] = []
        for number, (inputs, targets) in enumerate(self._parts, self._first_part):
            # Here, so that dropout is the same each time that an optimizer asks.
            torch.manual_seed(seed32("step", seed, step, number))
            with self._device.autocast():
                loss, output = self._objective(self._network, inputs, targets)
            share = loss * (len(inputs) / self.num_images)
            share.backward()  # type: ignore[no-untyped-call]
            total = share.detach() if total is None else total + share.detach()
            correct.append(_num_correct(output.detach(), targets))
        if total is None:
            raise TrainingError(f"step {step} has no images")
        right = torch.stack(correct).sum()
        if self._processes.are_several:
            total, right = self._added_up(total, right)
        if not self._is_known:
            self.loss, self.num_correct, self._is_known = total, right, True
        return total

    def _added_up(self, loss: Tensor, right: Tensor) -> tuple[Tensor, Tensor]:
        """Loss and right predictions of all; gradients and statistics are replaced in place."""
        gradients = []
        for parameter in self._network.parameters():
            if parameter.requires_grad:
                if parameter.grad is None:
                    parameter.grad = torch.zeros_like(parameter)
                gradients.append(parameter.grad)
        statistics = running_statistics(self._network)
        facts = torch.stack([loss.float(), right.float()])
        self._processes.add_up([facts, *gradients, *statistics])
        for statistic in statistics:
            statistic.div_(self._processes.world_size)
        return facts[0], facts[1]


def running_statistics(network: nn.Module) -> list[Tensor]:
    """Means and variances that normalisation layers keep of what they see while learning."""
    return [
        statistic
        for layer in network.modules()
        if isinstance(layer, NORMALISATIONS) and layer.training
        for statistic in (layer.running_mean, layer.running_var)
        if statistic is not None
    ]


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

    def add(self, step: int, lr: float, gradient: Gradient, *, highest_lr: float) -> None:
        """Takes a step in.

        Raises:
            DivergedError: The loss of it or one before became infinite or no number.
        """
        row = _Waiting(
            step, lr, highest_lr, gradient.num_images, gradient.loss, gradient.num_correct
        )
        self._waiting.append(row)
        if len(self._waiting) >= LOOK_EVERY:
            self.sums()

    def sums(self) -> EpochSums:
        """Looks at all steps so far.

        Raises:
            DivergedError: A loss became infinite or no number.
        """
        if not self._waiting:
            return self._sums
        losses = torch.stack([row.loss for row in self._waiting]).double().tolist()
        corrects = torch.stack([row.num_correct for row in self._waiting]).tolist()
        waiting, self._waiting = self._waiting, []
        rows: list[StepRow] = []
        diverged: DivergedError | None = None
        for row, loss, correct in zip(waiting, losses, corrects, strict=True):
            if not math.isfinite(loss):
                diverged = DivergedError(row.step, loss, row.lr, highest_lr=row.highest_lr)
                break
            rows.append(StepRow(row.step, row.lr, loss, row.num_images, int(correct)))
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
    num_images: int
    loss: Tensor
    num_correct: Tensor


def _num_correct(outputs: Tensor, targets: Tensor) -> Tensor:
    """How many outputs (N, K) hit the class (N,), or the class with the largest share (N, K).

    0 for targets of other kinds.
    """
    if targets.is_floating_point() and targets.shape == outputs.shape and outputs.ndim == 2:
        targets = targets.argmax(dim=1)
    if targets.is_floating_point() or outputs.ndim != 2:
        return torch.zeros((), dtype=torch.int64, device=outputs.device)
    return (outputs.argmax(dim=1) == targets).sum()
