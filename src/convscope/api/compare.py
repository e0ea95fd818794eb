"""Comparing classifiers on the same images, and recipes by several trainings of each."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from convscope.api.arguments import checked
from convscope.api.destination import OutputOptions, output_page, taken_language
from convscope.api.load import DataOptions, Loaded, load_with_run, open_evaluation_data
from convscope.arithmetic import layer_table
from convscope.classifier import Classifier
from convscope.errors import DataError, UsageError
from convscope.evaluation.compared import (
    ClassifierPair,
    ComparedClassifier,
    Comparison,
    Disagreement,
    RecipeComparison,
)
from convscope.evaluation.comparison import (
    RepeatedAccuracy,
    differences,
    over_folds,
    over_seeds,
    recipe_difference,
)
from convscope.evaluation.evaluate import collect_outputs
from convscope.evaluation.intervals import proportion
from convscope.evaluation.outputs import Outputs
from convscope.files import mark_output, write_text
from convscope.paths import command_line
from convscope.progress import DEFAULT_REPORTER, Reporter
from convscope.report.comparison import classifiers_page, recipes_page
from convscope.run import Run
from convscope.text import listed

Comparable = Classifier | Run | str | Path
DISAGREEMENTS = 50  # images that are named for each pair
OF_EACH = 12  # of them at least that only the first, and only the second gets right
SEED_AND_FOLD = ("seed", "fold")  # fields in which the trainings of one recipe differ


@checked(DataOptions, OutputOptions)
def compare(
    *classifiers: Comparable | list[Any],
    data: str | Path | None = None,
    device: str = "auto",
    output: str | Path | None = None,
    reporter: Reporter = DEFAULT_REPORTER,
    **options: Any,
) -> Comparison:
    """Compares classifiers on the same images: which is better, if the images can tell?

    It compares these classifiers, not the recipes that they come from: `compare_recipes` does that.

    Args:
        classifiers: At least two runs, their folders, classifier folders or classifiers; or a list
            of them.
        data: See `open_dataset`; None for the data that the first run was trained on.
        device: `auto`, `cpu`, `cuda`, `cuda:1` or `mps`.
        output: HTML file, or folder for report.html; None to write nothing.
        reporter: Shows progress.
        **options: Which images, how they are read, and the language of the page; the default split
            are images that no training saw.

    Raises:
        DataError: The data can't be used, the classifiers know different classes, or there is no
            image that none of them saw.
        UsageError: There are fewer than two, or as for `evaluate`.
    """
    language = taken_language(options)
    file = None if output is None else output_page(output)
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
    names = [image_index.dataset.images.name(int(index)) for index in subset.indices]
    comparison = Comparison(
        images=subset.description,
        num_images=len(names),
        classifiers=tuple(
            _compared(each, *result) for each, result in zip(loaded, collected, strict=True)
        ),
        pairs=tuple(_pairs(loaded, [each.outputs for each in collected], names)),
        runs=tuple(each.run for each in loaded),
        image_index=image_index,
    )
    if file is not None:
        write_comparison(comparison, file, language=language)
    return comparison


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


def _pairs(
    loaded: Sequence[Loaded], outputs: Sequence[Outputs], names: Sequence[str]
) -> Iterator[ClassifierPair]:
    """The difference of each two classifiers, with images that only one of them gets right."""
    found = differences([each.is_correct for each in outputs])
    for (first, second), difference in found.items():
        yield ClassifierPair(
            first=loaded[first].name,
            second=loaded[second].name,
            difference=difference,
            disagreements=_disagreements(outputs[first], outputs[second], names),
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
    order = differing[np.argsort(-confidences, kind="stable")]
    is_first = first.is_correct[order]
    # Of both kinds some, however few of one are among the most confident.
    rank = np.where(is_first, np.cumsum(is_first), np.cumsum(~is_first))
    chosen = np.argsort(rank > OF_EACH, kind="stable")[:DISAGREEMENTS]
    return tuple(
        Disagreement(
            name=names[index],
            label=first.classes[first.targets[index]],
            first=first.classes[first.predicted[index]],
            second=second.classes[second.predicted[index]],
        )
        for index in order[np.sort(chosen)]
    )


@checked(OutputOptions)
def compare_recipes(
    *runs: Run | str | Path | list[Any], output: str | Path | None = None, **options: Any
) -> RecipeComparison:
    """Compares recipes by several trainings of each, which differ in seed or fold alone.

    Args:
        runs: Finished runs, at least two of each recipe, in any order, or a list of them; the
            accuracies are those of their own evaluations.
        output: HTML file, or folder for report.html; None to write nothing.
        options: The language of the page.

    Raises:
        RunError: A run is missing or not finished, or the page can't be written.
        UsageError: A recipe has one run only, or seeds are mixed with folds.
    """
    language = taken_language(options)
    file = None if output is None else output_page(output)
    groups: dict[str, list[Run]] = defaultdict(list)
    for each in _flattened(runs):
        run = each if isinstance(each, Run) else Run.open(each)
        values = run.recipe.model_dump(mode="json")
        groups[json.dumps({n: v for n, v in values.items() if n not in SEED_AND_FOLD})].append(run)
    recipes = [_repeated(_in_order(group)) for group in groups.values()]
    pairs = [
        (first, second, recipe_difference(recipes[first][1], recipes[second][1]))
        for first in range(len(recipes))
        for second in range(first + 1, len(recipes))
    ]
    found = RecipeComparison(
        recipes=tuple(recipes), pairs=tuple(pairs), runs=tuple(map(_in_order, groups.values()))
    )
    if file is not None:
        write_comparison(found, file, language=language)
    return found


def _flattened(given: Sequence[Any]) -> list[Any]:
    """What is given one by one, or as a single list."""
    is_list = len(given) == 1 and isinstance(given[0], list)
    return list(given[0] if is_list else given)


def _in_order(runs: Sequence[Run]) -> tuple[Run, ...]:
    """The runs of a recipe, by fold and seed."""
    return tuple(sorted(runs, key=lambda run: (run.recipe.fold, run.recipe.seed)))


def _repeated(runs: Sequence[Run]) -> tuple[tuple[str, ...], RepeatedAccuracy]:
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


@checked()
def write_comparison(
    found: Comparison | RecipeComparison,
    output: str | Path,
    *,
    language: str = "en",
    command: str | None = None,
) -> Path:
    """Writes the page of a comparison to an HTML file, or as report.html into a folder.

    Args:
        found: What `compare` or `compare_recipes` returned.
        output: The file, or its folder.
        language: Language of the page: `en` or `zh`.
        command: Command line that makes the page again; None for one with the names of the runs.

    Raises:
        RunError: The file can't be written.
        UsageError: There is no translation for this language, or the file has another ending.
    """
    file = output_page(output)
    again = command or _command_for(found)
    if isinstance(found, Comparison):
        page = classifiers_page(found, command=again, language=language)
    else:
        page = recipes_page(found, command=again, language=language)
    mark_output(file.parent)
    write_text(file, page)
    return file


def _command_for(found: Comparison | RecipeComparison) -> str:
    """The command line that makes the same comparison, as far as it is known."""
    if isinstance(found, RecipeComparison):
        repeated = [run.path for group in found.runs for run in group]
        return command_line("convscope", "compare", *repeated, "--recipes")
    names = [each.name for each in found.classifiers]
    compared = [run.path if run else name for run, name in zip(found.runs, names, strict=True)]
    return command_line("convscope", "compare", *compared)
