"""How many images fit into memory in a step: measured on two of them, proved by a step."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from convscope.data.batches import Batch
from convscope.errors import DeviceError, TrainingError
from convscope.processes import ALONE
from convscope.recipe import DecidedRecipe
from convscope.training.equipment import Equipment
from convscope.training.trial import Trial

SAMPLE = 2  # images that are measured
USED_SHARE = 0.8  # of the memory that is free now
WORKSPACE = 1.5  # times what a layer keeps: gradients of activations, copies, padding
COPIES_OF_WEIGHTS = 5  # gradients, two moments, and what a checkpoint and the best one copy
MOST_IMAGES = 1024  # larger batches learn worse in the same number of epochs
FEWEST_STEPS = 8  # an epoch


@dataclass(frozen=True, slots=True)
class Room:
    """What a step takes, and what there is.

    Attributes:
        image_bytes: That one image more takes.
        fixed_bytes: Whatever the number of images.
        free_bytes: That the device has.
    """

    image_bytes: float
    fixed_bytes: int
    free_bytes: int

    @property
    def images(self) -> int:
        """That fit into a step; 0 where not even one does."""
        left = self.free_bytes * USED_SHARE - self.fixed_bytes
        return max(0, int(left / max(1.0, self.image_bytes)))

    def to_dict(self) -> dict[str, Any]:
        """The measurement, ready for JSON."""
        return {
            "image_bytes": round(self.image_bytes),
            "fixed_bytes": self.fixed_bytes,
            "free_bytes": self.free_bytes,
        }


def measure_room(recipe: DecidedRecipe, equipment: Equipment) -> Room:
    """Measures what is kept of two images on the way through the network.

    Args:
        recipe: Says how a step is taken.
        equipment: The network is afterwards as it was before.

    Raises:
        DeviceError: It isn't known how much memory is free.
    """
    free = equipment.device.free_bytes(num_processes=equipment.processes.local_size)
    if free is None:
        raise DeviceError(
            "it isn't known how much memory is free here", hint="give a `--batch-size`"
        )
    last = recipe.epochs - 1  # by then images have their full size, and all layers learn
    batch = next(iter(equipment.train_batches.epoch(last)))
    inputs, targets = batch.inputs[:SAMPLE], batch.targets[:SAMPLE]
    network = equipment.learner
    own = {p.untyped_storage().data_ptr() for p in (*network.parameters(), *network.buffers())}
    kept: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with (
        Trial(recipe, equipment, epoch=last),
        torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor),
        equipment.device.autocast(),
    ):
        loss, _ = equipment.objective(network, inputs, targets)
    del loss
    weights = sum(p.numel() * p.element_size() for p in network.parameters())
    each = (sum(kept.values()) / len(inputs) + inputs[0].nbytes) * WORKSPACE
    return Room(each, weights * COPIES_OF_WEIGHTS, free)


def find_batch_size(recipe: DecidedRecipe, equipment: Equipment, room: Room) -> int:
    """The largest power of two that fits, over all processes; a step of it was taken.

    Args:
        recipe: Says how a step is taken.
        equipment: The network is afterwards as it was before.
        room: What was measured.

    Raises:
        TrainingError: Not even one image fits.
    """
    world = equipment.processes.world_size
    most = min(MOST_IMAGES, equipment.train_batches.num_images // FEWEST_STEPS)
    size = _power_of_two(min(room.images * recipe.accumulate * world, max(most, world)))
    size = int(equipment.processes.broadcast(str(size).encode()))
    while size >= world:
        if _fits(recipe, equipment, max(1, size // world)):
            return size
        size //= 2
    raise TrainingError(
        f"not even one image fits into the {room.free_bytes / 1e9:.1f} GB of memory that are free",
        hint="choose a smaller `--img-size` or a smaller network",
    )


def _fits(recipe: DecidedRecipe, equipment: Equipment, images: int) -> bool:
    last = recipe.epochs - 1
    batch = next(iter(equipment.train_batches.epoch(last)))
    repeats = -(-images // len(batch.inputs))
    inputs = batch.inputs.repeat(repeats, *[1] * (batch.inputs.ndim - 1))[:images]
    targets = batch.targets.repeat(repeats, *[1] * (batch.targets.ndim - 1))[:images]
    fits = True
    try:
        # Alone: one that fails would leave the others waiting for it.
        with Trial(recipe, replace(equipment, processes=ALONE), epoch=last) as trial:
            trial.step_with(Batch(inputs, targets, images), 0, factor=0.0)
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        equipment.device.forget_cached()
        fits = False
    return equipment.processes.all_say(fits)


@contextmanager
def enough_memory(model: str) -> Iterator[None]:
    """Says in one sentence that there is not enough memory, wherever torch finds out.

    Raises:
        TrainingError: There isn't.
    """
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        raise TrainingError(
            f"there is not enough memory to train `{model}`: {_first_line(error)}",
            hint="choose a smaller `--batch-size` or `--img-size`, or another network",
        ) from error


def _first_line(error: Exception) -> str:
    """What it says; Python's own says nothing."""
    return (str(error) or type(error).__name__).splitlines()[0][:200]


def is_out_of_memory(error: RuntimeError | MemoryError) -> bool:
    """Whether torch or Python found no memory, on a GPU or on the CPU."""
    words = (
        *("not enough memory", "can't allocate memory", "backend out of memory"),
        "can't start new thread",  # there was none for its stack
    )
    kinds = (torch.OutOfMemoryError, MemoryError)
    return isinstance(error, kinds) or any(part in str(error) for part in words)


def explain_no_memory(recipe: DecidedRecipe, equipment: Equipment) -> TrainingError:
    """What to say, and what would fit, when a step found no memory."""
    for parameter in equipment.network.parameters():
        parameter.grad = None
    equipment.device.forget_cached()
    processes = equipment.processes
    share = max(1, recipe.batch_size // processes.world_size // recipe.accumulate)
    if share == 1:
        return TrainingError(
            "there is not enough memory for a single image",
            hint="choose a smaller `--img-size` or a smaller network",
        )
    fits = _power_of_two(share // 2)
    if not processes.are_several:  # only one of them is here
        with suppress(RuntimeError, DeviceError):  # else nothing is known but that half is less
            fits = _power_of_two(max(1, min(fits, measure_room(recipe, equipment).images)))
    whole = fits * recipe.accumulate * processes.world_size
    parts = -(-share // fits) * recipe.accumulate
    return TrainingError(
        f"there is not enough memory for steps of {recipe.batch_size} images",
        hint=f"`--batch-size {whole}` should fit; `--accumulate {parts}` keeps steps of "
        f"{recipe.batch_size} images and computes them in {parts} parts",
    )


def _power_of_two(number: int) -> int:
    return 1 << (number.bit_length() - 1) if number >= 1 else 0
