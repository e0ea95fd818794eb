"""The terms of a value are all that it is made of, and their sum is what the network stored."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from made import made_classifier
from torch import Tensor, nn
from torch.nn import functional as F
from traced import random_traces, unlike_new

from convscope.errors import NetworkError, UsageError
from convscope.inspection.values.trace import Recording, trace_value
from convscope.networks import build, network_entry
from convscope.networks.layers import (
    LocalResponseNorm,
    Maxout,
    MinPool2d,
    SoftmaxPool2d,
)
from convscope.networks.lenet1998 import C3_INPUTS
from convscope.networks.residual import DropPath

SMALL: dict[str, dict[str, Any]] = {
    "mlp": {}, "mlp_relu": {}, "mlp_bn": {}, "lenet5": {}, "lenet5_max": {}, "lenet5_relu": {},
    "lenet_rgb": {}, "lenet_caffe": {}, "lenet5_1998": {}, "resnet20": {},
    "alexnet_2012": {"stem": "small", "input_size": 32}, "vgg11_bn": {"input_size": 32},
    "googlenet": {"stem": "small", "input_size": 32},
    "googlenet_2014": {"stem": "small", "input_size": 32, "lrn": True},
    "resnet18": {"stem": "small", "input_size": 32},
    "resnet50": {"stem": "small", "input_size": 32},
    "squeezenet1_0": {"stem": "small", "input_size": 32},
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last], ids=str)
@pytest.mark.parametrize("name", SMALL)
def test_random_values_of_every_kind_of_network_are_the_sum_of_their_terms(
    name: str, layout: torch.memory_format
) -> None:
    torch.manual_seed(0)
    network = unlike_new(build(name, num_classes=10, **SMALL[name]))
    side = SMALL[name].get("input_size")
    channels, *size = network_entry(name).input
    image = torch.randn(1, channels, *([side, side] if side else size))
    network.to(memory_format=layout)  # type: ignore[call-overload]
    image = image.to(memory_format=layout)
    for trace in random_traces(Recording(network, image), 20):
        assert trace.holds, trace.to_text()


@pytest.mark.slow
@given(
    groups=st.sampled_from([1, 2]),
    kernel=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    stride=st.tuples(st.integers(1, 2), st.integers(1, 3)),
    padding=st.tuples(st.integers(0, 2), st.integers(0, 2)),
    dilation=st.tuples(st.integers(1, 2), st.integers(1, 2)),
    seed=st.integers(0, 1000),
)
@settings(max_examples=40, deadline=None)
def test_the_terms_of_a_convolution_are_its_gradient_times_its_input(
    groups: int,
    kernel: tuple[int, int],
    stride: tuple[int, int],
    padding: tuple[int, int],
    dilation: tuple[int, int],
    seed: int,
) -> None:
    torch.manual_seed(seed)
    layer = nn.Conv2d(
        4, 6, kernel, stride=stride, padding=padding, dilation=dilation, groups=groups
    )
    image = torch.randn(1, 4, 7, 8, requires_grad=True)
    output = layer(image)
    channel, row, column = (int(torch.randint(length, ())) for length in output.shape[1:])
    output[0, channel, row, column].backward()
    trace = trace_value(layer, image.detach(), "", channel=channel, row=row, column=column)
    assert trace.holds
    assert len(trace.step.terms) == 4 // groups * kernel[0] * kernel[1]
    assert image.grad is not None
    expected, terms = (image * image.grad).detach().double().numpy(), trace.step.terms
    by_place = np.zeros(image.shape)
    inside = ~terms.is_padding
    np.add.at(by_place, tuple(terms.places[:, inside]), terms.values[inside])
    np.testing.assert_allclose(by_place, expected, rtol=1e-6, atol=1e-12)
    assert not terms.values[terms.is_padding].any()


class InPlace(nn.Module):
    """A residual block as foreign networks write it: everything that can works in place."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 3, 3, padding=1, bias=False), nn.BatchNorm2d(3)
        self.conv2, self.bn2 = nn.Conv2d(3, 3, 3, padding=1, bias=False), nn.BatchNorm2d(3)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu(x * 1.0)
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        out += x
        result: Tensor = self.relu(out)
        return result


