"""The command line as a user types it: arguments in; exit code, text and files out."""

from __future__ import annotations

import csv
import errno
import io
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import Convscope, MakeFolder
from convscope.cli.main import VERBS
from convscope.data.decoding.content import PassingError
from convscope.errors import ConvscopeError, NetworkError, NoMemoryError, RunError, WeightsError
from convscope.networks import network_names
from convscope.recipe import Recipe, flags_of

QUICK = ("--model", "lenet_rgb", "--epochs", "2", "-b", "16")


@pytest.mark.parametrize("words", [[], ["--help"]])
def test_help_lists_every_verb(convscope: Convscope, words: list[str]) -> None:
    outcome = convscope(*words)
    assert outcome.code == 0
    assert all(verb in outcome.out for verb in VERBS)


@pytest.mark.slow
@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help(convscope: Convscope, verb: str) -> None:
    outcome = convscope(verb, "--help")
    assert outcome.code == 0
    assert f"Usage: convscope {verb}" in outcome.out


@pytest.mark.slow
def test_train_has_a_flag_for_every_field_of_the_recipe(convscope: Convscope) -> None:
    text = convscope("train", "--help").out
    for name, field in Recipe.model_fields.items():
        if name != "data":
            assert all(flag in text for flag in flags_of(name, field))


@pytest.mark.slow
def test_train_evaluate_predict_and_runs(convscope: Convscope, make_folder: MakeFolder) -> None:
    data = make_folder()
    trained = convscope("train", data, *QUICK)
    assert trained.code == 0
    assert re.search(r"accuracy +9 of 9 +70% to 100% +wilson", trained.out)
    assert "next:       convscope predict runs/pictures-lenet_rgb pictures/" in trained.out
    assert "run runs/pictures-lenet_rgb" in trained.err

    evaluated = convscope("evaluate", "runs/pictures-lenet_rgb", "--json")
    assert json.loads(evaluated.out)["accuracy"] == 1

    table = convscope("predict", "runs/pictures-lenet_rgb", data / "red" / "000.png")
    assert table.out.split()[1] == "red"

    listed = convscope("runs")
    assert "runs/pictures-lenet_rgb" in listed.out
    assert "finished" in listed.out
    rows = json.loads(convscope("runs", "runs", "--json").out)
    assert rows[0]["accuracy"] == 1
    assert rows[0]["epochs_done"] == 2


@pytest.mark.slow
def test_train_prints_json_alone_on_standard_output(
    convscope: Convscope, make_folder: MakeFolder
) -> None:
    outcome = convscope("train", make_folder(), *QUICK, "--json", "--quiet")
    fields = json.loads(outcome.out)
    assert fields["run"] == str(Path("runs/pictures-lenet_rgb"))
    assert set(fields["accuracy_interval"]) == {"low", "high", "confidence", "method"}
    assert outcome.err == ""


@pytest.mark.slow
def test_flags_come_on_top_of_a_recipe_file(convscope: Convscope, make_folder: MakeFolder) -> None:
    data = make_folder()
    Path("mine.yaml").write_text("model: lenet_rgb\nepochs: 5\noptions: {activation: tanh}\n")
    outcome = convscope(
        "train", data, "-c", "mine.yaml", "--epochs", "1", "--option", "dropout=0.1", "--name", "x"
    )
    assert outcome.code == 0
    recipe = Recipe.load(Path("runs/x/recipe.yaml"))
    assert (recipe.epochs, recipe.model) == (1, "lenet_rgb")
    assert recipe.options == {"activation": "tanh", "dropout": 0.1}


@pytest.fixture
def trained(convscope: Convscope, make_folder: MakeFolder) -> Path:
    assert convscope("train", make_folder(), *QUICK).code == 0
    return Path("runs/pictures-lenet_rgb")


@pytest.mark.slow
def test_predict_takes_files_folders_and_patterns_each_image_once(
    convscope: Convscope, trained: Path
) -> None:
    words = ("pictures/red", "pictures/*/00[01].png", "pictures/blue/000.png")
    outcome = convscope("predict", trained, *words, "--csv", "--top", "1")
    rows = list(csv.DictReader(io.StringIO(outcome.out)))
    assert len(rows) == 42
    assert {row["label"] for row in rows if "red" in row["image"]} == {"red"}
    assert outcome.err == ""


@pytest.mark.slow
def test_predict_prints_json(convscope: Convscope, trained: Path) -> None:
    rows = json.loads(convscope("predict", trained, "pictures/red/000.png", "--json").out)
    assert rows[0]["label"] == "red"
    assert rows[0]["probability"] == rows[0]["probabilities"]["red"]


@pytest.mark.slow
def test_predict_goes_on_past_unreadable_images_and_names_them(
    convscope: Convscope, trained: Path
) -> None:
    Path("pictures/red/bad.png").write_bytes(b"bad")
    outcome = convscope("predict", trained, "pictures/red", "--csv", "--top", "1")
    assert outcome.code == 3
    assert outcome.out.count("\n") == 41
    assert "error: 1 of 41 images can't be read" in outcome.err
    assert "bad.png` is no image" in outcome.err


