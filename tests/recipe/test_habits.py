"""What other tools call a field leads to the field, in recipes and in Python."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import convscope
from convscope.errors import UsageError
from convscope.recipe import Recipe, flags_of
from convscope.recipe.habits import HABITS, usual_setting
from convscope.text import plain


def test_every_habit_leads_to_a_field_with_a_value_that_it_takes() -> None:
    for ours in HABITS.values():
        name, equals, value = ours.partition("=")
        assert name in Recipe.model_fields
        if equals and name != "tune":  # which needs weights
            Recipe.parse({"data": "digits", name: value})


def test_no_habit_hides_a_field_or_a_flag() -> None:
    own = {plain(name) for name in Recipe.model_fields}
    assert not own & set(HABITS)
    for name, field in Recipe.model_fields.items():
        for flag in flags_of(name, field):
            setting = usual_setting(flag)
            assert setting is None or setting.name == name


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("arch", "`model`"),
        ("modle", "`model`"),
        ("bs", "`batch_size`"),
        ("batchsize", "`batch_size`"),
        ("lr_scheduler", "`sched`"),
        ("learning_rate", "`lr`"),
        ("num_epochs", "`epochs`"),
        ("imgsz", "`img_size`"),
        ("optimizer", "`opt`"),
        ("pretrained", '`weights="published"`'),
        ("gpus", '`device="cuda"`'),
        ("num_workers", "`workers`"),
        ("experiment", "`name`"),
    ],
)
def test_python_suggests_what_the_command_line_does(name: str, meant: str) -> None:
    given: dict[str, Any] = {name: 1}
    with pytest.raises(UsageError, match=f"`train` has no argument `{name}`") as refused:
        convscope.train("digits", **given)
    assert refused.value.hint == f"did you mean {meant}?"


def test_numbers_and_arrays_of_numpy_and_paths_are_taken_as_pythons() -> None:
    recipe = Recipe.parse(
        {
            "data": Path("photos"),
            "epochs": np.int64(3),
            "batch_size": np.int32(16),
            "lr": np.float32(0.5),
            "img_size": np.uint8(64),
            "betas": [0.8, 0.9],
            "milestones": np.array([1, 2]),
            "sched": "multi-step",
            "deterministic": np.bool_(True),
            "weights": Path("best.pth"),
            "seed": np.uint32(7),
        }
    )
    assert (recipe.data, recipe.weights) == ("photos", "best.pth")
    assert (recipe.epochs, recipe.batch_size, recipe.img_size, recipe.seed) == (3, 16, 64, 7)
    assert (recipe.lr, recipe.betas, recipe.milestones) == (0.5, (0.8, 0.9), (1, 2))
    assert recipe.deterministic is True


@pytest.mark.parametrize("device", [0, "0", "gpu"])
def test_the_number_of_a_gpu_alone_is_no_device(device: object) -> None:
    with pytest.raises(convscope.ConvscopeError, match="no device is called") as refused:
        convscope.train("digits", device=device)
    assert "`cuda" in str(refused.value.hint)
