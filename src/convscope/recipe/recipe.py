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
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from convscope.errors import UsageError
from convscope.recipe.conflicts import OPTIMIZERS_WITH, SCHEDULES_WITH, RecipeFields, find_conflicts
from convscope.recipe.habits import likely_field
from convscope.recipe.optimization import Opt, Sched
from convscope.recipe.types import Fit, ImageSize, Initialization, Problem, Tune, sides_of
from convscope.text import did_you_mean, either_of, listed

FORMAT = 1

Section = TypeVar("Section", bound=BaseModel)

# A field -> fields that were resolved for its old value, and mean nothing for a new one.
DEPENDENT_FIELDS: Mapping[str, tuple[str, ...]] = {
    "model": ("options", "initialization", "auxiliary_weight"),
    "opt": ("lr", "bias_decay", *OPTIMIZERS_WITH),
    "sched": ("warmup_epochs", *SCHEDULES_WITH),
    "epochs": ("epochs_cut",),
    "loss": ("focal_gamma",),
    "tune": ("feature_views", "unfreeze_epochs"),
    "policy": ("policy_ops", "policy_magnitude"),
}


class Recipe(RecipeFields):
    """All that decides the result of a training."""

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
            raise _joined(problems)

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
    def input_sides(self) -> tuple[int, int] | None:
        """Height and width of the network's input; None where they are not resolved."""
        return None if self.img_size is None else sides_of(self.img_size)

    def dump(self) -> str:
        """The recipe as YAML, in the order of the fields."""
        import yaml

        values = {"format": FORMAT, **self.model_dump(mode="json")}
        return yaml.safe_dump(values, sort_keys=False, allow_unicode=True)


class ResolvedRecipe(Recipe):
    """A recipe without open fields, as a run's `recipe.yaml` holds it."""

    model: str
    img_size: ImageSize
    fit: Fit
    initialization: Initialization
    tune: Tune
    layer_decay: float
    epochs: int
    batch_size: int
    opt: Opt
    lr: float
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
    import yaml  # imported late: it takes a tenth of the time of `--help`

    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UsageError(f"recipe `{path}` can't be read: {error}") from error
    if not isinstance(values, dict):
        raise UsageError(f"recipe `{path}` is no mapping of fields to values")
    found = values.pop("format", FORMAT)
    if found != FORMAT:
        raise UsageError(
            f"recipe `{path}` has format {found}, this version of convscope reads format {FORMAT}",
            hint="install the version of convscope that wrote it, or a newer one",
        )
    return values


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
        raise _joined(_problems(error, section)) from error


def _problems(error: ValidationError, section: type[BaseModel]) -> list[Problem]:
    problems: list[Problem] = []
    for detail in error.errors():
        name, value = str(detail["loc"][0]), detail["input"]
        if detail["type"] == "extra_forbidden":
            hint = likely_field(name, section.model_fields)
            problems.append((f"a recipe has no field `{name}`", hint))
        elif detail["type"] == "missing":
            problems.append((f"`{name}` is missing", None))
        elif detail["type"] == "literal_error":
            known = re.findall(r"'(.+?)'", detail["ctx"]["expected"])
            near = did_you_mean(str(value), known)
            hint = f"{near + ' ' if near else ''}it takes {either_of(known)}"
            problems.append((f"`{name}` can't be `{value}`", hint))
        else:
            problems.append((f"`{name}` can't be `{value}`: {_reason(detail)}", None))
    return problems


def _reason(detail: ErrorDetails) -> str:
    message = detail["msg"]
    if detail["type"] == "value_error":  # ours
        return message.removeprefix("Value error, ")
    limit = message.removeprefix("Input should").strip()
    limit = limit.partition(",")[0]  # what follows is the library's own affair
    return f"it must {limit}" if message.startswith("Input should") else limit


def _joined(problems: Sequence[Problem]) -> UsageError:
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
