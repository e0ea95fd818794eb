"""The whole way: train, continue, evaluate, predict; in Python, on small real trainings."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from made import rewrite_classifier
from PIL import Image

import convscope
from conftest import MakeFolder, make_pictures
from convscope.classifier import Classifier, ImageLike
from convscope.errors import DataError, NetworkError, RunError, TrainingError, WeightsError
from convscope.files import sha256
from convscope.networks import read_weights

QUICK: dict[str, Any] = {"model": "lenet_rgb", "epochs": 3, "batch_size": 16}


@pytest.fixture(scope="module")
def trained_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `pictures` and `runs/pictures-lenet_rgb`, trained with relative paths."""
    place = tmp_path_factory.mktemp("once")
    make_pictures(place / "pictures")
    before = Path.cwd()
    os.chdir(place)
    try:
        convscope.train("pictures", **QUICK)
    finally:
        os.chdir(before)
    return place


@pytest.fixture
def run(trained_once: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> convscope.Run:
    """A copy of a finished run that a test may change, in the folder that it was trained in."""
    for name in ("pictures", "runs"):
        shutil.copytree(trained_once / name, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    return convscope.Run.open(tmp_path / "runs" / "pictures-lenet_rgb")


@pytest.mark.slow
def test_a_training_leaves_everything_that_the_format_promises(run: convscope.Run) -> None:
    assert run.path.name == "pictures-lenet_rgb"
    assert run.state == "finished"
    assert run.evaluation["accuracy"] == 1
    assert [row["epoch"] for row in run.history] == [1, 2, 3]
    assert run.recipe.lr == 0.00141  # 0.002 for batches of 32, these have 16
    assert run.recipe.img_size == 32
    with run.splits_path.open() as file:
        uses = [row["used_for"] for row in csv.DictReader(file)]
    assert set(uses) == {"train", "validation", "test"}
    assert uses.count("test") == run.evaluation["num_images"]
    assert json.loads(run.environment_path.read_text())["device"].startswith("cpu")
    steps = sorted(int(path.name) for path in run.checkpoints_path.iterdir())
    assert steps[-1] == 12
    assert len(steps) <= 2


@pytest.mark.slow
def test_the_same_seed_gives_the_same_bits_and_another_seed_others(
    run: convscope.Run, tmp_path: Path
) -> None:
    data = run.recipe.data
    again = convscope.train(data, project=tmp_path / "again", **QUICK)
    other = convscope.train(data, project=tmp_path / "other", seed=1, **QUICK)
    digests = [sha256(each.classifier_path / "model.safetensors") for each in (run, again, other)]
    assert digests[0] == digests[1]
    assert digests[0] != digests[2]


@pytest.mark.slow
def test_the_callers_random_state_is_left_alone(make_folder: MakeFolder, tmp_path: Path) -> None:
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    convscope.train(make_folder(), project=tmp_path, model="lenet_rgb", epochs=1)
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.slow
def test_a_finished_run_gets_the_next_number(run: convscope.Run) -> None:
    second = convscope.train(run.recipe.data, project=run.path.parent, **QUICK)
    assert second.path.name == "pictures-lenet_rgb-2"


@pytest.mark.slow
def test_a_recipe_taken_back_gives_the_same_model(run: convscope.Run, tmp_path: Path) -> None:
    from convscope.api.train import train_recipe

    again = train_recipe(convscope.Recipe.load(run.recipe_path), project=tmp_path / "again")
    digests = [sha256(each.classifier_path / "model.safetensors") for each in (run, again)]
    assert digests[0] == digests[1]


TRAIN_SLOWLY = """
import sys, convscope
convscope.train(
    sys.argv[1], project=sys.argv[2], model="lenet_rgb", epochs=20, batch_size=16,
    checkpoint_every=2,
)
"""


@pytest.mark.slow
def test_a_killed_training_continues_to_the_same_bits(
    make_folder: MakeFolder, tmp_path: Path
) -> None:
    data = make_folder()
    whole = convscope.train(
        data, project=tmp_path / "whole", model="lenet_rgb", epochs=20, batch_size=16
    )
    command = [sys.executable, "-c", TRAIN_SLOWLY, str(data), str(tmp_path / "killed")]
    process = subprocess.Popen(command)
    checkpoints = tmp_path / "killed" / "pictures-lenet_rgb" / "checkpoints"
    deadline = time.monotonic() + 120
    while len(list(checkpoints.glob("[0-9]*"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL, "the training ended before it could be killed"

    continued = convscope.train(
        data, project=tmp_path / "killed", model="lenet_rgb", epochs=20, batch_size=16
    )
    assert continued.path.name == "pictures-lenet_rgb"
    first, second = (
        sha256(each.classifier_path / "model.safetensors") for each in (whole, continued)
    )
    assert first == second
    columns = ("train_loss", "train_accuracy", "validation_loss", "validation_accuracy")
    for left, right in zip(whole.history, continued.history, strict=True):
        assert [left[name] for name in columns] == [right[name] for name in columns]


@pytest.fixture
def unfinished(run: convscope.Run) -> convscope.Run:
    run.evaluation_path.unlink()
    return run


@pytest.mark.slow
def test_an_unfinished_run_is_not_continued_with_another_recipe(unfinished: convscope.Run) -> None:
    with pytest.raises(RunError, match="an unfinished run that was begun differently") as caught:
        convscope.train(
            unfinished.recipe.data, project=unfinished.path.parent, **{**QUICK, "lr": 0.1}
        )
    assert "lr  0.00141 -> 0.1" in caught.value.message


@pytest.mark.slow
def test_an_unfinished_run_is_not_continued_with_other_images(unfinished: convscope.Run) -> None:
    data = Path(unfinished.recipe.data)
    Image.new("RGB", (12, 12), "green").save(data / "blue" / "new.png")
    with pytest.raises(RunError, match="the images, their order, classes or splits"):
        convscope.train(data, project=unfinished.path.parent, **QUICK)


@pytest.mark.slow
def test_an_unfinished_run_that_only_lacks_its_evaluation_is_finished(
    unfinished: convscope.Run,
) -> None:
    before = sha256(unfinished.classifier_path / "model.safetensors")
    again = convscope.train(unfinished.recipe.data, project=unfinished.path.parent, **QUICK)
    assert again.path == unfinished.path
    assert again.state == "finished"
    assert sha256(again.classifier_path / "model.safetensors") == before


@pytest.mark.slow
def test_an_unfinished_run_is_not_continued_with_other_splits_or_threads(
    unfinished: convscope.Run,
) -> None:
    environment = json.loads(unfinished.environment_path.read_text())
    unfinished.environment_path.write_text(json.dumps({**environment, "threads": 99}))
    text = unfinished.splits_path.read_text()
    unfinished.splits_path.write_text(text.replace("train", "test", 1))
    with pytest.raises(RunError, match="threads +99 -> ") as caught:
        convscope.train(unfinished.recipe.data, project=unfinished.path.parent, **QUICK)
    assert "the images, their order, classes or splits" in caught.value.message


@pytest.mark.slow
def test_a_history_cut_off_by_a_kill_is_whole_again(unfinished: convscope.Run) -> None:
    unfinished.history_path.write_text("epoch\n1\n")
    again = convscope.train(unfinished.recipe.data, project=unfinished.path.parent, **QUICK)
    assert len(again.history) == 3


def test_the_recipe_says_on_what_device_and_in_which_format(run: convscope.Run) -> None:
    assert (run.recipe.device, run.recipe.precision) == ("cpu", "float32")


@pytest.mark.slow
def test_patience_stops_early_and_keeps_the_best(make_folder: MakeFolder, tmp_path: Path) -> None:
    options = {**QUICK, "epochs": 40, "patience": 2}
    run = convscope.train(make_folder(), project=tmp_path, **options)
    assert len(run.history) < 40
    best = max(run.history, key=lambda row: (row["validation_accuracy"], -row["validation_loss"]))
    metrics = convscope.load(run.path).metrics
    assert metrics["epoch"] == best["epoch"]
    assert metrics["validation_accuracy"] == best["validation_accuracy"]
    assert len(run.history) == best["epoch"] + 2


@pytest.mark.slow
def test_a_diverged_training_says_so_and_does_not_block_the_next(
    make_folder: MakeFolder, tmp_path: Path
) -> None:
    data = make_folder()
    options = {**QUICK, "opt": "sgd", "sched": "constant"}
    with pytest.raises(TrainingError, match="the loss became (nan|inf) in step"):
        convscope.train(data, project=tmp_path, **options, lr=1e12)
    failed = convscope.Run.open(tmp_path / "pictures-lenet_rgb")
    assert failed.state == "diverged"
    assert not failed.classifier_path.exists()
    with pytest.raises(RunError, match="has no classifier: the loss became"):
        convscope.load(failed.path)
    again = convscope.train(data, project=tmp_path, **options, lr=0.01)
    assert again.path.name == "pictures-lenet_rgb-2"


@pytest.mark.slow
def test_prediction_agrees_with_evaluation_for_every_image(run: convscope.Run) -> None:
    classifier = convscope.load(run.path)
    files = sorted(Path(run.recipe.data).rglob("*.png"))
    together = classifier.predict([*files])
    alone = [classifier.predict(file) for file in files]
    evaluation = convscope.evaluate(run, split="all")
    right = [p.label == file.parent.name for p, file in zip(together, files, strict=True)]
    assert evaluation.accuracy == sum(right) / len(right)
    for one, other in zip(together, alone, strict=True):
        for label, probability in one.probabilities.items():
            assert probability == pytest.approx(other.probabilities[label], abs=1e-6)
    loss = -np.mean(
        [np.log(p.probabilities[file.parent.name]) for p, file in zip(together, files, strict=True)]
    )
    assert evaluation.metrics.log_loss.value == pytest.approx(loss, abs=1e-6)


def test_a_path_bytes_pillow_and_pixels_give_the_same_prediction(run: convscope.Run) -> None:
    classifier = convscope.load(run.path)
    file = Path(run.recipe.data) / "red" / "003.png"
    with Image.open(file) as image:
        pixels = np.asarray(image)
        given: list[ImageLike] = [file, str(file), file.read_bytes(), image, pixels]
        answers = [classifier.predict(one).probabilities for one in given]
    assert all(answer == answers[0] for answer in answers)
    assert sum(answers[0].values()) == pytest.approx(1, abs=1e-9)


def test_a_prediction_lists_its_best_classes(run: convscope.Run) -> None:
    prediction = convscope.load(run.path).predict(Path(run.recipe.data) / "red" / "003.png")
    assert prediction.label == "red"
    assert prediction.top(1) == [("red", prediction.probability)]
    assert prediction.image.endswith("003.png")


def test_an_unreadable_image_is_named(run: convscope.Run, tmp_path: Path) -> None:
    (tmp_path / "no.png").write_bytes(b"")
    with pytest.raises(DataError, match=r"no\.png` is empty"):
        convscope.load(run.path).predict(tmp_path / "no.png")


@pytest.mark.parametrize(
    ("pixels", "message"),
    [
        (np.full((4, 4), 7.0), "7"),
        (np.zeros((4, 4, 2), dtype=np.uint8), "has the shape"),
    ],
)
def test_pixels_of_another_kind_are_refused(
    run: convscope.Run, pixels: np.ndarray, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        convscope.load(run.path).predict(pixels)


@pytest.mark.slow
def test_without_a_split_the_evaluation_leaves_out_what_training_saw(run: convscope.Run) -> None:
    evaluation = convscope.evaluate(run)
    assert evaluation.metrics.num_images == run.evaluation["num_images"]
    assert "that training or selection saw" in evaluation.images


@pytest.mark.slow
def test_other_data_is_evaluated_whole_with_classes_matched_by_name(
    run: convscope.Run, make_folder: MakeFolder
) -> None:
    other = make_folder({"red": 9}, name="other", seed=5)
    (other / "red").rename(other / "blue")  # pictures of colour 0 are blue in training
    make_folder({"zzz": 1, "red": 4}, name="other", seed=6)
    (other / "zzz" / "000.png").unlink()
    evaluation = convscope.evaluate(run, other)
    assert evaluation.images == "all images"
    assert evaluation.metrics.num_images == 13
    assert [row.name for row in evaluation.metrics.classes] == ["blue", "red"]
    assert evaluation.accuracy == 1


def test_data_with_unknown_classes_is_refused(run: convscope.Run, make_folder: MakeFolder) -> None:
    with pytest.raises(
        DataError, match="the classifier doesn't know 1 class of the data"
    ) as caught:
        convscope.evaluate(run, make_folder({"green": 2, "red": 2}, name="other"))
    assert "`green` (2 images)" in caught.value.message


@pytest.mark.slow
@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_splits_of_data_without_splits_are_those_of_training(
    run: convscope.Run, split: str
) -> None:
    uses = [use for uses in run.image_splits.values() for use in uses]
    expected = {"train": "train", "val": "validation", "test": "test"}[split]
    found = convscope.evaluate(run, split=split)
    assert found.metrics.num_images == uses.count(expected)
    assert found.images == f"the images that training used as {expected}"


@pytest.mark.slow
def test_the_test_split_of_a_fold_is_that_fold(make_folder: MakeFolder, tmp_path: Path) -> None:
    run = convscope.train(make_folder(), project=tmp_path / "runs", folds=3, fold=1, **QUICK)
    found = convscope.evaluate(run, split="test")
    assert found.metrics.num_images == run.evaluation["num_images"]
    assert found.metrics.num_images == list(run.image_splits.values()).count(frozenset({"test"}))


def test_a_split_that_is_not_there_is_an_error(run: convscope.Run, make_folder: MakeFolder) -> None:
    other = make_folder({"blue": 3, "red": 3}, name="other", seed=8)
    with pytest.raises(DataError, match="the data has no val split, and training used none"):
        convscope.evaluate(run, other, split="val")
    split_data = make_folder({"blue": 3, "red": 3}, name="set/train", seed=8).parent
    with pytest.raises(DataError, match="the data has no test split"):
        convscope.evaluate(run, split_data, split="test")
    with pytest.raises(convscope.ConvscopeError, match="`split` can't be `dev`"):
        convscope.evaluate(run, split="dev")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["", "..", "a/b", "-x", "a\nb", "a" * 101, "猫" * 81])
def test_a_run_name_is_a_plain_folder_name(make_folder: MakeFolder, name: str) -> None:
    data = make_folder()
    with pytest.raises(convscope.ConvscopeError, match="can't be the name of a run"):
        convscope.train(data, name=name or ".", **QUICK)


@pytest.mark.slow
def test_batches_of_one_image_that_batch_norm_cannot_learn_from_are_an_error(
    make_folder: MakeFolder, tmp_path: Path
) -> None:
    options: dict[str, Any] = {"model": "resnet18", "img_size": 32, "batch_size": 1, "epochs": 1}
    with pytest.raises(convscope.ConvscopeError, match="can't be trained on batches of 1 at 32 px"):
        convscope.train(make_folder(), project=tmp_path / "runs", **options)


@pytest.mark.slow
def test_a_classifier_folder_alone_is_enough(run: convscope.Run, tmp_path: Path) -> None:
    run.classifier_path.rename(tmp_path / "shared")
    classifier = convscope.load(tmp_path / "shared")
    assert isinstance(classifier, Classifier)
    assert classifier.classes == ("blue", "red")
    evaluation = convscope.evaluate(tmp_path / "shared", run.recipe.data)
    assert evaluation.images == "all images; which of them training saw isn't known"
    with pytest.raises(RunError, match="doesn't say what data"):
        convscope.evaluate(tmp_path / "shared")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"classes": ["a"]}, "1 classes for a network of 2 outputs"),
        ({"classes": None}, "`classes` can't be `None`"),
        ({"network": {"name": "resnet20"}}, "holds no whole classifier"),
    ],
)
def test_a_classifier_whose_parts_do_not_fit_is_refused(
    run: convscope.Run, change: dict[str, object], message: str
) -> None:
    rewrite_classifier(run.classifier_path, **change)
    with pytest.raises(RunError, match=message):
        convscope.load(run.path)


def test_a_classifier_of_a_newer_format_is_refused(run: convscope.Run) -> None:
    rewrite_classifier(run.classifier_path, format=7)
    with pytest.raises(RunError, match="has format 7, this version of convscope reads format 3"):
        convscope.load(run.path)


def test_a_run_of_a_newer_format_is_refused(run: convscope.Run) -> None:
    run.recipe_path.write_text(run.recipe_path.read_text().replace("format: 1", "format: 9"))
    with pytest.raises(RunError, match="has format 9, this version") as caught:
        _ = run.recipe
    assert caught.value.hint == "install the version of convscope that wrote it, or a newer one"


@pytest.mark.slow
@pytest.mark.parametrize("content", [None, "junk", "pixels,used_for\nxyz,test\n"])
def test_a_run_whose_splits_are_lost_is_not_evaluated_on_seen_images(
    run: convscope.Run, content: str | None
) -> None:
    run.splits_path.unlink()
    if content is not None:
        run.splits_path.write_text(content)
    with pytest.raises(RunError, match="so it isn't known what training saw"):
        convscope.evaluate(run)


def test_a_run_that_is_not_there_is_an_error_with_the_nearest(run: convscope.Run) -> None:
    with pytest.raises(RunError, match="there is no run `pictures-lenet_rgb`") as caught:
        convscope.load("pictures-lenet_rgb")
    assert caught.value.hint == "did you mean `runs/pictures-lenet_rgb`?"
    with pytest.raises(RunError, match="there is no run `runs/none`"):
        convscope.summarize("runs/none")


@pytest.mark.slow
def test_a_folder_that_is_no_run_is_left_alone(make_folder: MakeFolder, tmp_path: Path) -> None:
    mine = tmp_path / "runs" / "mine"
    mine.mkdir(parents=True)
    for name in ("recipe.yaml", "splits.csv"):
        (mine / name).write_text("mine")
    run = convscope.train(make_folder(), project=tmp_path / "runs", name="mine", **QUICK)
    assert run.path.name == "mine-2"
    assert {path.name: path.read_text() for path in mine.iterdir()} == {
        "recipe.yaml": "mine",
        "splits.csv": "mine",
    }


@pytest.mark.slow
def test_weights_that_are_missing_or_a_strange_folder_are_errors(
    make_folder: MakeFolder, tmp_path: Path
) -> None:
    data = make_folder()
    with pytest.raises(WeightsError, match=r"the weights file `none\.pth` is missing"):
        convscope.train(data, weights="none.pth")
    with pytest.raises(WeightsError, match="is neither a run nor a classifier folder"):
        convscope.train(data, weights=tmp_path)


def test_a_classifier_says_what_it_is(run: convscope.Run) -> None:
    assert repr(convscope.load(run.path)) == "Classifier(lenet_rgb, 2 classes, 32x32 px)"


def test_changed_weights_are_refused(run: convscope.Run) -> None:
    file = run.classifier_path / "model.safetensors"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    with pytest.raises(RunError, match="is damaged or belongs to another"):
        convscope.load(run.path)


def test_saving_never_replaces_what_is_no_classifier(run: convscope.Run, tmp_path: Path) -> None:
    classifier = convscope.load(run.path)
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "thesis.txt").write_text("years")
    with pytest.raises(RunError, match="holds something that is no classifier"):
        classifier.save(tmp_path / "models")
    assert (tmp_path / "models" / "thesis.txt").read_text() == "years"
    classifier.save(tmp_path / "new")
    classifier.save(tmp_path / "new")
    assert convscope.load(tmp_path / "new").classes == classifier.classes


