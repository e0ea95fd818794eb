"""What holds for every network of the table; a new one is tested by being listed."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from convscope.errors import NetworkError
from convscope.networks import (
    NETWORKS,
    alexnet,
    build,
    network_entry,
    network_names,
    smallest_input,
    vgg,
)
from convscope.networks.googlenet import GoogLeNet
from convscope.text import plain

# Papers, torchvision's documentation, and sums over the papers' tables.
PARAMETERS = {
    "mlp": 266_610,
    "mlp_relu": 266_610,
    "mlp_bn": 267_010,
    "lenet5": 61_706,
    "lenet5_max": 61_706,
    "lenet5_relu": 61_706,
    "lenet_rgb": 121_182,
    "lenet_caffe": 431_080,
    "lenet5_1998": 60_000,
    "resnet20": 269_722,
    "resnet32": 464_154,
    "resnet44": 658_586,
    "resnet56": 853_018,
    "resnet110": 1_727_962,
    "airbench94": 1_972_504,
    "alexnet": 61_100_840,
    "alexnet_96": 62_378_344,
    "alexnet_2012": 60_965_224,
    "vgg11": 132_863_336,
    "vgg13": 133_047_848,
    "vgg16": 138_357_544,
    "vgg16_c": 133_638_952,
    "vgg19": 143_667_240,
    "vgg11_bn": 132_868_840,
    "vgg13_bn": 133_053_736,
    "vgg16_bn": 138_365_992,
    "vgg19_bn": 143_678_248,
    "googlenet": 13_004_888,
    "googlenet_2014": 13_378_280,
    "googlenet_notes": 13_328_600,
    "resnet18": 11_689_512,
    "resnet34": 21_797_672,
    "resnet50": 25_557_032,
    "resnet101": 44_549_160,
    "resnet152": 60_192_808,
    "wide_resnet50_2": 68_883_240,
    "resnext50_32x4d": 25_028_904,
    "squeezenet1_0": 1_248_424,
    "squeezenet1_1": 1_235_496,
    "efficientnet_lite0": 4_652_008,
    "efficientnet_lite1": 5_416_680,
    "efficientnet_lite2": 6_092_072,
    "efficientnet_lite3": 8_197_096,
    "efficientnet_lite4": 13_006_568,
}


# The same blocks as in their smaller sisters, only more of them: they are built, not computed.
DEEP = ("resnet101", "resnet152")


def parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def all_logits(network: nn.Module, images: Tensor) -> tuple[Tensor, ...]:
    if isinstance(network, GoogLeNet) and network.aux1 is not None:
        return network.forward_with_auxiliaries(images)
    return (network(images),)


@pytest.fixture(scope="module", params=[name for name in network_names() if name not in DEEP])
def computed(request: pytest.FixtureRequest) -> tuple[nn.Module, Tensor, Tensor]:
    """A network of ten classes, a batch of small images, and its first logits in training mode."""
    row = network_entry(request.param)
    # 32 pixels are too few for these only; the other stem computes less.
    stem: dict[str, Any] = (
        {"stem": "small"} if row.name.startswith(("alexnet", "googlenet_")) else {}
    )
    side = min(row.input[1], 32)
    torch.manual_seed(0)
    with pytest.MonkeyPatch.context() as patch:
        # Few dense neurons, so that AlexNet and VGG take no seconds each.
        patch.setattr(alexnet, "NEURONS", 64)
        patch.setattr(vgg, "NEURONS", 64)
        network = build(request.param, num_classes=10, input_size=side, **stem)
    images = torch.randn(8, row.input[0], side, side)
    with torch.no_grad():
        return network, images, network(images)


@pytest.fixture
def meta() -> Iterator[None]:
    with torch.device("meta"):
        yield


@pytest.mark.slow
@pytest.mark.parametrize("name", network_names())
@pytest.mark.usefixtures("meta")
def test_parameters_are_the_published_number(name: str) -> None:
    assert parameters(build(name)) == PARAMETERS[name]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "options", "expected"),
    [
        ("googlenet_2014", {"auxiliaries": False}, 6_998_552),
        ("googlenet", {"auxiliaries": False}, 6_624_904),
        ("googlenet_notes", {"auxiliaries": False, "in_channels": 1, "num_classes": 10}, 5_927_850),
        ("googlenet_2014", {"auxiliaries": False, "in_channels": 1, "num_classes": 10}, 5_977_530),
        ("alexnet_96", {"in_channels": 1, "num_classes": 10}, 58_299_082),
        ("vgg16", {"in_channels": 1, "num_classes": 10}, 134_300_362),
    ],
)
@pytest.mark.usefixtures("meta")
def test_parameters_of_variants_are_the_published_number(
    name: str, options: dict[str, int], expected: int
) -> None:
    assert parameters(build(name, **options)) == expected  # type: ignore[arg-type]


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in network_names() if name not in DEEP])
@pytest.mark.usefixtures("meta")
def test_every_parameter_receives_a_gradient(name: str) -> None:
    network = build(name)
    outputs = all_logits(network, torch.empty(2, *network_entry(name).input))
    torch.stack([logits.sum() for logits in outputs]).sum().backward()  # type: ignore[no-untyped-call]
    assert [key for key, value in network.named_parameters() if value.grad is None] == []


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in network_names() if name not in DEEP])
@pytest.mark.usefixtures("meta")
def test_logits_have_one_column_per_class_at_any_size_and_depth(name: str) -> None:
    _, height, width = network_entry(name).input
    for channels, rows, columns in ((1, height, width), (4, height + 31, width + 8)):
        network = build(name, num_classes=7, in_channels=channels, input_size=(rows, columns))
        network.train(channels == 1)
        for logits in all_logits(network, torch.empty(2, channels, rows, columns)):
            assert logits.shape == (2, 7)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "side"),
    [
        ("mlp", 1),
        ("lenet5", 12),
        ("lenet_caffe", 16),
        ("lenet5_1998", 12),
        ("alexnet", 63),
        ("alexnet_2012", 64),
        ("vgg11", 32),
        ("googlenet", 15),
        ("googlenet_2014", 79),
        ("resnet18", 1),
        ("resnet20", 1),
        ("airbench94", 9),
        ("squeezenet1_0", 21),
        ("squeezenet1_1", 17),
    ],
)
@pytest.mark.usefixtures("meta")
def test_the_smallest_image_works_and_a_smaller_one_does_not(name: str, side: int) -> None:
    assert smallest_input(name) == side
    assert build(name, input_size=side)
    if side > 1:
        with pytest.raises(NetworkError, match=f"the smallest is {side}x{side}"):
            build(name, input_size=side - 1)


@pytest.mark.slow
def test_the_first_loss_is_near_the_logarithm_of_the_classes(
    computed: tuple[nn.Module, Tensor, Tensor],
) -> None:
    _, images, logits = computed
    loss = F.cross_entropy(logits, torch.arange(len(images)))
    assert abs(loss.item() - math.log(10)) < 1


@pytest.mark.slow
def test_a_batch_gives_each_image_what_it_gets_alone(
    computed: tuple[nn.Module, Tensor, Tensor],
) -> None:
    network, images, _ = computed
    network.eval()
    with torch.no_grad():
        together = network(images[:3])
        alone = torch.cat([network(image) for image in torch.split(images[:2], 1)])
    scale = together.abs().max().item()
    assert scale > 0
    torch.testing.assert_close(together[:2], alone, rtol=0, atol=1e-4 * scale)


@pytest.mark.slow
@pytest.mark.parametrize("name", network_names())
def test_a_row_says_where_weights_and_their_preparation_come_from(name: str) -> None:
    row = network_entry(name)
    assert row.name == name
    assert re.search(r"\b(19|20)\d\d\b", row.paper)
    if row.published is not None:
        assert re.fullmatch(r"[0-9a-f]{8}", row.published.sha256_prefix)
        assert plain(name) in plain(row.published.filename)
        assert row.preparation is not None
    if row.preparation is not None:
        assert len(row.preparation.mean) == len(row.preparation.std) == row.input[0]
        assert row.preparation.crop_px in (None, row.input[1])


def test_the_table_lists_each_name_once() -> None:
    assert len(NETWORKS) == len(network_names()) == len(PARAMETERS)


def test_weights_of_googlenet_expect_values_around_0() -> None:
    preparation = network_entry("googlenet").preparation
    assert preparation is not None
    assert preparation.mean == preparation.std == (0.5, 0.5, 0.5)
