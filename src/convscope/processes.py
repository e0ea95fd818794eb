"""The processes that train one network together; one process alone is the usual case of it.

`torchrun` starts them and says in the environment which is which. They hold the same weights, get
parts of each batch, and add their gradients up. What the first one writes is the whole state.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed import PrefixStore  # type: ignore[attr-defined]
from torch.distributed.rendezvous import rendezvous

from convscope.device import Device
from convscope.errors import TrainingError, UsageError

TIMEOUT = timedelta(hours=6)  # others wait this long while one decodes images for the first time


@dataclass(slots=True)
class Processes:
    """This process among those that train together.

    Attributes:
        rank: From 0; the first alone writes files and says what happens.
        world_size: How many there are.
        local_rank: Among those of this machine.
        local_size: How many of them this machine has.
    """

    rank: int = 0
    world_size: int = 1
    local_rank: int = 0
    local_size: int = 1
    _wants_to_stop: bool = field(default=False, repr=False)
    _all_stop: bool = field(default=False, repr=False)

    @property
    def is_first(self) -> bool:
        """Whether this is the one that writes."""
        return self.rank == 0

    @property
    def are_several(self) -> bool:
        """Whether there is anybody else."""
        return self.world_size > 1

    def request_stop(self) -> None:
        """Says that all should stop after this step; the next sum tells them."""
        self._wants_to_stop = True

    @property
    def should_stop(self) -> bool:
        """Whether anybody wanted to stop before the last sum: the same everywhere."""
        return self._all_stop if self.are_several else self._wants_to_stop

    def add_up(self, tensors: Sequence[Tensor]) -> None:
        """Replaces each tensor by its sum over all processes: the same bits in each of them.

        One message for all of them, in which it also stands who wants to stop.
        """
        if not self.are_several:
            return
        wish = torch.full((1,), float(self._wants_to_stop), device=tensors[0].device)
        everything = torch.cat([part.detach().reshape(-1).float() for part in (*tensors, wish)])
        with _connection():
            dist.all_reduce(everything)
        sizes = [tensor.numel() for tensor in tensors]
        *sums, wishes = torch.split(everything, [*sizes, 1])
        with torch.no_grad():
            for tensor, total in zip(tensors, sums, strict=True):
                tensor.copy_(total.view(tensor.shape))
        self._all_stop = bool(wishes.item())

    def broadcast(self, content: bytes) -> bytes:
        """What the first process gives; the others' content is ignored."""
        if not self.are_several:
            return content
        with _connection():
            size = torch.tensor([len(content)])
            dist.broadcast(size, 0)
            message = torch.zeros(int(size.item()), dtype=torch.uint8)
            if self.is_first and content:
                message = torch.frombuffer(bytearray(content), dtype=torch.uint8)
            if len(message):
                dist.broadcast(message, 0)
        return message.numpy().tobytes()

    def first_says(self, answer: bool) -> bool:
        """The first process's answer, in all of them: what a clock decides differs between them."""
        return self.broadcast(bytes([answer])) == b"\x01"

    def any_says(self, answer: bool) -> bool:
        """Whether any process says yes."""
        return not self.all_say(not answer)

    def all_say(self, answer: bool) -> bool:
        """Whether all processes say yes."""
        answers = torch.tensor([float(answer)])
        self.add_up([answers])
        return bool(answers.item() == self.world_size)

    def gather(self, rows: Tensor) -> Tensor:
        """(sum of n, ...) rows of all processes, in the order of their ranks.

        Args:
            rows: (n, ...); n may differ between processes.
        """
        if not self.are_several:
            return rows
        counts = [torch.zeros(1, dtype=torch.int64) for _ in range(self.world_size)]
        with _connection():
            dist.all_gather(counts, torch.tensor([len(rows)]))
            most = max(int(count.item()) for count in counts)
            padded = rows.new_zeros((most, *rows.shape[1:]))
            padded[: len(rows)] = rows
            parts = [torch.empty_like(padded) for _ in range(self.world_size)]
            dist.all_gather(parts, padded)
        return torch.cat([part[: int(n.item())] for part, n in zip(parts, counts, strict=True)])

    def with_joint_statistics(self, network: nn.Module) -> nn.Module:
        """The network with batch normalisation over the images of all processes.

        Raises:
            UsageError: There is only one process, or the backend has none.
        """
        if not self.are_several:
            raise UsageError(
                "`sync_batch_norm` has no effect in one process",
                hint="it belongs to several: `torchrun --nproc-per-node 2 -m convscope train ...`",
            )
        if dist.get_backend() == "gloo":
            raise UsageError(
                "`sync_batch_norm` needs GPUs: torch has none for processes on CPUs",
                hint="without it each process normalises its own images",
            )
        convert = nn.SyncBatchNorm.convert_sync_batchnorm
        joint: nn.Module = convert(network)  # type: ignore[no-untyped-call]
        return joint

    @contextmanager
    def one_before_the_others(self) -> Iterator[None]:
        """The block runs first in one process of each machine, then in the others.

        What the one prepares on its disk is there for the others.
        """
        if self.local_rank > 0:
            self.wait_for_all()
        yield
        if self.local_rank == 0:
            self.wait_for_all()

    def wait_for_all(self) -> None:
        """Goes on when all processes have come here."""
        if self.are_several:
            with _connection():
                dist.barrier()


