"""The table's own check: it holds for all networks, and finds what is wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from convscope.arithmetic import LayerTable, ReceptiveField, layer_table
from convscope.arithmetic.layer_table import Status
from convscope.arithmetic.measured_fields import measure_supports
from convscope.arithmetic.receptive_field import AxisField
from convscope.arithmetic.verification import COLUMNS, verify
from convscope.networks import build, network_entry, network_names, smallest_input

SMALL = [name for name in network_names() if network_entry(name).input[1] <= 32]
LARGE = ["alexnet_2012", "googlenet", "resnet18", "squeezenet1_1", "resnext50_32x4d"]


@pytest.mark.slow
@pytest.mark.parametrize("training", [False, True], ids=["evaluation", "training"])
@pytest.mark.parametrize("name", [*SMALL, *LARGE])
def test_every_number_of_the_table_is_what_is_measured(name: str, training: bool) -> None:
    network, image = build(name), network_entry(name).input
    if name in LARGE:
        side = max(64, smallest_input(name))
        image = (3, side, side)
    table = layer_table(network, (2, *image), training=training)
    verification = verify(network, table)
    assert verification.differences == ()
    assert verification.holds
    assert verification.count("backward_macs") == 1
    assert all(verification.count(column) >= 3 for column in COLUMNS if column != "backward_macs")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["googlenet", "googlenet_2014"])
def test_auxiliary_heads_are_measured_where_the_table_has_them(name: str) -> None:
    network = build(name, num_classes=10)
    table = layer_table(network, (2, 3, 96, 96), training=True, method="forward_with_auxiliaries")
    verification = verify(network, table)
    assert verification.holds
    checked = {(check.layer, check.column) for check in verification.checks}
    assert {("aux1.fc2", "macs"), ("aux1.conv.conv", "receptive_field")} <= checked


def wrong(table: LayerTable, name: str, **changes: object) -> LayerTable:
    """The table with one row changed."""
    rows = [replace(row, **changes) if row.name == name else row for row in table.rows]  # type: ignore[arg-type]
    return replace(table, rows=tuple(rows))


def test_a_wrong_number_is_found() -> None:
    network = build("lenet5_relu")
    table = layer_table(network, (1, 28, 28))
    first = next(row for row in table.rows if row.kind == "Conv2d")
    axis = AxisField(size=5, jump=1, start=-1, limits=(0, 27))
    costs = replace(first.own, macs=first.own.macs + 1, saved_bytes=2 * first.own.saved_bytes)
    lying = wrong(
        table, first.name, own=costs, total=costs, receptive_field=ReceptiveField(axis, axis)
    )
    found = verify(network, lying).differences
    assert {(check.layer, check.column) for check in found} == {
        (first.name, column) for column in COLUMNS if column != "backward_macs"
    }
    stated = [check for check in found if check.column == "macs"]
    assert (stated[0].stated, stated[0].measured) == ("117,601", "117,600")


@pytest.mark.slow
def test_a_verified_network_stays_as_it_was() -> None:
    network = build("resnet20").train()
    network.get_submodule("bn1").eval()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    verify(network, layer_table(network, (2, 3, 32, 32), training=True))
    assert torch.equal(torch.rand(1), expected)
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert network.training
    assert not network.get_submodule("bn1").training
    assert not any(module._forward_hooks for module in network.modules())


class NamesItsChannels(nn.Module):
    """Fails where a layer gives fewer channels than it says."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.head = nn.Conv2d(3, 8, 3), nn.Linear(8 * 16, 4)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (N, 4) of images (N, 3, 6, 6)."""
        logits: Tensor = self.head(torch.relu(self.conv(x)).view(-1, 8 * 16))
        return logits


def test_a_network_that_names_its_numbers_of_channels_is_measured_whole() -> None:
    network = NamesItsChannels()
    verification = verify(network, layer_table(network, (3, 6, 6)))
    assert verification.holds
    assert verification.count("receptive_field") == 5  # three places, the dense layer, the whole


