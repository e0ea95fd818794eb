"""What each module takes in a forward pass: its operations, the memory they make and save."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

import torch
from torch import Tensor

from convscope.arithmetic.costs import NO_COSTS, Caveat, Costs
from convscope.arithmetic.ops.operation import Operation, storage_of
from convscope.arithmetic.ops.table import operator_of
from convscope.arithmetic.running_layers import RunningLayers


@dataclass(slots=True)
class Work:
    """What was done while certain modules were running.

    Attributes:
        num_operations: The number of torch operations.
        costs: What these operations take.
        uncounted: Names of the operations that nobody has said how to count.
        caveats: Why the costs may not be exact.
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


class CostAccumulator:
    """Adds up what is done, for each combination of modules that are running.

    Autograd's graph holds what it calls for each tensor that it saves, out of sight of Python's
    garbage collector. So this may hold no tensor that has a graph, or neither would ever be freed.

    Args:
        running: Says which modules are running.
        state: Parameters and buffers: they exist anyway, so they are charged to nobody.
        image: The input: nobody makes it, but a layer may save it.

    Attributes:
        work: Names of the running modules, outermost first -> what was done.
    """

    def __init__(self, running: RunningLayers, *, state: Collection[Tensor], image: Tensor) -> None:
        self.work: dict[tuple[str, ...], Work] = {}
        self._running = running
        # Tensors that share memory are views of one storage. Each is charged once, where it is made
        # and where it is saved first; it is kept alive, so that no other one takes its identity.
        self._alive: list[object] = [*state, image]
        self._saved = {storage_of(tensor) for tensor in state}
        self._made = self._saved | {storage_of(image)}

    @property
    def current(self) -> Work:
        """The work of the modules that are running now."""
        return self.work.setdefault(self._running.path, Work())

    def add(self, operation: Operation, *, lender: str | None = None) -> None:
        """Count an operation that ran, as one of the module whose weights it borrows, if any."""
        rule = operator_of(operation).work
        path = self._running.path if lender is None else (*self._running.path, lender)
        current = self.work.setdefault(path, Work())
        current.num_operations += 1
        if rule is None:
            current.uncounted.add(operation.name)
        else:
            current.costs += rule(operation)
        made = sum(self._bytes_if_new(tensor, self._made) for tensor in operation.outputs)
        current.costs += Costs(forward_bytes=made)

    def save(self, tensor: Tensor) -> None:
        """Count what autograd saves; as there is no backward pass, nothing is really kept."""
        self.current.costs += Costs(saved_bytes=self._bytes_if_new(tensor, self._saved))

    def is_saving(self) -> bool:
        """Whether autograd hands what it saves to this, and not to a part of the network."""
        hooks = torch._C._autograd._top_saved_tensors_default_hooks(False)
        return hooks is None or hooks[0] == self.save

    def _bytes_if_new(self, tensor: Tensor, known: set[int]) -> int:
        identity = storage_of(tensor)
        if identity in known:
            return 0
        known.add(identity)
        storage = tensor.untyped_storage()
        self._alive.append(storage)  # the tensor would keep all that it was made from
        return storage.nbytes()
