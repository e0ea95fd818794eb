"""What a layer holds and what running it takes: numbers that add up over layers."""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True)
class Costs:
    """Parameters, operations and memory of some layers, for the whole batch.

    Operations other than MACs are counted as `operation_work` says.

    Attributes:
        parameters: Values in parameters; a shared tensor is counted once.
        trainable_parameters: Those of them that require a gradient.
        macs: Multiply-accumulates of convolutions and matrix products.
        backward_macs: The same in the backward pass, for the gradients of weights and of inputs.
        bias_operations: Additions of biases.
        normalisation_operations: Of batch, layer, group and instance normalisation.
        activation_operations: One for each value that an activation gives.
        pooling_operations: One for each value that a window looks at.
        other_operations: Additions, products and other functions, value by value.
        forward_bytes: Of the tensors that are made; a tensor that shares another's memory has none.
        saved_bytes: Of the tensors that autograd keeps for the backward pass, without parameters
            and buffers; each piece of memory is counted once, where it is kept first.
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
