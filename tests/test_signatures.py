"""Functions show the options that they take: names, types, defaults, and what each is for."""

from __future__ import annotations

import inspect
import pydoc
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypedDict

import numpy as np
import pytest
from numpy.typing import NDArray
from pydantic import BeforeValidator

import convscope
from convscope.api.train import TrainSettings
from convscope.recipe import Recipe
from convscope.signatures import descriptions_in, showing, written
from convscope.training.options import DEFAULT_OPTIONS

OPEN = ("build", "summarize")  # take options of a network, whose names depend on its name
VERBS = [
    value
    for name in convscope.__all__
    if inspect.isfunction(value := getattr(convscope, name)) and name not in OPEN
]


def parameters(function: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    return dict(inspect.signature(function).parameters)


def test_training_shows_each_field_of_the_recipe_with_its_default() -> None:
    shown = parameters(convscope.train)
    for name, field in Recipe.model_fields.items():
        if name != "data":
            assert shown[name].default == field.get_default(call_default_factory=True), name
    assert str(shown["batch_size"]) == "batch_size: int | Literal['auto'] | None = None"
    assert str(shown["weights"]) == "weights: str | Path | None = None"
    assert str(shown["betas"]) == "betas: Sequence[float] | str | None = None"


def test_options_of_a_training_have_the_defaults_that_they_have() -> None:
    shown = parameters(convscope.train)
    for name in TrainSettings.__optional_keys__ - {"checkpoint_every"}:  # it has one in words
        assert shown[name].default == getattr(DEFAULT_OPTIONS, name), name


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.__name__)
def test_no_option_is_left_out_and_each_is_described(verb: Callable[..., Any]) -> None:
    text = verb.__doc__ or ""
    for name, each in parameters(verb).items():
        if verb.__name__ != "effective_field":  # its `**` is a position, checked elsewhere
            assert each.kind is not inspect.Parameter.VAR_KEYWORD
        if "Options:" in text:
            assert f" {name}: " in text, name


def test_where_options_of_any_name_are_taken_those_that_are_known_are_shown() -> None:
    shown = parameters(convscope.summarize)
    assert str(shown["language"]) == "language: str = 'en'"
    assert list(shown)[-1] == "options"
    assert shown["options"].kind is inspect.Parameter.VAR_KEYWORD


def test_help_has_one_parameter_a_line() -> None:
    lines = pydoc.render_doc(convscope.evaluate, renderer=pydoc.plaintext).splitlines()  # type: ignore[attr-defined]
    assert "    min_confidence: float | None = None," in lines
    assert "    *," in lines
    assert lines.index(") -> Evaluation") < 40


class Listed(TypedDict, total=False):
    """Options of a function.

    Attributes:
        first: The first of
            them.
        second: Another.
    """

    first: int | None
    second: bool


@dataclass
class Asked:
    """What is asked.

    Attributes:
        second: It is not this one that counts.
        third: A third.
    """

    second: str = "x"
    third: float = 0.5


@showing(Listed, Asked)
def function(first: str, *more: int, **options: Any) -> None:
    """Does nothing."""


def test_own_parameters_come_first_and_of_two_options_the_first_counts() -> None:
    assert str(inspect.signature(function)) == (
        "(first: str, *more: int, second: bool = False, third: float = 0.5) -> None"
    )
    assert function.__doc__ == (
        "Does nothing.\n\nOptions:\n    second: Another.\n    third: A third.\n"
    )


def test_descriptions_of_attributes_are_read_over_several_lines() -> None:
    assert descriptions_in(Listed.__doc__ or "") == {
        "first": "The first of them.",
        "second": "Another.",
    }
    assert descriptions_in("Nothing.") == {}


@pytest.mark.parametrize(
    ("hint", "text"),
    [
        (None | int | str, "int | str | None"),
        (Literal["a", 1] | None, "Literal['a', 1] | None"),
        (NDArray[np.uint8], "NDArray[uint8]"),
        (tuple[int, ...], "tuple[int, ...]"),
        (dict[str, Any], "dict[str, Any]"),
        (Annotated[int, BeforeValidator(int)], "int"),
        (Annotated[int, BeforeValidator(int, json_schema_input_type=int | str)], "int | str"),
    ],
)
def test_types_are_written_as_people_write_them(hint: Any, text: str) -> None:
    assert written(hint) == text
    assert repr(written(hint)) == text
