"""Every number of an evaluation against scikit-learn, plain loops and a hand calculation."""

from __future__ import annotations

import json
import math
import warnings
from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given
from samples import FEW, answers, drawn, names, some_outputs
from sklearn import metrics as theirs

from convscope.evaluation.intervals import Estimate, named
from convscope.evaluation.metrics import Metrics, compute_metrics
from convscope.evaluation.outputs import Outputs

EXAMPLE = answers([0, 0, 1, 1, 1, 0], [0, 0, 0, 1, 1, 2])


def close(value: float | None, expected: float) -> bool:
    return value == pytest.approx(expected, abs=1e-9)


def estimates(metrics: Metrics) -> dict[str, Estimate]:
    """All numbers that have an interval, by their names."""
    calibration = metrics.calibration
    found = {field.name: getattr(metrics, field.name) for field in fields(Metrics)}
    found |= {"equal_width": calibration.equal_width, "equal_mass": calibration.equal_mass}
    return {name: value for name, value in found.items() if isinstance(value, Estimate)}


def test_a_hand_calculated_example() -> None:
    metrics = compute_metrics(EXAMPLE)
    assert metrics.num_images == 6
    assert metrics.accuracy.value == 4 / 6
    assert metrics.confusion.tolist() == [[2, 1, 0], [0, 2, 0], [1, 0, 0]]
    a, b, c = metrics.classes
    assert [row.num_images for row in metrics.classes] == [3, 2, 1]
    assert a.precision
    assert a.recall
    assert b.precision
    assert b.recall
    assert c.recall
    assert (a.precision.value, a.recall.value, a.f1) == (2 / 3, 2 / 3, 2 / 3)
    assert (b.precision.value, b.recall.value, b.f1) == (2 / 3, 1, 0.8)
    assert (c.precision, c.recall.value, c.f1) == (None, 0, 0)
    assert close(metrics.balanced_accuracy.value, (2 / 3 + 1 + 0) / 3)
    assert close(metrics.macro_f1.value, (2 / 3 + 0.8 + 0) / 3)
    assert close(metrics.macro_precision, (2 / 3 + 2 / 3 + 0) / 3)
    assert close(metrics.weighted_precision, (3 * 2 / 3 + 2 * 2 / 3 + 0) / 6)
    assert metrics.top5_accuracy is None
    tops = [2 + place / 8192 for place in range(6)]
    losses = [math.log(math.exp(top) + 2) for top in tops]
    right = [0, 1, 3, 4]
    assert close(metrics.log_loss.value, (sum(losses) - sum(tops[i] for i in right)) / 6)


def check_shares(metrics: Metrics, outputs: Outputs) -> None:
    present = np.unique(outputs.targets)
    true, found = outputs.targets, outputs.predicted
    assert close(metrics.accuracy.value, theirs.accuracy_score(true, found))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that classes without images are predicted
        balanced = theirs.balanced_accuracy_score(true, found)
    assert close(metrics.balanced_accuracy.value, balanced)
    for average, ours in (
        ("macro", (metrics.macro_precision, metrics.balanced_accuracy.value)),
        ("weighted", (metrics.weighted_precision, metrics.accuracy.value)),
    ):
        precision, recall, f1, _ = theirs.precision_recall_fscore_support(
            true, found, labels=present, average=average, zero_division=0
        )
        assert close(ours[0], precision)
        assert close(ours[1], recall)
        assert close(metrics.macro_f1.value if average == "macro" else metrics.weighted_f1, f1)
    labels = range(len(outputs.classes))
    table = theirs.confusion_matrix(true, found, labels=labels)
    np.testing.assert_array_equal(metrics.confusion, table)


def check_probabilities(metrics: Metrics, outputs: Outputs) -> None:
    probabilities, labels = outputs.probabilities, list(range(len(outputs.classes)))
    loss = theirs.log_loss(outputs.targets, probabilities, labels=labels)
    assert close(metrics.log_loss.value, loss)
    brier = theirs.brier_score_loss(
        outputs.targets, probabilities, labels=labels, scale_by_half=False
    )
    assert close(metrics.brier.value, brier)
    if len(labels) <= 5:
        assert metrics.top5_accuracy is None
        return
    # Of equal scores scikit-learn takes the last, we take the first: so both are turned round.
    turned = (len(labels) - 1 - outputs.targets, outputs.logits[:, ::-1])
    top = theirs.top_k_accuracy_score(*turned, k=5, labels=labels)
    assert metrics.top5_accuracy
    assert close(metrics.top5_accuracy.value, top)


