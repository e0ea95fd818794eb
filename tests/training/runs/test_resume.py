"""A training that was broken off goes on to the same bits, with every optimizer and schedule."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
import torch
from alone import train_alone

import convscope
from conftest import make_pictures
from convscope.recipe import Opt, Sched
from convscope.training.runs.checkpoint import load_newest
from convscope.training.runs.log import CheckpointInterval

pytestmark = pytest.mark.slow

EACH_STEP = CheckpointInterval(steps=1)
BASE = {"model": "lenet_rgb", "epochs": 3, "batch_size": 16}
CASES: list[dict[str, Any]] = [
    *({"opt": name} for name in get_args(Opt)),
    *({"sched": name} for name in get_args(Sched)),
    {"ema": 0.9, "accumulate": 2, "clip_norm": 0.5},
    {"sampler": "balanced", "mixup": 0.3, "loss": "focal", "options": {"dropout": 0.3}},
    {"model": "resnet20", "img_size": 24, "train_sizes": "16", "drop_path": 0.2},
    {"model": "resnet20", "img_size": 16, "layer_decay": 0.7},
    {"model": "airbench94", "img_size": 16, "opt": "muon", "flip_mode": "alternating"},
    {"model": "resnet20", "img_size": 16, "weights": "SOURCE", "unfreeze_epochs": 0.2},
    {"model": "resnet20", "img_size": 16, "weights": "SOURCE", "tune": "head", "ema": 0.5},
    # From the end of the head's epochs on, and from the middle of one of all layers.
    {"model": "resnet20", "img_size": 16, "weights": "SOURCE", "head_epochs": 2, "batch_size": 64},
    {"model": "resnet20", "img_size": 16, "weights": "SOURCE", "head_epochs": 1, "ema": 0.5},
]


@pytest.fixture(scope="module", autouse=True)
def several_threads() -> Iterator[None]:
    """Two, though `make test` has one: threads must not change the bits either."""
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("resume")
    make_pictures(place / "pictures", {"blue": 20, "red": 30})
    return place / "pictures"


@pytest.mark.parametrize("fields", CASES, ids=lambda fields: ",".join(map(str, fields.values())))
def test_a_broken_off_training_goes_on_to_the_same_bits(
    pictures: Path, tmp_path: Path, fields: dict[str, Any]
) -> None:
    if fields.get("weights") == "SOURCE":
        source = convscope.train(
            pictures, project=tmp_path / "source", model="resnet20", img_size=16, epochs=1
        )
        fields = {**fields, "weights": source.path}

    def train() -> dict[str, torch.Tensor]:
        run = train_alone(
            pictures, project=tmp_path, checkpoint_every=EACH_STEP, **{**BASE, **fields}
        )
        assert run.path.name.startswith("pictures-")
        assert not run.path.name.endswith("-2")
        checkpoint, remarks = load_newest(run.checkpoints_path)
        assert checkpoint is not None
        assert not remarks
        shutil.rmtree(run.checkpoints_path / str(checkpoint.step))  # its last steps never were
        shutil.rmtree(run.classifier_path)
        return {**checkpoint.model, **{f"best {n}": v for n, v in checkpoint.best.items()}}

    whole, resumed = train(), train()
    assert whole.keys() == resumed.keys()
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)
