"""The comparison of a fast recipe with a plain one runs, and reads seconds as it says."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

import speedrun
from conftest import make_pictures
from convscope.recipe import Recipe, read_values
from speedrun import Epoch

COUNTS = {"blue": 30, "red": 50}
TINY = {"format": 1, "model": "lenet_rgb", "epochs": 2, "batch_size": 8, "img_size": 16}


def test_seconds_count_until_the_accuracy_is_first_reached() -> None:
    epochs = [Epoch(2.0, 0.4), Epoch(4.0, 0.6), Epoch(6.0, 0.55)]
    assert speedrun.seconds_to(0.5, epochs) == 4
    assert speedrun.seconds_to(0.4, epochs) == 2
    assert speedrun.seconds_to(0.7, epochs) is None


def test_a_subset_has_as_many_images_of_each_class_and_none_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_pictures(tmp_path / "all" / "train", COUNTS)
    make_pictures(tmp_path / "all" / "test", COUNTS, seed=1)
    monkeypatch.setattr(speedrun, "NUM_VALIDATION", 20)
    monkeypatch.setattr(speedrun, "NUM_TEST", 10)
    with np.load(speedrun.subset(str(tmp_path / "all"), 40, tmp_path)) as arrays:
        assert np.bincount(arrays["train_labels"]).tolist() == [20, 20]
        assert np.bincount(arrays["val_labels"]).tolist() == [10, 10]
        assert len(arrays["test_images"]) == 10
        pixels = np.concatenate([arrays["train_images"], arrays["val_images"]])
        assert len(np.unique(pixels.reshape(60, -1), axis=0)) == 60


@pytest.mark.parametrize("name", ["cifar10-speedrun", "cifar10-speedrun-5000"])
def test_the_fast_recipes_are_recipes(name: str) -> None:
    values = read_values(speedrun.RECIPES / f"{name}.yaml")
    assert Recipe.parse({**values, "data": "images"}).model == "airbench94"


@pytest.mark.slow
def test_both_recipes_train_in_turns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    make_pictures(tmp_path / "all" / "train", COUNTS)
    make_pictures(tmp_path / "all" / "test", COUNTS, seed=1)
    monkeypatch.setattr(speedrun, "NUM_VALIDATION", 20)
    for name, epochs in (("plain", 2), ("fast", 1)):
        (tmp_path / f"{name}.yaml").write_text(yaml.safe_dump({**TINY, "epochs": epochs}))
    words = ["--images", "40", "--accuracy", "0.1"]
    for name in ("plain", "fast"):
        words += [f"--{name}", str(tmp_path / f"{name}.yaml")]
    monkeypatch.setattr(sys, "argv", ["speedrun.py", str(tmp_path / "all"), *words])
    speedrun.main()
    out = capsys.readouterr().out
    assert "seed 0: validation accuracy 10.00%" in out
    assert "plain: reached after" in out
    assert "fast: reached after" in out
    assert "times as fast: " in out
