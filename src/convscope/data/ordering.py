"""The order in which images are learned from: a function of (seed, epoch)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from convscope.data.counters import permutation


class Draw(NamedTuple):
    """Images of a step.

    Attributes:
        indices: (n,) which images.
        keys: (n,) what their augmentation is drawn by: the index, or another number for an image
            that comes again in the same epoch, so that it looks different.
    """

    indices: NDArray[np.int64]
    keys: NDArray[np.int64]


class Ordering:
    """The steps of each epoch.

    The images of an epoch are spread evenly over its steps, and a step takes one more where it
    would leave one image alone: batch normalisation can't learn from a single image.

    Args:
        part: (n,) which images.
        batch_size: At most, in a step.
        seed: Decides the order; None for that of `part`.
        balanced_by: (N,) labels of all images: each class comes equally often, those of small
            classes several times an epoch, those of large ones not in each; None for every image
            once.
    """

    def __init__(
        self,
        part: NDArray[np.int64],
        *,
        batch_size: int,
        seed: int | None = None,
        balanced_by: NDArray[np.int64] | None = None,
    ) -> None:
        self.part, self._batch_size, self._seed = part, batch_size, seed
        self._classes: list[NDArray[np.int64]] = []
        if balanced_by is not None:
            labels = balanced_by[part]
            self._classes = [part[labels == label] for label in np.unique(labels)]
            self._num_all = len(balanced_by)

    def __len__(self) -> int:
        """Steps in an epoch."""
        count = -(-len(self.part) // self._batch_size)
        leaves_one_alone = self._batch_size > 1 and len(self.part) // max(1, count) == 1
        return max(1, count - 1) if leaves_one_alone else count

    def epoch(self, epoch: int) -> list[Draw]:
        """The steps of an epoch, which counts from 0."""
        images = self._balanced(epoch) if self._classes else Draw(self.part, self.part)
        if self._seed is not None:
            order = permutation("order", len(images.indices), self._seed, epoch)
            images = Draw(images.indices[order], images.keys[order])
        return [
            Draw(indices, keys)
            for indices, keys in zip(
                np.array_split(images.indices, len(self)),
                np.array_split(images.keys, len(self)),
                strict=True,
            )
        ]

    def _balanced(self, epoch: int) -> Draw:
        """As many images as there are, equally many of each class.

        The images of a class are gone through again and again, each time in another order; an
        epoch goes on where the one before it stopped.
        """
        shares = np.array_split(np.arange(len(self.part)), len(self._classes))
        indices, keys = [], []
        for label, (images, share) in enumerate(zip(self._classes, shares, strict=True)):
            places = np.arange(len(share)) + epoch * len(share)
            rounds = places // len(images)
            chosen = np.empty(len(share), dtype=np.int64)
            for number in np.unique(rounds):
                order = permutation("balance", len(images), self._seed or 0, label, int(number))
                is_now = rounds == number
                chosen[is_now] = images[order[places[is_now] % len(images)]]
            indices.append(chosen)
            keys.append(chosen + self._num_all * (rounds - rounds[:1]))
        return Draw(np.concatenate(indices), np.concatenate(keys))
