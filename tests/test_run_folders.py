"""Which folders are runs, and which one a training takes: never one that holds a user's files."""

from __future__ import annotations

from pathlib import Path

import pytest

from convscope.errors import RunError
from convscope.files import NEW
from convscope.paths import is_classifier, is_run, run_around
from convscope.run import Run, choose_folder, find_runs

# What lies in `runs/mine` -> the run that a training of that name gets.
FOLDERS = {
    "nothing": ((), "mine"),
    "a recipe": (("recipe.yaml",), "mine-2"),
    "a recipe and splits": (("recipe.yaml", "splits.csv"), "mine-2"),
    "splits": (("splits.csv",), "mine-2"),
    "a recipe and a history": (("recipe.yaml", "history.csv"), "mine-2"),
    "a recipe and an evaluation": (("recipe.yaml", "evaluation.json"), "mine-2"),
    "measurements": (("measured.json",), "mine-2"),
    "an environment": (("environment.json",), "mine-2"),
    "a hidden file": ((".notes",), "mine-2"),
    "a classifier": (("classifier/classifier.json",), "mine-2"),
    "checkpoints of others": (("checkpoints/best.pt",), "mine-2"),
    "a lock": (("training.lock",), "mine"),
    "what is written first": (("training.lock", "splits.csv", "environment.json"), "mine"),
    "a temporary": (("training.lock", f".recipe.yaml.{NEW}-abcd1234"), "mine"),
    "a run": (("recipe.yaml", "environment.json"), "mine"),
    "a damaged run": (("recipe.yaml", "checkpoints/20/manifest.json"), "mine"),
    "a finished run": (("recipe.yaml", "environment.json", "evaluation.json"), "mine-2"),
    "a diverged run": (("recipe.yaml", "environment.json", "failure.json"), "mine-2"),
}


def made(folder: Path, *names: str) -> Path:
    folder.mkdir(parents=True)
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("mine")
    return folder


@pytest.mark.parametrize("kind", FOLDERS)
def test_a_training_takes_a_run_that_goes_on_or_a_folder_of_nobody(
    tmp_path: Path, kind: str
) -> None:
    names, chosen = FOLDERS[kind]
    made(tmp_path / "mine", *names)
    assert choose_folder(tmp_path, "mine").path.name == chosen


@pytest.mark.parametrize(
    ("names", "lacks"),
    [
        ((), "`mine` is no run folder: it has no recipe.yaml"),
        (("recipe.yaml",), "`mine` is no run folder: it has no environment.json"),
        (("recipe.yaml", "splits.csv"), "`mine` is no run folder: it has no environment.json"),
        (("environment.json",), "`mine` is no run folder: it has no recipe.yaml"),
        (("classifier.json",), "`mine` is no classifier folder: it has no model.safetensors"),
        (("model.safetensors",), "`mine` is no run folder: it has no recipe.yaml"),
    ],
)
def test_a_folder_with_a_part_of_a_runs_files_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, names: tuple[str, ...], lacks: str
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = made(Path("mine"), *names)
    assert not is_run(folder)
    assert not is_classifier(folder)
    assert run_around(folder) is None
    assert not find_runs(Path())
    with pytest.raises(RunError) as caught:
        Run.open(folder)
    assert caught.value.message == lacks
