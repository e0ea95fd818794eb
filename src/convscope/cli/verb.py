"""The command class of all verbs, whose usage errors name the form that was likely meant."""

from __future__ import annotations

import re
import shlex
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import click

from convscope.cli.habits import FLAG_ANSWERS, FLAG_HABITS
from convscope.errors import UsageError
from convscope.paths import exists, is_classifier, is_run, no_run_text, run_around
from convscope.recipe.habits import usual_setting
from convscope.text import did_you_mean, plain

# `epochs=3`, as elsewhere; no pattern such as `day=*/*.jpg`
SETTING = re.compile(r"([A-Za-z_][\w-]*)=([^*?\[]+)", re.DOTALL)
ONE_HYPHEN = re.compile(r"-[A-Za-z][\w-]+")  # `-epochs`, of which only the first letter is read
NUM_GPUS = ("gpus", "ngpu", "numgpus")  # elsewhere, flags that take a number of GPUs
OF_A_GPU = ("gpu", "gpuid", "gpuids")  # elsewhere, flags that take the number of a GPU


class _Typed(NamedTuple):
    """The words of a command line, as they were read."""

    arguments: dict[str, Any]  # values of arguments, by name
    rest: list[str]  # words for which the verb has no argument
    repeated: list[click.Parameter]  # options that were given several times


