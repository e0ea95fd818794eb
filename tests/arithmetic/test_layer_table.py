"""The layer table: costs against torch's own counter, rows of any module, and what it refuses."""

import json

import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from convscope.arithmetic import layer_table
from convscope.arithmetic.table_text import text_rows
from convscope.errors import NetworkError, UsageError
from convscope.networks import build, network_entry, network_names


def small_network() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten(),
        nn.Linear(8 * 16, 10),
    )  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", network_names())
def test_macs_and_parameters_are_those_that_torch_counts(name: str) -> None:
    with torch.device("meta"):
        network = build(name).eval()
    image = torch.zeros(2, *network_entry(name).input, device="meta")
    counter = FlopCounterMode(display=False)
    with counter, torch.no_grad():
        expected_shape = network(image).shape
    table = layer_table(network, tuple(image.shape))
    assert 2 * table.macs == counter.get_total_flops() > 0
    assert sum(row.own.macs for row in table.rows) == table.macs
    assert table.parameters == sum(parameter.numel() for parameter in network.parameters())
    assert sum(row.own.parameters for row in table.rows) == table.parameters
    assert table.rows[0].output_shape == tuple(expected_shape)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "macs"),
    [("alexnet", 714_188_480), ("vgg16", 15_470_264_320), ("resnet18", 1_814_073_344)],
)
def test_macs_at_224_are_the_published_ones(name: str, macs: int) -> None:
    with torch.device("meta"):
        network = build(name, num_classes=1000)
    assert layer_table(network, (3, 224, 224)).macs == macs


class SelfAttention(nn.Module):
    """Attention between the channels, each a token of its H * W values."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(features, 2, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        tokens = x.flatten(2)
        attended: Tensor = self.attention(tokens, tokens, tokens)[0]
        return attended


@pytest.mark.parametrize(
    "module",
    [
        nn.ConvTranspose2d(3, 8, 3, 2, groups=1),
        nn.Conv2d(3, 6, 3, groups=3),
        SelfAttention(256),
        nn.Sequential(nn.Flatten(2), nn.Conv1d(3, 5, 7, dilation=2)),
    ],
)
def test_other_products_are_counted_as_torch_counts_them(module: nn.Module) -> None:
    counter = FlopCounterMode(display=False)
    with counter, torch.no_grad():
        module.to("meta")(torch.zeros(2, 3, 16, 16, device="meta"))
    assert 2 * layer_table(module, (2, 3, 16, 16)).macs == counter.get_total_flops() > 0


class ReadsValues(nn.Module):
    """Decides by a value, so shapes alone are not enough to run it."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(3)
        self.attention = SelfAttention(16)
        self.drop = nn.Dropout()

    def forward(self, x: Tensor) -> Tensor:
        x = self.drop(self.norm(x))
        attended: Tensor = self.attention(x) if x.sum() < 1 else x
        return attended


def test_a_network_that_reads_values_is_run_on_zeros_and_comes_back_unchanged() -> None:
    network = ReadsValues()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    table = layer_table(network, (2, 3, 4, 4), training=True)
    assert torch.equal(torch.rand(1), expected)
    # Four projections of 16 to 16 and two products of 3 x 3 tokens, for each of two images.
    assert table.macs == 2 * (4 * 3 * 16 * 16 + 2 * 3 * 3 * 16)
    assert table.rows[0].output_shape == (2, 3, 16)
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())


class FusedAttention(nn.Module):
    """Needs values, and uses the attention that on a processor is a single operation."""

    def forward(self, x: Tensor) -> Tensor:
        if x.sum() > 0:
            return x
        return nn.functional.scaled_dot_product_attention(x, x, x)


def test_fused_attention_counts_both_of_its_products() -> None:
    assert layer_table(FusedAttention(), (2, 3, 5, 4)).macs == 2 * 3 * (5 * 5 * 4 + 5 * 5 * 4)


class Catches(nn.Module):
    """Tries one layer, falls back to another, and returns a dictionary."""

    def __init__(self) -> None:
        super().__init__()
        self.wrong = nn.Conv2d(5, 2, 1)
        self.right = nn.Conv2d(3, 2, 1)
        self.nothing = Nothing()

    def forward(self, x: Tensor) -> dict[str, object]:
        self.nothing(x)
        try:
            return {"features": self.wrong(x)}
        except RuntimeError:
            return {"kind": "right", "features": [self.right(x) + 1]}


class Nothing(nn.Module):
    def forward(self, x: Tensor) -> None:
        return None