def test_an_unfinished_run_has_no_classifier_yet(tmp_path: Path) -> None:
    (tmp_path / "recipe.yaml").write_text("format: 1\ndata: digits\n")
    (tmp_path / "environment.json").write_text("{}")
    with pytest.raises(RunError, match="is unfinished: it has no classifier yet"):
        convscope.load(tmp_path)


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="is no run folder: it has no recipe.yaml"):
        convscope.load(tmp_path)


@pytest.mark.slow
def test_a_run_starts_from_an_earlier_run_and_takes_its_preprocessing_over(
    run: convscope.Run, make_folder: MakeFolder, tmp_path: Path
) -> None:
    data = make_folder({"x": 20, "y": 20, "z": 20}, name="three")
    second = convscope.train(
        data, project=tmp_path / "runs", weights=str(run.path), tune="head", epochs=2
    )
    before, after = convscope.load(run.path), convscope.load(second.path)
    assert after.preprocessing == before.preprocessing
    assert after.choice.name == "lenet_rgb"
    old, new = before.network.state_dict(), after.network.state_dict()
    changed = {name for name in old if not torch.equal(old[name], new[name][: len(old[name])])}
    assert {name.split(".")[0] for name in changed} == {"fc3"}


@pytest.mark.slow
def test_a_head_for_other_classes_of_the_same_number_is_fresh(
    run: convscope.Run, make_folder: MakeFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = make_folder({"x": 20, "y": 20}, name="two")
    convscope.train(
        data,
        project=tmp_path / "runs",
        weights=str(run.path),
        epochs=1,
        reporter=convscope.Reporter(),
    )
    assert (
        "the head's classes aren't known to be these, so it is newly initialised"
        in capsys.readouterr().err
    )


@pytest.mark.slow
def test_options_of_the_source_network_are_taken_over(
    make_folder: MakeFolder, tmp_path: Path
) -> None:
    data, project = make_folder(), tmp_path / "runs"
    first = convscope.train(data, project=project, options={"activation": "tanh"}, **QUICK)
    second = convscope.train(data, project=project, weights=first.path, epochs=1, name="second")
    assert second.recipe.options == {"activation": "tanh"}
    assert convscope.load(second.path).choice.options == {"activation": "tanh"}


@pytest.mark.slow
def test_weights_in_a_file_bring_the_publishers_preprocessing_and_keep_frozen_layers(
    shared_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photos = tmp_path / "photos"
    for name, count in (("ants", 14), ("bees", 14)):
        for split, folder in (("train", "train"), ("val", "val")):
            files = sorted((shared_data / "hymenoptera" / folder / name).glob("*.jpg"))
            (photos / split / name).mkdir(parents=True)
            for file in files[: count if split == "train" else 3]:
                shutil.copy(file, photos / split / name)
    weights = shared_data / "weights" / "squeezenet1_1-gluon-imagenet.pth"
    run = convscope.train(
        photos,
        project=tmp_path / "runs",
        model="squeezenet1_1",
        weights=weights,
        tune="head",
        epochs=1,
        reporter=convscope.Reporter(),
    )
    assert (
        "the head has other classes and is newly initialised: classifier.1"
        in capsys.readouterr().err
    )
    classifier = convscope.load(run.path)
    preprocessing = classifier.preprocessing
    assert (preprocessing.resize, preprocessing.height) == (256, 224)
    assert preprocessing.mean == (0.485, 0.456, 0.406)
    assert preprocessing.std == (0.229, 0.224, 0.225)
    published = read_weights(weights)
    trained = classifier.network.state_dict()
    changed = {name for name in published if not torch.equal(published[name], trained[name])}
    assert changed == {"classifier.1.weight", "classifier.1.bias"}


@pytest.mark.slow
def test_a_file_of_weights_without_a_model_is_an_error(run: convscope.Run, tmp_path: Path) -> None:
    alone = tmp_path / "alone.safetensors"
    shutil.copy(run.classifier_path / "model.safetensors", alone)
    with pytest.raises(convscope.ConvscopeError, match="needs `model`"):
        convscope.train(run.recipe.data, weights=alone)


@pytest.mark.parametrize("kind", ["transparent", "deep", "turned"])
def test_a_pillow_image_is_treated_like_its_file(
    run: convscope.Run, tmp_path: Path, kind: str
) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    image = {
        "transparent": Image.new("RGBA", (20, 10), (255, 0, 0, 60)),
        "deep": Image.fromarray(np.full((10, 20), 30_000, dtype=np.uint16)),
        "turned": Image.linear_gradient("L").convert("RGB").crop((0, 0, 200, 90)),
    }[kind]
    image.save(tmp_path / "x.png", exif=exif if kind == "turned" else None)
    classifier = convscope.load(run.path)
    with Image.open(tmp_path / "x.png") as opened:
        np.testing.assert_array_equal(
            classifier.prepare(opened), classifier.prepare(tmp_path / "x.png")
        )


@pytest.mark.slow
def test_images_that_training_saw_are_left_out_also_when_they_are_sorted_anew(
    run: convscope.Run, tmp_path: Path
) -> None:
    for file in sorted(Path(run.recipe.data).rglob("*.png")):
        split = "test" if int(file.stem) % 2 else "train"
        target = tmp_path / "anew" / split / file.parent.name / f"x{file.name}"
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, target)
    evaluation = convscope.evaluate(run, tmp_path / "anew")
    assert evaluation.metrics.num_images < 30
    assert "the test split as given, but for" in evaluation.images


@pytest.mark.slow
def test_data_with_a_train_split_alone_is_trained_on_and_evaluated(
    make_folder: MakeFolder, tmp_path: Path
) -> None:
    root = make_folder({"a": 40, "b": 40}, name="set/train").parent
    run = convscope.train(root, project=tmp_path / "runs", **QUICK)
    assert convscope.evaluate(run).metrics.num_images == run.evaluation["num_images"]


@pytest.mark.slow
def test_one_class_alone_cannot_be_learned_but_can_be_evaluated(
    run: convscope.Run, make_folder: MakeFolder
) -> None:
    data = make_folder({"blue": 5}, name="one", seed=4)
    with pytest.raises(DataError, match="has images of one class only: `blue`"):
        convscope.train(data, **QUICK)
    assert convscope.evaluate(run, data).metrics.num_images == 5


@pytest.mark.slow
def test_classes_without_an_image_to_learn_from_are_named(make_folder: MakeFolder) -> None:
    data = make_folder({"a": 30, "b": 30, "rare": 1})
    (data / "rare" / "000.png").write_bytes(b"no image")
    with pytest.raises(DataError, match="without a train image") as caught:
        convscope.train(data, **QUICK)
    assert "`rare`" in caught.value.message


@pytest.mark.slow
def test_weights_of_another_network_are_refused(
    run: convscope.Run, make_folder: MakeFolder, tmp_path: Path
) -> None:
    weights = str(run.classifier_path / "model.safetensors")
    with pytest.raises(WeightsError):
        convscope.train(
            run.recipe.data, project=tmp_path, model="resnet20", weights=weights, epochs=1
        )
    with pytest.raises(WeightsError, match="holds a `lenet_rgb`, but `model` is `resnet20`"):
        convscope.train(
            run.recipe.data, project=tmp_path, model="resnet20", weights=str(run.path), epochs=1
        )


@pytest.mark.slow
def test_an_image_size_too_small_names_the_smallest(make_folder: MakeFolder) -> None:
    with pytest.raises(NetworkError, match="is too small for the network `alexnet`") as caught:
        convscope.train(make_folder(), model="alexnet", img_size=16)
    assert "the smallest is" in str(caught.value.hint)


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="permissions are POSIX's")
def test_a_read_only_output_folder_is_an_error_before_anything_is_trained(
    make_folder: MakeFolder, tmp_path: Path
) -> None:
    # Root may write anywhere, but nobody can make a folder below a file.
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="can't be written to: Not a directory") as caught:
        convscope.train(make_folder(), project=tmp_path / "file" / "runs", **QUICK)
    assert "--project" in str(caught.value.hint)


