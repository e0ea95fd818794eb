"""Classifier folders: what is in them is whole, sealed and possible, or it is named and refused."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from made import made_classifier, rewrite_classifier
from safetensors.torch import load_file, save_file

from convscope import classifier as module
from convscope.api.load import load
from convscope.classifier import Classifier, Decision
from convscope.errors import ConvscopeError, RunError, WeightsError
from convscope.files import OLD

PIXELS = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), dtype=np.uint8)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made_classifier().save(tmp_path / "c")
    return tmp_path / "c"


def refusal(folder: Path) -> str:
    with pytest.raises(RunError) as caught:
        Classifier.load(folder)
    assert caught.value.hint == "copy the classifier's folder again, as a whole"
    return caught.value.message


def rewrite_weights(folder: Path, change: Any) -> None:
    """Changes weights as somebody would who knows the format, hashes included."""
    weights = folder / "model.safetensors"
    state = load_file(weights)
    change(state)
    save_file(state, weights)
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()
    rewrite_classifier(folder, weights={"sha256": digest})


def test_a_loaded_classifier_predicts_what_the_saved_one_did(folder: Path) -> None:
    before = made_classifier().logits(PIXELS)
    assert torch.equal(Classifier.load(folder).logits(PIXELS), before)


@pytest.mark.parametrize(
    "change",
    [
        ('"class 0",\n    "class 1"', '"class 1",\n    "class 0"'),
        ('"class 2"', '"class two"'),
        ("0.25", "0.26"),
        ('"min_confidence": 0.0', '"min_confidence": 0.5'),
        ('"temperature": 1.0', '"temperature": 2.0'),
        ('"fit": "crop"', '"fit": "pad"'),
        ('"resize": null', '"resize": 48'),
        ('"metrics": {}', '"metrics": {"epoch": 3}'),
        ('"format": 3', '"format": 9'),  # no news of another version
    ],
    ids=lambda change: change[0].strip('"').partition('"')[0],
)
def test_any_change_of_the_description_is_noticed(folder: Path, change: tuple[str, str]) -> None:
    path = folder / "classifier.json"
    text = path.read_text()
    assert change[0] in text
    path.write_text(text.replace(*change))
    assert refusal(folder) == f"`{path}` can't be used: it was changed after it was written"


def test_a_description_without_its_seal_is_refused(folder: Path) -> None:
    path = folder / "classifier.json"
    content = json.loads(path.read_text())
    del content["sha256"]
    path.write_text(json.dumps(content))
    assert "`sha256` is missing" in refusal(folder)


def test_a_classifier_of_the_format_before_is_still_read(folder: Path) -> None:
    path = folder / "classifier.json"
    content = json.loads(path.read_text())
    assert content.pop("format") == 3
    del content["sha256"]
    path.write_text(json.dumps({"format": 2, **content}))
    assert torch.equal(Classifier.load(folder).logits(PIXELS), made_classifier().logits(PIXELS))


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"preprocessing": {"height": 0}}, "`preprocessing.height` can't be `0`"),
        ({"preprocessing": {"height": 10**9}}, "`preprocessing.height` can't be `1000000000`"),
        ({"preprocessing": {"width": "32"}}, "`preprocessing.width` can't be `32`"),
        ({"preprocessing": {"resize": 10**9}}, "`preprocessing.resize` can't be `1000000000`"),
        ({"preprocessing": {"resize": -1}}, "`preprocessing.resize` can't be `-1`"),
        ({"preprocessing": {"channels": 4}}, "`channels` can't be 4: it is 1 or 3"),
        ({"preprocessing": {"mean": [0.5]}}, "`mean` has 1 values for 3 channels"),
        ({"preprocessing": {"std": [1, 1, 1, 1]}}, "`std` has 4 values for 3 channels"),
        ({"preprocessing": {"std": [1, 0, 1]}}, "`preprocessing.std.1` can't be `0`"),
        ({"preprocessing": {"fit": "squeeze"}}, "`preprocessing.fit` can't be `squeeze`"),
        ({"preprocessing": {"value_range": [9, 1]}}, "the lower one first"),
        ({"preprocessing": {"more": 1}}, "there is no field `preprocessing.more`"),
        ({"preprocessing": None}, "`preprocessing` can't be `None`"),
        ({"classes": ["a"] * 4}, "the class `a` stands there 4 times"),
        ({"classes": ["a", "b", "c", ""]}, "`classes.3` can't be ``"),
        ({"classes": ["a", "b"]}, "2 classes for a network of 4 outputs"),
        ({"classes": [1, 2, 3, 4]}, "`classes.0` can't be `1`"),
        ({"network": {"num_classes": 200_000_000}}, "`network.num_classes` can't be `200000000`"),
        ({"network": {"in_channels": 1}}, "images of 3 channels for a network that takes 1"),
        ({"network": {"input_size": [32]}}, "`network.input_size` can't be `[32]`"),
        ({"network": {"input_size": [10**9, 32]}}, "`network.input_size.0` can't be"),
        ({"network": {"name": "resnet19"}}, "no network is called `resnet19`"),
        ({"network": {"name": "resnet20"}}, "don't fit the network"),
        ({"network": {"options": {"hidden": [10**9]}}}, "has no option `hidden`"),
        ({"network": {"options": {"num_classes": 9}}}, "holds no whole classifier"),
        ({"network": {"options": []}}, "`network.options` can't be `[]`"),
        ({"decision": {"temperature": 0}}, "`decision.temperature` can't be `0`"),
        ({"decision": {"temperature": "1"}}, "`decision.temperature` can't be `1`"),
        ({"decision": {"min_confidence": 2}}, "`decision.min_confidence` can't be `2`"),
        ({"decision": {"threshold": 2}}, "there is no field `decision.threshold`"),
        ({"metrics": 3}, "`metrics` can't be `3`"),
        ({"weights": {"sha256": "xyz"}}, "`weights.sha256` can't be `xyz`"),
        ({"format": 9}, "has format 9, this version of convscope reads format 3"),
    ],
)
def test_a_description_that_cannot_be_is_refused_with_its_field(
    folder: Path, changes: dict[str, Any], problem: str
) -> None:
    rewrite_classifier(folder, **changes)
    with pytest.raises(RunError) as caught:
        Classifier.load(folder)
    assert problem in caught.value.message
    assert str(folder) in caught.value.message


@pytest.mark.parametrize("old", ["0.25", "1.0"])
@pytest.mark.parametrize("new", ["NaN", "Infinity", "1e999", '"\\ud800"', "9" * 5000])
def test_a_value_that_is_no_number_is_refused(folder: Path, old: str, new: str) -> None:
    path = folder / "classifier.json"
    path.write_text(path.read_text().replace(old, new, 1))
    assert f"`{path}` can't be used: " in refusal(folder)


def test_a_huge_network_is_refused_before_it_is_built(tmp_path: Path) -> None:
    made_classifier("mlp", hidden=(8,)).save(tmp_path / "c")
    rewrite_classifier(tmp_path / "c", network={"options": {"hidden": [2_000_000_000]}})
    began = time.monotonic()
    assert "[2000000000, 3072] in the network" in refusal(tmp_path / "c")
    assert time.monotonic() - began < 5  # filling 24 TB takes longer


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda s: s["conv1.weight"][0].fill_(float("nan")), "`conv1.weight` of the weights in"),
        (lambda s: s["fc1.bias"][:1].fill_(float("inf")), "`fc1.bias` of the weights in"),
        (lambda s: s.update({"conv1.bias": s["conv1.bias"].int()}), "holds `int32` values"),
        (lambda s: s.pop("conv1.bias"), "`conv1.bias` is missing in the weights"),
        (lambda s: s.update({"more": torch.ones(1)}), "`more` is not in the network"),
        (lambda s: s.update({"conv1.bias": torch.ones(1)}), "`conv1.bias` is [1] in the weights"),
    ],
)
def test_weights_that_cannot_be_are_refused_with_the_tensor(
    folder: Path, change: Any, problem: str
) -> None:
    rewrite_weights(folder, change)
    message = refusal(folder)
    assert problem in message
    assert str(folder / "model.safetensors") in message


@pytest.mark.skipif(os.name != "posix", reason="only there such files can be made")
@pytest.mark.parametrize("name", ["classifier.json", "model.safetensors"])
@pytest.mark.parametrize("kind", ["pipe", "device", "folder"])
def test_what_is_no_regular_file_is_not_waited_for(folder: Path, name: str, kind: str) -> None:
    (folder / name).unlink()
    if kind == "pipe":
        os.mkfifo(folder / name)
    elif kind == "device":
        (folder / name).symlink_to("/dev/zero")
    else:
        (folder / name).mkdir()
    assert str(folder / name) in refusal(folder)


def others_in(folder: Path) -> dict[str, str]:
    """The files of a user in a classifier folder."""
    own = ("classifier.json", "model.safetensors")
    paths = [path for path in folder.rglob("*") if path.is_file() and path.name not in own]
    return {path.relative_to(folder).as_posix(): path.read_text() for path in paths}


@pytest.mark.parametrize("has_other_weights", [False, True])
def test_files_of_a_user_beside_a_classifier_stay_when_it_is_saved(
    folder: Path, has_other_weights: bool
) -> None:
    for name in ("labels.txt", ".env", "notes/today.md", "README.md", "app.py"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("mine")
    before = others_in(folder)
    assert len(before) == 5
    classifier = Classifier.load(folder)
    classifier.decision = Decision(temperature=2)
    if has_other_weights:
        classifier.network.get_parameter("fc1.bias").data += 1
    classifier.save(folder)
    assert others_in(folder) == before
    assert Classifier.load(folder).decision.temperature == 2
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]


def test_of_a_classifier_with_the_same_weights_only_the_description_is_written(
    folder: Path,
) -> None:
    before = (folder / "model.safetensors").stat()
    Classifier.load(folder).save(folder)
    after = (folder / "model.safetensors").stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


@pytest.mark.parametrize("how", [load, Classifier.load])
def test_a_classifier_that_a_kill_left_aside_is_found(folder: Path, how: Any) -> None:
    aside = folder.parent / f".{folder.name}.{OLD}-abcd1234"
    aside.mkdir()
    folder.rename(aside / folder.name)
    assert torch.equal(how(folder).logits(PIXELS), made_classifier().logits(PIXELS))
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("name", ["conv1.weight", "fc1.bias"])
def test_weights_that_are_no_numbers_are_never_saved(folder: Path, value: float, name: str) -> None:
    classifier = Classifier.load(folder)
    classifier.network.get_parameter(name).data[0].fill_(value)
    for place in (folder, folder.parent / "new"):
        with pytest.raises(WeightsError, match=f"`{name}` of the weights of this classifier has"):
            classifier.save(place)
    assert not (folder.parent / "new").exists()
    assert torch.equal(Classifier.load(folder).logits(PIXELS), made_classifier().logits(PIXELS))


@pytest.mark.parametrize(
    "name",
    ["lenet_rgb", "lenet5_1998", "resnet20", "mlp", "squeezenet1_1", "lenet_caffe"],
)
def test_loading_draws_no_random_numbers_which_all_threads_share(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    saved = made_classifier(name)
    saved.save(tmp_path / "c")

    def touched(*_: object, **__: object) -> None:
        raise AssertionError("a training in another thread would have other random numbers")

    monkeypatch.setattr(torch.random, "fork_rng", touched)
    monkeypatch.setattr(torch, "set_rng_state", touched)
    before = torch.get_rng_state()
    loaded = Classifier.load(tmp_path / "c")
    loaded.predict_prepared(PIXELS)
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(loaded.logits(PIXELS), saved.logits(PIXELS))


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 8 bytes"),
        RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"),
        RuntimeError("can't start new thread"),
        OSError(errno.ENOMEM, "Cannot allocate memory"),
    ],
    ids=str,
)
def test_a_lack_of_memory_is_not_taken_for_a_damaged_classifier(
    folder: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fails(*_: object) -> None:
        raise error

    monkeypatch.setattr(module, "load_file", fails)
    with pytest.raises(type(error)) as caught:
        Classifier.load(folder)
    assert not isinstance(caught.value, ConvscopeError)


def test_nothing_is_saved_that_could_not_be_read_again(tmp_path: Path) -> None:
    classifier = made_classifier()
    classifier.classes = ("a", "a", "b", "c")
    with pytest.raises(RunError, match="the class `a` stands there 2 times"):
        classifier.save(tmp_path / "c")
    assert not (tmp_path / "c").exists()
