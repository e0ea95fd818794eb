"""Outputs against SciPy, and where logits tie or are huge."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra import numpy as arrays
from samples import MANY, names, some_outputs
from scipy.special import log_softmax, softmax

from convscope.evaluation.outputs import Outputs

TIED = Outputs(
    np.array([[1, 1, 0], [0, 1, 1], [0, 0, 0]], dtype=np.float32), np.array([1, 1, 2]), names(3)
)


@MANY
@given(some_outputs())
def test_probabilities_are_the_softmax_of_logits_over_the_temperature(outputs: Outputs) -> None:
    scaled = outputs.logits.astype(np.float64) / outputs.temperature
    np.testing.assert_allclose(outputs.probabilities, softmax(scaled, axis=1), atol=1e-12)
    np.testing.assert_allclose(outputs.log_probabilities, log_softmax(scaled, axis=1), atol=1e-12)
    np.testing.assert_allclose(outputs.confidences, outputs.probabilities.max(axis=1), atol=1e-12)


@MANY
@given(some_outputs())
def test_a_rank_is_the_place_of_the_right_class_in_the_order_of_logits(outputs: Outputs) -> None:
    order = np.argsort(-outputs.logits, axis=1, kind="stable")
    np.testing.assert_array_equal(outputs.ranks, (order == outputs.targets[:, None]).argmax(axis=1))
    np.testing.assert_array_equal(outputs.ranks == 0, outputs.is_correct)


def test_of_equally_probable_classes_the_first_is_predicted() -> None:
    assert TIED.predicted.tolist() == [0, 1, 0]
    assert TIED.ranks.tolist() == [1, 0, 2]
    assert TIED.is_correct.tolist() == [False, True, False]


@pytest.mark.slow
@MANY
@given(arrays.arrays(np.float32, (3, 4), elements={"allow_nan": False, "allow_infinity": False}))
def test_logits_of_any_size_give_numbers(logits: np.ndarray) -> None:
    outputs = Outputs(logits, np.array([0, 1, 2]), names(4))
    np.testing.assert_allclose(outputs.probabilities.sum(axis=1), 1, atol=1e-12)
    for values in (outputs.losses, outputs.brier_terms, outputs.confidences):
        assert np.isfinite(values).all()
        assert not np.signbit(values).any()


def test_what_is_surely_right_loses_nothing_and_what_is_surely_wrong_everything() -> None:
    outputs = Outputs(np.array([[900, 0], [900, 0]], dtype=np.float32), np.array([0, 1]), names(2))
    assert outputs.losses.tolist() == [0, 900]
    assert outputs.brier_terms.tolist() == [0, 2]


@MANY
@given(some_outputs())
def test_a_temperature_changes_no_prediction(outputs: Outputs) -> None:
    warmer = outputs.at_temperature(7.0)
    assert warmer.temperature == 7
    np.testing.assert_array_equal(warmer.predicted, outputs.predicted)
    np.testing.assert_array_equal(warmer.ranks, outputs.ranks)
    assert (warmer.confidences <= outputs.confidences + 1e-12).all()


@MANY
@given(some_outputs())
def test_those_of_some_images_are_what_they_were_among_all(outputs: Outputs) -> None:
    chosen = np.arange(0, len(outputs), 2)
    part, by_mask = outputs.take(chosen), outputs.take(np.arange(len(outputs)) % 2 == 0)
    assert len(part) == len(by_mask) == len(chosen)
    np.testing.assert_array_equal(part.losses, outputs.losses[chosen])
    np.testing.assert_array_equal(part.probabilities, by_mask.probabilities)
    assert (part.classes, part.temperature) == (outputs.classes, outputs.temperature)