def test_values_that_were_overwritten_in_place_are_traced_as_they_were() -> None:
    torch.manual_seed(3)
    network: Any = unlike_new(InPlace())
    image = torch.randn(1, 3, 6, 6)
    recording = Recording(network, image)
    assert all(trace.holds for trace in random_traces(recording, 60))
    with torch.no_grad():
        stored = network.eval().bn1(network.conv1(image.relu()))
    traced = recording.trace("bn1", channel=1, row=2, column=2)
    assert traced.value == pytest.approx(float(stored[0, 1, 2, 2]))
    assert (stored < 0).any()
    names = [step.kind for step in recording.trace("", channel=0, row=1, column=1).steps]
    assert names == [
        "function", "addition", "batch normalisation", "convolution", "value of an earlier layer",
    ]  # fmt: skip


@pytest.mark.slow
def test_a_classifier_is_traced_from_its_image() -> None:
    classifier = made_classifier("resnet18", stem="small")
    image = np.random.default_rng(0).integers(0, 256, (50, 40, 3), dtype=np.uint8)
    trace = trace_value(classifier, image, "fc", channel=2)
    logits = classifier.logits(classifier.prepare(image)[None])
    assert trace.value == pytest.approx(float(logits[0, 2]), rel=1e-4)
    assert len(trace.step.terms) == 512
    assert trace.holds
    assert all(t.holds for t in random_traces(Recording(classifier, image), 60))
    with pytest.raises(UsageError, match="a classifier takes an image, not a tensor"):
        trace_value(classifier, torch.zeros(1, 3, 32, 32), "fc", channel=2)


@pytest.mark.slow
def test_a_skip_has_both_summands_and_stops_at_the_layer_before() -> None:
    network = unlike_new(build("resnet20"))
    step = trace_value(
        network, torch.randn(1, 3, 32, 32), "layer1.1", channel=3, row=4, column=5
    ).step.sources[0]
    assert (step.kind, step.formula) == ("addition", "x + y")
    branch, shortcut = step.sources
    assert branch.stored + shortcut.stored == pytest.approx(step.stored)
    assert branch.layer == "layer1.1.bn2"
    assert branch.sources[0].layer == "layer1.1.conv2"
    assert (shortcut.kind, shortcut.layer) == ("value of an earlier layer", "layer1.0.relu2")


def test_batch_normalisation_names_its_four_numbers() -> None:
    network: Any = unlike_new(nn.Sequential(nn.Conv2d(1, 4, 1), nn.BatchNorm2d(4)))
    norm = network[1]
    step = trace_value(network, torch.randn(1, 1, 2, 2), "1", channel=2, row=0, column=1).step
    scale = norm.weight[2] / (norm.running_var[2] + norm.eps).sqrt()
    assert step.numbers["mean"] == float(norm.running_mean[2])
    assert step.numbers["variance"] == float(norm.running_var[2])
    assert step.numbers["weight"] == norm.weight[2].item()
    assert step.numbers["bias"] == norm.bias[2].item()
    assert step.terms.weights == pytest.approx(scale.item())
    assert step.added["shift"] == pytest.approx(
        (norm.bias[2] - norm.running_mean[2] * scale).item(), abs=1e-6
    )


@pytest.mark.parametrize("ceil_mode", [False, True])
def test_a_max_pooling_names_its_winner(ceil_mode: bool) -> None:
    torch.manual_seed(1)
    layer = nn.MaxPool2d(3, stride=2, padding=1, ceil_mode=ceil_mode, return_indices=True)
    image = torch.randn(1, 2, 8, 8)
    pooled, indices = layer(image)
    for row in range(pooled.shape[2]):
        step = trace_value(layer, image, "", channel=1, row=row, column=1).step
        assert step.winner is not None
        _, channel, at_row, at_column = step.terms.places[:, step.winner].tolist()
        assert channel == 1
        assert at_row * 8 + at_column == int(indices[0, 1, row, 1])
        assert len(step.terms) == {0: 6, 4: 3}.get(row, 9)  # without padding


@pytest.mark.parametrize("count_include_pad", [False, True])
@pytest.mark.parametrize("ceil_mode", [False, True])
def test_a_mean_pooling_divides_as_torch_does_at_every_border(
    count_include_pad: bool, ceil_mode: bool
) -> None:
    layer = nn.AvgPool2d(
        3, stride=2, padding=1, ceil_mode=ceil_mode, count_include_pad=count_include_pad
    )
    image = torch.randn(1, 1, 6, 7)
    recording = Recording(layer, image)
    for row, column in np.ndindex(*recording.shapes[""][2:]):
        trace = recording.trace("", channel=0, row=row, column=column)
        assert trace.holds, trace.to_text()


