"""The layer table: what each layer of any torch module gives, holds, takes, saves and sees.

The numbers come from the operations that one forward pass really runs, not from the kinds of layers
in it, so branches, functional calls and layers used twice are counted as they are. One row stands
for one module, below the one that it is in, in the order in which they were first called:

- A module called several times has one row: MACs add up, shape and field are of the last call.
- A module whose weights are used without calling it (the last layer of attention, a tied weight)
  has the operations that use them, and a call for each function that does.
- A module never called comes last, with its parameters, no calls, MACs or shape (auxiliary heads).
- A tensor shared by several modules is counted in the one registered first, and 0 in the others, so
  that rows add up to the total.
- What a module does is charged to it and to all that run around it. A module shared by two blocks
  has one row, in the block registered first, and each block is charged for its own calls; a list of
  modules, never called itself, for all calls of those in it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from math import inf
from typing import Any

from torch import Tensor, nn

from convscope.arithmetic.cost_accumulator import Work
from convscope.arithmetic.costs import CONVENTIONS, NO_COSTS, Caveat, Costs
from convscope.arithmetic.receptive_field import ReceptiveField
from convscope.arithmetic.tracer import Trace, trace
from convscope.arithmetic.wrappers import unwrapped
from convscope.errors import UsageError
from convscope.short_repr import Shown, short_repr

# Each of these columns has a status of its own.
STATUS_COLUMNS = (
    "parameters", "macs", "backward_macs", "operations", "forward_bytes", "saved_bytes",
    "receptive_field", "effective_field",
)  # fmt: skip


class Status(StrEnum):
    """How exact a number is.

    Attributes:
        EXACT: It follows from the operations that ran, and from the convention.
        MEASURED: Torch itself was asked.
        UPPER_BOUND: It can be less, never more.
        LOWER_BOUND: It can be more: some of the operations aren't counted.
        VARIES: It is one of several: another image, or another device, may give another number.
        UNKNOWN: There is no number.
    """

    EXACT = "exact"
    MEASURED = "measured"
    UPPER_BOUND = "upper bound"
    LOWER_BOUND = "lower bound"
    VARIES = "varies"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class LayerRow:
    """One module of a network.

    Attributes:
        name: Path inside the network, as in `state_dict()`; empty for the network itself.
        kind: Name of its class.
        depth: The number of modules around it; 0 for the network itself.
        is_container: Whether it does nothing itself: it has modules inside, but no parameters and
            no operations of its own.
        is_used: Whether it, or a module inside it, was called.
        num_calls: The number of calls, or of functions that use its weights.
        output_shape: Shape of what it returned last, with the batch; None if it wasn't called or
            returned no tensor.
        receptive_field: What the values of that output see of the image; None if unknown.
        own: Costs of what it holds and runs itself.
        total: Costs of it and of the modules inside it.
        uncounted: Names of operations, its own and inside it, that nobody has said how to count.
        map_axes: Dimensions of the output that are rows and columns, (2, 3) of (N, C, H, W); None
            where it has none.
        caveats: Why its numbers, or those of a module inside it, are not exact.
        effective_field: (height, width) of the pixels that really count for the value in the
            middle of its maps, where that was measured.
        are_weights_borrowed: Whether its weights were used while it was not running.
    """

    name: str
    kind: str
    depth: int
    is_container: bool
    is_used: bool
    num_calls: int
    output_shape: tuple[int, ...] | None
    receptive_field: ReceptiveField | None
    own: Costs
    total: Costs
    uncounted: tuple[str, ...] = ()
    map_axes: tuple[int, int] | None = None
    caveats: frozenset[Caveat] = frozenset()
    effective_field: tuple[float, float] | None = None
    are_weights_borrowed: bool = False
    __repr__ = short_repr

    @property
    def parameters(self) -> int:
        """Number of values in the parameters of it and of the modules inside it."""
        return self.total.parameters

    @property
    def trainable_parameters(self) -> int:
        """Number of values in parameters that require a gradient."""
        return self.total.trainable_parameters

    @property
    def frozen_parameters(self) -> int:
        """Number of values in parameters that don't require a gradient."""
        return self.parameters - self.trainable_parameters

    @property
    def macs(self) -> int:
        """Multiply-accumulates of it and of the modules inside it."""
        return self.total.macs

    @property
    def is_fused(self) -> bool:
        """Whether it, or a module inside it, runs attention, for which devices have kernels."""
        return Caveat.ATTENTION in self.caveats

    def status(self, column: str) -> Status:
        """Status of its number in this column, one of `STATUS_COLUMNS`."""
        if column == "receptive_field":
            return self._field_status()
        if column == "effective_field":
            return Status.MEASURED if self.effective_field else Status.UNKNOWN
        if column == "parameters":
            return Status.EXACT
        if Caveat.VALUES in self.caveats:
            return Status.VARIES
        is_memory = column in ("forward_bytes", "saved_bytes")
        if is_memory and Caveat.RECURRENT in self.caveats:
            return Status.VARIES
        is_backward = column in ("backward_macs", "saved_bytes")
        can_be_more = is_backward and Caveat.OWN_BACKWARD in self.caveats
        can_be_more |= not is_memory and bool(self.uncounted)
        can_be_less = is_backward and Caveat.CUT_OFF in self.caveats
        can_be_less |= is_memory and self.is_fused
        if can_be_more and can_be_less:
            return Status.VARIES
        if can_be_more:
            return Status.LOWER_BOUND
        if can_be_less:
            return Status.UPPER_BOUND
        return Status.MEASURED if is_memory else Status.EXACT

    def _field_status(self) -> Status:
        if self.receptive_field is None:
            return Status.UNKNOWN
        return Status.UPPER_BOUND if None in self.receptive_field.jump else Status.EXACT

    def to_dict(self, *, input_size: tuple[int, int]) -> dict[str, Any]:
        """The row ready for JSON.

        Args:
            input_size: (height, width) of the network's input.
        """
        field = self.receptive_field
        plain = ("name", "kind", "depth", "is_container", "is_used", "num_calls")
        return {
            **{name: getattr(self, name) for name in plain},
            "output_shape": None if self.output_shape is None else list(self.output_shape),
            "receptive_field": None if field is None else field.to_dict(input_size=input_size),
            "effective_field": self.effective_field and list(self.effective_field),
            **self.total.to_dict(),
            "frozen_parameters": self.frozen_parameters,
            "own": self.own.to_dict(),
            **self.status_to_dict(),
        }

    def status_to_dict(self) -> dict[str, Any]:
        """Status of its numbers and the reasons, ready for JSON."""
        return {
            "status": {column: self.status(column).value for column in STATUS_COLUMNS},
            "uncounted": list(self.uncounted),
            "caveats": [caveat.value for caveat in Caveat if caveat in self.caveats],
        }