class Fails(nn.Module):
    """Takes no float64."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)

    def forward(self, x: Tensor) -> Tensor:
        """Maps of float32 images."""
        if x.dtype == torch.float64:
            raise RuntimeError("only float32")
        maps: Tensor = self.conv(x)
        return maps


def test_what_can_not_be_measured_is_said() -> None:
    network = Fails()
    verification = verify(network, layer_table(network, (3, 6, 6)))
    assert verification.unmeasured == {"receptive_field": "only float32"}
    assert not verification.holds
    assert verification.to_dict()["unmeasured"] == verification.unmeasured


GROUPED = ("alexnet_2012", "resnext50_32x4d", "efficientnet")
WITHOUT_GROUPS = [name for name in network_names() if not name.startswith(GROUPED)]


@pytest.mark.slow
@pytest.mark.parametrize("name", WITHOUT_GROUPS)
def test_backward_macs_are_those_that_torch_counts(name: str) -> None:
    """Torch counts the weight gradient of a convolution in g groups g times too large."""
    with torch.device("meta"):
        network = build(name).train()
    image = torch.zeros(2, *network_entry(name).input, device="meta")
    counter = FlopCounterMode(display=False)
    with counter:
        network(image).sum().backward()
    total = layer_table(network, tuple(image.shape), training=True).rows[0].total
    assert 2 * (total.macs + total.backward_macs) == counter.get_total_flops()


def test_frozen_layers_need_no_gradient_of_their_weights() -> None:
    network = nn.Sequential(
        nn.Conv2d(3, 8, 3, bias=False), nn.Conv2d(8, 8, 3, groups=4), nn.Conv2d(8, 4, 1)
    )
    network[0].requires_grad_(False)
    table = layer_table(network, (3, 8, 8))
    ratios = [
        table.row(str(index)).total.backward_macs / table.row(str(index)).macs for index in range(3)
    ]
    assert ratios == [0, 1, 2]


def test_vgg16_saves_73_megabytes_for_the_backward_pass() -> None:
    """Outputs of ReLU, of max pooling with indices, of the last pooling, and the image."""
    with torch.device("meta"):
        network = build("vgg16")
    total = layer_table(network, (3, 224, 224)).rows[0].total
    relu = 4 * total.activation_operations
    pooled = (4 + 8) * (64 * 112**2 + 128 * 56**2 + 256 * 28**2 + 512 * 14**2 + 512 * 7**2)
    last = 4 * 512 * 7**2
    image = 4 * 3 * 224**2
    assert total.saved_bytes == relu + pooled + last + image
    assert round(total.saved_bytes / 1e6, 1) == 73.3


class Attention(nn.Module):
    """Attention between the pixels, after which maps have their channels last."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 8, 3), nn.LayerNorm(8)

    def forward(self, x: Tensor) -> Tensor:
        """(N, H, W, 8) values that see the whole image."""
        maps = self.norm(self.conv(x).permute(0, 2, 3, 1))
        tokens = maps.flatten(1, 2)
        seen = nn.functional.scaled_dot_product_attention(tokens, tokens, tokens)
        together: Any = seen
        result: Tensor = together.unflatten(1, maps.shape[1:3]) + maps
        return result


def test_maps_with_channels_last_and_attention_are_measured() -> None:
    network = Attention()
    table = layer_table(network, (2, 3, 9, 11))
    verification = verify(network, table)
    assert verification.holds, verification.differences
    assert table.row("norm").map_axes == (1, 2)
    assert table.rows[0].status("saved_bytes") == Status.UPPER_BOUND
    assert table.row("conv").status("saved_bytes") == Status.MEASURED


class Normalised(nn.Module):
    """Statistics of the image make every value depend on all pixels."""

    def __init__(self, norm: nn.Module) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 8, 3), norm

    def forward(self, x: Tensor) -> Tensor:
        """(N, 8, H, W) values."""
        return torch.softmax(self.norm(self.conv(x)), dim=1)


@pytest.mark.parametrize(
    "norm", [nn.GroupNorm(2, 8), nn.InstanceNorm2d(8), nn.LayerNorm([8, 7, 9])]
)
def test_statistics_of_the_image_are_seen_by_gradients(norm: nn.Module) -> None:
    network = Normalised(norm)
    verification = verify(network, layer_table(network, (2, 3, 9, 11)))
    assert verification.holds, verification.differences


class Then(nn.Module):
    """A 3x3 convolution to eight channels, then some function and, where given, a 1x1 one."""

    def __init__(self, function: Callable[[Tensor], Tensor], *, has_last: bool = False) -> None:
        super().__init__()
        self.conv, self.function = nn.Conv2d(3, 8, 3), function
        self.last = nn.Conv2d(8, 8, 1) if has_last else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """What the function makes of the maps."""
        values: Tensor = self.last(self.function(self.conv(x)))
        return values


@pytest.mark.parametrize(
    ("function", "saved"),
    [
        (lambda y: y.chunk(2, 1)[0].relu(), 6272),
        (lambda y: y[:, :, ::2, ::2].relu(), 3136),
        (lambda y: y.mean((2, 3), keepdim=True).expand_as(y).tanh(), 12544),
        (lambda y: torch.cat([y.half(), y], 1).tanh(), 25088),
        (lambda y: (y > 0).long() * 0.5 * y, 12544),
    ],
)
def test_parts_repeats_and_mixed_types_save_what_autograd_saves(
    function: Callable[[Tensor], Tensor], saved: int
) -> None:
    network = Then(function)
    table = layer_table(network, (2, 3, 16, 16))
    assert table.row("").own.saved_bytes == saved
    assert verify(network, table).holds


