"""The arguments of Python functions, checked before anything is computed.

What a function doesn't take, and values of another type, are errors with a hint, as on the command
line. A number in text is taken for the number, and NumPy's for Python's.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from functools import wraps
from inspect import BoundArguments, Parameter, Signature, signature
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, NamedTuple, ParamSpec, TypeVar, Union, get_args, get_origin, get_type_hints

import numpy as np
from pydantic import TypeAdapter, ValidationError

from convscope.errors import UsageError
from convscope.recipe import Recipe, one_error
from convscope.recipe.habits import likely_field
from convscope.recipe.types import Problem
from convscope.signatures import Declaration, show_options
from convscope.text import either_of, shown

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")

# How types that a value may be converted to are called in a message.
WORDS = {
    int: "a whole number",
    float: "a number",
    bool: "True or False",
    str: "text",
    Path: "a path",
    list: "a list",
    NoneType: "None",
}
NAMED_AT_MOST = 30
HELP = "`help(convscope.{})` describes its arguments"


class _Taken(NamedTuple):
    """What a function takes: its signature, and the types of its arguments and options by name."""

    signature: Signature
    types: Mapping[str, tuple[type, ...]]  # none where any value is passed on
    is_open: bool  # whether it takes options of any name, and judges them itself
    declared: Sequence[Declaration]  # where its options are declared


def checked(
    *options: type, names: Collection[str] = (), is_open: bool = False
) -> Callable[[Callable[Parameters, Result]], Callable[Parameters, Result]]:
    """A decorator for functions whose arguments are checked against their annotations.

    Args:
        options: Classes whose fields are the names and types of `**options`.
        names: Names of arguments, or further `**options`, whose values the function judges itself.
        is_open: Whether it takes options of any name besides, and judges them itself.
    """

    def decorate(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
        taken = _taken_by(function, options, names, is_open=is_open)

        @wraps(function)
        def call(*args: Parameters.args, **given: Parameters.kwargs) -> Result:
            bound = _bound(function.__name__, taken, args, given)
            return function(*bound.args, **bound.kwargs)

        show_options(call, function, taken.declared, fields=Recipe.model_fields, is_open=is_open)
        return call

    return decorate


def _taken_by(
    function: Callable[..., Any],
    options: Collection[type],
    names: Collection[str],
    *,
    is_open: bool,
) -> _Taken:
    form, hints = signature(function), get_type_hints(function)
    hints.pop("return", None)
    open_names = [n for n, each in form.parameters.items() if each.kind is Parameter.VAR_KEYWORD]
    for name in open_names:
        unpacked = get_args(hints.pop(name))  # `Unpack[DataOptions]`; of `Any` nothing
        options = (*options, *unpacked)
    for each in options:
        hints |= get_type_hints(each)
    types = {name: _plain_types(hint) for name, hint in hints.items()}
    fields = {name: Recipe.model_fields[name] for name in names if name in Recipe.model_fields}
    declared: tuple[Declaration, ...] = (*options, fields) if fields else tuple(options)
    return _Taken(form, {**types, **dict.fromkeys(names, ())}, is_open, declared)


def _plain_types(hint: object) -> tuple[type, ...]:
    """The classes that a value may be of; none where a hint is of another kind."""
    members = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    members = tuple(list if get_origin(each) is list else each for each in members)
    return members if all(isinstance(each, type) and each is not Any for each in members) else ()


def _bound(
    name: str, taken: _Taken, args: tuple[Any, ...], given: dict[str, Any]
) -> BoundArguments:
    """The arguments of a call, converted.

    Raises:
        UsageError: It can't be called like this; all that is wrong is named.
    """
    unknown = sorted(() if taken.is_open else given.keys() - taken.types.keys())
    problems: list[Problem] = [
        (f"`{name}` has no argument `{key}`", _hint(name, key, given[key], list(taken.types)))
        for key in unknown
    ]
    bind = taken.signature.bind_partial if unknown else taken.signature.bind
    try:
        bound = bind(*args, **{key: given[key] for key in given if key not in unknown})
    except TypeError as error:
        raise UsageError(
            f"`{name}` can't be called like this: {error}", hint=HELP.format(name)
        ) from error

    def converted(key: str, value: object) -> object:
        types = taken.types.get(key, ())
        try:
            return _converted(value, types)
        except ValueError:
            problems.append((f"`{key}` can't be `{shown(value)}`: it takes {_words(types)}", None))
            return value

    for key, value in bound.arguments.items():
        kind = taken.signature.parameters[key].kind
        if kind is Parameter.VAR_POSITIONAL:
            bound.arguments[key] = tuple(converted(key, each) for each in value)
        elif kind is Parameter.VAR_KEYWORD:
            bound.arguments[key] = {each: converted(each, value[each]) for each in value}
        else:
            bound.arguments[key] = converted(key, value)
    if problems:
        raise one_error(problems)
    return bound


def _hint(name: str, key: str, value: object, known: Sequence[str]) -> str:
    near = likely_field(key, known, value)
    if near is None and len(known) <= NAMED_AT_MOST:
        return f"it takes {either_of(sorted(known))}"
    return near or HELP.format(name)


def _converted(value: object, types: tuple[type, ...]) -> object:
    """A value as one of these types.

    Raises:
        ValueError: It can't be one.
    """
    if not types or isinstance(value, types):
        return value
    plain = value.item() if isinstance(value, np.generic) else value
    for each in types:
        if each in WORDS and each is not list:  # text is no list of letters
            with suppress(ValidationError):
                return TypeAdapter(each).validate_python(plain)
    raise ValueError


def _words(types: tuple[type, ...]) -> str:
    words = [WORDS.get(each, f"a `{each.__name__}`") for each in types]
    if Path in types and str in types:
        words.remove(WORDS[str])
    return " or ".join([*([", ".join(words[:-1])] if words[1:] else []), words[-1]])
