"""The batch size that fits into memory: measured on two images, proved by a step."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from convscope.data.batch import Batch
from convscope.distributed import SINGLE_PROCESS
from convscope.errors import DeviceError, NoMemoryError, is_out_of_memory
from convscope.training.autotune.dry_run import DryRun
from convscope.training.setup import Setup

SAMPLE = 2  # images that are measured
USED_SHARE = 0.8  # of the memory that is free now
WORKSPACE = 1.5  # times what a layer keeps: gradients of activations, copies, padding
COPIES_OF_WEIGHTS = 5  # gradients, two moments, a checkpoint's copy and that of the best weights
MOST_IMAGES = 1024  # larger batches train worse in the same number of epochs
FEWEST_STEPS = 8  # in an epoch
MOST_TEXT = (
    f"; more would fit, but no more than {MOST_IMAGES:,} images or an eighth of the train images "
    "are tried"
)


@dataclass(frozen=True, slots=True)
class MemoryBudget:
    """The memory that a step takes, and the memory that is free.

    Attributes:
        image_bytes: Memory of each further image in a step.
        fixed_bytes: Memory that doesn't depend on the number of images.
        free_bytes: Free memory of the device.
    """

    image_bytes: float
    fixed_bytes: int
    free_bytes: int

    @property
    def images(self) -> int:
        """Number of images that fit into a step; 0 where not even one does."""
        left = self.free_bytes * USED_SHARE - self.fixed_bytes
        return max(0, int(left / max(1.0, self.image_bytes)))

    def to_dict(self) -> dict[str, Any]:
        """The measurement, ready for JSON."""
        return {
            "image_bytes": round(self.image_bytes),
            "fixed_bytes": self.fixed_bytes,
            "free_bytes": self.free_bytes,
        }


def measure_memory(setup: Setup) -> MemoryBudget:
    """Measures what autograd keeps of two images; the network is the same afterwards.

    Raises:
        DeviceError: It isn't known how much memory is free.
    """
    free = setup.device.free_bytes(num_processes=setup.processes.local_world_size)
    if free is None:
        raise DeviceError(
            "it isn't known how much memory is free here", hint="give a `--batch-size`"
        )
    last = setup.recipe.epochs - 1  # by then images have their full size, and all layers learn
    batch = next(iter(setup.train_batches.epoch(last)))
    inputs, targets = batch.inputs[:SAMPLE], batch.targets[:SAMPLE]
    network = setup.trained_part
    own = {p.untyped_storage().data_ptr() for p in (*network.parameters(), *network.buffers())}
    kept: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with (
        DryRun(setup, epoch=last),
        torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor),
        setup.device.autocast(),
    ):
        loss, _ = setup.loss_function(network, inputs, targets)
    del loss
    weights = sum(p.numel() * p.element_size() for p in network.parameters())
    each = (sum(kept.values()) / len(inputs) + inputs[0].nbytes) * WORKSPACE
    return MemoryBudget(each, weights * COPIES_OF_WEIGHTS, free)


def find_batch_size(setup: Setup, memory: MemoryBudget) -> int:
    """The largest power of two that fits, over all processes, proved by a step of it.

    Args:
        setup: The setup of the training; its network is the same afterwards.
        memory: What was measured.

    Raises:
        NoMemoryError: Not even one image fits.
    """
    recipe, world = setup.recipe, setup.processes.world_size
    most = min(MOST_IMAGES, setup.train_batches.num_images // FEWEST_STEPS)
    size = _power_of_two(min(memory.images * recipe.accumulate * world, max(most, world)))
    size = int(setup.processes.broadcast(str(size).encode()))
    while size >= world:
        if _fits(setup, max(1, size // world)):
            return size
        size //= 2
    raise NoMemoryError(
        f"not even one image fits into the {memory.free_bytes / 1e9:.1f} GB of free memory",
        hint="choose a smaller `--img-size` or a smaller network",
    )


def _fits(setup: Setup, images: int) -> bool:
    last = setup.recipe.epochs - 1
    batch = next(iter(setup.train_batches.epoch(last)))
    repeats = -(-images // len(batch.inputs))
    inputs = batch.inputs.repeat(repeats, *[1] * (batch.inputs.ndim - 1))[:images]
    targets = batch.targets.repeat(repeats, *[1] * (batch.targets.ndim - 1))[:images]
    fits = True
    try:
        # Alone: one that fails would leave the others waiting for it.
        with DryRun(replace(setup, processes=SINGLE_PROCESS), epoch=last) as dry_run:
            dry_run.step(0, factor=0.0, batch=Batch(inputs, targets, images))
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        setup.device.empty_cache()
        fits = False
    return setup.processes.all_true(fits)


@contextmanager
def enough_memory(model: str) -> Iterator[None]:
    """Context manager that reports a lack of memory in one sentence, wherever torch finds out.

    Raises:
        NoMemoryError: There isn't.
    """
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        raise NoMemoryError(
            f"there is not enough memory to train `{model}`: {_first_line(error)}",
            hint="choose a smaller `--batch-size` or `--img-size`, or another network",
        ) from error


def _first_line(error: Exception) -> str:
    """The first line of the message; Python's own MemoryError has none."""
    return (str(error) or type(error).__name__).splitlines()[0][:200]


def explain_no_memory(setup: Setup) -> NoMemoryError:
    """The message, with what would fit, when a step found no memory."""
    recipe, processes = setup.recipe, setup.processes
    for parameter in setup.network.parameters():
        parameter.grad = None
    setup.device.empty_cache()
    shard = max(1, recipe.batch_size // processes.world_size // recipe.accumulate)
    if shard == 1:
        return NoMemoryError(
            "there is not enough memory for a single image",
            hint="choose a smaller `--img-size` or a smaller network",
        )
    fits = _power_of_two(shard // 2)
    if not processes.is_distributed:  # only one of them is here
        with suppress(RuntimeError, DeviceError):  # else nothing is known but that half is less
            fits = _power_of_two(max(1, min(fits, measure_memory(setup).images)))
    whole = fits * recipe.accumulate * processes.world_size
    count = -(-shard // fits) * recipe.accumulate
    return NoMemoryError(
        f"there is not enough memory for steps of {recipe.batch_size} images",
        hint=f"`--batch-size {whole}` should fit; `--accumulate {count}` keeps steps of "
        f"{recipe.batch_size} images and computes them in {count} micro-batches",
    )


def _power_of_two(number: int) -> int:
    return 1 << (number.bit_length() - 1) if number >= 1 else 0
