"""Comparisons: of classifiers on the same images, and of recipes by several of their trainings."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from recorded import recorded_run
from torch import nn

import convscope
from conftest import MakeFolder
from convscope.api.compare import compare_recipes
from convscope.classifier import Classifier
from convscope.errors import DataError, RunError, UsageError


def in_order(classifier: Classifier, order: list[int], *, classes: tuple[str, ...]) -> Classifier:
    """The same classifier with its last layer's neurons in another order, and new names."""
    network = classifier.choice.build()
    network.load_state_dict(classifier.network.state_dict())
    last = [module for module in network.modules() if isinstance(module, nn.Linear)][-1]
    with torch.no_grad():
        last.weight.copy_(last.weight[order])
        last.bias.copy_(last.bias[order])
    return Classifier(
        network,
        classifier.choice,
        preprocessing=classifier.preprocessing,
        classes=classes,
        decision=classifier.decision,
    )


@pytest.mark.slow
def test_a_classifier_cannot_be_told_from_itself(flawed: convscope.Run) -> None:
    found = convscope.compare([flawed, flawed.path])
    (pair,) = found.pairs
    assert pair.difference.verdict == "neither"
    assert pair.conclusion.startswith("can't tell")
    assert (pair.difference.only_first, pair.difference.only_second) == (0, 0)
    assert pair.disagreements == ()
    first, second = found.classifiers
    assert (first.accuracy, first.log_loss) == (second.accuracy, second.log_loss)
    assert len({pair.first, pair.second}) == 2
    assert found.num_images == flawed.evaluation["num_images"]
    assert first.accuracy.value == pytest.approx(flawed.evaluation["accuracy"])


@pytest.mark.slow
def test_classes_in_another_order_are_matched_by_name(flawed: convscope.Run) -> None:
    classifier = convscope.load(flawed.path)
    turned = in_order(classifier, [1, 0], classes=("red", "blue"))
    found = convscope.compare(classifier, turned, data="pictures")
    first, second = found.classifiers
    assert found.pairs[0].disagreements == ()
    assert first.log_loss == pytest.approx(second.log_loss)
    assert first.num_parameters == second.num_parameters > 0
    assert first.macs == second.macs > 0
    assert found.images == "all images; which of them training saw isn't known"


@pytest.mark.slow
@pytest.mark.parametrize("better", ["first", "second"])
def test_a_clearly_better_classifier_is_named_with_the_images_that_show_it(
    flawed: convscope.Run, better: str
) -> None:
    good = convscope.load(flawed.path)
    bad = in_order(good, [1, 0], classes=good.classes)  # says red for blue
    classifiers = [good, bad] if better == "first" else [bad, good]
    found = convscope.compare(*classifiers, data="pictures", split="all")
    (pair,) = found.pairs
    assert pair.difference.verdict == better
    assert pair.conclusion.startswith(f"{getattr(pair, better)} is better than ")
    apart = pair.difference.only_first + pair.difference.only_second
    assert apart == 240
    assert len(pair.disagreements) == 50
    for image in pair.disagreements:
        assert image.name.split("/")[0] == image.label
        assert image.first != image.second
        assert image.label in (image.first, image.second)
        assert Path("pictures", image.name).is_file()


@pytest.mark.slow
def test_images_that_any_of_the_trainings_saw_are_left_out(flawed: convscope.Run) -> None:
    unseen = convscope.evaluate(flawed).names
    for index, name in enumerate(unseen[:30]):
        target = Path("more", ("train", "val", "test")[index % 3], name)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(Path("pictures", name), target)
    other = convscope.train("more", model="lenet_rgb", epochs=1)
    found = convscope.compare(flawed, other)
    assert found.num_images == len(unseen) - 20  # train and val
    assert "that none of the others saw either" in found.images


@pytest.mark.slow
def test_where_every_image_was_seen_there_is_nothing_to_compare_on(flawed: convscope.Run) -> None:
    names = convscope.evaluate(flawed, split="train").names[:40]
    for name in names:
        target = Path("seen", name)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(Path("pictures", name), target)
    with pytest.raises(DataError, match="no images to evaluate on") as refused:
        convscope.compare(flawed, flawed.path, data="seen")
    assert refused.value.hint == "choose another `--split`"


@pytest.mark.slow
def test_classifiers_of_different_classes_are_refused_with_names(flawed: convscope.Run) -> None:
    classifier = convscope.load(flawed.path)
    renamed = in_order(classifier, [0, 1], classes=("blue", "rouge"))
    with pytest.raises(DataError, match="the classifiers know different classes") as refused:
        convscope.compare(flawed, renamed)
    assert "`red` is known to `flawed` alone" in refused.value.message
    assert "`rouge` is known to `lenet_rgb` alone" in refused.value.message


def test_classifiers_that_read_values_differently_are_refused(flawed: convscope.Run) -> None:
    other = convscope.load(flawed.path)
    other.preprocessing = replace(other.preprocessing, value_range=(0.0, 4095.0))
    with pytest.raises(UsageError, match="different value ranges") as refused:
        convscope.compare(flawed, other)
    assert "(0.0, 4095.0), None" in refused.value.message


