"""Recipe: everything that decides the result of a training, declared once.

The command line's flags, the fields of `recipe.yaml`, their limits and their help sentences all
come from the fields in the files `*_fields.py`. A value of None means "chosen when the data is
known"; a run's `recipe.yaml` has the choice in its place, so that running it again chooses nothing.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.fields import FieldInfo

from convscope.errors import UsageError
from convscope.recipe.augmentation_fields import AugmentationFields
from convscope.recipe.contradictions import contradictions
from convscope.recipe.data_fields import DataFields, DecodingFields
from convscope.recipe.learning_fields import CourseFields, LossFields, Opt, OptimizerFields, Sched
from convscope.recipe.network_fields import NetworkFields
from convscope.recipe.problems import explained, joined
from convscope.recipe.values import Fit, ImageSize, Initialization, Tune, sides_of

FORMAT = 1


# Pydantic lists the fields of the last base first; help and files begin with the data.
class Recipe(
    AugmentationFields,
    LossFields,
    OptimizerFields,
    CourseFields,
    NetworkFields,
    DecodingFields,
    DataFields,
    BaseModel,
):
    """What decides the result of a training."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", protected_namespaces=(), allow_inf_nan=False
    )

    @classmethod
    def parse(cls, values: dict[str, Any]) -> Recipe:
        """The recipe with these values.

        Raises:
            UsageError: Fields that don't exist or values that can't be; all of them together.
        """
        plain = {name: str(v) if isinstance(v, Path) else v for name, v in values.items()}
        try:
            recipe = cls.model_validate(plain)
        except ValidationError as error:
            raise explained(error, cls) from error
        recipe.check()
        return recipe

    def check(self) -> None:
        """Refuses fields that would have no effect, or exclude each other.

        Raises:
            UsageError: All of them together.
        """
        problems = list(contradictions(self))
        if problems:
            raise joined(problems)

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
        """Height and width of the network's input, where the recipe says them."""
        return None if self.img_size is None else sides_of(self.img_size)

    def dump(self) -> str:
        """The recipe as YAML, in the order of the fields."""
        import yaml

        values = {"format": FORMAT, **self.model_dump(mode="json")}
        return yaml.safe_dump(values, sort_keys=False, allow_unicode=True)


class DecidedRecipe(Recipe):
    """A recipe without open choices; what a run's `recipe.yaml` holds."""

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
    """The fields that a YAML file gives, unchecked but for the format.

    Raises:
        UsageError: The file can't be read, is no mapping or of another format.
    """
    import yaml  # here, as it would be a tenth of the time that help takes

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


def flags_of(name: str, field: FieldInfo) -> tuple[str, ...]:
    """The command-line spellings of a field, `-m`, `--model` or the like."""
    extra = field.json_schema_extra
    if isinstance(extra, dict) and "flags" in extra:
        return tuple(str(flag) for flag in extra["flags"])  # type: ignore[union-attr]
    return (f"--{name.replace('_', '-')}",)
