"""Recipe: everything that decides the result of a training, declared once.

The command line's flags, the fields of `recipe.yaml`, their limits and their help sentences all
come from the fields below. A value of None means "chosen when the data is known"; a run's
`recipe.yaml` has the choice in its place, so that running it again chooses nothing.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.fields import FieldInfo

from convscope.errors import UsageError, did_you_mean, either_of, listed

FORMAT = 1

# What a network is built with besides options; it follows from the data and from other fields.
NO_OPTIONS = ("name", "num_classes", "in_channels", "input_size", "initialization")

Fit = Literal["crop", "pad", "stretch"]
Tune = Literal["all", "dense", "head"]
Initialization = Literal[
    "kaiming", "kaiming_fan_out", "xavier", "lecun", "notes", "normal", "pytorch"
]


def _flags(*names: str) -> dict[str, Any]:
    """The command-line spellings of a field, where they are not just `--field-name`."""
    return {"flags": names}


class Recipe(BaseModel):
    """What decides the result of a training."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", protected_namespaces=(), allow_inf_nan=False
    )

    # What is learned from
    data: str = Field(
        min_length=1,
        description="Folder of class folders, folder of idx files, or `digits`.",
        json_schema_extra={"argument": True},
    )
    img_size: int | None = Field(
        None,
        ge=1,
        le=8192,
        description="Height and width of the network's input in pixels; else the network's own, "
        "or the images' where they are smaller.",
        json_schema_extra=_flags("--img-size", "--imgsz"),
    )
    fit: Fit | None = Field(
        None,
        description="How a photo is brought to a square: crop (shorter side, then the centre), "
        "pad (longer side, then black borders), stretch.",
    )
    folds: int | None = Field(
        None, ge=2, le=100, description="Cut the images into this many folds for cross-validation."
    )
    fold: int = Field(0, ge=0, description="Which of the folds is held out as test images.")
    allow_damaged: bool = Field(
        False, description="Go on although more than 5 % of the images can't be read."
    )

    # What learns
    model: str | None = Field(
        None,
        description="Name of the network; `convscope networks` lists all. Else lenet5_relu for "
        "small images and resnet18 for others.",
        json_schema_extra=_flags("-m", "--model"),
    )
    options: dict[str, Any] = Field(
        default_factory=dict,
        description="Option of the network as NAME=VALUE, for instance stem=small; repeatable.",
        json_schema_extra=_flags("--option"),
    )
    initialization: Initialization | None = Field(
        None, description="Scheme of the first weights; else the one that suits the network."
    )
    weights: str | None = Field(
        None,
        description="Start from these weights: a file (safetensors, pth, pt, th), a run, or "
        "`published`.",
    )
    tune: Tune | None = Field(
        None, description="Which layers learn: all, the dense ones, or the last one alone."
    )

    # How it learns
    epochs: int | None = Field(None, ge=1, le=100_000, description="Passes over the train images.")
    batch_size: int | None = Field(
        None,
        ge=1,
        le=1_000_000,
        description="Images a step.",
        json_schema_extra=_flags("-b", "--batch-size", "--batch"),
    )
    opt: Literal["sgd", "adam", "adamw"] = Field("adamw", description="Optimizer.")
    lr: float | None = Field(None, gt=0, description="Highest learning rate.")
    momentum: float | None = Field(None, ge=0, lt=1, description="Momentum, of sgd only.")
    weight_decay: float | None = Field(
        None,
        ge=0,
        description="Weight decay; never on biases and normalisation layers.",
        json_schema_extra=_flags("--weight-decay", "--wd"),
    )
    sched: Literal["constant", "cosine", "one-cycle"] = Field(
        "one-cycle", description="Course of the learning rate."
    )
    warmup_epochs: float | None = Field(
        None, ge=0, description="Epochs in which the rate climbs to its highest value."
    )
    label_smoothing: float = Field(
        0.0, ge=0, lt=1, description="Share of the target that is spread over all classes."
    )
    auxiliary_weight: float | None = Field(
        None, ge=0, description="Weight of auxiliary outputs in the loss (GoogLeNet: 0.3)."
    )
    hflip: float | None = Field(
        None, ge=0, le=1, description="Probability that a train image is mirrored."
    )
    translate: float | None = Field(
        None, ge=0, le=0.5, description="Largest shift of a train image, as a share of its size."
    )
    rotate: float | None = Field(
        None, ge=0, le=180, description="Largest rotation of a train image in degrees."
    )
    scale: float | None = Field(
        None, ge=0, lt=1, description="Largest change of a train image's size, as a share of it."
    )
    patience: int | None = Field(
        None,
        ge=1,
        description="Stop after this many epochs without a better validation accuracy (or, where "
        "that is the same, loss).",
    )
    seed: int = Field(0, ge=0, lt=2**32, description="Everything random follows from it.")

    # On what
    device: str = Field("auto", description="auto, cpu, cuda, cuda:1 or mps.")
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        "auto",
        description="Number format of convolutions and matrix products.",
    )

    @classmethod
    def parse(cls, values: dict[str, Any]) -> Recipe:
        """The recipe with these values.

        Raises:
            UsageError: Fields that don't exist or values that can't be; all of them together.
        """
        try:
            recipe = cls.model_validate(values)
        except ValidationError as error:
            raise _explained(error) from error
        problems = list(_contradictions(recipe))
        if problems:
            raise _joined(problems)
        return recipe

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

    def dump(self) -> str:
        """The recipe as YAML, in the order of the fields."""
        import yaml

        values = {"format": FORMAT, **self.model_dump(mode="json")}
        return yaml.safe_dump(values, sort_keys=False, allow_unicode=True)


