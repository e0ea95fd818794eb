"""Objectives: what a step minimises. A loop takes any of them, for images as for vectors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from torch import Tensor, nn
from torch.nn import functional as F


class StepResult(NamedTuple):
    """What an objective gives.

    Attributes:
        loss: Scalar, mean over the batch.
        outputs: (N, ...) of the network, for the train accuracy.
    """

    loss: Tensor
    outputs: Tensor


class Objective(Protocol):
    """Runs the network on a batch and says how far off it is."""

    def __call__(self, network: nn.Module, inputs: Tensor, targets: Tensor) -> StepResult:
        """Inputs (N, ...) and targets (N, ...) to loss and outputs."""
        ...


@dataclass(frozen=True, slots=True)
class PlainObjective:
    """Any loss of outputs and targets, for instance the mean squared error of a regression.

    Attributes:
        loss: Takes outputs and targets, gives a scalar.
    """

    loss: Callable[[Tensor, Tensor], Tensor]

    def __call__(self, network: nn.Module, inputs: Tensor, targets: Tensor) -> StepResult:
        """Inputs (N, ...) and targets (N, ...) to loss and outputs."""
        outputs = network(inputs)
        return StepResult(self.loss(outputs, targets), outputs)


@dataclass(frozen=True, slots=True)
class Classification:
    """Cross-entropy, with the auxiliary outputs of networks that have some.

    Attributes:
        label_smoothing: Share of the target that is spread over all classes.
        auxiliary_weight: Of each auxiliary output's loss; None for networks without.
    """

    label_smoothing: float = 0.0
    auxiliary_weight: float | None = None

    def __call__(self, network: nn.Module, inputs: Tensor, targets: Tensor) -> StepResult:
        """Images (N, C, H, W) and class indices (N,) to loss and logits (N, K)."""
        if self.auxiliary_weight is None:
            logits = network(inputs)
            return StepResult(self._cross_entropy(logits, targets), logits)
        forward: Callable[[Tensor], tuple[Tensor, ...]] = network.forward_with_auxiliaries  # type: ignore[assignment]
        logits, *auxiliaries = forward(inputs)
        loss = self._cross_entropy(logits, targets)
        for auxiliary in auxiliaries:
            loss = loss + self.auxiliary_weight * self._cross_entropy(auxiliary, targets)
        return StepResult(loss, logits)

    def _cross_entropy(self, logits: Tensor, targets: Tensor) -> Tensor:
        # In float32 also under bfloat16: its 8 bits are too few for a sum of exponentials.
        return F.cross_entropy(logits.float(), targets, label_smoothing=self.label_smoothing)
