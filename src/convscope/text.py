"""Text for people: numbers with nouns, short lists, suggestions for misspelt names."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence

LISTED_AT_MOST = 20

# Control characters but line feed and tab, other ends of lines, and what turns text round.
CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def escaped(text: str) -> str:
    """Text in which control characters that a terminal obeys are written as JSON has them."""
    return CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def did_you_mean(name: str, known: Iterable[str]) -> str | None:
    """A hint that begins with the known name nearest to `name`; None if none is near."""
    near = difflib.get_close_matches(name.lower(), list(known), n=1, cutoff=0.6)
    return f"did you mean `{near[0]}`?" if near else None


def counted(count: int, noun: str) -> str:
    """A number with its noun: `1 image`, `1,797 images`, `2 classes`."""
    if count == 1:
        return f"1 {noun}"
    return f"{count:,} {noun}{'es' if noun.endswith('s') else 's'}"


def either_of(names: Sequence[str]) -> str:
    """The names in backticks, joined by commas and "or"."""
    quoted = [f"`{name}`" for name in names]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} or {quoted[-1]}"


def listed(lines: Sequence[str]) -> str:
    """The first lines, indented, with the number of those left out."""
    shown = [f"  {line}" for line in lines[:LISTED_AT_MOST]]
    if len(lines) > LISTED_AT_MOST:
        shown.append(f"  and {len(lines) - LISTED_AT_MOST} more")
    return "\n".join(shown)