def test_the_published_lenet_has_terms_only_where_its_table_connects_maps() -> None:
    network = unlike_new(build("lenet5_1998"))
    recording = Recording(network, torch.randn(1, 1, 28, 28))
    for channel, sources in enumerate(C3_INPUTS):
        step = recording.trace("c3", channel=channel, row=2, column=3).step
        assert set(step.terms.places[1].tolist()) == set(sources)
        assert len(step.terms) == 25 * len(sources)
    trace = recording.trace("s2", channel=1, row=2, column=3)
    named = {name for step in trace.steps for name in step.numbers}
    assert named == {"s2.coefficient", "s2.bias"}
    assert len(trace.steps[-1].terms) == 4
    assert len(recording.trace("output", channel=7).steps[-1].terms) == 84


class TimesAVector(nn.Module):
    """Weighted sums along the rows: a matrix times a vector."""

    def __init__(self) -> None:
        super().__init__()
        self.weights = nn.Parameter(torch.ones(8))

    def forward(self, x: Tensor) -> Tensor:
        sums: Any = x.flatten(0, 2) @ self.weights
        result: Tensor = sums.unflatten(0, (1, 4, 8, 1))
        return result


class LocallyConnected(nn.Module):
    """A convolution (N, 4, 8, 8) to (N, 3, 4, 4) with kernels of its own at each position."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(16, 3, 4 * 3 * 3))
        self.bias = nn.Parameter(torch.randn(3, 4, 4))

    def forward(self, x: Tensor) -> Tensor:
        windows = F.unfold(x, 3, stride=2, padding=1)
        sums = torch.einsum("nvp,pov->nop", windows, self.weight)
        return sums.reshape(*sums.shape[:2], 4, 4) + self.bias


LAYERS = {
    "maxout": Maxout(2),
    "response": LocalResponseNorm(),
    "torch's response": nn.LocalResponseNorm(3),
    "min": MinPool2d(2),
    "softmax": SoftmaxPool2d(2),
    "local": LocallyConnected(),
    "drop path": nn.Sequential(nn.Sigmoid(), DropPath(0.5)),
    "dropout": nn.Sequential(nn.Sigmoid(), nn.Dropout(0.5)),
    "leaky": nn.LeakyReLU(0.3),
    "elu": nn.ELU(),
    "gelu": nn.GELU(),
    "hardswish": nn.Hardswish(),
    "hardswish in place": nn.Sequential(nn.Conv2d(4, 2, 1), nn.Hardswish(inplace=True)),
    "hardsigmoid": nn.Hardsigmoid(),
    "prelu": nn.PReLU(4),
    "log of sigmoid": nn.LogSigmoid(),
    "times a vector": TimesAVector(),
    "silu": nn.SiLU(),
    "relu6": nn.ReLU6(inplace=True),
    "softmax over channels": nn.Softmax(dim=1),
    "uneven mean": nn.AdaptiveAvgPool2d(3),
    "whole mean": nn.AdaptiveAvgPool2d(1),
    "uneven maximum": nn.AdaptiveMaxPool2d((3, 5)),
    "padding": nn.Sequential(nn.ZeroPad2d((2, 1, 0, 3)), nn.Conv2d(4, 2, 3, stride=2)),
    "constant": nn.Sequential(nn.ConstantPad2d(1, 0.5), nn.Conv2d(4, 2, 3)),
    "same": nn.Conv2d(4, 2, 4, padding="same"),
    "shuffle": nn.Sequential(nn.ReLU(), nn.Unflatten(1, (2, 2)), nn.Flatten(1, 2)),
    "layer normalisation": nn.LayerNorm([8, 8]),
    "group normalisation": nn.GroupNorm(2, 4),
    "dilated maximum": nn.MaxPool2d(2, stride=1, dilation=2),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Using padding='same'")
@pytest.mark.parametrize("name", LAYERS)
def test_every_known_layer_is_traced_at_random_positions(name: str) -> None:
    torch.manual_seed(2)
    recording = Recording(unlike_new(LAYERS[name]), 3 * torch.randn(1, 4, 8, 8))
    for trace in random_traces(recording, 40):
        assert trace.holds, trace.to_text()


@pytest.mark.slow
def test_padding_put_around_by_a_layer_of_its_own_is_marked_and_places_are_those_inside() -> None:
    network = build("alexnet_2012", num_classes=3)
    step = trace_value(network, torch.randn(1, 3, 224, 224), "features.1",
                       channel=100 % 96, row=0, column=0).step  # fmt: skip
    terms = step.terms
    assert terms.is_padding.sum() == 3 * (11 * 11 - 9 * 9)  # two rows and two columns
    inside = terms.places[2:, ~terms.is_padding]
    assert (inside.min(), inside.max()) == (0, 8)


def test_softmax_pooling_has_the_share_and_the_input_of_each_value_in_the_window() -> None:
    image = torch.randn(1, 1, 4, 4)
    terms = trace_value(SoftmaxPool2d(2), image, "", channel=0, row=1, column=0).step.terms
    window = image[0, 0, 2:, :2].flatten()
    assert terms.weights == pytest.approx(window.softmax(0).numpy())
    assert terms.inputs == pytest.approx(window.numpy())


@pytest.mark.slow
def test_a_concatenation_says_which_branch_and_which_channel_there() -> None:
    network = unlike_new(build("googlenet", stem="small", input_size=32, num_classes=10))
    recording = Recording(network, torch.randn(1, 3, 32, 32))
    for channel, branch, there in ((63, 0, 63), (64, 1, 0), (191, 1, 127), (255, 3, 31)):
        step = recording.trace("inception3a", channel=channel, row=0, column=0).step
        assert (step.kind, step.branch) == ("concatenation", branch)
        assert step.sources[0].index == (there, 0, 0)


def test_a_dense_layer_knows_where_its_inputs_were_before_flattening() -> None:
    network = build("lenet5")
    terms = trace_value(network, torch.randn(1, 1, 28, 28), "fc1", channel=3).step.terms
    assert terms.places[1:, 25 * 3 + 5 * 2 + 1].tolist() == [3, 2, 1]


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_a_value_in_half_precision_holds_to_its_rounding_and_says_so(dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 2, 5), nn.Flatten(), nn.Linear(32, 1)).to(dtype)
    image = torch.randn(1, 3, 8, 8).to(dtype)
    trace = trace_value(network, image, "0", channel=1, row=1, column=1)
    assert trace.holds
    assert trace.tolerance == torch.finfo(dtype).eps > trace.deviation > 0
    assert f"may be {trace.tolerance:.1e}" in trace.to_text()


def test_a_condition_is_traced_as_any_value() -> None:
    network = Choosing("condition")
    trace = trace_value(network, torch.randn(1, 3, 6, 6), "", channel=2, row=1, column=2)
    assert trace.value in (0.0, 1.0)
    assert trace.holds


def test_a_value_that_was_tampered_with_does_not_hold_and_says_so() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 2, 5), nn.Flatten(), nn.Linear(32, 1))
    recording = Recording(network, torch.randn(1, 3, 8, 8))
    recording._values["0"].tensor[0, 1, 1, 1] += 1e-3
    trace = recording.trace("0", channel=1, row=1, column=1)
    assert not trace.holds
    assert "NOT every step gives the value" in trace.to_text()
    assert recording.trace("0", channel=1, row=1, column=2).holds


CHOOSING: dict[str, Callable[[Tensor], Tensor]] = {
    "where": lambda y: torch.where(y > 0, y, 0.1 * y),
    "masked fill": lambda y: y.masked_fill(y < 0, 0.5),
    "gate": lambda y: y * (y > 0),
    "condition": lambda y: y > 0,
    "both": lambda y: y * ((y > 0) & (y < 1)),
}


class Choosing(nn.Module):
    """A convolution, and a function of its maps with a condition in it."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.conv, self._choose = nn.Conv2d(3, 4, 3), CHOOSING[name]

    def forward(self, x: Tensor) -> Tensor:
        return self._choose(self.conv(x))


