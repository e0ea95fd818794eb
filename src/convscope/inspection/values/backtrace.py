"""Backtrace: the steps that led to one value, by one rule per operator.

An operator that only moves values has an index mapping, in `index_mapping`; one that computes them
has a rule, in `RULES`. To add an operator, add its entry to one of the two tables, and a layer that
uses it to the test of the values of every layer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from convscope.arithmetic.ops.operation import tensors_in
from convscope.arithmetic.ops.table import Kind, names_of, works_by_value
from convscope.errors import NetworkError
from convscope.inspection.layers import quoted
from convscope.inspection.values import rules_sums, rules_windows
from convscope.inspection.values.index_mapping import Indices, Origin, broadcast, origin, taken_from
from convscope.inspection.values.recording import Recorded, Value
from convscope.inspection.values.steps import (
    NO_TERMS,
    ArithmeticStep,
    BacktraceRule,
    Explained,
    OutputValue,
    Terms,
)

# Pointwise operators that are no activation: a value is traced through them even where it meets
# another one.
ARITHMETIC = {"add", "sub", "mul", "div", "neg", "pow", "square", "sqrt", "rsqrt", "reciprocal"}
SYMBOLS = {"mul": "*", "div": "/", "add": "+", "sub": "-"}
KINDS = {"mul": "product", "div": "quotient", "add": "addition", "sub": "difference"}


def backtrace(value: Value, index: Indices, *, is_joined: bool = False) -> ArithmeticStep:
    """The step that computed one value, with the steps that led to it.

    Args:
        value: The tensor.
        index: (D, 1) position in it.
        is_joined: Whether the value meets another one: then it is traced through normalisation, but
            not into the layers before the last activation.

    Raises:
        NetworkError: An operation on the way has no rule.
    """
    found = origin(value, index)
    source, is_from_image = found.value.source, found.value.is_from_image
    if source is None and is_from_image and not found.value.is_image:
        raise NetworkError(
            "a feature map was changed in place through a view of it, which can't be traced",
            hint="use operations that return a new tensor",
        )
    if source is None or not is_from_image or found.is_padding[0]:
        kind = "image" if found.value.is_image else "constant"
        return _end("padding" if found.is_padding[0] else kind, "", found)
    own = explained(source, found)
    num_inputs = len(own.inputs)
    # A layer ends at its activation, or where it joins another.
    is_end = source.name not in ARITHMETIC or num_inputs > 1
    if is_joined and works_by_value(source.operation) and is_end:
        return _end("value of an earlier layer", source.layer, found)
    is_joined = is_joined or num_inputs > 1
    sources = [backtrace(*each, is_joined=is_joined) for each in own.inputs]
    return replace(own.step, sources=tuple(sources))


def explained(source: Recorded, found: Origin) -> Explained:
    """The step of one operation, with the values that went in.

    Raises:
        NetworkError: The operation has no rule.
    """
    rule = RULES.get(source.name)
    if rule is None and works_by_value(source.operation):
        rule = pointwise
    try:
        if rule is not None:
            return rule(OutputValue(source, found.value.output, found.places))
    except NotImplementedError:
        pass
    raise NetworkError(
        f"`{source.name}` in {quoted(source.layer)} has no rule, so its values can't be traced",
        hint="there are rules for convolutions, dense layers, poolings, sums, normalisation, "
        "concatenation and pointwise operations; choose a layer before it",
    )


def _end(kind: str, layer: str, found: Origin) -> ArithmeticStep:
    """The step of a number that is taken as it is."""
    number = float(found.numbers()[0])
    return ArithmeticStep(
        kind=kind,
        rule="choice",
        formula="",
        layer=layer,
        index=tuple(found.places[1:, 0].tolist()),
        stored=number,
        computed=number,
        scale=abs(number),
    )


def pointwise(at: OutputValue) -> Explained:
    """The operation itself, run again in double precision on the values at this place."""
    operation = at.operation
    inputs: list[tuple[Value, Indices]] = []
    numbers: list[float] = []
    constants: dict[str, float] = {}

    def double(name: str, argument: object) -> object:
        if not isinstance(argument, Tensor):
            return argument
        value = operation.inputs[id(argument)]
        places = broadcast(at.index, tuple(value.tensor.shape))
        number = float(taken_from(value, places)[0])
        if value.is_from_image:
            inputs.append((value, places))
            numbers.append(number)
        else:
            constants[value.name or name] = number
        # A condition stays one, and a whole number whole: they choose or count, and don't round.
        is_float = value.tensor.is_floating_point()
        return torch.tensor(number, dtype=torch.float64 if is_float else value.tensor.dtype)

    given = {name: double(name, argument) for name, argument in operation.arguments.items()}
    schema = operation.call._schema.arguments
    positional = [given[a.name] for a in schema if not a.kwarg_only]
    named = {a.name: given[a.name] for a in schema if a.kwarg_only}
    computed = float(list(tensors_in(operation.call(*positional, **named)))[at.output])
    step = at.step(
        kind=KINDS.get(operation.name, "function"),
        rule="function",
        formula=_formula(operation, given),
        computed=computed,
        scale=_scale(operation, computed, numbers, [*constants.values()]),
        terms=_as_terms(inputs),
        numbers=constants,
    )
    return Explained(step, tuple(inputs))


def _scale(
    operation: Recorded, computed: float, numbers: Sequence[float], constants: Sequence[float]
) -> float:
    """What a difference is judged by: the absolute terms of a sum, the value of a product."""
    if operation.name in ("add", "sub"):
        summands, other = [*numbers, *constants], operation.arguments["other"]
        if not isinstance(other, Tensor):
            summands.append(float(other))
        return sum(map(abs, summands))  # `alpha` other than 1 only makes this stricter or looser
    if operation.name in ("mul", "div", "neg"):
        return abs(computed)
    # A function of one value can cancel inside, as x * (x + 3) near -3 does.
    return max([abs(computed), *map(abs, numbers)])


def _formula(operation: Recorded, given: Mapping[str, Any]) -> str:
    """The operation as it is written on paper, with its constants."""
    letters = iter("xyzuvw")
    parts = []
    schema = {argument.name: argument for argument in operation.call._schema.arguments}
    for name, argument in operation.arguments.items():
        if isinstance(argument, Tensor) and operation.inputs[id(argument)].is_from_image:
            parts.append(next(letters))
        elif isinstance(argument, Tensor):
            parts.append(f"{float(given[name]):.6g}")
        elif argument != schema[name].default_value:
            parts.append(f"{argument:.6g}" if isinstance(argument, float) else str(argument))
    if operation.name in SYMBOLS and len(parts) == 2:
        return f"{parts[0]} {SYMBOLS[operation.name]} {parts[1]}"
    return f"{operation.name}({', '.join(parts)})"


def _as_terms(inputs: Sequence[tuple[Value, Indices]]) -> Terms:
    """Single values as terms, each at its origin."""
    if not inputs:
        return NO_TERMS
    found = [origin(value, places) for value, places in inputs]
    numbers = np.concatenate([part.numbers() for part in found])
    places = np.zeros((1, len(found)), np.int64)
    if len({len(part.places) for part in found}) == 1:
        places = np.concatenate([part.places for part in found], axis=1)
    return Terms(numbers, numbers, None, places, np.concatenate([p.is_padding for p in found]))


def concatenation(at: OutputValue) -> Explained:
    """Which of the joined tensors the value comes from, and its place there."""
    parts = at.operation.values("tensors")
    axis = at.operation.arguments["dim"] % at.operation.outputs[0].tensor.ndim
    ends = np.cumsum([part.tensor.shape[axis] for part in parts])
    branch = int(np.searchsorted(ends, at.index[axis, 0], side="right"))
    value, place = parts[branch], at.index.copy()
    place[axis] -= ends[branch] - value.tensor.shape[axis]
    found = origin(value, place)
    numbers = found.numbers()
    step = at.choice(
        float(numbers[0]),
        Terms(numbers, numbers, None, place, found.is_padding),
        kind="concatenation",
        formula=f"from branch {branch + 1} of {len(parts)}",
        branch=branch,
    )
    return Explained(step, ((value, place),))


# By operator, without the underscore of the in-place form. Pointwise operators need no entry.
RULES: dict[str, BacktraceRule] = {
    "convolution": rules_windows.convolution,
    **{f"max_pool{n}d_with_indices": rules_windows.max_pooling for n in (2, 3)},
    **{f"avg_pool{n}d": rules_windows.mean_pooling for n in (1, 2, 3)},
    **{f"_adaptive_avg_pool{n}d": rules_windows.adaptive_mean_pooling for n in (2, 3)},
    **{f"adaptive_max_pool{n}d": rules_windows.max_pooling for n in (2, 3)},
    **dict.fromkeys(names_of(Kind.MATRIX_PRODUCT), rules_sums.matrix_product),
    "mean": rules_sums.mean,
    "sum": rules_sums.total,
    "amax": rules_sums.maximum,
    "amin": rules_sums.minimum,
    "_softmax": rules_sums.softmax,
    **dict.fromkeys(names_of(Kind.BATCH_NORM), rules_sums.batch_normalisation),
    "native_layer_norm": rules_sums.layer_normalisation,
    "native_group_norm": rules_sums.group_normalisation,
    "cat": concatenation,
}
