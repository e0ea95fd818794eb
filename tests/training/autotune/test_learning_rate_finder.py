"""The choice of a learning rate from a sweep: on curves whose best rate is known by their form."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convscope.errors import TrainingError, UsageError
from convscope.training.autotune.learning_rate_finder import (
    LearningRateCurve,
    is_diverging,
    learning_rates_to_try,
)

RATES = learning_rates_to_try(1e-6, 10.0, 100)


def sweep(
    *,
    began: float = 2.3,
    ended: float = 0.7,
    middle: float = 3e-3,
    width: float = 0.25,
    cliff: float = 0.1,
    noise: float = 0.0,
    seed: int = 0,
) -> LearningRateCurve:
    """Losses that fall around `middle` (over `width` decades) and explode above `cliff`."""
    place = np.log10(RATES)
    losses = ended + (began - ended) / (1 + np.exp((place - math.log10(middle)) / width * 2))
    losses *= 1 + noise * np.random.default_rng(seed).standard_normal(len(RATES))
    losses += np.expm1(np.maximum(0, place - math.log10(cliff)) * 8)
    seen = losses.tolist()
    steps = next((n for n in range(1, 101) if is_diverging(seen[:n])), 100)
    return LearningRateCurve(RATES[:steps], tuple(seen[:steps]))


curves = st.builds(
    sweep,
    began=st.floats(1, 8),
    ended=st.floats(0.05, 0.5),
    middle=st.floats(3e-5, 1e-2),
    width=st.floats(0.15, 0.4),
    cliff=st.floats(0.05, 10),
)


def test_rates_grow_by_the_same_factor_from_the_first_to_the_last() -> None:
    rates = learning_rates_to_try(1e-5, 10, 7)
    assert rates == pytest.approx((1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1, 10))
    assert (rates[0], rates[-1]) == (1e-5, 10)


@pytest.mark.parametrize(
    ("lowest", "highest", "steps"), [(0, 1, 10), (1, 1, 10), (0.1, math.inf, 10), (0.1, 1, 1)]
)
def test_rates_that_can_not_be_a_sweep_are_an_error(
    lowest: float, highest: float, steps: int
) -> None:
    with pytest.raises(UsageError, match=f"no sweep has {steps} learning rates from") as caught:
        learning_rates_to_try(lowest, highest, steps)
    assert caught.value.hint == "it needs 2 or more, from one above 0 to a higher one"


def test_smoothing_is_the_weighted_mean_of_the_losses_so_far() -> None:
    losses = np.random.default_rng(0).uniform(1, 3, 20)
    smoothed = LearningRateCurve(RATES[:20], tuple(losses)).smoothed
    for step in range(20):
        expected = np.average(losses[: step + 1], weights=0.85 ** np.arange(step, -1, -1))
        assert smoothed[step] == pytest.approx(expected)


def test_the_choice_lies_below_the_end_of_the_fall_and_far_from_the_cliff() -> None:
    choice = sweep().choose()
    assert 3e-3 < choice.rate < 1.5e-2
    assert 3e-3 < choice.steepest < 1e-2  # the average trails the losses
    assert 1e-2 < choice.lowest < 0.2
    assert choice.diverges == pytest.approx(0.2, rel=0.5)


def test_the_reason_is_one_sentence_with_the_numbers_a_user_can_check() -> None:
    choice = sweep().choose()
    assert choice.reason == (
        "half of 0.024, where nine tenths of the fall in loss from 2.3 to 0.758 are done; the loss "
        "falls fastest at 0.0048, is lowest at 0.089, and is back where it began at 0.2"
    )
    assert choice.rate == pytest.approx(0.024 / 2, rel=0.03)


def test_a_loss_that_still_falls_at_the_highest_rate_is_said_to() -> None:
    curve = sweep(middle=3, cliff=1e9)
    assert curve.choose().lowest == RATES[-1]
    assert curve.choose().reason.endswith(
        "is lowest at 10, the highest that was tried: a higher one may be better still"
    )
    assert "highest that was tried" not in sweep().choose().reason


def test_rates_have_three_digits() -> None:
    assert float(f"{sweep().choose().rate:.3g}") == sweep().choose().rate


def test_a_curve_that_never_diverges_gets_a_rate_from_its_fall() -> None:
    choice = sweep(cliff=100).choose()
    assert choice.diverges is None
    assert "back where it began" not in choice.reason
    assert choice.rate == pytest.approx(sweep().choose().rate, rel=0.5)


def test_a_network_that_dies_and_stays_at_chance_diverges_where_it_died() -> None:
    alive = sweep(cliff=100).losses[:70]
    choice = LearningRateCurve(RATES, alive + (2.35,) * 30).choose()
    assert choice.diverges is not None
    assert RATES[69] < choice.diverges < RATES[99]


def test_a_sweep_that_ends_in_no_number_is_judged_by_what_was_before() -> None:
    whole = sweep(cliff=100)
    cut = LearningRateCurve(RATES[:81], whole.losses[:80] + (math.nan,))
    assert cut.choose().diverges == RATES[80]
    assert cut.choose().rate == pytest.approx(whole.choose().rate, rel=0.2)


def test_a_curve_that_falls_from_the_first_step_on_gets_its_first_rate() -> None:
    choice = LearningRateCurve(RATES[:30], tuple(2.3 * 0.7**step for step in range(30))).choose()
    assert RATES[0] <= choice.rate <= choice.lowest
    steep = LearningRateCurve(
        learning_rates_to_try(1e-3, 2e-3, 30), tuple(0.7**step for step in range(30))
    ).choose()
    assert steep.rate == 1e-3
    assert steep.reason.startswith("the lowest that was tried, below 0.0015, where nine tenths")


RISING = tuple(2.3 * 1.5**step for step in range(20))


@pytest.mark.parametrize(
    "losses",
    [(2.3,) * 100, RISING, (2.3, 9e9, math.inf), (2.3, math.nan), (2.3,), (2.3, 2.299) * 50],
    ids=["flat", "rises at once", "explodes", "no number", "one step", "falls by nothing"],
)
def test_a_loss_that_falls_nowhere_is_an_error_with_a_way_out(losses: tuple[float, ...]) -> None:
    curve = LearningRateCurve(RATES[: len(losses)], losses)
    with pytest.raises(
        TrainingError, match="the loss did not fall at any learning rate from 1e-06"
    ) as error:
        curve.choose()
    assert "it began at 2.3 and was at best 2.3" in error.value.message
    assert "give one with `--lr`" in str(error.value.hint)


def test_noise_alone_is_hardly_ever_taken_for_a_fall() -> None:
    random = np.random.default_rng(0)
    chosen = 0
    for _ in range(200):
        try:
            LearningRateCurve(RATES, tuple(random.normal(2.3, 0.1, 100).tolist())).choose()
            chosen += 1
        except TrainingError:
            pass
    assert chosen <= 10


def test_a_loss_that_is_no_number_from_the_start_is_an_error_of_its_own() -> None:
    with pytest.raises(TrainingError, match="the loss is nan before the first step") as caught:
        LearningRateCurve(RATES[:2], (math.nan, 2.3)).choose()
    assert "`convscope check`" in str(caught.value.hint)


@pytest.mark.slow
@given(curves)
def test_the_choice_lies_between_the_first_rate_and_that_of_the_lowest_loss(
    curve: LearningRateCurve,
) -> None:
    choice = curve.choose()
    smoothed = curve.smoothed
    assert choice.lowest == curve.rates[smoothed.index(min(smoothed))]
    assert curve.rates[0] <= choice.rate <= choice.lowest
    assert curve.rates[0] <= choice.steepest <= choice.lowest
    assert choice.diverges is None or choice.diverges > choice.lowest


@pytest.mark.slow
@given(st.lists(st.floats(0, 1e30) | st.just(math.inf), min_size=1, max_size=100))
def test_any_losses_give_a_rate_of_the_sweep_or_an_error(losses: list[float]) -> None:
    curve = LearningRateCurve(RATES[: len(losses)], tuple(losses))
    try:
        choice = curve.choose()
    except TrainingError:
        return
    assert curve.rates[0] <= choice.rate <= choice.lowest <= curve.rates[-1]


@pytest.mark.slow
@given(curves, st.floats(1e-3, 1e3))
def test_the_unit_of_the_loss_does_not_matter(curve: LearningRateCurve, unit: float) -> None:
    scaled = LearningRateCurve(curve.rates, tuple(loss * unit for loss in curve.losses))
    # The third digit may be rounded the other way.
    assert scaled.choose().rate == pytest.approx(curve.choose().rate, rel=0.01)


@pytest.mark.slow
@settings(max_examples=300)
@given(
    middle=st.floats(3e-5, 1e-2),
    ended=st.floats(0.05, 1.0),
    cliff=st.floats(0.05, 10),
    seed=st.integers(0, 2**32 - 1),
)
def test_noise_of_five_percent_moves_the_choice_on_a_fall_by_half_by_less_than_three(
    middle: float, ended: float, cliff: float, seed: int
) -> None:
    calm = sweep(middle=middle, ended=ended, cliff=cliff).choose().rate
    noisy = sweep(middle=middle, ended=ended, cliff=cliff, noise=0.05, seed=seed).choose().rate
    assert 1 / 3 < noisy / calm < 3


@pytest.mark.parametrize("last", [math.nan, math.inf, -math.inf])
def test_a_loss_that_is_no_number_ends_a_sweep(last: float) -> None:
    assert is_diverging([2.3, last])


def test_a_sweep_ends_soon_after_the_loss_explodes_and_not_before() -> None:
    losses = list(sweep(cliff=1e3).losses)
    assert not any(is_diverging(losses[:count]) for count in range(101))
    assert is_diverging([*losses, 3.0, 6.0, 12.0, 24.0])
    assert len(sweep(cliff=1e-2).losses) < 70


def test_single_batches_and_the_first_steps_end_no_sweep() -> None:
    assert not is_diverging([])
    assert not is_diverging([0.01, 5.0])
    assert not is_diverging([2.3] * 30 + [9.0])
    learned = np.random.default_rng(0).exponential(0.05, 100).tolist()
    assert not any(is_diverging(learned[:count]) for count in range(101))


def test_a_loss_that_fell_far_may_climb_as_long_as_it_stays_below_its_beginning() -> None:
    assert not is_diverging([2.3] * 30 + [0.01] * 60 + [1.0] * 10)
