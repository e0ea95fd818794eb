"""Types of recipe fields: how their values are written, and what they are parsed to."""

from __future__ import annotations

import codecs
import itertools
import os
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict

MAX_SIDE_PX = 8192
MAX_BATCH = 1_000_000
MAX_EPOCHS = 100_000
FROM_SCRATCH = "none"  # value of `weights` for random ones
PUBLISHED = "published"
UNIT_SECONDS = {"h": 3600, "m": 60, "s": 1}

Fit = Literal["crop", "pad", "stretch"]
ClassLevel = Literal["first", "last"]
Tune = Literal["all", "dense", "head", "auto"]
TrainedLayers = Literal["all", "dense", "head"]
Initialization = Literal[
    "kaiming", "kaiming_fan_out", "xavier", "lecun", "notes", "normal", "dirac", "pytorch"
]

Problem = tuple[str, str | None]  # what is wrong, and the way out if there is one

Value = TypeVar("Value")


class Fields(BaseModel):
    """Base of the sections of a recipe, which declare its fields with their limits."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        protected_namespaces=(),
        allow_inf_nan=False,
        str_min_length=1,  # an empty name is no choice: it is as if a field weren't given
    )


def given_or(value: Value | None, default: Value) -> Value:
    """The value of a field, or the default if it has none."""
    return default if value is None else value


def flags(*names: str) -> dict[str, Any]:
    """Extra schema of a field whose flags are not just `--field-name`."""
    return {"flags": names}


def sides_of(img_size: object) -> tuple[int, int]:
    """Height and width of an `img_size` of 224, "224" or "224x320".

    Raises:
        ValueError: It is something else.
    """
    parts = str(img_size).lower().split("x")
    if not 1 <= len(parts) <= 2 or not all(part.isascii() and part.isdigit() for part in parts):
        raise ValueError("it must be a number of pixels or HEIGHTxWIDTH, as 224 or 224x320")
    height, width = int(parts[0]), int(parts[-1])
    if not 1 <= min(height, width) <= max(height, width) <= MAX_SIDE_PX:
        raise ValueError(f"a side must be 1 to {MAX_SIDE_PX} pixels")
    return height, width


def size_of(height: int, width: int) -> str | int:
    """The `img_size` of a height and a width."""
    return height if height == width else f"{height}x{width}"


def _image_size(value: object) -> object:
    # None stays open; True, which Python takes for 1, is no size.
    return None if value is None else size_of(*sides_of(str(value)))


def _value_range(value: object) -> object:
    if value is None:
        return None
    parts = value.split(",") if isinstance(value, str) else value
    try:
        low, high = (float(part) for part in parts)  # type: ignore[attr-defined]
    except (TypeError, ValueError):
        low = high = 0.0
    if not low < high:
        raise ValueError("it must be LOW,HIGH with LOW below HIGH, as 0,4095")
    return low, high


def _path_text(value: object) -> object:
    return os.fspath(value) if isinstance(value, os.PathLike) else value


def _encoding(value: object) -> object:
    if value is None:
        return None
    try:
        name = codecs.lookup(str(value)).name
        "".encode(name)  # some codecs are for other things than text
    except LookupError as error:
        raise ValueError("it must be an encoding of text, as gbk, shift_jis or cp437") from error
    return name


def _formats(value: object) -> object:
    if isinstance(value, str):
        return tuple(name.strip().upper() for name in value.split(",") if name.strip())
    return value


def seconds_of(duration: str) -> float:
    """Seconds of a duration written as 90s, 10m, 1.5h or 1h30m.

    Raises:
        ValueError: It is written in another way, or zero.
    """
    text = duration.strip().lower()
    parts = re.findall(r"(\d+(?:\.\d+)?)([hms])", text)
    seconds = sum(float(number) * UNIT_SECONDS[unit] for number, unit in parts)
    if "".join(number + unit for number, unit in parts) != text or not seconds:
        raise ValueError("it must be a time with its unit, as 90s, 10m or 1h30m")
    return seconds


def cuts_of(text: str) -> dict[int, int]:
    """The number of epochs in all, by the number of those after which it was decided.

    Raises:
        ValueError: It is written in another way than `12:40,20:35`, or the numbers can't be.
    """
    pairs = [re.fullmatch(r"(\d{1,6}):(\d{1,6})", part.strip()) for part in text.split(",")]
    cuts = [(int(pair[1]), int(pair[2])) for pair in pairs if pair]
    fits = all(1 <= done <= epochs for done, epochs in cuts)
    follows = all(a < c and b > d for (a, b), (c, d) in itertools.pairwise(cuts))
    if len(cuts) < len(pairs) or not fits or not follows:
        raise ValueError("it must be EPOCH:EPOCHS, as 12:40,20:35, with ever fewer epochs")
    return dict(cuts)


def cuts_text(cuts: Mapping[int, int]) -> str:
    """Cuts as a recipe has them."""
    return ",".join(f"{done}:{epochs}" for done, epochs in sorted(cuts.items()))


def _cuts(value: object) -> object:
    return None if value is None else cuts_text(cuts_of(str(value)))


def _duration(value: object) -> object:
    if value is None:
        return None
    seconds_of(str(value))  # a number without a unit is refused, too
    return str(value).strip().lower()


def _numbers(
    kind: Callable[[Any], Any], example: str, *, count: int | None = None
) -> Callable[[object], object]:
    """A parser of numbers separated by commas, or of a list of numbers."""

    def parse(value: object) -> object:
        if value is None:
            return None
        parts = value.split(",") if isinstance(value, str) else value
        try:
            numbers = tuple(kind(part) for part in parts)  # type: ignore[attr-defined]
        except (TypeError, ValueError):
            numbers = ()
        if not numbers or count not in (None, len(numbers)):
            what = "numbers" if count is None else f"{count} numbers"
            raise ValueError(f"it must be {what} with commas between them, as {example}")
        return numbers

    return parse


def _decay_rates(value: object) -> object:
    numbers = _numbers(float, "0.9,0.999", count=2)(value)
    if isinstance(numbers, tuple) and not all(0 <= number < 1 for number in numbers):
        raise ValueError("both must be at least 0 and below 1, as 0.9,0.999")
    return numbers


def _batch_size(value: object) -> object:
    if isinstance(value, str) and value.strip().lower() == "auto":
        return "auto"
    text = str(value)
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= MAX_BATCH:
        raise ValueError(f"it must be a whole number from 1 to {MAX_BATCH:,}, or auto")
    return int(text)


def _learning_rate(value: object) -> object:
    if value is None or (isinstance(value, str) and value.strip().lower() == "auto"):
        return "auto" if value else None
    try:
        rate = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        rate = 0.0
    if not 0 < rate < float("inf"):
        raise ValueError("it must be a number above 0, or auto")
    return rate


# What a field takes besides its own type, `json_schema_input_type` says: signatures show it.
PathText = Annotated[str, BeforeValidator(_path_text, json_schema_input_type=str | Path)]
# Others number GPUs; that the number alone is no name is said where devices are known.
DeviceName = Annotated[str, BeforeValidator(str)]
ImageSize = Annotated[str | int, BeforeValidator(_image_size)]
Numbers = Sequence[float] | str
WholeNumbers = Sequence[int] | str
ValueRange = Annotated[
    tuple[float, float], BeforeValidator(_value_range, json_schema_input_type=Numbers)
]
Encoding = Annotated[str, BeforeValidator(_encoding)]
Formats = Annotated[
    tuple[str, ...], BeforeValidator(_formats, json_schema_input_type=Sequence[str] | str)
]
Cuts = Annotated[str, BeforeValidator(_cuts)]
Duration = Annotated[str, BeforeValidator(_duration)]
Betas = Annotated[
    tuple[float, float], BeforeValidator(_decay_rates, json_schema_input_type=Numbers)
]
Epochs = Annotated[
    tuple[int, ...],
    BeforeValidator(_numbers(int, "30,60"), json_schema_input_type=WholeNumbers),
]
Sides = Annotated[
    tuple[int, ...],
    BeforeValidator(_numbers(int, "32,48,64"), json_schema_input_type=WholeNumbers),
]
BatchSize = Annotated[int | Literal["auto"], BeforeValidator(_batch_size)]
LearningRate = Annotated[float | Literal["auto"], BeforeValidator(_learning_rate)]
