"""The training loop in plain PyTorch: any module, any batches, any loss, any optimizer.

Nothing in it knows of images, folders or networks by name.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn, optim

from convscope.data.batch import Batch, Batches
from convscope.device import Device
from convscope.distributed import SINGLE_PROCESS, ProcessGroup
from convscope.errors import TrainingError
from convscope.rng import seed32
from convscope.training.losses import Loss
from convscope.training.step_metrics import EpochSums, MetricAccumulator, StepMetrics


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRules:
    """How an optimizer step is computed.

    Attributes:
        micro_batches: Number of micro-batches whose gradients are added up to that of the batch.
        clip_norm: Largest Euclidean norm of the whole gradient; None for no limit.
        clip_value: Largest absolute value of each element of the gradient; None for no limit.
    """

    micro_batches: int = 1
    clip_norm: float | None = None
    clip_value: float | None = None

    def clip(self, parameters: Sequence[nn.Parameter]) -> None:
        """Clips the gradients of the parameters in place."""
        if self.clip_value is not None:
            nn.utils.clip_grad_value_(parameters, self.clip_value)
        if self.clip_norm is not None:
            nn.utils.clip_grad_norm_(parameters, self.clip_norm)


DEFAULT_RULES = StepRules()

Watch = Callable[[str], AbstractContextManager[object]]  # of a phase of a step, by its name
_NOTHING = nullcontext()


def unwatched(phase: str) -> AbstractContextManager[object]:
    """Context manager around a phase of a step that nobody measures."""
    return _NOTHING


class TrainStep:
    """An optimizer step on a batch: forward, backward, clip, update.

    The network's mode and its frozen layers are the caller's. Of several processes each computes
    the gradient of its shard of the batch; the gradients are summed.

    Args:
        network: The module that is trained in place.
        loss_function: Runs the network on a micro-batch and returns the loss.
        optimizer: Its groups' `lr` are the highest learning rates, kept in `initial_lr`.
        device: Says in which number format the network computes.
        processes: The process group whose members share each batch.
        rules: Micro-batches and clipping.
        seed: The recipe's seed; with the step it decides dropout.

    Attributes:
        watch: Gives the context manager around each phase of a step, for who measures them.
    """

    def __init__(
        self,
        network: nn.Module,
        loss_function: Loss,
        optimizer: optim.Optimizer,
        *,
        device: Device,
        processes: ProcessGroup = SINGLE_PROCESS,
        rules: StepRules = DEFAULT_RULES,
        seed: int = 0,
    ) -> None:
        self._network, self._loss_function = network, loss_function
        self.optimizer = optimizer
        self.watch: Watch = unwatched
        self._device, self._processes, self._rules, self._seed = device, processes, rules, seed
        self._is_distributed = processes.is_distributed
        self._trained = [p for group in optimizer.param_groups for p in group["params"]]

    def set_learning_rate(self, factor: float) -> float:
        """Sets all groups to a share of their highest rate; returns that of the last block."""
        for group in self.optimizer.param_groups:
            group["lr"] = group.setdefault("initial_lr", group["lr"]) * factor
        return self.learning_rate

    @property
    def learning_rate(self) -> float:
        """The current learning rate of the last block."""
        return float(self.optimizer.param_groups[0]["lr"])

    @property
    def highest_learning_rate(self) -> float:
        """The last block's learning rate at the top of the schedule."""
        group = self.optimizer.param_groups[0]
        return float(group.get("initial_lr", group["lr"]))

    def take(self, batch: Batch, step: int) -> StepMetrics:
        """Updates the weights once; returns the metrics of the batch before the update.

        Args:
            batch: This process's shard of the step's batch.
            step: Number of the step in the whole training, from 0.
        """
        first: list[StepMetrics] = []
        # An optimizer with a line search calls this several times: the first one counts.
        with self.watch("optimizer"):
            self.optimizer.step(partial(self._gradient, batch, step, first))
        return first[0]

    def _gradient(self, batch: Batch, step: int, metrics: list[StepMetrics]) -> float:
        """Computes the clipped gradient of a batch, micro-batch by micro-batch; returns the loss.

        The metrics of the batch are appended to `metrics`.
        """
        self.optimizer.zero_grad(set_to_none=True)
        count, total = self._rules.micro_batches, None
        num_correct: list[Tensor] = []
        inputs, targets = batch.inputs.tensor_split(count), batch.targets.tensor_split(count)
        for index in range(count):
            if not len(inputs[index]):
                continue
            # Here, so that dropout is the same each time that a line search asks.
            number = self._processes.rank * count + index
            self._device.seed(seed32("step", self._seed, step, number))
            with self.watch("loss"), self._device.autocast():
                loss, outputs = self._loss_function(self._network, inputs[index], targets[index])
            share = loss * (len(inputs[index]) / batch.num_images)
            with self.watch("backward"):
                share.backward()  # type: ignore[no-untyped-call]
            total = share.detach() if total is None else total + share.detach()
            num_correct.append(count_correct(outputs.detach(), targets[index]))
        if total is None:
            raise TrainingError(f"step {step} has no images")
        correct = torch.stack(num_correct).sum()
        if self._is_distributed:
            with self.watch("exchange"):
                total, correct = self._sum_over_processes(total, correct)
        metrics.append(StepMetrics(total, correct, batch.num_images))
        self._rules.clip(self._trained)
        return total  # type: ignore[return-value]  # a tensor: making it a number would wait

    def _sum_over_processes(self, loss: Tensor, num_correct: Tensor) -> tuple[Tensor, Tensor]:
        """Sums loss and number of correct predictions; gradients and statistics in place."""
        gradients = []
        for parameter in self._network.parameters():
            if parameter.requires_grad:
                if parameter.grad is None:
                    parameter.grad = torch.zeros_like(parameter)
                gradients.append(parameter.grad)
        statistics = running_statistics(self._network)
        sums = torch.stack([loss.float(), num_correct.float()])
        self._processes.all_reduce_sum([sums, *gradients, *statistics])
        for statistic in statistics:
            statistic.div_(self._processes.world_size)
        return sums[0], sums[1]


