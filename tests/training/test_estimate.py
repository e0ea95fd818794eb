"""How long a training takes is said from its first steps, with what would be quicker."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
from alone import train_alone

from conftest import MakeFolder
from convscope.progress import Reporter
from convscope.training import estimate

pytestmark = pytest.mark.slow


def said(data: Path, project: Path, **given: object) -> str:
    file = io.StringIO()
    reporter = Reporter(file=file)
    train_alone(data, project=project, reporter=reporter, img_size=16, batch_size=8, **given)
    return " ".join(file.getvalue().split())


@pytest.fixture
def each_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if all trainings were long ones."""
    monkeypatch.setattr(estimate, "WORTH_SAYING_SECONDS", 0.0)
    monkeypatch.setattr(estimate, "SURE_AFTER_STEPS", 2)


@pytest.mark.usefixtures("each_is_said")
def test_from_scratch_a_pretrained_network_is_named(
    make_folder: MakeFolder, tmp_path: Path
) -> None:
    text = said(make_folder(), tmp_path, model="resnet20", epochs=2)
    assert re.search(
        r"about \d+ s: 2 epochs of \d+ s; a pretrained network is trained sooner: leave out "
        "`--model` and `--weights`",
        text,
    )


@pytest.mark.usefixtures("each_is_said")
def test_with_weights_the_head_alone_is_named(make_folder: MakeFolder, tmp_path: Path) -> None:
    data = make_folder()
    source = train_alone(data, project=tmp_path / "source", model="resnet20", img_size=16, epochs=1)
    given = {"weights": source.classifier_path, "epochs": 2}
    text = said(data, tmp_path, **given)
    assert re.search(
        r"about \d+ s: 2 epochs of \d+ s; `--tune head` trains the last layer alone, in about "
        r"\d+ s",
        text,
    )
    text = said(data, tmp_path / "head", tune="head", **given)
    assert re.search(r"about \d+ s: 2 epochs of \d+ s epoch", text)


def test_of_a_short_training_nothing_is_said(make_folder: MakeFolder, tmp_path: Path) -> None:
    assert "about" not in said(make_folder(), tmp_path, model="resnet20", epochs=1)
