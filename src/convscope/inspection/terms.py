"""What one output value is made of: the steps that led to it, each with its terms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]  # (D, T): T places in a tensor of D dimensions
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Terms:
    """Numbers of the same kind that a step takes in; T of them.

    Attributes:
        values: (T,) what each contributes.
        inputs: (T,) the values of the input; 0 where padding is.
        weights: (T,) what the inputs are multiplied with; None where they are taken as they are.
        places: (D, T) where the inputs are in their tensor, the image of the batch first.
        is_padding: (T,) whether the input is not part of the feature map, but put around it.
    """

    values: Floats
    inputs: Floats
    weights: Floats | None
    places: Indices
    is_padding: Flags

    def __len__(self) -> int:
        return len(self.values)

    def to_dicts(self) -> list[dict[str, Any]]:
        """One for each term, ready for JSON."""
        weights: Sequence[float | None] = (
            [None] * len(self) if self.weights is None else self.weights.tolist()
        )
        rows = zip(
            self.values.tolist(),
            weights,
            self.inputs.tolist(),
            self.places[1:].T.tolist(),
            self.is_padding.tolist(),
            strict=True,
        )
        return [
            {"value": value, "weight": weight, "input": given, "place": place, "is_padding": pad}
            for value, weight, given, place, pad in rows
        ]


# How a value follows from its terms: their sum, one of them, or a function of them.
Rule = Literal["sum", "choice", "function"]

NO_TERMS = Terms(np.empty(0), np.empty(0), None, np.empty((1, 0), np.int64), np.empty(0, np.bool_))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Step:
    """One value on the way, computed again in double precision from what went into it.

    Attributes:
        kind: What was done, in words: `convolution`, `max pooling`, `addition`.
        rule: How the value follows from the terms.
        formula: How the value follows, in short: `sum of weight * input`, `relu(x)`.
        layer: Path of the layer that did it; empty for the network itself.
        index: Which value of its tensor it is, without the number of the image: (channel, row,
            column) of a feature map, (unit,) of a dense layer.
        stored: The value as the network computed it.
        computed: The same, computed here.
        scale: Sum of the absolute values of the terms, by which a difference is judged.
        terms: What it is made of; all that a pooling looked at.
        winner: Which of the terms won, in a maximum.
        added: Further summands by name: `bias`, `shift`.
        numbers: Other numbers of the formula by name: the four of a batch normalisation, a
            parameter that the input is multiplied with.
        branch: Which of the joined tensors it comes from, in a concatenation.
        sources: The steps that gave what went in, as far as they are followed.
    """

    kind: str
    rule: Rule
    formula: str
    layer: str
    index: tuple[int, ...]
    stored: float
    computed: float
    scale: float
    terms: Terms = NO_TERMS
    winner: int | None = None
    added: Mapping[str, float] = field(default_factory=dict)
    numbers: Mapping[str, float] = field(default_factory=dict)
    branch: int | None = None
    sources: tuple[Step, ...] = ()

    @property
    def deviation(self) -> float:
        """|computed - stored| as a share of `scale`; infinite or not a number if they are."""
        if self.computed == self.stored:
            return 0.0
        return abs(self.computed - self.stored) / self.scale if self.scale else float("inf")

    def to_dict(self) -> dict[str, Any]:
        """All of it, ready for JSON."""
        return {
            "kind": self.kind,
            "rule": self.rule,
            "formula": self.formula,
            "layer": self.layer,
            "index": list(self.index),
            "stored": self.stored,
            "computed": self.computed,
            "sum_of_absolute_terms": self.scale,
            "deviation": self.deviation,
            "terms": self.terms.to_dicts(),
            "winner": self.winner,
            "added": dict(self.added),
            "numbers": dict(self.numbers),
            "branch": self.branch,
            "sources": [source.to_dict() for source in self.sources],
        }
