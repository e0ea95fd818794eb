"""What a training says before its first step: fields that change nothing are named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from alone import train_alone

import convscope
from conftest import make_pictures
from convscope.progress import Reporter

pytestmark = pytest.mark.slow

QUICK: dict[str, Any] = {"model": "lenet_rgb", "epochs": 1, "batch_size": 16}


class Hearing(Reporter):
    """Keeps the notes that have these words."""

    def __init__(self, *words: str) -> None:
        super().__init__(quiet=True)
        self.heard: list[str] = []
        self._words = words or ("has no effect",)

    def say(self, line: str) -> None:
        """Hears what a person would read."""
        if any(word in line for word in self._words):
            self.heard.append(line)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("announce")
    make_pictures(place / "pictures")
    return place / "pictures"


def heard(pictures: Path, tmp_path: Path, **fields: Any) -> list[str]:
    reporter = Hearing()
    convscope.train(pictures, project=tmp_path, reporter=reporter, **{**QUICK, **fields})
    return reporter.heard


def test_fields_that_change_nothing_are_named(pictures: Path, tmp_path: Path) -> None:
    fields: dict[str, Any] = {"patience": 50, "sched": "step", "step_epochs": 1, "fit": "pad"}
    fields |= {"class_weight": {"blue": 2, "red": 2}, "deterministic": True}
    assert heard(pictures, tmp_path, **fields) == [
        "note: `patience=50` has no effect: the training has 1 epoch",
        "note: `step_epochs=1` has no effect: the training has 1 epoch",
        "note: `fit=pad` has no effect: all images have the aspect ratio of the network's input",
        "note: `class_weight` has no effect: all classes get the same weight",
        "note: `deterministic` has no effect: on `cpu` all algorithms are",
    ]
    fields = {"patience": 1, "epochs": 2, "sched": "plateau", "plateau_epochs": 1, "fit": "stretch"}
    assert heard(pictures, tmp_path, name="other", **fields) == [
        "note: `patience=1` has no effect: the training has 2 epochs",
        "note: `plateau_epochs=1` has no effect: the training has 2 epochs",
        "note: `fit=stretch` has no effect: all images have the aspect ratio of the network's "
        "input",
    ]


def test_fields_with_an_effect_are_not_named(pictures: Path, tmp_path: Path) -> None:
    assert heard(pictures, tmp_path, fit="crop") == []
    fields: dict[str, Any] = {"patience": 1, "epochs": 3, "sched": "step", "step_epochs": 2}
    fields |= {"fit": "pad", "img_size": "32x36", "class_weight": {"blue": 2}}
    assert heard(pictures, tmp_path, name="other", **fields) == []


def test_large_batches_and_tiny_inputs_are_named_with_a_way_out(
    pictures: Path, tmp_path: Path
) -> None:
    fields: dict[str, Any] = {"model": "resnet20", "epochs": 1, "img_size": 4}
    hearing = Hearing("train images:", "feature map")
    run = train_alone(pictures, project=tmp_path, reporter=hearing, batch_size=500, **fields)
    num_train = run.split_counts["train"]
    assert hearing.heard == [
        f"note: `batch_size=500` is more than the {num_train} train images: each epoch is a single "
        f"step; `--batch-size {num_train // 8}` gives more of them",
        "note: at 4 px the feature map of `resnet20` has a single position left before 5 "
        "convolutions, from `layer3.0.conv2` on: their kernels see padding around it; "
        "`--img-size 8` avoids that",
    ]
