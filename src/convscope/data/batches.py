"""Batches: images as the network takes them; a pure function of (seed, epoch, step, rank)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from convscope.data.augment.augmentation import Augmentation
from convscope.data.augment.mixing import Mixing
from convscope.data.counters import permutation
from convscope.data.parallel import ahead
from convscope.data.pixels import Pixels
from convscope.data.preprocessing import Preprocessing

NO_AUGMENTATION = Augmentation()
FETCHED_AHEAD = 2  # batches; more only take memory


class Batch(NamedTuple):
    """What a step takes.

    Attributes:
        inputs: (N, ...) on the device; images are (N, C, H, W) floats, normalised.
        targets: (N,) class indices, or whatever the loss takes.
    """

    inputs: Tensor
    targets: Tensor


class Share(NamedTuple):
    """Which process this is.

    Attributes:
        rank: From 0.
        world_size: Number of processes.
    """

    rank: int = 0
    world_size: int = 1


class Variation(NamedTuple):
    """How images are ordered and varied while they are learned from.

    Attributes:
        seed: Everything follows from it, the epoch and the image.
        augmentation: What is done to images.
        sizes: (N, 2) height and width of the original images, for crops that keep their shape.
        mixing: None for images by themselves.
        num_classes: K, for mixed targets.
    """

    seed: int
    augmentation: Augmentation = NO_AUGMENTATION
    sizes: NDArray[np.int64] | None = None
    mixing: Mixing | None = None
    num_classes: int = 0

    def apply(
        self,
        pixels: Tensor,
        *,
        epoch: int,
        indices: NDArray[np.int64],
        out_size: tuple[int, int],
    ) -> Tensor:
        """Varied images (n, height, width, C) from (n, H, W, C)."""
        return self.augmentation.apply(
            pixels,
            seed=self.seed,
            epoch=epoch,
            indices=indices,
            sizes=None if self.sizes is None else self.sizes[indices],
            out_size=out_size,
        )


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
    count, height, width, channels = pixels.shape
    if pixels.is_contiguous():
        # Whole lines at once: along an axis of three values nothing is fast.
        lines = pixels.view(count, height, width * channels).to(torch.float32, copy=True)
        lines.sub_(mean.repeat(width)).div_(std.repeat(width))
        return lines.view(count, height, width, channels).permute(0, 3, 1, 2)
    values = pixels.to(torch.float32, copy=True)
    return values.sub_(mean).div_(std).permute(0, 3, 1, 2)


class ImageBatches:
    """Batches of a part of a data set's images.

    A batch is a pure function of (seed, epoch, step, rank): how many threads decode, what was
    fetched ahead or where an epoch was broken off changes nothing.

    Args:
        pixels: N images; larger than the network's input where augmentation cuts crops out.
        labels: (N,) class indices.
        part: Which of the N.
        preprocessing: For mean and std, and the size of what the network takes.
        batch_size: At most, over all ranks. The images of an epoch are spread evenly over its
            batches, and a batch takes one more where it would leave one image alone: batch
            normalisation can't learn from a single image.
        device: Where batches are made.
        variation: How images are ordered and varied while they are learned from; None for all as
            they are, in the order of `part`.
        share: Which process this is, and of how many; it gets its share of each batch.
    """

    def __init__(
        self,
        pixels: Pixels,
        labels: NDArray[np.int64],
        part: NDArray[np.int64],
        *,
        preprocessing: Preprocessing,
        batch_size: int,
        device: torch.device,
        variation: Variation | None = None,
        share: Share | None = None,
    ) -> None:
        self._pixels = pixels
        self._labels = torch.from_numpy(labels)
        self._part = part
        self._preprocessing = preprocessing
        self._batch_size = batch_size
        self._device = device
        self._variation = variation
        self._share = share or Share()

    @property
    def num_images(self) -> int:
        """Images in an epoch, over all ranks."""
        return len(self._part)

    def __len__(self) -> int:
        count = -(-len(self._part) // self._batch_size)
        leaves_one_alone = self._batch_size > 1 and len(self._part) // max(1, count) == 1
        return max(1, count - 1) if leaves_one_alone else count

    def epoch(self, epoch: int, *, start: int = 0) -> Iterator[Batch]:
        """The batches of an epoch from step `start` on: a function of (seed, epoch)."""
        order = self._part
        if self._variation is not None:
            order = order[permutation("order", len(order), self._variation.seed, epoch)]
        steps = np.array_split(order, len(self))[start:]
        rank, world_size = self._share
        mine = (np.array_split(step, world_size)[rank] for step in steps)
        taken: Iterator[tuple[NDArray[np.int64], Tensor]] = (
            (indices, self._pixels.take(indices)) for indices in mine
        )
        # Where taking is copying, a thread that takes ahead only competes with the network; images
        # that have to be decoded, or a device that computes by itself, leave time to use.
        if not self._pixels.is_at_hand or self._device.type != "cpu":
            taken = ahead(taken, depth=FETCHED_AHEAD)
        for step, (indices, pixels) in enumerate(taken, start):
            yield self._finished(indices, pixels, epoch, step)

    def _finished(self, indices: NDArray[np.int64], pixels: Tensor, epoch: int, step: int) -> Batch:
        pixels = pixels.to(self._device, non_blocking=True)
        if self._variation is not None:
            pixels = self._variation.apply(
                pixels,
                epoch=epoch,
                indices=indices,
                out_size=(self._preprocessing.height, self._preprocessing.width),
            )
        labels = self._labels[torch.from_numpy(indices)].to(self._device, non_blocking=True)
        inputs = normalise(pixels, self._preprocessing)
        if self._variation is None or self._variation.mixing is None:
            return Batch(inputs, labels)
        mixed = self._variation.mixing.apply(
            inputs,
            labels,
            self._variation.num_classes,
            seed=self._variation.seed,
            step=epoch * len(self) + step,
            rank=self._share.rank,
        )
        return Batch(*mixed)