def test_layers_that_fail_unseen_or_return_other_things_have_their_place() -> None:
    table = layer_table(nn.Sequential(Catches()), (3, 4, 4))
    assert table.row("0").output_shape == (1, 2, 4, 4)
    assert (table.row("0.wrong").num_calls, table.row("0.right").num_calls) == (0, 1)
    assert (table.row("0.right").own.macs, table.row("0").own.macs) == (96, 0)
    assert [row[2] for row in text_rows(table) if row[1] == "Nothing"] == ["no tensor"]


@pytest.mark.parametrize("training", [False, True])
def test_the_module_is_left_as_it_was(training: bool) -> None:
    network = small_network().train()
    network[1].eval()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    layer_table(network, (2, 3, 4, 4), training=training)
    assert [layer.training for layer in network] == [True, False, True, True, True]
    assert not any(layer._forward_hooks or layer._forward_pre_hooks for layer in network.modules())
    after = network.state_dict()
    assert all(torch.equal(after[name], tensor) for name, tensor in before.items())
    assert all(parameter.grad is None for parameter in network.parameters())


def test_the_rows_of_a_small_network() -> None:
    network = small_network()
    network[0].requires_grad_(requires_grad=False)
    table = layer_table(network, (2, 3, 4, 4))
    convolution = table.row("0")
    assert (convolution.kind, convolution.depth, convolution.num_calls) == ("Conv2d", 1, 1)
    assert convolution.output_shape == (2, 8, 4, 4)
    assert convolution.macs == 2 * 8 * 16 * 27
    assert (convolution.parameters, convolution.trainable_parameters) == (224, 0)
    assert convolution.frozen_parameters == 224
    assert table.trainable_parameters == 16 + 1290
    assert table.frozen_parameters == 224
    assert table.buffers == 8 + 8 + 1
    assert table.rows[0].is_container
    assert [row.name for row in table.layers] == ["0", "1", "2", "3", "4"]


def test_inference_mode_around_it_changes_nothing() -> None:
    network = small_network()
    expected = layer_table(network, (3, 4, 4))
    with torch.inference_mode():
        assert layer_table(network, (3, 4, 4)) == expected


def test_a_batch_of_one_is_taken_if_none_is_given() -> None:
    assert layer_table(small_network(), (3, 4, 4)).input_shape == (1, 3, 4, 4)


class Shared(nn.Module):
    """One layer called twice, and one that shares its weight."""

    def __init__(self) -> None:
        super().__init__()
        self.twice = nn.Conv2d(3, 3, 1, bias=False)
        self.tied = nn.Conv2d(3, 3, 1, bias=False)
        self.tied.weight = self.twice.weight
        self.scale = nn.Parameter(torch.ones(1))

    def forward(self, x: Tensor) -> Tensor:
        tied: Tensor = self.tied(self.twice(self.twice(x)[:, :, ::2, ::2]))
        return tied * self.scale


def test_a_layer_called_twice_counts_twice_and_a_shared_weight_once() -> None:
    table = layer_table(Shared(), (3, 4, 4))
    twice, tied = table.row("twice"), table.row("tied")
    assert (twice.num_calls, twice.macs, twice.parameters) == (2, 9 * 16 + 9 * 4, 9)
    assert twice.output_shape == (1, 3, 2, 2)
    assert (tied.num_calls, tied.macs, tied.parameters) == (1, 9 * 4, 0)
    assert table.parameters == 10
    root = table.rows[0]
    assert (root.own.parameters, root.own.macs, root.is_container) == (1, 0, False)