def check_classes(metrics: Metrics, outputs: Outputs) -> None:
    areas, precisions = [], []
    for index, row in enumerate(metrics.classes):
        is_member = outputs.targets == index
        assert (row.name, row.num_images) == (outputs.classes[index], is_member.sum())
        assert (row.precision is None) == (not (outputs.predicted == index).any())
        assert (row.recall is None) == (not is_member.any())
        assert (row.f1 is None) == (row.precision is None and row.recall is None)
        if is_member.all() or not is_member.any():
            assert row.roc_area is row.average_precision is None
            continue
        scores = outputs.probabilities[:, index]
        areas.append(theirs.roc_auc_score(is_member, scores))
        precisions.append(theirs.average_precision_score(is_member, scores))
        assert close(row.roc_area, areas[-1])
        assert close(row.average_precision, precisions[-1])
    if areas:
        assert close(metrics.macro_roc_area, np.mean(areas))
        assert close(metrics.macro_average_precision, np.mean(precisions))
    else:
        assert metrics.macro_roc_area is metrics.macro_average_precision is None


@FEW
@given(some_outputs())
def test_every_number_is_that_of_scikit_learn_and_fits_into_its_interval(outputs: Outputs) -> None:
    metrics = compute_metrics(outputs)
    check_shares(metrics, outputs)
    check_probabilities(metrics, outputs)
    check_classes(metrics, outputs)
    for name, (value, interval) in estimates(metrics).items():
        assert interval.low <= value <= interval.high, name
        highest = {"log_loss": math.inf, "brier": 2.0}.get(name, 1.0)
        assert interval.low >= 0, name
        assert interval.high <= highest, name
    json.dumps(metrics.to_dict(), allow_nan=False)


def test_a_class_without_images_is_left_out_of_macro_means() -> None:
    metrics = compute_metrics(answers([0, 1], [0, 1]))
    assert metrics.macro_f1.value == metrics.balanced_accuracy.value == metrics.macro_precision == 1
    absent = metrics.classes[2]
    assert (absent.num_images, absent.precision, absent.recall, absent.f1) == (0, None, None, None)


def test_an_image_taken_for_a_class_without_images_lowers_the_others_alone() -> None:
    metrics = compute_metrics(answers([0, 2], [0, 0], num_classes=3))
    absent = metrics.classes[2]
    assert absent.precision
    assert (absent.precision.value, absent.recall, absent.f1) == (0, None, 0)
    assert metrics.balanced_accuracy.value == 0.5
    assert close(metrics.macro_f1.value, 2 / 3)


def test_one_image_has_all_numbers_and_intervals() -> None:
    metrics = compute_metrics(answers([1], [1]))
    assert metrics.accuracy.value == 1
    assert metrics.balanced_accuracy.interval.low == pytest.approx(0.2065, abs=1e-4)  # Wilson
    assert metrics.macro_roc_area is None


def test_two_evaluations_give_the_same_bits() -> None:
    first, second = (compute_metrics(drawn(300)).to_dict() for _ in range(2))
    assert json.dumps(first) == json.dumps(second)


def test_intervals_shrink_as_the_root_of_the_number_of_images() -> None:
    few, many = (estimates(compute_metrics(drawn(count))) for count in (400, 6400))
    for name, (_, interval) in few.items():
        ratio = (interval.high - interval.low) / (
            many[name].interval.high - many[name].interval.low
        )
        assert ratio == pytest.approx(4, rel=0.35), name


def test_a_classifier_without_mistakes_is_not_taken_for_perfect() -> None:
    targets = np.arange(100) % 5
    metrics = compute_metrics(answers(targets.tolist(), targets.tolist(), num_classes=5))
    for estimate in (metrics.balanced_accuracy, metrics.macro_f1):
        assert estimate.value == estimate.interval.high == 1
        assert estimate.interval.low == pytest.approx(metrics.accuracy.interval.low, abs=1e-12)


def test_a_dozen_images_of_the_rarest_class_make_the_macro_interval_wide() -> None:
    targets = [0] * 988 + [1] * 12
    metrics = compute_metrics(answers(targets, targets, num_classes=2))
    assert metrics.accuracy.interval.low > 0.99
    assert metrics.balanced_accuracy.interval.low < 0.95


def test_json_has_an_interval_beside_each_estimate_and_none_for_what_is_not_defined() -> None:
    found = compute_metrics(EXAMPLE).to_dict()
    assert found["accuracy"] == 4 / 6
    assert set(found["accuracy_interval"]) == {"low", "high", "method", "confidence"}
    assert found["accuracy_interval"]["confidence"] == 0.95
    assert found["top5_accuracy"] is found["top5_accuracy_interval"] is None
    assert found["confusion"] == [[2, 1, 0], [0, 2, 0], [1, 0, 0]]
    assert [row["name"] for row in found["classes"]] == list(names(3))
    assert named("x", None) == {"x": None, "x_interval": None}
