"""How processes add up their gradients: `python benchmarks/gradient_exchange.py`.

Compares, with 2 and 4 processes of one thread each on this machine's CPUs:

- `flat`: one all-reduce after the backward pass, as `convscope train` does it: gradients, loss,
  number correct, running statistics and the wish to stop in one message;
- `ddp`: torch's `DistributedDataParallel`, which sends buckets of gradients during the backward
  pass; loss, number correct, running statistics and the wish to stop follow in a second message;
- `ddp static`: the same with `static_graph=True`;
- `ddp unused`: the same with `find_unused_parameters=True`, which never rearranges the buckets;
- `ddp warm`: `ddp` after a pass whose gradients are thrown away, so that the buckets have been
  rearranged before the first step that counts.

Prints how far the gradients are from those of one process, whether two trainings end with the same
bits, also where one of them is stopped and continued, and milliseconds a step. The ways take turns
within one run, as other programs slow all of them down: the ratios are what counts.
"""

from __future__ import annotations

import copy
import hashlib
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.parallel import DistributedDataParallel

from convscope.networks import NORMALISATIONS, build

WORLD_SIZES = (2, 4)
STEPS, STOP = 4, 2  # of a training, and after how many the interrupted one stops


@dataclass(frozen=True, slots=True)
class Case:
    """A network and the batch that it is measured on.

    Attributes:
        network: Its name.
        options: Options of `build`.
        shape: (C, H, W) of an image.
        images: Batch size over all processes.
        uneven: Batch size of the checks, for 2 and for 4 processes: none divides it.
        block: Steps that are timed together.
        rounds: Blocks of each way.
    """

    network: str
    options: dict[str, object]
    shape: tuple[int, int, int]
    images: int
    uneven: dict[int, int]
    block: int
    rounds: int

    def build(self) -> nn.Module:
        """The network with weights that are the same in every process."""
        torch.manual_seed(0)
        return build(self.network, num_classes=10, **self.options)  # type: ignore[arg-type]

    def batch(self, step: int, num_images: int) -> tuple[Tensor, Tensor]:
        """Random images (N, C, H, W) and classes (N,) that depend on the step alone."""
        random = torch.Generator().manual_seed(step)
        images = torch.randn(num_images, *self.shape, generator=random)
        return images, torch.randint(10, (num_images,), generator=random)


CASES = (
    Case("lenet5_relu", {}, (1, 28, 28), 256, {2: 33, 4: 34}, block=5, rounds=12),
    Case("resnet50", {}, (3, 64, 64), 16, {2: 5, 4: 6}, block=1, rounds=10),
)


class WithLoss(nn.Module):
    """A network that returns its loss too, so that all of its outputs pass through `forward`."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Loss and logits (N, K) of images (N, C, H, W) and classes (N,)."""
        if getattr(self.network, "aux1", None) is None:
            logits = self.network(images)
            return F.cross_entropy(logits, targets), logits
        outputs = self.network.forward_with_auxiliaries(images)  # type: ignore[operator]
        losses = [F.cross_entropy(output, targets) for output in outputs]
        return losses[0] + 0.3 * (losses[1] + losses[2]), outputs[0]


class Flat:
    """One message with everything after the backward pass."""

    def __init__(self, network: nn.Module) -> None:
        self.network = network
        self.learner: nn.Module = WithLoss(network)
        self.world_size = dist.get_world_size() if dist.is_initialized() else 1

    def compute(self, batch: tuple[Tensor, Tensor], *, parts: int = 1) -> tuple[float, float]:
        """Adds the gradients of a batch to the parameters'; returns mean loss and number correct.

        Args:
            batch: Of all processes; each takes its shard of it.
            parts: Micro-batches, one after the other.
        """
        num_images = len(batch[0])
        rank = dist.get_rank() if self.world_size > 1 else 0
        shard = [part.tensor_split(self.world_size)[rank].tensor_split(parts) for part in batch]
        pieces = [piece for piece in zip(*shard, strict=True) if len(piece[0])]
        sums = torch.zeros(2)
        for number, (images, targets) in enumerate(pieces, 1):
            with self.context(is_last=number == len(pieces)):
                loss, logits = self.learner(images, targets)
                share = loss * (len(images) / num_images)
                self.backward(share)
            correct = (logits.argmax(dim=1) == targets).sum()
            sums += torch.stack([share.detach(), correct.float()])
        self.exchange(sums)
        return float(sums[0]), float(sums[1])

    def context(self, *, is_last: bool) -> Any:
        """What a micro-batch is computed in."""
        return nullcontext()

    def backward(self, share: Tensor) -> None:
        """Computes the gradients of a micro-batch's share of the loss."""
        share.backward()  # type: ignore[no-untyped-call]

    def exchange(self, sums: Tensor) -> None:
        """Adds up what the processes have, in place."""
        gradients = []
        for parameter in self.network.parameters():
            if parameter.requires_grad:
                if parameter.grad is None:
                    parameter.grad = torch.zeros_like(parameter)
                gradients.append(parameter.grad)
        add_up([sums, *gradients], running_statistics(self.network))