class DecidedRecipe(Recipe):
    """A recipe without open choices; what a run's `recipe.yaml` holds."""

    model: str
    img_size: int
    fit: Fit
    initialization: Initialization
    tune: Tune
    epochs: int
    batch_size: int
    lr: float
    weight_decay: float
    warmup_epochs: float
    hflip: float
    translate: float
    rotate: float
    scale: float


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


def _contradictions(recipe: Recipe) -> list[tuple[str, str | None]]:
    """Fields that are given but would have no effect: an error, never ignored."""
    problems: list[tuple[str, str | None]] = []
    problems += [
        (f"`{name}` is no option of a network", None)
        for name in NO_OPTIONS
        if name in recipe.options
    ]
    if recipe.momentum is not None and recipe.opt != "sgd":
        problems.append((f"`momentum` has no effect with `opt={recipe.opt}`", "only sgd has one"))
    if recipe.fold and recipe.folds is None:
        problems.append((f"`fold={recipe.fold}` needs `folds`", "for instance `--folds 5`"))
    if recipe.folds is not None and recipe.fold >= recipe.folds:
        problems.append(
            (
                f"`fold` is {recipe.fold}, but there are only {recipe.folds} folds",
                f"folds count from 0 to {recipe.folds - 1}",
            )
        )
    if recipe.tune in ("dense", "head") and recipe.weights is None:
        problems.append(
            (
                f"`tune={recipe.tune}` needs `weights` to start from",
                "layers that don't learn must have learned before: `--weights published`",
            )
        )
    if recipe.warmup_epochs and recipe.sched == "constant":
        problems.append(("`warmup_epochs` has no effect with `sched=constant`", None))
    return problems


def _explained(error: ValidationError) -> UsageError:
    problems: list[tuple[str, str | None]] = []
    for detail in error.errors():
        name, value = str(detail["loc"][0]), detail["input"]
        if detail["type"] == "extra_forbidden":
            hint = did_you_mean(name, Recipe.model_fields)
            problems.append((f"a recipe has no field `{name}`", hint))
        elif detail["type"] == "missing":
            problems.append((f"`{name}` is missing", None))
        elif detail["type"] == "literal_error":
            known = _choices(name)
            near = did_you_mean(str(value), known)
            hint = f"{near + ' ' if near else ''}it takes {either_of(known)}"
            problems.append((f"`{name}` can't be `{value}`", hint))
        else:
            reason = detail["msg"].removeprefix("Input should").strip()
            reason = reason.partition(",")[0]  # what follows is the library's own affair
            reason = f"it must {reason}" if detail["msg"].startswith("Input should") else reason
            problems.append((f"`{name}` can't be `{value}`: {reason}", None))
    return _joined(problems)


def _choices(name: str) -> list[str]:
    schema = Recipe.model_json_schema()["properties"][name]
    for form in (schema, *schema.get("anyOf", [])):
        if "enum" in form:
            return [str(choice) for choice in form["enum"]]
    return []


def _joined(problems: list[tuple[str, str | None]]) -> UsageError:
    if len(problems) == 1:
        return UsageError(problems[0][0], hint=problems[0][1])
    lines = [f"{text} ({hint})" if hint else text for text, hint in problems]
    return UsageError(f"{len(problems)} values can't be\n{listed(lines)}")
