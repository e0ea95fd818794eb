"""Receptive fields: published values, and every way of moving values about."""

from collections.abc import Callable
from math import prod
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from convscope.arithmetic import ReceptiveField, layer_table
from convscope.arithmetic.formulas import Window
from convscope.arithmetic.receptive_field import AxisField, input_field, joined
from convscope.networks import build

WHOLE = AxisField(34, 0, -1)
TOGETHER = AxisField(34, None, -1)
KEPT = AxisField(3, 1, -1)


class AfterConvolution(nn.Module):
    """A 3x3 convolution with padding 1, then some function: (2, 3, 32, 32) to (2, 8, 32, 32)."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(3, 8, 3, padding=1)
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(self.convolution(x))


def field_after(function: Callable[[Tensor], Tensor], **options: Any) -> ReceptiveField | None:
    network = AfterConvolution(function)
    return layer_table(network, (2, 3, 32, 32), **options).rows[0].receptive_field


@pytest.mark.slow
@pytest.mark.parametrize(
    ("network", "layer", "size", "jump"),
    [
        ("alexnet", "features", 195, 32),
        ("vgg11", "features", 150, 32),
        ("vgg16", "features", 212, 32),
        ("resnet18", "layer4", 435, 32),
        ("resnet50", "layer4", 427, 32),
    ],
)
def test_the_last_feature_map_sees_what_is_published(
    network: str, layer: str, size: int, jump: int
) -> None:
    with torch.device("meta"):
        module = build(network, num_classes=1000)
    field = layer_table(module, (3, 224, 224)).row(layer).receptive_field
    assert field is not None
    assert field.size == (size, size)
    assert field.jump == (jump, jump)


def test_alexnet_sees_layer_by_layer_what_is_published() -> None:
    with torch.device("meta"):
        module = build("alexnet", num_classes=1000)
    table = layer_table(module, (3, 224, 224))
    rows = [row for row in table.layers if row.kind in ("Conv2d", "MaxPool2d")]
    fields = [row.receptive_field for row in rows]
    assert [field and field.size[0] for field in fields] == [11, 19, 51, 67, 99, 131, 163, 195]


def test_lenets_second_pooling_sees_16_pixels_and_the_layer_after_it_32() -> None:
    lenet = nn.Sequential(
        nn.Conv2d(1, 6, 5), nn.AvgPool2d(2), nn.Tanh(), nn.Conv2d(6, 16, 5), nn.AvgPool2d(2),
        nn.Tanh(), nn.Conv2d(16, 120, 5), nn.Flatten(), nn.Linear(120, 10),
    )  # fmt: skip
    table = layer_table(lenet, (1, 32, 32))
    s4, c5 = table.row("4").receptive_field, table.row("6").receptive_field
    assert s4 == ReceptiveField(AxisField(16, 4, 0), AxisField(16, 4, 0))
    assert c5 == ReceptiveField(AxisField(32, 4, 0), AxisField(32, 4, 0))
    output = table.rows[0].receptive_field
    assert output is not None
    assert output.is_whole_input(32, 32)
    assert not output.is_whole_input(32, 33)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("function", "axis"),
    [
        (nn.ReLU(inplace=True), KEPT),
        (nn.Softmax(1), KEPT),
        (nn.Dropout2d(), KEPT),
        (nn.PReLU(8), KEPT),
        (nn.Mish(inplace=True), KEPT),
        (nn.BatchNorm2d(8), KEPT),
        (nn.LocalResponseNorm(5), KEPT),
        (lambda x: F.hardswish(F.gelu(x)).half(), KEPT),
        (lambda x: x[:, :4] + x.chunk(2, 1)[1], KEPT),
        (lambda x: torch.cat([x, x.new_zeros(2, 1, 32, 32)], 1), KEPT),
        (lambda x: x.view(2, 2, 4, 32, 32).transpose(1, 2).reshape(2, 8, 32, 32), KEPT),
        (lambda x: F.linear(x.permute(0, 2, 3, 1), x.new_zeros(5, 8)).permute(0, 3, 1, 2), KEPT),
        (lambda x: F.layer_norm(x.permute(0, 2, 3, 1), (8,)).permute(0, 3, 1, 2), KEPT),
        (lambda x: torch.einsum("nchw,ck->nkhw", x, x.new_zeros(8, 5)), KEPT),
        (lambda x: x.flatten(2).transpose(1, 2).transpose(1, 2).unflatten(2, (32, 32)), KEPT),
        (lambda x: x.unbind(1)[0], KEPT),
        (lambda x: (x.new_zeros(5, 8) @ x.flatten(2)).unflatten(2, (32, 32)), KEPT),
        (lambda x: torch.baddbmm(x.flatten(2), x.new_ones(2, 8, 8), x.flatten(2)).view_as(x), KEPT),
        (lambda x: x[:, 3].unsqueeze(0), KEPT),
        (lambda x: F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, 4, 4)), AxisField(3, 2, -1)),
        (lambda x: x[:, :, 1::2, 1::2], AxisField(3, 2, 0)),
        (lambda x: x.split(8, 2)[1].split(8, 3)[1], AxisField(3, 1, 7)),
        (lambda x: x[:, :, 5, 5], AxisField(3, 0, 4)),
        (lambda x: F.pad(x, (1, 2, 1, 2)), AxisField(3, 1, -2)),
        (lambda x: F.pad(x, (-1, 0, -1, 0)), AxisField(3, 1, 0)),
        (lambda x: F.avg_pool2d(F.pad(x, (1, 1, 1, 1), mode="reflect"), 3, 1), AxisField(5, 1, -2)),
        (
            lambda x: F.avg_pool2d(F.pad(x, (2, 2, 2, 2), mode="replicate"), 3, 1),
            AxisField(5, 1, -3),
        ),
        (nn.Conv2d(8, 4, 5, padding=2, padding_mode="reflect"), AxisField(7, 1, -3)),
        (
            lambda x: F.avg_pool2d(F.pad(x, (1, 1, 1, 1), mode="reflect").relu(), 3, 2),
            AxisField(5, 2, -2),
        ),
        (nn.MaxPool2d(3, 2, ceil_mode=True), AxisField(5, 2, -1)),
        (nn.AvgPool2d(2), AxisField(4, 2, -1)),
        (nn.Conv2d(8, 8, 3, padding=2, dilation=2, groups=8), AxisField(7, 1, -3)),
        (nn.Conv2d(8, 4, 2, padding="same"), AxisField(4, 1, -1)),
        (nn.AdaptiveAvgPool2d(8), AxisField(6, 4, -1)),
        (
            lambda x: torch.cat([x[..., a::2, b::2] for a in (0, 1) for b in (0, 1)], 1),
            AxisField(4, 2, -1),
        ),
    ],
)
def test_a_moving_box_is_followed_through(
    function: Callable[[Tensor], Tensor], axis: AxisField
) -> None:
    assert field_after(function) == ReceptiveField(axis, axis)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("function", "axis"),
    [
        (nn.AdaptiveAvgPool2d(1), WHOLE),
        (nn.AdaptiveMaxPool2d(1), WHOLE),
        (lambda x: x.mean((2, 3)), WHOLE),
        (lambda x: x.mean((2, 3), keepdim=True).expand(2, 8, 5, 5), WHOLE),
        (lambda x: x.amax((-1, -2)).sort().values, WHOLE),
        (lambda x: x.flatten(1) @ x.new_zeros(8192, 5), WHOLE),
        (lambda x: torch.tensordot(x, x.new_zeros(8, 32, 32, 5), 3), WHOLE),
        (lambda x: F.log_softmax(x.flatten(2), 2), WHOLE),
        (nn.GroupNorm(2, 8), WHOLE),
        (nn.InstanceNorm2d(8), WHOLE),
        (nn.LayerNorm((8, 32, 32)), WHOLE),
        (lambda x: x * x.mean((2, 3), keepdim=True).sigmoid(), WHOLE),
        (lambda x: x.flatten(1), TOGETHER),
        (lambda x: F.pad(x, (1, 1, 1, 1), mode="reflect"), AxisField(36, None, -2)),
        (lambda x: F.pad(x, (1, 1, 1, 1), mode="replicate"), AxisField(36, None, -2)),
        (
            lambda x: F.avg_pool2d(F.pad(x, (2, 2, 2, 2), mode="reflect"), 3, 1),
            AxisField(38, None, -3),
        ),
        (
            lambda x: F.avg_pool2d(F.pad(x, (1, 1, 1, 1), mode="reflect"), 3, 1, padding=1),
            AxisField(36, None, -2),
        ),
        (
            nn.Conv2d(8, 4, 3, padding=4, dilation=2, padding_mode="reflect"),
            AxisField(42, None, -5),
        ),
        (nn.AdaptiveAvgPool2d(5), TOGETHER),
        (lambda x: x[:, :, 8:9, 8:9] + x, TOGETHER),
    ],
)
def test_positions_that_see_the_same_or_cannot_be_told_apart_say_so(
    function: Callable[[Tensor], Tensor], axis: AxisField
) -> None:
    assert field_after(function) == ReceptiveField(axis, axis)


def test_a_squeeze_and_excitation_gate_over_a_larger_field_still_sees_the_whole_input() -> None:
    def gated(x: Tensor) -> Tensor:
        wider = F.conv2d(x, x.new_zeros(8, 8, 3, 3), padding=1)
        return wider * x.mean((2, 3), keepdim=True)

    field = field_after(gated)
    assert field is not None
    assert field.is_whole_input(32, 32)


def test_what_sees_the_whole_input_keeps_its_rows_and_columns() -> None:
    gate = AfterConvolution(lambda x: x * x.mean((2, 3), keepdim=True).sigmoid())
    for function in (gate.function, nn.GroupNorm(2, 8), nn.Softmax(2)):
        table = layer_table(AfterConvolution(function), (2, 3, 32, 32))
        assert table.rows[0].map_axes == (2, 3)

    def moved(x: Tensor) -> Tensor:
        return gate.function(x).permute(0, 2, 3, 1)

    assert layer_table(AfterConvolution(moved), (3, 32, 32)).rows[0].map_axes == (1, 2)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x.flatten(1),
        lambda x: F.interpolate(x, scale_factor=2),
        lambda x: F.pixel_shuffle(x, 2),
        nn.AdaptiveAvgPool2d(5),
        nn.ConvTranspose2d(8, 4, 2, 2),
        lambda x: torch.cat([x, x], 2),
        lambda x: x + x.transpose(2, 3),
    ],
)
def test_nothing_changes_that_all_values_see_the_whole_input(
    function: Callable[[Tensor], Tensor],
) -> None:
    field = field_after(lambda x: function(x * x.mean((2, 3), keepdim=True)))
    assert field == ReceptiveField(WHOLE, WHOLE)


def test_branches_with_different_jumps_are_given_as_what_they_see_together() -> None:
    field = field_after(lambda x: x[:, :, :16, :16] + x[:, :, ::2, ::2])
    assert field == ReceptiveField(AxisField(33, None, -1), AxisField(33, None, -1))


def test_the_axes_are_followed_apart() -> None:
    field = field_after(nn.Conv2d(8, 8, (1, 5), stride=(3, 1), padding=(0, 1)))
    assert field == ReceptiveField(AxisField(3, 3, -1), AxisField(7, 1, -2))
    assert field_after(lambda x: torch.cat([x, x], 2)) == ReceptiveField(TOGETHER, KEPT)
    assert field_after(lambda x: x.mean(3)) == ReceptiveField(KEPT, WHOLE)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: F.conv2d(x.transpose(1, 3), x.new_zeros(4, 32, 1, 1)),
        lambda x: x.transpose(1, 2).mean(3).unsqueeze(0).permute(1, 0, 2, 3),
        lambda x: F.pad(x.mean(3, keepdim=True), (0, 0, 0, 1)),
        lambda x: F.avg_pool2d(x.mean(3, keepdim=True), 1),
        lambda x: F.adaptive_avg_pool2d(x.mean(3, keepdim=True), (32, 1)),
        lambda x: F.adaptive_avg_pool2d(x.mean(3, keepdim=True), (32, 3)),
    ],
)
def test_an_axis_that_was_summed_over_stays_whole(function: Callable[[Tensor], Tensor]) -> None:
    field = field_after(function)
    assert field is not None
    assert field.width == WHOLE
    assert field.height == KEPT


def wrote_elsewhere(x: Tensor) -> Tensor:
    x[:, :, 1:].copy_(x[:, :, :-1].clone())
    return x


def assembled(x: Tensor) -> Tensor:
    result = x.new_empty(2, 8, 32, 32)
    result[:, :, :16] = x[:, :, 16:]
    return result


@pytest.mark.parametrize(
    "function",
    [
        lambda x: F.conv2d(x, x.new_zeros(4, 8, 3, 3), padding=1),
        lambda x: F.max_pool2d(x, 2, ceil_mode=True),
        lambda x: F.conv2d(x, x.new_zeros(4, 8, 3, 3), padding=2, dilation=2),
    ],
)
def test_windows_over_positions_without_a_step_see_together_what_those_saw(
    function: Callable[[Tensor], Tensor],
) -> None:
    def pooled(x: Tensor) -> Tensor:
        return function(F.adaptive_avg_pool2d(x, 5))  # 32 into 5 parts: of 7 and 8, overlapping

    assert field_after(pooled) == ReceptiveField(TOGETHER, TOGETHER)
    assert field_after(lambda x: pooled(x).mean((2, 3))) == ReceptiveField(WHOLE, WHOLE)


@pytest.mark.parametrize("stride", [2, 3])
def test_windows_that_leave_such_positions_out_have_an_unknown_field(stride: int) -> None:
    def skipped(x: Tensor) -> Tensor:
        return F.conv2d(F.adaptive_avg_pool2d(x, 5), x.new_zeros(4, 8, 1, 1), stride=stride)

    assert field_after(skipped) is None


@pytest.mark.slow
@pytest.mark.parametrize(
    "function",
    [
        wrote_elsewhere,
        assembled,
        lambda x: x.roll(1, 2),
        lambda x: x.flip(3),
        lambda x: x.view(torch.float16),
        lambda x: x + x.transpose(2, 3),
        lambda x: F.interpolate(x, scale_factor=2),
        lambda x: F.conv2d(F.pixel_unshuffle(x, 2), x.new_zeros(4, 32, 3, 3)),
        lambda x: x.reshape(2, 8, 16, 2, 32),
        lambda x: F.max_pool1d(x.flatten(2), 3),
        lambda x: x.flatten(1)[:, ::3],
        lambda x: F.pad(x, (1, 1, 1, 1), mode="circular"),
        lambda x: F.conv2d(x, x[:, :, :3, :3]),
        lambda x: F.conv2d(x, x.new_zeros(8, 8, 3, 3), bias=x.mean((0, 2, 3))),
        lambda x: F.layer_norm(x.mT.transpose(1, 3), (8,), weight=x.mean((0, 2, 3))),
        lambda x: F.group_norm(x[:, :, ::2], 2, bias=x.amax((0, 2, 3))),
        lambda x: F.batch_norm(x, x.new_zeros(8), x.new_ones(8), weight=x.mean((0, 2, 3))),
        lambda x: F.pad(x, (1, 1, 1, 1), mode="reflect")[:, :, 1:],
        lambda x: F.conv2d(x.transpose(1, 2), x.new_zeros(4, 16, 1, 1), groups=2),
        lambda x: torch.cat([x, x.transpose(2, 3)], 2),
        lambda x: x.flatten(2).transpose(1, 2) @ x.flatten(2),
        lambda x: F.conv2d(x.new_zeros(2, 8, 32, 32), x[:, :, :3, :3]),
        lambda x: x * float(x.sum()),
        nn.ConvTranspose2d(8, 4, 2, 2),
    ],
)
def test_what_cannot_be_told_is_unknown_and_not_a_number(
    function: Callable[[Tensor], Tensor],
) -> None:
    assert field_after(function) is None


def test_what_does_not_depend_on_the_image_has_no_field() -> None:
    assert field_after(torch.zeros_like) is None


def test_a_write_in_place_that_moves_nothing_keeps_the_field() -> None:
    def scaled(x: Tensor) -> Tensor:
        x[:, :4].mul_(2)
        return x

    assert field_after(scaled) == ReceptiveField(KEPT, KEPT)


@pytest.mark.parametrize("function", [nn.BatchNorm2d(8), nn.Dropout(), nn.Dropout2d()])
def test_training_mode_has_the_same_fields(function: nn.Module) -> None:
    assert field_after(function, training=True) == ReceptiveField(KEPT, KEPT)


@pytest.mark.parametrize("images", [1, 2])
@pytest.mark.parametrize("tracks", [False, True])
def test_instance_normalisation_sees_the_whole_image_while_it_trains(
    images: int, tracks: bool
) -> None:
    norm = nn.InstanceNorm2d(8, affine=True, track_running_stats=tracks)
    network = AfterConvolution(norm)
    table = layer_table(network, (images, 3, 32, 32), training=True)
    assert table.rows[0].receptive_field == ReceptiveField(WHOLE, WHOLE)
    seen = layer_table(network, (images, 3, 32, 32)).rows[0].receptive_field
    expected = KEPT if tracks else WHOLE
    assert seen == ReceptiveField(expected, expected)


def test_a_window_over_positions_without_a_common_step_is_refused() -> None:
    with pytest.raises(ValueError, match="common jump"):
        TOGETHER.through(Window(3), count=8)


def test_joined_fields_without_a_common_step_have_no_jump() -> None:
    assert joined(AxisField(3, 2, -1), AxisField(5, 4, 0)) == AxisField(6, None, -1)


windows = st.lists(
    st.builds(
        lambda kernel, stride, dilation: Window(kernel, stride, dilation=dilation),
        st.integers(1, 5),
        st.integers(1, 3),
        st.integers(1, 2),
    ),
    min_size=1,
    max_size=6,
)


@pytest.mark.slow
@given(windows)
def test_the_field_of_a_stack_is_that_of_the_recurrence_from_its_last_window(
    stack: list[Window],
) -> None:
    """Source: Araujo, Norris & Sim (2019), equation 1: `r = s * (r - 1) + k`, beginning with 1."""
    size = 1
    for window in reversed(stack):
        size = window.stride * (size - 1) + window.extent
    field = input_field(10_000)
    for window in stack:
        field = field.through(window, count=10_000)
    assert field.size == size
    assert field.jump == prod(window.stride for window in stack)
