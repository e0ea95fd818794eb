"""Text for people: numbers with nouns, short lists, suggestions for misspelt names."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

LISTED_AT_MOST = 20
LEAST_SIMILARITY = 0.6  # of a typing error to the name that was meant
# The last group takes the digits behind letters too: `resnext50_32x4d` has the number 50.
NUMBERED = re.compile(r"(?P<letters>[^\W\d]{2,})(?P<number>\d{1,9})(?P<rest>.*)")

# Control characters but line feed and tab, other ends of lines, and what turns text round.
CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def escaped(text: str) -> str:
    """Text in which control characters that a terminal obeys are written as JSON has them."""
    return CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def did_you_mean(
    name: str,
    known: Iterable[str],
    *,
    habits: Mapping[str, str] = MappingProxyType({}),
    least: float = LEAST_SIMILARITY,
) -> str | None:
    """A hint that begins with the known name that was most likely meant; None if none is near.

    Capitals, hyphens and the like don't matter, and of a family (`resnet9`) the nearest number is
    meant rather than the most similar digits.

    Args:
        name: What was given.
        known: The names that there are.
        habits: The known name for what a thing is called elsewhere, in `plain` writing.
        least: Similarity from which on a name is near, 0 to 1.
    """
    near = _nearest(name, list(known), habits, least)
    return f"did you mean `{near}`?" if near else None


def plain(name: str) -> str:
    """The name's letters and digits alone, small: how a name is compared."""
    return "".join(letter for letter in name.lower() if letter.isalnum())


def _nearest(
    name: str, known: Sequence[str], habits: Mapping[str, str], least: float
) -> str | None:
    given = plain(name)
    by_plain = {plain(each): each for each in reversed(known)}
    if not given:
        return None
    if given in by_plain:
        return by_plain[given]
    if habits.get(given) in known:
        return habits[given]
    return _nearest_number(given, by_plain) or _most_similar(given, by_plain, least)


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


def _most_similar(given: str, by_plain: Mapping[str, str], least: float) -> str | None:
    likely = max(by_plain, key=lambda each: _similarity(each, given), default="")
    return by_plain[likely] if likely and _similarity(likely, given) >= least else None


def _similarity(first: str, second: str) -> float:
    return difflib.SequenceMatcher(None, second, first).ratio()


def counted(count: int, noun: str) -> str:
    """A number with its noun: `1 image`, `1,797 images`, `2 classes`."""
    if count == 1:
        return f"1 {noun}"
    return f"{count:,} {noun}{'es' if noun.endswith('s') else 's'}"


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
