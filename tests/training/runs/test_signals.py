"""A training that is asked to stop saves and says how it goes on; one that can't go on says why."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from asking import Asking

import convscope
from conftest import Convscope, MakeFolder
from convscope.errors import RunError, StoppedError, TrainingError, UsageError
from convscope.files import NEW, sha256, write_json
from convscope.progress import Reporter, Task
from convscope.training.autotune.batch_size import enough_memory
from convscope.training.runs.checkpoint import load_newest
from convscope.training.runs.lock import owned
from convscope.training.runs.metadata import with_recipe
from convscope.training.runs.signals import StopSignals

CLOCK = "images_per_second"
QUICK: dict[str, Any] = {"model": "lenet_rgb", "epochs": 4, "batch_size": 8, "ema": 0.9}


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(15, 143), (2, 130), (1, 129)])
def test_a_training_that_is_asked_to_stop_saves_and_goes_on_to_the_same_bits(
    make_folder: MakeFolder, tmp_path: Path, number: int, code: int
) -> None:
    data = make_folder()
    whole = convscope.train(data, project=tmp_path / "whole", **QUICK)
    before = signal.signal(number, signal.SIG_DFL)  # whatever these tests were started by
    with pytest.raises(
        StoppedError, match=r"stopped by .+ after step \d+; everything is"
    ) as caught:
        convscope.train(
            data, project=tmp_path / "runs", reporter=Asking(number, "epoch   2/4"), **QUICK
        )
    assert caught.value.exit_code == code
    assert not isinstance(caught.value, Exception)  # no sweep goes on after Ctrl-C
    assert signal.signal(number, before) == signal.SIG_DFL
    checkpoint, _ = load_newest(tmp_path / "runs" / "pictures-lenet_rgb" / "checkpoints")
    assert checkpoint is not None
    assert (checkpoint.state.epoch, checkpoint.state.sums.steps) == (2, 1)
    again = convscope.train(data, project=tmp_path / "runs", **QUICK)
    assert again.path.name == "pictures-lenet_rgb"
    assert sha256(again.classifier_path / "model.safetensors") == sha256(
        whole.classifier_path / "model.safetensors"
    )


class AskingInValidation(Reporter):
    """Sends this process SIGTERM when the steps of an epoch are done."""

    def task(self, words: str, total: int, *, unit: str = "images") -> Task:
        """A task that hears of progress; so few steps are told of when all are done."""

        class Asking(Task):
            def advance(self, count: int = 1, details: str = "") -> None:
                if words == "training":
                    os.kill(os.getpid(), signal.SIGTERM)

        return Asking(self, words, total, unit=unit)


@pytest.mark.slow
def test_a_training_that_is_stopped_in_validation_has_the_same_history(
    make_folder: MakeFolder, tmp_path: Path
) -> None:
    data = make_folder()
    whole = convscope.train(data, project=tmp_path / "whole", **QUICK)
    with pytest.raises(StoppedError):
        convscope.train(
            data, project=tmp_path / "runs", reporter=AskingInValidation(quiet=True), **QUICK
        )
    checkpoint, _ = load_newest(tmp_path / "runs" / "pictures-lenet_rgb" / "checkpoints")
    assert checkpoint is not None
    assert (checkpoint.state.epoch, checkpoint.state.sums.steps) == (0, checkpoint.step)
    again = convscope.train(data, project=tmp_path / "runs", **QUICK)
    columns = [name for name in whole.history[0] if name not in ("epoch_seconds", CLOCK)]
    for left, right in zip(whole.history, again.history, strict=True):
        assert [left[name] for name in columns] == [right[name] for name in columns]


def test_the_second_signal_acts_as_it_would_have_without_a_training() -> None:
    asked = []

    def interrupt_twice() -> None:
        with StopSignals(lambda: asked.append(True)) as signals:
            os.kill(os.getpid(), signal.SIGINT)
            assert signals.received == signal.SIGINT
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(1)  # the signal comes between two lines of Python

    # A shell that starts these tests in the background has Ctrl-C ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            interrupt_twice()
    finally:
        signal.signal(signal.SIGINT, before)
    assert asked == [True]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signal")
def test_a_terminal_that_is_closed_may_say_so_twice() -> None:
    """Its shell and the system each send the signal; neither asks to stop without saving."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    asked = []
    try:
        with StopSignals(lambda: asked.append(True)) as signals:
            for _ in range(3):
                os.kill(os.getpid(), signal.SIGHUP)
                time.sleep(0.01)
            assert signals.received == signal.SIGHUP
    finally:
        signal.signal(signal.SIGHUP, before)
    assert asked == [True]


