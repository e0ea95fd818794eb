"""Every layer is in one block, blocks follow the computation, and heads come last."""

from __future__ import annotations

from collections import Counter

import pytest
import torch
from torch import nn

from convscope.networks import Block, build, head_names, layer_blocks, network_entry, network_names
from convscope.networks.googlenet import AuxiliaryHead


def on_meta(name: str) -> nn.Module:
    with torch.device("meta"):
        return build(name)


@pytest.mark.slow
@pytest.mark.parametrize("name", network_names())
def test_every_parameter_is_in_exactly_one_block(name: str) -> None:
    network = on_meta(name)
    found = Counter(
        parameter
        for block in layer_blocks(network)
        for module in block.modules
        for parameter in network.get_submodule(module).parameters(recurse=False)
    )
    assert set(found) == set(network.parameters())
    assert set(found.values()) == {1}


@pytest.mark.slow
@pytest.mark.parametrize("name", network_names())
def test_blocks_are_in_the_order_of_computation_and_the_head_is_in_the_last(name: str) -> None:
    network = on_meta(name)
    calls: list[str] = []
    for block in layer_blocks(network):
        for module in block.modules:
            network.get_submodule(module).register_forward_hook(
                lambda *_, name=block.name: calls.append(name)
            )
    network.eval()(torch.empty(1, *network_entry(name).input, device="meta"))
    assert list(dict.fromkeys(calls)) == [block.name for block in layer_blocks(network)]
    # The codes of LeNet-5 of 1998 are no parameters: its last block is the layer before them.
    head = "f6" if name == "lenet5_1998" else head_names(network)[-1]
    assert head in layer_blocks(network)[-1].modules


def test_residual_blocks_stay_together_and_normalization_joins_what_is_before_it() -> None:
    found = layer_blocks(on_meta("resnet18"))
    layers = [f"layer{stage}.{index}" for stage in (1, 2, 3, 4) for index in (0, 1)]
    assert [block.name for block in found] == ["conv1", *layers, "fc"]
    assert found[0].modules == ("conv1", "bn1")
    inside = ("conv1", "bn1", "conv2", "bn2", "downsample.0", "downsample.1")
    assert found[3] == ("layer2.0", tuple(f"layer2.0.{layer}" for layer in inside))


def test_each_convolution_of_a_plain_network_is_a_block() -> None:
    found = layer_blocks(on_meta("vgg11_bn"))
    assert found[:2] == (
        Block("features.0", ("features.0", "features.1")),
        Block("features.4", ("features.4", "features.5")),
    )
    assert [block.name for block in found[-3:]] == ["classifier.0", "classifier.3", "classifier.6"]


def test_auxiliary_heads_are_in_the_block_of_the_main_head() -> None:
    network = on_meta("googlenet")
    inside = [
        f"{name}.{layer}"
        for name, module in network.named_modules()
        if isinstance(module, AuxiliaryHead)
        for layer in ("conv.conv", "conv.bn", "fc1", "fc2")
    ]
    assert layer_blocks(network)[-1] == ("fc", (*inside, "fc"))
    assert layer_blocks(network)[-2].name == "inception5b"


def test_a_network_of_others_is_grouped_by_the_same_rules() -> None:
    class Foreign(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.head = nn.Linear(2, 2)
            self.normalization = nn.BatchNorm2d(3)
            self.scale = nn.Parameter(torch.ones(1))
            self.stages = nn.ModuleList(
                [
                    nn.Sequential(nn.Conv2d(3, 3, 1), nn.ReLU(), nn.Sequential(nn.Conv2d(3, 3, 1))),
                    nn.TransformerEncoderLayer(4, 1, 4),
                ]
            )
            self.last = nn.Linear(2, 2)

    found = layer_blocks(Foreign())
    assert [block.name for block in found] == [
        "", "head", "stages.0.0", "stages.0.2.0", "stages.1", "last",
    ]  # fmt: skip
    assert found[1].modules == ("head", "normalization")
    assert "stages.1.self_attn.out_proj" in found[4].modules


def test_the_block_of_the_head_is_last_even_if_other_layers_were_made_later() -> None:
    network = nn.Sequential(nn.Conv2d(1, 2, 1), nn.Conv2d(2, 3, 1), nn.PReLU())
    assert [block.name for block in layer_blocks(network)] == ["0", "2", "1"]


def test_networks_without_layers_inside_or_without_parameters_have_one_block_or_none() -> None:
    assert layer_blocks(nn.Linear(2, 2)) == (("", ("",)),)
    assert layer_blocks(nn.BatchNorm1d(2)) == (("", ("",)),)
    assert layer_blocks(nn.ReLU()) == ()