@pytest.mark.parametrize("name", CHOOSING)
def test_a_choice_by_a_condition_is_traced(name: str) -> None:
    torch.manual_seed(0)
    recording = Recording(Choosing(name), torch.randn(1, 3, 6, 6))
    for channel in range(4):
        trace = recording.trace("", channel=channel, row=1, column=2)
        assert trace.holds
        assert "convolution" in {step.kind for step in trace.steps}


class ChannelsLast(nn.Module):
    """As in ConvNeXt: normalises over channels that are moved to the end."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 5, 3, stride=2), nn.LayerNorm(5)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.norm(self.conv(x).permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        return result


def test_a_place_means_the_same_where_channels_come_last() -> None:
    torch.manual_seed(0)
    recording = Recording(ChannelsLast(), torch.randn(1, 3, 9, 13))
    assert recording.shapes["norm"] == (1, 4, 6, 5)
    inner = recording.trace("norm", channel=4, row=3, column=5)
    assert inner.holds
    assert inner.value == recording.trace("", channel=4, row=3, column=5).value
    with pytest.raises(UsageError, match="`row` can't be 5: layer `norm` gives"):
        recording.trace("norm", channel=0, row=5, column=0)


def test_a_layer_with_two_names_has_values_under_both() -> None:
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Sequential())
    network[2].add_module("again", network[0])
    network[2].forward = nn.Identity().forward
    recording = Recording(network, torch.randn(1, 1, 5, 5))
    place = {"channel": 1, "row": 0, "column": 2}
    assert recording.trace("2.again", **place).value == recording.trace("0", **place).value


def test_the_callers_image_stays_as_it_was() -> None:
    network = nn.Sequential(nn.ReLU(inplace=True), nn.Conv2d(1, 1, 1))
    image = torch.full((1, 1, 2, 2), -1.0)
    trace = trace_value(network, image, "0", channel=0, row=0, column=0)
    assert (trace.value, image.max().item()) == (0.0, -1.0)


def test_a_trace_of_a_non_finite_value_does_not_hold() -> None:
    network = nn.Sequential(nn.ReLU(), nn.Conv2d(1, 1, 1))
    image = torch.full((1, 1, 2, 2), float("nan"))
    assert not trace_value(network, image, "1", channel=0, row=0, column=0).holds


class Doubled(nn.Module):
    """Enlarges in the middle, for which there is no rule."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.up, self.relu = nn.Conv2d(1, 1, 1), nn.Upsample(scale_factor=2), nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.relu(self.up(self.conv(x)))
        return result


