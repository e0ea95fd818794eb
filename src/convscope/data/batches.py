"""Batches: slices of the store, as the network takes them; a pure function of (seed, epoch)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from convscope.data.augment.augmentation import Augmentation
from convscope.data.counters import permutation
from convscope.data.preprocessing import Preprocessing


class Batch(NamedTuple):
    """What a step takes.

    Attributes:
        inputs: (N, ...) on the device; images are (N, C, H, W) floats, normalised.
        targets: (N,) class indices, or whatever the loss takes.
    """

    inputs: Tensor
    targets: Tensor


class Batches(Protocol):
    """What the training loop takes: images here, vectors or anything else elsewhere."""

    def __len__(self) -> int:
        """Steps in an epoch."""
        ...

    def epoch(self, epoch: int) -> Iterator[Batch]:
        """The batches of an epoch, which counts from 0."""
        ...


def normalise(pixels: Tensor, preprocessing: Preprocessing) -> Tensor:
    """Floats (N, C, H, W) from pixels (N, H, W, C) of 0 to 255, with mean and std applied.

    The one place where this happens, in training as in prediction.
    """
    mean = torch.tensor(preprocessing.mean, device=pixels.device) * 255
    std = torch.tensor(preprocessing.std, device=pixels.device) * 255
    return ((pixels.float() - mean) / std).permute(0, 3, 1, 2)


class ImageBatches:
    """Batches of a part of a store.

    Args:
        pixels: (N, H, W, C) uint8 of the whole store.
        labels: (N,) class indices of the whole store.
        part: Which of the N.
        preprocessing: For mean and std.
        batch_size: At most. The images of an epoch are spread evenly over its batches, and a batch
            takes one more where it would leave one image alone: batch normalisation can't learn
            from a single image.
        device: Where batches are made.
        augmentation: None for images as they are.
        shuffle_seed: None for the order of the store.
    """

    def __init__(
        self,
        pixels: NDArray[np.uint8],
        labels: NDArray[np.int64],
        part: NDArray[np.int64],
        *,
        preprocessing: Preprocessing,
        batch_size: int,
        device: torch.device,
        augmentation: Augmentation | None = None,
        shuffle_seed: int | None = None,
    ) -> None:
        self._pixels = torch.from_numpy(pixels)
        self._labels = torch.from_numpy(labels)
        self._part = part
        self._preprocessing = preprocessing
        self._batch_size = batch_size
        self._device = device
        self._augmentation = augmentation
        self._shuffle_seed = shuffle_seed

    @property
    def num_images(self) -> int:
        """Images in an epoch."""
        return len(self._part)

    def __len__(self) -> int:
        count = -(-len(self._part) // self._batch_size)
        leaves_one_alone = self._batch_size > 1 and len(self._part) // max(1, count) == 1
        return max(1, count - 1) if leaves_one_alone else count

    def epoch(self, epoch: int) -> Iterator[Batch]:
        """The batches of an epoch: order and augmentation are functions of (seed, epoch)."""
        order = self._part
        if self._shuffle_seed is not None:
            order = order[permutation("order", len(order), self._shuffle_seed, epoch)]
        for indices in np.array_split(order, len(self)):
            rows = torch.from_numpy(indices)
            pixels = self._pixels[rows].to(self._device, non_blocking=True)
            if self._augmentation is not None and self._shuffle_seed is not None:
                pixels = self._augmentation.apply(
                    pixels, seed=self._shuffle_seed, epoch=epoch, indices=indices
                )
            inputs = normalise(pixels, self._preprocessing)
            yield Batch(inputs, self._labels[rows].to(self._device, non_blocking=True))
