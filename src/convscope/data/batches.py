"""Image batches: images as the network takes them; a pure function of (seed, epoch, step, rank)."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple, TypeVar, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from convscope.data.augment.augmentation import Augmentation
from convscope.data.augment.mixing import Mixing
from convscope.data.batch import Batch, BatchIndices, Sampler
from convscope.data.pixels.prepared import Pixels
from convscope.data.pixels.preprocessing import Preprocessing

NO_AUGMENTATION = Augmentation()
PREFETCHED_BATCHES = 2  # more only take memory

Value = TypeVar("Value")


class Shard(NamedTuple):
    """The shard of one process of a distributed training.

    Attributes:
        rank: Rank of the process, from 0.
        world_size: Number of processes.
    """

    rank: int = 0
    world_size: int = 1

    def of(self, step: BatchIndices) -> BatchIndices:
        """This process's shard of a step."""
        return BatchIndices(*(np.array_split(part, self.world_size)[self.rank] for part in step))

    def run_of(self, indices: NDArray[np.int64]) -> NDArray[np.int64]:
        """This process's run of images that are taken in their order."""
        return np.array_split(indices, self.world_size)[self.rank]


class TakenPixels(NamedTuple):
    """The pixels of a step's images, as they were decoded.

    Attributes:
        step: Number of the step in its epoch, from 0.
        num_images: Number of images in the step over all processes.
        shard: This process's shard of the step.
        pixels: (n, H, W, C) uint8, 0 to 255.
    """

    step: int
    num_images: int
    shard: BatchIndices
    pixels: Tensor


