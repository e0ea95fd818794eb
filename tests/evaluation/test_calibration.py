"""Calibration against plain loops, a grid of temperatures, and classifiers whose truth is known."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from samples import FEW, MANY, answers, drawn, some_outputs, with_confidences

from convscope.evaluation.calibration import calibration_error, fit_temperature
from convscope.evaluation.intervals import proportion
from convscope.evaluation.outputs import Outputs


def by_loop(outputs: Outputs, bin_of: list[int]) -> float:
    total = 0.0
    for number in set(bin_of):
        inside = [image for image, each in enumerate(bin_of) if each == number]
        confidence = np.mean([outputs.confidences[image] for image in inside])
        accuracy = np.mean([outputs.is_correct[image] for image in inside])
        total += len(inside) / len(bin_of) * abs(confidence - accuracy)
    return total


@pytest.mark.slow
@FEW
@given(some_outputs())
def test_both_errors_are_those_of_plain_loops(outputs: Outputs) -> None:
    found = calibration_error(outputs)
    width = [math.ceil(confidence * 15) for confidence in outputs.confidences]
    ordered = sorted(outputs.confidences)
    mass = [ordered.index(each) * 15 // len(ordered) for each in outputs.confidences]
    assert found.equal_width.value == pytest.approx(by_loop(outputs, width), abs=1e-9)
    assert found.equal_mass.value == pytest.approx(by_loop(outputs, mass), abs=1e-9)
    for value, interval in (found.equal_width, found.equal_mass):
        assert 0 <= interval.low <= value <= interval.high <= 1
    assert sum(each.num_images for each in found.bins) == len(outputs)
    assert 0 <= found.by_chance <= 1


def test_bins_have_their_mean_confidence_and_the_share_of_right_images() -> None:
    # Of 15 bins, 0.61 and 0.64 are in the tenth, 0.95 is in the last.
    first, second = calibration_error(with_confidences([0.61, 0.64, 0.95], [1, 0, 1])).bins
    assert first.confidence == pytest.approx(0.625, abs=1e-6)
    assert first.accuracy == proportion(1, 2)
    assert (first.num_images, second.num_images) == (2, 1)
    plain = json.loads(json.dumps(first.to_dict(), allow_nan=False))
    assert set(plain) == {"confidence", "accuracy", "accuracy_interval", "num_images"}


def test_an_error_by_hand() -> None:
    found = calibration_error(with_confidences([0.9] * 8 + [0.7] * 2, [1] * 4 + [0] * 4 + [1] * 2))
    assert found.equal_width.value == pytest.approx(0.8 * 0.4 + 0.2 * 0.3, abs=1e-7)


def test_bins_of_equal_mass_have_equally_many_images() -> None:
    outputs = drawn(300)
    place = np.argsort(np.argsort(outputs.confidences))
    twenty_each = [int(each) // 20 for each in place]
    expected = by_loop(outputs, twenty_each)
    assert calibration_error(outputs).equal_mass.value == pytest.approx(expected, abs=1e-9)


@pytest.mark.slow
def test_a_calibrated_classifier_is_rarely_above_what_chance_makes() -> None:
    above, holds = 0, 0
    for seed in range(20):
        found = calibration_error(drawn(200, seed=seed))
        above += found.equal_width.value > found.by_chance
        holds += found.equal_width.interval.low <= 0.002
    assert above <= 3
    assert holds >= 18


def test_one_that_is_too_sure_is_above_what_chance_makes() -> None:
    found = calibration_error(drawn(2000, sureness=3.0))
    assert found.equal_width.interval.low > found.by_chance


def test_without_a_mistake_the_error_is_not_taken_for_certainly_low() -> None:
    found = calibration_error(with_confidences([0.99] * 50, [1] * 50))
    assert found.equal_width.value == pytest.approx(0.01, abs=1e-6)
    unseen = 0.99 - proportion(50, 50).interval.low
    assert found.equal_width.interval.high == pytest.approx(unseen, abs=1e-6)


def loss_at(outputs: Outputs, temperature: float) -> float:
    """Mean cross-entropy of the logits divided by a temperature."""
    logits = outputs.logits.astype(np.float64) / temperature
    logits -= logits.max(axis=1, keepdims=True)
    logs = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    return float(-logs[np.arange(len(outputs)), outputs.targets].mean())


@pytest.mark.slow
@pytest.mark.parametrize("sureness", [0.3, 2.0, 4.0])
def test_the_temperature_is_that_of_a_fine_grid(sureness: float) -> None:
    outputs = drawn(500, sureness=sureness)
    grid = np.exp(np.linspace(math.log(0.05), math.log(20), 1501))  # steps of 0.4 %
    best = grid[np.argmin([loss_at(outputs, each) for each in grid])]
    fit = fit_temperature(outputs)
    assert fit
    assert fit.temperature == pytest.approx(best, rel=0.005)
    assert loss_at(outputs, fit.temperature) <= loss_at(outputs, best) + 1e-9


def test_a_calibrated_classifier_is_left_as_it_is() -> None:
    changed = 0
    for seed in range(40):
        fit = fit_temperature(drawn(200, seed=seed))
        assert fit
        changed += fit.temperature != 1
        assert fit.log_loss_after <= fit.log_loss_before
    assert changed <= 6  # 5 % by chance: 2 of 40, more than 6 once in 300


@pytest.mark.slow
def test_the_temperature_undoes_what_made_logits_too_sure() -> None:
    fit = fit_temperature(drawn(4000, sureness=3.0))
    assert fit
    assert fit.temperature == pytest.approx(3, rel=0.08)
    assert fit.num_images == 4000
    assert fit.log_loss_after < fit.log_loss_before
    outputs = drawn(4000, seed=1, sureness=3.0)
    mended = outputs.at_temperature(fit.temperature)
    before, after = calibration_error(outputs), calibration_error(mended)
    assert after.equal_width.value < before.equal_width.value / 5


@pytest.mark.slow
@MANY
@given(some_outputs())
def test_losses_before_and_after_are_those_of_the_images(outputs: Outputs) -> None:
    many = outputs.take(np.arange(40) % len(outputs))
    fit = fit_temperature(many)
    assert fit
    assert 0.05 <= fit.temperature <= 20
    assert fit.log_loss_before == many.at_temperature(1.0).losses.mean()
    assert fit.log_loss_after == many.at_temperature(fit.temperature).losses.mean()
    json.dumps(fit.to_dict(), allow_nan=False)


def test_images_that_are_all_right_do_not_make_the_classifier_certain() -> None:
    targets = [image % 3 for image in range(60)]
    fit = fit_temperature(answers(targets, targets))
    assert fit
    assert fit.temperature == 1


@pytest.mark.parametrize("shift", [1, 2])
def test_labels_of_other_classes_end_the_search_at_its_highest_temperature(shift: int) -> None:
    outputs = drawn(300, sureness=3.0)
    fit = fit_temperature(Outputs(outputs.logits, (outputs.predicted + shift) % 5, outputs.classes))
    assert fit
    assert fit.bound == 20
    assert fit.bound_text() == (
        "the search for a temperature ended at the end of its range, 20: the labels of these 300 "
        "images contradict what the classifier is sure of"
    )


def test_probabilities_that_are_nearly_the_same_end_it_at_its_lowest() -> None:
    outputs = drawn(300)
    fit = fit_temperature(
        Outputs(outputs.logits / np.float32(1000), outputs.targets, outputs.classes)
    )
    assert fit
    assert fit.bound == 0.05
    assert "don't say how sure the classifier may be" in fit.bound_text()


@pytest.mark.parametrize("sureness", [0.3, 1.0, 4.0])
def test_a_temperature_within_the_range_is_at_no_end(sureness: float) -> None:
    fit = fit_temperature(drawn(200, sureness=sureness))
    assert fit
    assert fit.bound is None


def test_fewer_than_thirty_images_give_no_temperature() -> None:
    assert fit_temperature(drawn(29)) is None
    assert fit_temperature(drawn(30)) is not None
