"""The process group of a distributed training; a single process is the default case of it.

`torchrun` starts the processes and sets their ranks in the environment. All of them hold the same
weights, get shards of each batch and all-reduce their gradients. The main process, rank 0, alone
writes files, and what it writes is the whole state.
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


class ConnectionLostError(TrainingError):
    """Another process of the group has ended or can't be reached."""

    is_echo = True


@dataclass(slots=True)
class ProcessGroup:
    """This process and its place in the process group.

    Attributes:
        rank: Rank of this process, from 0.
        world_size: Number of processes.
        local_rank: Rank among the processes on this machine.
        local_world_size: Number of processes on this machine.
        should_stop: Whether any process had asked to stop at the last all-reduce; the same in all
            of them.
    """

    rank: int = 0
    world_size: int = 1
    local_rank: int = 0
    local_world_size: int = 1
    should_stop: bool = field(default=False, repr=False)
    _stop_requested_here: bool = field(default=False, repr=False)

    @property
    def is_main(self) -> bool:
        """Whether this is rank 0, the only process that writes files."""
        return self.rank == 0

    @property
    def is_distributed(self) -> bool:
        """Whether there is more than one process."""
        return self.world_size > 1

    def request_stop(self) -> None:
        """Asks all processes to stop after this step; the next all-reduce tells them."""
        self._stop_requested_here = True
        self.should_stop = not self.is_distributed

    def all_reduce_sum(self, tensors: Sequence[Tensor]) -> None:
        """Replaces each tensor by its sum over all processes, with the same bits in each of them.

        All tensors go in one message, together with the requests to stop.
        """
        if not self.is_distributed:
            return
        request = torch.full((1,), float(self._stop_requested_here), device=tensors[0].device)
        message = torch.cat([part.detach().reshape(-1).float() for part in (*tensors, request)])
        with _explained_connection_loss():
            dist.all_reduce(message)
        sizes = [tensor.numel() for tensor in tensors]
        *sums, requests = torch.split(message, [*sizes, 1])
        with torch.no_grad():
            for tensor, total in zip(tensors, sums, strict=True):
                tensor.copy_(total.view(tensor.shape))
        self.should_stop = bool(requests.item())

    def broadcast(self, content: bytes) -> bytes:
        """The content that the main process gives; that of the others is ignored."""
        if not self.is_distributed:
            return content
        with _explained_connection_loss():
            size = torch.tensor([len(content)])
            dist.broadcast(size, 0)
            message = torch.zeros(int(size.item()), dtype=torch.uint8)
            if self.is_main and content:
                message = torch.frombuffer(bytearray(content), dtype=torch.uint8)
            if len(message):
                dist.broadcast(message, 0)
        return message.numpy().tobytes()

    def broadcast_decision(self, decision: bool) -> bool:
        """The main process's decision, for what may differ between processes, as clocks do."""
        return self.broadcast(bytes([decision])) == b"\x01"

    def any_true(self, condition: bool) -> bool:
        """Whether the condition is true in at least one process."""
        return not self.all_true(not condition)

    def all_true(self, condition: bool) -> bool:
        """Whether the condition is true in all processes."""
        count = torch.tensor([float(condition)])
        self.all_reduce_sum([count])
        return bool(count.item() == self.world_size)

    def all_gather(self, rows: Tensor) -> Tensor:
        """(sum of n, ...) the rows of all processes, in the order of their ranks.

        Args:
            rows: (n, ...); n may differ between processes.
        """
        if not self.is_distributed:
            return rows
        counts = [torch.zeros(1, dtype=torch.int64) for _ in range(self.world_size)]
        with _explained_connection_loss():
            dist.all_gather(counts, torch.tensor([len(rows)]))
            most = max(int(count.item()) for count in counts)
            padded = rows.new_zeros((most, *rows.shape[1:]))
            padded[: len(rows)] = rows
            parts = [torch.empty_like(padded) for _ in range(self.world_size)]
            dist.all_gather(parts, padded)
        return torch.cat([part[: int(n.item())] for part, n in zip(parts, counts, strict=True)])

    def sync_batch_norm(self, network: nn.Module) -> nn.Module:
        """The network with batch normalisation over the images of all processes.

        Raises:
            UsageError: There is only one process, or its backend doesn't support it.
        """
        if not self.is_distributed:
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
        converted: nn.Module = convert(network)  # type: ignore[no-untyped-call]
        return converted

    @contextmanager
    def local_main_first(self) -> Iterator[None]:
        """Context manager that runs its block in one process of each machine before the others.

        What the first process prepares on its disk is then there for the others.
        """
        if self.local_rank > 0:
            self.barrier()
        yield
        if self.local_rank == 0:
            self.barrier()

    def barrier(self) -> None:
        """Waits until all processes have come here."""
        if self.is_distributed:
            with _explained_connection_loss():
                dist.barrier()


SINGLE_PROCESS = ProcessGroup()


def process_group_from_environment() -> ProcessGroup:
    """The process group that `torchrun` describes in the environment."""
    world_size = int(os.environ.get("WORLD_SIZE", "1"))
    if world_size < 2 or "RANK" not in os.environ:
        return ProcessGroup()
    rank = int(os.environ["RANK"])
    return ProcessGroup(
        rank,
        world_size,
        int(os.environ.get("LOCAL_RANK", rank)),
        int(os.environ.get("LOCAL_WORLD_SIZE", world_size)),
    )


def torchrun_id() -> str | None:
    """The identifier of the `torchrun` launch that this process belongs to; None without one."""
    return os.environ.get("TORCHELASTIC_RUN_ID")


def num_restarts() -> int:
    """Number of times that `torchrun` has restarted the processes after a failure."""
    return int(os.environ.get("TORCHELASTIC_RESTART_COUNT", "0"))


@contextmanager
def initialized_process_group(processes: ProcessGroup, device: Device) -> Iterator[ProcessGroup]:
    """Context manager in which the processes of the group can communicate.

    Args:
        processes: The process group.
        device: Device whose tensors are all-reduced.
    """
    if not processes.is_distributed or dist.is_initialized():
        yield processes
        return
    with _explained_connection_loss(), _default_signal_handlers():
        # After a restart, what the first start wrote to the store is still there: hence a prefix.
        store, rank, world_size = next(
            rendezvous("env://", rank=processes.rank, world_size=processes.world_size)
        )
        store = PrefixStore(f"start{num_restarts()}", store)
        backend = device.distributed_backend
        dist.init_process_group(
            backend, store=store, rank=rank, world_size=world_size, timeout=TIMEOUT
        )
    try:
        yield processes
    finally:
        dist.destroy_process_group()


@contextmanager
def _explained_connection_loss() -> Iterator[None]:
    """Context manager that turns torch's errors about lost processes into one sentence."""
    try:
        yield
    except (RuntimeError, ValueError) as error:
        raise ConnectionLostError(
            "another process of this training has ended or can't be reached",
            hint="its own error message says why; once that is mended, the same command continues",
        ) from error


@contextmanager
def _default_signal_handlers() -> Iterator[None]:
    """Context manager in which SIGTERM and Ctrl-C end the process at once.

    Python runs its handlers between two bytecodes, but torch waits for the other processes within
    one: for ever, if another was killed on its way here.
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
