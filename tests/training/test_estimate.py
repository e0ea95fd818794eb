"""How long a training takes is said before its first step, with what would be quicker."""

from __future__ import annotations

import io
import re
import signal
from pathlib import Path
from typing import Any

import pytest
from alone import train_alone
from asking import Asking

import convscope
from conftest import MakeFolder
from convscope.errors import StoppedError
from convscope.files import sha256
from convscope.progress import SILENT, Reporter
from convscope.training import estimate

pytestmark = pytest.mark.slow

LIKE_PHOTOS_PX = 28
QUICK: dict[str, Any] = {"model": "resnet20", "img_size": 16, "batch_size": 8}


def said(data: Path, project: Path, **given: object) -> str:
    file = io.StringIO()
    train_alone(data, project=project, reporter=Reporter(file=file), **{**QUICK, **given})
    return " ".join(file.getvalue().split())


@pytest.fixture
def each_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if all trainings were long ones."""
    monkeypatch.setattr(estimate, "WORTH_SAYING_SECONDS", 0.0)
    monkeypatch.setattr(estimate, "QUICKER_SHARE", 1e9)


@pytest.mark.usefixtures("each_is_said")
def test_before_the_first_step_a_pretrained_network_is_named_and_no_weight_changes(
    make_folder: MakeFolder, tmp_path: Path
) -> None:
    data = make_folder(side=LIKE_PHOTOS_PX)
    text = said(data, tmp_path / "said", epochs=2)
    assert re.search(
        r"about \d+ s: 2 epochs of \d+ s; without `--model` and `--weights` the pretrained "
        r"`efficientnet_lite0` takes about \d+ s run .*epoch 1/2",
        text,
    )
    silent = train_alone(data, project=tmp_path / "silent", reporter=SILENT, epochs=2, **QUICK)
    weights = "classifier/model.safetensors"
    assert sha256(tmp_path / "said" / silent.path.name / weights) == sha256(silent.path / weights)


@pytest.mark.usefixtures("each_is_said")
def test_with_weights_the_head_alone_is_named(make_folder: MakeFolder, tmp_path: Path) -> None:
    data = make_folder()
    source = train_alone(data, project=tmp_path / "source", epochs=1, **QUICK)
    given: dict[str, Any] = {"weights": source.classifier_path, "epochs": 2, "model": None}
    text = said(data, tmp_path, **given)
    assert re.search(r"about \d+ s: 2 epochs of \d+ s; `--tune head` takes about \d+ s run", text)
    text = said(data, tmp_path / "head", tune="head", **given)
    assert re.search(r"about \d+ s: \d+ s for features that are computed once run", text)
    text = said(data, tmp_path / "auto", **{**given, "epochs": 5}, tune="auto")
    assert "trains the last layer" in text  # in about so long: nothing is measured once more
    assert not re.search(r"about \d+ s: ", text)


@pytest.mark.usefixtures("each_is_said")
def test_tiny_images_are_no_photos_and_a_resumed_run_says_what_is_left(
    make_folder: MakeFolder, tmp_path: Path
) -> None:
    data, fields = make_folder(), {**QUICK, "epochs": 3}
    with pytest.raises(StoppedError):
        convscope.train(
            data, project=tmp_path, reporter=Asking(signal.SIGTERM, "epoch   1/"), **fields
        )
    assert re.search(r"about \d+ s: 2 epochs of \d+ s run", said(data, tmp_path, epochs=3))


def test_of_a_short_training_nothing_is_said(make_folder: MakeFolder, tmp_path: Path) -> None:
    assert "about" not in said(make_folder(), tmp_path, epochs=1)