@pytest.mark.slow
def test_the_command_that_was_stopped_says_how_it_goes_on(
    make_folder: MakeFolder, tmp_path: Path
) -> None:
    data = make_folder({"blue": 40, "red one": 40})
    words = [
        *(sys.executable, "-m", "convscope", "train", str(data), "--model", "lenet_rgb"),
        *("--epochs", "500", "--name", "my run", "--project", str(tmp_path / "runs")),
    ]
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        said = ""
        while "epoch   3/500" not in said:
            said = process.stderr.readline()
        process.send_signal(signal.SIGTERM)
        rest = process.stderr.read()
    assert process.returncode == 143
    assert "error: stopped by SIGTERM after step" in rest
    assert "hint: this continues it: convscope train " in rest
    assert "--name 'my run'" in rest


@pytest.mark.slow
def test_two_processes_never_train_in_one_run(make_folder: MakeFolder, tmp_path: Path) -> None:
    data = make_folder()
    run = convscope.Run(tmp_path / "runs" / "pictures-lenet_rgb")
    with (
        owned(run),
        pytest.raises(RunError, match=f"is being trained by process {os.getpid()} on "),
    ):
        convscope.train(data, project=tmp_path / "runs", **QUICK)
    convscope.train(data, project=tmp_path / "runs", **QUICK)
    assert not run.owner_path.exists()


@pytest.mark.slow
def test_a_run_that_is_being_trained_is_listed_as_running(
    stopped: convscope.Run, convscope: Convscope
) -> None:
    assert "unfinished" in convscope("runs", stopped.path.parent).out
    with owned(stopped):
        assert "running" in convscope("runs", stopped.path.parent).out
    assert "unfinished" in convscope("runs", stopped.path.parent).out


@pytest.mark.slow
@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("splits.csv", None),
        ("splits.csv", b"image,class\nx"),
        ("environment.json", None),
        ("environment.json", b"{}"),
        ("recipe.yaml", b"model: [1"),
    ],
)
def test_a_run_of_which_a_part_is_damaged_is_not_guessed_at(
    stopped: convscope.Run, file: str, content: bytes | None
) -> None:
    data = stopped.recipe.data
    (stopped.path / file).unlink()
    if content is not None:
        (stopped.path / file).write_bytes(content)
    with pytest.raises(RunError, match=f"{file}` is missing or damaged") as caught:
        convscope.train(data, project=stopped.path.parent, **QUICK)
    assert caught.value.hint == "`--fresh` begins it anew, `--name NAME` begins another"


@pytest.mark.slow
def test_what_no_flag_can_change_has_its_own_way_out(stopped: convscope.Run) -> None:
    record = stopped.environment
    write_json(stopped.environment_path, {**record, "threads": 7, "processes": 3})
    with pytest.raises(RunError) as caught:
        convscope.train(stopped.recipe.data, project=stopped.path.parent, **QUICK)
    assert caught.value.hint is not None
    assert "`OMP_NUM_THREADS=7 torchrun --nproc-per-node 3 -m convscope train" in caught.value.hint


@pytest.mark.slow
def test_fewer_epochs_than_are_done_are_refused(stopped: convscope.Run) -> None:
    with pytest.raises(RunError, match="has 2 epochs already, `epochs` is 1"):
        convscope.train(
            stopped.recipe.data,
            project=stopped.path.parent,
            allow_change=True,
            **{**QUICK, "epochs": 1},
        )


@pytest.fixture
def stopped(make_folder: MakeFolder, tmp_path: Path) -> convscope.Run:
    """An unfinished run of two epochs and a step."""
    reporter = Asking(signal.SIGTERM, "epoch   2/4")
    with pytest.raises(StoppedError):
        convscope.train(make_folder(), project=tmp_path / "runs", reporter=reporter, **QUICK)
    return convscope.Run(tmp_path / "runs" / "pictures-lenet_rgb")


