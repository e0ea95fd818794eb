"""Damaged run folders: every verb names the file, and the way out that it names works."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from recorded import turn_into_version_before

from conftest import Convscope
from convscope.api.evaluate import evaluate, write_evaluation
from convscope.errors import RunError
from convscope.files import write_sealed_json
from convscope.run import Run

DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda content: b"",
    "cut": lambda content: content[: len(content) // 2],
    "letters": lambda content: b"\xff\xfe" + content,
    "zeros": lambda content: bytes(len(content)),
    "nested": lambda content: b"[" * 100_000,
    "list": lambda content: b"[1]",
}
FILES = (
    *("recipe.yaml", "environment.json", "history.csv", "splits.csv", "evaluation.json"),
    *("classifier/classifier.json", "classifier/model.safetensors"),
)


def damage(run: Run, file: str, kind: str) -> Path:
    path = run.path / file
    path.write_bytes(DAMAGES[kind](path.read_bytes()))
    return path


@pytest.mark.slow
@pytest.mark.parametrize(
    ("file", "kind"),
    [(file, list(DAMAGES)[at % len(DAMAGES)]) for at, file in enumerate(2 * FILES)],
)
def test_no_verb_falls_over_a_damaged_file(
    convscope: Convscope, flawed: Run, file: str, kind: str
) -> None:
    damage(flawed, file, kind)
    image = "pictures/red/000.png"
    for words in (
        ("runs",),
        ("evaluate", flawed.path, "-q"),
        ("predict", flawed.path, image),
        ("calibrate", flawed.path, "-q"),
        ("compare", flawed.path, flawed.path),
        ("compare", "--recipes", flawed.path, flawed.path),
    ):
        outcome = convscope(*words)
        assert outcome.code in (0, 2, 3, 6), words
        assert "Traceback" not in outcome.err
        if outcome.code:
            assert outcome.err.startswith("error: ")


@pytest.mark.parametrize("file", ["recipe.yaml", "history.csv", "evaluation.json"])
def test_one_damaged_run_is_named_and_the_others_are_listed(
    convscope: Convscope, flawed: Run, file: str
) -> None:
    good = flawed.path.rename(flawed.path.with_name("good"))
    bad = flawed.path.with_name("bad")
    bad.mkdir()
    for each in ("recipe.yaml", "environment.json", "history.csv", "evaluation.json"):
        (bad / each).write_bytes((good / each).read_bytes())
    (bad / file).write_bytes(b"\x80 [")
    outcome = convscope("runs")
    assert outcome.code == 0
    listed = [line.split()[:2] for line in outcome.out.splitlines() if "runs/" in line]
    assert listed == [["runs/bad", "unreadable"], ["runs/good", "finished"]]
    assert f"runs/bad/{file}" in outcome.err
    rows = {row["run"]: row for row in json.loads(convscope("runs", "--json").out)}
    assert f"runs/bad/{file}" in rows["runs/bad"]["error"]
    assert rows["runs/good"]["accuracy"] > 0.5


@pytest.mark.parametrize(
    ("file", "attribute", "old", "new"),
    [
        ("recipe.yaml", "recipe", "seed: 0", "seed: 1"),
        ("history.csv", "history", "0.0", "0.1"),
        ("splits.csv", "split_counts", ",train,", ",test,"),
        ("splits.csv", "image_splits", ",validation,", ",test,"),
        ("environment.json", "environment", '"threads": ', '"threads": 1'),
    ],
)
def test_a_finished_run_of_which_a_number_was_changed_is_not_believed(
    flawed: Run, file: str, attribute: str, old: str, new: str
) -> None:
    path = flawed.path / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(RunError) as caught:
        getattr(flawed, attribute)
    assert caught.value.message == f"`{path}` can't be used: it was changed after the training"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"num_images": ', '"num_images": 1'),
        ('"format": 3', '"format": 2'),
        ('"files": {', '"hashes": {'),
        ('"recipe.yaml": "', '"recipe.txt": "'),
        ('"sha256": "', '"sha512": "'),
    ],
)
@pytest.mark.parametrize("attribute", ["evaluation", "recipe", "image_splits"])
def test_an_evaluation_that_was_changed_vouches_for_nothing(
    flawed: Run, attribute: str, old: str, new: str
) -> None:
    text = flawed.evaluation_path.read_text()
    assert text.count(old) == 1 or old == '"num_images": '
    flawed.evaluation_path.write_text(text.replace(old, new, 1))
    with pytest.raises(RunError, match=r"evaluation.json` can't be used") as caught:
        getattr(flawed, attribute)
    assert caught.value.exit_code == 6


def test_an_evaluation_of_elsewhere_is_not_the_one_of_a_run(flawed: Run) -> None:
    write_sealed_json(flawed.evaluation_path, flawed.evaluation)  # without hashes
    for attribute in ("evaluation", "recipe", "history"):
        with pytest.raises(RunError, match="it was changed after the training"):
            getattr(Run(flawed.path), attribute)


@pytest.mark.slow
@pytest.mark.parametrize("is_of_before", [True, False])
def test_a_run_that_is_evaluated_in_its_own_folder_stays_whole(
    flawed: Run, is_of_before: bool
) -> None:
    before = contents(flawed)
    if is_of_before:
        turn_into_version_before(flawed, hashes=True)
    evaluation = evaluate(flawed)
    write_evaluation(evaluation, flawed.path)
    assert contents(flawed)[:-1] == before[:-1]
    assert contents(flawed)[-1]["format"] == 3
    flawed.splits_path.write_text(flawed.splits_path.read_text().replace(",train,", ",test,", 1))
    with pytest.raises(RunError, match=r"splits.csv` can't be used: it was changed"):
        write_evaluation(evaluation, flawed.path)


@pytest.mark.parametrize("hashes", [True, False])
def test_runs_of_versions_before_are_read(flawed: Run, hashes: bool) -> None:
    before = contents(flawed)
    turn_into_version_before(flawed, hashes=hashes)
    assert contents(flawed) == (*before[:-1], {**before[-1], "format": 2})


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("recipe.yaml", "seed: 0", "seed: 1"),
        ("splits.csv", ",train,", ",test,"),
        ("evaluation.json", '"num_images": ', '"num_images": 1'),
        ("hashes.json", '"recipe.yaml": "', '"recipe.yaml": "0'),
    ],
)
def test_the_hashes_of_versions_before_are_believed(
    flawed: Run, file: str, old: str, new: str
) -> None:
    turn_into_version_before(flawed, hashes=True)
    path = flawed.path / file
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(RunError, match=f"{file}` can't be used: it was changed after"):
        contents(flawed)


def contents(run: Run) -> tuple[Any, ...]:
    """What is read of a finished run, its evaluation last."""
    run = Run(run.path)
    return run.recipe, run.environment, run.history, run.split_counts, run.evaluation


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("seed: 0", "seed: x", "`seed` can't be `x`"),
        ("lr: ", "lr: -", "`lr` can't be `-"),
        ("opt: ", "opt: s", "`opt` can't be `s"),
        ("epochs: 3", "epochs: [", "can't be read"),
        ("format: 1", "format: 1\nmore: 2", "a recipe has no field `more`"),
    ],
)
def test_a_damaged_recipe_of_a_run_is_a_damaged_run(
    convscope: Convscope, flawed: Run, old: str, new: str, problem: str
) -> None:
    text = flawed.recipe_path.read_text()
    flawed.recipe_path.write_text(text.replace(old, new, 1))
    outcome = convscope("compare", "--recipes", flawed.path, flawed.path)
    assert outcome.code == 6
    assert "recipe `runs/flawed/recipe.yaml`" in outcome.err
    assert problem in outcome.err
    assert "hint: " in outcome.err


@pytest.fixture
def unfinished(flawed: Run) -> Run:
    """A run whose last checkpoint is there, and whose evaluation isn't."""
    flawed.evaluation_path.unlink()
    return flawed