@pytest.mark.slow
def test_predict_names_all_arguments_that_stand_for_nothing(
    convscope: Convscope, trained: Path
) -> None:
    Path("empty").mkdir()
    outcome = convscope("predict", trained, "none.png", "*.tiff", "empty")
    assert outcome.code == 3
    for word in ("`none.png`", "`*.tiff`", "`empty` (a folder without images)"):
        assert word in outcome.err


def test_summary_prints_the_layer_table(convscope: Convscope) -> None:
    outcome = convscope("summary", "lenet5")
    assert "1 x 6 x 28 x 28" in outcome.out
    assert "parameters 61,706 (61,706 trainable)" in outcome.out
    assert "MACs 416,520" in outcome.out


@pytest.mark.slow
def test_summary_takes_input_classes_options_and_depth(convscope: Convscope) -> None:
    words = ("--input", "1x32x32", "--num-classes", "7", "--option", "stem=small", "--json")
    table = json.loads(convscope("summary", "resnet18", *words).out)
    assert table["input_shape"] == [1, 1, 32, 32]
    assert table["layers"][-1]["output_shape"] == [1, 7]
    short = convscope("summary", "resnet18", "--depth", "1").out
    assert "layer1" in short
    assert "BasicBlock" not in short


def test_networks_lists_all_of_them(convscope: Convscope) -> None:
    rows = json.loads(convscope("networks", "--json").out)
    assert [row["name"] for row in rows] == list(network_names())
    table = convscope("networks").out
    assert "61,100,840" in table
    assert "714.2" in table


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("trian",), 2, "error: there is no verb `trian`\nhint: did you mean `train`?"),
        (
            ("train", "digits", "--epoch", "3"),
            2,
            "error: `train` has no flag `--epoch`\nhint: did you mean `--epochs`?",
        ),
        (
            ("train", "digits", "--model", "resnet19"),
            4,
            "error: no network is called `resnet19`\n"
            "hint: did you mean `resnet18`? `convscope networks` lists all of them",
        ),
        (
            ("train", "digits", "--opt", "adamm"),
            2,
            "error: `opt` can't be `adamm`\nhint: did you mean `adam`? "
            "it takes `sgd`, `asgd`, `adadelta`, `adagrad`, `adam`",
        ),
        (
            ("train", "digits", "--epochs", "0", "--lr", "-1"),
            2,
            "error: 2 values can't be\n"
            "  `epochs` can't be `0`: it must be greater than or equal to 1\n"
            "  `lr` can't be `-1`: it must be a number above 0, or auto",
        ),
        (
            ("train", "digits", "--epochs", "many"),
            2,
            "error: `--epochs` can't be this: 'many' is not a valid integer",
        ),
        (("train",), 2, "error: `DATA` is missing\nhint: give a folder of class folders"),
        (("train", "none"), 3, "error: there is no folder `none`\nhint: data is one of these"),
        (("train", "digits", "--momentum", "0.9"), 2, "`momentum` has no effect with `opt=adamw`"),
        (("train", "digits", "--fold", "1"), 2, "error: `fold=1` needs `folds`"),
        (("train", "digits", "--folds", "3", "--fold", "3"), 2, "there are only 3 folds"),
        (("train", "digits", "--tune", "head"), 2, "error: `tune=head` needs `weights`"),
        (
            ("train", "digits", "--sched", "constant", "--final-lr", "0.1"),
            2,
            "error: `final_lr` has no effect with `sched=constant`\n"
            "hint: it belongs to `cosine`, `one-cycle` or `plateau`",
        ),
        (
            ("train", "digits", "--warmup-epochs", "9", "--epochs", "2"),
            2,
            "error: `warmup_epochs` is 9, longer than the training of 2 epochs",
        ),
        (
            ("train", "digits", "--auxiliary-weight", "0.3"),
            2,
            "`auxiliary_weight` has no effect: no auxiliary output of `lenet5_relu` is trained",
        ),
        (("train", "digits", "--option", "stem"), 2, "error: `--option stem` has no value"),
        (
            ("train", "digits", "--option", "steem=small", "--model", "resnet18"),
            4,
            "the network `resnet18` has no option `steem`",
        ),
        (("train", "digits", "--option", "stem=["), 2, "`--option stem=[` has no value that can"),
        (("train", "digits", "--option", "num_classes=5"), 2, "`num_classes` is no option of a"),
        (("summary", "lenet5", "--option", "input-shape=3"), 2, "`input_shape` is no option of a"),
        (("train", "digits", "--lr", "inf"), 2, "`lr` can't be `inf`"),
        (("train", "digits", "--name", "a/b"), 2, "`a/b` can't be the name of a run"),
        (("train", "digits", "--name", "nul.1"), 2, "`nul.1` can't be the name of a run"),
        (("train", "digits", "-c", "none.yaml"), 2, "error: recipe `none.yaml` can't be read"),
        (("train", "digits", "--device", "tpu"), 7, "no device is called `tpu`"),
        (("train", "digits", "--device", "cuda:9"), 7, "`cuda:9` was requested, but this machine"),
        (
            ("train", "digits", "--weights", "x.pth"),
            5,
            "error: the weights file `x.pth` is missing",
        ),
        (
            ("train", "digits", "--weights", "x.pth", "--model", "lenet_caffe"),
            5,
            "error: the weights file `x.pth` is missing",
        ),
        (("evaluate", "none"), 6, "error: there is no run `none`\nhint: `convscope runs` lists"),
        (("predict", "none"), 2, "error: `IMAGE...` is missing"),
        (("summary", "lenet5", "--input", "28x28"), 2, "error: `--input` can't be `28x28`"),
        (("summary", "lenet5", "--input", "1x8x8"), 4, "too small for the network `lenet5`"),
        (("runs",), 6, "error: there is no folder `runs`"),
    ],
)
def test_bad_input_gets_a_clear_error(
    convscope: Convscope, words: tuple[str, ...], code: int, message: str
) -> None:
    outcome = convscope(*words)
    assert message in outcome.err
    assert outcome.code == code
    assert outcome.out == ""
    assert not Path("runs").exists() or not list(Path("runs").iterdir())


