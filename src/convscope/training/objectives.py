"""Objectives: what a step minimises. A loop takes any of them, for images as for vectors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import torch
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
    """The loss of a classifier, with the auxiliary outputs of networks that have some.

    Every loss is that of one image, weighted by the weight of its class and averaged over the
    images.

    Departs: torch divides by the sum of the weights in the batch; here it is the number of images,
        so that a step's parts add up to the whole step. Weights with a mean of 1 over the images
        (`balance.class_weights`) keep the size of the loss.

    Attributes:
        loss: A name of `LOSSES`.
        label_smoothing: Share of the target that is spread over all classes.
        gamma: Of the focal loss.
        class_weights: (K,) what an image of each class counts; None for all the same.
        auxiliary_weight: Of each auxiliary output's loss; None for networks without.
    """

    loss: str = "cross-entropy"
    label_smoothing: float = 0.0
    gamma: float = 2.0
    class_weights: Tensor | None = None
    auxiliary_weight: float | None = None

    def __call__(self, network: nn.Module, inputs: Tensor, targets: Tensor) -> StepResult:
        """Images (N, C, H, W) and classes (N,) or their shares (N, K) to loss and logits (N, K)."""
        if self.auxiliary_weight is None:
            logits = network(inputs)
            return StepResult(self._mean(logits, targets), logits)
        forward: Callable[[Tensor], tuple[Tensor, ...]] = network.forward_with_auxiliaries  # type: ignore[assignment]
        logits, *auxiliaries = forward(inputs)
        loss = self._mean(logits, targets)
        for auxiliary in auxiliaries:
            loss = loss + self.auxiliary_weight * self._mean(auxiliary, targets)
        return StepResult(loss, logits)

    def _mean(self, logits: Tensor, targets: Tensor) -> Tensor:
        # In float32 also under bfloat16: its 8 bits are too few for a sum of exponentials.
        losses = LOSSES[self.loss](self, logits.float(), targets)
        if self.class_weights is not None:
            weights = self.class_weights
            losses = losses * (
                weights[targets] if targets.ndim == 1 else (targets * weights).sum(dim=1)
            )
        return losses.mean()

    def _cross_entropy(self, logits: Tensor, targets: Tensor) -> Tensor:
        return F.cross_entropy(
            logits, targets, label_smoothing=self.label_smoothing, reduction="none"
        )

    def _binary(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Each class is a question of its own; summed over them, the size of a cross-entropy."""
        shares = self._shares(logits, targets)
        return F.binary_cross_entropy_with_logits(logits, shares, reduction="none").sum(dim=1)

    def _focal(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Source: Lin et al. 2017, Focal loss, equation 4, with softmax in place of sigmoids."""
        shares = self._shares(logits, targets)
        log_probabilities = logits.log_softmax(dim=1)
        # Not below a little: where an image is certain, a root of 0 has an infinite slope.
        hardness = (1 - log_probabilities.exp()).clamp(min=1e-6) ** self.gamma
        return -(shares * hardness * log_probabilities).sum(dim=1)

    def _shares(self, logits: Tensor, targets: Tensor) -> Tensor:
        """(N, K) shares of the classes, smoothed."""
        num_classes = logits.shape[1]
        if targets.ndim == 1:
            targets = F.one_hot(targets, num_classes)
        shares = targets.to(torch.float32)
        return shares * (1 - self.label_smoothing) + self.label_smoothing / num_classes


LOSSES: dict[str, Callable[[Classification, Tensor, Tensor], Tensor]] = {
    "cross-entropy": Classification._cross_entropy,
    "bce": Classification._binary,
    "focal": Classification._focal,
}
