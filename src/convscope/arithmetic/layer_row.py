"""One row of the layer table: one module of a network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from convscope.arithmetic.receptive_field import ReceptiveField

COLUMNS = ("layer", "kind", "output", "parameters", "MACs", "field", "jump")


@dataclass(frozen=True, slots=True)
class LayerRow:
    """One module of a network.

    `parameters`, `trainable_parameters` and `macs` include the modules inside it; those beginning
    with `own_` don't.

    Attributes:
        name: Path inside the network, as in `state_dict()`; empty for the network itself.
        kind: Name of its class.
        depth: Number of modules around it; 0 for the network itself.
        is_container: Whether it does nothing itself: it has modules inside, but no parameters and
            no operations of its own.
        is_used: Whether it, or a module inside it, was called.
        num_calls: How often it was called; 0 if never.
        output_shape: Shape of what it returned last, with the batch; None if it wasn't called or
            returned no tensor.
        receptive_field: What the values of that output see of the image; None if unknown.
        own_parameters: Values in the parameters that it holds itself.
        own_trainable_parameters: Those of them that require a gradient.
        own_macs: Multiply-accumulates of the operations that it runs itself.
        parameters: Values in its parameters.
        trainable_parameters: Those of them that require a gradient.
        macs: Multiply-accumulates.
    """

    name: str
    kind: str
    depth: int
    is_container: bool
    is_used: bool
    num_calls: int
    output_shape: tuple[int, ...] | None
    receptive_field: ReceptiveField | None
    own_parameters: int
    own_trainable_parameters: int
    own_macs: int
    parameters: int
    trainable_parameters: int
    macs: int

    @property
    def frozen_parameters(self) -> int:
        """Values in its parameters that don't require a gradient."""
        return self.parameters - self.trainable_parameters

    def to_dict(self, *, input_size: tuple[int, int]) -> dict[str, Any]:
        """The row ready for JSON.

        Args:
            input_size: (height, width) of the network's input.
        """
        field = self.receptive_field
        return {
            "name": self.name,
            "kind": self.kind,
            "depth": self.depth,
            "is_container": self.is_container,
            "is_used": self.is_used,
            "num_calls": self.num_calls,
            "output_shape": None if self.output_shape is None else list(self.output_shape),
            "receptive_field": None if field is None else field.to_dict(input_size=input_size),
            "own_parameters": self.own_parameters,
            "own_trainable_parameters": self.own_trainable_parameters,
            "own_macs": self.own_macs,
            "parameters": self.parameters,
            "trainable_parameters": self.trainable_parameters,
            "frozen_parameters": self.frozen_parameters,
            "macs": self.macs,
        }

    def to_text(self, *, input_size: tuple[int, int]) -> tuple[str, ...]:
        """The row as text, in the order of `COLUMNS`, the name indented by its depth.

        Args:
            input_size: (height, width) of the network's input.
        """
        return (
            "  " * self.depth + (self.name.rpartition(".")[2] or "(network)"),
            self.kind,
            self._output_text(),
            f"{self.parameters:,}",
            f"{self.macs:,}",
            *self._field_texts(input_size),
        )

    def _output_text(self) -> str:
        if not self.is_used:
            return "not called"
        if self.output_shape is None:
            # A list of modules is never called itself.
            return "no tensor" if self.num_calls else ""
        return " x ".join(str(length) for length in self.output_shape)

    def _field_texts(self, input_size: tuple[int, int]) -> tuple[str, str]:
        """Size and jump: one number where both axes agree, height x width elsewhere."""
        field = self.receptive_field
        if field is None:
            return ("unknown" if self.output_shape else "", "")
        if field.is_whole_input(*input_size):
            return "whole input", ""
        return _pair_text(field.size), _pair_text(field.jump)


def _pair_text(pair: tuple[int | None, int | None]) -> str:
    height, width = ("-" if value is None else str(value) for value in pair)
    return height if height == width else f"{height} x {width}"