@pytest.mark.slow
def test_a_run_is_begun_anew_when_asked(stopped: convscope.Run) -> None:
    number = stopped.environment["run"]
    notes = stopped.classifier_path / "notes.txt"
    notes.parent.mkdir()
    notes.write_text("mine")
    run = convscope.train(
        stopped.recipe.data, project=stopped.path.parent, fresh=True, **{**QUICK, "epochs": 1}
    )
    assert run.path == stopped.path
    assert len(run.history) == 1
    assert run.environment["run"] != number
    assert notes.read_text() == "mine"


@pytest.mark.slow
def test_a_command_that_can_not_be_throws_nothing_away(stopped: convscope.Run) -> None:
    with pytest.raises(UsageError, match="`warmup_epochs` is 9"):
        convscope.train(
            stopped.recipe.data,
            project=stopped.path.parent,
            fresh=True,
            **{**QUICK, "warmup_epochs": 9},
        )
    # What says how the same images are taken may be said later.
    where: dict[str, Any] = {"project": stopped.path.parent, "class_level": "first"}
    run = convscope.train(stopped.recipe.data, **where, **QUICK)
    assert (run.path, len(run.history)) == (stopped.path, 4)


class Silence(Reporter):
    """Hears nothing that was measured."""

    def say(self, line: str) -> None:
        """Refuses the sentences about what was found."""
        assert not line.startswith(("learning rate", "10m of time"))


@pytest.mark.slow
def test_a_changed_run_goes_on_only_when_that_is_asked_for(stopped: convscope.Run) -> None:
    where: dict[str, Any] = {"project": stopped.path.parent}
    changed = {**QUICK, "epochs": 5, "lr": 0.001}
    with pytest.raises(RunError, match="was begun differently") as caught:
        convscope.train(stopped.recipe.data, **where, **changed)
    assert "\n  epochs  4 -> 5" in caught.value.message
    for field, value in {"lr": "auto", "time": "10m"}.items():  # found before it is measured
        asked = {**QUICK, "epochs": None, field: value}
        with pytest.raises(RunError, match=rf"\n  {field} +\S+ -> {value}"):
            convscope.train(stopped.recipe.data, reporter=Silence(), **where, **asked)
    run = convscope.train(stopped.recipe.data, allow_change=True, **where, **changed)
    assert (run.path, len(run.history)) == (stopped.path, 5)
    assert run.recipe.lr == 0.001


@pytest.mark.slow
@pytest.mark.parametrize("lr", [None, 0.002])
def test_a_kill_while_a_change_is_written_down_leaves_a_run_that_goes_on(
    stopped: convscope.Run, lr: float | None
) -> None:
    """Both as it was begun, and with the change once more."""
    recipe = stopped.recipe.model_copy(update={"lr": 0.002})
    before = {**stopped.environment, "changes": [["lr", 0.001, 0.002]]}
    write_json(stopped.environment_path, with_recipe(before, stopped, recipe))
    fields = {**QUICK, "lr": lr, "project": stopped.path.parent, "allow_change": lr is not None}
    run = convscope.train(stopped.recipe.data, **fields)
    assert (run.path, len(run.history)) == (stopped.path, 4)
    assert run.recipe.lr == (lr or 0.001)


@pytest.mark.slow
@pytest.mark.parametrize("changed", [{"opt": "sgd"}, {"model": "lenet5_relu"}, {"img_size": 48}])
def test_what_can_not_be_changed_changes_nothing(
    stopped: convscope.Run, changed: dict[str, Any]
) -> None:
    before = stopped.recipe_path.read_bytes(), stopped.environment_path.read_bytes()
    with pytest.raises(RunError, match="can't be resumed like this"):
        convscope.train(
            stopped.recipe.data,
            project=stopped.path.parent,
            name=stopped.path.name,
            allow_change=True,
            **{**QUICK, **changed},
        )
    assert before == (stopped.recipe_path.read_bytes(), stopped.environment_path.read_bytes())
    run = convscope.train(stopped.recipe.data, project=stopped.path.parent, **QUICK)
    assert len(run.history) == 4


@pytest.mark.slow
def test_a_class_that_is_gone_can_not_be_left_out(stopped: convscope.Run) -> None:
    data = Path(stopped.recipe.data)
    (data / "blue").rename(data / "azure")
    with pytest.raises(RunError, match="can't be resumed with other classes"):
        convscope.train(data, project=stopped.path.parent, allow_change=True, **QUICK)