class Ddp(Flat):
    """Buckets of gradients during the backward pass, then a message with all the rest."""

    def __init__(
        self, network: nn.Module, *, warm_up: tuple[Tensor, Tensor] | None = None, **options: bool
    ) -> None:
        super().__init__(network)
        self.learner = DistributedDataParallel(self.learner, broadcast_buffers=False, **options)
        if warm_up is not None:
            before = copy.deepcopy(network.state_dict())
            for _ in range(2):  # the buckets are rearranged at the start of the second
                self.compute(warm_up)
            network.load_state_dict(before)
            network.zero_grad()

    def context(self, *, is_last: bool) -> Any:
        """Gradients are sent with the last micro-batch."""
        return nullcontext() if is_last else self.learner.no_sync()  # type: ignore[operator]

    def backward(self, share: Tensor) -> None:
        """Computes the gradients so that the mean over the processes is their sum."""
        (share * self.world_size).backward()  # type: ignore[no-untyped-call]

    def exchange(self, sums: Tensor) -> None:
        """Adds up what isn't a gradient."""
        add_up([sums], running_statistics(self.network))


Way = Callable[[nn.Module, tuple[Tensor, Tensor]], Flat]
WAYS: dict[str, Way] = {
    "flat": lambda network, batch: Flat(network),
    "ddp": lambda network, batch: Ddp(network),
    "ddp static": lambda network, batch: Ddp(network, static_graph=True),
    "ddp unused": lambda network, batch: Ddp(network, find_unused_parameters=True),
    "ddp warm": lambda network, batch: Ddp(network, warm_up=batch),
}
TIMED = ("flat", "ddp", "ddp static")


def add_up(sums: Sequence[Tensor], means: Sequence[Tensor]) -> None:
    """Replaces tensors by their sums and means over all processes, in one message."""
    if not dist.is_initialized():
        return
    tensors = [*sums, *means, torch.zeros(1)]  # the last: who wants to stop
    everything = torch.cat([tensor.detach().reshape(-1) for tensor in tensors])
    dist.all_reduce(everything)
    totals = torch.split(everything, [tensor.numel() for tensor in tensors])
    with torch.no_grad():
        for tensor, total in zip(tensors, totals, strict=True):
            tensor.copy_(total.view(tensor.shape))
        for mean in means:
            mean.div_(dist.get_world_size())


def running_statistics(network: nn.Module) -> list[Tensor]:
    """Means and variances that normalisation keeps of what it sees in training."""
    return [
        statistic
        for layer in network.modules()
        if isinstance(layer, NORMALISATIONS) and layer.training
        for statistic in (layer.running_mean, layer.running_var)
        if statistic is not None
    ]


def optimizer_of(network: nn.Module) -> torch.optim.Optimizer:
    """Plain SGD with momentum, whose state is part of what a training is continued from."""
    return torch.optim.SGD(network.parameters(), lr=0.01, momentum=0.9)


def relative_error(case: Case, way: Way, num_images: int) -> float:
    """Euclidean distance of the gradient from that of one process, as a share of its length.

    Where batches are normalised, the one process takes the shards one after the other.
    """
    batch = case.batch(0, num_images)
    reference = WithLoss(case.build())
    shards = dist.get_world_size() if running_statistics(reference) else 1
    for images, targets in zip(*(part.tensor_split(shards) for part in batch), strict=True):
        (reference(images, targets)[0] * (len(images) / num_images)).backward()
    network = case.build()
    way(network, batch).compute(batch)
    expected, found = (
        torch.cat([p.grad.reshape(-1).double() for p in module.parameters() if p.grad is not None])
        for module in (reference, network)
    )
    return float((found - expected).norm() / expected.norm())