class TrainAugmentation(NamedTuple):
    """How training images are augmented, and how they lie in memory.

    Attributes:
        seed: Decides the augmentation, together with the epoch and the image.
        augmentation: Changes of single images.
        sizes: (N, 2) height and width of the original images, for crops that keep their shape.
        mixing: Mixing of images with each other; None for none.
        num_classes: K, for mixed targets.
        side_at: The longer side in an epoch, for sizes that grow; None for the input's.
        memory_format: Order of the values of an image.
    """

    seed: int
    augmentation: Augmentation = NO_AUGMENTATION
    sizes: NDArray[np.int64] | None = None
    mixing: Mixing | None = None
    num_classes: int = 0
    side_at: Callable[[int], int] | None = None
    memory_format: torch.memory_format = torch.channels_last

    def apply(
        self, pixels: Tensor, *, epoch: int, step: BatchIndices, out_size: tuple[int, int]
    ) -> Tensor:
        """Augmented images (n, height, width, C) from (n, H, W, C)."""
        return self.augmentation.apply(
            pixels,
            seed=self.seed,
            epoch=epoch,
            indices=step.keys,
            sizes=None if self.sizes is None else self.sizes[step.indices],
            out_size=out_size,
        )

    def laid_out(self, inputs: Tensor, epoch: int) -> Tensor:
        """Inputs (n, C, H, W) at the size of an epoch, in the order in memory."""
        inputs = self._resized(inputs, epoch)
        if self.memory_format is torch.channels_last:
            return inputs.contiguous(memory_format=torch.channels_last)
        # Of a single channel `contiguous` returns both orders as they are.
        return inputs.clone(memory_format=torch.contiguous_format)

    def _resized(self, inputs: Tensor, epoch: int) -> Tensor:
        if self.side_at is None:
            return inputs
        height, width = inputs.shape[2:]
        side, longer = self.side_at(epoch), max(height, width)
        if side == longer:
            return inputs
        size = [max(1, round(length * side / longer)) for length in (height, width)]
        return F.interpolate(inputs, size, mode="bilinear", antialias=True)


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
    """Batches of a data set's images.

    A batch is a pure function of (seed, epoch, step, rank): the number of threads that decode,
    prefetching, and where an epoch was interrupted change nothing.

    Args:
        pixels: N images; larger than the network's input where augmentation crops them.
        labels: (N,) class indices.
        sampler: Chooses the images of each step.
        preprocessing: Gives mean and std, and the size of the network's input.
        device: Where batches are made.
        augmentation: How images are augmented; None for not at all.
        shard: Rank and size of the process group; each process gets its shard of each batch.
    """

    def __init__(
        self,
        pixels: Pixels,
        labels: NDArray[np.int64],
        sampler: Sampler,
        *,
        preprocessing: Preprocessing,
        device: torch.device,
        augmentation: TrainAugmentation | None = None,
        shard: Shard | None = None,
    ) -> None:
        self.pixels = pixels
        self._labels = torch.from_numpy(labels)
        self._sampler = sampler
        self._preprocessing = preprocessing
        self._device = device
        self._augmentation = augmentation
        self._shard = shard or Shard()

    @property
    def num_images(self) -> int:
        """Number of images in an epoch, over all processes."""
        return len(self._sampler.indices)

    def __len__(self) -> int:
        return len(self._sampler)

    def epoch(self, epoch: int, *, start: int = 0) -> Iterator[Batch]:
        """The batches of an epoch, counted from 0, from step `start` on."""
        for taken in self.taken(epoch, start=start):
            yield self.finished(taken, epoch)

    def taken(self, epoch: int, *, start: int = 0) -> Iterator[TakenPixels]:
        """The pixels of each batch of an epoch: read, or decoded ahead of time."""
        steps = enumerate(self._sampler.epoch(epoch)[start:], start)
        taken: Iterator[TakenPixels] = (self._take(number, step) for number, step in steps)
        # Where taking is copying, a thread that prefetches only competes with the network; images
        # that have to be decoded, or a device that computes by itself, leave time to use.
        if not self.pixels.is_at_hand or self._device.type != "cpu":
            taken = _prefetched(taken, depth=PREFETCHED_BATCHES)
        return taken

    def finished(self, taken: TakenPixels, epoch: int) -> Batch:
        """The batch of pixels: on the device, augmented and normalised."""
        inputs, targets = self._inputs_and_targets(taken, epoch)
        return Batch(inputs, targets, taken.num_images)

    def _take(self, number: int, step: BatchIndices) -> TakenPixels:
        shard = self._shard.of(step)
        return TakenPixels(number, len(step.indices), shard, self.pixels.take(shard.indices))

    def _inputs_and_targets(self, taken: TakenPixels, epoch: int) -> tuple[Tensor, Tensor]:
        shard = taken.shard
        pixels = taken.pixels.to(self._device, non_blocking=True)
        labels = self._labels[torch.from_numpy(shard.indices)].to(self._device, non_blocking=True)
        augmentation = self._augmentation
        if augmentation is None:
            return normalise(pixels, self._preprocessing), labels
        out_size = (self._preprocessing.height, self._preprocessing.width)
        pixels = augmentation.apply(pixels, epoch=epoch, step=shard, out_size=out_size)
        inputs = augmentation.laid_out(normalise(pixels, self._preprocessing), epoch)
        if augmentation.mixing is None:
            return inputs, labels
        return augmentation.mixing.apply(
            inputs,
            labels,
            augmentation.num_classes,
            seed=augmentation.seed,
            step=epoch * len(self) + taken.step,
            rank=self._shard.rank,
        )


def _prefetched(values: Iterator[Value], *, depth: int) -> Iterator[Value]:
    """The same values, of which one thread makes up to `depth` ahead of time."""
    end, pool = object(), ThreadPoolExecutor(1, "prefetching")
    try:
        waiting = deque(pool.submit(next, values, end) for _ in range(depth))
        while (value := waiting.popleft().result()) is not end:
            waiting.append(pool.submit(next, values, end))
            yield cast(Value, value)
    finally:
        # Without waiting: garbage collection may come here in any thread at any moment, also where
        # that thread holds a lock that the end of another one needs.
        pool.shutdown(wait=False, cancel_futures=True)
