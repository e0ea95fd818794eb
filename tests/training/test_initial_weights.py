"""Initial weights: what was done with the names and the head of a file is said."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from alone import train_alone

import convscope
from conftest import make_pictures
from convscope.data.batches import normalise
from convscope.errors import WeightsError
from convscope.networks import build
from convscope.networks.airbench import whitening_kernels
from convscope.training.initial_weights import InitialWeights

STATE = build("resnet20", num_classes=2).state_dict()
CLASSES = ("no", "yes")
WHITENED: dict[str, Any] = {
    "model": "airbench94",
    "options": {"widths": [4, 4]},
    "img_size": 16,
    "batch_size": 8,
}


def said(state: dict[str, torch.Tensor]) -> list[str]:
    weights = InitialWeights(source="`a.pth`", state=state)
    return weights.load_into(build("resnet20", num_classes=2), CLASSES, "resnet20")


def test_a_prefix_that_was_taken_off_is_said() -> None:
    given = {f"model.{name}": value for name, value in STATE.items()}
    given |= {"criterion.weight": torch.ones(2)}
    first, *_ = said(given)
    assert first == (
        "weights from `a.pth`, their names without `model.`; 1 tensor of other modules left out"
    )


def test_a_missing_head_is_said() -> None:
    given = {f"backbone.{n}": value for n, value in STATE.items() if not n.startswith("fc.")}
    assert said(given) == [
        "weights from `a.pth`, their names without `backbone.`",
        "they have no head, so it is newly initialised: fc.weight, fc.bias",
    ]


def test_weights_that_do_not_fit_are_refused_with_their_source() -> None:
    with pytest.raises(WeightsError, match="the weights from `a.pth` don't fit the network"):
        said({"a.weight": torch.ones(2)})


def test_a_training_whitens_by_its_train_images(tmp_path: Path) -> None:
    make_pictures(tmp_path / "pictures", {"blue": 20, "red": 30})
    run = train_alone(tmp_path / "pictures", project=tmp_path, epochs=1, **WHITENED)
    classifier = convscope.load(run.path)
    dataset = convscope.open_dataset(tmp_path / "pictures")
    places = {dataset.images.name(index): index for index in range(len(dataset))}
    with (run.path / "splits.csv").open(encoding="utf-8") as file:
        train = [places[row["image"]] for row in csv.DictReader(file) if row["used_for"] == "train"]
    prepared = [classifier.preprocessing.apply(dataset[index][0]) for index in train]
    images = normalise(torch.from_numpy(np.stack(prepared)), classifier.preprocessing)
    kernels = classifier.network.state_dict()["whiten.weight"]
    torch.testing.assert_close(kernels, whitening_kernels([images]), rtol=1e-4, atol=1e-5)


def test_weights_that_are_given_keep_their_whitening(tmp_path: Path) -> None:
    make_pictures(tmp_path / "first", {"blue": 20, "red": 30})
    make_pictures(tmp_path / "second", {"blue": 20, "red": 30}, seed=1)
    first = train_alone(tmp_path / "first", project=tmp_path, epochs=1, **WHITENED)
    second = train_alone(
        tmp_path / "second", project=tmp_path, epochs=1, weights=str(first.path), batch_size=8
    )
    before, after = (
        convscope.load(run.path).network.state_dict()["whiten.weight"] for run in (first, second)
    )
    assert torch.equal(before, after)
