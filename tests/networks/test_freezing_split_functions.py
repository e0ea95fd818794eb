"""Networks whose `forward` calls functions and looks at its mode are cut as those of layers are."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from convscope.networks import FrozenSplit, split_frozen


class Written(nn.Module):
    """Calls of functions where others have layers."""

    def __init__(self, kind: str = "") -> None:
        super().__init__()
        self.kind = kind
        self.conv = nn.Conv2d(1, 4, 3)
        self.scale = nn.Parameter(torch.ones(4))
        self.norm = nn.BatchNorm1d(4, affine=False, track_running_stats=False)
        self.mean: Tensor
        self.variance: Tensor
        self.register_buffer("mean", torch.zeros(4))
        self.register_buffer("variance", torch.ones(4))
        self.fc = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Any:
        x = self.conv(x).relu().mean(dim=(2, 3)) * self.scale
        match self.kind:
            case "function":
                x = F.dropout(x, 0.5, self.training)
            case "branch" if self.training:
                x = F.dropout(x, 0.5)
            case "in place":
                x = F.dropout(x, 0.5, self.training, inplace=True)
            case "noise":
                x = x + torch.randn_like(x)
            case "batch":
                x = self.norm(x)
            case "control" if x.sum() > 0:
                x = -x
            case "two":
                return self.fc(x) + x[:, :3]
            case "front":
                x = F.batch_norm(x, self.mean, self.variance, training=self.training)
            case "pair":
                return self.fc(x), x
        return self.fc(x)


def written(kind: str = "") -> Written:
    """A network whose last layer alone learns."""
    network = Written(kind).requires_grad_(False)
    network.fc.requires_grad_(True)
    return network


def split(network: nn.Module) -> FrozenSplit:
    found = split_frozen(network)
    assert found is not None
    return found


@pytest.mark.parametrize("kind", ["", "function", "branch", "in place", "batch"])
def test_functions_that_draw_or_mix_images_are_behind_the_cut(kind: str) -> None:
    torch.manual_seed(0)
    network = written(kind)
    images = torch.randn(5, 1, 6, 6)
    frozen, learning = split(network)
    features = frozen(images)
    kept = features.clone()
    torch.manual_seed(1)
    in_training = learning(features)
    torch.manual_seed(1)
    torch.testing.assert_close(in_training, network(images))
    torch.testing.assert_close(learning.eval()(features), network.eval()(images))
    assert torch.equal(features, kept)
    assert features.shape == (5, 4)


def test_noise_is_drawn_at_each_step() -> None:
    frozen, learning = split(written("noise"))
    features = frozen(torch.randn(5, 1, 6, 6))
    assert not torch.equal(learning(features), learning(features))


def test_a_frozen_parameter_of_the_network_itself_is_in_front_of_the_cut() -> None:
    network = written()
    halves = split(network)
    assert network.scale in set(halves.frozen.parameters())
    network.scale.requires_grad_(True)
    assert network.scale in set(split(network).trainable.parameters())


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param("control", id="its way depends on values"),
        pytest.param("two", id="two values would have to be kept"),
        pytest.param("front", id="what is frozen depends on the mode"),
        pytest.param("pair", id="it gives more than logits"),
    ],
)
def test_there_is_no_cut_if(kind: str) -> None:
    assert split_frozen(written(kind)) is None


def test_a_frozen_layer_in_use_on_both_sides_is_in_both() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.shared = nn.Linear(4, 4)
            self.middle = nn.Linear(4, 4)

        def forward(self, x: Tensor) -> Tensor:
            logits: Tensor = self.shared(self.middle(self.shared(x)))
            return logits

    network = Twice().requires_grad_(False)
    network.middle.requires_grad_(True)
    frozen, learning = split(network)
    x = torch.randn(2, 4)
    torch.testing.assert_close(learning(frozen(x)), network(x))