def final_bits(case: Case, way: Way, num_images: int, *, stop: int | None) -> str:
    """A digest of weights and optimizer state after a training.

    Args:
        case: Network and images.
        way: How gradients are added up.
        num_images: Of a batch.
        stop: The step before which everything is built anew from what was saved.
    """
    network = case.build()
    exchange, optimizer = way(network, case.batch(STEPS, num_images)), optimizer_of(network)
    for step in range(STEPS):
        if step == stop:
            saved = copy.deepcopy((network.state_dict(), optimizer.state_dict()))
            del exchange
            network = case.build()
            network.load_state_dict(saved[0])
            exchange, optimizer = way(network, case.batch(STEPS, num_images)), optimizer_of(network)
            optimizer.load_state_dict(saved[1])
        optimizer.zero_grad()
        exchange.compute(case.batch(step, num_images))
        optimizer.step()
    digest = hashlib.sha256()
    momenta = [state["momentum_buffer"] for state in optimizer.state.values()]
    for tensor in (*network.state_dict().values(), *momenta):
        digest.update(tensor.contiguous().numpy().tobytes())
    return digest.hexdigest()


def check(case: Case, rank: int) -> None:
    """Prints a line a way: rounding, and whether bits are equal."""
    world_size = dist.get_world_size()
    num_images = case.uneven[world_size]
    for name, way in WAYS.items():
        error = relative_error(case, way, num_images)
        whole, again, continued = (
            final_bits(case, way, num_images, stop=stop) for stop in (None, None, STOP)
        )
        digests: list[Any] = [None] * world_size
        dist.all_gather_object(digests, whole)
        if rank == 0:
            print(
                f"{case.network:12} {world_size} processes, {num_images} images: {name:10} "
                f"off by {error:.0e}; equal bits: in all processes {_yes(len(set(digests)) == 1)}, "
                f"again {_yes(whole == again)}, continued {_yes(whole == continued)}",
                flush=True,
            )


def measure(case: Case, rank: int) -> None:
    """Prints a line a way: milliseconds a step, and the ratio to `flat` with its quartiles."""
    ways = {}
    for name in TIMED:
        network = case.build()
        ways[name] = (WAYS[name](network, case.batch(0, case.images)), optimizer_of(network))
    batch = case.batch(0, case.images)
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(-2, case.rounds):
        order = list(ways) if number % 2 else list(ways)[::-1]
        for name in order:
            exchange, optimizer = ways[name]
            dist.barrier()
            began = time.perf_counter()
            for _ in range(case.block):
                optimizer.zero_grad()
                exchange.compute(batch)
                optimizer.step()
            took = torch.tensor((time.perf_counter() - began) / case.block)
            dist.all_reduce(took, dist.ReduceOp.MAX)
            if number >= 0:
                seconds[name].append(float(took))
    if rank == 0:
        for name, values in seconds.items():
            ratios = [value / flat for value, flat in zip(values, seconds["flat"], strict=True)]
            low, middle, high = statistics.quantiles(ratios, n=4)
            print(
                f"{case.network:12} {dist.get_world_size()} processes: {name:10} "
                f"{1000 * statistics.median(values):7,.1f} ms a step, {middle:.2f} times flat "
                f"(quartiles {low:.2f} to {high:.2f})",
                flush=True,
            )


def _yes(answer: bool) -> str:
    return "yes" if answer else "NO"


def _work(rank: int, world_size: int, folder: str) -> None:
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore", "`broadcast_buffers` is deprecated")
    store = f"file://{folder}/{world_size}"
    dist.init_process_group("gloo", init_method=store, rank=rank, world_size=world_size)
    for case in CASES:
        check(case, rank)
        measure(case, rank)
    dist.destroy_process_group()


def main() -> None:
    """Starts the processes; the first of them prints."""
    sizes = [int(size) for size in sys.argv[1:]] or WORLD_SIZES
    with tempfile.TemporaryDirectory() as folder:
        for world_size in sizes:
            mp.spawn(_work, (world_size, str(Path(folder))), nprocs=world_size)
    print(f"torch {torch.__version__}, gloo, 1 thread per process")


if __name__ == "__main__":
    main()