def train_epoch(
    train_step: TrainStep,
    batches: Batches,
    *,
    epoch: int,
    factor: Callable[[int], float] = lambda step: 1.0,
    after_step: Callable[[int], None] = lambda step: None,
    accumulator: MetricAccumulator | None = None,
) -> EpochSums:
    """Trains one epoch.

    Args:
        train_step: Takes the optimizer steps.
        batches: Batches of images, vectors or anything else that the loss function takes.
        epoch: Number of the epoch, from 0; with the seed it decides order and augmentation.
        factor: The schedule: the share of the highest learning rate that a step, from 0, takes.
        after_step: Called with the number of each step when it is done.
        accumulator: Collects the metrics; one that has steps of this epoch resumes after them.

    Raises:
        DivergedError: The loss became non-finite.
    """
    accumulator = accumulator or MetricAccumulator()
    start, steps_per_epoch = accumulator.steps, len(batches)
    for index, batch in enumerate(batches.epoch(epoch, start=start), start):
        step = epoch * steps_per_epoch + index
        lr = train_step.set_learning_rate(factor(step))
        metrics = train_step.take(batch, step)
        accumulator.add(step, lr, metrics, highest_lr=train_step.highest_learning_rate)
        after_step(step)
    return accumulator.sums()


def running_statistics(network: nn.Module) -> list[Tensor]:
    """Running means and variances of the normalisation layers that are in training mode."""
    return [
        statistic
        for layer in network.modules()
        if layer.training
        for statistic in (
            getattr(layer, "running_mean", None),
            getattr(layer, "running_var", None),
        )
        if isinstance(statistic, Tensor)
    ]


def count_correct(outputs: Tensor, targets: Tensor) -> Tensor:
    """Number of outputs (N, K) whose largest value is at the class of the target.

    Targets are classes (N,) or shares of the classes (N, K), of which the largest counts. 0 for
    targets of other kinds.
    """
    if targets.is_floating_point() and targets.shape == outputs.shape and outputs.ndim == 2:
        targets = targets.argmax(dim=1)
    if targets.is_floating_point() or outputs.ndim != 2:
        return torch.zeros((), dtype=torch.int64, device=outputs.device)
    return (outputs.argmax(dim=1) == targets).sum()
