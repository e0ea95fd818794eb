"""Groups: which there are, Fisher's test for each, and how rarely chance makes one worse."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from samples import MANY

from convscope.data.facts import FACTS
from convscope.evaluation.comparison import holm
from convscope.evaluation.intervals import proportion
from convscope.evaluation.slices import find_slices, image_properties


def fisher(right: int, total: int, rest_right: int, rest_total: int) -> float:
    """Two-sided: the sum over all tables with these sums that are no likelier."""
    all_right, everything = right + rest_right, total + rest_total

    def chance(there: int) -> float:
        ways = math.comb(total, there) * math.comb(rest_total, all_right - there)
        return ways / math.comb(everything, all_right)

    least, most = max(0, all_right - rest_total), min(total, all_right)
    chances = [chance(there) for there in range(least, most + 1)]
    return sum(each for each in chances if each <= chance(right) * (1 + 1e-7))


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


def facts(**columns: object) -> np.ndarray:
    rows = np.zeros(4, dtype=FACTS)
    rows["height"], rows["width"], rows["channels"], rows["mode"] = 20, 20, 3, b"RGB"
    for name, values in columns.items():
        rows[name] = values
    return rows


def test_properties_are_those_in_which_images_differ() -> None:
    found = image_properties(
        facts(height=[10, 20, 30, 40], format=[b"PNG", b"PNG", b"JPEG", b"PNG"])
    )
    assert set(found) == {"shorter_side_px", "aspect_ratio", "file_format"}
    assert list(found["shorter_side_px"]) == [10, 20, 20, 20]
    assert list(found["aspect_ratio"]) == [2, 1, 20 / 30, 0.5]
    assert found["file_format"] == ["PNG", "PNG", "JPEG", "PNG"]
    assert image_properties(facts()) == {}


def test_brightness_is_the_mean_over_channels() -> None:
    means = [[0.5, 0.5, 0.5], [0.25, 0.5, 0.75], [0, 0, 0], [0, 0.25, 0.5]]
    found = image_properties(facts(mean=means))
    assert list(found["brightness"]) == [0.5, 0.5, 0, 0.25]
