"""What a training step takes: a batch, and the order of the images in each epoch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from convscope.rng import permutation


class Batch(NamedTuple):
    """The inputs and targets of a step.

    Attributes:
        inputs: (N, ...) on the device; images are (N, C, H, W) floats, normalised.
        targets: (N,) class indices, or whatever the loss takes.
        num_images: Number of images in the step over all processes; N for a single process.
    """

    inputs: Tensor
    targets: Tensor
    num_images: int


class Batches(Protocol):
    """Batches of an epoch, as the training loop takes them: of images, features, or anything."""

    def __len__(self) -> int:
        """Number of steps in an epoch."""
        ...

    @property
    def num_images(self) -> int:
        """Number of images in an epoch."""
        ...

    def epoch(self, epoch: int, *, start: int = 0) -> Iterator[Batch]:
        """The batches of an epoch, counted from 0, from step `start` on."""
        ...


class BatchIndices(NamedTuple):
    """Indices of the images of a step.

    Attributes:
        indices: (n,) index of each image.
        keys: (n,) what the augmentation is drawn by: the index, or another number for an image
            that occurs again in the same epoch, so that it looks different.
    """

    indices: NDArray[np.int64]
    keys: NDArray[np.int64]


class Sampler:
    """The steps of each epoch.

    The images of an epoch are spread evenly over its steps, and a step takes one more where it
    would leave one image alone: batch normalisation can't be trained on a single image.

    Args:
        indices: (n,) indices of the images of an epoch.
        batch_size: Largest number of images in a step, over all processes.
        seed: Decides the order; None for that of `indices`.
        balanced_by: (N,) labels of all images: each class occurs equally often, images of small
            classes several times an epoch, those of large ones not in each; None for every image
            once.
    """

    def __init__(
        self,
        indices: NDArray[np.int64],
        *,
        batch_size: int,
        seed: int | None = None,
        balanced_by: NDArray[np.int64] | None = None,
    ) -> None:
        self.indices, self._batch_size, self._seed = indices, batch_size, seed
        self._classes: list[NDArray[np.int64]] = []
        if balanced_by is not None:
            labels = balanced_by[indices]
            self._classes = [indices[labels == label] for label in np.unique(labels)]
            self._num_all = len(balanced_by)

    def __len__(self) -> int:
        """Number of steps in an epoch."""
        count = -(-len(self.indices) // self._batch_size)
        leaves_one_alone = self._batch_size > 1 and len(self.indices) // max(1, count) == 1
        return max(1, count - 1) if leaves_one_alone else count

    def epoch(self, epoch: int) -> list[BatchIndices]:
        """The steps of an epoch, counted from 0."""
        images = BatchIndices(self.indices, self.indices)
        if self._classes:
            images = self._balanced(epoch)
        if self._seed is not None:
            order = permutation("order", len(images.indices), self._seed, epoch)
            images = BatchIndices(images.indices[order], images.keys[order])
        indices, keys = (np.array_split(part, len(self)) for part in images)
        return [BatchIndices(*step) for step in zip(indices, keys, strict=True)]

    def _balanced(self, epoch: int) -> BatchIndices:
        """The same number of images as without balance, equally many of each class.

        The images of a class are gone through again and again, each time in another order; an
        epoch continues where the one before it stopped.
        """
        quotas = np.array_split(np.arange(len(self.indices)), len(self._classes))
        indices, keys = [], []
        for label, (images, quota) in enumerate(zip(self._classes, quotas, strict=True)):
            places = np.arange(len(quota)) + epoch * len(quota)
            rounds = places // len(images)
            chosen = np.empty(len(quota), dtype=np.int64)
            for number in np.unique(rounds):
                order = permutation("balance", len(images), self._seed or 0, label, int(number))
                is_now = rounds == number
                chosen[is_now] = images[order[places[is_now] % len(images)]]
            indices.append(chosen)
            keys.append(chosen + self._num_all * (rounds - rounds[:1]))
        return BatchIndices(np.concatenate(indices), np.concatenate(keys))
