"""Metrics against hand calculations and another implementation."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import top_k_accuracy_score

from convscope.evaluation.metrics import compute_metrics, wilson

CLASSES = ("a", "b", "c")


def logits_of(predicted: list[int], num_classes: int = 3) -> torch.Tensor:
    return 5.0 * torch.nn.functional.one_hot(torch.tensor(predicted), num_classes).float()


def test_a_hand_calculated_example() -> None:
    targets = np.array([0, 0, 0, 1, 1, 2])
    metrics = compute_metrics(logits_of([0, 0, 1, 1, 1, 0]), targets, CLASSES)
    assert metrics.accuracy == 4 / 6
    assert metrics.confusion == ((2, 1, 0), (0, 2, 0), (1, 0, 0))
    a, b, c = metrics.classes
    assert (a.precision, a.recall, a.num_images) == (2 / 3, 2 / 3, 3)
    assert (b.precision, b.recall) == (2 / 3, 1)
    assert (c.precision, c.recall, c.f1) == (None, 0, 0)
    assert metrics.macro_recall == pytest.approx((2 / 3 + 1 + 0) / 3, abs=1e-12)
    assert metrics.macro_f1 == pytest.approx((2 / 3 + 0.8 + 0) / 3, abs=1e-12)
    right, wrong = math.log(math.exp(5) + 2) - 5, math.log(math.exp(5) + 2)
    assert metrics.loss == pytest.approx((4 * right + 2 * wrong) / 6, abs=1e-9)


def test_a_class_without_images_is_left_out_of_macro_means() -> None:
    metrics = compute_metrics(logits_of([0, 1]), np.array([0, 1]), CLASSES)
    assert metrics.macro_f1 == 1
    absent = metrics.classes[2]
    assert (absent.num_images, absent.precision, absent.recall, absent.f1) == (0, None, None, None)


def test_one_image_is_enough() -> None:
    metrics = compute_metrics(logits_of([2]), np.array([2]), CLASSES)
    assert metrics.accuracy == 1
    assert metrics.accuracy_interval.low == pytest.approx(0.2065, abs=1e-4)


def test_top5_is_not_defined_for_five_classes_and_fewer() -> None:
    assert compute_metrics(logits_of([2]), np.array([2]), CLASSES).top5_accuracy is None


@given(st.integers(1, 60), st.integers(0, 2**32 - 1))
def test_top5_agrees_with_scikit_learn(count: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    logits = random.normal(size=(count, 9))
    targets = random.integers(0, 9, count)
    metrics = compute_metrics(torch.from_numpy(logits), targets, tuple("abcdefghi"))
    expected = top_k_accuracy_score(targets, logits, k=5, labels=np.arange(9))
    assert metrics.top5_accuracy == pytest.approx(expected, abs=1e-12)


@given(st.integers(1, 2000), st.data())
def test_wilson_agrees_with_its_formula(trials: int, data: st.DataObject) -> None:
    successes = data.draw(st.integers(0, trials))
    z, p = 1.959963984540054, successes / trials
    middle = (p + z * z / (2 * trials)) / (1 + z * z / trials)
    half = z / (1 + z * z / trials) * math.sqrt(p * (1 - p) / trials + (z / (2 * trials)) ** 2)
    interval = wilson(successes, trials)
    assert interval.low == pytest.approx(max(0.0, middle - half), abs=1e-9)
    assert interval.high == pytest.approx(min(1.0, middle + half), abs=1e-9)


def test_the_fields_are_ready_for_json() -> None:
    fields = compute_metrics(logits_of([0, 1]), np.array([0, 1]), CLASSES).to_dict()
    assert fields["accuracy_interval"]["method"] == "wilson"
    assert fields["classes"][2] == {
        "name": "c",
        "num_images": 0,
        "precision": None,
        "recall": None,
        "f1": None,
    }
