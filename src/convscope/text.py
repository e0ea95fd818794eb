"""Text for people: numbers with nouns, short lists, suggestions for misspelt names."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

LISTED_AT_MOST = 20
SHORT = 4  # letters from which on a wrong one is a typing error; of fewer, it makes another word
LONG = 6  # letters from which on there may be two typing errors
SHORTEST_PREFIX = 4  # letters that a name may be cut off after; fewer begin too many names
LONGEST_ENDING = 3  # letters too many at the end of a name, as in `predicting`
SHOWN_LETTERS = 80  # of a value in a message
# The last group takes the digits behind letters too: `resnext50_32x4d` has the number 50.
NUMBERED = re.compile(r"(?P<letters>[^\W\d]{2,})(?P<number>\d{1,9})(?P<rest>.*)")

# Control characters but line feed and tab, other ends of lines, and what turns text round.
CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def escaped(text: str) -> str:
    """Text in which control characters that a terminal obeys are written as JSON has them."""
    return CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def one_line(value: object, *, at_most: int | None = None) -> str:
    """A value as one line of text: what isn't printable is written as an escape.

    Args:
        value: Any value.
        at_most: Number of letters that are shown; None for all.
    """
    text = str(value)
    shown = "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode()
        for letter in text[:at_most]
    )
    return shown if at_most is None or len(text) <= at_most else f"{shown}..."


def shown(value: object) -> str:
    """A value in a message: one line that is short enough to be read."""
    return one_line(value, at_most=SHOWN_LETTERS)


def did_you_mean(
    name: str, known: Iterable[str], *, habits: Mapping[str, str] = MappingProxyType({})
) -> str | None:
    """A hint that begins with the known name that was most likely meant; None if none is near.

    Near is a name with one or two typing errors, or one that was cut off; a likeness of whole words
    would make `--steps` of `--eps`. Capitals, hyphens and the like don't matter, nor do the folders
    of a path, and of a family (`resnet9`) the nearest number is meant.

    Args:
        name: What was given.
        known: The names that there are.
        habits: The known name for what a thing is called elsewhere, in `plain` writing.
    """
    near = nearest(name, list(known), habits=habits)
    return f"did you mean `{near}`?" if near else None


def plain(name: str) -> str:
    """The name's letters and digits alone, small: how a name is compared."""
    return "".join(letter for letter in name.lower() if letter.isalnum())


def nearest(
    name: str, known: Sequence[str], *, habits: Mapping[str, str] = MappingProxyType({})
) -> str | None:
    """The known name that was most likely meant; None if none is near. See `did_you_mean`."""
    given = plain(name)
    by_plain = {plain(each.rpartition("/")[2]): each for each in reversed(known)}
    by_plain |= {plain(each): each for each in reversed(known)}
    if not given:
        return None
    if given in by_plain:
        return by_plain[given]
    if habits.get(given) in known:
        return habits[given]
    near = _nearest_number(given, by_plain) or _least_mistyped(given, by_plain)
    return near or _cut_off(given, by_plain)


def _nearest_number(given: str, by_plain: Mapping[str, str]) -> str | None:
    """The name of the same letters with the nearest number, the smaller one of two.

    A digit too many or too few is a typing error: `conv11` is `conv1` rather than `conv2`.
    """
    match = NUMBERED.fullmatch(given)
    if match is None:
        return None
    found = []
    for each, name in by_plain.items():
        other = NUMBERED.fullmatch(each)
        if other is not None and other["letters"] == match["letters"]:
            distance = abs(int(other["number"]) - int(match["number"]))
            unlike = 1 - _similarity(other["rest"], match["rest"])
            is_other = bool(distance) and not _is_one_digit_off(match["number"], other["number"])
            found.append((is_other, distance, unlike, int(other["number"]), name))
    return min(found)[-1] if found else None


def _is_one_digit_off(first: str, second: str) -> bool:
    shorter, longer = sorted((first, second), key=len)
    return shorter in {longer[:place] + longer[place + 1 :] for place in range(len(longer))}


def _least_mistyped(given: str, by_plain: Mapping[str, str]) -> str | None:
    """The name with the fewest typing errors, one for names of few letters and else two."""
    found = []
    for each, name in by_plain.items():
        shorter = min(len(each), len(given))
        errors = _typing_errors(given, each, substitution=2 if shorter < SHORT else 1)
        if len(given) > 1 and errors <= (2 if shorter >= LONG else 1):
            found.append((errors, -_similarity(each, given), name))
    return min(found)[-1] if found else None


def _typing_errors(first: str, second: str, *, substitution: int) -> int:
    """Letters too many, too few, wrong or exchanged with their neighbours (optimal alignment).

    Args:
        first: A name.
        second: Another one.
        substitution: What a wrong letter counts.
    """
    before: list[int] = []
    row = list(range(len(second) + 1))
    for i, letter in enumerate(first, 1):
        new = [i]
        for j, other in enumerate(second, 1):
            kept = row[j - 1] + (substitution if letter != other else 0)
            new.append(min(row[j] + 1, new[j - 1] + 1, kept))
            if i > 1 and j > 1 and first[i - 2 : i] == second[j - 1] + second[j - 2]:
                new[j] = min(new[j], before[j - 2] + 1)
        before, row = row, new
    return row[-1]


def _cut_off(given: str, by_plain: Mapping[str, str]) -> str | None:
    """The one name that begins like this, or that this begins like with a few letters more."""
    if len(given) < SHORTEST_PREFIX:
        return None
    longer = {name for each, name in by_plain.items() if each.startswith(given)}
    shorter = {
        name
        for each, name in by_plain.items()
        if len(each) >= SHORTEST_PREFIX
        and given.startswith(each)
        and len(given) - len(each) <= LONGEST_ENDING
    }
    found = longer or shorter
    return found.pop() if len(found) == 1 else None


def _similarity(first: str, second: str) -> float:
    return difflib.SequenceMatcher(None, second, first).ratio()


def counted(count: int, noun: str) -> str:
    """A number with its noun: `1 image`, `1,797 images`, `2 classes`."""
    if count == 1:
        return f"1 {noun}"
    return f"{count:,} {noun}{'es' if noun.endswith('s') else 's'}"


def duration_text(seconds: float) -> str:
    """A duration for people: `12 s`, `5 min`, `3.5 h`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def either_of(names: Sequence[str]) -> str:
    """The names in backticks, joined by commas and "or"."""
    quoted = [f"`{name}`" for name in names]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} or {quoted[-1]}"


def joined(names: Sequence[str]) -> str:
    """The first names with commas between them, and the number of those left out."""
    more = len(names) - LISTED_AT_MOST
    return ", ".join(names[:LISTED_AT_MOST]) + (f" and {more:,} more" if more > 0 else "")


def listed(lines: Sequence[str]) -> str:
    """The first lines, indented, with the number of those left out."""
    shown = [f"  {line}" for line in lines[:LISTED_AT_MOST]]
    if len(lines) > LISTED_AT_MOST:
        shown.append(f"  and {len(lines) - LISTED_AT_MOST} more")
    return "\n".join(shown)
