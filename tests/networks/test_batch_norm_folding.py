"""A folded network gives the same outputs, and the network that it is made of stays as it is."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from convscope.networks import build, network_entry, with_folded_batch_norm

ONE_OF_EACH_FAMILY = [
    *("mlp_bn", "lenet5_relu", "lenet5_1998", "alexnet_96", "vgg11_bn", "googlenet"),
    *("googlenet_2014", "squeezenet1_1", "resnet20", "resnet18", "resnext50_32x4d"),
]


def trained(network: nn.Module) -> nn.Module:
    """With statistics as they are after a training, in evaluation mode."""
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.running_mean.normal_(0, 0.1)  # type: ignore[union-attr]
            layer.running_var.uniform_(0.01, 2)  # type: ignore[union-attr]
            nn.init.uniform_(layer.weight, 0.5, 1.5)
            nn.init.normal_(layer.bias, 0, 0.1)
    return network.eval()


@pytest.mark.slow
@pytest.mark.parametrize("name", ONE_OF_EACH_FAMILY)
def test_a_folded_network_has_the_outputs_of_the_network(name: str) -> None:
    torch.manual_seed(0)
    network = trained(build(name))
    images = torch.randn(2, *network_entry(name).input)
    given = images.clone()
    with torch.inference_mode():
        expected = network(images)
        outputs = with_folded_batch_norm(network)(images)
        assert torch.equal(network(images), expected)
    assert torch.equal(images, given)
    assert float((outputs - expected).abs().max()) < 1e-5 * float(expected.abs().max())


@pytest.mark.slow
def test_all_normalisation_is_folded_and_other_weights_are_shared() -> None:
    network = trained(build("resnet18"))
    faster = with_folded_batch_norm(network)
    assert not any(isinstance(layer, nn.BatchNorm2d) for layer in faster.modules())
    assert sum(isinstance(layer, nn.BatchNorm2d) for layer in network.modules()) == 20
    assert faster.get_parameter("fc.weight") is network.get_parameter("fc.weight")
    assert not any(layer.inplace for layer in network.modules() if isinstance(layer, nn.ReLU))


class Awkward(nn.Module):
    """Values before normalisation and before a ReLU are needed again; one ReLU serves twice."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 8, 3, padding=1)
        self.bn1, self.bn2 = nn.BatchNorm2d(8), nn.BatchNorm2d(8)
        self.relu = nn.ReLU()
        self.last = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """Maps of maps, added up."""
        raw = self.conv1(x)
        normal = self.bn1(raw)
        second = self.bn2(self.conv2(self.relu(normal)))
        maps: Tensor = self.last(second) + self.relu(second) + normal + raw
        return maps


def test_values_that_are_read_again_are_kept() -> None:
    torch.manual_seed(0)
    network = trained(Awkward())
    faster, images = with_folded_batch_norm(network), torch.randn(2, 3, 8, 8)
    assert sum(isinstance(layer, nn.BatchNorm2d) for layer in faster.modules()) == 1
    with torch.inference_mode():
        torch.testing.assert_close(faster(images), network(images), rtol=1e-5, atol=1e-5)


class DependsOnValues(nn.Module):
    """Its course can't be known in advance."""

    def forward(self, x: Tensor) -> Tensor:
        """Twice the positive, once the rest."""
        return 2 * x if x.sum() > 0 else x


def test_a_network_whose_course_depends_on_values_stays_itself() -> None:
    network = DependsOnValues().eval()
    assert with_folded_batch_norm(network) is network