@pytest.mark.slow
def test_what_was_seen_before_a_change_stays_seen(stopped: convscope.Run) -> None:
    data = Path(stopped.recipe.data)
    where: dict[str, Any] = {"project": stopped.path.parent}
    seen = [key for key, uses in stopped.image_splits.items() if "train" in uses]
    removed = sorted((data / "blue").iterdir())[:12]
    for path in removed:
        path.rename(path.with_suffix(".away"))
    with pytest.raises(StoppedError):
        convscope.train(
            data,
            allow_change=True,
            reporter=Asking(signal.SIGTERM, "epoch   3/4"),
            **where,
            **QUICK,
        )
    assert all("train" in stopped.image_splits[key] for key in seen)
    record = stopped.environment
    assert record["promise"].startswith("none to the bit: the training went on differently")
    assert len(record["changes"]) == 1
    run = convscope.train(data, **where, **QUICK)
    assert len(run.history) == 4


@pytest.mark.slow
def test_a_training_that_goes_on_after_damage_keeps_what_it_saves(stopped: convscope.Run) -> None:
    newest = max(int(path.name) for path in stopped.checkpoints_path.iterdir())
    (stopped.checkpoints_path / str(newest + 1000)).mkdir()  # a later one that is damaged
    reporter = Asking(signal.SIGTERM, "epoch   3/4")
    with pytest.raises(StoppedError):
        convscope.train(
            stopped.recipe.data, project=stopped.path.parent, reporter=reporter, **QUICK
        )
    checkpoint, remarks = load_newest(stopped.checkpoints_path)
    assert checkpoint is not None
    assert checkpoint.state.epoch == 3
    assert not remarks


@pytest.mark.slow
def test_a_folder_in_which_a_training_was_killed_before_it_began_is_used(
    make_folder: MakeFolder, tmp_path: Path
) -> None:
    place = tmp_path / "runs" / "pictures-lenet_rgb"
    place.mkdir(parents=True)
    for name in ("splits.csv", "training.lock", f".environment.json.{NEW}-abcd1234"):
        (place / name).touch()
    run = convscope.train(make_folder(), project=tmp_path / "runs", **QUICK)
    assert run.path == place
    assert not list(place.glob(".*"))


@pytest.mark.slow
def test_another_time_is_a_difference(make_folder: MakeFolder, tmp_path: Path) -> None:
    data = make_folder()
    fields: dict[str, Any] = {"model": "lenet_rgb", "project": tmp_path / "runs"}
    with pytest.raises(StoppedError):
        convscope.train(data, time="20s", reporter=Asking(signal.SIGTERM, "epoch   2/"), **fields)
    with pytest.raises(RunError, match="time +20s -> 1h"):
        convscope.train(data, time="1h", **fields)
    run = convscope.train(data, time="20s", **fields)
    assert run.path.name == "pictures-lenet_rgb"


@pytest.mark.slow
def test_an_image_that_was_learned_from_is_never_tested_on(stopped: convscope.Run) -> None:
    with pytest.raises(RunError, match="images that would be tested on now"):
        convscope.train(
            stopped.recipe.data,
            project=stopped.path.parent,
            allow_change=True,
            **{**QUICK, "folds": 3, "fold": 1},
        )