@pytest.mark.slow
@pytest.mark.parametrize(
    "file", ["recipe.yaml", "environment.json", "history.csv", "splits.csv", "checkpoints/²/x"]
)
def test_fresh_is_a_way_out_of_any_damage(convscope: Convscope, unfinished: Run, file: str) -> None:
    path = unfinished.path / file
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"\xff[")
    words = ("train", "pictures", "--name", "flawed", "--model", "lenet_rgb", "--epochs", "1")
    outcome = convscope(*words, "-b", "16", "--fresh", "-q")
    assert outcome.code == 0
    assert outcome.err.endswith("of training in `runs/flawed`: thrown away\n")
    assert len(unfinished.history) == 1


@pytest.mark.slow
def test_a_changed_recipe_is_not_resumed_with(convscope: Convscope, unfinished: Run) -> None:
    text = unfinished.recipe_path.read_text()
    unfinished.recipe_path.write_text(text.replace("label_smoothing: ", "label_smoothing: 0.1 #"))
    outcome = convscope("train", "--resume", unfinished.path, "-q")
    assert outcome.code == 6
    assert "recipe.yaml` is missing or damaged" in outcome.err
    assert "how the run was begun: it was changed after it was written" in outcome.err
    assert "hint: `--fresh` begins it anew" in outcome.err


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="only there such files can be made")
@pytest.mark.parametrize("file", ["recipe.yaml", "splits.csv", "environment.json"])
def test_a_pipe_in_a_run_is_not_waited_for(convscope: Convscope, flawed: Run, file: str) -> None:
    (flawed.path / file).unlink()
    os.mkfifo(flawed.path / file)
    outcome = convscope("evaluate", flawed.path, "-q")
    assert outcome.code in (0, 6)
    assert "Traceback" not in outcome.err
