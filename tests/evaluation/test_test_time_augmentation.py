"""Views of an image: which there are, and that probabilities are averaged."""

from __future__ import annotations

import json
from collections import Counter

import numpy as np
import pytest
import torch
from torch import Tensor

from convscope.data.pixels.preprocessing import Preprocessing
from convscope.errors import UsageError
from convscope.evaluation.comparison import difference
from convscope.evaluation.test_time_augmentation import VIEWS, TtaGain, views_called

PLAIN = Preprocessing(height=20, width=30, channels=3, resize=24, mean=(0.5,) * 3, std=(0.25,) * 3)
IMAGES = torch.arange(2 * 3 * 23 * 34, dtype=torch.float32).reshape(2, 3, 23, 34)


@pytest.mark.parametrize(("name", "count"), [("flip", 2), ("crops", 5), ("flip-crops", 10)])
def test_each_has_as_many_views_as_it_says_all_of_the_networks_size(name: str, count: int) -> None:
    views = views_called(name, PLAIN)
    size = (views.preprocessing.height, views.preprocessing.width)
    cut = views.cut(torch.zeros(2, 3, *size))
    assert views.count == len(cut) == count
    assert {tuple(each.shape) for each in cut} == {(2, 3, 20, 30)}


def test_flip_shows_the_image_and_its_mirror_image() -> None:
    views = views_called("flip", PLAIN)
    assert views.preprocessing is PLAIN
    as_it_is, mirrored = views.cut(IMAGES)
    assert torch.equal(as_it_is, IMAGES)
    assert torch.equal(mirrored, IMAGES.flip(3))


def test_crops_are_the_corners_and_the_centre_of_an_image_that_is_larger_by_15_percent() -> None:
    views = views_called("crops", PLAIN)
    larger = views.preprocessing
    assert (larger.height, larger.width, larger.resize) == (23, 34, None)
    assert (larger.mean, larger.std, larger.fit) == (PLAIN.mean, PLAIN.std, PLAIN.fit)
    found = views.cut(IMAGES)
    places = [(0, 0), (0, 4), (3, 0), (3, 4), (1, 2)]
    for crop, (top, left) in zip(found, places, strict=True):
        assert torch.equal(crop, IMAGES[:, :, top : top + 20, left : left + 30])


def test_flip_crops_are_the_crops_and_their_mirror_images() -> None:
    crops = views_called("crops", PLAIN).cut(IMAGES)
    both = views_called("flip-crops", PLAIN).cut(IMAGES)
    wanted = [*crops, *(each.flip(3) for each in crops)]
    as_bytes = [Counter(each.numpy().tobytes() for each in every) for every in (both, wanted)]
    assert as_bytes[0] == as_bytes[1]


@pytest.mark.parametrize("temperature", [1.0, 2.5])
def test_probabilities_at_the_temperature_are_the_means_over_the_views(temperature: float) -> None:
    torch.manual_seed(0)
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * 4 * 4, 5))
    images = torch.randn(6, 3, 4, 4)
    shown = views_called("flip", PLAIN).averaged(network, temperature=temperature)
    both = [(network(each) / temperature).softmax(1) for each in (images, images.flip(3))]
    found = (shown(images) / temperature).softmax(1)
    torch.testing.assert_close(found, (both[0] + both[1]) / 2, atol=1e-6, rtol=0)


def test_probabilities_of_nearly_0_give_finite_logits() -> None:
    def network(images: Tensor) -> Tensor:
        return torch.tensor([[1e4, -1e4]]).expand(len(images), 2)

    logits = views_called("flip", PLAIN).averaged(network, temperature=1.0)(IMAGES)
    assert torch.isfinite(logits).all()
    assert (logits.argmax(1) == 0).all()


def test_other_views_are_refused_with_those_that_exist() -> None:
    with pytest.raises(UsageError) as caught:
        views_called("ten-crop", PLAIN)
    assert caught.value.message == "`tta` can't be `ten-crop`"
    assert caught.value.hint == "it takes `flip`, `crops` or `flip-crops`"
    assert VIEWS == ("flip", "crops", "flip-crops")


def test_a_gain_is_ready_for_json() -> None:
    first, second = np.array([True, False, False]), np.array([True, True, False])
    gain = TtaGain("flip", 2, difference(first, second), 2.1)
    plain = json.loads(json.dumps(gain.to_dict(), allow_nan=False))
    assert (plain["views"], plain["count"], plain["times_as_long"]) == ("flip", 2, 2.1)
    assert plain["accuracy_difference"] == pytest.approx(1 / 3)