@pytest.mark.slow
def test_one_classifier_is_no_comparison(flawed: convscope.Run) -> None:
    with pytest.raises(UsageError, match="there is nothing to compare with"):
        convscope.compare(flawed)


@pytest.mark.slow
def test_three_classifiers_are_compared_in_pairs(
    flawed: convscope.Run, make_folder: MakeFolder
) -> None:
    data = make_folder({"azul": 12, "rojo": 12}, name="colores", seed=4)
    found = convscope.compare(
        flawed, flawed, flawed, data=data, synonyms={"azul": "blue", "rojo": "red"}
    ).to_dict()
    names = [row["name"] for row in found["classifiers"]]
    assert len(set(names)) == 3
    pairs = [(pair["first"], pair["second"]) for pair in found["pairs"]]
    assert pairs == [(names[0], names[1]), (names[0], names[2]), (names[1], names[2])]
    assert found["num_images"] == 24


def recorded(run: convscope.Run, name: str, accuracy: float, **changes: object) -> Path:
    """The record of a training like another one, of a recipe that differs in some fields."""
    recipe = convscope.Recipe.parse({**run.recipe.model_dump(mode="json"), **changes})
    return recorded_run(Path("runs", name), run, recipe=recipe.dump(), accuracy=accuracy).path


@pytest.mark.slow
def test_recipes_are_compared_over_seeds(flawed: convscope.Run) -> None:
    good = [recorded(flawed, f"a{seed}", 0.9 + seed / 100, seed=seed) for seed in range(3)]
    bad = [recorded(flawed, f"b{seed}", 0.7 + seed / 100, seed=seed, lr=9.0) for seed in range(4)]
    found = compare_recipes(*bad[:2], *good, *bad[2:], output="pages", language="zh")
    (first_names, first), (second_names, second) = found.recipes
    assert (first_names, second_names) == (("b0", "b1", "b2", "b3"), ("a0", "a1", "a2"))
    assert first.accuracy.value == pytest.approx(0.715)
    assert second.accuracies == pytest.approx((0.9, 0.91, 0.92))
    ((left, right, difference),) = found.pairs
    assert (left, right) == (0, 1)
    assert difference.value == pytest.approx(0.195)
    assert difference.interval.low > 0
    assert found.to_dict()["pairs"][0]["accuracy_difference"] == difference.value
    assert "配方优于" in Path("pages/report.html").read_text(encoding="utf-8")


@pytest.mark.slow
def test_recipes_are_compared_over_folds_one_by_one(flawed: convscope.Run) -> None:
    runs = [
        recorded(flawed, f"{name}{fold}", level + fold / 50, folds=3, fold=fold, lr=lr)
        for name, level, lr in (("a", 0.8, 0.1), ("b", 0.81, 0.2))
        for fold in (2, 0, 1)
    ]
    found = compare_recipes(*runs)
    assert found.recipes[0][0] == ("a0", "a1", "a2")
    assert all(repeated.are_folds for _, repeated in found.recipes)
    ((_, _, difference),) = found.pairs
    assert difference.value == pytest.approx(0.01)
    assert difference.interval.high - difference.interval.low < 1e-9  # each fold differs alike


@pytest.mark.slow
def test_recipes_that_differ_little_cannot_be_told_apart(flawed: convscope.Run) -> None:
    runs = [
        recorded(flawed, f"{name}{seed}", level + seed / 20, seed=seed, lr=lr)
        for name, level, lr in (("a", 0.8, 0.1), ("b", 0.81, 0.2))
        for seed in range(3)
    ]
    ((_, _, difference),) = compare_recipes(*runs).pairs
    assert difference.interval.low < 0 < difference.interval.high


@pytest.mark.slow
def test_a_recipe_with_one_run_is_refused(flawed: convscope.Run) -> None:
    with pytest.raises(UsageError, match="is the only run of its recipe") as refused:
        compare_recipes(flawed, recorded(flawed, "other", 0.5, lr=3.0))
    assert refused.value.hint == "train it again with another `--seed`, or with another `--fold`"


@pytest.mark.slow
def test_seeds_and_folds_are_not_mixed_and_no_run_counts_twice(flawed: convscope.Run) -> None:
    mixed = [recorded(flawed, f"m{fold}", 0.8, folds=3, fold=fold, seed=fold) for fold in range(2)]
    with pytest.raises(UsageError, match="differ in seed and fold, or in neither"):
        compare_recipes(*mixed)
    with pytest.raises(UsageError, match="differ in seed and fold, or in neither"):
        compare_recipes(flawed, flawed)


@pytest.mark.slow
def test_unfinished_runs_have_no_say_about_a_recipe(flawed: convscope.Run) -> None:
    unfinished = recorded(flawed, "unfinished", 0.5, seed=1)
    (unfinished / "evaluation.json").unlink()
    with pytest.raises(RunError, match="evaluation.json"):
        compare_recipes(flawed, unfinished)
    with pytest.raises(RunError, match="there is no run"):
        compare_recipes(flawed, "runs/none")
