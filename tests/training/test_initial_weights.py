"""Initial weights: what was done with the names and the head of a file is said."""

from __future__ import annotations

import pytest
import torch

from convscope.errors import WeightsError
from convscope.networks import build
from convscope.training.initial_weights import InitialWeights

STATE = build("resnet20", num_classes=2).state_dict()
CLASSES = ("no", "yes")


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
