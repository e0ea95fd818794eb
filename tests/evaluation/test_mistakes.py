"""Mistakes: the worst first, and labels that were made wrong on purpose are suspected."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from samples import MANY, answers, drawn, some_outputs

from convscope.evaluation.mistakes import KEPT, cases, find_mistakes, suspected_labels
from convscope.evaluation.outputs import Outputs


def numbered(outputs: Outputs) -> list[str]:
    return [f"{index}.png" for index in range(len(outputs))]


def test_pairs_are_counted_by_hand() -> None:
    outputs = answers([0, 1, 1, 2, 2, 1], [0, 0, 0, 0, 1, 1])
    found = find_mistakes(outputs, numbered(outputs))
    assert found.num_wrong == 4
    assert [(each.label, each.predicted, each.num_images, each.share) for each in found.pairs] == [
        ("a", "b", 2, 0.5),
        ("a", "c", 1, 0.25),
        ("b", "c", 1, 0.5),
    ]


@MANY
@given(some_outputs())
def test_the_worst_have_the_highest_losses_and_the_unsure_the_lowest_confidence(
    outputs: Outputs,
) -> None:
    found = find_mistakes(outputs, numbered(outputs))
    wrong = ~outputs.is_correct
    assert found.num_wrong == wrong.sum() == sum(pair.num_images for pair in found.pairs)
    assert sorted(case.index for case in found.worst) == np.flatnonzero(wrong).tolist()
    losses = [case.loss for case in found.worst]
    assert losses == sorted(losses, reverse=True)
    confidences = [case.probability for case in found.unsure]
    assert confidences == sorted(outputs.confidences.tolist())
    json.dumps(found.to_dict(), allow_nan=False)


def test_a_case_says_what_a_person_wants_to_know() -> None:
    outputs = answers([1, 0], [2, 0])
    case = find_mistakes(outputs, ["cat.png", "dog.png"]).worst[0]
    assert (case.index, case.name, case.label, case.predicted) == (0, "cat.png", "c", "b")
    assert case.probability == pytest.approx(outputs.probabilities[0, 1], abs=1e-12)
    assert case.label_probability == pytest.approx(outputs.probabilities[0, 2], abs=1e-12)
    assert case.loss == pytest.approx(-np.log(case.label_probability), abs=1e-12)


def test_without_mistakes_there_are_no_pairs_and_no_suspects() -> None:
    found = find_mistakes(answers([0, 1], [0, 1]), ["a", "b"])
    assert (found.num_wrong, found.pairs, found.worst, found.suspects) == (0, (), (), ())
    assert len(found.unsure) == 2


def test_of_many_mistakes_fifty_are_kept() -> None:
    outputs = answers([0] * 200, [1] * 200)
    found = find_mistakes(outputs, numbered(outputs))
    assert found.num_wrong == 200
    assert len(found.worst) == len(found.unsure) == KEPT == 50
    assert [case.index for case in cases(outputs, numbered(outputs), np.array([7, 3]))] == [7, 3]


def test_suspects_are_those_of_a_plain_loop() -> None:
    outputs = drawn(300, margin=1.5)
    usual = [outputs.probabilities[outputs.targets == index, index].mean() for index in range(5)]
    expected = {}
    for image in range(300):
        label, predicted = outputs.targets[image], outputs.predicted[image]
        own, other = outputs.probabilities[image, [label, predicted]]
        if label != predicted and other >= usual[predicted] and own < usual[label]:
            expected[image] = own - other
    assert len(expected) > 5
    assert suspected_labels(outputs).tolist() == sorted(expected, key=expected.__getitem__)


def test_labels_that_were_changed_are_suspected_first() -> None:
    outputs = drawn(1000, margin=5.0, sureness=1.5)
    changed = np.random.default_rng(0).choice(np.flatnonzero(outputs.is_correct), 30, replace=False)
    targets = outputs.targets.copy()
    targets[changed] = (targets[changed] + 1) % 5
    suspects = suspected_labels(replace(outputs, targets=targets))
    assert len(set(suspects[:30].tolist()) & set(changed.tolist())) >= 20


def test_a_class_without_images_makes_no_suspects() -> None:
    assert not len(suspected_labels(answers([2, 2, 0], [0, 0, 0])))
