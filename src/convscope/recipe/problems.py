"""What can be wrong with a recipe, all of it said at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from convscope.errors import UsageError, did_you_mean, either_of, listed
from convscope.recipe.contradictions import Problem

if TYPE_CHECKING:
    from convscope.recipe.recipe import Recipe


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
