"""What running a layer takes, in which unit it is counted, and why a number may not be exact."""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import StrEnum

from convscope.errors import UsageError
from convscope.text import either_of

KINDS = ("bias", "normalisation", "activation", "pooling", "other")

# Column -> what its numbers are.
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
class Costs:
    """Parameters, operations and memory of some layers for the whole batch; see `CONVENTIONS`.

    Attributes:
        parameters: Values in parameters; a shared tensor is counted once.
        trainable_parameters: Values in parameters that require a gradient.
        macs: Multiply-accumulates of convolutions and matrix products.
        backward_macs: Multiply-accumulates of the backward pass.
        bias_operations: Additions of biases.
        normalisation_operations: Operations of batch, layer, group and instance normalisation.
        activation_operations: One for each value that an activation gives.
        pooling_operations: One for each value that a window looks at.
        other_operations: Additions, products and other functions, value by value.
        forward_bytes: Memory of the tensors that are made.
        saved_bytes: Memory of the tensors that autograd saves for the backward pass.
    """

    parameters: int = 0
    trainable_parameters: int = 0
    macs: int = 0
    backward_macs: int = 0
    bias_operations: int = 0
    normalisation_operations: int = 0
    activation_operations: int = 0
    pooling_operations: int = 0
    other_operations: int = 0
    forward_bytes: int = 0
    saved_bytes: int = 0

    def __add__(self, other: Costs) -> Costs:
        return Costs(*(getattr(self, n) + getattr(other, n) for n in COST_NAMES))

    def to_dict(self) -> dict[str, int]:
        """The fields, ready for JSON."""
        return {name: getattr(self, name) for name in COST_NAMES}


COST_NAMES = tuple(field.name for field in fields(Costs))
NO_COSTS = Costs()


@dataclass(frozen=True, slots=True)
class Convention:
    """How the operations of a forward pass become one number.

    Attributes:
        flops: Whether a multiply-accumulate counts as two operations; else it is the unit.
        kinds: Kinds of other operations, each of which counts as one; only with `flops`.
    """

    flops: bool = False
    kinds: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuses kinds that are unknown, or given without `flops`, by a UsageError."""
        for kind in self.kinds:
            if kind not in KINDS:
                raise UsageError(
                    f"no kind of operations is called `{kind}`",
                    hint=f"there are {either_of(KINDS)}",
                )
        if self.kinds and not self.flops:
            raise UsageError(
                "other operations are no multiply-accumulates",
                hint="count FLOPs (`--flops`), in which each of them is one and a MAC is two",
            )

    @property
    def per_mac(self) -> int:
        """The number of operations in one multiply-accumulate."""
        return 2 if self.flops else 1

    def count(self, costs: Costs) -> int:
        """The number of operations of some layers."""
        others: int = sum(getattr(costs, f"{kind}_operations") for kind in self.kinds)
        return self.per_mac * costs.macs + others

    @property
    def unit(self) -> str:
        """The unit of the number."""
        return "FLOPs" if self.flops else "MACs"

    @property
    def description(self) -> str:
        """What the number is, as the end of a sentence."""
        if not self.flops:
            return "multiply-accumulates of convolutions and matrix products"
        others = f", and the operations of: {', '.join(self.kinds)}" if self.kinds else ""
        return f"two for each multiply-accumulate of convolutions and matrix products{others}"


MACS = Convention()


class Caveat(StrEnum):
    """Why numbers of a layer are not exact, for reasons that only the pass knows."""

    VALUES = (
        "the network looks at values and may choose by them what it runs: "
        "numbers are those of one path, for an image of zeros"
    )
    RECURRENT = "memory of recurrent layers differs between devices"
    ATTENTION = "memory of attention is less where the device has a kernel for it"
    OWN_BACKWARD = (
        "parts of the network have a backward pass of their own (checkpoints, custom functions): "
        "what it computes and keeps isn't all counted"
    )
    CUT_OFF = (
        "gradients are cut off within the network (`detach`): layers before may have no backward "
        "pass, and keep nothing"
    )
