"""Recipe: all that decides the result of a training, and its reading and writing.

The flags of the command line, the fields of `recipe.yaml`, their limits and help texts are declared
once, in the sections that `RecipeFields` joins. A field that is None is resolved when the data is
known; a run's `recipe.yaml` holds the resolved recipe, so that running it again chooses nothing.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from convscope.errors import UsageError
from convscope.files import read_regular
from convscope.recipe.conflicts import OPTIMIZERS_WITH, SCHEDULES_WITH, RecipeFields, find_conflicts
from convscope.recipe.habits import VALUE_HABITS, likely_field
from convscope.recipe.optimization import Opt, Sched
from convscope.recipe.types import (
    FROM_SCRATCH,
    Fit,
    ImageSize,
    Initialization,
    PathText,
    Problem,
    TrainedLayers,
    sides_of,
)
from convscope.recipe.yaml_text import dump_yaml, parse_yaml, text_of, value_of
from convscope.records import reason_of
from convscope.text import did_you_mean, either_of, listed, one_line, shown

FORMAT = 1
LONGEST_SHOWN, MOST_SHOWN = 60, 290  # letters of a value and of all, in the `repr` of a recipe
MAX_BYTES = 1 << 20  # of a recipe; the weights of 10,000 classes are smaller

Section = TypeVar("Section", bound=BaseModel)

# A field -> fields that were resolved for its old value, and mean nothing for a new one.
DEPENDENT_FIELDS: Mapping[str, tuple[str, ...]] = {
    "model": ("options", "initialization", "auxiliary_weight"),
    "opt": ("lr", "bias_decay", *OPTIMIZERS_WITH),
    "sched": ("warmup_epochs", *SCHEDULES_WITH),
    "epochs": ("epochs_cut",),
    "loss": ("focal_gamma",),
    "tune": ("feature_views", "unfreeze_epochs", "head_epochs"),
    "policy": ("policy_ops", "policy_magnitude"),
}


class Recipe(RecipeFields):
    """All that decides the result of a training."""

    def __repr__(self) -> str:
        """The fields that aren't open or what they are by default."""
        kinds = type(self).model_fields
        chosen = [
            f"{name}={one_line(repr(value), at_most=LONGEST_SHOWN)}"
            for name, value in self
            if value != kinds[name].get_default(call_default_factory=True)
        ]
        return one_line(f"{type(self).__name__}({', '.join(chosen)})", at_most=MOST_SHOWN)

    @classmethod
    def parse(cls, values: dict[str, Any]) -> Recipe:
        """The recipe with these values.

        Raises:
            UsageError: Fields that don't exist or values that can't be; all of them together.
        """
        recipe = validated(cls, {name: _plain(value) for name, value in values.items()})
        recipe.check()
        return recipe

    def check(self) -> None:
        """Refuses fields that would have no effect, or exclude each other.

        Raises:
            UsageError: There are such fields; all of them together.
        """
        problems = list(find_conflicts(self))
        if problems:
            raise one_error(problems)

    @classmethod
    def load(cls, path: Path) -> Recipe:
        """The recipe in a YAML file.

        Raises:
            UsageError: The file can't be read, is of another format, or holds bad values.
        """
        values = read_values(path)
        try:
            return cls.parse(values)
        except UsageError as error:
            raise UsageError(f"recipe `{path}`: {error.message}", hint=error.hint) from error

    @property
    def is_from_scratch(self) -> bool:
        """Whether the first weights are random."""
        return self.weights in (None, FROM_SCRATCH) and self.continues is None

    @property
    def input_sides(self) -> tuple[int, int] | None:
        """Height and width of the network's input; None where they are not resolved."""
        return None if self.img_size is None else sides_of(self.img_size)

    def dump(self) -> str:
        """The recipe as YAML, in the order of the fields."""
        return dump_yaml({"format": FORMAT, **self.model_dump(mode="json")})


# Fields whose values are text, however they look: a column may be called `no` or `010`.
TEXT_FIELDS = frozenset(
    name
    for name, field in Recipe.model_fields.items()
    if field.annotation in (str, str | None, PathText | None)
)