class OutOfOrder(nn.Module):
    """Registers its layers in another order than it calls them, some in a list."""

    def __init__(self) -> None:
        super().__init__()
        self.unused = nn.Linear(3, 3)
        self.last = nn.Conv2d(3, 3, 1)
        self.blocks = nn.ModuleList(nn.Conv2d(3, 3, 1) for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        for block in reversed(self.blocks):
            x = block(x)
        last: Tensor = self.last(x)
        return last


def test_rows_stand_in_the_order_of_the_first_call_below_what_they_are_in() -> None:
    table = layer_table(OutOfOrder(), (3, 4, 4))
    assert [row.name for row in table.rows] == [
        "", "blocks", "blocks.1", "blocks.0", "last", "unused",
    ]  # fmt: skip
    blocks = table.row("blocks")
    assert (blocks.is_used, blocks.num_calls, blocks.output_shape) == (True, 0, None)
    assert [row[2] for row in text_rows(table)[1:]] == ["", *["1 x 3 x 4 x 4"] * 3, "not called"]


@pytest.mark.slow
def test_googlenets_auxiliary_heads_have_parameters_but_no_macs_in_evaluation_mode() -> None:
    with torch.device("meta"):
        table = layer_table(build("googlenet", num_classes=1000), (3, 224, 224))
    unused = [row for row in table.rows if row.name and not row.num_calls]
    assert unused
    assert all(row.macs == 0 and row.output_shape is None for row in unused)
    assert sum(row.own.parameters for row in unused) > 6_000_000
    text = {row[0].strip(): row for row in text_rows(table)}
    assert text[unused[0].name.rpartition(".")[2]][2] == "not called"


@pytest.mark.slow
def test_auxiliary_heads_are_counted_where_the_pass_goes_through_them() -> None:
    with torch.device("meta"):
        network = build("googlenet", num_classes=1000)
        without = layer_table(network, (3, 224, 224))
        table = layer_table(network, (3, 224, 224), method="forward_with_auxiliaries")
    # A 1x1 convolution of 512 maps of 4x4 to 128, and dense layers of 2048 to 1024 to 1000.
    assert table.row("aux1").macs == 512 * 128 * 4 * 4 + 2048 * 1024 + 1024 * 1000
    assert table.macs == without.macs + table.row("aux1").macs + table.row("aux2").macs
    assert without.unused_parameters == sum(without.row(aux).parameters for aux in ("aux1", "aux2"))
    assert table.unused_parameters == 0
    assert table.rows[0].output_shape == (1, 1000)
    assert table.to_dict()["method"] == "forward_with_auxiliaries"
    assert "forward" not in vars(network)  # calls run what they ran before


def test_a_method_that_isnt_there_is_an_error_and_one_that_fails_leaves_nothing_behind() -> None:
    network = small_network()
    with pytest.raises(NetworkError, match="`Sequential` has no method `backwards`"):
        layer_table(network, (3, 4, 4), method="backwards")
    with pytest.raises(NetworkError, match="can't take an input"):
        layer_table(network, (3, 4, 4), method="append")
    assert "forward" not in vars(network)


def test_the_table_goes_through_json_and_says_what_its_numbers_are() -> None:
    table = layer_table(small_network(), (2, 3, 4, 4))
    saved = json.loads(json.dumps(table.to_dict()))
    assert saved["macs"] == table.macs
    assert saved["mode"] == "evaluation"
    assert "without biases" in saved["conventions"]["macs"]
    assert [row["name"] for row in saved["layers"]] == ["", "0", "1", "2", "3", "4"]
    assert saved["layers"][1]["receptive_field"] == {
        "size": [3, 3], "jump": [1, 1], "start": [-1, -1], "is_whole_input": False,
    }  # fmt: skip


def test_a_wrong_input_is_refused_with_the_layer_that_failed() -> None:
    for device in ("cpu", "meta"):
        with pytest.raises(NetworkError) as caught:
            layer_table(nn.Sequential(small_network().to(device)), (2, 3, 5, 5))
        assert caught.value.message.startswith(
            "`Sequential` can't take an input of shape `(2, 3, 5, 5)`: "
            "layer `0.4` failed on `(2, 200)`: "
        )
        assert "\n" not in caught.value.message
        assert "128" in caught.value.message
        assert caught.value.hint is not None
        assert caught.value.hint.startswith("this layer takes 128 values and gets 200")


def test_training_on_one_value_per_channel_is_refused_with_a_hint_about_the_batch() -> None:
    with pytest.raises(NetworkError, match="more than 1 value per channel") as caught:
        layer_table(nn.BatchNorm2d(3), (3, 1, 1), training=True)
    assert caught.value.hint is not None
    assert "batch of 2" in caught.value.hint


def test_an_error_of_the_networks_own_forward_says_so() -> None:
    with pytest.raises(NetworkError, match="its own forward failed: Module"):
        layer_table(nn.Module(), (3, 4, 4))


def test_lazy_layers_are_refused_by_name() -> None:
    with pytest.raises(NetworkError, match=r"parameter `0.weight` .* has no shape yet"):
        layer_table(nn.Sequential(nn.LazyConv2d(3, 3)), (3, 4, 4))


@pytest.mark.parametrize("shape", [(224, 224), (1, 1, 3, 4, 4), (3, 0, 4), (-1, 3, 4, 4)])
def test_a_shape_that_is_not_of_images_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(UsageError, match="is no shape of images"):
        layer_table(small_network(), shape)


def test_a_layer_that_is_not_there_is_refused_by_name() -> None:
    with pytest.raises(UsageError, match="`Sequential` has no layer `head`"):
        layer_table(small_network(), (3, 4, 4)).row("head")