@pytest.mark.slow
def test_json_and_csv_exclude_each_other(convscope: Convscope, trained: Path) -> None:
    outcome = convscope("predict", trained, "pictures/red", "--json", "--csv")
    assert (outcome.code, outcome.err) == (2, "error: `--json` and `--csv` exclude each other\n")


@pytest.mark.slow
def test_a_bad_recipe_file_names_all_its_faults(convscope: Convscope) -> None:
    Path("r.yaml").write_text("data: digits\nmodle: lenet5\nepochs: x\n")
    outcome = convscope("train", "-c", "r.yaml")
    assert outcome.code == 2
    assert "a recipe has no field `modle` (did you mean `model`?)" in outcome.err
    assert "`epochs` can't be `x`" in outcome.err
    Path("list.yaml").write_text("- 1\n")
    assert "is no mapping of fields" in convscope("train", "-c", "list.yaml").err
    Path("new.yaml").write_text("format: 3\ndata: digits\n")
    assert "has format 3, this version of convscope reads format 1" in (
        convscope("train", "-c", "new.yaml").err
    )


@pytest.mark.slow
def test_a_traceback_is_shown_only_when_asked_for(convscope: Convscope) -> None:
    assert "Traceback" not in convscope("train", "none").err
    assert "Traceback" in convscope("train", "none", "--traceback").err


@pytest.mark.slow
def test_runs_shows_a_broken_run_as_unreadable(convscope: Convscope, trained: Path) -> None:
    (trained / "recipe.yaml").write_text("epochs: [")
    outcome = convscope("runs")
    assert outcome.code == 0
    assert "unreadable" in outcome.out


@pytest.mark.slow
def test_a_full_disk_behind_standard_output_is_one_line(trained: Path) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "convscope", "predict", trained, "pictures/red"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode != 0
    assert "No space left on device" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_an_interruption_says_how_to_go_on(
    convscope: Convscope, make_folder: MakeFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("convscope.api.train.train_recipe", interrupt)
    outcome = convscope("train", make_folder())
    assert outcome.code == 130
    assert "interrupted; the same command continues a training" in outcome.err


def caused_by_memory(error: ConvscopeError) -> ConvscopeError:
    """What else failed for a lack of memory."""
    error.__cause__ = MemoryError()
    return error


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        SystemError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes"),
        RuntimeError("[enforce fail] not enough memory: you tried to allocate 8 bytes"),
        RuntimeError("can't start new thread"),
        RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"),
        ImportError("libtorch_cpu.so: failed to map segment from shared object"),
        OSError(errno.ENOMEM, "Cannot allocate memory"),
        caused_by_memory(NetworkError("`VGG` can't take an input", hint="check the channels")),
        caused_by_memory(RunError("checkpoint 5 doesn't fit this network: not enough memory")),
        caused_by_memory(WeightsError("the weights file `a.pth` can't be read: out of memory")),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_lack_of_memory_is_told_as_such_whoever_finds_out(
    convscope: Convscope, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("convscope.cache.open_cache", fail)
    outcome = convscope("cache")
    assert outcome.code == 1
    assert outcome.err.startswith("error: there is not enough memory\nhint: close other programs")


@pytest.mark.parametrize(
    "error",
    [
        NoMemoryError("there is not enough memory for steps of 256 images", hint="`-b 64` fits"),
        PassingError("`a.png` needs more memory than there is"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_who_knows_what_memory_is_lacking_for_says_it(
    convscope: Convscope, monkeypatch: pytest.MonkeyPatch, error: ConvscopeError
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error from MemoryError()

    monkeypatch.setattr("convscope.cache.open_cache", fail)
    outcome = convscope("cache")
    assert outcome.code == error.exit_code
    assert outcome.err.startswith(f"error: {error.message}\n")


def test_other_errors_are_not_taken_for_a_lack_of_memory(
    convscope: Convscope, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise SystemError("error return without exception set")

    monkeypatch.setattr("convscope.cache.open_cache", fail)
    with pytest.raises(SystemError):
        convscope("cache")
