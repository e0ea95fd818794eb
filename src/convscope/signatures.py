"""What functions of many options show of them: names, types, defaults, and what each is.

`help`, notebooks and editors read a function's signature and docstring. Options that are declared
elsewhere (fields of the recipe, of a dataclass or of a `TypedDict`) are put into both from there.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import MISSING, is_dataclass
from dataclasses import fields as fields_of
from inspect import Parameter, Signature, cleandoc, signature
from types import NoneType, UnionType
from typing import (
    Annotated,
    Any,
    Literal,
    NamedTuple,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

import numpy as np
from pydantic.fields import FieldInfo
from pydantic.functional_validators import BeforeValidator
from pydantic_core import PydanticUndefined

LINE = 88  # columns of a signature that stays in one line
TEXT = 96  # columns of a docstring
KEYWORD, POSITIONAL = Parameter.KEYWORD_ONLY, Parameter.VAR_POSITIONAL
ENTRY = re.compile(r"(?m)^(?:Attributes:\n)?    (\w+): ((?:.+\n?)(?: {8}.+\n?)*)")

Function = TypeVar("Function", bound=Callable[..., Any])
# A class whose fields are options (a `TypedDict`, a dataclass), or fields of the recipe by name.
Declaration = type | Mapping[str, FieldInfo]
NO_FIELDS: Mapping[str, FieldInfo] = {}


class TypeText(str):
    """A type as it is written in a signature, with the classes that have to be imported for it."""

    classes: frozenset[object] = frozenset()
    __repr__ = str.__str__  # a signature shows annotations by it


class Option(NamedTuple):
    """An option of a function.

    Attributes:
        annotation: What it takes.
        default: What it is if it isn't given.
        description: What it is for; empty where it isn't said.
    """

    annotation: TypeText
    default: object
    description: str


class FullSignature(Signature):
    """A signature that is written with one parameter a line where it is long."""

    def __str__(self) -> str:
        line = super().__str__()
        if len(line) <= LINE:
            return line
        parts, kinds = [], [each.kind for each in self.parameters.values()]
        for index, each in enumerate(self.parameters.values()):
            if each.kind is KEYWORD and not {KEYWORD, POSITIONAL} & set(kinds[:index]):
                parts.append("*")
            parts.append(str(each))
        result = "" if self.return_annotation is Signature.empty else f" -> {self.return_text}"
        return "(\n    " + ",\n    ".join(parts) + f",\n){result}"

    @property
    def return_text(self) -> str:
        """What the function returns, as it is written."""
        return str(self.return_annotation)


def showing(*declared: Declaration) -> Callable[[Function], Function]:
    """A decorator for functions that show the options which their `**` stands for."""

    def decorate(function: Function) -> Function:
        show_options(function, function, declared)
        return function

    return decorate


def show_options(
    shown: Callable[..., Any],
    function: Callable[..., Any],
    declared: Iterable[Declaration],
    *,
    fields: Mapping[str, FieldInfo] = NO_FIELDS,
    is_open: bool = False,
) -> None:
    """Gives a function its full signature and docstring.

    Args:
        shown: The function that users call.
        function: The function that does the work; often the same.
        declared: Where the options that its `**` stands for are declared; of two with the same
            name the first counts, and the function's own parameters come before all.
        fields: Fields of the recipe, which describe options of their names that aren't described.
        is_open: Whether its `**` takes others besides.
    """
    own = written_signature(function)
    options: dict[str, Option] = {}
    for each in declared:
        options = dict(_options_of(each)) | options
    options = {name: each for name, each in options.items() if name not in own.parameters}
    vars(shown)["__signature__"] = with_options(own, options, is_open=is_open)
    lines = [
        textwrap.fill(f"{name}: {text}", TEXT, subsequent_indent=" " * 4)
        for name, option in options.items()
        if (text := option.description or (name in fields and fields[name].description))
    ]
    if lines:
        text = textwrap.indent("\n".join(lines), " " * 4)
        shown.__doc__ = f"{cleandoc(function.__doc__ or '')}\n\nOptions:\n{text}\n"


def written_signature(function: Callable[..., Any]) -> FullSignature:
    """The signature of a function, with its types as they are written."""
    plain = signature(function)
    hints = get_type_hints(function, include_extras=True)
    return FullSignature(
        [
            each.replace(annotation=written(hints.get(name, Any)))
            for name, each in plain.parameters.items()
        ],
        return_annotation=written(hints.get("return", Any)),
    )


def with_options(
    own: FullSignature, options: Mapping[str, Option], *, is_open: bool = False
) -> FullSignature:
    """A signature with named options in place of its `**`, or before it where it takes others."""
    if not options:
        return own
    kept = list(own.parameters.values())
    others = [each for each in kept if each.kind is Parameter.VAR_KEYWORD]
    kept = [each for each in kept if each not in others]
    named = [
        Parameter(name, KEYWORD, default=option.default, annotation=option.annotation)
        for name, option in options.items()
    ]
    return own.replace(parameters=[*kept, *named, *(others if is_open else [])])


def _options_of(declared: Declaration) -> Iterator[tuple[str, Option]]:
    if isinstance(declared, Mapping):
        for name, field in declared.items():
            default = field.get_default(call_default_factory=True)
            yield name, Option(written(_taken(field)), default, field.description or "")
        return
    described = descriptions_in(declared.__doc__ or "")
    defaults = {}
    if is_dataclass(declared):
        defaults = {each.name: each.default for each in fields_of(declared)}
    for name, hint in get_type_hints(declared, include_extras=True).items():
        default = defaults.get(name, MISSING)
        if default is MISSING:
            default = _empty(hint)
        yield name, Option(written(hint), default, described.get(name, ""))


def _taken(field: FieldInfo) -> Any:
    """The type of a field, with what its validator takes besides."""
    return Annotated[field.annotation, *field.metadata] if field.metadata else field.annotation


def _empty(hint: Any) -> object:
    """The default of an option without one: None, or what is false where it can't be None."""
    if NoneType in get_args(hint):
        return None
    return False if hint is bool else ()


