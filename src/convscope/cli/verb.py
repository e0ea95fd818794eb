"""The command class of all verbs, whose usage errors name the form that was likely meant."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from convscope.cli.language import lang_option
from convscope.cli.meanings import Meanings, long_flag, metavar_of, words_for
from convscope.cli.translation import Translation, Translator
from convscope.errors import ConvscopeError, UsageError
from convscope.paths import exists, is_classifier, is_run, no_run_text, run_around, runs_in
from convscope.text import either_of


class Verb(click.Command):
    """A verb, which refuses what can't be meant before it begins, and says what can.

    Each has the flag `--lang` besides its own.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.params.append(lang_option())

    def parse_args(self, context: click.Context, args: list[str]) -> list[str]:
        """Reads the command line.

        Raises:
            UsageError: It can't be meant like this; the hint has the right form.
        """
        args = ["--help" if word == "-help" else word for word in args]
        if context.resilient_parsing or {"--help", "-h"} & set(args):
            return super().parse_args(context, args)
        translation = Translator(_verb_of(context), self.params).translate(args)
        self.check_words(context, translation.arguments)
        if translation.foreign:
            raise self._refusal(context, translation)
        self._check_empty(translation)
        self._check_repeated(translation)
        self._check_lists(context, translation)
        self._check_rest(context, translation)
        try:
            parsed = super().parse_args(context, args)
        except click.MissingParameter as error:
            raise self._missing(context, error) from error
        except click.NoSuchOption as error:  # `-5`, which is no name
            raise UsageError(
                f"`{_verb_of(context)}` has no flag `{error.option_name}`", hint=_help(context)
            ) from error
        self._check_order(context, translation)
        return parsed

    def check_words(self, context: click.Context, words: Sequence[str]) -> None:
        """Refuses words for arguments that can't be meant, whatever the flags are.

        Raises:
            UsageError: There is such a word.
        """

    def check_values(self, values: Mapping[str, Any]) -> None:
        """Refuses values of options that can't be, as far as that is known before anything is read.

        Raises:
            UsageError: There is such a value.
        """

    @property
    def _arguments(self) -> list[click.Argument]:
        return [each for each in self.params if isinstance(each, click.Argument)]

    @property
    def _options(self) -> list[click.Option]:
        return [each for each in self.params if isinstance(each, click.Option)]

    def _form(self, context: click.Context) -> str:
        required = [
            f"{long_flag(each)} {each.make_metavar(context)}"
            for each in self._options
            if each.required
        ]
        pieces = self.collect_usage_pieces(context)[1:]
        return " ".join([context.command_path, *pieces, *required])

    def _refusal(self, context: click.Context, translation: Translation) -> UsageError:
        """The error for what the verb doesn't take, with the command that was likely meant."""
        foreign = translation.foreign
        flags = list(dict.fromkeys(each.typed for each in foreign if each.kind == "flag"))
        first = foreign[0]
        if flags:
            message = f"`{_verb_of(context)}` has no flag {either_of(flags)}"
        elif first.kind == "setting":
            message = f"`{first.typed}` is written in another way here"
        else:
            message = f"`{first.typed}` {'has' if first.kind == 'bare' else 'takes'} no value"
        return UsageError(message, hint=self._way_out(context, translation))

    def _way_out(self, context: click.Context, translation: Translation) -> str:
        foreign = translation.foreign
        remarks = list(dict.fromkeys(each.remark for each in foreign if each.remark))
        command = self._command(context, translation)
        if command and not remarks and {each.kind for each in foreign} == {"setting"}:
            return command
        outcomes = {each.outcome for each in foreign}
        meant = [f"`{each}`" for each in dict.fromkeys(translation.meant)]
        several = " and ".join(filter(None, (", ".join(meant[:-1]), *meant[-1:])))
        parts = [f"did you mean {several}?"] if meant else []
        if "unknown" in outcomes:
            remarks.append(_help(context))
        if remarks:
            parts.append("; ".join(remarks))
        if outcomes == {"answered"}:
            return " ".join(parts)
        if command:
            end = ";" if "answered" in outcomes else ":" if remarks else ""
            return f"{' '.join(parts)}{end} `{command}`" if parts else f"write `{command}`"
        if translation.named and "unknown" not in outcomes:
            return f"{' '.join(parts)}: the form is `{self._form(context)}`"
        return " ".join(parts) or _help(context)

    def _command(self, context: click.Context, translation: Translation) -> str | None:
        """The translated command; None if the verb would refuse that, too."""
        words = translation.words(self.params)
        is_known = all(each.outcome != "unknown" for each in translation.foreign)
        if words is None or not is_known or not self._accepts(context, words):
            return None
        command = shlex.join([*context.command_path.split(), *words])
        if translation.num_processes > 1:
            command = f"torchrun --nproc-per-node {translation.num_processes} -m {command}"
        return f"{command} > {shlex.quote(translation.file)}" if translation.file else command

    def _accepts(self, context: click.Context, words: Sequence[str]) -> bool:
        """Whether the verb takes these words."""
        trial = click.Context(self, context.parent, info_name=context.info_name)
        try:
            translation = Translator(_verb_of(context), self.params).translate(words)
            self._check_repeated(translation)
            super().parse_args(trial, list(words))
            self.check_values(trial.params)
        except (ConvscopeError, click.ClickException):
            return False
        return not translation.foreign

    def _check_empty(self, translation: Translation) -> None:
        """Refuses `--model ""`, which would be as if it weren't there."""
        names = [metavar_of(each) for each in self._arguments]
        given = [
            (names[min(index, len(names) - 1)] if names else "", word)
            for index, word in enumerate(translation.arguments)
        ]
        given += [
            (long_flag(each), value)
            for each in self._options
            for value in translation.values.get(each.name or "", ())
        ]
        for name, value in given:
            if not value:
                raise UsageError(
                    f"`{name}` is empty",
                    hint="leave it out, or give a value: a variable of the shell may have none",
                )

    def _check_repeated(self, translation: Translation) -> None:
        """Refuses a flag with two values, of which one would be ignored."""
        for option in self._options:
            values = list(dict.fromkeys(translation.values.get(option.name or "", ())))
            if len(values) > 1 and not option.multiple:
                raise UsageError(
                    f"`{long_flag(option)}` is given twice: `{values[0]}` and `{values[1]}`",
                    hint="leave one of them out",
                )

    def _check_lists(self, context: click.Context, translation: Translation) -> None:
        """Refuses `lenet5,alexnet` and `a.jpg,b.jpg` where words are several things."""
        several = next((each for each in self._arguments if each.nargs < 0), None)
        if several is None:
            return
        for index, word in enumerate(translation.arguments):
            parts = word.split(",")
            if len(parts) < 2 or exists(word) or not all(parts):
                continue
            if all(exists(part) for part in parts) or (
                several.name == "networks" and _are_networks(parts)
            ):
                translation.arguments[index : index + 1] = parts
                raise UsageError(
                    f"`{word}` are several, with commas between them",
                    hint=_with("leave the commas out", self._command(context, translation)),
                )

    def _check_rest(self, context: click.Context, translation: Translation) -> None:
        """Refuses words for which there is no argument."""
        words, places = translation.arguments, self._arguments
        if len(words) <= len(places) or any(each.nargs < 0 for each in places):
            return
        word, spaced = words[len(places)], " ".join(words)
        hint = f"the form is `{self._form(context)}`"
        if len(words) > 1 and exists(spaced):
            hint = f"a name with spaces needs quotes: {shlex.quote(spaced)}"
        elif above := _folder_of_splits(words):
            translation.arguments = [above]
            hint = _with("give the folder above", self._command(context, translation))
        elif flags := self._flags_for(context, words[len(places) :]):
            translation.arguments = words[: len(places)]
            translation.flags += flags
            command = self._command(context, translation)
            hint = f"did you mean `{' '.join(flags)}`?" + (f" `{command}`" if command else "")
        raise UsageError(f"`{_verb_of(context)}` has no place for `{word}`", hint=hint)

    def _flags_for(self, context: click.Context, words: Sequence[str]) -> list[str]:
        """The flags that words stand for: names without hyphens, with values, or networks.

        What follows a word that stands for nothing is left out.
        """
        meanings, flags, rest = Meanings(_verb_of(context), self.params), list[str](), list(words)
        while rest:
            word = rest.pop(0)
            meaning = meanings.of(word, None) if meanings.is_name(word) else None
            if meaning is not None and isinstance(meaning.place, click.Option):
                needs_value = not meaning.place.is_flag and meaning.value is None
                value = rest.pop(0) if rest and needs_value else None
                flags += words_for(meaning.place, meaning, value) or []
            elif "model" in meanings.own and _are_networks([word]):
                flags += ["--model", word]
            else:
                break
        return flags

    def _missing(self, context: click.Context, error: click.MissingParameter) -> UsageError:
        parameter = error.param
        name = parameter.make_metavar(context) if parameter is not None else str(error)
        flag = f"{long_flag(parameter)} " if isinstance(parameter, click.Option) else ""
        return UsageError(f"`{flag}{name}` is missing", hint=f"the form is `{self._form(context)}`")

    def _check_order(self, context: click.Context, translation: Translation) -> None:
        """Refuses data in the place of a run, where it can be told."""
        given = context.params
        run = given.get("run")
        others = _words({name: given.get(name) for name in ("data", "images")})
        if isinstance(run, str) and run_around(Path(run)) is None:
            runs = [other for other in others if is_run(Path(other)) or is_classifier(Path(other))]
            if runs:
                rest = [word for word in translation.arguments if word != runs[0]]
                translation.arguments = [runs[0], *rest]
                command = self._command(context, translation)
                raise UsageError(
                    f"`{run}` is no run, but `{runs[0]}` is one",
                    hint=f"the run comes first: {command or self._form(context)}",
                )
        for each in given.get("runs") or ():
            place = Path(each)
            is_data = place.is_dir() and run_around(place) is None and not runs_in(place)
            if "data" in given and is_data:
                raise UsageError(
                    f"`{each}` {no_run_text(place)}",
                    hint=f"data is given by a flag: `--data {shlex.quote(each)}`",
                )


def _verb_of(context: click.Context) -> str:
    """The verb as it is typed, with the kind of layer where it has one."""
    return " ".join(context.command_path.split()[1:])


def _help(context: click.Context) -> str:
    return f"`{context.command_path} --help` lists all of them"


def _with(text: str, command: str | None) -> str:
    return f"{text}: `{command}`" if command else text


def _are_networks(words: Sequence[str]) -> bool:
    from convscope.networks import network_names  # takes a second

    return set(words) <= set(network_names())


def _folder_of_splits(words: Sequence[str]) -> str | None:
    """The folder whose train, validation and test folders the words are."""
    from convscope.data.sources.split_names import split_of  # with NumPy

    paths = [Path(word) for word in words]
    above = {path.parent for path in paths}
    are_splits = all(path.is_dir() and split_of(path.name) for path in paths)
    return str(above.pop()) if are_splits and len(above) == 1 else None


def _words(values: Mapping[str, Any]) -> list[str]:
    """The words in values of arguments, each of which is one, several or none."""
    words: list[str] = []
    for value in values.values():
        several = value if isinstance(value, tuple | list) else (value,)
        words += [each for each in several if isinstance(each, str)]
    return words