@pytest.mark.slow
def test_a_moved_run_goes_on_where_it_is_now(
    stopped: convscope.Run,
    tmp_path: Path,
    convscope: Convscope,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    moved = tmp_path / "elsewhere" / "renamed"
    moved.parent.mkdir()
    stopped.path.rename(moved)
    done = convscope("train", "--resume", moved)
    assert done.code == 0, done.err
    assert "resumes in epoch 3, after 1 step of it" in done.err
    assert (moved / "evaluation.json").is_file()
    done = convscope("train", "--resume", moved)
    assert done.code == 6
    assert "is finished, not unfinished" in done.err
    (moved / "evaluation.json").unlink()
    monkeypatch.chdir(moved)
    assert convscope("train", "--resume", ".").code == 0
    assert (moved / "evaluation.json").is_file()


@pytest.mark.slow
def test_a_run_that_goes_on_has_no_other_name_or_recipe(convscope: Convscope) -> None:
    done = convscope("train", "--resume", "runs/x", "--name", "y")
    assert done.code == 2
    assert "error: `--resume` and `--name` exclude each other" in done.err


@pytest.mark.slow
def test_a_run_whose_checkpoints_are_all_damaged_begins_anew_and_says_so(
    stopped: convscope.Run, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in stopped.checkpoints_path.glob("*/model.safetensors"):
        path.write_bytes(b"")
    run = convscope.train(
        stopped.recipe.data, project=stopped.path.parent, reporter=Reporter(), **QUICK
    )
    said = capsys.readouterr().err
    assert "is damaged (model.safetensors is missing or cut off) and is not used" in said
    assert "note: no checkpoint is whole; the training begins anew" in said
    assert len(run.history) == 4


@pytest.mark.slow
def test_a_loss_that_is_no_number_is_never_saved(make_folder: MakeFolder, tmp_path: Path) -> None:
    with pytest.raises(TrainingError):
        convscope.train(
            make_folder(),
            project=tmp_path / "runs",
            checkpoint_every=1,
            **{**QUICK, "lr": 1e30, "opt": "sgd", "sched": "constant"},
        )
    run = convscope.Run(tmp_path / "runs" / "pictures-lenet_rgb")
    checkpoint, remarks = load_newest(run.checkpoints_path)
    assert not remarks
    if checkpoint is not None:
        assert all(bool(torch.isfinite(value).all()) for value in checkpoint.model.values())
    assert not run.classifier_path.exists()


@pytest.mark.slow
def test_a_batch_size_that_fits_is_found_once(
    make_folder: MakeFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = make_folder({"blue": 100, "red": 100})
    fields: dict[str, Any] = {"model": "lenet_rgb", "epochs": 1, "project": tmp_path / "runs"}
    run = convscope.train(data, batch_size="auto", reporter=convscope.Reporter(), **fields)
    assert run.recipe.batch_size == 16  # 8 steps of 128 images; memory is enough for more
    assert "more would fit, but no more than 1,024 images or an eighth" in capsys.readouterr().err
    record = run.measured["batch_size"]
    assert record["found"] == 16
    assert record["free_bytes"] > record["fixed_bytes"] > 0
    told = convscope.train(data, batch_size=16, **{**fields, "name": "told"})
    assert sha256(told.classifier_path / "model.safetensors") == sha256(
        run.classifier_path / "model.safetensors"
    )


@pytest.mark.slow
@pytest.mark.parametrize("value", ["0", "-1", "1.5", "many", "2000000"])
def test_a_batch_size_that_can_not_be_is_refused(value: Any) -> None:
    with pytest.raises(UsageError, match="`batch_size`"):
        convscope.train("digits", batch_size=value)


NO_MEMORY = """
import resource, sys, convscope
from convscope.cli.main import run
import convscope.api.train, torch
torch.set_num_threads(1)
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 600_000_000, used + 600_000_000))
sys.exit(run(sys.argv[1:]))
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the limit is Linux's")
def test_without_enough_memory_a_batch_size_that_fits_is_named(
    make_folder: MakeFolder, tmp_path: Path
) -> None:
    data = make_folder({"blue": 200, "red": 200})
    # In other formats torch's kernels may end with a segmentation fault instead of an error.
    words = ("--model", "resnet18", "--img-size", "96", "-b", "256", "--project", tmp_path / "runs")
    formats = ("--precision", "float32", "--memory-format", "channels_last")
    done = subprocess.run(
        [sys.executable, "-c", NO_MEMORY, "train", data, *words, *formats],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 8, done.stderr
    assert "error: there is not enough memory for steps of 256 images" in done.stderr
    assert "hint: `--batch-size " in done.stderr


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        MemoryError("Unable to allocate 3.00 GiB for an array"),
        RuntimeError("can't start new thread"),
        RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 8 bytes"),
    ],
)
def test_no_memory_is_told_in_one_sentence_whoever_finds_out(error: Exception) -> None:
    words = "there is not enough memory to train `vgg19`: .+"
    with pytest.raises(TrainingError, match=words), enough_memory("vgg19"):
        raise error


def test_other_errors_are_not_taken_for_a_lack_of_memory() -> None:
    with pytest.raises(RuntimeError, match="^shapes differ$"), enough_memory("vgg19"):
        raise RuntimeError("shapes differ")
