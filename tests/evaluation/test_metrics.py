"""Metrics against scikit-learn, plain loops and a hand calculation; curves against counting."""

from __future__ import annotations

import json
import math
import tracemalloc
import warnings
from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from samples import FEW, MANY, answers, drawn, names, some_outputs
from sklearn import metrics as theirs

from convscope.evaluation.intervals import Estimate, named
from convscope.evaluation.metrics import (
    MATRIX_UP_TO,
    POINTS,
    Metrics,
    compute_metrics,
    precision_recall_curve,
    ranking_areas,
    roc_curve,
)
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


@pytest.mark.slow
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


@pytest.mark.slow
def test_two_evaluations_give_the_same_bits() -> None:
    first, second = (compute_metrics(drawn(300)).to_dict() for _ in range(2))
    assert json.dumps(first) == json.dumps(second)


@pytest.mark.slow
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


def answers_of_many(targets: list[int], predicted: list[int], num_classes: int) -> Outputs:
    logits = np.zeros((len(targets), num_classes), dtype=np.float32)
    logits[np.arange(len(targets)), predicted] = 5
    return Outputs(logits, np.array(targets), tuple(f"class {n}" for n in range(num_classes)))


def test_of_very_many_classes_json_has_the_cells_with_images_alone() -> None:
    targets, predicted = [0, 0, 0, 1199, 7], [0, 3, 3, 1198, 7]
    metrics = compute_metrics(answers_of_many(targets, predicted, MATRIX_UP_TO + 200))
    found = metrics.to_dict()
    assert found["confusion"] is None
    expected = [[0, 0, 1], [0, 3, 2], [7, 7, 1], [1199, 1198, 1]]
    assert json.loads(json.dumps(found["confusion_cells"])) == expected
    assert "confusion_cells" not in compute_metrics(EXAMPLE).to_dict()
    for target, other, count in expected:
        assert metrics.confusion[target, other] == count
    assert metrics.confusion.sum() == 5


def test_ten_thousand_classes_take_no_memory_for_pairs_that_never_occur() -> None:
    targets = list(range(0, 10_000, 500))
    outputs = answers_of_many(targets, [target + 1 for target in targets], 10_000)
    tracemalloc.start()
    found = compute_metrics(outputs)
    text = json.dumps(found.to_dict())
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.accuracy.value == 0
    assert len(text) < 5e6
    assert most < 400e6  # the matrix alone would take 800


@pytest.mark.parametrize("at_once", [1, 7, 1 << 22])
def test_classes_have_the_same_areas_however_many_are_sorted_at_once(
    monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    outputs = drawn(300)
    expected = [
        ranking_areas(outputs.probabilities[:, index], outputs.targets == index)
        for index in range(len(outputs.classes))
    ]
    monkeypatch.setattr("convscope.evaluation.metrics.SORTED_AT_ONCE", at_once * len(outputs))
    rows = compute_metrics(outputs).classes
    assert [(row.roc_area, row.average_precision) for row in rows] == expected


SCORED = st.lists(st.tuples(st.integers(0, 6), st.booleans()), min_size=1, max_size=30)
BOTH_KINDS = SCORED.filter(lambda pairs: len({is_member for _, is_member in pairs}) == 2)


def unzipped(pairs: list[tuple[int, bool]]) -> tuple[np.ndarray, np.ndarray]:
    scores, is_member = zip(*pairs, strict=True)
    return np.array(scores) / 6, np.array(is_member)


@pytest.mark.slow
@MANY
@given(BOTH_KINDS)
def test_the_roc_area_is_how_often_a_member_has_the_higher_score(
    pairs: list[tuple[int, bool]],
) -> None:
    scores, is_member = unzipped(pairs)
    gaps = scores[is_member][:, None] - scores[~is_member][None]
    found = ranking_areas(scores, is_member)
    assert found
    assert found.roc == pytest.approx(((gaps > 0) + 0.5 * (gaps == 0)).mean(), abs=1e-9)


@pytest.mark.slow
@MANY
@given(BOTH_KINDS)
def test_average_precision_is_the_sum_of_steps_in_recall_times_precision(
    pairs: list[tuple[int, bool]],
) -> None:
    scores, is_member = unzipped(pairs)
    expected, before = 0.0, 0.0
    for threshold in sorted(set(scores), reverse=True):
        is_found = scores >= threshold
        recall = is_member[is_found].sum() / is_member.sum()
        expected += (recall - before) * is_member[is_found].mean()
        before = recall
    found = ranking_areas(scores, is_member)
    assert found
    assert found.average_precision == pytest.approx(expected, abs=1e-9)


@pytest.mark.slow
@MANY
@given(BOTH_KINDS)
def test_the_points_of_a_short_roc_curve_enclose_its_area(pairs: list[tuple[int, bool]]) -> None:
    scores, is_member = unzipped(pairs)
    curve = roc_curve(scores, is_member)
    assert curve
    assert (curve.x[0], curve.y[0], curve.x[-1], curve.y[-1]) == (0, 0, 1, 1)
    assert np.trapezoid(curve.y, curve.x) == pytest.approx(curve.area, abs=1e-9)


@pytest.mark.parametrize("is_member", [np.ones(3, bool), np.zeros(3, bool)])
def test_without_both_kinds_there_is_no_curve(is_member: np.ndarray) -> None:
    for function in (ranking_areas, roc_curve, precision_recall_curve):
        assert function(np.array([0.1, 0.2, 0.3]), is_member) is None


def test_a_long_curve_is_thinned_but_keeps_its_ends_and_its_area() -> None:
    random = np.random.default_rng(0)
    is_member = random.random(20_000) < 0.3
    scores = random.random(20_000) + 0.3 * is_member
    found = ranking_areas(scores, is_member)
    assert found
    roc, curve = roc_curve(scores, is_member), precision_recall_curve(scores, is_member)
    assert roc
    assert curve
    for each in (roc, curve):
        assert len(each.x) == len(each.y) <= POINTS
        assert (np.diff(each.x) >= 0).all()
        assert (each.x[0], each.x[-1]) == (0, 1)
    assert roc.area == found.roc == pytest.approx(np.trapezoid(roc.y, roc.x), abs=0.005)
    assert curve.area == found.average_precision
    assert curve.y[-1] == pytest.approx(is_member.mean(), abs=1e-9)