def descriptions_in(docstring: str) -> dict[str, str]:
    """What the `Attributes` of a class are, by name."""
    _, _, entries = cleandoc(docstring).partition("Attributes:\n")
    return {name: " ".join(text.split()) for name, text in ENTRY.findall(entries)}


def written(hint: Any) -> TypeText:
    """A type as it is written in a signature."""
    if hint in (Any, Ellipsis, None, NoneType):
        names = {Any: "Any", Ellipsis: "...", None: "None", NoneType: "None"}
        return _text(names[hint], {Any} if hint is Any else ())
    origin, parts = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return written(_input_type(parts))
    if origin in (Union, UnionType):
        members = list(dict.fromkeys(map(written, parts)))
        return _joined(" | ", sorted(members, key=lambda each: each == "None"))
    if origin is Literal:
        return _text(f"Literal[{', '.join(map(repr, parts))}]", {Literal})
    if origin is np.ndarray:
        element = written(get_args(parts[-1])[0])
        return _text(f"NDArray[{element}]", {np.ndarray, *element.classes})
    if origin is not None:
        inner = _joined(", ", list(map(written, parts)))
        return _text(f"{origin.__name__}[{inner}]", {origin, *inner.classes})
    return _text(getattr(hint, "__name__", str(hint)), {hint} if isinstance(hint, type) else ())


def _input_type(parts: tuple[Any, ...]) -> Any:
    """What a validator takes, as it says; else what it gives."""
    for each in parts[1:]:
        if isinstance(each, BeforeValidator):
            taken = each.json_schema_input_type
            return parts[0] if taken is PydanticUndefined else taken
    return parts[0]


def _joined(between: str, members: list[TypeText]) -> TypeText:
    return _text(between.join(members), {each for member in members for each in member.classes})


def _text(text: str, classes: Iterable[object]) -> TypeText:
    found = TypeText(text)
    found.classes = frozenset(classes)
    return found
