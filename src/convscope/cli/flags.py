"""Flags that several verbs have: the recipe's fields, how data is read, device and threads."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from types import NoneType
from typing import Any, Literal, TypeVar, get_args, get_origin

import click
from click.core import ParameterSource
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from convscope.api.destination import output_file, output_folder
from convscope.cli.language import LANGUAGE
from convscope.cli.verb import Verb
from convscope.errors import UsageError
from convscope.languages import spoken
from convscope.paths import command_line
from convscope.recipe import (
    DECODING_FIELDS,
    RESERVED_OPTIONS,
    Recipe,
    flags_of,
    on_top,
    parse_yaml,
    read_values,
    value_of,
)
from convscope.recipe.data import AugmentationFields, DataFields, PreprocessingFields
from convscope.recipe.network import NetworkFields
from convscope.recipe.optimization import LossFields, OptimizerFields, ScheduleFields
from convscope.run import on_top_of_continued
from convscope.text import did_you_mean, either_of

# Fields of the recipe that say how data is read, whatever is done with it.
READING = (
    *("path_column", "label_column", "split_column", "class_level", "zip_encoding", "exclude"),
    *DECODING_FIELDS,
)

SECTIONS: dict[type[BaseModel] | None, str] = {
    DataFields: "Data",
    PreprocessingFields: "Preprocessing",
    NetworkFields: "Network",
    ScheduleFields: "Training",
    OptimizerFields: "Optimizer",
    LossFields: "Loss",
    AugmentationFields: "Augmentation",
    None: "Other",
}

Function = TypeVar("Function", bound=Callable[..., Any])


# Parameters of which one has to say what is trained on.
SAY_DATA = ("data", "recipe_file", "resume", "continues")


class RecipeCommand(Verb):
    """A command whose help lists flags by the sections of the recipe."""

    def check_values(self, values: Mapping[str, Any]) -> None:
        """Refuses values that fields of the recipe can't have, and trainings without data."""
        if not any(values.get(name) for name in SAY_DATA):
            raise UsageError("`DATA` is missing")
        fields = {name: values[name] for name in Recipe.model_fields if name in values}
        recipe_of("data", {**fields, "continues": None, "data": None}, file=None)
        model = fields.get("model")
        if model is not None:
            from convscope.networks import network_entry  # takes a second

            network_entry(model)

    def format_options(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes section by section; flags that are no fields of the recipe come last."""
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


def recipe_of(data: str | None, flags: dict[str, Any], *, file: Path | None) -> Recipe:
    """The recipe of a file, with the given flags on top.

    Args:
        data: Path or name of the data; None for that of the file or the continued run.
        flags: Fields of the recipe by name; None and () for those that weren't given.
        file: YAML file of a recipe; None for none.

    Raises:
        UsageError: A value is invalid, or there is no data to train on.
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


def network_options(texts: Sequence[str], *, reserved: Collection[str] = ()) -> dict[str, Any]:
    """Options of a network, from texts like `stem=small` or `dropout=0.2`.

    Args:
        texts: The options as typed.
        reserved: Names that are no options of a network here.

    Raises:
        UsageError: A text isn't NAME=VALUE, or its name is no option of a network.
    """
    options = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            raise UsageError(
                f"`--option {text}` has no value", hint="write it as NAME=VALUE: stem=small"
            )
        name = name.replace("-", "_")
        if name in (*RESERVED_OPTIONS, *reserved):
            raise UsageError(
                f"`{name}` is no option of a network",
                hint="`convscope networks --json` lists the options of each",
            )
        try:
            options[name] = value_of(parse_yaml(value))
        except ValueError as error:
            raise UsageError(f"`--option {text}` has no value that can be read") from error
    return options


def _weights_by_class(texts: Sequence[str]) -> dict[str, float]:
    """Class weights, from texts like `cat=2`."""
    weights = {}
    for text in texts:
        label, equals, number = text.rpartition("=")
        try:
            weights[label] = float(number)
        except ValueError:
            equals = ""
        if not equals:
            raise UsageError(
                f"`--class-weight {text}` has no weight", hint="write it as CLASS=WEIGHT: cat=2"
            )
    return weights


def _option(name: str, field: FieldInfo) -> Callable[[Function], Function]:
    kinds = _kinds(field)
    description = field.description or ""
    if field.default not in (None, False, 0, ()) and field.default_factory is None:
        description += f" [default: {field.default}]"
    spellings = (*flags_of(name, field), name)
    if kinds == (bool,):
        return click.option(*spellings, is_flag=True, default=None, help=description)
    if kinds == (dict,):
        return click.option(*spellings, multiple=True, metavar=_metavar(field), help=description)
    choices = [
        str(choice) for kind in kinds if get_origin(kind) is Literal for choice in get_args(kind)
    ]
    if choices:
        return click.option(*spellings, metavar="|".join(choices), help=description)
    kind = {int: click.INT, float: click.FLOAT}.get(kinds[0], click.STRING)
    return click.option(*spellings, type=kind, help=description)


def _metavar(field: FieldInfo) -> str:
    extra = field.json_schema_extra
    return str(extra.get("metavar", "NAME=VALUE")) if isinstance(extra, dict) else "NAME=VALUE"


def _kinds(field: FieldInfo) -> tuple[Any, ...]:
    """The types of a field besides None."""
    annotation = field.annotation
    members = (annotation,) if get_origin(annotation) is Literal else get_args(annotation)
    if get_origin(annotation) is dict:
        return (dict,)
    return tuple(kind for kind in members or (annotation,) if kind is not NoneType)


def _field_flags(*names: str) -> Callable[[Function], Function]:
    """A decorator that adds one flag for each of these fields of the recipe."""

    def add(function: Function) -> Function:
        for name in reversed(names):
            function = _option(name, Recipe.model_fields[name])(function)
        return function

    return add


recipe_flags = _field_flags(*(name for name in Recipe.model_fields if name != "data"))
reading_flags = _field_flags(*READING)
check_flags = _field_flags(*READING, "group", "value_range", "img_size", "fit")
decoding_flags = _field_flags(*DECODING_FIELDS)


class OneOf(click.Choice[str]):
    """Type of a flag that takes one of a few names; for others it says which was likely meant.

    Args:
        names: The names.
        habits: What they are called elsewhere, in `plain` writing.
    """

    def __init__(self, names: Sequence[str], habits: Mapping[str, str]) -> None:
        super().__init__(names)
        self._habits = habits

    def convert(
        self, value: Any, parameter: click.Parameter | None, context: click.Context | None
    ) -> str:
        """Refuses another name."""
        names = [str(name) for name in self.choices]
        if value in names:
            return str(value)
        near = did_you_mean(str(value), names, habits=self._habits)
        flag = parameter.opts[-1] if parameter is not None else ""
        raise UsageError(
            f"`{flag}` can't be `{value}`",
            hint=f"{near + ' ' if near else ''}it takes {either_of(names)}",
        )


device_flag = click.option(
    "--device", default="auto", help="auto, cpu, cuda, cuda:1 or mps. [default: auto]"
)
workers_flag = click.option(
    "-j",
    "--workers",
    type=click.IntRange(min=1),
    help="Threads that decode images. [default: one per core]",
)
synonyms_flag = click.option(
    "--synonyms",
    metavar="FILE",
    help="CSV file with the classifier's names for classes of DATA: columns data and "
    "classifier; an empty name leaves a class out.",
)


ignore_unknown_flag = click.option(
    "--ignore-unknown",
    is_flag=True,
    help="Leave out the images of classes that the classifier doesn't know.",
)


def machine_flags(function: Function) -> Function:
    """Adds the flags for the number of decoding threads and the device."""
    return workers_flag(device_flag(function))


def evaluation_flags(function: Function) -> Function:
    """Adds the flags of verbs that evaluate a classifier on a data set."""
    return synonyms_flag(ignore_unknown_flag(machine_flags(reading_flags(function))))


class OutputPath(click.Path):
    """Type of a flag that says where a verb writes, as typed: what writes follows the same rule.

    Args:
        endings: Endings of the one file that is written; none where several are.
        name: Name of that file in a folder.
    """

    def __init__(self, *endings: str, name: str = "") -> None:
        super().__init__()
        self._endings, self._name = endings, name

    def convert(
        self, value: Any, parameter: click.Parameter | None, context: click.Context | None
    ) -> str:
        """Refuses what can't be written before anything is computed."""
        if self._endings:
            output_file(value, endings=self._endings, name=self._name)
        else:
            output_folder(value)
        return str(value)


def output_flag(
    description: str, *endings: str, name: str = "", **more: Any
) -> Callable[[Function], Function]:
    """A decorator that adds the flag for the folder, or the one file, that is written.

    Args:
        description: Help.
        endings: Endings of the one file; none where several files go into a folder.
        name: Name of the one file where a folder is given.
        more: Arguments of `click.option`.
    """
    metavar = "FILE" if endings else "FOLDER"
    kind = OutputPath(*endings, name=name)
    return click.option("-o", "--output", type=kind, metavar=metavar, help=description, **more)


def typed(context: click.Context, verb: str, *, without: Collection[str]) -> str:
    """The command line as typed, for the same or another verb, without some of its flags."""
    parts = ["convscope", verb]
    for parameter in context.command.params:
        name = parameter.name or ""
        given = context.get_parameter_source(name) is ParameterSource.COMMANDLINE
        if not given or name in without:
            continue
        value = spoken() if name == LANGUAGE else context.params[name]
        flag = next((flag for flag in parameter.opts if flag.startswith("--")), None)
        if value is True and flag is not None:
            parts.append(flag)
            continue
        for each in value if isinstance(value, tuple) else (value,):
            parts += [str(each)] if flag is None else [flag, str(each)]
    return command_line(*parts)
