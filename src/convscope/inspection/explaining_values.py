"""One value of an operation that works value by value, or joins tensors."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from convscope.arithmetic.operation import tensors_in
from convscope.inspection.explanation import Explain, Explanation, made_step
from convscope.inspection.moving import broadcast, origin, taken_from
from convscope.inspection.recording import Recorded, Value
from convscope.inspection.terms import NO_TERMS, Floats, Indices, Step, Terms

SYMBOLS = {"mul": "*", "div": "/", "add": "+", "sub": "-"}
WORDS = {"mul": "product", "div": "quotient", "add": "addition", "sub": "difference"}


def is_pointwise(operation: Recorded) -> bool:
    """Whether each output value depends only on the inputs at the same place."""
    return operation.operation.is_pointwise


def pointwise(operation: Recorded, output: int, index: Indices) -> Explanation:
    """The operation itself, run again in double precision on the values at this place."""
    follow: list[tuple[Value, Indices]] = []
    numbers: list[float] = []
    constants: dict[str, float] = {}

    def double(name: str, argument: object) -> object:
        if not isinstance(argument, Tensor):
            return argument
        value = operation.inputs[id(argument)]
        places = broadcast(index, tuple(value.tensor.shape))
        number = float(taken_from(value, places)[0])
        if value.is_from_image:
            follow.append((value, places))
            numbers.append(number)
        else:
            constants[value.name or name] = number
        # A condition stays one, and a whole number whole: they choose or count, and don't round.
        is_float = value.tensor.is_floating_point()
        return torch.tensor(number, dtype=torch.float64 if is_float else value.tensor.dtype)

    arguments = operation.operation.arguments
    given = {name: double(name, argument) for name, argument in arguments.items()}
    schema = operation.call._schema.arguments
    positional = [given[a.name] for a in schema if not a.kwarg_only]
    named = {a.name: given[a.name] for a in schema if a.kwarg_only}
    computed = float(list(tensors_in(operation.call(*positional, **named)))[output])
    step = made_step(
        operation,
        output,
        index,
        kind=WORDS.get(operation.name, "function"),
        rule="function",
        formula=_formula(operation, given, follow),
        computed=computed,
        scale=_scale(operation.name, computed, numbers, constants, arguments),
        terms=_alone(follow),
        numbers=constants,
    )
    return Explanation(step, tuple(follow))


def _scale(
    name: str,
    computed: float,
    numbers: list[float],
    constants: dict[str, float],
    arguments: Any,
) -> float:
    """By what a difference is judged: a sum by its absolute terms, a product by itself."""
    if name in ("add", "sub"):
        summands = [*numbers, *constants.values()]
        other = arguments["other"]
        if not isinstance(other, Tensor):
            summands.append(float(other))
        return sum(map(abs, summands))  # `alpha` other than 1 only makes this stricter or looser
    if name in ("mul", "div", "neg"):
        return abs(computed)
    # A function of one value can cancel inside, as x * (x + 3) near -3 does.
    return max([abs(computed), *map(abs, numbers)])


def _formula(operation: Recorded, given: dict[str, Any], follow: list[Any]) -> str:
    """The operation as it is written on paper, with the constants that are in it."""
    letters = iter("xyzuvw")
    words = []
    schema = {argument.name: argument for argument in operation.call._schema.arguments}
    for name, argument in operation.operation.arguments.items():
        if isinstance(argument, Tensor) and operation.inputs[id(argument)].is_from_image:
            words.append(next(letters))
        elif isinstance(argument, Tensor):
            words.append(f"{float(given[name]):.6g}")
        elif argument != schema[name].default_value:
            words.append(f"{argument:.6g}" if isinstance(argument, float) else str(argument))
    if operation.name in SYMBOLS and len(words) == 2:
        return f"{words[0]} {SYMBOLS[operation.name]} {words[1]}"
    return f"{operation.name}({', '.join(words)})"


def _alone(follow: list[tuple[Value, Indices]]) -> Terms:
    """The inputs as terms, each where it is found."""
    if not follow:
        return NO_TERMS
    found = [origin(value, places) for value, places in follow]
    numbers: Floats = np.concatenate([part.numbers() for part in found])
    depths = {len(part.places) for part in found}
    index = (
        np.concatenate([part.places for part in found], axis=1)
        if len(depths) == 1
        else np.zeros((1, len(found)), np.int64)
    )
    return Terms(numbers, numbers, None, index, np.concatenate([p.is_padding for p in found]))


def concatenation(operation: Recorded, output: int, index: Indices) -> Explanation:
    """Which of the joined tensors the value comes from, and where it is there."""
    parts = operation.values("tensors")
    axis = operation.operation.arguments["dim"] % operation.outputs[0].tensor.ndim
    ends = np.cumsum([part.tensor.shape[axis] for part in parts])
    branch = int(np.searchsorted(ends, index[axis, 0], side="right"))
    value, place = parts[branch], index.copy()
    place[axis] -= ends[branch] - value.tensor.shape[axis]
    found = origin(value, place)
    number = float(found.numbers()[0])
    numbers = np.array([number])
    step: Step = made_step(
        operation,
        output,
        index,
        kind="concatenation",
        rule="choice",
        formula=f"from branch {branch + 1} of {len(parts)}",
        computed=number,
        scale=abs(number),
        terms=Terms(numbers, numbers, None, place, found.is_padding),
        branch=branch,
    )
    return Explanation(step, ((value, place),))


BY_VALUE: dict[str, Explain] = {"cat": concatenation}