ALONE = Processes()


def processes_asked_for() -> Processes:
    """Which process this is, from what `torchrun` says in the environment."""
    world_size = int(os.environ.get("WORLD_SIZE", "1"))
    if world_size < 2 or "RANK" not in os.environ:
        return Processes()
    rank = int(os.environ["RANK"])
    return Processes(
        rank,
        world_size,
        int(os.environ.get("LOCAL_RANK", rank)),
        int(os.environ.get("LOCAL_WORLD_SIZE", world_size)),
    )


def launch() -> str | None:
    """What `torchrun` calls the processes that it has started; None without it."""
    return os.environ.get("TORCHELASTIC_RUN_ID")


def num_restarts() -> int:
    """How often `torchrun` has started this again after a failure."""
    return int(os.environ.get("TORCHELASTIC_RESTART_COUNT", "0"))


@contextmanager
def connected(processes: Processes, device: Device) -> Iterator[Processes]:
    """Within it the processes can talk to each other.

    Args:
        processes: Which one this is.
        device: Where the sums are made.
    """
    if not processes.are_several or dist.is_initialized():
        yield processes
        return
    with _connection(), _signals_end_this():
        # Where torchrun starts them again, what the first start has told the store is still there.
        store, rank, world_size = next(
            rendezvous("env://", rank=processes.rank, world_size=processes.world_size)
        )
        store = PrefixStore(f"start{num_restarts()}", store)
        dist.init_process_group(
            device.collectives, store=store, rank=rank, world_size=world_size, timeout=TIMEOUT
        )
    try:
        yield processes
    finally:
        dist.destroy_process_group()


@contextmanager
def _connection() -> Iterator[None]:
    """Says in one sentence that another process is gone."""
    try:
        yield
    except (RuntimeError, ValueError) as error:
        raise ConnectionLostError(
            "another process that trains together with this one has ended or can't be reached",
            hint="what it said says why; once that is mended, the same command continues",
        ) from error


@contextmanager
def _signals_end_this() -> Iterator[None]:
    """Within it SIGTERM and Ctrl-C end the process at once, by the system's own hand.

    Python's handlers run between two of its lines, and torch waits for the others within one: if
    another was killed on its way here, for ever.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {
        number: signal.signal(number, signal.SIG_DFL)
        for number in (signal.SIGINT, signal.SIGTERM)
        if signal.getsignal(number) != signal.SIG_IGN
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class ConnectionLostError(TrainingError):
    """The processes that train together can't talk to each other any more."""

    is_echo = True
