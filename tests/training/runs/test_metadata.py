"""What a run has on record of its recipe, and what a training that begins anew throws away."""

from __future__ import annotations

import hashlib
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

import convscope
from conftest import MakeFolder
from convscope.errors import RunError
from convscope.files import NEW, write_json
from convscope.progress import SILENT
from convscope.recipe import Recipe, read_values
from convscope.run import Run
from convscope.training.runs.checkpoint import load_newest
from convscope.training.runs.metadata import (
    discard,
    recorded_recipe,
    rewrite_recipe,
    with_recipe,
    write_recipe,
)

QUICK: dict[str, Any] = {"model": "lenet_rgb", "batch_size": 16}
FIRST = Recipe.parse({"data": "photos", "epochs": 50, "lr": 0.1})
CUT = FIRST.model_copy(update={"epochs_cut": "12:40"})
CUT_AGAIN = FIRST.model_copy(update={"epochs_cut": "12:40,20:35"})
CHANGED = FIRST.model_copy(update={"lr": 0.2})
ENVIRONMENT: dict[str, Any] = {
    "format": 1,
    "run": "1234",
    "threads": 1,
    "processes": 1,
    "data_fingerprint": "",
    "launch": None,
}


def digest(recipe: Recipe) -> str:
    return hashlib.sha256(recipe.dump().encode()).hexdigest()


@pytest.fixture
def begun(tmp_path: Path) -> Run:
    """A run with its metadata, as it is written before the first step."""
    run = Run(tmp_path / "run")
    run.path.mkdir()
    write_json(run.environment_path, with_recipe(ENVIRONMENT, run, FIRST))
    write_recipe(run, FIRST)
    return run


def test_a_recipe_that_a_clock_has_cut_is_the_one_on_record(begun: Run) -> None:
    assert recorded_recipe(begun) == FIRST
    for recipe in (CUT, CUT_AGAIN, CUT_AGAIN):
        rewrite_recipe(begun, recipe)
        assert begun.recipe == recipe
        assert recorded_recipe(Run(begun.path)) == recipe


@pytest.mark.parametrize("recipe", [CUT, CHANGED])
def test_a_kill_between_environment_and_recipe_leaves_the_recipe_of_before(
    begun: Run, recipe: Recipe
) -> None:
    for written in (FIRST, CUT):
        rewrite_recipe(begun, written)
        write_json(begun.environment_path, with_recipe(begun.environment, begun, recipe))
        assert recorded_recipe(Run(begun.path)) == written


@pytest.mark.parametrize(
    ("old", "new"),
    [("12:40", "12:41"), ("lr: 0.1", "lr: 0.2"), ("epochs: 50", "epochs: 51"), ("null", "null #")],
)
def test_a_recipe_that_was_changed_by_hand_is_not_the_one_on_record(
    begun: Run, old: str, new: str
) -> None:
    rewrite_recipe(begun, CUT)
    text = begun.recipe_path.read_text()
    begun.recipe_path.write_text(text.replace(old, new, 1))
    with pytest.raises(RunError, match="is missing or damaged") as caught:
        recorded_recipe(Run(begun.path))
    assert caught.value.message.endswith("was begun: it was changed after it was written")


@pytest.mark.parametrize(
    ("recorded", "there"), [(None, CHANGED), (FIRST, FIRST), (FIRST, CUT_AGAIN), (CUT, CUT)]
)
def test_recipes_of_versions_before_are_on_record_too(
    begun: Run, recorded: Recipe | None, there: Recipe
) -> None:
    before = {"recipe_sha256": digest(recorded)} if recorded else {}
    write_json(begun.environment_path, {**ENVIRONMENT, **before})
    write_recipe(begun, there)
    assert recorded_recipe(begun) == there
    rewrite_recipe(begun, CUT)
    assert recorded_recipe(Run(begun.path)) == CUT
    write_json(begun.environment_path, {**ENVIRONMENT, "recipe_sha256": digest(CHANGED)})
    with pytest.raises(RunError, match="it was changed after it was written"):
        recorded_recipe(Run(begun.path))


def weights(run: Run) -> dict[str, torch.Tensor]:
    checkpoint, _ = load_newest(run.checkpoints_path)
    assert checkpoint is not None
    return {**checkpoint.model, **{f"best {name}": t for name, t in checkpoint.best.items()}}


# Slower from its second epoch on, as a machine is that others use, until a clock cuts its epochs.
KILLED = """
import os, signal, sys, time
import convscope, convscope.api.train, torch._dynamo

class Slower(convscope.Reporter):
    last = 10**9

    def say(self, line):
        epoch = int(line.split("/")[0].split()[1]) if line.startswith("epoch ") else 0
        time.sleep(0.4 * (epoch > 1))
        if "epochs take longer than when the time was planned" in line:
            self.last = 2
        self.last -= epoch > 1
        if self.last == 0:
            os.kill(os.getpid(), signal.SIGKILL)

fields = {"time": "20s", "model": "lenet_rgb", "batch_size": 16, "dropout": 0.2}
convscope.train(sys.argv[1], project=sys.argv[2], name="run", reporter=Slower(), **fields)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="there is no such signal")
def test_a_training_that_is_killed_after_a_clock_has_cut_it_goes_on_to_the_bits_of_its_recipe(
    make_folder: MakeFolder, tmp_path: Path
) -> None:
    data, project = make_folder(), tmp_path / "runs"
    words = [sys.executable, "-c", KILLED, str(data), str(project)]
    assert subprocess.run(words, check=False).returncode == -signal.SIGKILL
    killed = Run(project / "run")
    assert killed.state == "unfinished"
    cut = killed.recipe.epochs_cut
    assert cut is not None
    fields: dict[str, Any] = {**QUICK, "dropout": 0.2, "time": "20s"}
    again = convscope.train(data, project=project, name="run", **fields)
    assert again.path == killed.path
    assert str(again.recipe.epochs_cut).startswith(cut)
    assert len(again.history) == int(str(again.recipe.epochs_cut).rpartition(":")[2])
    replayed = convscope.train(**read_values(again.recipe_path), project=tmp_path / "replayed")
    expected, found = weights(replayed), weights(again)
    assert expected.keys() == found.keys()
    assert all(torch.equal(expected[name], found[name]) for name in expected)


@pytest.mark.parametrize("place", ["best-of-mine/x", ".hidden", "20.bak/x", "notes.txt", "007/x"])
def test_a_training_that_begins_anew_throws_away_what_it_has_written_alone(
    begun: Run, place: str
) -> None:
    steps = begun.checkpoints_path
    for path in (steps / "20" / "manifest.json", steps / "40" / "x", steps / place):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    (steps / f".60.{NEW}-abcd1234").mkdir()
    discard(begun, SILENT)
    mine = steps / place
    assert [path for path in steps.rglob("*") if path.is_file()] == [mine]
    shutil.rmtree(steps)
    (steps / "20").mkdir(parents=True)
    discard(begun, SILENT)
    assert not steps.exists()
    discard(begun, SILENT)


@pytest.mark.parametrize("name", ["checkpoints", "log", "classifier", "history.csv"])
def test_whatever_is_in_the_place_of_a_file_or_folder_a_training_can_begin_anew(
    begun: Run, name: str
) -> None:
    path = begun.path / name
    if name == "history.csv":
        path.mkdir()
    else:
        path.write_text("mine")
    discard(begun, SILENT)
    assert path.exists() == (name == "log")  # in which nothing of ours can lie