def test_a_convolution_of_repeated_values_saves_them_all() -> None:
    network = Then(lambda y: y.mean((2, 3), keepdim=True).expand_as(y) * y, has_last=True)
    table = layer_table(network, (8, 3, 32, 32))
    assert table.row("last").own.saved_bytes == 230_400
    assert verify(network, table).holds


class Encoder(nn.Module):
    """A transformer's layer between patches, which torch runs as one operation for predictions."""

    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, 8, 4, 4)
        self.layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        """(N, T, 8) tokens."""
        tokens: Tensor = self.layer(self.patches(x).flatten(2).transpose(1, 2))
        return tokens


def test_products_of_attention_are_counted_where_torch_would_hide_them() -> None:
    network = Encoder().eval()
    verification = verify(network, layer_table(network, (2, 3, 16, 16)))
    assert verification.count("macs") > 5
    assert not [check for check in verification.differences if "macs" in check.column]


class Asserts(Then):
    """Says in its own way that channels are missing."""

    def forward(self, x: Tensor) -> Tensor:
        """As without the assertion."""
        maps = self.conv(x)
        if maps.shape[1] != 8:
            raise AssertionError("8 channels")
        values: Tensor = self.function(maps)
        return values


def less_its_mean(maps: Tensor) -> Tensor:
    """As PoolFormer mixes: what all values share, statistics too, is in both sides."""
    return nn.functional.avg_pool2d(maps, 3, 1, 1, count_include_pad=False) - maps


SPLIT = nn.Conv2d(6, 2, 5, padding=2).requires_grad_(False)


@pytest.mark.slow
@pytest.mark.parametrize(
    "network",
    [
        Asserts(torch.relu),
        Then(lambda y: torch.cat([y[:, :2], SPLIT(y[:, 2:])], 1)),
        Then(lambda y: torch.cat([y[:, :2], y[:, 2:].mean(1, keepdim=True)], 1)),
        Then(lambda y: nn.functional.conv1d(y.mean(2), y.new_ones(4, 8, 3))),
        Then(lambda y: y * y.mean((2, 3), keepdim=True)),
        nn.Sequential(nn.ReflectionPad2d(3), nn.Conv2d(3, 4, 3)),
        nn.Sequential(nn.ReplicationPad2d(3), nn.Conv2d(3, 4, 3)),
        nn.Conv2d(3, 4, 3, padding=4, dilation=2, padding_mode="reflect"),
        nn.Conv2d(3, 4, 3, padding=1, dilation=2),
        Then(nn.InstanceNorm2d(8, track_running_stats=True)),
        Then(lambda y: less_its_mean(nn.functional.group_norm(y, 1))),
    ],
)
@pytest.mark.parametrize("training", [False, True], ids=["evaluation", "training"])
def test_fields_hold_also_in_networks_of_other_people(network: nn.Module, training: bool) -> None:
    verification = verify(network, layer_table(network, (2, 3, 16, 16), training=training))
    assert verification.holds, (verification.differences, verification.unmeasured)
    assert verification.count("receptive_field")


@pytest.mark.parametrize(
    "function",
    [
        lambda y: nn.functional.conv2d(y, y.new_ones(8, 8, 1, 1), bias=y.mean((0, 2, 3))),
        lambda y: nn.functional.linear(y.movedim(1, 3), y.mean((0, 2, 3)).diag()),
        lambda y: nn.functional.group_norm(y, 8, weight=y.mean((0, 2, 3))),
        lambda y: nn.functional.batch_norm(
            y, y.new_zeros(8), y.new_ones(8), bias=y.mean((0, 2, 3))
        ),
        lambda y: nn.functional.instance_norm(
            y, y.new_zeros(8), y.new_ones(8), weight=y.mean((0, 2, 3)), use_input_stats=False
        ),
    ],
)
def test_weights_and_biases_made_from_the_image_are_seen_by_gradients(
    function: Callable[[Tensor], Tensor],
) -> None:
    supports = measure_supports(Then(function), (3, 16, 16), {"": (2, 3)})
    rows = [support.rows for support in supports if support.layer == ""]
    assert rows == [(0, 15)] * 3


def test_a_wrong_number_of_backward_macs_is_found() -> None:
    network = nn.Sequential(nn.Conv2d(3, 8, 3), nn.Conv2d(8, 8, 3, groups=4, stride=2))
    table = layer_table(network, (2, 3, 16, 16))
    total = table.rows[0].total
    lying = wrong(table, "", total=replace(total, backward_macs=total.backward_macs + 1))
    found = verify(network, lying).differences
    assert [(check.layer, check.column) for check in found] == [("", "backward_macs")]
    assert found[0].measured == f"{total.backward_macs:,}"


def test_a_frozen_network_has_no_backward_pass_to_check() -> None:
    network = nn.Sequential(nn.Conv2d(3, 8, 3)).requires_grad_(False)
    verification = verify(network, layer_table(network, (3, 8, 8)))
    assert verification.holds
    assert [c.measured for c in verification.checks if c.column == "backward_macs"] == ["0"]
