"""Both halves together are the network; only what learns is behind the cut."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from convscope.networks import (
    FrozenSplit,
    alexnet,
    build,
    head_names,
    layer_blocks,
    network_entry,
    network_names,
    split_frozen,
    vgg,
)

# One of each family and form; the others have more layers of the same kinds.
COMPUTED = (
    "mlp", "mlp_relu", "mlp_bn", "lenet5", "lenet5_max", "lenet_rgb", "lenet_caffe", "lenet5_1998",
    "resnet20", "alexnet", "alexnet_96", "alexnet_2012", "vgg11", "vgg16_c", "vgg11_bn",
    "googlenet", "googlenet_2014", "googlenet_notes", "resnet18", "resnet50", "resnext50_32x4d",
    "squeezenet1_0", "squeezenet1_1",
)  # fmt: skip


def learn_only(network: nn.Module, *layers: str) -> nn.Module:
    """Freezes all layers but these."""
    network.requires_grad_(False)
    for layer in layers:
        network.get_submodule(layer).requires_grad_(True)
    return network


def last_layer(network: nn.Module) -> str:
    """The main head; the layer before it if the head has no parameters."""
    return layer_blocks(network)[-1].modules[-1]


def split(network: nn.Module) -> FrozenSplit:
    found = split_frozen(network)
    assert found is not None
    return found


@pytest.fixture
def small_dense_layers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alexnet, "NEURONS", 64)
    monkeypatch.setattr(vgg, "NEURONS", 64)


@pytest.fixture
def meta() -> Iterator[None]:
    with torch.device("meta"):
        yield


def small(name: str) -> tuple[nn.Module, Tensor]:
    """A network of three classes with running statistics that are not those of its start."""
    torch.manual_seed(0)
    row = network_entry(name)
    stem: dict[str, Any] = {"stem": "small"} if name.startswith(("alexnet", "googlenet_")) else {}
    side = min(row.input[1], 32)
    network = build(name, num_classes=3, input_size=side, **stem)
    for module in network.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.running_mean.normal_(0, 0.1)  # type: ignore[union-attr]
            module.running_var.uniform_(0.5, 1.5)  # type: ignore[union-attr]
    return network, torch.randn(4, row.input[0], side, side)


@pytest.mark.slow
@pytest.mark.parametrize("name", COMPUTED)
@pytest.mark.usefixtures("small_dense_layers")
def test_both_halves_give_the_logits_and_a_step_changes_the_last_layer_alone(name: str) -> None:
    network, images = small(name)
    last = last_layer(network)
    before = {key: value.clone() for key, value in network.state_dict().items()}
    frozen, learning = split(learn_only(network, last))
    features = frozen(images)
    assert not features.requires_grad

    learning.eval()
    with torch.no_grad():
        expected = network.eval()(images)
    torch.testing.assert_close(learning(features), expected, rtol=0, atol=1e-5)

    optimizer = torch.optim.SGD([p for p in network.parameters() if p.requires_grad], lr=0.1)
    loss = F.cross_entropy(learning(features), torch.tensor([0, 1, 2, 0]))
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    changed = {key for key, value in network.state_dict().items() if not value.equal(before[key])}
    assert changed == {f"{last}.weight", f"{last}.bias"}
    with torch.no_grad():
        torch.testing.assert_close(learning(features), network(images), rtol=0, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("name", network_names())
@pytest.mark.usefixtures("meta")
def test_every_network_can_be_cut_before_its_last_layer(name: str) -> None:
    network = build(name, num_classes=3)
    assert split_frozen(network) is None  # everything learns
    frozen, learning = split(learn_only(network, last_layer(network)))
    with torch.no_grad():
        assert learning(frozen(torch.empty(2, *network_entry(name).input))).shape == (2, 3)
    assert {id(p) for p in frozen.parameters()}.isdisjoint(
        id(p) for p in network.parameters() if p.requires_grad
    )
    assert split_frozen(network.requires_grad_(False)) is None  # nothing learns


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "learning", "shape"),
    [
        ("resnet18", ["fc"], (512,)),
        ("resnet18", ["layer4", "fc"], (256, 14, 14)),
        ("resnet20", ["fc"], (64,)),
        ("googlenet", ["fc"], (1024,)),
        ("squeezenet1_1", ["classifier"], (512, 13, 13)),
        ("vgg11", ["classifier"], (25_088,)),
        # Dropout between dense layers that don't learn: what it drops differs at each step.
        ("vgg11", ["classifier.6"], (4096,)),
        ("alexnet", ["classifier.6"], (9216,)),
        ("mlp_relu", ["fc3"], (100,)),
        ("lenet5", ["fc1", "fc2", "fc3"], (400,)),
        ("lenet5_1998", ["f6"], (120,)),
    ],
)
@pytest.mark.usefixtures("meta")
def test_features_are_as_late_as_can_be(
    name: str, learning: list[str], shape: tuple[int, ...]
) -> None:
    halves = split(learn_only(build(name), *learning))
    assert halves.frozen(torch.empty(2, *network_entry(name).input)).shape == (2, *shape)


@pytest.mark.usefixtures("meta")
def test_where_dropped_paths_would_be_frozen_there_is_no_cut() -> None:
    network = build("resnet20", drop_path=0.2)
    assert split_frozen(learn_only(network, "fc")) is None


@pytest.mark.usefixtures("meta")
def test_a_head_without_parameters_alone_can_not_learn() -> None:
    network = build("lenet5_1998")
    assert split_frozen(learn_only(network, *head_names(network))) is None


@pytest.mark.slow
def test_each_half_has_a_mode_of_its_own() -> None:
    torch.manual_seed(0)
    network, images = small("squeezenet1_1")
    frozen, learning = split(learn_only(network, "classifier.1"))
    assert learning.training
    features = frozen(images)
    network.eval()
    assert not torch.equal(learning(features), learning(features))
    learning.eval()
    network.train()
    assert torch.equal(learning(features), learning(features))
    assert not torch.equal(network(images), network(images))
    assert not split(network.eval()).trainable.training


def test_frozen_normalization_keeps_its_statistics_whatever_the_mode() -> None:
    network, images = small("resnet20")
    frozen = split(learn_only(network, "fc")).frozen
    before = frozen(images)
    network.train()
    assert not frozen.train().training
    assert torch.equal(frozen(images), before)
    assert network.get_buffer("bn1.num_batches_tracked") == 0


def test_normalization_that_learns_is_the_networks() -> None:
    network, images = small("mlp_bn")
    frozen, learning = split(learn_only(network, "fc2", "bn2", "fc3"))
    assert frozen(images).shape == (4, 300)
    learning(frozen(images))
    assert network.get_buffer("bn2.num_batches_tracked") == 1
    assert network.get_buffer("bn1.num_batches_tracked") == 0


def test_weights_loaded_later_are_in_both_halves() -> None:
    network, images = small("lenet5")
    frozen, learning = split(learn_only(network, "fc3"))
    network.load_state_dict(small("lenet5")[0].double().state_dict())
    network.double()
    with torch.no_grad():
        assert torch.equal(learning(frozen(images.double())), network(images.double()))
