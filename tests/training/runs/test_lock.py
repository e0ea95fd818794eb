"""The lock on a run: one process trains there, and notices when nothing keeps others away."""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

import convscope
from conftest import MakeFolder
from convscope.errors import RunError
from convscope.progress import Reporter
from convscope.training.runs.lock import owned

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


class Removing(Reporter):
    """Removes the lock of a run when it hears of an epoch."""

    def __init__(self, run: convscope.Run, words: str) -> None:
        super().__init__(quiet=True)
        self._run, self._words = run, words

    def say(self, line: str) -> None:
        """Hears what a person would read."""
        if self._words in line:
            self._run.lock_path.unlink(missing_ok=True)


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
