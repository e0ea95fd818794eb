"""Orders of an epoch: every image once, or every class equally often."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from convscope.data.batch import Sampler

INDICES = np.array([3, 5, 6, 7, 8, 9, 11, 12])
LABELS = np.array([9, 9, 9, 0, 9, 0, 0, 0, 0, 0, 9, 1, 1])  # six of class 0, two of class 1


def indices(sampler: Sampler, epoch: int) -> list[int]:
    return [int(index) for step in sampler.epoch(epoch) for index in step.indices]


def test_shuffled_epochs_have_every_image_once_in_orders_of_their_own() -> None:
    sampler = Sampler(INDICES, batch_size=3, seed=1)
    first, second = indices(sampler, 0), indices(sampler, 1)
    assert sorted(first) == sorted(second) == INDICES.tolist()
    assert first != second
    assert indices(Sampler(INDICES, batch_size=3, seed=1), 1) == second


def test_without_a_seed_the_order_is_that_of_the_images() -> None:
    assert indices(Sampler(INDICES, batch_size=3), 7) == INDICES.tolist()


def test_balanced_epochs_have_each_class_equally_often() -> None:
    sampler = Sampler(INDICES, batch_size=3, seed=1, balanced_by=LABELS)
    for epoch in range(6):
        chosen = indices(sampler, epoch)
        assert np.bincount(LABELS[chosen]).tolist() == [4, 4]


def test_balanced_epochs_reach_every_image_of_a_large_class() -> None:
    sampler = Sampler(INDICES, batch_size=3, seed=1, balanced_by=LABELS)
    seen = [index for epoch in range(3) for index in indices(sampler, epoch)]
    counts = {int(image): seen.count(int(image)) for image in INDICES}
    assert [counts[image] for image in (3, 5, 6, 7, 8, 9)] == [2] * 6  # 12 images drawn from 6
    assert [counts[image] for image in (11, 12)] == [6, 6]


def test_an_image_that_comes_again_in_an_epoch_is_augmented_anew() -> None:
    sampler = Sampler(INDICES, batch_size=8, seed=1, balanced_by=LABELS)
    (step,) = sampler.epoch(0)
    assert len(set(step.keys.tolist())) == len(step.keys)
    assert (step.keys % len(LABELS) == step.indices).all()


@pytest.mark.slow
@given(st.integers(1, 60), st.integers(1, 20), st.integers(0, 5))
def test_steps_are_as_many_as_said_and_none_has_too_many(
    count: int, batch_size: int, epoch: int
) -> None:
    sampler = Sampler(np.arange(count), batch_size=batch_size, seed=0)
    sizes = [len(step.indices) for step in sampler.epoch(epoch)]
    assert len(sizes) == len(sampler)
    assert sum(sizes) == count
    assert max(sizes) <= batch_size + 1
    assert max(sizes) - min(sizes) <= 1


def test_one_image_is_one_step() -> None:
    assert len(Sampler(np.array([4]), batch_size=8, seed=0)) == 1
    with pytest.raises(IndexError):
        _ = Sampler(np.array([4]), batch_size=8, seed=0).epoch(0)[1]
