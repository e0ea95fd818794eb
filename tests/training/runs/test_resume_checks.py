"""Going on: more epochs for a finished run, added classes, and what is measured before step 0."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
import torch

import convscope
from conftest import MakeFolder
from convscope.data.batch import Batches
from convscope.errors import RunError, UsageError
from convscope.files import sha256
from convscope.progress import SILENT, Reporter
from convscope.recipe import Recipe, cuts_of, on_top, read_values
from convscope.training.freezing import freeze
from convscope.training.one_training import device_and_processes
from convscope.training.options import TrainOptions
from convscope.training.prepare import prepare
from convscope.training.presets import HEAD_EPOCHS
from convscope.training.resolve import resolve
from convscope.training.runs.checkpoint import load_newest
from convscope.training.setup import build_setup

QUICK: dict[str, Any] = {"model": "lenet_rgb", "batch_size": 16}


def weights(run: convscope.Run) -> dict[str, torch.Tensor]:
    checkpoint, _ = load_newest(run.checkpoints_path)
    assert checkpoint is not None
    return checkpoint.model


def same(first: convscope.Run, second: convscope.Run) -> bool:
    one, other = weights(first), weights(second)
    return all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.slow
@pytest.mark.parametrize("sched", ["constant", "step", "plateau"])
def test_more_epochs_are_those_that_would_have_followed(
    make_folder: MakeFolder, tmp_path: Path, sched: str
) -> None:
    data = make_folder()
    fields = {**QUICK, "sched": sched, "ema": 0.9, "seed": 1}
    if sched == "step":
        fields["step_epochs"] = 2
    if sched == "plateau":
        fields["plateau_epochs"] = 1
    whole = convscope.train(data, project=tmp_path / "whole", epochs=5, **fields)
    short = convscope.train(data, project=tmp_path / "runs", epochs=3, **fields)
    before = sha256(short.classifier_path / "model.safetensors")
    longer = convscope.train(continues=short.path, project=tmp_path / "runs", epochs=5)
    assert longer.path.name == "pictures-lenet_rgb-2"
    assert same(whole, longer)
    assert [row["train_loss"] for row in longer.history] == [
        row["train_loss"] for row in whole.history
    ]
    assert sha256(short.classifier_path / "model.safetensors") == before


@pytest.mark.slow
def test_a_run_has_to_be_finished_and_shorter_to_go_on(
    make_folder: MakeFolder, tmp_path: Path
) -> None:
    data = make_folder()
    run = convscope.train(data, project=tmp_path / "runs", epochs=2, **QUICK)
    with pytest.raises(UsageError, match="has 2 epochs already, `epochs` is 2"):
        convscope.train(continues=run.path, project=tmp_path / "runs", epochs=2)
    with pytest.raises(UsageError, match="was trained for other classes"):
        convscope.train(
            make_folder({"x": 30, "y": 30}, name="others"),
            continues=run.path,
            project=tmp_path / "runs",
            epochs=3,
        )
    run.evaluation_path.unlink()
    with pytest.raises(RunError, match="is unfinished, not finished"):
        convscope.train(continues=run.path, project=tmp_path / "runs", epochs=3)


@pytest.mark.slow
def test_what_the_weights_belong_to_has_to_stay_when_a_run_goes_on(
    make_folder: MakeFolder, tmp_path: Path
) -> None:
    data = make_folder()
    run = convscope.train(data, project=tmp_path / "runs", epochs=2, **QUICK)
    with pytest.raises(UsageError, match="can't be continued with other values") as caught:
        convscope.train(continues=run.path, project=tmp_path / "runs", epochs=3, opt="sgd")
    assert "opt: adamw -> sgd" in caught.value.message
    with pytest.raises(RunError, match="had [0-9]+ of these images in another split"):
        convscope.train(
            continues=run.path, project=tmp_path / "runs", epochs=3, folds=3, fold=1, name="x"
        )
    with pytest.raises(UsageError, match="`continues` needs `epochs`"):
        convscope.train(continues=run.path, project=tmp_path / "runs")


@pytest.mark.slow
def test_a_rate_given_to_a_run_that_goes_on_is_used(
    make_folder: MakeFolder, tmp_path: Path
) -> None:
    run = convscope.train(
        make_folder(), project=tmp_path / "runs", epochs=2, sched="constant", **QUICK
    )
    again = convscope.train(continues=run.path, project=tmp_path / "runs", epochs=3, lr=1e-4)
    assert again.recipe.lr == 1e-4
    assert [row["learning_rate"] for row in again.history] == [0.00141, 0.00141, 1e-4]


@pytest.mark.slow
def test_a_run_that_lost_its_patience_goes_on_when_asked(
    make_folder: MakeFolder, tmp_path: Path
) -> None:
    fields = {**QUICK, "epochs": 30, "patience": 1}
    run = convscope.train(make_folder(), project=tmp_path / "runs", **fields)
    done = len(run.history)
    assert done < 30
    again = convscope.train(continues=run.path, project=tmp_path / "runs", epochs=31)
    assert len(again.history) > done


@pytest.mark.slow
def test_flags_on_top_of_a_runs_recipe_open_what_belonged_to_the_old_values(
    make_folder: MakeFolder, tmp_path: Path
) -> None:
    run = convscope.train(make_folder(), project=tmp_path / "runs", epochs=2, **QUICK)
    values = read_values(run.recipe_path)
    recipe = Recipe.parse(on_top(values, {"opt": "sgd", "sched": "step"}))
    assert (recipe.betas, recipe.lr, recipe.final_lr) == (None, None, None)
    assert recipe.epochs == 2
    same = Recipe.parse(on_top(values, {"opt": "adamw"}))
    assert same.lr == 0.00141


def test_options_of_names_are_put_on_top_name_by_name_unless_the_model_changes() -> None:
    values = {"model": "lenet_rgb", "options": {"activation": "tanh", "dropout": 0.2}}
    options = {"dropout": 0.1}
    assert on_top(values, {"options": options})["options"] == {"activation": "tanh", "dropout": 0.1}
    assert on_top(values, {"model": "vgg11", "options": options})["options"] == options
    assert values["options"] == {"activation": "tanh", "dropout": 0.2}


@pytest.mark.slow
def test_a_recipe_file_that_names_a_run_to_go_on_from_does_what_the_flag_does(
    make_folder: MakeFolder, tmp_path: Path
) -> None:
    from convscope.cli.flags import recipe_of

    run = convscope.train(make_folder(), project=tmp_path / "runs", epochs=2, **QUICK)
    file = tmp_path / "more.yaml"
    file.write_text(f"continues: {run.path}\nepochs: 3\n")
    recipe = recipe_of(None, {}, file=file)
    assert recipe == recipe_of(None, {"continues": str(run.path), "epochs": 3}, file=None)
    assert (recipe.model, recipe.batch_size, recipe.lr) == ("lenet_rgb", 16, run.recipe.lr)


@pytest.mark.slow
def test_a_head_for_more_classes_keeps_the_rows_of_those_it_knows(
    make_folder: MakeFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = convscope.train(make_folder(), project=tmp_path / "runs", epochs=2, **QUICK)
    more = make_folder({"blue": 30, "amber": 30, "red": 30}, name="more")
    second = convscope.train(
        more,
        project=tmp_path / "runs",
        weights=first.path,
        epochs=1,
        lr=1e-12,
        weight_decay=0.0,
        reporter=convscope.Reporter(),
    )
    assert (
        "the head keeps its rows of 2 classes; newly initialised for amber"
        in capsys.readouterr().err
    )
    old, new = convscope.load(first.path), convscope.load(second.path)
    for label in ("blue", "red"):
        torch.testing.assert_close(
            new.network.state_dict()["fc3.weight"][new.classes.index(label)],
            old.network.state_dict()["fc3.weight"][old.classes.index(label)],
            rtol=0,
            atol=1e-6,
        )


@pytest.mark.slow
def test_a_rate_that_was_looked_for_leaves_no_other_trace(
    make_folder: MakeFolder, tmp_path: Path
) -> None:
    data = make_folder()
    fields = {**QUICK, "epochs": 2, "options": {"batch_norm": True}}
    found = convscope.train(data, project=tmp_path / "auto", lr="auto", **fields)
    rate = found.recipe.lr
    assert isinstance(rate, float)
    told = convscope.train(data, project=tmp_path / "told", lr=rate, **fields)
    assert same(found, told)
    record = json.loads(found.measured_path.read_text())["learning_rate"]
    assert record["rate"] == rate
    assert record["reason"]
    assert found.learning_rate_plot_path.read_text().startswith("<?xml")
    assert not told.measured_path.exists()
    search = convscope.find_learning_rate(data, **fields)
    assert search.rate == rate
    search.save(tmp_path / "search.png")
    assert (tmp_path / "search.png").stat().st_size > 10_000


@pytest.mark.slow
def test_an_unfinished_search_is_not_made_again(make_folder: MakeFolder, tmp_path: Path) -> None:
    data = make_folder()
    fields = {**QUICK, "epochs": 2, "lr": "auto", "project": tmp_path / "runs"}
    first = convscope.train(data, **fields)
    record = json.loads(first.measured_path.read_text())
    first.evaluation_path.unlink()
    again = convscope.train(data, **fields)
    assert again.path == first.path
    assert json.loads(again.measured_path.read_text()) == record


@pytest.mark.slow
def test_a_training_ends_on_time(make_folder: MakeFolder, tmp_path: Path) -> None:
    began = time.monotonic()
    run = convscope.train(make_folder(), project=tmp_path / "runs", time="9s", **QUICK)
    seconds = time.monotonic() - began
    assert seconds < 15  # a machine may be slow for a moment, but not forget the time
    record = json.loads(run.measured_path.read_text())["time"]
    assert record["epochs"] >= len(run.history) >= 2
    assert run.recipe.epochs == record["epochs"]
    assert run.recipe.time is None


@pytest.mark.slow
def test_a_time_that_is_over_before_it_begins_is_an_error(
    make_folder: MakeFolder, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="`time` was over before the first step"):
        convscope.train(make_folder(), project=tmp_path / "runs", time="0.001s", **QUICK)


class Slower(Reporter):
    """Makes a training slower from its second epoch on, as a machine does that others use."""

    def __init__(self) -> None:
        super().__init__(quiet=True)
        self.said: list[str] = []

    def say(self, line: str) -> None:
        """Hears what a person would read."""
        self.said.append(line)
        if line.startswith("epoch") and not line.startswith("epoch   1/"):
            time.sleep(0.4)


@pytest.mark.slow
def test_what_a_clock_has_cut_off_stands_in_the_recipe_which_gives_the_same_bits(
    make_folder: MakeFolder, tmp_path: Path
) -> None:
    data, reporter = make_folder(), Slower()
    timed = convscope.train(
        data, project=tmp_path / "timed", time="9s", reporter=reporter, dropout=0.2, **QUICK
    )
    assert any(
        "epochs take longer than when the time was planned" in line for line in reporter.said
    )
    recipe = timed.recipe
    assert recipe.epochs_cut is not None
    assert recipe.epochs is not None
    cuts = cuts_of(recipe.epochs_cut)
    assert recipe.epochs > max(cuts.values())
    assert len(timed.history) == min(cuts.values())
    again = convscope.train(
        project=tmp_path / "again", name="again", **read_values(timed.recipe_path)
    )
    assert same(timed, again)
    columns = ("learning_rate", "train_loss", "validation_loss")
    for mine, theirs in zip(timed.history, again.history, strict=True):
        assert [mine[name] for name in columns] == [theirs[name] for name in columns]
    assert again.recipe == recipe
    longer = on_top(read_values(timed.recipe_path), {"epochs": 50})
    assert longer.get("epochs_cut") is None  # it was decided for another number of epochs


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"epochs_cut": "12"}, "it must be EPOCH:EPOCHS"),
        ({"epochs_cut": "12:40,20:45"}, "it must be EPOCH:EPOCHS"),
        ({"epochs_cut": "20:40,12:35"}, "it must be EPOCH:EPOCHS"),
        ({"epochs_cut": "12:11"}, "it must be EPOCH:EPOCHS"),
        ({"epochs_cut": "0:11"}, "it must be EPOCH:EPOCHS"),
        ({"epochs_cut": "12:40"}, "`epochs_cut` needs `epochs`"),
        ({"epochs_cut": "12:40", "epochs": 40}, "`epochs_cut` is `12:40`, but there are 40 epochs"),
        ({"epochs_cut": "12:40", "time": "5m"}, "`epochs_cut` and `time` exclude each other"),
    ],
)
def test_a_cut_that_can_not_be_is_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Recipe.parse({"data": "digits", **fields})


@pytest.mark.slow
def test_features_are_those_of_the_epochs_that_there_is_time_for(
    make_folder: MakeFolder, tmp_path: Path
) -> None:
    data = make_folder()
    source = convscope.train(data, project=tmp_path / "runs", epochs=1, **QUICK)
    values = {"data": str(data), "weights": str(source.path), "tune": "head", "time": "20s"}
    recipe = Recipe.parse({**values, "feature_views": HEAD_EPOCHS + 2, "brightness": 0.5})
    with device_and_processes(recipe) as (device, processes):
        options = TrainOptions()
        recipe, *parts = prepare(recipe, device, processes, options, SILENT)
        _, *others = prepare(recipe, device, processes, options, SILENT)

        def batches(recipe: Recipe, choice: Any, network: Any, data: Any) -> Batches:
            freeze(network, "head")
            resolved = resolve(recipe, choice, network, data, device)
            where: dict[str, Any] = {"device": device, "processes": processes, "reporter": SILENT}
            return build_setup(resolved, choice, network, data, **where).train_batches

        batches(recipe, *parts)  # as a dry run builds them
        tuned = recipe.model_copy(update={"epochs": HEAD_EPOCHS + 5, "time": None})
        last = HEAD_EPOCHS + 1
        for one, other in zip(
            batches(tuned, *parts).epoch(last), batches(tuned, *others).epoch(last), strict=True
        ):
            assert torch.equal(one.inputs, other.inputs)


@pytest.mark.slow
def test_steps_are_logged_once_each_also_after_a_resume(
    make_folder: MakeFolder, tmp_path: Path
) -> None:
    data = make_folder()
    fields = {**QUICK, "epochs": 3, "project": tmp_path / "runs", "log_steps": True}
    run = convscope.train(data, **fields)
    lines = run.step_log_path.read_text().splitlines()
    newest = max(int(path.name) for path in run.checkpoints_path.iterdir())
    (run.checkpoints_path / str(newest) / "manifest.json").unlink()
    run.evaluation_path.unlink()
    run.step_log_path.write_text("\n".join(lines) + '\n{"step": 9')  # cut off by a kill
    again = convscope.train(data, **fields)
    assert again.path == run.path
    assert run.step_log_path.read_text().splitlines() == lines
    rows = [json.loads(line) for line in lines]
    assert [row["step"] for row in rows] == list(range(len(rows)))
    assert set(rows[0]) == {"step", "learning_rate", "loss", "num_images", "num_correct"}
