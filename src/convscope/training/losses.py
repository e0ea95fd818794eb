"""Losses: what a step minimises, for images as for vectors."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from convscope.errors import UsageError
from convscope.text import did_you_mean, listed


class LossResult(NamedTuple):
    """The result of a loss function.

    Attributes:
        loss: Scalar, mean over the batch.
        outputs: (N, ...) outputs of the network, for the train accuracy.
    """

    loss: Tensor
    outputs: Tensor


class Loss(Protocol):
    """Loss function of the loop: runs the network on a batch and returns the loss."""

    def __call__(self, network: nn.Module, inputs: Tensor, targets: Tensor) -> LossResult:
        """Inputs (N, ...) and targets (N, ...) to loss and outputs."""
        ...


@dataclass(frozen=True, slots=True)
class PlainLoss:
    """Any loss of outputs and targets, for instance the mean squared error of a regression.

    Attributes:
        loss: Takes outputs and targets, gives a scalar.
    """

    loss: Callable[[Tensor, Tensor], Tensor]

    def __call__(self, network: nn.Module, inputs: Tensor, targets: Tensor) -> LossResult:
        """Inputs (N, ...) and targets (N, ...) to loss and outputs."""
        outputs = network(inputs)
        return LossResult(self.loss(outputs, targets), outputs)


@dataclass(frozen=True, slots=True)
class ClassificationLoss:
    """The loss of a classifier, with the auxiliary outputs of networks that have some.

    Every loss is that of one image, weighted by the weight of its class and averaged over the
    images.

    Departs: torch divides by the sum of the weights in the batch; here it is the number of images,
        so that micro-batches add up to the whole batch. Weights with a mean of 1 over the images
        (`class_weights`) keep the size of the loss.

    Attributes:
        loss: A key of `LOSSES`.
        label_smoothing: Share of the target that is spread over all classes.
        gamma: Exponent of the focal loss.
        class_weights: (K,) weight of an image of each class; None for equal weights.
        auxiliary_weight: Weight of each auxiliary output's loss; None for networks without.
    """

    loss: str = "cross-entropy"
    label_smoothing: float = 0.0
    gamma: float = 2.0
    class_weights: Tensor | None = None
    auxiliary_weight: float | None = None

    def __call__(self, network: nn.Module, inputs: Tensor, targets: Tensor) -> LossResult:
        """Images (N, C, H, W) and classes (N,) or their shares (N, K) to loss and logits (N, K)."""
        if self.auxiliary_weight is None:
            logits = network(inputs)
            return LossResult(self._mean(logits, targets), logits)
        forward: Callable[[Tensor], tuple[Tensor, ...]] = network.forward_with_auxiliaries  # type: ignore[assignment]
        logits, *auxiliaries = forward(inputs)
        loss = self._mean(logits, targets)
        for auxiliary in auxiliaries:
            loss = loss + self.auxiliary_weight * self._mean(auxiliary, targets)
        return LossResult(loss, logits)

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
        """Binary cross-entropy of each class by itself, summed over the classes."""
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


LOSSES: dict[str, Callable[[ClassificationLoss, Tensor, Tensor], Tensor]] = {
    "cross-entropy": ClassificationLoss._cross_entropy,
    "bce": ClassificationLoss._binary,
    "focal": ClassificationLoss._focal,
}


POWERS = {"balanced": 1.0, "sqrt": 0.5}


def class_weights(
    counts: NDArray[np.int64],
    *,
    scheme: str,
    named: Mapping[str, float],
    classes: Sequence[str],
) -> NDArray[np.float32] | None:
    """(K,) weights whose mean over the train images is 1; None where all count the same.

    Args:
        counts: (K,) number of train images of each class.
        scheme: `none`, `balanced` (1 / count) or `sqrt` (1 / sqrt of count).
        named: Weights given by class name, relative to each other; 1 for the others.
        classes: K names.

    Raises:
        UsageError: A name is none of the classes, or no image has a weight above 0.
    """
    unknown = [name for name in named if name not in classes]
    if unknown:
        near = did_you_mean(unknown[0], classes)
        raise UsageError(
            f"`class_weight` names what is no class of the data\n{listed(unknown)}",
            hint=near or f"the classes are {', '.join(f'`{name}`' for name in classes[:20])}",
        )
    weights = np.ones(len(classes))
    if scheme in POWERS:
        weights = np.maximum(counts, 1) ** -POWERS[scheme]
    elif named:
        weights = np.array([named.get(name, 1.0) for name in classes])
    else:
        return None
    total = float((weights * counts).sum())
    if not total:
        raise UsageError(
            "`class_weight` is 0 for every class that has images",
            hint="leave out the images instead, or give a weight above 0",
        )
    return np.asarray(weights * counts.sum() / total, dtype=np.float32)