@dataclass(frozen=True, slots=True)
class LayerTable(Shown):
    """The layers of a network, and what one forward pass through it takes.

    Attributes:
        network: Class name of the network.
        input_shape: (N, C, H, W) of the input.
        training: Whether the numbers are those of training mode.
        rows: One per module; the first is the network itself.
        buffers: Number of values in its buffers, running statistics for instance.
        method: Name of the network's method that was the forward pass.
    """

    network: str
    input_shape: tuple[int, int, int, int]
    training: bool
    rows: tuple[LayerRow, ...]
    buffers: int
    method: str = "forward"
    __repr__ = short_repr

    @property
    def layers(self) -> tuple[LayerRow, ...]:
        """The rows of modules that do something themselves."""
        return tuple(row for row in self.rows if not row.is_container)

    @property
    def parameters(self) -> int:
        """Number of values in all parameters."""
        return self.rows[0].parameters

    @property
    def trainable_parameters(self) -> int:
        """Number of values in the parameters that require a gradient."""
        return self.rows[0].trainable_parameters

    @property
    def frozen_parameters(self) -> int:
        """Number of values in the parameters that don't require a gradient."""
        return self.rows[0].frozen_parameters

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one forward pass of the whole batch."""
        return self.rows[0].macs

    @property
    def unused_parameters(self) -> int:
        """Number of values in the parameters of modules that the pass never called."""
        return sum(row.own.parameters for row in self.rows if not row.is_used)

    def row(self, name: str) -> LayerRow:
        """The row of the module with this path.

        Raises:
            UsageError: There is none.
        """
        for row in self.rows:
            if row.name == name:
                return row
        raise UsageError(
            f"`{self.network}` has no layer `{name}`", hint="`rows` lists the names of all layers"
        )

    def with_effective_fields(self, sizes: Mapping[str, tuple[float, float]]) -> LayerTable:
        """The table with (height, width) of the pixels that really count, for some layers."""
        rows = (replace(row, effective_field=sizes.get(row.name)) for row in self.rows)
        return replace(self, rows=tuple(rows))

    def to_dict(self) -> dict[str, Any]:
        """The table ready for JSON, with the conventions that its numbers follow."""
        return {
            "network": self.network,
            "input_shape": list(self.input_shape),
            "mode": "training" if self.training else "evaluation",
            "method": self.method,
            "conventions": dict(CONVENTIONS),
            "frozen_parameters": self.frozen_parameters,
            "buffers": self.buffers,
            **self.rows[0].total.to_dict(),
            **self.rows[0].status_to_dict(),
            "layers": [row.to_dict(input_size=self.input_shape[2:]) for row in self.rows],
        }


def layer_table(
    module: nn.Module,
    input_shape: Sequence[int],
    *,
    training: bool = False,
    method: str = "forward",
) -> LayerTable:
    """Shape, costs, memory and receptive field of each layer, from one watched forward pass.

    Nothing in the module changes, except what a forward changes in objects that torch doesn't know:
    attributes of other attributes, global variables. Hooks on its layers are called, with tensors
    that may have no values. The pass normally computes shapes only, so a large network takes
    no longer than a small one, and parameters may be on any device, meta included.

    Args:
        module: Any network that takes one batch of images; `DataParallel`, `torch.compile` and the
            like are taken off.
        input_shape: (N, C, H, W) of the input; or (C, H, W) for a batch of one.
        training: Whether to run in training mode.
        method: Name of the method that is the forward pass: `forward_with_auxiliaries` for a
            GoogLeNet with all its heads.

    Raises:
        NetworkError: The network can't take this input; says which layer failed and why. Or it has
            no such method, or is scripted.
        UsageError: The shape is not one of images.
    """
    shape = _image_shape(input_shape)
    module = unwrapped(module)
    watched = trace(module, shape, training=training, method=method)
    return LayerTable(
        network=type(module).__name__,
        input_shape=shape,
        training=training,
        rows=_rows(module, watched),
        buffers=sum(buffer.numel() for buffer in module.buffers()),
        method=method,
    )


def _image_shape(shape: Sequence[int]) -> tuple[int, int, int, int]:
    whole = tuple(int(length) for length in shape)
    if len(whole) == 3:
        whole = (1, *whole)
    if len(whole) != 4 or min(whole) < 1:
        raise UsageError(
            f"`{tuple(shape)}` is no shape of images",
            hint="give (N, C, H, W) or (C, H, W), each 1 or larger, such as (3, 224, 224)",
        )
    return whole[0], whole[1], whole[2], whole[3]


def _rows(module: nn.Module, watched: Trace) -> tuple[LayerRow, ...]:
    layers, held = watched.layers, _held(module)
    own, total = _works(watched)
    first_call = dict.fromkeys(layers, inf)
    held_inside = dict.fromkeys(layers, NO_COSTS)
    for name, layer in layers.items():
        for outer in _path(name):
            held_inside[outer] += held[name]
            if layer.call_order is not None:
                first_call[outer] = min(first_call[outer], layer.call_order)
    registered = {name: index for index, name in enumerate(layers)}
    modules = sorted(
        module.named_modules(),
        key=lambda item: [(first_call[outer], registered[outer]) for outer in _path(item[0])],
    )
    return tuple(
        LayerRow(
            name=name,
            kind=type(layer).__name__,
            depth=len(_path(name)) - 1,
            is_container=not (_is_layer(layer) or own[name].num_operations),
            is_used=first_call[name] < inf,
            num_calls=layers[name].num_calls,
            output_shape=layers[name].output_shape,
            receptive_field=layers[name].receptive_field,
            own=held[name] + own[name].costs,
            total=held_inside[name] + total[name].costs,
            uncounted=tuple(sorted(total[name].uncounted)),
            map_axes=layers[name].map_axes,
            caveats=frozenset(total[name].caveats | watched.caveats),
            are_weights_borrowed=layers[name].are_weights_borrowed,
        )
        for name, layer in modules
    )


def _works(watched: Trace) -> tuple[dict[str, Work], dict[str, Work]]:
    """The work that each module did itself, and the work that was done while it was running."""
    own = {name: Work() for name in watched.layers}
    total = {name: Work() for name in watched.layers}
    for running, work in watched.work.items():
        own[running[-1]].add(work)
        around = {outer for name in running for outer in _path(name)}
        for name in around:
            # A list of modules never runs itself; a block that could be running, and isn't, shares
            # the module with one that is.
            if name in running or not watched.layers[name].num_calls:
                total[name].add(work)
    return own, total


def _held(module: nn.Module) -> dict[str, Costs]:
    counted: set[Tensor] = set()
    costs = {}
    for name, layer in module.named_modules():
        new = set(layer.parameters(recurse=False)) - counted
        counted |= new
        costs[name] = Costs(
            parameters=sum(parameter.numel() for parameter in new),
            trainable_parameters=sum(p.numel() for p in new if p.requires_grad),
        )
    return costs


def _is_layer(layer: nn.Module) -> bool:
    """Whether a module has no modules inside, or holds parameters itself."""
    has_children = next(layer.children(), None) is not None
    return not has_children or next(layer.parameters(recurse=False), None) is not None


def _path(name: str) -> list[str]:
    """Paths of a module and all around it, the network first: "", "features", "features.0"."""
    parts = name.split(".") if name else []
    return ["", *(".".join(parts[: end + 1]) for end in range(len(parts)))]