@pytest.mark.slow
def test_damaged_images_are_recorded_and_not_counted(
    make_folder: MakeFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = make_folder()
    (data / "blue" / "003.png").write_bytes(b"broken")
    run = convscope.train(data, project=tmp_path, reporter=convscope.Reporter(), **QUICK)
    said = capsys.readouterr().err
    assert "note: 1 image left out, unreadable" in said
    assert "blue/003.png is no image of a format that is read" in said
    environment = json.loads(run.environment_path.read_text())
    assert environment["damaged"][0][0] == "blue/003.png"


@pytest.mark.slow
def test_given_splits_are_used_as_given(make_folder: MakeFolder, tmp_path: Path) -> None:
    root = make_folder({"a": 30, "b": 30}, name="set/train").parent
    make_folder({"a": 7, "b": 6}, name="set/val", seed=9)
    run = convscope.train(root, project=tmp_path / "runs", **QUICK)
    assert run.evaluation["num_images"] == 13
    assert convscope.evaluate(run).images == "the validation split as given"


def test_summaries_are_of_names_runs_and_modules(run: convscope.Run) -> None:
    assert convscope.summarize("lenet5").parameters == 61_706
    assert convscope.summarize(run.path).rows[0].output_shape == (1, 2)
    module = torch.nn.Conv2d(3, 4, 3)
    assert convscope.summarize(module, input_shape=(3, 8, 8)).macs == 6 * 6 * 4 * 27
    with pytest.raises(convscope.ConvscopeError, match="`input_shape` is missing"):
        convscope.summarize(module)
    with pytest.raises(convscope.ConvscopeError, match="only apply to a network given by name"):
        convscope.summarize(run.path, num_classes=3)
