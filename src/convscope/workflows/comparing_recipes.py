"""Compare recipes, by several trainings of each."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from convscope.errors import UsageError
from convscope.evaluation.intervals import Estimate, named
from convscope.evaluation.seeds import Repeated, over_folds, over_seeds, recipe_difference
from convscope.run import Run

APART = ("seed", "fold")  # fields in which the trainings of one recipe differ


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipeComparison:
    """Recipes with the accuracies of their trainings.

    Attributes:
        recipes: Each with the names of its runs.
        pairs: Numbers of two recipes, with the second's accuracy less the first's.
    """

    recipes: tuple[tuple[tuple[str, ...], Repeated], ...]
    pairs: tuple[tuple[int, int, Estimate], ...]

    def to_dict(self) -> dict[str, Any]:
        """The fields, ready for JSON."""
        return {
            "recipes": [
                {"runs": list(runs), **repeated.to_dict()} for runs, repeated in self.recipes
            ],
            "pairs": [
                {"first": first, "second": second, **named("accuracy_difference", estimate)}
                for first, second, estimate in self.pairs
            ],
        }


def compare_recipes(*runs: Run | str | Path) -> RecipeComparison:
    """Compares recipes by several trainings of each, which differ in seed or fold alone.

    Args:
        runs: Finished runs, at least two of each recipe, in any order; their own numbers count.

    Raises:
        RunError: One is missing or not finished.
        UsageError: A recipe has one run only, or seeds are mixed with folds.
    """
    groups: dict[str, list[Run]] = defaultdict(list)
    for each in runs:
        run = each if isinstance(each, Run) else Run.open(each)
        values = run.recipe.model_dump(mode="json")
        groups[json.dumps({n: v for n, v in values.items() if n not in APART})].append(run)
    recipes = [_repeated(group) for group in groups.values()]
    pairs = [
        (first, second, recipe_difference(recipes[first][1], recipes[second][1]))
        for first in range(len(recipes))
        for second in range(first + 1, len(recipes))
    ]
    return RecipeComparison(recipes=tuple(recipes), pairs=tuple(pairs))


def _repeated(runs: Sequence[Run]) -> tuple[tuple[str, ...], Repeated]:
    runs = sorted(runs, key=lambda run: (run.recipe.fold, run.recipe.seed))
    names = tuple(run.path.name for run in runs)
    if len(runs) < 2:
        raise UsageError(
            f"`{runs[0].path}` is the only run of its recipe",
            hint="train it again with another `--seed`, or with another `--fold`",
        )
    folds, seeds = {run.recipe.fold for run in runs}, {run.recipe.seed for run in runs}
    accuracies = [float(run.evaluation["accuracy"]) for run in runs]
    if len(folds) == 1 and len(seeds) == len(runs):
        return names, over_seeds(accuracies)
    if len(folds) == len(runs) and len(seeds) == 1:
        return names, over_folds(accuracies)
    raise UsageError(
        f"`{names[0]}` and {len(names) - 1} more differ in seed and fold, or in neither",
        hint="give runs of one recipe that differ in `--seed` alone, or in `--fold` alone",
    )
