"""What `build` accepts, and what it says to what it can't accept."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from convscope.errors import NetworkError
from convscope.networks import build, collapsed_layers, network_entry, smallest_input
from convscope.networks.mlp import MLP


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        (
            "resnet19",
            {},
            "no network is called `resnet19`\n"
            "hint: did you mean `resnet18`? "
            "`convscope networks` lists all of them",
        ),
        (
            "zzz",
            {},
            "no network is called `zzz`\nhint: there are the families MLP, LeNet, AlexNet, VGG, "
            "GoogLeNet, SqueezeNet, EfficientNet-Lite, Airbench, ResNet; `convscope networks` "
            "lists all of them",
        ),
        (
            "resnet18",
            {"stm": "small"},
            "the network `resnet18` has no option `stm`\n"
            "hint: did you mean `stem`? it has `stem`, `residual`, `batch_norm`, `drop_path`",
        ),
        (
            "lenet5_1998",
            {"dropout": 0.1},
            "the network `lenet5_1998` has no option `dropout`\nhint: it has none",
        ),
        (
            "resnet18",
            {"stem": "smal"},
            "option `stem` can't be `smal`\n"
            "hint: did you mean `small`? it is one of `imagenet`, `small`",
        ),
        (
            "resnet18",
            {"residual": "false"},
            "option `residual` can't be `false`\nhint: it is true or false",
        ),
        (
            "resnet20",
            {"drop_path": 1.0},
            "option `drop_path` can't be `1.0`\nhint: it is a probability: at least 0 and below 1",
        ),
        (
            "resnet18",
            {"drop_path": 0.2, "residual": False},
            "option `drop_path` can't be `0.2` without shortcuts: "
            "where a block is dropped, nothing would be left\n"
            "hint: leave `residual` at true, or `drop_path` at 0",
        ),
        (
            "vgg11",
            {"dropout": 1.0},
            "option `dropout` can't be `1.0`\nhint: it is a probability: at least 0 and below 1",
        ),
        (
            "lenet5",
            {"activation": "gelu"},
            "option `activation` can't be `gelu`\n"
            "hint: did you mean `elu`? "
            "it is one of `sigmoid`, `tanh`, `relu`, `leaky_relu`, `elu`, `maxout`",
        ),
        (
            "resnet18",
            {"num_classes": 0},
            "`num_classes` can't be `0`\nhint: it is a whole number of at least 1",
        ),
        (
            "resnet18",
            {"in_channels": 1.5},
            "`in_channels` can't be `1.5`\nhint: it is a whole number of at least 1",
        ),
        (
            "resnet18",
            {"input_size": (1, 2, 3)},
            "`input_size` can't be `(1, 2, 3)`\nhint: it is one number, or height and width",
        ),
        (
            "resnet18",
            {"input_size": -4},
            "`input_size` can't be `-4`\nhint: it is a whole number of at least 1",
        ),
        (
            "resnet18",
            {"initialization": "he"},
            "option `initialization` can't be `he`\n"
            "hint: it is one of `kaiming`, `kaiming_fan_out`, `xavier`, `notes`, `normal`, "
            "`lecun`, `dirac`, `pytorch`",
        ),
        (
            "mlp",
            {"hidden": 300},
            "option `hidden` can't be `300`\nhint: it is a sequence of whole numbers",
        ),
        (
            "mlp_relu",
            {"hidden": (5,), "activation": "maxout"},
            "`maxout` can't divide 5 channels into groups of 2\n"
            "hint: choose widths that are multiples of 2",
        ),
        (
            "vgg16",
            {"input_size": 31},
            "an image of 31x31 is too small for the network `vgg16`\nhint: the smallest is 32x32",
        ),
        (
            "alexnet",
            {"input_size": (32, 224)},
            "an image of 32x224 is too small for the network `alexnet`\n"
            "hint: the smallest is 63x63; the option `stem=small` is made for small images",
        ),
        (
            "lenet5",
            {"input_size": 8},
            "an image of 8x8 is too small for the network `lenet5`\nhint: the smallest is 12x12",
        ),
    ],
)
def test_what_can_not_be_built_says_why_and_what_can(
    name: str, arguments: dict[str, object], message: str
) -> None:
    with pytest.raises(NetworkError) as caught:
        build(name, **arguments)  # type: ignore[arg-type]
    assert str(caught.value) == message


def test_several_unknown_options_are_reported_together() -> None:
    with pytest.raises(NetworkError, match="no option `a` or `b`"):
        build("resnet18", a=1, b=2)


def test_a_network_is_built_in_training_mode_on_the_default_device() -> None:
    assert build("lenet5").training
    with torch.device("meta"):
        assert all(value.is_meta for value in build("lenet5_1998").state_dict().values())


def test_the_same_seed_gives_the_same_weights() -> None:
    def weights() -> dict[str, torch.Tensor]:
        torch.manual_seed(3)
        return build("lenet5").state_dict()

    first, second = weights(), weights()
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_classes_are_1000_for_photos_and_10_for_small_images() -> None:
    assert network_entry("squeezenet1_1").num_classes == 1000
    assert network_entry("resnet20").num_classes == 10
    assert build("resnet20").get_submodule("fc").out_features == 10


def test_the_table_says_options_and_whether_the_size_matters() -> None:
    assert network_entry("resnet20").options == {
        "residual": True,
        "batch_norm": True,
        "drop_path": 0.0,
    }
    assert network_entry("lenet5").options["pooling"] == "mean"
    assert network_entry("lenet5").needs_input_size
    assert not network_entry("vgg16").needs_input_size


@pytest.mark.slow
def test_options_change_the_smallest_image() -> None:
    assert smallest_input("alexnet") == 63
    assert smallest_input("alexnet", stem="small") < 32
    assert smallest_input("lenet5", pooling="none") == 5


def test_perceptron_of_3_4_4_1_has_32_weights_and_9_biases() -> None:
    network = MLP([3, 4, 4, 1])
    sizes = [p.numel() for name, p in network.named_parameters() if name.endswith("weight")]
    assert sum(sizes) == 32
    assert sum(p.numel() for p in network.parameters()) == 41
    assert network(torch.zeros(5, 3)).shape == (5, 1)


def test_perceptron_takes_vectors_and_images_alike() -> None:
    network = build("mlp_bn", input_size=4).eval()
    images = torch.randn(3, 1, 4, 4)
    assert torch.equal(network(images), network(images.flatten(1)))


@pytest.mark.slow
@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "relu", "leaky_relu", "elu", "maxout"])
@pytest.mark.parametrize("pooling", ["max", "mean", "min", "softmax", "none"])
def test_lenet_takes_every_activation_and_pooling(activation: str, pooling: str) -> None:
    for batch_norm in (False, True):
        network = build(
            "lenet5", activation=activation, pooling=pooling, batch_norm=batch_norm, dropout=0.5
        )
        assert network(torch.zeros(2, 1, 28, 28)).shape == (2, 10)


@pytest.mark.parametrize("name", ["resnet18", "resnet50", "resnet20"])
def test_plain_networks_have_no_shortcut_and_without_normalization_a_bias(name: str) -> None:
    with torch.device("meta"):
        plain = build(name, residual=False, batch_norm=False)
    assert not any("downsample" in key for key, _ in plain.named_modules())
    assert not any(isinstance(module, nn.BatchNorm2d) for module in plain.modules())
    convolutions = [module for module in plain.modules() if isinstance(module, nn.Conv2d)]
    assert all(convolution.bias is not None for convolution in convolutions)


def test_lenet_without_pooling_has_18432_values_before_its_dense_layers() -> None:
    with torch.device("meta"):
        assert build("lenet_rgb", pooling="none").get_submodule("fc1").in_features == 18_432
        assert build("lenet_rgb").get_submodule("fc1").in_features == 800


def test_googlenet_without_heads_says_so() -> None:
    with torch.device("meta"):
        network: Any = build("googlenet", auxiliaries=False)
        with pytest.raises(NetworkError, match="no auxiliary heads"):
            network.forward_with_auxiliaries(torch.empty(1, 3, 224, 224))


@pytest.mark.slow
def test_googlenet_gives_the_same_logits_with_and_without_heads() -> None:
    network: Any = build("googlenet", num_classes=4, stem="small").eval()
    images = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        outputs = network.forward_with_auxiliaries(images)
        assert torch.equal(outputs.logits, network(images))
    assert outputs.auxiliary1.shape == outputs.auxiliary2.shape == (2, 4)


@pytest.mark.parametrize(
    ("name", "side", "found"),
    [
        ("resnet18", 64, ()),
        ("resnet18", 32, ("layer4.0.conv2", "layer4.1.conv1", "layer4.1.conv2")),
        ("resnet20", 16, ()),
        ("lenet5_relu", 28, ()),
    ],
)
def test_convolutions_that_see_a_single_position_are_known(
    name: str, side: int, found: tuple[str, ...]
) -> None:
    assert collapsed_layers(name, input_size=side) == found
