"""The verdict on a training in words: what its numbers mean, and what would help."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

FEW_IMAGES = 30
LARGE_GAP = 0.1  # between the accuracies on train and on validation images


def verdicts(
    evaluation: Mapping[str, Any], history: Sequence[Mapping[str, float]]
) -> Iterator[str]:
    """Sentences about what a reader of the numbers should know; none where all is well.

    Args:
        evaluation: An evaluation, as `evaluation.json` has it.
        history: The rows of the training's epochs.
    """
    yield from _against_largest_class(evaluation)
    yield from _few_images(evaluation)
    yield from _gap(history)


def _against_largest_class(evaluation: Mapping[str, Any]) -> Iterator[str]:
    largest = max(evaluation["classes"], key=lambda row: row["num_images"])
    share = largest["num_images"] / evaluation["num_images"]
    interval = evaluation["accuracy_interval"]
    if len(evaluation["classes"]) < 2 or interval["low"] > share:
        return
    is_below = evaluation["accuracy"] <= share
    yield (
        f"{'no better' if is_below else 'not surely better'} than always answering "
        f"`{largest['name']}`, which is right for {share:.0%} of these images: check the labels "
        "(`convscope check`), train longer, or with more images"
    )


def _few_images(evaluation: Mapping[str, Any]) -> Iterator[str]:
    num_images, interval = evaluation["num_images"], evaluation["accuracy_interval"]
    if num_images >= FEW_IMAGES:
        return
    yield (
        f"measured on {num_images} {'image' if num_images == 1 else 'images'} alone: the accuracy "
        f"lies between {interval['low']:.0%} and {interval['high']:.0%}; `--folds 5` tests on all "
        "images, a fifth at a time"
    )


def _gap(history: Sequence[Mapping[str, float]]) -> Iterator[str]:
    if not history:
        return
    best = max(history, key=lambda row: (row["validation_accuracy"], -row["validation_loss"]))
    train, validation = best["train_accuracy"], best["validation_accuracy"]
    if train - validation < LARGE_GAP:
        return
    yield (
        f"overfitting: {train:.0%} of the train images are right, {validation:.0%} of the "
        "validation images; more images help most, then stronger augmentation (`--policy "
        "trivialaugment`) or pretrained weights"
    )
