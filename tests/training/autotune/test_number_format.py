"""Number format and memory format, chosen by the time of steps in each and kept from then on."""

from __future__ import annotations

import io
import signal
from pathlib import Path
from typing import Any

import pytest
from alone import train_alone
from asking import Asking

import convscope
from conftest import MakeFolder
from convscope.device import Device
from convscope.errors import RunError, StoppedError
from convscope.files import sha256
from convscope.progress import SILENT, Reporter
from convscope.training.autotune import number_format
from convscope.training.setup import Setup
from convscope.training.train import train

SMALL: dict[str, Any] = {"model": "resnet20", "img_size": 16, "batch_size": 8, "epochs": 2}
WEIGHTS = "classifier/model.safetensors"


class Clock:
    """A clock by which steps take as long as a test says, by number format and memory format."""

    def __init__(self, **seconds: float) -> None:
        self.seconds, self.measured = seconds, 0

    def __call__(self, setup: Setup, images: int) -> float:
        self.measured += 1
        recipe = setup.recipe
        return self.seconds.get(recipe.memory_format, 1.0) * self.seconds.get(recipe.precision, 1.0)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """A clock by which every training takes long, on a processor that has bfloat16."""
    clock = Clock()
    monkeypatch.setattr(number_format, "_image_seconds", clock)
    monkeypatch.setattr(number_format, "WORTH_MACS", 0)
    monkeypatch.setattr(Device, "measurable_precisions", ("float32", "bfloat16"))
    return clock


def test_what_is_clearly_faster_is_taken_said_and_on_record(
    clock: Clock, make_folder: MakeFolder, tmp_path: Path
) -> None:
    clock.seconds = {"contiguous": 0.8, "bfloat16": 0.5}
    file, data = io.StringIO(), make_folder()
    run = train_alone(data, project=tmp_path, reporter=Reporter(file=file), **SMALL)
    said = " ".join(file.getvalue().split())
    assert (
        "computes in bfloat16, channel by channel: a step is 2.5 times as fast as in float32, "
        "channels last" in said
    )
    assert "device: cpu (no GPU found), bfloat16" in said
    assert run.recipe.precision == "bfloat16"
    assert run.recipe.memory_format == "contiguous"
    assert len(run.measured["formats_chosen"]["measured"]) == 4
    clock.seconds = {}
    replayed = train(run.recipe, project=tmp_path / "replayed")
    assert sha256(replayed.path / WEIGHTS) == sha256(run.path / WEIGHTS)


def test_what_is_a_little_faster_changes_nothing(
    clock: Clock, make_folder: MakeFolder, tmp_path: Path
) -> None:
    data = make_folder()
    usual = train_alone(data, project=tmp_path / "usual", **SMALL, deterministic=True)
    assert not clock.measured
    clock.seconds = {"contiguous": 0.8}
    run = train_alone(data, project=tmp_path, **SMALL)
    assert clock.measured
    assert (run.recipe.precision, run.recipe.memory_format) == ("float32", "channels_last")
    assert sha256(run.path / WEIGHTS) == sha256(usual.path / WEIGHTS)


def test_what_is_given_is_not_measured(
    clock: Clock, make_folder: MakeFolder, tmp_path: Path
) -> None:
    given: dict[str, Any] = {"precision": "float32", "memory_format": "contiguous"}
    run = train_alone(make_folder(), project=tmp_path, **SMALL, **given)
    assert not clock.measured
    assert run.recipe.memory_format == "contiguous"


def test_a_short_training_is_not_measured_for_long(make_folder: MakeFolder, tmp_path: Path) -> None:
    run = train_alone(make_folder(), project=tmp_path, **SMALL)
    assert run.measured == {}
    assert (run.recipe.precision, run.recipe.memory_format) == ("float32", "channels_last")


@pytest.mark.parametrize("before", [{}, {"bfloat16": 0.5}], ids=["usual", "bfloat16"])
def test_a_resumed_run_keeps_its_formats_whatever_the_clock_says_now(
    clock: Clock, make_folder: MakeFolder, tmp_path: Path, before: dict[str, float]
) -> None:
    data, fields = make_folder(), {**SMALL, "name": "run", "project": tmp_path}
    clock.seconds = before
    with pytest.raises(StoppedError):
        convscope.train(data, reporter=Asking(signal.SIGTERM, "epoch   1/"), **fields)
    clock.seconds = {"float32": 0.1} if before else {"bfloat16": 0.1}
    other: dict[str, Any] = {"precision": "float32" if before else "bfloat16"}
    with pytest.raises(RunError, match="precision"):
        convscope.train(data, reporter=SILENT, **fields, **other)
    run = convscope.train(data, reporter=SILENT, **fields)
    assert run.recipe.precision == ("bfloat16" if before else "float32")
