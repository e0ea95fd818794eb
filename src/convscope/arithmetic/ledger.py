"""What each module does in a forward pass: who runs which operation, and what that takes."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from convscope.arithmetic.caveats import Caveat
from convscope.arithmetic.costs import NO_COSTS, Costs
from convscope.arithmetic.memory import Memory
from convscope.arithmetic.operation import Operation
from convscope.arithmetic.operation_macs import backward_macs, operation_macs
from convscope.arithmetic.operation_work import operation_work
from convscope.arithmetic.running_layers import RunningLayers


@dataclass(slots=True)
class Work:
    """What was done while certain modules were running.

    Attributes:
        num_operations: Torch operations.
        costs: What these operations take.
        uncounted: Names of those of them for which nobody has said what they take.
        caveats: What else its numbers may lack.
    """

    num_operations: int = 0
    costs: Costs = NO_COSTS
    uncounted: set[str] = field(default_factory=set)
    caveats: set[Caveat] = field(default_factory=set)

    def add(self, other: Work) -> None:
        """Count other work as part of this."""
        self.num_operations += other.num_operations
        self.costs += other.costs
        self.uncounted |= other.uncounted
        self.caveats |= other.caveats


class Ledger:
    """What is done, by the modules that are running.

    Autograd's graph holds what it calls for each tensor that it keeps, out of sight of Python's
    garbage collector. So this may hold no tensor that has a graph, or neither would ever be freed.
    """

    def __init__(self, running: RunningLayers, memory: Memory) -> None:
        self.work: dict[tuple[str, ...], Work] = {}
        self._running = running
        self._memory = memory

    @property
    def current(self) -> Work:
        """That of the modules that are running now."""
        return self.work.setdefault(self._running.path, Work())

    def add(self, operation: Operation) -> None:
        """Note an operation that ran."""
        current = self.current
        beside = operation_work(operation)
        if beside is None:
            current.uncounted.add(operation.name)
        products = Costs(
            macs=operation_macs(operation),
            backward_macs=backward_macs(operation),
            forward_bytes=self._memory.made(operation),
        )
        current.num_operations += 1
        current.costs += products + (beside or NO_COSTS)

    def keep(self, tensor: Tensor) -> None:
        """Note what autograd keeps; as there is no backward pass, nothing is really kept."""
        self.current.costs += Costs(saved_bytes=self._memory.saved(tensor))

    def is_asked_first(self) -> bool:
        """Whether autograd asks here what to keep, and not a part of the network."""
        hooks = torch._C._autograd._top_saved_tensors_default_hooks(False)
        return hooks is None or hooks[0] == self.keep
