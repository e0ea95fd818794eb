"""The recipe: what decides the result of a training."""

from convscope.recipe.fields import (
    DECODED_BY,
    Fit,
    Initialization,
    Tune,
    sides_of,
    size_of,
)
from convscope.recipe.problems import NO_OPTIONS
from convscope.recipe.recipe import FORMAT, DecidedRecipe, Recipe, flags_of, read_values

__all__ = [
    "DECODED_BY",
    "FORMAT",
    "NO_OPTIONS",
    "DecidedRecipe",
    "Fit",
    "Initialization",
    "Recipe",
    "Tune",
    "flags_of",
    "read_values",
    "sides_of",
    "size_of",
]
