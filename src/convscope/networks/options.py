"""Checks of the options of networks; each error names the option, its value and the way out."""

from __future__ import annotations

from collections.abc import Iterable

from convscope.errors import NetworkError
from convscope.text import did_you_mean

LARGEST_COUNT = 2**31 - 1
LONGEST = 100  # sequence of an option: layers of a dense network


class ImageTooSmallError(NetworkError):
    """An image from which nothing is left before the dense layers."""


def one_of(option: str, value: object, known: Iterable[str]) -> None:
    """Refuses a value outside a closed set.

    Raises:
        NetworkError: The value is not in the set; the set is listed, the nearest suggested.
    """
    names = list(known)
    if isinstance(value, str) and value in names:
        return
    near = did_you_mean(str(value), names)
    allowed = "it is one of " + ", ".join(f"`{name}`" for name in names)
    raise NetworkError(
        f"option `{option}` can't be `{value}`", hint=f"{near} {allowed}" if near else allowed
    )


def flag(option: str, value: object) -> None:
    """Refuses what is not a truth value.

    Raises:
        NetworkError: The value is not True or False; a string such as "false" would count as true.
    """
    if not isinstance(value, bool):
        raise NetworkError(f"option `{option}` can't be `{value}`", hint="it is true or false")


def count(option: str, value: object) -> None:
    """Refuses what is not a whole number of at least 1.

    Raises:
        NetworkError: The value is no integer, below 1, or more than any memory holds.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise NetworkError(
            f"`{option}` can't be `{value}`", hint="it is a whole number of at least 1"
        )
    if value > LARGEST_COUNT:
        most = f"it is {LARGEST_COUNT:,} at most"
        raise NetworkError(f"`{option}` can't be `{value}`", hint=most)


def counts(option: str, values: object) -> None:
    """Refuses what is not a sequence of whole numbers of at least 1.

    Raises:
        NetworkError: Not a tuple or list, too many values, or one that `count` refuses.
    """
    if not isinstance(values, (tuple, list)):
        raise NetworkError(
            f"option `{option}` can't be `{values}`", hint="it is a sequence of whole numbers"
        )
    if len(values) > LONGEST:
        raise NetworkError(
            f"option `{option}` has {len(values):,} values", hint=f"it has {LONGEST} at most"
        )
    for value in values:
        count(option, value)


def probability(option: str, value: object) -> None:
    """Refuses what is not a probability below 1.

    Raises:
        NetworkError: Not a number, or outside [0, 1). At 1 dropout would leave nothing.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 1:
        raise NetworkError(
            f"option `{option}` can't be `{value}`",
            hint="it is a probability: at least 0 and below 1",
        )


STEMS = ("imagenet", "small")


def is_small(stem: object) -> bool:
    """Whether the stem is the one for small images: a 3x3 kernel with stride 1.

    The `imagenet` stem shrinks an image 4 to 8 times before the first block: of a 32x32 image
    hardly anything would be left.

    Raises:
        NetworkError: The stem is neither `imagenet` nor `small`.
    """
    one_of("stem", stem, STEMS)
    return stem == "small"
