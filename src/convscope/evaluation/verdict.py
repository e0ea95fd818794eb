"""The verdict on a training in words: what its numbers mean, and what would help."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from convscope.paths import shell_word
from convscope.recipe import Recipe

FEW_IMAGES = 30
LARGE_GAP = 0.1  # between the accuracies on train and on validation images


def verdicts(
    evaluation: Mapping[str, Any],
    history: Sequence[Mapping[str, float]],
    *,
    recipe: Recipe,
    command: str,
) -> Iterator[str]:
    """Sentences about what a reader of the numbers should know; none where all is well.

    Args:
        evaluation: An evaluation, as `evaluation.json` has it.
        history: The rows of the training's epochs.
        recipe: The training's recipe.
        command: The command line that trained, to which flags can be added.
    """
    yield from _against_largest_class(evaluation, recipe)
    yield from _few_images(evaluation, command)
    yield from _gap(history, recipe, command)


def _against_largest_class(evaluation: Mapping[str, Any], recipe: Recipe) -> Iterator[str]:
    largest = max(evaluation["classes"], key=lambda row: row["num_images"])
    share = largest["num_images"] / evaluation["num_images"]
    interval = evaluation["accuracy_interval"]
    if len(evaluation["classes"]) < 2 or interval["low"] > share:
        return
    is_below = evaluation["accuracy"] <= share
    yield (
        f"{'no better' if is_below else 'not surely better'} than always answering "
        f"`{largest['name']}`, which is right for {share:.0%} of these images: check the labels "
        f"(`convscope check {shell_word(recipe.data)}`), train longer, or with more images"
    )


def _few_images(evaluation: Mapping[str, Any], command: str) -> Iterator[str]:
    num_images, interval = evaluation["num_images"], evaluation["accuracy_interval"]
    if num_images >= FEW_IMAGES:
        return
    yield (
        f"measured on {num_images} {'image' if num_images == 1 else 'images'} alone: the accuracy "
        f"lies between {interval['low']:.0%} and {interval['high']:.0%}; `{command} --folds 5 "
        "--fold 0`, and so on to `--fold 4`, tests on all images, a fifth at a time"
    )


def overfits(history: Sequence[Mapping[str, float]]) -> bool:
    """Whether the kept epoch is so much better on train images that it knows them by heart."""
    train, validation = accuracies_of_the_best(history)
    return train - validation >= LARGE_GAP


def accuracies_of_the_best(history: Sequence[Mapping[str, float]]) -> tuple[float, float]:
    """Accuracy on train and on validation images in the epoch that is kept; 0 before the first."""
    if not history:
        return 0.0, 0.0
    best = max(history, key=lambda row: (row["validation_accuracy"], -row["validation_loss"]))
    return best["train_accuracy"], best["validation_accuracy"]


def _gap(history: Sequence[Mapping[str, float]], recipe: Recipe, command: str) -> Iterator[str]:
    if not overfits(history):
        return
    train, validation = accuracies_of_the_best(history)
    helps = ["more images help most"]
    if recipe.policy == "none" and recipe.tune == "all":  # else few versions of an image are seen
        helps.append(f"stronger augmentation may: `{command} --policy trivialaugment`")
    if recipe.is_from_scratch:
        helps.append("pretrained weights may: leave out `--model` and `--weights`")
    yield (
        f"overfitting: {train:.0%} of the train images are right, {validation:.0%} of the "
        f"validation images; {'; '.join(helps)}"
    )
