"""Trainings within a program: one at a time, and the program's random numbers stay its own."""

from __future__ import annotations

import os
import random
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from asking import Asking

import convscope
from conftest import MakeFolder, make_pictures
from convscope.errors import StoppedError, TrainingError
from convscope.files import sha256
from convscope.progress import Reporter
from convscope.recipe import Recipe
from convscope.training.one_training import device_and_processes

QUICK: dict[str, Any] = {"model": "lenet_rgb", "epochs": 2, "batch_size": 16, "dropout": 0.3}


class Waiting(Reporter):
    """Lets a training wait after its first epoch."""

    def __init__(self) -> None:
        super().__init__(quiet=True)
        self.has_begun, self.may_go_on = threading.Event(), threading.Event()

    def say(self, line: str) -> None:
        """Hears what a person would read."""
        if line.startswith("epoch   1/"):
            self.has_begun.set()
            assert self.may_go_on.wait(60)


@pytest.mark.slow
def test_a_second_training_in_a_program_is_refused_and_the_first_keeps_its_bits(
    make_folder: MakeFolder, tmp_path: Path
) -> None:
    data = make_folder()
    alone = convscope.train(data, project=tmp_path / "alone", **QUICK)
    reporter, runs = Waiting(), list[convscope.Run]()
    thread = threading.Thread(
        target=lambda: runs.append(
            convscope.train(data, project=tmp_path / "first", reporter=reporter, **QUICK)
        )
    )
    thread.start()
    assert reporter.has_begun.wait(60)
    for begin in (convscope.train, convscope.find_learning_rate):
        with pytest.raises(TrainingError, match="this program trains already") as caught:
            begin(data, **QUICK)
        assert "in a process of its own" in str(caught.value.hint)
    reporter.may_go_on.set()
    thread.join()
    assert sha256(runs[0].classifier_path / "model.safetensors") == sha256(
        alone.classifier_path / "model.safetensors"
    )
    convscope.train(data, project=tmp_path / "then", **{**QUICK, "epochs": 1})


@pytest.mark.skipif(not hasattr(os, "fork"), reason="only there a process can be copied")
def test_a_copy_of_a_program_that_trains_may_train() -> None:
    recipe = Recipe.parse({"data": "digits", "device": "cpu"})
    with device_and_processes(recipe):
        if (process := os.fork()) == 0:
            with (
                suppress(TrainingError),
                device_and_processes(recipe),
            ):
                os._exit(0)
            os._exit(1)
        assert os.waitpid(process, 0)[1] == 0
        with (
            pytest.raises(TrainingError, match="this program trains already"),
            device_and_processes(recipe),
        ):
            pass


def stopped(run: convscope.Run, data: Path) -> None:
    """A training that is broken off."""
    before = signal.signal(signal.SIGTERM, signal.SIG_DFL)
    try:
        with pytest.raises(StoppedError):
            convscope.train(
                data,
                project=data.parent / "stopped",
                reporter=Asking(signal.SIGTERM, "epoch   1/"),
                **QUICK,
            )
    finally:
        signal.signal(signal.SIGTERM, before)


def failed(run: convscope.Run, data: Path) -> None:
    """A training that diverges."""
    with pytest.raises(TrainingError):
        convscope.train(data, project=data.parent / "failed", **{**QUICK, "lr": 1e30, "opt": "sgd"})


CALLS: dict[str, Callable[[convscope.Run, Path], object]] = {
    "train": lambda run, data: convscope.train(data, project=data.parent / "more", **QUICK),
    "a training that is stopped": stopped,
    "a training that fails": failed,
    "find_learning_rate": lambda run, data: convscope.find_learning_rate(data, **QUICK),
    "evaluate": lambda run, data: convscope.evaluate(run, data, tta="flip"),
    "write_evaluation": lambda run, data: convscope.write_evaluation(
        convscope.evaluate(run, data), data.parent / "evaluation", run=run
    ),
    "calibrate": lambda run, data: convscope.calibrate(run),
    "compare": lambda run, data: convscope.compare(run, run, data=data, split="all"),
    "inspect": lambda run, data: convscope.inspect(run, data),
    "explain": lambda run, data: convscope.explain(run, data / "red" / "000.png"),
    "check": lambda run, data: convscope.check(data),
    "summarize": lambda run, data: convscope.summarize("lenet5_relu"),
    "predict": lambda run, data: convscope.load(run.path).predict(data / "red" / "000.png"),
}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> convscope.Run:
    place = tmp_path_factory.mktemp("program")
    make_pictures(place / "pictures")
    return convscope.train(place / "pictures", project=place, **QUICK)


@pytest.mark.slow
@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_the_random_numbers_of_a_program_go_on_as_if_nothing_had_been_called(
    run: convscope.Run, call: Callable[[convscope.Run, Path], object]
) -> None:
    data = run.path.parent / "pictures"

    def numbers() -> list[float]:
        return [random.random(), float(np.random.rand()), float(torch.rand(()))]

    def seed() -> None:
        random.seed(1)
        np.random.seed(2)
        torch.manual_seed(3)

    seed()
    expected = numbers()
    seed()
    call(run, data)
    assert numbers() == expected
