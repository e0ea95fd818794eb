"""Outputs: what a classifier gave for certain images, and what would have been right."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Outputs:
    """What a classifier gave for N images.

    Attributes:
        logits: (N, K), before the temperature.
        targets: (N,) index of the right class.
        classes: K names.
        temperature: What logits are divided by before they become probabilities.
    """

    logits: NDArray[np.float32]
    targets: NDArray[np.int64]
    classes: tuple[str, ...]
    temperature: float = 1.0

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
        """(N,) whether the most probable class is the right one."""
        return np.asarray(self.predicted == self.targets)

    @cached_property
    def confidences(self) -> NDArray[np.float64]:
        """(N,) probability of the most probable class."""
        rows = np.arange(len(self))
        return np.asarray(self.probabilities[rows, self.predicted])

    @cached_property
    def own_probabilities(self) -> NDArray[np.float64]:
        """(N,) probability of the right class."""
        return np.asarray(self.probabilities[np.arange(len(self)), self.targets])

    @cached_property
    def losses(self) -> NDArray[np.float64]:
        """(N,) negative logarithm of the right class's probability, in nats."""
        rows = np.arange(len(self))
        return np.asarray(0.0 - self.log_probabilities[rows, self.targets])  # never -0.0

    @cached_property
    def brier_terms(self) -> NDArray[np.float64]:
        """(N,) squared distance, 0 to 2, of the probabilities from the right answer.

        Source: Brier 1950, equation 2.
        """
        right = self.own_probabilities
        squares = np.einsum("nk,nk->n", self.probabilities, self.probabilities)
        # Rounding would bring what is all right a little below 0.
        return np.asarray(np.maximum(squares - 2 * right + 1, 0.0))

    @cached_property
    def ranks(self) -> NDArray[np.int64]:
        """(N,) how many classes are more probable than the right one, 0 for none.

        Of equally probable ones those that come first count as more probable, as in `predicted`.
        """
        rows = np.arange(len(self))
        right = self.logits[rows, self.targets][:, None]
        earlier = np.arange(self.logits.shape[1]) < self.targets[:, None]
        return np.asarray(((self.logits > right) | (earlier & (self.logits == right))).sum(axis=1))

    def at_temperature(self, temperature: float) -> Outputs:
        """The same logits with another temperature."""
        return Outputs(self.logits, self.targets, self.classes, temperature)

    def take(self, chosen: NDArray[np.int64] | NDArray[np.bool_]) -> Outputs:
        """Those of some images."""
        return Outputs(self.logits[chosen], self.targets[chosen], self.classes, self.temperature)
