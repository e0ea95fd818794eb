"""Comparing classifiers on the same images, and recipes by several trainings of each."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Unpack

import numpy as np

from convscope.api.arguments import checked
from convscope.api.load import DataOptions, Loaded, load_with_run, open_evaluation_data
from convscope.arithmetic import layer_table
from convscope.classifier import Classifier
from convscope.errors import DataError, UsageError
from convscope.evaluation.comparison import (
    Difference,
    RepeatedAccuracy,
    differences,
    over_folds,
    over_seeds,
    recipe_difference,
)
from convscope.evaluation.evaluate import collect_outputs
from convscope.evaluation.intervals import Estimate, Record, named, proportion
from convscope.evaluation.outputs import Outputs
from convscope.progress import DEFAULT_REPORTER, Reporter
from convscope.run import Run
from convscope.short_repr import Shown, short_repr
from convscope.text import listed

Comparable = Classifier | Run | str | Path
DISAGREEMENTS = 50  # images that are named for each pair
SEED_AND_FOLD = ("seed", "fold")  # fields in which the trainings of one recipe differ


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedClassifier(Record):
    """One of the classifiers that were compared.

    Attributes:
        name: What a user calls it.
        accuracy: Its accuracy on the images of the comparison.
        log_loss: Its mean log loss, in nats.
        num_parameters: Number of parameters of its network.
        macs: Multiply-accumulates for one image.
        images_per_second: Throughput, preprocessing included, measured here.
    """

    name: str
    accuracy: Estimate
    log_loss: float
    num_parameters: int
    macs: int
    images_per_second: float

    __repr__ = short_repr


@dataclass(frozen=True, slots=True, kw_only=True)
class Disagreement(Record):
    """An image that only one of two classifiers gets right.

    Attributes:
        name: What a user calls it.
        label: Its class.
        first: The first classifier's prediction.
        second: The second classifier's prediction.
    """

    name: str
    label: str
    first: str
    second: str

    __repr__ = short_repr


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassifierPair(Record):
    """Two classifiers, and how they differ.

    Attributes:
        first: Name of one.
        second: Name of the other.
        difference: Difference of their accuracies.
        disagreements: Images that only one gets right, at most `DISAGREEMENTS`.
    """

    first: str
    second: str
    difference: Difference
    disagreements: tuple[Disagreement, ...]

    __repr__ = short_repr

    @property
    def conclusion(self) -> str:
        """A sentence that says which one is better, if the images can tell."""
        better = {"first": self.first, "second": self.second}.get(self.difference.verdict)
        if better is None:
            return f"can't tell {self.first} and {self.second} apart"
        return f"{better} is better than {self.second if better == self.first else self.first}"

    def to_dict(self) -> dict[str, Any]:
        """The fields, ready for JSON."""
        return {
            "first": self.first,
            "second": self.second,
            **self.difference.to_dict(),
            "words": self.conclusion,
            "disagreements": [each.to_dict() for each in self.disagreements],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison(Record, Shown):
    """Several classifiers on the same images.

    Attributes:
        images: Description of the images.
        num_images: Number of images.
        classifiers: The classifiers, in the order given.
        pairs: Each pair of them.
    """

    images: str
    num_images: int
    classifiers: tuple[ComparedClassifier, ...]
    pairs: tuple[ClassifierPair, ...]

    __repr__ = short_repr


@checked()
def compare(
    *classifiers: Comparable | list[Any],
    data: str | Path | None = None,
    device: str = "auto",
    reporter: Reporter = DEFAULT_REPORTER,
    **options: Unpack[DataOptions],
) -> Comparison:
    """Compares classifiers on the same images: which is better, if the images can tell?

    It compares these classifiers, not the recipes that they come from: `compare_recipes` does that.

    Args:
        classifiers: At least two runs, their folders, classifier folders or classifiers; or a list
            of them.
        data: See `open_dataset`; None for the data that the first run was trained on.
        device: `auto`, `cpu`, `cuda`, `cuda:1` or `mps`.
        reporter: Shows progress.
        **options: See `DataOptions`; the default split are images that no training saw.

    Raises:
        DataError: The data can't be used, the classifiers know different classes, or there is no
            image that none of them saw.
        UsageError: There are fewer than two, or as for `evaluate`.
    """
    given = _flattened(classifiers)
    loaded = _with_unique_names([load_with_run(each, device=device) for each in given])
    if len(loaded) < 2:
        raise UsageError("there is nothing to compare with", hint="give at least two runs")
    _check_same_classes(loaded)
    opened = open_evaluation_data(loaded, data, reporter=reporter, **options)
    image_index, subset = opened.image_index, opened.subset
    collected = [
        collect_outputs(each.classifier, image_index, subset, reporter=reporter) for each in loaded
    ]
    outputs = [each.outputs for each in collected]
    names = [image_index.dataset.images.name(int(index)) for index in subset.indices]
    found = differences([each.is_correct for each in outputs])
    return Comparison(
        images=subset.description,
        num_images=len(names),
        classifiers=tuple(
            _compared(each, *result) for each, result in zip(loaded, collected, strict=True)
        ),
        pairs=tuple(
            ClassifierPair(
                first=loaded[first].name,
                second=loaded[second].name,
                difference=difference,
                disagreements=_disagreements(outputs[first], outputs[second], names),
            )
            for (first, second), difference in found.items()
        ),
    )


def _with_unique_names(loaded: Sequence[Loaded]) -> list[Loaded]:
    """The classifiers, named by whole paths and numbers where names stand twice."""
    names = [each.name for each in loaded]
    if len(set(names)) == len(names):
        return list(loaded)
    return [
        each._replace(name=f"{each.run.path if each.run else each.name} ({number})")
        for number, each in enumerate(loaded, 1)
    ]


def _check_same_classes(loaded: Sequence[Loaded]) -> None:
    first = loaded[0]
    lines = []
    for other in loaded[1:]:
        odd = sorted(set(first.classifier.classes) ^ set(other.classifier.classes))
        lines += [
            f"`{name}` is known to `{(first if name in first.classifier.classes else other).name}` "
            "alone"
            for name in odd
        ]
    if lines:
        raise DataError(
            f"the classifiers know different classes\n{listed(lines)}",
            hint="classifiers of the same classes can be compared",
        )


def _compared(loaded: Loaded, outputs: Outputs, seconds: float) -> ComparedClassifier:
    choice = loaded.classifier.choice
    table = layer_table(loaded.classifier.network, (1, choice.in_channels, *choice.input_size))
    return ComparedClassifier(
        name=loaded.name,
        accuracy=proportion(int(outputs.is_correct.sum()), len(outputs)),
        log_loss=float(outputs.losses.mean()),
        num_parameters=table.parameters,
        macs=table.macs,
        images_per_second=len(outputs) / seconds,
    )


def _disagreements(
    first: Outputs, second: Outputs, names: Sequence[str]
) -> tuple[Disagreement, ...]:
    """Images that only one gets right; those on which both are most confident come first."""
    differing = np.flatnonzero(first.is_correct != second.is_correct)
    confidences = np.minimum(first.confidences[differing], second.confidences[differing])
    return tuple(
        Disagreement(
            name=names[index],
            label=first.classes[first.targets[index]],
            first=first.classes[first.predicted[index]],
            second=second.classes[second.predicted[index]],
        )
        for index in differing[np.argsort(-confidences, kind="stable")][:DISAGREEMENTS]
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipeComparison(Shown):
    """Recipes with the accuracies of their trainings.

    Attributes:
        recipes: Names of each recipe's runs, with their accuracy.
        pairs: Indices of two recipes, with the second's accuracy minus the first's.
    """

    recipes: tuple[tuple[tuple[str, ...], RepeatedAccuracy], ...]
    pairs: tuple[tuple[int, int, Estimate], ...]

    __repr__ = short_repr

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


@checked()
def compare_recipes(*runs: Run | str | Path | list[Any]) -> RecipeComparison:
    """Compares recipes by several trainings of each, which differ in seed or fold alone.

    Args:
        runs: Finished runs, at least two of each recipe, in any order, or a list of them; the
            accuracies are those of their own evaluations.

    Raises:
        RunError: A run is missing or not finished.
        UsageError: A recipe has one run only, or seeds are mixed with folds.
    """
    groups: dict[str, list[Run]] = defaultdict(list)
    for each in _flattened(runs):
        run = each if isinstance(each, Run) else Run.open(each)
        values = run.recipe.model_dump(mode="json")
        groups[json.dumps({n: v for n, v in values.items() if n not in SEED_AND_FOLD})].append(run)
    recipes = [_repeated(group) for group in groups.values()]
    pairs = [
        (first, second, recipe_difference(recipes[first][1], recipes[second][1]))
        for first in range(len(recipes))
        for second in range(first + 1, len(recipes))
    ]
    return RecipeComparison(recipes=tuple(recipes), pairs=tuple(pairs))


def _flattened(given: Sequence[Any]) -> list[Any]:
    """What is given one by one, or as a single list."""
    is_list = len(given) == 1 and isinstance(given[0], list)
    return list(given[0] if is_list else given)


def _repeated(runs: Sequence[Run]) -> tuple[tuple[str, ...], RepeatedAccuracy]:
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
