"""The verdict on a training in words: what its numbers mean, and what would help."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

FEW_IMAGES = 30
LARGE_GAP = 0.1  # between the accuracies on train and on validation images

SENTENCES = {
    "below_largest": "no better than always answering `{name}`, which is right for {share} of "
    "these images: check the labels (`convscope check`), train longer, or with more images",
    "near_largest": "not surely better than always answering `{name}`, which is right for "
    "{share} of these images: check the labels (`convscope check`), train longer, or with more "
    "images",
    "one_image": "measured on 1 image alone: the accuracy lies between {low} and {high}; `--folds "
    "5` tests on all images, a fifth at a time",
    "few_images": "measured on {count} images alone: the accuracy lies between {low} and {high}; "
    "`--folds 5` tests on all images, a fifth at a time",
    "overfitting": "overfitting: {train} of the train images are right, {validation} of the "
    "validation images; more images help most, then stronger augmentation (`--policy "
    "trivialaugment`) or pretrained weights",
}


class Remark(NamedTuple):
    """What a reader of the numbers should know: a key of `SENTENCES`, and what stands in it."""

    kind: str
    values: dict[str, str]


def verdicts(
    evaluation: Mapping[str, Any], history: Sequence[Mapping[str, float]]
) -> Iterator[str]:
    """Sentences about what a reader of the numbers should know; none where all is well.

    Args:
        evaluation: An evaluation, as `evaluation.json` has it.
        history: The rows of the training's epochs.
    """
    for remark in remarks(evaluation, history):
        yield SENTENCES[remark.kind].format(**remark.values)


def remarks(
    evaluation: Mapping[str, Any], history: Sequence[Mapping[str, float]]
) -> Iterator[Remark]:
    """What `verdicts` says, for other languages."""
    yield from _against_largest_class(evaluation)
    yield from _few_images(evaluation)
    train, validation = accuracies_of_the_best(history)
    if train - validation >= LARGE_GAP:
        values = {"train": f"{train:.0%}", "validation": f"{validation:.0%}"}
        yield Remark("overfitting", values)


def accuracies_of_the_best(history: Sequence[Mapping[str, float]]) -> tuple[float, float]:
    """Accuracy on train and on validation images in the epoch that is kept; 0 before the first."""
    if not history:
        return 0.0, 0.0
    best = max(history, key=lambda row: (row["validation_accuracy"], -row["validation_loss"]))
    return best["train_accuracy"], best["validation_accuracy"]


def _against_largest_class(evaluation: Mapping[str, Any]) -> Iterator[Remark]:
    largest = max(evaluation["classes"], key=lambda row: row["num_images"])
    share = largest["num_images"] / evaluation["num_images"]
    interval = evaluation["accuracy_interval"]
    if len(evaluation["classes"]) < 2 or interval["low"] > share:
        return
    kind = "below_largest" if evaluation["accuracy"] <= share else "near_largest"
    yield Remark(kind, {"name": largest["name"], "share": f"{share:.0%}"})


def _few_images(evaluation: Mapping[str, Any]) -> Iterator[Remark]:
    num_images, interval = evaluation["num_images"], evaluation["accuracy_interval"]
    if num_images >= FEW_IMAGES:
        return
    yield Remark(
        "one_image" if num_images == 1 else "few_images",
        {
            "count": f"{num_images}",
            "low": f"{interval['low']:.0%}",
            "high": f"{interval['high']:.0%}",
        },
    )
