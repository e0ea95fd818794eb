"""Batches: images as the network takes them; a pure function of (seed, epoch, step, rank)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from convscope.data.augment.augmentation import Augmentation
from convscope.data.augment.mixing import Mixing
from convscope.data.ordering import Draw, Ordering
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
        num_images: Of the step, over all processes; N where there is only one.
    """

    inputs: Tensor
    targets: Tensor
    num_images: int


class Share(NamedTuple):
    """Which process this is.

    Attributes:
        rank: From 0.
        world_size: Number of processes.
    """

    rank: int = 0
    world_size: int = 1

    def of(self, draw: Draw) -> Draw:
        """This process's part of a step."""
        return Draw(*(np.array_split(part, self.world_size)[self.rank] for part in draw))

    def run_of(self, part: NDArray[np.int64]) -> NDArray[np.int64]:
        """This process's run of images that are taken in their order."""
        return np.array_split(part, self.world_size)[self.rank]


class Variation(NamedTuple):
    """How images are ordered and varied while they are learned from.

    Attributes:
        seed: Everything follows from it, the epoch and the image.
        augmentation: What is done to images.
        sizes: (N, 2) height and width of the original images, for crops that keep their shape.
        mixing: None for images by themselves.
        num_classes: K, for mixed targets.
        is_shuffled: Whether each epoch has an order of its own; else that of the images.
        is_balanced: Whether each class comes equally often.
        side_at: The longer side in an epoch, for sizes that grow; None for the input's.
    """

    seed: int
    augmentation: Augmentation = NO_AUGMENTATION
    sizes: NDArray[np.int64] | None = None
    mixing: Mixing | None = None
    num_classes: int = 0
    is_shuffled: bool = True
    is_balanced: bool = False
    side_at: Callable[[int], int] | None = None

    def apply(self, pixels: Tensor, *, epoch: int, draw: Draw, out_size: tuple[int, int]) -> Tensor:
        """Varied images (n, height, width, C) from (n, H, W, C)."""
        return self.augmentation.apply(
            pixels,
            seed=self.seed,
            epoch=epoch,
            indices=draw.keys,
            sizes=None if self.sizes is None else self.sizes[draw.indices],
            out_size=out_size,
        )

    def resized(self, inputs: Tensor, epoch: int) -> Tensor:
        """Inputs (n, C, H, W) at the size of an epoch."""
        if self.side_at is None:
            return inputs
        height, width = inputs.shape[2:]
        side, longer = self.side_at(epoch), max(height, width)
        if side == longer:
            return inputs
        size = [max(1, round(part * side / longer)) for part in (height, width)]
        smaller = F.interpolate(inputs, size, mode="bilinear", antialias=True)
        return smaller.contiguous(memory_format=torch.channels_last)


class Batches(Protocol):
    """What the training loop takes: images here, vectors or anything else elsewhere."""

    def __len__(self) -> int:
        """Steps in an epoch."""
        ...

    @property
    def num_images(self) -> int:
        """Images in an epoch."""
        ...

    def epoch(self, epoch: int, *, start: int = 0) -> Iterator[Batch]:
        """The batches of an epoch, which counts from 0, from step `start` on."""
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
        batch_size: At most, over all ranks; see `Ordering`.
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
        self._ordering = Ordering(
            part,
            batch_size=batch_size,
            seed=variation.seed if variation and variation.is_shuffled else None,
            balanced_by=labels if variation and variation.is_balanced else None,
        )
        self._preprocessing = preprocessing
        self._device = device
        self._variation = variation
        self._share = share or Share()

    @property
    def num_images(self) -> int:
        """Images in an epoch, over all ranks."""
        return len(self._ordering.part)

    def __len__(self) -> int:
        return len(self._ordering)

    def epoch(self, epoch: int, *, start: int = 0) -> Iterator[Batch]:
        """The batches of an epoch from step `start` on: a function of (seed, epoch)."""
        draws = self._ordering.epoch(epoch)[start:]
        mine = (self._share.of(draw) for draw in draws)
        taken: Iterator[tuple[Draw, Tensor]] = (
            (draw, self._pixels.take(draw.indices)) for draw in mine
        )
        # Where taking is copying, a thread that takes ahead only competes with the network; images
        # that have to be decoded, or a device that computes by itself, leave time to use.
        if not self._pixels.is_at_hand or self._device.type != "cpu":
            taken = ahead(taken, depth=FETCHED_AHEAD)
        for step, (draw, pixels) in enumerate(taken, start):
            inputs, targets = self._finished(draw, pixels, epoch, step)
            yield Batch(inputs, targets, len(draws[step - start].indices))

    def _finished(self, draw: Draw, pixels: Tensor, epoch: int, step: int) -> tuple[Tensor, Tensor]:
        pixels = pixels.to(self._device, non_blocking=True)
        if self._variation is not None:
            pixels = self._variation.apply(
                pixels,
                epoch=epoch,
                draw=draw,
                out_size=(self._preprocessing.height, self._preprocessing.width),
            )
        labels = self._labels[torch.from_numpy(draw.indices)].to(self._device, non_blocking=True)
        inputs = normalise(pixels, self._preprocessing)
        if self._variation is not None:
            inputs = self._variation.resized(inputs, epoch)
        if self._variation is None or self._variation.mixing is None:
            return inputs, labels
        return self._variation.mixing.apply(
            inputs,
            labels,
            self._variation.num_classes,
            seed=self._variation.seed,
            step=epoch * len(self) + step,
            rank=self._share.rank,
        )
