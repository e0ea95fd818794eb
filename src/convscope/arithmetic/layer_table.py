"""The layer table: what each layer of any torch module gives, holds, costs, keeps and sees.

The numbers come from the operations that one forward pass really runs, not from the kinds of layers
in it, so branches, functional calls and layers used twice are counted as they are. One row stands
for one module, below the one that it is in, in the order in which they were first called:

- A module called several times has one row: MACs add up, shape and field are of the last call.
- A module never called comes last, with its parameters, 0 calls, 0 MACs and no shape: auxiliary
  heads in evaluation mode, for instance.
- A tensor shared by several modules is counted in the one registered first, and 0 in the others, so
  that rows add up to the total.
- What a module does is charged to it and to all modules that are running around it. So a module
  shared by two blocks has one row, in the block registered first, and each block is charged for its
  own calls. A list of modules, which is never called itself, is charged for all calls of those in
  it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf
from typing import Any

from torch import Tensor, nn

from convscope.arithmetic.costs import NO_COSTS, Costs
from convscope.arithmetic.layer_row import LayerRow
from convscope.arithmetic.ledger import Work
from convscope.arithmetic.tracer import Trace, trace
from convscope.errors import UsageError

CONVENTIONS = {
    "macs": "multiply-accumulates of convolutions and matrix products in one forward pass of the "
    "whole batch; without biases, activations, pooling and normalisation; "
    "1 MAC is 2 floating-point operations",
    "backward_macs": "the same in the backward pass: one product for the gradient of the weights "
    "and one for that of the input, each only where it is needed; as if all that is computed "
    "counted for the loss",
    "operations": "beside MACs, in one forward pass: one addition for each bias; 2 for each value "
    "of batch normalisation, 6 where statistics are taken; 1 for each value of an activation; 1 "
    "for each place of a pooling window, padding and what lies beyond the border included; 1 for "
    "each value of other functions",
    "parameters": "number of values; a tensor shared by several layers is counted once; with "
    "layers that are never called, auxiliary heads for instance",
    "forward_bytes": "of all tensors that the pass makes, each piece of memory once; not all of "
    "them exist at the same time",
    "saved_bytes": "of the tensors that the backward pass will need, without parameters and "
    "buffers, each piece of memory once, where it is kept first",
    "receptive_field": "[height, width] in pixels of the input; the values at position i can "
    "depend on the pixels start + i * jump to start + i * jump + size - 1; start is negative "
    "where padding comes first; size is not cut off at the image; jump 0: all positions see the "
    "same; jump null: no common step, the box is what all positions see together; "
    "statistics over a batch in training mode don't count as seeing; null: unknown",
    "effective_field": "[height, width] in which 95.45 % lies, along an axis, of the absolute "
    "gradient of the value in the middle of the layer's maps, averaged over channels with random "
    "signs and over random images; null: not measured",
    "output_shape": "null: the layer was not called, or returned no tensor",
    "own": "without the modules inside the layer; numbers beside it are with them",
    "status": "exact: it follows from the operations that ran; measured: torch was asked; upper "
    "bound (≤): it can be less; lower bound (≥): the operations under `uncounted` aren't counted, "
    "or what `caveats` says; varies (?): another image or device may give another number, as "
    "`caveats` says; unknown",
    "caveats": "why numbers may vary, or are bounds; a network that looks at values, such as "
    "`x.mean() > 0`, to choose what it runs is counted along the path of an image of zeros, and "
    "none of its costs is exact",
}


@dataclass(frozen=True, slots=True)
class LayerTable:
    """What a network is made of and what one forward pass through it costs.

    Attributes:
        network: Class name of the network.
        input_shape: (N, C, H, W) of the input.
        training: Whether the numbers are those of training mode.
        rows: One per module; the first is the network itself.
        buffers: Values in its buffers, running statistics for instance.
        method: Which of the network's methods was the forward pass.
    """

    network: str
    input_shape: tuple[int, int, int, int]
    training: bool
    rows: tuple[LayerRow, ...]
    buffers: int
    method: str = "forward"

    @property
    def layers(self) -> tuple[LayerRow, ...]:
        """The rows of modules that do something themselves."""
        return tuple(row for row in self.rows if not row.is_container)

    @property
    def parameters(self) -> int:
        """Values in all parameters."""
        return self.rows[0].parameters

    @property
    def trainable_parameters(self) -> int:
        """Values in the parameters that require a gradient."""
        return self.rows[0].trainable_parameters

    @property
    def frozen_parameters(self) -> int:
        """Values in the parameters that don't require a gradient."""
        return self.rows[0].frozen_parameters

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one forward pass of the whole batch."""
        return self.rows[0].macs

    @property
    def unused_parameters(self) -> int:
        """Values in the parameters of modules that the pass never called."""
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
            **self.rows[0].worth(),
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
        module: Any network that takes one batch of images.
        input_shape: (N, C, H, W) of the input; or (C, H, W) for a batch of one.
        training: Whether to run in training mode.
        method: Which of its methods is the forward pass: `forward_with_auxiliaries` for a GoogLeNet
            with all its heads.

    Raises:
        NetworkError: The network can't take this input; says which layer failed and why. Or it has
            no such method.
        UsageError: The shape is not one of images.
    """
    shape = _image_shape(input_shape)
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
        )
        for name, layer in modules
    )


def _works(watched: Trace) -> tuple[dict[str, Work], dict[str, Work]]:
    """What each module did itself, and what was done while it was running."""
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
    """The parameters of each module itself; a shared tensor counts for the first holder."""
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
    """Whether it has no modules inside, or holds parameters itself."""
    has_children = next(layer.children(), None) is not None
    return not has_children or next(layer.parameters(recurse=False), None) is not None


def _path(name: str) -> list[str]:
    """The module and all around it, the network first: "", "features", "features.0"."""
    parts = name.split(".") if name else []
    return ["", *(".".join(parts[: end + 1]) for end in range(len(parts)))]
