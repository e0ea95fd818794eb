"""The recipe: what decides the result of a training."""

from convscope.recipe.contradictions import (
    NO_OPTIONS,
    OPTIMIZERS_WITH,
    SCHEDULES_WITH,
    SHORT_OPTIONS,
)
from convscope.recipe.data_fields import DECODED_BY
from convscope.recipe.learning_fields import Opt, Sched
from convscope.recipe.merging import on_top
from convscope.recipe.recipe import FORMAT, DecidedRecipe, Recipe, flags_of, read_values
from convscope.recipe.values import (
    Fit,
    Initialization,
    Tune,
    given_or,
    seconds_of,
    sides_of,
    size_of,
)

__all__ = [
    "DECODED_BY",
    "FORMAT",
    "NO_OPTIONS",
    "OPTIMIZERS_WITH",
    "SCHEDULES_WITH",
    "SHORT_OPTIONS",
    "DecidedRecipe",
    "Fit",
    "Initialization",
    "Opt",
    "Recipe",
    "Sched",
    "Tune",
    "flags_of",
    "given_or",
    "on_top",
    "read_values",
    "seconds_of",
    "sides_of",
    "size_of",
]
