"""One step of the arithmetic of a value, and how a rule makes it from a recorded operation."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import numpy as np

from convscope.inspection.values.index_mapping import Flags, Floats, Indices, Origin, taken_from
from convscope.inspection.values.recording import Recorded, Value


@dataclass(frozen=True, slots=True, eq=False)
class Terms:
    """T numbers of the same kind that a step takes in.

    Attributes:
        values: (T,) what each contributes.
        inputs: (T,) the values of the input; 0 where padding is.
        weights: (T,) what the inputs are multiplied by; None where they are taken as they are.
        places: (D, T) where the inputs are in their tensor; the batch axis comes first.
        is_padding: (T,) whether the input is padding, not part of the feature map.
    """

    values: Floats
    inputs: Floats
    weights: Floats | None
    places: Indices
    is_padding: Flags

    def __len__(self) -> int:
        return len(self.values)

    def to_dicts(self) -> list[dict[str, Any]]:
        """One dictionary per term, ready for JSON."""
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
        names = ("value", "weight", "input", "place", "is_padding")
        return [dict(zip(names, row, strict=True)) for row in rows]


NO_TERMS = Terms(np.empty(0), np.empty(0), None, np.empty((1, 0), np.int64), np.empty(0, np.bool_))


class TermWindow(NamedTuple):
    """The window of a convolution or pooling over feature maps, and where its T terms lie in it.

    Attributes:
        start: (row, column) of its first place in the input; negative in the padding.
        dilation: Distance from one place to the next, along both axes.
        channels: (T,) input channel of each term.
        cells: (2, T) row and column of each term within the window.
    """

    start: tuple[int, int]
    dilation: tuple[int, int]
    channels: Indices
    cells: Indices


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ArithmeticStep:
    """One value on the way, recomputed in double precision from its inputs.

    Attributes:
        kind: Name of the operation: `convolution`, `max pooling`, `addition`.
        rule: How the value follows from its terms: their sum, one of them, or a function of them.
        formula: The computation in short: `sum of weight * input`, `relu(x)`.
        layer: Path of the layer that ran the operation; empty for the network itself.
        index: Position of the value in its tensor without the batch axis: (channel, row, column) in
            a feature map, (unit,) in a dense layer.
        stored: The value as the network computed it.
        computed: The value as recomputed here.
        scale: Sum of the absolute values of the terms, by which a difference is judged.
        terms: What the value is made of; for a pooling, everything in its window.
        winner: Index of the term that a maximum or minimum took.
        added: Further summands by name: `bias`, `shift`.
        numbers: Other numbers of the formula by name: the mean, variance, weight and bias of a
            batch normalisation, a parameter that the input is multiplied by.
        branch: Index of the tensor that the value comes from, in a concatenation.
        window: Where the terms lie, in a convolution or pooling over feature maps.
        sources: The steps that computed the inputs, as far as they are traced.
    """

    kind: str
    rule: Literal["sum", "choice", "function"]
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
    window: TermWindow | None = None
    sources: tuple[ArithmeticStep, ...] = ()

    @property
    def deviation(self) -> float:
        """|computed - stored| as a fraction of `scale`; non-finite where they are."""
        if self.computed == self.stored:
            return 0.0
        return abs(self.computed - self.stored) / self.scale if self.scale else float("inf")

    def with_sources(self) -> Iterator[ArithmeticStep]:
        """This step, followed by all that lead to it."""
        yield self
        for source in self.sources:
            yield from source.with_sources()

    def to_dict(self) -> dict[str, Any]:
        """The step and its sources, ready for JSON."""
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


@dataclass(frozen=True, slots=True, eq=False)
class OutputValue:
    """One value among the outputs of a recorded operation: what a rule explains.

    Attributes:
        operation: The operation.
        output: Index of the output tensor.
        index: (D, 1) position in that tensor.
    """

    operation: Recorded
    output: int
    index: Indices

    def step(self, **fields: Any) -> ArithmeticStep:
        """A step that computes this value; `fields` are those that only the rule knows."""
        stored = float(taken_from(self.operation.outputs[self.output], self.index)[0])
        position = tuple(self.index[1:, 0].tolist())
        return ArithmeticStep(layer=self.operation.layer, index=position, stored=stored, **fields)

    def choice(self, number: float, terms: Terms, **fields: Any) -> ArithmeticStep:
        """A step that takes one number as it is, a term or one that the terms decide."""
        return self.step(rule="choice", computed=number, scale=abs(number), terms=terms, **fields)

    def sum_of(
        self, terms: Terms, *, added: Mapping[str, float] | None = None, **fields: Any
    ) -> Explained:
        """The value as the sum of its terms and of the numbers in `added`."""
        extra = dict(added or {})
        return Explained(
            self.step(
                rule="sum",
                computed=float(terms.values.sum() + sum(extra.values())),
                scale=float(np.abs(terms.values).sum() + sum(map(abs, extra.values()))),
                terms=terms,
                added=extra,
                **fields,
            )
        )

    def largest_of(
        self,
        terms: Terms,
        *,
        kind: str = "max pooling",
        sign: int = 1,
        window: TermWindow | None = None,
    ) -> Explained:
        """The value as the largest of its terms, or the smallest where `sign` is -1.

        If several are equal the first one wins, as in torch.
        """
        winner = int((sign * terms.values).argmax())
        formula = "largest input" if sign > 0 else "smallest input"
        value = float(terms.values[winner])
        fields = {"kind": kind, "formula": formula, "winner": winner, "window": window}
        return Explained(self.choice(value, terms, **fields))


class Explained(NamedTuple):
    """What a rule returns.

    Attributes:
        step: The step, without its sources.
        inputs: The values that went in, each with its position (D, 1), to be traced in turn.
    """

    step: ArithmeticStep
    inputs: tuple[tuple[Value, Indices], ...] = ()


# Raises NotImplementedError for a form of the operation that it doesn't cover.
BacktraceRule = Callable[[OutputValue], Explained]


def terms_from(
    found: Origin, *, outside: Flags | None = None, weights: Floats | None = None
) -> Terms:
    """Terms whose inputs are at the places of an origin.

    Args:
        found: Where the T inputs come from.
        outside: (T,) which of them the operation itself pads with 0.
        weights: (T,) what they are multiplied by.
    """
    inputs, is_padding = found.numbers(), found.is_padding
    if outside is not None:
        inputs, is_padding = np.where(outside, 0.0, inputs), is_padding | outside
    values = inputs
    if weights is not None:
        values = np.where(is_padding & (inputs == 0), 0.0, weights) * inputs
    return Terms(values, inputs, weights, found.places, is_padding)
