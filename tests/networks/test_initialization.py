"""The distributions that weights are drawn from."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from convscope.errors import NetworkError
from convscope.networks import build, head_names, initialize
from convscope.networks.initialization import SCHEMES


@pytest.mark.parametrize(
    ("scheme", "convolution", "dense", "head"),
    [
        ("kaiming", 2 / 288, 2 / 800, 0.04 / 400),
        ("kaiming_fan_out", 2 / 576, 2 / 800, 0.04 / 400),
        ("xavier", 2 / 864, 2 / 800, 2 / 500),
        ("notes", 2 / 288, 1e-4, 1e-4),
        ("normal", 1e-4, 1e-4, 1e-4),
        ("lecun", 2.4**2 / 3 / 288**2, 2.4**2 / 3 / 400**2, 2.4**2 / 3 / 400**2),
        ("pytorch", 1 / (3 * 288), 1 / (3 * 400), 1 / (3 * 400)),
    ],
)
def test_weights_have_the_variance_of_the_scheme(
    scheme: str, convolution: float, dense: float, head: float
) -> None:
    torch.manual_seed(0)
    network: Any = nn.Sequential(nn.Conv2d(32, 64, 3), nn.Linear(400, 400), nn.Linear(400, 100))
    initialize(network, scheme)
    for layer, expected in zip(network, (convolution, dense, head), strict=True):
        assert layer.weight.var().item() == pytest.approx(expected, rel=0.05)
        if scheme != "pytorch":
            assert not layer.bias.any()


def test_groups_count_as_separate_convolutions() -> None:
    torch.manual_seed(0)
    network: Any = nn.Sequential(nn.Conv2d(64, 64, 3, groups=2), nn.Linear(1, 1))
    initialize(network, "kaiming_fan_out")
    assert network[0].weight.var().item() == pytest.approx(2 / 288, rel=0.05)


@pytest.mark.parametrize(
    ("outputs", "groups", "kept"), [(6, 1, 4), (4, 1, 4), (3, 1, 3), (4, 4, 1), (8, 2, 2)]
)
def test_dirac_passes_channels_on_as_far_as_there_are_kernels(
    outputs: int, groups: int, kept: int
) -> None:
    torch.manual_seed(0)
    layer = nn.Conv2d(4, outputs, 3, padding=1, groups=groups, bias=False)
    initialize(nn.Sequential(layer, nn.Linear(1, 1)), "dirac")
    images = torch.randn(2, 4, 5, 5)
    passed, given = layer(images).view(2, groups, -1, 5, 5), images.view(2, groups, -1, 5, 5)
    assert torch.equal(passed[:, :, :kept], given[:, :, :kept])
    others = layer.weight.view(groups, outputs // groups, -1)[:, kept:]
    deviation = (3 * layer.weight[0].numel()) ** -0.5
    assert not others.numel() or others.std().item() == pytest.approx(deviation, rel=0.3)


@pytest.mark.slow
def test_initialization_draws_anew_and_resets_normalization() -> None:
    for scheme in SCHEMES:
        network: Any = build("resnet20")
        before = {name: value.clone() for name, value in network.state_dict().items()}
        network.bn1.running_mean.fill_(5)
        initialize(network, scheme)
        after = network.state_dict()
        assert not torch.equal(before["conv1.weight"], after["conv1.weight"])
        assert torch.equal(after["bn1.running_mean"], torch.zeros(16))


def test_on_the_meta_device_nothing_is_drawn() -> None:
    state = torch.random.get_rng_state()
    with torch.device("meta"):
        initialize(build("lenet5"), "kaiming")
    assert torch.equal(torch.random.get_rng_state(), state)


def test_unnormalized_residual_networks_do_not_explode() -> None:
    torch.manual_seed(0)
    network = build("resnet110", batch_norm=False)
    assert network(torch.randn(2, 3, 32, 32)).abs().max() < 20


def test_heads_are_the_layers_that_give_logits() -> None:
    with torch.device("meta"):
        assert head_names(build("googlenet")) == ("aux1.fc2", "aux2.fc2", "fc")
        assert head_names(build("squeezenet1_0")) == ("classifier.1",)
        assert head_names(build("vgg11")) == ("classifier.6",)
        assert head_names(build("lenet5_1998")) == ("output",)
    assert head_names(nn.Linear(2, 2)) == ("",)
    assert head_names(nn.ReLU()) == ()


def test_an_unknown_scheme_is_refused() -> None:
    with pytest.raises(NetworkError, match="option `initialization` can't be `kaimin`"):
        initialize(nn.Linear(1, 1), "kaimin")
