"""What can be wrong with a recipe, all of it said at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from convscope.errors import UsageError, did_you_mean, either_of, listed

if TYPE_CHECKING:
    from convscope.recipe.recipe import Recipe

# What a network is built with besides options; it follows from the data and from other fields.
NO_OPTIONS = ("name", "num_classes", "in_channels", "input_size", "initialization")

Problem = tuple[str, str | None]


def contradictions(recipe: Recipe) -> Iterable[Problem]:
    """Fields that are given but would have no effect: an error, never ignored."""
    for check in (_of_network, _of_learning, _of_folds, _of_augmentation):
        yield from check(recipe)


def _of_network(recipe: Recipe) -> Iterable[Problem]:
    for name in NO_OPTIONS:
        if name in recipe.options:
            yield f"`{name}` is no option of a network", None
    if recipe.tune in ("dense", "head") and recipe.weights is None:
        yield (
            f"`tune={recipe.tune}` needs `weights` to start from",
            "layers that don't learn must have learned before: `--weights published`",
        )


def _of_learning(recipe: Recipe) -> Iterable[Problem]:
    if recipe.momentum is not None and recipe.opt != "sgd":
        yield f"`momentum` has no effect with `opt={recipe.opt}`", "only sgd has one"
    if recipe.warmup_epochs and recipe.sched == "constant":
        yield "`warmup_epochs` has no effect with `sched=constant`", None


def _of_folds(recipe: Recipe) -> Iterable[Problem]:
    if recipe.fold and recipe.folds is None:
        yield f"`fold={recipe.fold}` needs `folds`", "for instance `--folds 5`"
    if recipe.folds is not None and recipe.fold >= recipe.folds:
        yield (
            f"`fold` is {recipe.fold}, but there are only {recipe.folds} folds",
            f"folds count from 0 to {recipe.folds - 1}",
        )
    if recipe.folds is not None and recipe.splits is not None:
        yield "`folds` and `splits` exclude each other", "both say which image is on which side"


def _of_augmentation(recipe: Recipe) -> Iterable[Problem]:
    if recipe.crop_scale and recipe.pad_crop:
        yield "`crop_scale` and `pad_crop` exclude each other", "both cut a part out of the image"
    if recipe.policy != "randaugment":
        for name in ("policy_ops", "policy_magnitude"):
            if getattr(recipe, name) is not None:
                yield (
                    f"`{name}` has no effect with `policy={recipe.policy}`",
                    ("only randaugment has one"),
                )
    if recipe.flip_mode == "alternating" and recipe.hflip == 0:
        yield "`flip_mode=alternating` has no effect with `hflip=0`", None


def explained(error: ValidationError, recipe: type[Recipe]) -> UsageError:
    """The error in our form, for the fields of `recipe`."""
    problems: list[Problem] = []
    for detail in error.errors():
        name, value = str(detail["loc"][0]), detail["input"]
        if detail["type"] == "extra_forbidden":
            hint = did_you_mean(name, recipe.model_fields)
            problems.append((f"a recipe has no field `{name}`", hint))
        elif detail["type"] == "missing":
            problems.append((f"`{name}` is missing", None))
        elif detail["type"] == "literal_error":
            known = _choices(name, recipe)
            near = did_you_mean(str(value), known)
            hint = f"{near + ' ' if near else ''}it takes {either_of(known)}"
            problems.append((f"`{name}` can't be `{value}`", hint))
        else:
            problems.append((f"`{name}` can't be `{value}`: {_reason(detail)}", None))
    return joined(problems)


def _reason(detail: ErrorDetails) -> str:
    message = detail["msg"]
    if detail["type"] == "value_error":  # ours
        return message.removeprefix("Value error, ")
    words = message.removeprefix("Input should").strip()
    words = words.partition(",")[0]  # what follows is the library's own affair
    return f"it must {words}" if message.startswith("Input should") else words


def _choices(name: str, recipe: type[Recipe]) -> list[str]:
    schema = recipe.model_json_schema()["properties"][name]
    for form in (schema, *schema.get("anyOf", [])):
        if "enum" in form:
            return [str(choice) for choice in form["enum"]]
    return []


def joined(problems: Sequence[Problem]) -> UsageError:
    """One error that says all of the problems."""
    if len(problems) == 1:
        return UsageError(problems[0][0], hint=problems[0][1])
    lines = [f"{text} ({hint})" if hint else text for text, hint in problems]
    return UsageError(f"{len(problems)} values can't be\n{listed(lines)}")
