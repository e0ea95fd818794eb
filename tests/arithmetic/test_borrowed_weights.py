"""A module whose weights are used without calling it has its row: called, and counted once."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from convscope.arithmetic import layer_table, verify
from convscope.arithmetic.table_text import text_rows


class Attends(nn.Module):
    """Attention over the 16 patches of an image, 8 values each."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.conv, self.layer = nn.Conv2d(3, 8, 4, 4), layer

    def forward(self, x: Tensor) -> Tensor:
        """Tokens (N, 16, 8)."""
        tokens = self.conv(x).flatten(2).transpose(1, 2)
        is_attention = isinstance(self.layer, nn.MultiheadAttention)
        given = (tokens,) * 3 if is_attention else (tokens,)
        found = self.layer(*given)
        first: Tensor = found[0] if isinstance(found, tuple) else found
        return first


ATTENTION = {
    "attention": (nn.MultiheadAttention(8, 2, batch_first=True), "layer.out_proj"),
    "with dropout": (nn.MultiheadAttention(8, 2, dropout=0.5, batch_first=True), "layer.out_proj"),
    "without biases": (nn.MultiheadAttention(8, 2, bias=False, batch_first=True), "layer.out_proj"),
    "encoder layer": (
        nn.TransformerEncoderLayer(8, 2, 16, batch_first=True),
        "layer.self_attn.out_proj",
    ),
    "norm first": (
        nn.TransformerEncoderLayer(8, 2, 16, batch_first=True, norm_first=True),
        "layer.self_attn.out_proj",
    ),
}


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("kind", ATTENTION)
def test_the_last_layer_of_attention_is_called_and_counted_once(kind: str, training: bool) -> None:
    layer, name = ATTENTION[kind]
    network = Attends(layer)
    table = layer_table(network, (3, 16, 16), training=training)
    row, around = table.row(name), table.row(name.rpartition(".")[0])
    assert (row.num_calls, row.macs, row.is_used) == (1, 16 * 8 * 8, True)
    # Three projections and the two products of 16 by 16 tokens, beside the last layer's.
    assert around.own.macs == 3 * 16 * 8 * 8 + 2 * 16 * 16 * 8
    assert sum(each.own.macs for each in table.rows) == table.macs
    assert table.unused_parameters == 0
    assert verify(network, table).holds


class ByHand(nn.Module):
    """Holds layers that its forward never calls."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.head = nn.Conv2d(3, 4, 3), nn.Linear(4, 5)
        self.norm = nn.BatchNorm2d(4)

    def forward(self, x: Tensor) -> Tensor:
        raise NotImplementedError


class ByFunction(ByHand):
    def forward(self, x: Tensor) -> Tensor:
        """Logits (N, 5), by functions of torch."""
        maps = F.conv2d(x, self.conv.weight, self.conv.bias)
        maps = F.batch_norm(maps, None, None, self.norm.weight, self.norm.bias, training=True)
        return F.linear(maps.mean((2, 3)), self.head.weight, self.head.bias)


class ByOperator(ByHand):
    def forward(self, x: Tensor) -> Tensor:
        """The same without functions that know layers."""
        maps = self.norm(self.conv(x))
        logits: Tensor = maps.mean((2, 3)) @ self.head.weight.t() + self.head.bias
        return logits


class Standardised(ByHand):
    def forward(self, x: Tensor) -> Tensor:
        """The same with kernels that are normalised first."""
        kernels = self.conv.weight
        kernels = (kernels - kernels.mean()) / kernels.std()
        logits: Tensor = self.head(self.norm(F.conv2d(x, kernels)).mean((2, 3)))
        return logits


class Tied(ByHand):
    def forward(self, x: Tensor) -> Tensor:
        """The head forwards, and its weights once more backwards."""
        logits = self.head(self.norm(self.conv(x)).mean((2, 3)))
        back: Tensor = F.linear(logits, self.head.weight.t())
        return back


@pytest.mark.parametrize(
    ("kind", "name", "macs", "num_calls"),
    [
        (ByFunction, "conv", 3 * 9 * 4 * 36, 1),
        (ByFunction, "norm", 0, 1),
        (ByFunction, "head", 20, 1),
        (ByOperator, "head", 20, 2),
        (Standardised, "conv", 3 * 9 * 4 * 36, 1),
        (Tied, "head", 40, 2),
    ],
)
def test_weights_that_a_forward_uses_itself_are_their_layers_work(
    kind: type[ByHand], name: str, macs: int, num_calls: int
) -> None:
    network = kind()
    table = layer_table(network, (3, 8, 8))
    row = table.row(name)
    assert (row.macs, row.num_calls) == (macs, num_calls)
    assert "not called" not in {cells[0] for cells in text_rows(table, ("output",))}
    assert (
        sum(each.own.macs for each in table.rows)
        == table.macs
        == 3 * 9 * 4 * 36 + 20 * (2 if kind is Tied else 1)
    )
    assert verify(network, table).holds


class AsksForTheType(ByHand):
    def forward(self, x: Tensor) -> Tensor:
        """Only looks at what the head's weights are."""
        maps: Tensor = self.norm(self.conv(x.to(self.head.weight.dtype)))
        return maps + torch.zeros(self.head.weight.shape[1], 1, 1, device=x.device)


def test_weights_that_are_only_looked_at_are_not_used() -> None:
    table = layer_table(AsksForTheType(), (3, 8, 8))
    assert table.row("head").num_calls == 0
    assert table.unused_parameters == 25
    assert ("not called",) in text_rows(table, ("output",))


def test_a_weight_that_two_layers_share_is_the_work_of_the_one_that_runs() -> None:
    network = nn.Sequential(nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 8))
    network[2].weight = network[0].weight
    table = layer_table(network, (3, 4, 8))
    assert [row.own.macs for row in table.rows] == [0, 768, 0, 768]
    assert [row.num_calls for row in table.rows] == [1, 1, 1, 1]