def test_an_operation_without_a_rule_is_an_error_that_names_it() -> None:
    with pytest.raises(NetworkError, match="`upsample_nearest2d` in `up` has no rule"):
        trace_value(Doubled(), torch.ones(1, 1, 2, 2), "relu", channel=0, row=0, column=0)
    layer = nn.ConvTranspose2d(1, 1, 2)
    with pytest.raises(NetworkError, match="`convolution` in the network has no rule"):
        trace_value(layer, torch.ones(1, 1, 2, 2), "", channel=0, row=0, column=0)


class ThroughAView(nn.Module):
    """Changes a feature map through a view of half of it."""

    def forward(self, x: Tensor) -> Tensor:
        x = x + 1
        F.relu_(x[:, :1])
        return x


class IntoAView(nn.Module):
    """Puts a feature map into a part of a constant."""

    def forward(self, x: Tensor) -> Tensor:
        result = torch.zeros(x.shape)
        result[:, :1] = x[:, :1] + 1
        return result


def test_what_is_put_into_a_part_of_a_constant_is_no_constant() -> None:
    with pytest.raises(NetworkError, match="changed in place through a view"):
        trace_value(IntoAView(), torch.ones(1, 2, 1, 1), "", channel=0, row=0, column=0)


def test_a_change_through_a_view_is_an_error_not_a_wrong_number() -> None:
    with pytest.raises(NetworkError, match="changed in place through a view"):
        trace_value(ThroughAView(), torch.ones(1, 2, 1, 1), "", channel=0, row=0, column=0)


class Weighted(nn.Module):
    """A matrix product and what is added to it, each with a factor."""

    def __init__(self) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.randn(3, 2)), nn.Parameter(torch.randn(2))

    def forward(self, x: Tensor) -> Tensor:
        return torch.addmm(self.bias, x[:, :, 0, 0], self.weight, alpha=2.0, beta=3.0) + 1.0


def test_factors_of_a_product_count_and_a_sum_is_judged_by_its_absolute_terms() -> None:
    trace = trace_value(Weighted(), torch.randn(1, 3, 1, 1), "", channel=1)
    assert trace.holds
    assert trace.step.scale == pytest.approx(abs(trace.step.sources[0].stored) + 1)


class OddMemory(nn.Module):
    """Reads memory that lies between the values of the tensor it is given."""

    def forward(self, x: Tensor) -> Tensor:
        return (x + 0)[:, :, ::2, ::2].as_strided((1, 1, 2, 2), (16, 16, 4, 1))


