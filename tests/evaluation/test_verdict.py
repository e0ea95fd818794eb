"""What is said about the numbers of a training: nothing where all is well."""

from __future__ import annotations

from typing import Any

import pytest

from convscope.evaluation.intervals import named, proportion
from convscope.evaluation.verdict import verdicts
from convscope.recipe import Recipe

RECIPE = Recipe.parse({"data": "my photos", "tune": "all"})
COMMAND = "convscope train 'my photos' --seed 1"


def said_of(
    numbers: dict[str, Any], history: list[dict[str, float]], recipe: Recipe = RECIPE
) -> list[str]:
    return list(verdicts(numbers, history, recipe=recipe, command=COMMAND))


def evaluation(right: int, counts: dict[str, int]) -> dict[str, Any]:
    num_images = sum(counts.values())
    return {
        "num_images": num_images,
        **named("accuracy", proportion(right, num_images)),
        "classes": [{"name": name, "num_images": count} for name, count in counts.items()],
    }


def epoch(train: float, validation: float, loss: float = 0.5) -> dict[str, float]:
    return {
        "train_accuracy": train,
        "validation_accuracy": validation,
        "validation_loss": loss,
    }


GOOD = evaluation(93, {"ants": 50, "bees": 50})


@pytest.mark.parametrize(
    ("right", "counts", "begins"),
    [
        (60, {"ants": 60, "bees": 40}, "no better than always answering `ants`, which is right"),
        (30, {"ants": 60, "bees": 40}, "no better than always answering `ants`"),
        (65, {"ants": 60, "bees": 40}, "not surely better than always answering `ants`"),
        (1, {"bees": 1, "ants": 0}, "no better than always answering `bees`, which is right for 1"),
    ],
)
def test_the_largest_class_is_the_least_to_beat(
    right: int, counts: dict[str, int], begins: str
) -> None:
    said = said_of(evaluation(right, counts), [])[0]
    assert said.startswith(begins)
    assert said.endswith("(`convscope check 'my photos'`), train longer, or with more images")


def test_one_image_says_less() -> None:
    _, said = said_of(evaluation(1, {"ants": 1, "bees": 0}), [])
    assert said.startswith("measured on 1 image alone: the accuracy lies between ")


def test_few_images_say_little() -> None:
    assert said_of(evaluation(11, {"ants": 6, "bees": 6}), []) == [
        "measured on 12 images alone: the accuracy lies between 65% and 99%; `convscope train 'my "
        "photos' --seed 1 --folds 5 --fold 0`, and so on to `--fold 4`, tests on all images, a "
        "fifth at a time"
    ]


@pytest.mark.parametrize(
    ("history", "expected"),
    [
        ([epoch(0.99, 0.86)], ["overfitting: 99% of the train images are right, 86% of the"]),
        ([epoch(0.95, 0.86)], []),
        ([epoch(0.5, 0.9), epoch(1.0, 0.7)], []),  # the second epoch isn't the one that is kept
        ([epoch(1.0, 0.8, 0.6), epoch(0.85, 0.8, 0.5)], []),
        ([], []),
    ],
)
def test_a_gap_in_the_epoch_that_is_kept_is_overfitting(
    history: list[dict[str, float]], expected: list[str]
) -> None:
    said = said_of(GOOD, history)
    assert len(said) == len(expected)
    assert all(text.startswith(begins) for text, begins in zip(said, expected, strict=True))


def test_overfitting_names_what_this_training_has_not_tried() -> None:
    gap = [epoch(0.99, 0.86)]
    begins = (
        "overfitting: 99% of the train images are right, 86% of the validation images; more "
        "images help most"
    )
    assert said_of(GOOD, gap) == [
        f"{begins}; stronger augmentation may: `{COMMAND} --policy trivialaugment`; pretrained "
        "weights may: leave out `--model` and `--weights`"
    ]
    on_features = {"data": "d", "model": "efficientnet_lite0", "weights": "published"}
    assert said_of(GOOD, gap, Recipe.parse({**on_features, "tune": "head"})) == [begins]
