"""Each field of the recipe changes what it says and nothing else; none is accepted and ignored."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from alone import train_alone

import convscope
from conftest import make_pictures
from convscope.recipe.data import AugmentationFields
from convscope.recipe.network import NetworkFields
from convscope.recipe.optimization import LossFields, OptimizerFields, ScheduleFields
from convscope.training.runs.checkpoint import load_newest

SMALL: dict[str, Any] = {
    "model": "resnet20",
    "img_size": 16,
    "epochs": 2,
    "batch_size": 8,
    "seed": 3,
}
STEPS = {"sched": "step"}
FROZEN = {"tune": "head", "epochs": 6}

# Field -> a value, and what has to be there for it to have an effect. "SOURCE" is a finished run.
CASES: dict[str, tuple[Any, dict[str, Any]]] = {
    "model": ("resnet32", {}),
    "options": ({"batch_norm": False}, {}),
    "dropout": (0.5, {"model": "lenet_rgb", "img_size": 32}),
    "drop_path": (0.5, {}),
    "initialization": ("xavier", {}),
    "weights": ("SOURCE", {}),
    "tune": ("head", {"weights": "SOURCE"}),
    "unfreeze_epochs": (0.1, {"weights": "SOURCE"}),
    "layer_decay": (0.5, {}),
    "feature_views": (4, {"weights": "SOURCE", **FROZEN}),
    "head_epochs": (1, {"weights": "SOURCE"}),
    "epochs": (3, {}),
    "epochs_cut": ("1:2", {"epochs": 3}),
    "batch_size": (12, {}),
    "accumulate": (2, {}),
    "sampler": ("balanced", {}),
    "train_sizes": ("12", {}),
    "seed": (4, {}),
    "precision": ("bfloat16", {"precision": "float32"}),
    "memory_format": ("contiguous", {}),
    "opt": ("sgd", {}),
    "lr": (0.01, {}),
    "momentum": (0.5, {"opt": "sgd"}),
    "betas": ("0.5,0.9", {}),
    "eps": (1e-3, {}),
    "weight_decay": (0.5, {}),
    "bias_decay": (0.5, {}),
    "clip_norm": (0.01, {}),
    "clip_value": (1e-4, {}),
    "ema": (0.9, {}),
    "sched": ("constant", {}),
    "warmup_epochs": (1.0, {}),
    "step_epochs": (2, {**STEPS, "epochs": 3}),
    "milestones": ("2", {"sched": "multi-step", "epochs": 3}),
    "gamma": (0.3, {**STEPS, "epochs": 3}),
    "plateau_epochs": (1, {"sched": "plateau", "lr": 0.5, "opt": "sgd", "epochs": 6}),
    "final_lr": (0.5, {}),
    "loss": ("bce", {}),
    "focal_gamma": (4.0, {"loss": "focal"}),
    "class_weights": ("balanced", {}),
    "class_weight": ({"red": 3.0}, {}),
    "label_smoothing": (0.3, {}),
    "auxiliary_weight": (
        1.0,
        {"model": "googlenet", "options": {"stem": "small"}, "img_size": 32, "epochs": 1},
    ),
    "crop_scale": (0.3, {}),
    "pad_crop": (2, {"translate": 0.0, "scale": 0.0}),
    "hflip": (0.0, {}),
    "vflip": (0.5, {}),
    "flip_mode": ("alternating", {}),
    "translate": (0.3, {}),
    "rotate": (30.0, {}),
    "scale": (0.5, {}),
    "brightness": (0.5, {}),
    "contrast": (0.5, {}),
    "saturation": (0.5, {}),
    "hue": (0.3, {}),
    "grey": (0.7, {}),
    "blur": (0.7, {}),
    "erase": (0.7, {}),
    "policy": ("trivialaugment", {}),
    "policy_ops": (1, {"policy": "randaugment"}),
    "policy_magnitude": (25, {"policy": "randaugment"}),
    "mixup": (0.5, {}),
    "cutmix": (0.5, {}),
}
# What has no effect on two epochs of small pictures on this machine, and is tested elsewhere.
ELSEWHERE = {"continues", "time", "patience", "device", "deterministic", "sync_batch_norm"}

# Field -> other fields that follow from it.
FOLLOWS: dict[str, set[str]] = {
    "head_epochs": {"layer_decay", "warmup_epochs"},
    "model": set(),
    "options": {"lr", "clip_norm", "ema", "label_smoothing", "weight_decay", "opt", "sched"},
    "dropout": {"options"},
    "drop_path": {"options"},
    "weights": {"lr", "fit"},
    "tune": {"feature_views", "lr", "translate", "scale"},
    "epochs": {"warmup_epochs"},
    "batch_size": {"lr"},
    "opt": {"lr", "momentum", "betas", "weight_decay"},
    "sched": {"warmup_epochs", "final_lr"},
    "loss": {"focal_gamma"},
    "crop_scale": {"translate", "scale"},
    "policy": set(),
}
RELATED = (NetworkFields, ScheduleFields, OptimizerFields, LossFields, AugmentationFields)

Train = Callable[..., convscope.Run]


@pytest.fixture(scope="module")
def train(tmp_path_factory: pytest.TempPathFactory) -> Train:
    """Trains on small pictures of two classes of different size, each recipe once."""
    place = tmp_path_factory.mktemp("effects")
    make_pictures(place / "pictures", {"blue": 16, "red": 26}, side=16)

    @cache
    def once(words: str) -> convscope.Run:
        fields = {k: str(source()) if v == "SOURCE" else v for k, v in json.loads(words).items()}
        project = place / f"runs-{abs(hash(words))}"
        return train_alone(place / "pictures", project=project, **{**SMALL, **fields})

    def source() -> Path:
        return once(json.dumps({"seed": 9})).path

    def call(**fields: Any) -> convscope.Run:
        return once(json.dumps(fields, sort_keys=True))

    return call


def last_weights(run: convscope.Run) -> dict[str, torch.Tensor]:
    """Those of the last epoch: the best may be of one before a field has its effect."""
    checkpoint, _ = load_newest(run.checkpoints_path)
    assert checkpoint is not None
    return checkpoint.average or checkpoint.model


def test_every_field_that_decides_a_training_is_tried() -> None:
    fields = {name for part in RELATED for name in part.model_fields}
    assert set(CASES) | ELSEWHERE == fields
    assert not set(CASES) & ELSEWHERE


@pytest.mark.slow
@pytest.mark.parametrize("field", list(CASES))
def test_a_field_changes_what_it_says_and_nothing_else(train: Train, field: str) -> None:
    value, context = CASES[field]
    before = train(**context)
    after = train(**{**context, field: value})
    old, new = (run.recipe.model_dump(mode="json") for run in (before, after))
    changed = {name for name in old if old[name] != new[name]}
    assert field in changed | ({field} if field in ("dropout", "drop_path") else set())
    assert changed <= {field} | FOLLOWS.get(field, set())


@pytest.mark.slow
@pytest.mark.parametrize("field", list(CASES))
def test_a_field_has_an_effect_on_what_is_learned(train: Train, field: str) -> None:
    value, context = CASES[field]
    before, after = (
        last_weights(run) for run in (train(**context), train(**{**context, field: value}))
    )
    same = before.keys() == after.keys() and all(
        before[name].shape == after[name].shape and torch.equal(before[name], after[name])
        for name in before
    )
    assert not same, f"`{field}` is accepted and ignored"