class Verb(click.Command):
    """A verb, which refuses what can't be meant before it begins, and says what can."""

    def parse_args(self, context: click.Context, args: list[str]) -> list[str]:
        """Reads the command line.

        Raises:
            UsageError: It can't be meant like this; the hint has the right form.
        """
        if not context.resilient_parsing and not {"--help", "-h"} & set(args):
            self._check_hyphens(args)
            typed = self._read(context, args)
            self._check_settings(context, args, typed)
            self._check_repeated(args, typed.repeated)
            self._check_rest(context, args, typed)
        try:
            parsed = super().parse_args(context, args)
        except click.MissingParameter as error:
            raise self._missing(context, error) from error
        check_order(self.name or "", context.params)
        return parsed

    @property
    def _options(self) -> list[click.Option]:
        return [each for each in self.params if isinstance(each, click.Option)]

    def _form(self, context: click.Context) -> str:
        required = [
            f"{_long(each)} {each.make_metavar(context)}" for each in self._options if each.required
        ]
        pieces = self.collect_usage_pieces(context)[1:]
        return " ".join([context.command_path, *pieces, *required])

    def _read(self, context: click.Context, args: list[str]) -> _Typed:
        try:
            values, rest, order = self.make_parser(context).parse_args(list(args))
        except click.NoSuchOption as error:
            raise self._no_such_flag(context, error.option_name, args) from error
        except click.BadOptionUsage as error:
            option = next((o for o in self._options if error.option_name in o.opts), None)
            value = option.make_metavar(context) if option is not None else "VALUE"
            raise UsageError(
                f"`{error.option_name}` has no value",
                hint=f"write it as `{error.option_name} {value}`",
            ) from error
        names = [each.name or "" for each in self.params if isinstance(each, click.Argument)]
        counts = Counter(order)
        repeated = [
            each
            for each in self._options
            if counts[each] > 1 and not each.multiple and not each.is_flag
        ]
        return _Typed({name: values.get(name) for name in names}, rest, list(repeated))

    def _check_hyphens(self, args: Sequence[str]) -> None:
        """Refuses `-epochs`, which would be read as `-e pochs`."""
        for word in args:
            if not ONE_HYPHEN.fullmatch(word):
                continue
            name = self._flag_of(word)
            if name is not None:
                raise UsageError(
                    f"`{self.name}` has no flag `{word}`",
                    hint=f"did you mean `{name}`? flags of several letters have two hyphens",
                )

    def _check_settings(self, context: click.Context, args: Sequence[str], typed: _Typed) -> None:
        """Refuses `data=photos epochs=3`, and says how that is written here."""
        words = [*_words(typed.arguments), *typed.rest]
        settings = {
            word: match for word in words if (match := SETTING.fullmatch(word)) and not exists(word)
        }
        known = {word: self._place_of(match[1]) for word, match in settings.items()}
        if not any(known.values()):
            return
        before: dict[str, str] = {}
        after: list[str] = []
        for word in args:
            place, match = known.get(word), settings.get(word)
            if match is None:
                after.append(word)
            elif isinstance(place, click.Argument):
                before[place.name or ""] = match[2]
            else:
                after += [_long(place) if place else f"--{match[1].replace('_', '-')}", match[2]]
        first = [before[each.name] for each in self.params if each.name in before]
        command = shlex.join(["convscope", self.name or "", *first, *after])
        raise UsageError(
            f"`{next(word for word in known if known[word])}` is written in another way here",
            hint=command,
        )

    def _check_repeated(self, args: Sequence[str], repeated: Sequence[click.Parameter]) -> None:
        """Refuses a flag with two values, of which one would be ignored."""
        for option in repeated:
            values = list(dict.fromkeys(_values(args, option.opts)))
            if len(values) > 1:
                raise UsageError(
                    f"`{_long(option)}` is given twice: `{values[0]}` and `{values[1]}`",
                    hint="leave one of them out",
                )

    def _check_rest(self, context: click.Context, args: Sequence[str], typed: _Typed) -> None:
        """Refuses words for which there is no argument."""
        if not typed.rest:
            return
        hint = f"the form is `{self._form(context)}`"
        spaced = " ".join([*_words(typed.arguments), *typed.rest])
        if exists(spaced):
            hint = f"a name with spaces needs quotes: {shlex.quote(spaced)}"
        elif flag := self._flag_of(typed.rest[0]):
            hint = f"did you mean `{flag}`?"
        elif any(each.name == "model" for each in self._options):
            from convscope.networks import network_names  # takes a second

            if typed.rest[0] in network_names():
                hint = f"did you mean `--model {typed.rest[0]}`?"
        raise UsageError(f"`{self.name}` has no place for `{typed.rest[0]}`", hint=hint)

    def _missing(self, context: click.Context, error: click.MissingParameter) -> UsageError:
        parameter = error.param
        name = parameter.make_metavar(context) if parameter is not None else str(error)
        flag = f"{_long(parameter)} " if isinstance(parameter, click.Option) else ""
        return UsageError(f"`{flag}{name}` is missing", hint=f"the form is `{self._form(context)}`")

    def _no_such_flag(self, context: click.Context, name: str, args: Sequence[str]) -> UsageError:
        hint = FLAG_ANSWERS.get(plain(name)) or self._of_gpus(name, args)
        if hint is None and (place := self._argument_of(name)) is not None:
            hint = self._without_flag(context, name, place, args)
        if hint is None:
            near = self._flag_of(name)
            hint = f"did you mean `{near}`?" if near else None
        known = [flag for option in self._options for flag in option.opts]
        return UsageError(
            f"`{self.name}` has no flag `{name}`",
            hint=hint
            or did_you_mean(name, known)
            or f"`convscope {self.name} --help` lists all of them",
        )

    def _without_flag(
        self, context: click.Context, name: str, place: click.Argument, args: Sequence[str]
    ) -> str:
        """The answer for a flag in front of what has no flag here: `--data photos`."""
        shown = place.make_metavar(context).strip("[]")
        value = next(_values(args, (name,)), "") or shown
        rest = [word for word in args if word not in (name, value, f"{name}={value}")]
        arguments = [each for each in self.params if isinstance(each, click.Argument)]
        given = [
            word
            for before, word in zip(["", *rest], rest, strict=False)
            if not before.startswith("-") and not word.startswith("-")
        ]
        if len(given) >= len(arguments):  # it is given without the flag, too
            return f"{shown} has no flag: the form is `{self._form(context)}`"
        words = [value, *rest] if place is arguments[0] else [*rest, value]
        return f"{shown} has no flag: `{shlex.join(['convscope', self.name or '', *words])}`"

    def _of_gpus(self, name: str, args: Sequence[str]) -> str | None:
        """The answer for `--gpu 0` and `--gpus 2`; None for other flags."""
        number = next(_values(args, (name,)), "")
        if "device" not in {each.name for each in self._options} or not number.isdigit():
            return None
        if plain(name) in OF_A_GPU:
            return f"did you mean `--device cuda:{number}`?"
        if plain(name) not in NUM_GPUS:
            return None
        if int(number) < 2:
            return f"did you mean `--device {'cuda' if int(number) else 'cpu'}`?"
        return (
            f"several GPUs take a process each: `torchrun --nproc-per-node {number} -m convscope "
            f"{self.name} ...`"
        )

    def _flag_of(self, name: str) -> str | None:
        """The flag, with its value where that says it, for a name from here or elsewhere."""
        given = plain(name)
        for option in self._options:
            if any(plain(flag) == given for flag in (*option.opts, option.name or "")):
                return _long(option)
        place, setting = self._place_of(name), usual_setting(name)
        if not isinstance(place, click.Option):
            return None
        is_setting = setting is not None and setting.name == place.name and setting.value
        return f"{_long(place)} {setting.value}" if setting and is_setting else _long(place)

    def _argument_of(self, name: str) -> click.Argument | None:
        place = self._place_of(name)
        return place if isinstance(place, click.Argument) else None

    def _place_of(self, name: str) -> click.Parameter | None:
        """The option or argument that has this name, here or elsewhere."""
        given = plain(name)
        own = {plain(flag): each for each in self.params for flag in (*each.opts, each.name or "")}
        setting = usual_setting(name)
        ours = (given, *FLAG_HABITS.get(given, ()), *([setting.name] if setting else []))
        return next((own[plain(each)] for each in ours if plain(each) in own), None)


