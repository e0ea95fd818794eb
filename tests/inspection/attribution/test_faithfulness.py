"""A true map beats random ones, a false one doesn't, and a map of nothing is told."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from made import made_classifier
from numpy.typing import NDArray
from torch import nn

from convscope.classifier import Classifier
from convscope.inspection.attribution.attribution import Attribution, blurred
from convscope.inspection.attribution.faithfulness import (
    BLURS,
    GONE,
    Faithfulness,
    _order,
    _random_maps,
    area,
    faithfulness,
)

SIDE = 28
PLACE = (slice(6, 12), slice(16, 22))


def looking_at_one_place() -> Classifier:
    """Class 0 is the brightness of one place, and nothing else counts."""
    made = made_classifier(side=SIDE)
    network = nn.Sequential(nn.Flatten(), nn.Linear(3 * SIDE**2, 4, bias=False))
    weight = torch.zeros(4, 3, SIDE, SIDE)
    weight[0, :, *PLACE] = 0.05
    network[1].weight.data = weight.flatten(1)
    return Classifier(network, made.choice, preprocessing=made.preprocessing, classes=made.classes)


def picture() -> NDArray[np.uint8]:
    pixels = np.zeros((SIDE, SIDE, 3), np.uint8)
    pixels[PLACE] = 255
    return pixels


def smooth_at(row: int, column: int) -> NDArray[np.float32]:
    rows, columns = np.mgrid[:SIDE, :SIDE]
    distance = (rows - row) ** 2 + (columns - column) ** 2
    heat: NDArray[np.float32] = np.exp(-distance / 18).astype(np.float32)
    return heat


def judged(values: NDArray[np.float32], *, against: str | None = None) -> Faithfulness:
    claim = Attribution("grad-cam", "class 0", against, values)
    return faithfulness(looking_at_one_place(), picture(), [claim])[0]


def test_a_map_that_points_at_the_relevant_pixels_is_better_than_random() -> None:
    found = judged(smooth_at(9, 19))
    assert found.is_better_than_random
    assert found.is_clearly_better
    assert found.deletion_score > 0.2
    assert found.insertion_score > 0.2
    assert found.warning is None


@pytest.mark.parametrize(("draws", "verdict"), [(1, "perhaps"), (18, "perhaps"), (19, "better")])
def test_few_random_maps_cannot_tell_a_good_one_from_luck(draws: int, verdict: str) -> None:
    claim = Attribution("grad-cam", "class 0", None, smooth_at(9, 19))
    found = faithfulness(looking_at_one_place(), picture(), [claim], draws=draws)[0]
    assert found.num_as_good == 0
    assert found.verdict == verdict
    assert found.chance == 1 / (draws + 1)
    if verdict == "perhaps":
        assert str(found.warning).endswith("does as well, but so few can't tell it from luck")


def test_a_map_that_points_elsewhere_is_no_better_than_random() -> None:
    found = judged(-smooth_at(9, 19))
    assert not found.is_better_than_random
    assert found.deletion_score < 0
    assert found.warning == "the map is no better than 20 random maps as smooth: don't believe it"


def test_a_map_of_zeros_says_nothing() -> None:
    found = judged(np.zeros((SIDE, SIDE), np.float32))
    assert found.is_zero
    assert not found.is_better_than_random
    assert found.warning == "the map is zero everywhere: it says nothing about this class"


def test_an_image_that_blurring_does_not_change_can_tell_nothing() -> None:
    claim = Attribution("grad-cam", "class 0", None, smooth_at(9, 19))
    grey = np.full((SIDE, SIDE, 3), 128, np.uint8)
    found = faithfulness(looking_at_one_place(), grey, [claim])[0]
    assert not found.can_tell
    assert str(found.warning).startswith("blurring the whole image doesn't take the class away (0.")


def test_the_curves_go_from_the_image_to_the_blurred_one_and_back() -> None:
    found, classifier = judged(smooth_at(9, 19)), looking_at_one_place()
    without = blurred(picture(), found.blur)
    ends = classifier.predict_prepared(np.stack([picture(), without]))
    whole, nothing = (end.probabilities["class 0"] for end in ends)
    for deletion in (found.deletion, *found.random_deletion):
        assert deletion[[0, -1]] == pytest.approx([whole, nothing], rel=1e-5)
    for insertion in (found.insertion, *found.random_insertion):
        assert insertion[[0, -1]] == pytest.approx([nothing, whole], rel=1e-5)


def test_the_blur_is_the_weakest_that_takes_the_class_away() -> None:
    classifier, found = looking_at_one_place(), judged(smooth_at(9, 19))
    weaker = [share for share in BLURS if share < found.blur]
    images = np.stack([picture(), *(blurred(picture(), b) for b in (*weaker, found.blur))])
    scores = [each.probabilities["class 0"] for each in classifier.predict_prepared(images)]
    assert scores[-1] < GONE * scores[0]
    assert all(score >= GONE * scores[0] for score in scores[1:-1])


def test_one_class_rather_than_another_is_scored_by_its_share_of_both() -> None:
    found = judged(smooth_at(9, 19), against="class 1")
    classifier = looking_at_one_place()
    shares = classifier.predict_prepared(picture()[None])[0].probabilities
    share = shares["class 0"] / (shares["class 0"] + shares["class 1"])
    assert found.deletion[0] == pytest.approx(share, rel=1e-5)


def test_the_same_seed_gives_the_same_numbers() -> None:
    assert judged(smooth_at(9, 19)).to_dict() == judged(smooth_at(9, 19)).to_dict()


def test_random_maps_have_the_same_power_at_each_frequency() -> None:
    values = smooth_at(4, 20).astype(np.float64)
    for drawn in _random_maps(values, 4, np.random.default_rng(0)):
        wanted = np.abs(np.fft.fft2(values - values.mean()))
        assert np.abs(np.fft.fft2(drawn)) == pytest.approx(wanted, abs=1e-6 * wanted.max())


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(-3, 3), min_size=12, max_size=12), st.integers(0, 99))
def test_an_order_has_each_pixel_once_and_the_largest_first(numbers: list[int], seed: int) -> None:
    values = np.array(numbers, np.float64).reshape(3, 4)
    order = _order(values, np.random.default_rng(seed).random((3, 4)))
    assert sorted(order.tolist()) == list(range(12))
    assert (np.diff(values.ravel()[order]) <= 0).all()


def test_the_area_is_the_mean_height() -> None:
    assert area(np.array([1.0, 0.5, 0.0])) == 0.5
    assert area(np.array([0.7, 0.7])) == pytest.approx(0.7)
