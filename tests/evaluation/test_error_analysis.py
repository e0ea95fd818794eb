"""Mistakes come worst first, planted label errors are suspected, slices have Fisher's test."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from samples import MANY, answers, drawn, some_outputs

from convscope.data.index.statistics import STATISTICS
from convscope.evaluation.comparison import holm
from convscope.evaluation.error_analysis import (
    KEPT,
    classified_images,
    find_mistakes,
    find_slices,
    image_properties,
    suspected_labels,
)
from convscope.evaluation.intervals import proportion
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


@pytest.mark.slow
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
    assert [
        case.index for case in classified_images(outputs, numbered(outputs), np.array([7, 3]))
    ] == [7, 3]


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


def fisher(right: int, total: int, rest_right: int, rest_total: int) -> float:
    """Two-sided: the sum over all tables with these sums that are no likelier."""
    all_right, everything = right + rest_right, total + rest_total

    def chance(there: int) -> float:
        ways = math.comb(total, there) * math.comb(rest_total, all_right - there)
        return ways / math.comb(everything, all_right)

    least, most = max(0, all_right - rest_total), min(total, all_right)
    chances = [chance(there) for there in range(least, most + 1)]
    return sum(each for each in chances if each <= chance(right) * (1 + 1e-7))


@pytest.mark.slow
@MANY
@given(st.integers(10, 30), st.integers(10, 30), st.data())
def test_two_groups_have_fishers_p_value_by_hand(
    count: int, rest: int, data: st.DataObject
) -> None:
    right, rest_right = data.draw(st.integers(0, count)), data.draw(st.integers(0, rest))
    is_correct = np.arange(count) < right, np.arange(rest) < rest_right
    found = find_slices(np.concatenate(is_correct), {"site": ["x"] * count + ["y"] * rest})
    p_value = fisher(right, count, rest_right, rest)
    assert {each.value for each in found} == {"x", "y"}
    for each in found:
        assert each.p_value == pytest.approx(min(1, 2 * p_value), abs=1e-9)  # two groups
        assert each.is_worse == (each.p_value < 0.05 and each.accuracy.value < each.rest_accuracy)
    x = next(each for each in found if each.value == "x")
    assert (x.grouped_by, x.num_images) == ("site", count)
    assert x.accuracy == proportion(right, count)
    assert x.rest_accuracy == pytest.approx(rest_right / rest, abs=1e-12)
    json.dumps([each.to_dict() for each in found], allow_nan=False)


def test_p_values_are_adjusted_for_all_groups_of_all_properties() -> None:
    random = np.random.default_rng(0)
    sites = random.choice(["x", "y", "z"], 400).tolist()
    is_correct = random.random(400) < np.where(np.array(sites) == "z", 0.6, 0.9)
    properties = {"site": sites, "brightness": random.random(400)}
    alone = []
    for each in (found := find_slices(is_correct, properties)):
        right, rest_right = round(each.accuracy.value * each.num_images), is_correct.sum()
        rest = 400 - each.num_images
        alone.append(fisher(right, each.num_images, int(rest_right - right), rest))
    assert len(found) == 6
    assert [each.p_value for each in found] == pytest.approx(holm(alone), abs=1e-9)
    assert [each.value for each in found if each.is_worse] == ["z"]
    assert found[0].value == "z"


def test_worse_groups_come_first_then_those_with_the_lowest_accuracy() -> None:
    sizes, right = {"w": 10, "x": 300, "y": 300, "z": 300}, {"w": 6, "x": 200, "y": 290, "z": 270}
    is_correct = np.concatenate([np.arange(sizes[each]) < right[each] for each in sizes])
    found = find_slices(is_correct, {"site": [each for each in sizes for _ in range(sizes[each])]})
    assert [(each.value, each.is_worse) for each in found] == [
        ("x", True),
        ("w", False),
        ("z", False),
        ("y", False),
    ]


def test_numbers_are_cut_into_quarters() -> None:
    found = find_slices(np.ones(400, bool), {"width": np.arange(1000.0, 1400.0)})
    groups = sorted((each.value, each.num_images) for each in found)
    assert groups == [("1100 – 1299", 200), ("≤ 1100", 100), ("≥ 1299", 100)]


def test_small_numbers_keep_three_digits() -> None:
    values = [each.value for each in find_slices(np.ones(80, bool), {"x": np.arange(80) / 1000})]
    assert sorted(values) == ["0.0198 – 0.0592", "≤ 0.0198", "≥ 0.0592"]


def test_where_most_images_have_one_value_the_lower_and_the_higher_ones_are_groups() -> None:
    values = np.array([1.0] * 20 + [2.0] * 100 + [3.0] * 20)
    found = find_slices(np.ones(140, bool), {"aspect_ratio": values})
    assert {(each.value, each.num_images) for each in found} == {("< 2", 20), ("> 2", 20)}


def test_images_without_a_value_are_in_no_group_of_it() -> None:
    values = np.array([math.nan] * 50 + list(range(100)), dtype=np.float64)
    found = find_slices(np.ones(150, bool), {"x": values})
    assert sorted(each.num_images for each in found) == [25, 25, 50]
    assert find_slices(np.ones(30, bool), {"x": np.full(30, math.nan)}) == ()


def test_groups_of_fewer_than_ten_images_are_left_out() -> None:
    is_correct = np.ones(100, bool)
    found = find_slices(is_correct, {"site": ["x"] * 9 + ["y"] * 30 + ["z"] * 61})
    assert {each.value for each in found} == {"y", "z"}
    assert find_slices(is_correct, {"site": ["x"] * 9 + ["y"] * 91}) == ()
    assert find_slices(is_correct[:1], {"site": ["x"], "width": np.ones(1)}) == ()


def test_a_column_of_names_makes_no_groups() -> None:
    words = [f"patient {number % 51}" for number in range(5100)]
    assert find_slices(np.ones(5100, bool), {"patient": words}) == ()
    assert find_slices(np.ones(5100, bool), {"patient": ["same"] * 5100}) == ()


@pytest.mark.slow
def test_equal_groups_are_rarely_called_worse() -> None:
    random = np.random.default_rng(0)
    alarms = 0
    for _ in range(60):
        properties = {
            "brightness": random.random(400),
            "sharpness": random.lognormal(size=400),
            "site": random.choice(list("uvwxyz"), 400).tolist(),
        }
        found = find_slices(random.random(400) < 0.85, properties)
        alarms += any(each.is_worse for each in found)
    assert alarms <= 3


def statistics(**columns: object) -> np.ndarray:
    rows = np.zeros(4, dtype=STATISTICS)
    rows["height"], rows["width"], rows["channels"], rows["mode"] = 20, 20, 3, b"RGB"
    for name, values in columns.items():
        rows[name] = values
    return rows


def test_properties_are_those_in_which_images_differ() -> None:
    found = image_properties(
        statistics(height=[10, 20, 30, 40], format=[b"PNG", b"PNG", b"JPEG", b"PNG"])
    )
    assert set(found) == {"shorter_side_px", "aspect_ratio", "file_format"}
    assert list(found["shorter_side_px"]) == [10, 20, 20, 20]
    assert list(found["aspect_ratio"]) == [2, 1, 20 / 30, 0.5]
    assert found["file_format"] == ["PNG", "PNG", "JPEG", "PNG"]
    assert image_properties(statistics()) == {}


def test_brightness_is_the_mean_over_channels() -> None:
    means = [[0.5, 0.5, 0.5], [0.25, 0.5, 0.75], [0, 0, 0], [0, 0.25, 0.5]]
    found = image_properties(statistics(mean=means))
    assert list(found["brightness"]) == [0.5, 0.5, 0, 0.25]
