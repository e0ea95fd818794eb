"""A command line in the words of other tools, translated in one pass into one that a verb takes.

Flags with two hyphens, with one (`-epochs`) and without (`epochs=3`) go the same way: name and
value are looked up once, and become a flag or argument of the verb, an answer, or nothing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import click

from convscope.cli.meanings import (
    NUMBER,
    Meaning,
    Meanings,
    long_flag,
    metavar_of,
    takes_value,
    value_meant,
    words_for,
)
from convscope.errors import UsageError
from convscope.paths import exists
from convscope.recipe.habits import GPU, num_gpus, truth_of

# `epochs=3`, as elsewhere; no pattern such as `day=*/*.jpg`
SETTING = re.compile(r"([A-Za-z_][\w-]*)=([^*?\[]*)", re.DOTALL)
# `-epochs` and `-epochs=3`, of which only the first letter would be read
ONE_HYPHEN = re.compile(r"-([A-Za-z][\w-]*)(?:=(.*))?", re.DOTALL)
NUM_FROZEN = (
    "it freezes all layers but the last; a number of them can't be given, but `--tune dense` "
    "trains all dense layers, and `--layer-decay 0.8` each layer slower than the one behind it"
)
TWO_HYPHENS = "flags of several letters have two hyphens"

Kind = Literal["flag", "setting", "value", "bare"]
Outcome = Literal["translated", "answered", "unknown"]


class ForeignWord(NamedTuple):
    """What a verb doesn't take.

    Attributes:
        kind: A flag that it lacks, a setting as `epochs=3`, the value of a flag without any, or a
            bare flag that needs one, whose meaning is known: `--amp`.
        typed: The flag or setting as it was typed.
        remark: What is said of it, if anything.
        outcome: Whether it is written in another way, it is said why there is none, or neither.
    """

    kind: Kind
    typed: str
    remark: str = ""
    outcome: Outcome = "translated"


@dataclass
class Translation:
    """The words of a command line, in the words of a verb.

    Attributes:
        arguments: Words for arguments, in their order.
        named: Words for arguments that were given by name, by the argument's own.
        flags: Flags with their values.
        values: Values of options, by the option's name.
        meant: Flags, with values that say what was meant, by which others were replaced.
        foreign: Words that had to be translated.
        num_processes: Number of processes of a training on several GPUs; else 1.
        file: Where the output was to go by a flag that prints; None for none.
    """

    arguments: list[str] = field(default_factory=list)
    named: dict[str, list[str]] = field(default_factory=dict)
    flags: list[str] = field(default_factory=list)
    values: dict[str, list[str]] = field(default_factory=dict)
    meant: list[str] = field(default_factory=list)
    foreign: list[ForeignWord] = field(default_factory=list)
    num_processes: int = 1
    file: str | None = None

    def words(self, parameters: Sequence[click.Parameter]) -> list[str] | None:
        """The words behind the verb, arguments first; None if one before a given one is missing."""
        rest, words = list(self.arguments), []
        places = [each for each in parameters if isinstance(each, click.Argument)]
        for index, place in enumerate(places):
            given = self.named.get(place.name or "", [])
            if not given and place.nargs == -1:
                given, rest = rest, []
            elif not given and rest:
                given, rest = rest[:1], rest[1:]
            elif not given and any(each.name in self.named for each in places[index + 1 :]):
                return None
            words += given
        words += rest
        if any(word.startswith("-") for word in words):
            return [*self.flags, "--", *words]
        return [*words, *self.flags]


class Translator:
    """Translates command lines of one verb.

    Args:
        verb: The verb as it is typed, with the kind of layer where it has one.
        parameters: Its options and arguments.
    """

    def __init__(self, verb: str, parameters: Sequence[click.Parameter]) -> None:
        self._meanings = Meanings(verb, parameters)

    def translate(self, args: Sequence[str]) -> Translation:
        """The command line in the verb's words.

        Raises:
            UsageError: A flag that needs a value has none.
        """
        result, words = Translation(), list(args)
        has_settings = any(self._is_setting(word) for word in words)
        while words:
            word = words.pop(0)
            if word == "--":
                result.arguments += words
                break
            if word.startswith("--"):
                self._read_long(result, word, words)
            elif re.match("-[A-Za-z]", word):
                self._read_short(result, word, words)
            elif has_settings and (match := SETTING.fullmatch(word)) and not exists(word):
                self._add(result, ForeignWord("setting", word), match[1], match[2])
            else:
                result.arguments.append(word)
        return result

    def _is_setting(self, word: str) -> bool:
        match = SETTING.fullmatch(word)
        return (
            match is not None
            and not exists(word)
            and self._meanings.of(match[1], match[2]) != Meaning()
        )

    def _read_long(self, result: Translation, word: str, rest: list[str]) -> None:
        name, equals, value = word.partition("=")
        option = self._meanings.options.get(name)
        if option is None:
            self._read_foreign(result, ForeignWord("flag", name), value if equals else None, rest)
        elif option.is_flag:
            self._read_switch(result, name, value if equals else None, rest)
        elif not equals and self._is_bare(rest) and (usual := self._meanings.usual_of(name)):
            self._add_option(result, ForeignWord("bare", name), Meaning(option, usual), None)
        else:
            self._take(result, option, name, value if equals else self._value(option, name, rest))

    def _is_bare(self, rest: Sequence[str]) -> bool:
        """Whether the word behind a flag is no value: there is none, or it is a flag."""
        return not rest or rest[0].partition("=")[0] in self._meanings.options

    def _read_short(self, result: Translation, word: str, rest: list[str]) -> None:
        match = ONE_HYPHEN.fullmatch(word)
        name, value = (match[1], match[2]) if match else (word[1], None)
        flag, behind = word[:2], word[2:]
        option = self._meanings.options.get(flag)
        is_name = len(name) > 1 and self._meanings.is_name(name)
        if option is None or is_name:
            remark = TWO_HYPHENS if len(name) > 1 else ""
            self._read_foreign(result, ForeignWord("flag", f"-{name}", remark), value, rest)
        elif option.is_flag:
            result.flags.append(flag)
            if behind:
                self._read_short(result, f"-{behind}", rest)
        elif behind.startswith("="):
            result.foreign.append(ForeignWord("setting", word))
            self._take(result, option, long_flag(option), behind[1:])
        else:
            self._take(result, option, flag, behind or self._value(option, flag, rest))

    def _value(self, option: click.Option, name: str, rest: list[str]) -> str:
        """The next word as the value of an option."""
        if self._is_bare(rest):
            metavar = option.make_metavar(click.Context(click.Command(self._meanings.verb)))
            raise UsageError(f"`{name}` has no value", hint=f"write it as `{name} {metavar}`")
        return rest.pop(0)

    def _take(self, result: Translation, option: click.Option, flag: str, value: str) -> None:
        """Takes an option of the verb; others' names of its value are said beside foreign words."""
        usual = value_meant(option, value)
        if usual is not None:
            result.meant.append(f"{flag} {usual}")
        result.flags += [flag, usual or value]
        result.values.setdefault(option.name or "", []).append(value)

    def _read_switch(
        self, result: Translation, flag: str, value: str | None, rest: list[str]
    ) -> None:
        following, ending = rest[0] if rest else "", f".{flag.strip('-')}"  # of `--csv`, a file's
        is_new = not exists(following)
        is_file = following.lower().endswith(ending) and (is_new or "images" in self._meanings.own)
        if value is None and (is_file or (is_new and truth_of(following) is not None)):
            value = rest.pop(0)
        if value is not None and value.lower().endswith(ending):
            result.file = value
        if value is not None:
            remark = "" if result.file is None else "it prints"
            result.foreign.append(ForeignWord("value", flag, remark))
        if value is None or truth_of(value, digits=True) is not False:
            result.flags.append(flag)

    def _read_foreign(
        self, result: Translation, foreign: ForeignWord, value: str | None, rest: list[str]
    ) -> None:
        """A flag that the verb lacks, with the word behind it where that is its value."""
        name, following = foreign.typed.strip("-"), rest[0] if rest else "-"
        has_following = not following.startswith("-") or bool(NUMBER.fullmatch(following))
        if value is None and has_following:
            meaning = self._meanings.of(name, following)
            if takes_value(meaning, name, following):
                value = rest.pop(0)
        self._add(result, foreign, name, value)

    def _add(self, result: Translation, foreign: ForeignWord, name: str, value: str | None) -> None:
        """Adds what a name and its value mean, as a foreign word."""
        meaning = self._meanings.of(name, value)
        place = meaning.place
        if "device" in self._meanings.own and (count := num_gpus(name, value)) > 1:
            if self._meanings.verb == "train":
                result.num_processes = count
                remark = "several GPUs take a process each"
            else:
                result.flags += ["--device", GPU]
                remark = f"`{self._meanings.verb}` uses one GPU"
            result.foreign.append(foreign._replace(remark=remark))
        elif place is None:
            known = meaning.answer
            answered = foreign._replace(remark=known.text, outcome="answered") if known else None
            result.foreign.append(answered or foreign._replace(remark="", outcome="unknown"))
        elif isinstance(place, click.Argument):
            shown = metavar_of(place)
            result.named.setdefault(place.name or "", []).append(value or shown.rstrip("."))
            remark = f"{shown} has no flag" if foreign.kind == "flag" else ""
            result.foreign.append(foreign._replace(remark=remark))
        else:
            self._add_option(result, foreign, meaning, value)

    def _add_option(
        self, result: Translation, foreign: ForeignWord, meaning: Meaning, value: str | None
    ) -> None:
        option = meaning.place
        if not isinstance(option, click.Option):
            return
        flag, words = long_flag(option), words_for(option, meaning, value)
        if words is None:
            typed = foreign.typed if value is None else f"{foreign.typed} {value}"
            shown = foreign.typed if foreign.kind == "setting" else typed
            result.foreign.append(foreign._replace(remark=f"leave `{shown}` out"))
            return
        is_said = meaning.value is not None or value_meant(option, value or "")
        result.meant.append(" ".join(words) if is_said or words[-1:] == ["0"] else flag)
        result.flags += words
        if words == ["--tune", "head"] and value is not None and NUMBER.fullmatch(value):
            foreign = foreign._replace(remark=NUM_FROZEN)
        result.foreign.append(foreign)
