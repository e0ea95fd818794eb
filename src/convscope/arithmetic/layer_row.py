"""One row of the layer table: one module of a network."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from convscope.arithmetic.caveats import Caveat
from convscope.arithmetic.costs import Costs
from convscope.arithmetic.receptive_field import ReceptiveField

# What a number can be worth differs between these.
STATUS_COLUMNS = (
    "parameters", "macs", "backward_macs", "operations", "forward_bytes", "saved_bytes",
    "receptive_field", "effective_field",
)  # fmt: skip


class Status(StrEnum):
    """What a number is worth.

    Attributes:
        EXACT: It follows from the operations that ran, and from the convention.
        MEASURED: Torch itself was asked.
        UPPER_BOUND: It can be less, never more.
        LOWER_BOUND: It can be more: among the operations are some that aren't counted.
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
        depth: Number of modules around it; 0 for the network itself.
        is_container: Whether it does nothing itself: it has modules inside, but no parameters and
            no operations of its own.
        is_used: Whether it, or a module inside it, was called.
        num_calls: How often it was called; 0 if never.
        output_shape: Shape of what it returned last, with the batch; None if it wasn't called or
            returned no tensor.
        receptive_field: What the values of that output see of the image; None if unknown.
        own: What it holds and runs itself.
        total: The same with the modules inside it.
        uncounted: Names of operations, its own and inside it, that nobody knows how to count.
        map_axes: Dimensions of the output that are rows and columns, (2, 3) of (N, C, H, W); None
            where it has none.
        caveats: Why its numbers, or those of a module inside it, are worth less than exact.
        effective_field: (height, width) of the pixels that really count for the value in the
            middle of its maps, where that was measured.
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

    @property
    def parameters(self) -> int:
        """Values in its parameters, with those of the modules inside it."""
        return self.total.parameters

    @property
    def trainable_parameters(self) -> int:
        """Those of them that require a gradient."""
        return self.total.trainable_parameters

    @property
    def frozen_parameters(self) -> int:
        """Those of them that don't."""
        return self.parameters - self.trainable_parameters

    @property
    def macs(self) -> int:
        """Multiply-accumulates, with those of the modules inside it."""
        return self.total.macs

    @property
    def is_fused(self) -> bool:
        """Whether it, or a module inside it, runs attention, for which devices have kernels."""
        return Caveat.ATTENTION in self.caveats

    def status(self, column: str) -> Status:
        """What its number in this column, one of `STATUS_COLUMNS`, is worth."""
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
        return {
            "name": self.name,
            "kind": self.kind,
            "depth": self.depth,
            "is_container": self.is_container,
            "is_used": self.is_used,
            "num_calls": self.num_calls,
            "output_shape": None if self.output_shape is None else list(self.output_shape),
            "receptive_field": None if field is None else field.to_dict(input_size=input_size),
            "effective_field": self.effective_field and list(self.effective_field),
            **self.total.to_dict(),
            "frozen_parameters": self.frozen_parameters,
            "own": self.own.to_dict(),
            **self.worth(),
        }

    def worth(self) -> dict[str, Any]:
        """What its numbers are worth and why, ready for JSON."""
        return {
            "status": {column: self.status(column).value for column in STATUS_COLUMNS},
            "uncounted": list(self.uncounted),
            "caveats": [caveat.value for caveat in Caveat if caveat in self.caveats],
        }
