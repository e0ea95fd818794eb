"""The lock on a run: one process trains there, and notices when nothing keeps others away."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from torch import nn

import convscope
from conftest import MakeFolder
from convscope.distributed import SINGLE_PROCESS
from convscope.errors import RunError, UsageError
from convscope.files import NEW
from convscope.progress import SILENT, Reporter, Task
from convscope.recipe import Recipe, ResolvedRecipe
from convscope.run import choose_folder
from convscope.schemas import HistoryRow
from convscope.training.runs.lock import owned
from convscope.training.runs.log import RunLog
from convscope.training.runs.state import TrainingState
from convscope.training.step_metrics import DivergedError, StepRow

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="Windows lets nobody remove a file that is locked"
)

QUICK: dict[str, Any] = {"model": "lenet_rgb", "epochs": 4, "batch_size": 16}


@pytest.fixture
def run(tmp_path: Path) -> convscope.Run:
    return convscope.Run(tmp_path / "run")


def test_a_lock_that_is_there_lets_nobody_else_in(run: convscope.Run) -> None:
    with owned(run) as claim:
        claim.check()
        with pytest.raises(RunError, match="is being trained by process"), owned(run):
            pass
        claim.check()
    assert not run.path.exists()  # nothing came of it


def test_a_lock_that_was_removed_is_noticed(run: convscope.Run) -> None:
    with owned(run) as claim:
        run.lock_path.unlink()
        with pytest.raises(RunError, match="training.lock` was removed or replaced") as caught:
            claim.check()
    assert caught.value.exit_code == 6


def test_a_process_that_took_the_place_of_another_keeps_its_files(run: convscope.Run) -> None:
    with owned(run) as first:
        run.lock_path.unlink()
        with owned(run) as second:
            record = json.loads(run.owner_path.read_text())
            second.check()
            with pytest.raises(RunError, match="another training may have begun"):
                first.check()
            first_ends = suppress(RunError)
            with first_ends, owned(run):
                pass
            assert json.loads(run.owner_path.read_text()) == record


def test_a_folder_that_was_removed_is_noticed(run: convscope.Run) -> None:
    with owned(run) as claim:
        for path in run.path.iterdir():
            path.unlink()
        run.path.rmdir()
        with pytest.raises(RunError, match="was removed or replaced"):
            claim.check()
    assert not run.path.exists()


def log_with(check: Callable[[], None], run: convscope.Run) -> RunLog:
    return RunLog(run, run_id="this", processes=SINGLE_PROCESS, logs_steps=True, check=check)


def learned() -> tuple[nn.Module, torch.optim.Optimizer, TrainingState]:
    network = nn.Linear(2, 2)
    row = dict.fromkeys(HistoryRow.model_fields, 1.0)
    state = TrainingState(epochs=2, epoch=1, step=1, history=[row])
    return network, torch.optim.SGD(network.parameters(), lr=0.1), state


def save(log: RunLog) -> None:
    network, optimizer, state = learned()
    best = dict(network.state_dict())
    log.save(state, network=network, best=best, optimizer=optimizer, average=None)
    log.close()


RECIPE = Recipe.parse({"data": "digits"})

# Everything that a training writes into its run, and what it removes there.
WRITES: dict[str, Callable[[RunLog], object]] = {
    "checkpoint": save,
    "leftovers": lambda log: log.find_checkpoint(None, SILENT),
    "beginning": lambda log: log.begin(TrainingState(epochs=2), num_bytes=1),
    "steps": lambda log: log.write_steps([StepRow(1, 0.1, 0.5, 2, 1)]),
    "history": lambda log: log.write_history(learned()[2]),
    "recipe": lambda log: log.write_recipe(cast("ResolvedRecipe", RECIPE)),
    "failure": lambda log: log.write_failure(DivergedError(1, math.nan, 0.1, highest_lr=0.1)),
}


def content(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_nothing_is_written_or_removed_in_a_folder_that_may_be_anothers(
    run: convscope.Run, write: Callable[[RunLog], object]
) -> None:
    with owned(run) as first:
        run.lock_path.unlink()
        with owned(run):
            run.history_path.write_text("another's")
            run.step_log_path.parent.mkdir()
            run.step_log_path.write_text("another's")
            (run.path / f".report.html.{NEW}-abcd1234").write_text("another's")
            before = content(run.path)
            with pytest.raises(RunError, match="another training may have begun"):
                write(log_with(first.check, run))
            assert content(run.path) == before


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_all_of_it_is_written_in_a_folder_of_its_own(
    run: convscope.Run, write: Callable[[RunLog], object]
) -> None:
    with owned(run) as claim:
        run.step_log_path.parent.mkdir()
        run.history_path.write_text("old")
        (run.path / f".report.html.{NEW}-abcd1234").write_text("old")
        before = content(run.path)
        write(log_with(claim.check, run))
        assert content(run.path) != before


def test_a_checkpoint_that_took_long_replaces_none_of_another_training(
    run: convscope.Run,
) -> None:
    checks = []

    def removed_while_it_is_written() -> None:
        checks.append(1)
        if len(checks) == 2:  # the first is before the copy
            raise RunError("the lock was removed", hint="its own hint")

    for step in ("3", "7"):
        (run.checkpoints_path / step).mkdir(parents=True)
    with pytest.raises(RunError, match="the lock was removed") as caught:
        save(log_with(removed_while_it_is_written, run))
    assert caught.value.hint == "its own hint"
    assert sorted(path.name for path in run.checkpoints_path.iterdir()) == ["3", "7"]


@pytest.mark.parametrize(
    "error", [RunError("full"), KeyboardInterrupt(), SystemExit(143)], ids=repr
)
def test_a_folder_that_can_not_be_tidied_hides_no_error_and_is_unlocked(
    run: convscope.Run, error: BaseException
) -> None:
    def train() -> None:
        with owned(run):
            run.owner_path.unlink()
            run.owner_path.mkdir()  # what no `unlink` removes, as in a folder that is read-only
            raise error

    with pytest.raises(type(error)) as caught:
        train()
    assert caught.value is error
    run.owner_path.rmdir()
    with owned(run):
        pass


@pytest.mark.skipif(sys.platform != "linux", reason="the folder is Linux's")
def test_a_folder_in_which_nobody_can_write_is_named() -> None:
    run = convscope.Run(Path("/proc/run"))
    with pytest.raises(RunError, match="`/proc/run` can't be written to") as caught, owned(run):
        pass
    assert caught.value.exit_code == 6


class Removing(Reporter):
    """Removes the lock of a run when it hears certain words."""

    def __init__(self, run: convscope.Run, words: str) -> None:
        super().__init__(quiet=True)
        self._run, self._words = run, words

    def say(self, line: str) -> None:
        """Hears what a person would read."""
        if self._words in line:
            self._run.lock_path.unlink(missing_ok=True)

    def task(self, description: str, total: int, *, unit: str = "images") -> Task:
        """Hears of work that takes long."""
        self.say(description)
        return super().task(description, total, unit=unit)


@pytest.mark.slow
@pytest.mark.parametrize("epoch", [2, 4])
def test_a_training_whose_lock_is_gone_writes_nothing_more_and_can_be_resumed(
    make_folder: MakeFolder, tmp_path: Path, epoch: int
) -> None:
    data = make_folder()
    run = convscope.Run(tmp_path / "runs" / "pictures-lenet_rgb")
    with pytest.raises(RunError, match="was removed or replaced"):
        convscope.train(
            data, project=tmp_path / "runs", reporter=Removing(run, f"epoch   {epoch}/4"), **QUICK
        )
    assert len(run.history) == epoch - 1
    assert not run.classifier_path.exists()
    assert convscope.train(data, project=tmp_path / "runs", **QUICK).path == run.path
    assert len(run.history) == 4


@pytest.mark.slow
def test_a_training_whose_lock_goes_while_it_measures_or_evaluates_writes_nothing_more(
    make_folder: MakeFolder, tmp_path: Path
) -> None:
    data, run = make_folder(), convscope.Run(tmp_path / "runs" / "pictures-lenet_rgb")
    again = {**QUICK, "epochs": 1, "project": tmp_path / "runs"}
    with pytest.raises(RunError, match="was removed or replaced"):
        convscope.train(data, reporter=Removing(run, "evaluating"), **again)
    assert run.classifier_path.is_dir()
    assert not any(path.exists() for path in (run.evaluation_path, run.report_path))
    before = content(run.path)
    begun_anew: dict[str, Any] = {**again, "lr": "auto", "fresh": True}
    with pytest.raises(RunError, match="was removed or replaced"):
        convscope.train(data, reporter=Removing(run, "looking for a learning"), **begun_anew)
    left = content(run.path)
    assert {**before, **left} == {**left, **before}


@pytest.mark.slow
def test_hidden_files_in_a_run_stay(make_folder: MakeFolder, tmp_path: Path) -> None:
    data = make_folder()
    where: dict[str, Any] = {"project": tmp_path / "runs", "name": "run"}
    run = convscope.train(data, **where, **QUICK)
    run.evaluation_path.unlink()  # so that it goes on
    mine = [run.path / ".notes.20261130", run.checkpoints_path / ".x.abcd1234" / "file"]
    for path in mine:
        path.parent.mkdir(exist_ok=True)
        path.write_text("mine")
    convscope.train(data, **where, **QUICK)
    assert [path.read_text() for path in mine] == ["mine", "mine"]


@pytest.mark.parametrize("name", ["a" * 100, "猫" * 80, "é" * 100, "🐈" * 60, "Blumen äöü"])
def test_a_run_may_have_any_name_that_leaves_room_for_a_number(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    (tmp_path / name / "mine").touch()
    with owned(choose_folder(tmp_path, name)) as claim:
        assert claim.run.path.name == f"{name}-2"


@pytest.mark.parametrize("name", ["a" * 101, "猫" * 81, "🐈" * 61, "", "\ud800"])
def test_a_name_for_which_the_disk_has_no_room_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="can't be the name of a run"):
        choose_folder(tmp_path, name)