def test_values_that_are_not_where_they_should_come_from_are_an_error() -> None:
    image = torch.arange(16.0).reshape(1, 1, 4, 4)
    trace = trace_value(OddMemory(), image, "", channel=0, row=0, column=0)
    assert trace.value == 0
    with pytest.raises(NetworkError, match="values before and after `as_strided` differ"):
        trace_value(OddMemory(), image, "", channel=0, row=0, column=1)


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ({"channel": 6, "row": 0, "column": 0}, "`channel` can't be 6: .*\nhint: it is 0 to 5"),
        ({"channel": 0, "row": 28, "column": 0}, "`row` can't be 28: .*\nhint: it is 0 to 27"),
        ({"channel": 0, "row": 0, "column": -1}, "`column` can't be -1"),
        ({"channel": 0}, "`row` is None and `column` None\nhint: give both for feature maps"),
    ],
)
def test_a_position_that_is_not_there_is_an_error(place: dict[str, int], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        trace_value(build("lenet5"), torch.zeros(1, 1, 28, 28), "conv1", **place)


def test_dense_layers_have_no_rows_and_batches_no_single_image() -> None:
    network = build("lenet5")
    with pytest.raises(UsageError, match="`row` is 0 and `column` 0\nhint: .* neither"):
        trace_value(network, torch.zeros(1, 1, 28, 28), "fc1", channel=0, row=0, column=0)
    with pytest.raises(UsageError, match=r"not a tensor of shape `\(2, 1, 28, 28\)`"):
        trace_value(network, torch.zeros(2, 1, 28, 28), "fc1", channel=0)
    with pytest.raises(UsageError, match="did you mean `fc1`"):
        trace_value(network, torch.zeros(1, 1, 28, 28), "fc11", channel=0)


def test_the_text_reads_like_the_sum_on_paper_and_the_dictionary_holds_all() -> None:
    layer = nn.Conv2d(1, 1, 3, padding=1)
    with torch.no_grad():
        layer.weight.copy_(torch.arange(9.0).reshape(1, 1, 3, 3))
        layer.get_parameter("bias").fill_(0.5)
    trace = trace_value(layer, torch.ones(1, 1, 4, 4), "", channel=0, row=0, column=0)
    assert trace.to_text(num_terms=2).splitlines() == [
        "the network, channel 0, row 0, column 0: 24.5",
        "",
        "the network, channel 0, row 0, column 0: convolution = 24.5",
        "    sum of weight * input + bias",
        "    +8 = 8 * 1  channel 0, row 1, column 1",
        "    +7 = 7 * 1  channel 0, row 1, column 0",
        "    +9  7 other terms, 5 of them padding",
        "    +0.5  bias",
        "    = 24.5",
        "",
        "every step gives the value that the network stored: the largest difference is 0.0e+00 "
        "of the sum of absolute terms, and may be 1.0e-05",
    ]
    content = json.loads(json.dumps(trace.to_dict()))
    assert content["holds"] is True
    assert len(content["step"]["terms"]) == 9
    assert content["step"]["terms"][0] == {
        "value": 0.0, "weight": 0.0, "input": 0.0, "place": [0, 0, 0], "is_padding": True,
    }  # fmt: skip


def test_a_layer_that_only_passes_values_on_says_so() -> None:
    network = nn.Sequential(nn.ReLU(), nn.Dropout(0.5), nn.Flatten())
    image = torch.ones(1, 2, 3, 3)
    dropout = trace_value(network, image, "1", channel=1, row=0, column=2)
    assert dropout.step.layer == "0"
    assert "the layer passes its input on as it is:\n\n`0`, channel 1, row 0" in dropout.to_text()
    flat = trace_value(network, image, "2", channel=9 + 2)
    assert flat.step.index == (1, 0, 2)
    assert (
        "passes its input on"
        not in trace_value(network, image, "0", channel=1, row=0, column=2).to_text()
    )


def test_other_terms_of_a_pooling_are_counted_and_not_summed() -> None:
    image = torch.arange(16.0).reshape(1, 1, 4, 4)
    lines = trace_value(nn.MaxPool2d(4), image, "", channel=0, row=0, column=0).to_text(num_terms=2)
    assert lines.splitlines()[3:7] == [
        "    largest input",
        "    +15  channel 0, row 3, column 3  <- this one",
        "    +14  channel 0, row 3, column 2",
        "    14 other terms",
    ]
