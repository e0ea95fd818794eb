"""Names, shapes, order, parameters and outputs agree with an independent implementation.

`golden.json` was computed with torchvision 0.28, and timm 1.0.31 for EfficientNet-Lite, at 1000
classes on one 224x224 image, for weights and an image that formulas give.
"""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from convscope.networks import build

pytestmark = pytest.mark.slow

GOLDEN = json.loads((Path(__file__).parent / "golden.json").read_text())


def formula_weight(name: str, shape: torch.Size, position: int) -> Tensor:
    """The weights that the golden values were computed with."""
    wave = torch.arange(shape.numel(), dtype=torch.float64) * 0.6180339887498949 + position
    wave = wave.sin_().reshape(shape)
    if name.endswith("running_var"):
        return 1 + 0.5 * wave.abs()
    if name.endswith("running_mean"):
        return 0.1 * wave
    if len(shape) == 1:
        return 1 + 0.1 * wave if name.endswith("weight") else 0.1 * wave
    return wave.mul_(math.sqrt(4 / shape[1:].numel()))


def with_formula_weights(name: str) -> nn.Module:
    with torch.device("meta"):
        network = build(name)
    network = network.to_empty(device="cpu").eval()
    for position, (key, value) in enumerate(network.state_dict().items()):
        if value.is_floating_point():
            value.copy_(formula_weight(key, value.shape, position))
    return network


@pytest.mark.parametrize("name", GOLDEN)
def test_names_shapes_and_order_are_those_of_published_weights(name: str) -> None:
    with torch.device("meta"):
        network = build(name)
    entries = [[key, list(value.shape)] for key, value in network.state_dict().items()]
    assert entries == GOLDEN[name]["keys"]
    assert (
        sum(parameter.numel() for parameter in network.parameters()) == (GOLDEN[name]["parameters"])
    )


@pytest.mark.parametrize("name", GOLDEN)
def test_logits_agree_with_an_independent_implementation(name: str) -> None:
    golden = GOLDEN[name]
    pixels = torch.arange(3 * 224 * 224, dtype=torch.float64) * 0.01
    image = pixels.sin().float().reshape(1, 3, 224, 224)
    with torch.no_grad():
        logits = with_formula_weights(name)(image)[0]
    tolerance = 1e-3 * golden["logits_std"]
    torch.testing.assert_close(
        logits[:8], torch.tensor(golden["logits_first8"]), rtol=0, atol=tolerance
    )
    assert logits.mean().item() == pytest.approx(golden["logits_mean"], abs=tolerance)
    assert logits.norm().item() == pytest.approx(golden["logits_l2"], rel=1e-3)