class ResolvedRecipe(Recipe):
    """A recipe without open fields, as a run's `recipe.yaml` holds it."""

    model: str
    img_size: ImageSize
    fit: Fit
    initialization: Initialization
    tune: TrainedLayers
    layer_decay: float
    epochs: int
    batch_size: int
    opt: Opt
    lr: float
    memory_format: Literal["channels_last", "contiguous"] = "channels_last"
    ema: float
    sched: Sched
    warmup_epochs: float
    label_smoothing: float
    crop_scale: float
    pad_crop: int
    hflip: float
    translate: float
    rotate: float
    scale: float
    brightness: float
    contrast: float
    saturation: float


def read_values(path: Path) -> dict[str, Any]:
    """The fields in a YAML file, of which only the format is checked.

    Raises:
        UsageError: The file can't be read, is no mapping or of another format.
    """
    try:
        text = read_regular(path, max_bytes=MAX_BYTES).decode("utf-8-sig")
        content = parse_yaml(text)
    except OSError as error:
        reason = error.strerror or str(error)
        raise UsageError(f"recipe `{path}` can't be read: {reason}") from error
    except ValueError as error:
        raise UsageError(
            f"recipe `{path}` can't be read: {error}",
            hint="each line is a field with its value, as `epochs: 30`",
        ) from error
    if not isinstance(content, dict):
        raise UsageError(f"recipe `{path}` is no mapping of fields to values")
    found = value_of(content.pop("format", FORMAT))
    if type(found) is not int or found != FORMAT:
        raise UsageError(
            f"recipe `{path}` has format {shown(found)}, this version of convscope reads format "
            f"{FORMAT}",
            hint="install the version of convscope that wrote it, or a newer one",
        )
    return {
        name: text_of(value) if name in TEXT_FIELDS else value_of(value)
        for name, value in content.items()
    }


def _plain(value: Any) -> Any:
    """A value as YAML has it: a path as text, numbers and arrays of NumPy as Python's."""
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    return value.tolist() if hasattr(value, "tolist") else value


def flags_of(name: str, field: FieldInfo) -> tuple[str, ...]:
    """The flags of a field, for instance `-m` and `--model`."""
    extra = field.json_schema_extra
    if isinstance(extra, dict) and "flags" in extra:
        return tuple(str(flag) for flag in extra["flags"])  # type: ignore[union-attr]
    return (f"--{name.replace('_', '-')}",)


def validated(section: type[Section], values: Mapping[str, Any]) -> Section:
    """The recipe, or section of one, with these values.

    Raises:
        UsageError: Fields that don't exist or values outside their limits; all of them together.
    """
    try:
        return section.model_validate(values)
    except ValidationError as error:
        raise one_error(_problems(error, section)) from error


def _problems(error: ValidationError, section: type[BaseModel]) -> list[Problem]:
    problems: list[Problem] = []
    for detail in error.errors():
        name, value = str(detail["loc"][0]), detail["input"]
        if detail["type"] == "extra_forbidden":
            hint = likely_field(name, section.model_fields, value)
            problems.append((f"a recipe has no field `{shown(name)}`", hint))
        elif detail["type"] == "missing":
            problems.append((f"`{name}` is missing", None))
        elif detail["type"] == "literal_error":
            known = re.findall(r"'(.+?)'", detail["ctx"]["expected"])
            near = did_you_mean(str(value), known, habits=VALUE_HABITS.get(name, {}))
            hint = f"{near + ' ' if near else ''}it takes {either_of(known)}"
            problems.append((f"`{name}` can't be `{shown(value)}`", hint))
        else:
            problems.append((f"`{name}` can't be `{shown(value)}`: {reason_of(detail)}", None))
    return problems


def one_error(problems: Sequence[Problem]) -> UsageError:
    """One error with all of the problems."""
    if len(problems) == 1:
        return UsageError(problems[0][0], hint=problems[0][1])
    lines = [f"{text} ({hint})" if hint else text for text, hint in problems]
    return UsageError(f"{len(problems)} values can't be\n{listed(lines)}")


def on_top(values: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a recipe with others on top; what depends on a changed field is open again.

    Options and class weights are put on top name by name.

    Args:
        values: Fields below, for instance those of a resolved recipe.
        given: Fields on top, for instance those that a user gives.
    """
    merged = dict(values)
    for field, dependent in DEPENDENT_FIELDS.items():
        if field in given and field in values and given[field] != values[field]:
            for name in dependent:
                merged.pop(name, None)
    for name, value in given.items():
        below = merged.get(name)
        if isinstance(value, Mapping) and isinstance(below, Mapping):
            value = {**below, **value}
        merged[name] = value
    return merged