def check_order(verb: str, given: Mapping[str, Any]) -> None:
    """Refuses data in the place of a run, where it can be told.

    Raises:
        UsageError: A run stands behind the data or the images, or data among runs.
    """
    run = given.get("run")
    others = _words({name: given.get(name) for name in ("data", "images")})
    if isinstance(run, str) and run_around(Path(run)) is None:
        runs = [other for other in others if is_run(Path(other)) or is_classifier(Path(other))]
        if runs:
            rest = [run, *(other for other in others if other not in runs)]
            raise UsageError(
                f"`{run}` is no run, but `{runs[0]}` is one",
                hint=f"the run comes first: {shlex.join(['convscope', verb, runs[0], *rest])}",
            )
    for each in given.get("runs") or ():
        if "data" in given and Path(each).is_dir() and run_around(Path(each)) is None:
            raise UsageError(
                f"`{each}` {no_run_text(Path(each))}",
                hint=f"data is given by a flag: `--data {shlex.quote(each)}`",
            )


def _words(values: Mapping[str, Any]) -> list[str]:
    """The words in values of arguments, each of which is one, several or none."""
    words: list[str] = []
    for value in values.values():
        several = value if isinstance(value, tuple | list) else (value,)
        words += [each for each in several if isinstance(each, str)]
    return words


def _values(args: Sequence[str], flags: Sequence[str]) -> Iterator[str]:
    """The values that a command line gives to an option."""
    for index, word in enumerate(args):
        name, equals, value = word.partition("=")
        if name in flags and name.startswith("--"):
            following = args[index + 1] if index + 1 < len(args) else ""
            if equals or not following.startswith("--"):
                yield value if equals else following
        elif word[:2] in flags and not word.startswith("--"):
            yield word[2:] or (args[index + 1] if index + 1 < len(args) else "")


def _long(parameter: click.Parameter) -> str:
    """The long flag of an option."""
    return next((flag for flag in parameter.opts if flag.startswith("--")), parameter.opts[-1])
