"""Outputs: a classifier's logits for some images, with their labels."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convscope.short_repr import short_repr


@dataclass(frozen=True)
class Outputs:
    """A classifier's logits for N images, with their labels.

    Attributes:
        logits: (N, K), before temperature scaling.
        targets: (N,) indices of the true classes.
        classes: K names.
        temperature: What logits are divided by before the softmax.
    """

    logits: NDArray[np.float32]
    targets: NDArray[np.int64]
    classes: tuple[str, ...]
    temperature: float = 1.0

    __repr__ = short_repr

    def __len__(self) -> int:
        return len(self.targets)

    @cached_property
    def log_probabilities(self) -> NDArray[np.float64]:
        """(N, K) natural logarithms of the probabilities."""
        scaled = self.logits.astype(np.float64) / self.temperature
        scaled -= scaled.max(axis=1, keepdims=True)
        scaled -= np.log(np.exp(scaled).sum(axis=1, keepdims=True))
        return scaled

    @cached_property
    def probabilities(self) -> NDArray[np.float64]:
        """(N, K), each row with the sum 1."""
        return np.exp(self.log_probabilities)

    @cached_property
    def predicted(self) -> NDArray[np.int64]:
        """(N,) index of the most probable class; of equal ones the first."""
        return np.asarray(self.logits.argmax(axis=1))

    @cached_property
    def is_correct(self) -> NDArray[np.bool_]:
        """(N,) whether the most probable class is the true one."""
        return np.asarray(self.predicted == self.targets)

    @cached_property
    def confidences(self) -> NDArray[np.float64]:
        """(N,) probability of the most probable class."""
        return self._picked(self.probabilities, self.predicted)

    @cached_property
    def target_probabilities(self) -> NDArray[np.float64]:
        """(N,) probability of the true class."""
        return self._picked(self.probabilities, self.targets)

    @cached_property
    def losses(self) -> NDArray[np.float64]:
        """(N,) negative log probability of the true class, in nats."""
        return np.asarray(0.0 - self._picked(self.log_probabilities, self.targets))  # never -0.0

    @cached_property
    def brier_terms(self) -> NDArray[np.float64]:
        """(N,) squared distance, 0 to 2, of the probabilities from the one-hot target.

        Source: Brier 1950, equation 2.
        """
        squares = np.einsum("nk,nk->n", self.probabilities, self.probabilities)
        # Rounding would bring a perfect prediction a little below 0.
        return np.asarray(np.maximum(squares - 2 * self.target_probabilities + 1, 0.0))

    @cached_property
    def ranks(self) -> NDArray[np.int64]:
        """(N,) number of classes that are more probable than the true one.

        Of equally probable classes those that come first count as more probable, as in `predicted`.
        """
        true = self._picked(self.logits, self.targets)[:, None]
        is_earlier = np.arange(self.logits.shape[1]) < self.targets[:, None]
        return np.asarray(((self.logits > true) | (is_earlier & (self.logits == true))).sum(axis=1))

    def at_temperature(self, temperature: float) -> Outputs:
        """The same logits with another temperature."""
        return Outputs(self.logits, self.targets, self.classes, temperature)

    def take(self, chosen: NDArray[np.int64] | NDArray[np.bool_]) -> Outputs:
        """The outputs for some of the images."""
        return Outputs(self.logits[chosen], self.targets[chosen], self.classes, self.temperature)

    def _picked(self, values: NDArray[Any], columns: NDArray[np.int64]) -> NDArray[Any]:
        """(N,) one value of each row (N, K)."""
        return np.asarray(values[np.arange(len(self)), columns])
