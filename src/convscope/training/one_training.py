"""What a training has to itself: this program's one place for it, its device and its processes."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from convscope.device import Device, choose_device
from convscope.distributed import (
    ProcessGroup,
    initialized_process_group,
    process_group_from_environment,
)
from convscope.errors import TrainingError
from convscope.recipe import Recipe
from convscope.training.autotune.batch_size import enough_memory

TRAINING = threading.Lock()  # held by the thread of this process that trains


def _let_train() -> None:
    """Lets a forked process train: the thread that trains isn't in it, the lock that it held is."""
    global TRAINING
    TRAINING = threading.Lock()


if hasattr(os, "register_at_fork"):  # Windows has no fork
    os.register_at_fork(after_in_child=_let_train)


@contextmanager
def _only_training() -> Iterator[None]:
    """Context manager in which no other training of this process may begin.

    Dropout draws from torch's random numbers, of which all threads share one sequence: trainings
    side by side would not be repeatable.

    Raises:
        TrainingError: This process trains already, in another thread or around this call.
    """
    lock = TRAINING
    if not lock.acquire(blocking=False):
        raise TrainingError(
            "this program trains already",
            hint="train one after the other, or each in a process of its own: all threads share "
            "torch's random numbers, so that neither could be repeated",
        )
    try:
        yield
    finally:
        lock.release()


@contextmanager
def device_and_processes(recipe: Recipe) -> Iterator[tuple[Device, ProcessGroup]]:
    """Context manager that chooses the device and connects the process group.

    At its end torch's random state is what it was.

    Raises:
        TrainingError: This process trains already.
    """
    processes = process_group_from_environment()
    device = choose_device(
        recipe.device,
        recipe.precision,
        local_rank=processes.local_rank if processes.is_distributed else None,
    )
    with (
        _only_training(),
        device.fork_rng(),
        initialized_process_group(processes, device),
        device.deterministic_algorithms(recipe.deterministic),
        enough_memory(recipe.model or "the network"),
    ):
        yield device, processes
