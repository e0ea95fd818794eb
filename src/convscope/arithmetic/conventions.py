"""What is counted: MACs, or FLOPs with or without the operations beside them.

The same network has 4.09 G "FLOPs" in one paper and 8.18 G in the next, as some count a multiply
and an addition as one and others as two; and a percent more where normalisation, activations and
pooling are included. Here the choice is a value that is printed beside the number.
"""

from __future__ import annotations

from dataclasses import dataclass

from convscope.arithmetic.costs import Costs
from convscope.errors import UsageError, either_of

KINDS = ("bias", "normalisation", "activation", "pooling", "other")


@dataclass(frozen=True, slots=True)
class Convention:
    """How the operations of a forward pass become one number.

    Attributes:
        flops: Whether a multiply-accumulate counts as two operations; else it is the unit.
        kinds: Operations that are counted beside them, each as one; only with `flops`.
    """

    flops: bool = False
    kinds: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuses what can't be.

        Raises:
            UsageError: A kind is unknown, or kinds are given without `flops`.
        """
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
        """What one multiply-accumulate counts."""
        return 2 if self.flops else 1

    def count(self, costs: Costs) -> int:
        """The number for some layers."""
        others: int = sum(getattr(costs, f"{kind}_operations") for kind in self.kinds)
        return self.per_mac * costs.macs + others

    @property
    def unit(self) -> str:
        """The number's unit."""
        return "FLOPs" if self.flops else "MACs"

    @property
    def words(self) -> str:
        """What the number is, in a sentence's end."""
        if not self.flops:
            return "multiply-accumulates of convolutions and matrix products"
        others = f", and the operations of: {', '.join(self.kinds)}" if self.kinds else ""
        return f"two for each multiply-accumulate of convolutions and matrix products{others}"


MACS = Convention()
