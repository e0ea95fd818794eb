"""The loop: plain PyTorch, one path for every device, network, batch, loss and optimizer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn, optim

from convscope.data.batches import Batch, Batches
from convscope.data.counters import seed32
from convscope.device import Device
from convscope.errors import TrainingError
from convscope.networks import NORMALISATIONS
from convscope.processes import ALONE, Processes
from convscope.training.objectives import Objective
from convscope.training.tally import EpochSums, Taken, Tally


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
        tally.add(step, lr, gradient.taken, highest_lr=highest_rate(optimizer))
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
        taken: Loss and right predictions, of the first time.
    """

    taken: Taken

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
        self._num_images = batch.num_images
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
            share = loss * (len(inputs) / self._num_images)
            share.backward()  # type: ignore[no-untyped-call]
            total = share.detach() if total is None else total + share.detach()
            correct.append(_num_correct(output.detach(), targets))
        if total is None:
            raise TrainingError(f"step {step} has no images")
        right = torch.stack(correct).sum()
        if self._processes.are_several:
            total, right = self._added_up(total, right)
        if not self._is_known:
            self.taken, self._is_known = Taken(total, right, self._num_images), True
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


def _num_correct(outputs: Tensor, targets: Tensor) -> Tensor:
    """How many outputs (N, K) hit the class (N,), or the class with the largest share (N, K).

    0 for targets of other kinds.
    """
    if targets.is_floating_point() and targets.shape == outputs.shape and outputs.ndim == 2:
        targets = targets.argmax(dim=1)
    if targets.is_floating_point() or outputs.ndim != 2:
        return torch.zeros((), dtype=torch.int64, device=outputs.device)
    return (outputs.argmax(dim=1) == targets).sum()
