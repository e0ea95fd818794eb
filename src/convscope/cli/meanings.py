"""What a name stands for that may be one of other tools, and how it is written here."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import click

from convscope.cli.habits import Answer, flag_answer
from convscope.paths import WEIGHTS, exists, is_run
from convscope.recipe.habits import gpu_setting, settings_for, truth_of, usual_value
from convscope.text import nearest, plain

NUMBER = re.compile(r"-?[\d.,]+(e-?\d+)?")


class Meaning(NamedTuple):
    """What a name stands for.

    Attributes:
        place: The option or argument; None if there is none.
        value: The value that says what was meant; None where the user's own does.
        is_negated: Whether the name says no, as `--no-amp`.
        answer: Why there is no such flag, where that is known.
    """

    place: click.Parameter | None = None
    value: str | None = None
    is_negated: bool = False
    answer: Answer | None = None


class Meanings:
    """What names stand for, as flags of one verb.

    Args:
        verb: The verb as it is typed, with the kind of layer where it has one.
        parameters: Its options and arguments.
    """

    def __init__(self, verb: str, parameters: Sequence[click.Parameter]) -> None:
        self.verb = verb
        self.options = {
            flag: each
            for each in parameters
            if isinstance(each, click.Option)
            for flag in each.opts
        }
        self.own = {
            plain(name): each for each in parameters for name in (*each.opts, each.name or "")
        }

    def is_name(self, name: str) -> bool:
        """Whether a name is known for certain, here or elsewhere."""
        return plain(name) in self.own or bool(settings_for(name))

    def usual_of(self, name: str) -> str | None:
        """The value that is meant by a bare flag of the verb; None if none is known."""
        place = self.own[plain(name)]
        return next((s.value for s in settings_for(name) if s.name == place.name), None)

    def of(self, name: str, value: str | None) -> Meaning:
        """What a name stands for that may be one of other tools."""
        given = plain(name)
        if place := self.own.get(given):
            return Meaning(place)
        if f"no{given}" in self.own:  # `--bias false` is `--no-bias`
            return Meaning(self.own[f"no{given}"], is_negated=True)
        if answer := flag_answer(self.verb, given):
            return Meaning(answer=answer)
        gpu = gpu_setting(name, value)
        for setting in (gpu,) if gpu else settings_for(name):
            place = self.own.get(plain(setting.name))
            if place is not None and setting.name == "split" and value and exists(value):
                place = self.own.get("data", place)  # `--val photos`
                return Meaning(place)
            if place is not None:
                return Meaning(place, setting.value)
        positive = given.removeprefix("no")
        if positive != given and (self.is_name(positive) or flag_answer(self.verb, positive)):
            return self.of(positive, None)._replace(is_negated=True)
        near = nearest(name, [flag for flag in self.options if len(flag) > len("-x")])
        return Meaning() if near is None else Meaning(self.options[near])


def takes_value(meaning: Meaning, name: str, following: str) -> bool:
    """Whether the word behind a flag of another tool is its value rather than an argument."""
    is_yes_or_no = truth_of(following) is not None and not exists(following)
    place = meaning.place
    if place is None:
        return meaning.answer is not None and (
            is_yes_or_no or plain(name) in meaning.answer.names.split()
        )
    if isinstance(place, click.Option) and (place.is_flag or meaning.value or meaning.is_negated):
        is_number = bool(NUMBER.fullmatch(following)) and not place.is_flag
        return is_yes_or_no or is_number or _is_weights(place, following)
    return True


def _is_weights(place: click.Parameter, value: str) -> bool:
    path = Path(value)
    return place.name == "weights" and (path.suffix.lower() in WEIGHTS or is_run(path))


def words_for(option: click.Option, meaning: Meaning, value: str | None) -> list[str] | None:
    """The option with its value in our words; None for what is to be left out."""
    flag, name = long_flag(option), option.name or ""
    counts = meaning.value is not None and name != "device"  # there, 0 is a GPU
    truth = truth_of(value, digits=option.is_flag or counts)
    wanted = (truth is not False) != meaning.is_negated
    if option.is_flag:
        return [flag] if wanted else None
    if meaning.value is not None and value is not None and _is_weights(option, value):
        return [flag, value]
    if truth is None and value is not None and meaning.value is None and not meaning.is_negated:
        return [flag, value_meant(option, value) or value]
    usual = usual_value(name, "true" if wanted else "false")
    if not wanted:
        has_numbers = isinstance(option.type, click.types.IntParamType | click.types.FloatParamType)
        if usual and usual != meaning.value:
            return [flag, usual]
        return [flag, "0"] if has_numbers else None
    if meaning.value or usual:
        return [flag, meaning.value or usual or ""]
    return [flag] if value is None else None  # `save=True`: yes is no value of this one


def value_meant(option: click.Option, value: str) -> str | None:
    """The value of an option for what others call it, or with a typing error; None for no other."""
    metavar = option.metavar or ""
    choices = option.type.choices if isinstance(option.type, click.Choice) else metavar.split("|")
    near = nearest(value, choices) if len(choices) > 1 and value not in choices else None
    return usual_value(option.name or "", value) or near


def long_flag(parameter: click.Parameter) -> str:
    """The long flag of an option."""
    return next((flag for flag in parameter.opts if flag.startswith("--")), parameter.opts[-1])


def metavar_of(argument: click.Argument) -> str:
    """An argument as help shows it: `DATA`, `IMAGE...`."""
    return argument.make_metavar(click.Context(click.Command("verb"))).strip("[]")
