"""What other tools call a field leads to the field, in recipes and in Python."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import convscope
from convscope.errors import UsageError
from convscope.recipe import Recipe, flags_of
from convscope.recipe.habits import (
    HABITS,
    VALUE_HABITS,
    likely_field,
    usual_value,
)
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
            assert HABITS.get(plain(flag), name).partition("=")[0] == name


@pytest.mark.parametrize("field", VALUE_HABITS)
def test_what_others_call_a_value_is_one_that_the_field_takes_and_hides_none(field: str) -> None:
    for ours in set(VALUE_HABITS[field].values()):
        if field != "tune":  # which needs weights
            Recipe.parse({"data": "digits", field: ours})
        assert usual_value(field, ours) is None


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
        ("amp", '`precision="bfloat16"`'),
        ("criterion", "`loss`"),
        ("lr_decay", "`gamma`"),
        ("wd", "`weight_decay`"),
    ],
)
def test_python_suggests_what_the_command_line_does(name: str, meant: str) -> None:
    given: dict[str, Any] = {name: 1}
    with pytest.raises(UsageError, match=f"`train` has no argument `{name}`") as refused:
        convscope.train("digits", **given)
    assert refused.value.hint == f"did you mean {meant}?"


@pytest.mark.parametrize(
    ("name", "value", "hint"),
    [
        ("pretrained", False, "leave it out"),
        ("pretrained", None, "leave it out"),
        ("freeze", 0, 'did you mean `tune="all"`?'),
        ("use_cuda", False, 'did you mean `device="cpu"`?'),
        ("cpu", False, "leave it out"),
        ("no_pretrained", True, "leave it out"),
        ("nodeterministic", True, "leave it out"),
        ("amp", False, 'did you mean `precision="float32"`?'),
        ("gpu", 0, 'did you mean `device="cuda:0"`?'),
        ("gpus", 0, 'did you mean `device="cpu"`?'),
        ("gpus", 2, "several GPUs take a process each: `torchrun --nproc-per-node 2 ...`"),
        ("gpus", [0, 1], "several GPUs take a process each: `torchrun --nproc-per-node 2 ...`"),
        ("verbose", True, None),
        ("exp", "a", None),
        ("steps", 100, None),
        ("out", "x", None),
        ("val", "photos", None),
    ],
)
def test_yes_no_and_numbers_decide_what_is_suggested(
    name: str, value: object, hint: str | None
) -> None:
    assert likely_field(name, Recipe.model_fields, value) == hint


def test_functions_are_told_their_own_arguments() -> None:
    own = ("workers", "project", "name", "language", "target", "min_confidence")
    meant = ("num_workers", "out", "exp", "lang", "label", "conf")
    for name, ours in zip(meant, own, strict=True):
        assert likely_field(name, [*own, *Recipe.model_fields]) == f"did you mean `{ours}`?"


@pytest.mark.parametrize(
    ("field", "given", "meant"),
    [
        ("loss", "ce", "cross-entropy"),
        ("loss", "NLLLoss", "cross-entropy"),
        ("precision", "fp16", "bfloat16"),
        ("precision", "float16", "bfloat16"),
        ("precision", "bf16-mixed", "bfloat16"),
        ("precision", "fp32", "float32"),
        ("sched", "CosineAnnealingLR", "cosine"),
        ("sched", "OneCycleLR", "one-cycle"),
        ("policy", "rand", "randaugment"),
        ("class_weights", True, "balanced"),
    ],
)
def test_the_nearest_value_is_what_others_call_it(field: str, given: object, meant: str) -> None:
    with pytest.raises(UsageError) as refused:
        Recipe.parse({"data": "digits", field: given})
    assert str(refused.value.hint).startswith(f"did you mean `{meant}`? it takes ")


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
def test_the_number_of_a_gpu_alone_is_no_device(device: Any) -> None:
    with pytest.raises(convscope.ConvscopeError, match="no device is called") as refused:
        convscope.train("digits", device=device)
    assert "`cuda" in str(refused.value.hint)
