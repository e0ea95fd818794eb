"""The recipe's fields as flags; names, types and help come from where they are declared."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from pathlib import Path
from types import NoneType
from typing import Any, Literal, TypeVar, get_args, get_origin

import click
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from convscope.errors import UsageError
from convscope.recipe import DECODED_BY, NO_OPTIONS, Recipe, flags_of, on_top, read_values
from convscope.recipe.augmentation_fields import AugmentationFields
from convscope.recipe.data_fields import DataFields, DecodingFields
from convscope.recipe.learning_fields import CourseFields, LossFields, OptimizerFields
from convscope.recipe.network_fields import NetworkFields
from convscope.run import on_top_of_continued

# Fields that say how data is read, whatever is done with it.
READING = ("path_column", "label_column", "split_column", "exclude", *DECODED_BY)

SECTIONS: dict[type[BaseModel] | None, str] = {
    DataFields: "Which images",
    DecodingFields: "What they are brought to",
    NetworkFields: "What learns",
    CourseFields: "How long it learns",
    OptimizerFields: "How its weights move",
    LossFields: "What is made small",
    AugmentationFields: "How train images are varied",
    None: "Everything else",
}

Function = TypeVar("Function", bound=Callable[..., Any])


class RecipeCommand(click.Command):
    """A command whose help lists the recipe's flags in the sections of the recipe."""

    def format_options(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes section by section, what isn't of the recipe last."""
        sections: dict[str, list[tuple[str, str]]] = {title: [] for title in SECTIONS.values()}
        for parameter in self.get_params(context):
            row = parameter.get_help_record(context)
            if row is not None:
                sections[_section(parameter.name or "")].append(row)
        for title, rows in sections.items():
            if rows:
                with formatter.section(title):
                    formatter.write_dl(rows)


def _section(name: str) -> str:
    return next(
        (title for fields, title in SECTIONS.items() if fields and name in fields.model_fields),
        SECTIONS[None],
    )


def recipe_flags(function: Function) -> Function:
    """Adds one flag for each field of the recipe but `data`, which is an argument."""
    for name, field in reversed(Recipe.model_fields.items()):
        if name != "data":
            function = _option(name, field)(function)
    return function


def reading_flags(function: Function) -> Function:
    """Adds the flags that say how a data set is read, for verbs that don't train."""
    return _with_fields(READING, function)


def check_flags(function: Function) -> Function:
    """Adds the flags that say how a data set is read, and what its images are brought to."""
    return _with_fields((*READING, "group", "value_range", "img_size", "fit"), function)


def decoding_flags(function: Function) -> Function:
    """Adds the flags that say how images are decoded, for verbs that take images alone."""
    return _with_fields(DECODED_BY, function)


def _with_fields(names: Sequence[str], function: Function) -> Function:
    for name in reversed(names):
        function = _option(name, Recipe.model_fields[name])(function)
    return function


def recipe_of(data: str | None, flags: dict[str, Any], *, file: Path | None) -> Recipe:
    """The recipe of a file, with the flags that were given on top.

    Raises:
        UsageError: A value can't be, or nothing says what data to learn from.
    """
    values = read_values(file) if file else {}
    given = {name: value for name, value in flags.items() if value not in (None, ())}
    if "options" in given:
        given["options"] = network_options(given["options"])
    if "class_weight" in given:
        given["class_weight"] = _weights_by_class(given["class_weight"])
    if data is not None:
        given["data"] = data
    values = on_top_of_continued(on_top(values, given))
    if "data" not in values:
        raise UsageError(
            "`DATA` is missing", hint="give a folder of class folders, or try `digits`"
        )
    return Recipe.parse(values)


def network_options(words: Sequence[str], *, taken: Collection[str] = ()) -> dict[str, Any]:
    """Options of a network, from words like `stem=small` or `dropout=0.2`.

    Args:
        words: As typed.
        taken: Names that mean something else to whom the options are for.

    Raises:
        UsageError: A word isn't NAME=VALUE, or no option of a network.
    """
    import yaml

    options = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals:
            raise UsageError(
                f"`--option {word}` has no value", hint="write it as NAME=VALUE: stem=small"
            )
        name = name.replace("-", "_")
        if name in (*NO_OPTIONS, *taken):
            raise UsageError(
                f"`{name}` is no option of a network",
                hint="`convscope networks --json` lists the options of each",
            )
        try:
            options[name] = yaml.safe_load(value)
        except yaml.YAMLError as error:
            raise UsageError(f"`--option {word}` has no value that can be read") from error
        if isinstance(options[name], str):
            with suppress(ValueError):  # YAML takes 1e-1 for a word
                options[name] = float(value)
    return options


def _weights_by_class(words: Sequence[str]) -> dict[str, float]:
    """What an image of each class counts, from words like `cat=2`.

    Raises:
        UsageError: A word isn't CLASS=WEIGHT.
    """
    weights = {}
    for word in words:
        label, equals, number = word.rpartition("=")
        try:
            weights[label] = float(number)
        except ValueError:
            equals = ""
        if not equals:
            raise UsageError(
                f"`--class-weight {word}` has no weight", hint="write it as CLASS=WEIGHT: cat=2"
            )
    return weights


def _option(name: str, field: FieldInfo) -> Callable[[Function], Function]:
    kinds = _kinds(field)
    words = field.description or ""
    if field.default not in (None, False, 0, ()) and field.default_factory is None:
        words += f" [default: {field.default}]"
    spellings = (*flags_of(name, field), name)
    if kinds == (bool,):
        return click.option(*spellings, is_flag=True, default=None, help=words)
    if kinds == (dict,):
        return click.option(*spellings, multiple=True, metavar=_metavar(field), help=words)
    choices = [
        str(choice) for kind in kinds if get_origin(kind) is Literal for choice in get_args(kind)
    ]
    if choices:
        return click.option(*spellings, metavar="|".join(choices), help=words)
    kind = {int: click.INT, float: click.FLOAT}.get(kinds[0], click.STRING)
    return click.option(*spellings, type=kind, help=words)


def _metavar(field: FieldInfo) -> str:
    extra = field.json_schema_extra
    return str(extra.get("metavar", "NAME=VALUE")) if isinstance(extra, dict) else "NAME=VALUE"


def _kinds(field: FieldInfo) -> tuple[Any, ...]:
    """What a field can be besides None."""
    annotation = field.annotation
    members = (annotation,) if get_origin(annotation) is Literal else get_args(annotation)
    if get_origin(annotation) is dict:
        return (dict,)
    return tuple(kind for kind in members or (annotation,) if kind is not NoneType)
