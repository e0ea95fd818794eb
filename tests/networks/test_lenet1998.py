"""LeNet-5 as published, layer by layer."""

from __future__ import annotations

import random
from typing import Any

import pytest
import torch
from torch.nn import functional as F

from convscope.networks import build
from convscope.networks.lenet1998 import C3_INPUTS, PartialConvolution


@pytest.mark.parametrize("side", [28, 32])
def test_layers_have_the_papers_numbers_of_trainable_parameters(side: int) -> None:
    network = build("lenet5_1998", input_size=side)
    counts = {
        name: sum(parameter.numel() for parameter in layer.parameters())
        for name, layer in network.named_children()
        if "activation" not in name
    }
    expected = {"c1": 156, "s2": 12, "c3": 1516, "s4": 32, "c5": 48_120, "f6": 10_164, "output": 0}
    assert counts == expected
    assert sum(counts.values()) == 60_000
    assert network(torch.zeros(2, 1, side, side)).shape == (2, 10)


def test_partial_convolution_sees_only_the_maps_of_its_row() -> None:
    layer = PartialConvolution(6, table=C3_INPUTS, kernel_size=5)
    x = torch.randn(1, 6, 8, 8)
    out = layer(x)
    first = 0
    for index, sources in enumerate(C3_INPUTS):
        kernels = layer.weight[first : first + len(sources)][None]
        expected = F.conv2d(x[:, list(sources)], kernels, layer.bias[index : index + 1])
        torch.testing.assert_close(out[:, index : index + 1], expected)
        first += len(sources)
    assert first == 60


def test_logits_are_minus_the_squared_distance_to_codes_of_signs() -> None:
    output: Any = build("lenet5_1998").output
    assert output.codes.shape == (10, 84)
    assert set(output.codes.unique().tolist()) == {-1.0, 1.0}
    distances = torch.cdist(output.codes, output.codes).square()
    torch.testing.assert_close(output(output.codes), -distances, rtol=0, atol=1e-3)


def test_codes_are_the_same_each_time_and_leave_generators_alone() -> None:
    random.seed(1)
    torch.manual_seed(1)
    states = random.getstate(), torch.random.get_rng_state()
    few = build("lenet5_1998", num_classes=3).get_buffer("output.codes")
    assert random.getstate() == states[0]
    torch.manual_seed(2)
    many = build("lenet5_1998", num_classes=300).get_buffer("output.codes")
    assert torch.equal(few, many[:3])
    assert len(torch.unique(many, dim=0)) == 300
