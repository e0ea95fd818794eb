"""A time that is too short is refused before the training, with what would fit."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from conftest import make_pictures
from convscope.errors import UsageError
from convscope.progress import SILENT
from convscope.recipe import Recipe
from convscope.training.autotune.forecast import Forecast
from convscope.training.autotune.time_budget import Deadline, Pace, begin_deadline
from convscope.training.autotune.time_plan import check_time
from convscope.training.one_training import device_and_processes
from convscope.training.options import DEFAULT_OPTIONS
from convscope.training.phases import READING, STARTING, Phases
from convscope.training.prepare import Prepared, builder, prepare
from convscope.training.setup import Setup

# So slow that whatever is measured on a busy machine is quicker.
PACE = Pace(step_seconds=600.0, validation_seconds=600.0, image_seconds=30.0, steps_per_epoch=10)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Prepared, Setup]]:
    place = tmp_path_factory.mktemp("time") / "pictures"
    make_pictures(place, side=28)
    recipe = Recipe.parse({"data": str(place), "model": "resnet18", "img_size": 192})
    with device_and_processes(recipe) as (device, processes):
        found = prepare(recipe, device, processes, DEFAULT_OPTIONS, SILENT)
        yield found, builder(found, device, processes, SILENT)(recipe)


def refused(prepared: tuple[Prepared, Setup], minutes_left: float, **given: Any) -> UsageError:
    (recipe, _, _, data), setup = prepared
    phases = Phases(time.monotonic() - 1200)
    phases.end(READING)
    with pytest.raises(UsageError) as caught:
        check_time(
            recipe.model_copy(update=given),
            "1h",
            Forecast(setup=setup, pace=PACE, num_features=200 if given else 0),
            data,
            deadline=Deadline(time.monotonic() + 60 * minutes_left + 300, 300),
            phases=phases,
        )
    return caught.value


@pytest.mark.slow
def test_what_takes_the_time_is_named_and_what_fits(prepared: tuple[Prepared, Setup]) -> None:
    error = refused(prepared, 35)
    assert error.message == (
        "`time` of 1h is too short: an epoch of `resnet18` at 192 px takes about 1.9 h, and 35 min "
        "are left: reading the images took 20 min, evaluation and report take about 5 min"
    )
    assert error.hint is not None
    assert error.hint.startswith(
        "`--time 140m` would do; what fits into 1h: without `--model` and `--weights` the "
        "pretrained `efficientnet_lite0` (about "
    )
    assert "`--img-size 64` (about " not in error.hint  # three epochs would still take 37 min
    assert "or `--img-size 64` (about 37 min)" in (refused(prepared, 50).hint or "")


@pytest.mark.slow
def test_features_that_take_too_long_are_computed_for_one_view(
    prepared: tuple[Prepared, Setup],
) -> None:
    error = refused(prepared, 41, tune="head", weights="published")
    assert error.message.startswith(
        "`time` of 1h is too short: computing the features of `resnet18` at 192 px takes about "
        "1.7 h, and 41 min are left"
    )
    assert error.hint == (
        "`--time 120m` would do; what fits into 1h: `--feature-views 1` (about 35 min), or "
        "`--img-size 96` (about 25 min)"
    )


@pytest.mark.slow
def test_where_nothing_is_left_the_next_start_is_quicker(
    prepared: tuple[Prepared, Setup],
) -> None:
    assert refused(prepared, -5).hint == (
        "`--time 180m` would do; the next start finds the images prepared"
    )


def test_a_time_that_is_over_names_the_phase_that_took_it() -> None:
    phases = Phases(time.monotonic() - 10)
    phases.end(STARTING, within={READING: 9.0})
    with pytest.raises(UsageError) as caught:
        begin_deadline("8s", phases)
    assert caught.value.message == (
        "`time` was over before the first step: reading the images took 9 s of 8s"
    )
    assert caught.value.hint == "give more time; the next start finds the images prepared"


def test_a_machine_that_starts_slowly_keeps_more_time_for_the_report() -> None:
    slow, quick = Phases(time.monotonic() - 30), Phases(time.monotonic())
    slow.end(STARTING)
    quick.end(STARTING)
    assert begin_deadline("2m", slow).reserve_seconds == pytest.approx(30, abs=1)
    assert begin_deadline("2m", quick).reserve_seconds == pytest.approx(5, abs=1)


def test_phases_add_up() -> None:
    phases = Phases(time.monotonic() - 60)
    phases.end(STARTING, within={READING: 40.0})
    assert phases.description == "40 s reading the images, 20 s starting the program"
    assert phases.longest == "reading the images took 40 s"
    assert phases.total == pytest.approx(60, abs=1)
