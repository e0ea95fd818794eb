"""Values that fields of a recipe take: how they are written, and what they become."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BeforeValidator

MAX_SIDE_PX = 8192
MAX_BATCH = 1_000_000

Fit = Literal["crop", "pad", "stretch"]
Tune = Literal["all", "dense", "head"]
Initialization = Literal[
    "kaiming", "kaiming_fan_out", "xavier", "lecun", "notes", "normal", "pytorch"
]


Value = TypeVar("Value")


def given_or(value: Value | None, default: Value) -> Value:
    """What a field says, or what it gets where it is open."""
    return default if value is None else value


def flags(*names: str) -> dict[str, Any]:
    """The command-line spellings of a field, where they are not just `--field-name`."""
    return {"flags": names}


def sides_of(img_size: object) -> tuple[int, int]:
    """Height and width from what `img_size` may be: 224, "224" or "224x320".

    Raises:
        ValueError: It is something else.
    """
    words = str(img_size).lower().split("x")
    if not 1 <= len(words) <= 2 or not all(word.isascii() and word.isdigit() for word in words):
        raise ValueError("it must be a number of pixels or HEIGHTxWIDTH, as 224 or 224x320")
    height, width = int(words[0]), int(words[-1])
    if not 1 <= min(height, width) <= max(height, width) <= MAX_SIDE_PX:
        raise ValueError(f"a side must be 1 to {MAX_SIDE_PX} pixels")
    return height, width


def size_of(height: int, width: int) -> str | int:
    """What `img_size` is for a height and a width."""
    return height if height == width else f"{height}x{width}"


def _image_size(value: object) -> object:
    # None stays open; True, which Python takes for 1, is no size.
    return None if value is None else size_of(*sides_of(str(value)))


def _value_range(value: object) -> object:
    if value is None:
        return None
    words = value.split(",") if isinstance(value, str) else value
    try:
        low, high = (float(word) for word in words)  # type: ignore[attr-defined]
    except (TypeError, ValueError):
        low = high = 0.0
    if not low < high:
        raise ValueError("it must be LOW,HIGH with LOW below HIGH, as 0,4095")
    return low, high


def _formats(value: object) -> object:
    if isinstance(value, str):
        return tuple(word.strip().upper() for word in value.split(",") if word.strip())
    return value


def seconds_of(duration: str) -> float:
    """Seconds of a duration written as 90s, 10m, 1.5h or 1h30m.

    Raises:
        ValueError: It is written in another way, or is nothing.
    """
    words = duration.strip().lower()
    parts = re.findall(r"(\d+(?:\.\d+)?)([hms])", words)
    seconds = sum(float(number) * UNIT_SECONDS[unit] for number, unit in parts)
    if "".join(number + unit for number, unit in parts) != words or not seconds:
        raise ValueError("it must be a time with its unit, as 90s, 10m or 1h30m")
    return seconds


UNIT_SECONDS = {"h": 3600, "m": 60, "s": 1}


def _duration(value: object) -> object:
    if isinstance(value, str):
        seconds_of(value)
        return value.strip().lower()
    if value is not None:
        raise ValueError("it must be a time with its unit, as 90s, 10m or 1h30m")
    return None


def _numbers(
    kind: Callable[[Any], Any], example: str, *, count: int | None = None
) -> Callable[[object], object]:
    """A reader of numbers with commas between them, or of a list of numbers."""

    def read(value: object) -> object:
        if value is None:
            return None
        words = value.split(",") if isinstance(value, str) else value
        try:
            numbers = tuple(kind(word) for word in words)  # type: ignore[attr-defined]
        except (TypeError, ValueError):
            numbers = ()
        if not numbers or count not in (None, len(numbers)):
            what = "numbers" if count is None else f"{count} numbers"
            raise ValueError(f"it must be {what} with commas between them, as {example}")
        return numbers

    return read


def _shares(value: object) -> object:
    numbers = _numbers(float, "0.9,0.999", count=2)(value)
    if isinstance(numbers, tuple) and not all(0 <= number < 1 for number in numbers):
        raise ValueError("both must be at least 0 and below 1, as 0.9,0.999")
    return numbers


def _batch_size(value: object) -> object:
    if isinstance(value, str) and value.strip().lower() == "auto":
        return "auto"
    words = str(value)
    if not words.isascii() or not words.isdigit() or not 1 <= int(words) <= MAX_BATCH:
        raise ValueError(f"it must be a whole number from 1 to {MAX_BATCH:,}, or auto")
    return int(words)


def _rate(value: object) -> object:
    if value is None or (isinstance(value, str) and value.strip().lower() == "auto"):
        return "auto" if value else None
    try:
        rate = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        rate = 0.0
    if not 0 < rate < float("inf"):
        raise ValueError("it must be a number above 0, or auto")
    return rate


ImageSize = Annotated[str | int, BeforeValidator(_image_size)]
ValueRange = Annotated[tuple[float, float], BeforeValidator(_value_range)]
Formats = Annotated[tuple[str, ...], BeforeValidator(_formats)]
Duration = Annotated[str, BeforeValidator(_duration)]
Betas = Annotated[tuple[float, float], BeforeValidator(_shares)]
Epochs = Annotated[tuple[int, ...], BeforeValidator(_numbers(int, "30,60"))]
Sides = Annotated[tuple[int, ...], BeforeValidator(_numbers(int, "32,48,64"))]
BatchSize = Annotated[int | Literal["auto"], BeforeValidator(_batch_size)]
Rate = Annotated[float | Literal["auto"], BeforeValidator(_rate)]
