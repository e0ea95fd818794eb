"""The status of a number says whether another image, device or backward pass changes it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint
from torch.utils.flop_counter import FlopCounterMode

from convscope.arithmetic import LayerTable, layer_table, verify
from convscope.arithmetic.costs import Caveat
from convscope.arithmetic.layer_table import STATUS_COLUMNS, Status
from convscope.arithmetic.table_text import marks_explained, number, text_rows

COSTS = ("macs", "backward_macs", "operations", "forward_bytes", "saved_bytes")


class Small(nn.Module):
    """Two convolutions, used as a test says."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 3, 3, padding=1), nn.Conv2d(3, 3, 5, padding=2)

    def forward(self, x: Tensor) -> Tensor:
        """Maps (N, 3, H, W)."""
        raise NotImplementedError


class ByMean(Small):
    def forward(self, x: Tensor) -> Tensor:
        """One branch for light images, the other for dark ones."""
        branch = self.first if x.mean() > 0 else self.second
        maps: Tensor = branch(x)
        return maps


class ByList(Small):
    def forward(self, x: Tensor) -> Tensor:
        """Values go to Python without an operation."""
        mean: Any = x.detach().mean().tolist()
        branch = self.first if mean > 0 else self.second
        maps: Tensor = branch(x)
        return maps


class ByChance(Small):
    def forward(self, x: Tensor) -> Tensor:
        """A layer that is left out at random."""
        maps: Tensor = self.first(x)
        return self.second(maps) if torch.rand(1).item() < 0.5 else maps


class ByMask(Small):
    def forward(self, x: Tensor) -> Tensor:
        """As many values as are positive."""
        maps: Tensor = self.first(x)
        return maps[maps > 0].tanh()


class LooksAtShapesAndWeights(Small):
    def forward(self, x: Tensor) -> Tensor:
        """Numbers that the next image doesn't change."""
        assert self.first.bias is not None
        scale = self.first.bias[0].item() + torch.zeros_like(x).mean().item()
        maps: Tensor = self.second(self.first(x)[:, [0, 2, 1]]) * scale
        return maps


@pytest.mark.parametrize("kind", [ByMean, ByList, ByChance, ByMask])
def test_costs_of_a_network_that_looks_at_values_are_of_one_path(kind: type[Small]) -> None:
    table = layer_table(kind(), (3, 8, 8))
    for row in table.rows:
        assert {row.status(column) for column in COSTS} == {Status.VARIES}
        assert row.status("parameters") == Status.EXACT
    assert table.rows[0].receptive_field is None
    assert number(table.rows[0], "macs").startswith("? ")
    assert "values" in marks_explained(table.rows[0])[0]
    assert "another image" in table.to_dict()["conventions"]["status"]


def test_what_the_next_image_does_not_change_stays_exact() -> None:
    network = LooksAtShapesAndWeights()
    table = layer_table(network, (3, 8, 8))
    assert table.rows[0].caveats == frozenset()
    assert table.rows[0].status("macs") == Status.EXACT


class WithoutGradient(Small):
    def forward(self, x: Tensor) -> Tensor:
        """The first layer has no gradient."""
        with torch.no_grad():
            x = self.first(x)
        maps: Tensor = self.second(x)
        return maps


def backward_macs(network: nn.Module, *shape: int) -> int:
    output = network(torch.rand(shape))
    with FlopCounterMode(display=False) as counter:
        output.sum().backward()
    return int(counter.get_total_flops()) // 2


def test_what_runs_without_gradients_has_no_backward_pass() -> None:
    network = WithoutGradient()
    table = layer_table(network, (3, 8, 8))
    assert table.rows[0].total.backward_macs == backward_macs(network, 1, 3, 8, 8)
    assert table.rows[0].status("backward_macs") == Status.EXACT
    assert table.row("first").total.backward_macs == table.row("first").total.saved_bytes == 0
    assert verify(network, table).holds


class CutOff(Small):
    def forward(self, x: Tensor) -> Tensor:
        """Only the second layer gets a gradient."""
        maps: Tensor = self.second(self.first(x).detach())
        return maps


def test_what_gradients_may_not_reach_is_an_upper_bound() -> None:
    network = CutOff()
    table = layer_table(network, (3, 8, 8))
    for row in table.rows:
        assert row.status("backward_macs") == row.status("saved_bytes") == Status.UPPER_BOUND
        assert row.status("macs") == Status.EXACT
    assert table.rows[0].total.backward_macs > backward_macs(network, 1, 3, 8, 8)
    assert number(table.rows[0], "backward_macs").startswith("≤ ")
    assert "`detach`" in marks_explained(table.rows[0])[0]
    assert verify(network, table).holds


@pytest.mark.parametrize("use_reentrant", [False, True])
def test_a_backward_pass_that_computes_again_is_not_said_to_be_counted(
    use_reentrant: bool,
) -> None:
    class Checkpointed(Small):
        def forward(self, x: Tensor) -> Tensor:
            inside = nn.Sequential(self.second, nn.Tanh())
            maps: Tensor = checkpoint(inside, self.first(x), use_reentrant=use_reentrant)
            return maps

    network = Checkpointed()
    table = layer_table(network, (3, 8, 8))
    assert table.rows[0].total.backward_macs < backward_macs(network, 1, 3, 8, 8)
    for name in ("", "second"):
        row = table.row(name)
        assert row.status("backward_macs") == row.status("saved_bytes") == Status.LOWER_BOUND
        assert row.status("macs") == Status.EXACT
    assert table.row("first").status("backward_macs") == Status.EXACT


class OverTokens(nn.Module):
    """A layer over the pixels as tokens."""

    def __init__(self, layer: nn.Module, **arguments: Any) -> None:
        super().__init__()
        self.conv, self.layer, self.arguments = nn.Conv2d(3, 8, 4, 4), layer, arguments

    def forward(self, x: Tensor) -> Tensor:
        """What the layer gives first (N, tokens, features)."""
        tokens = self.conv(x).flatten(2).transpose(1, 2)
        is_attention = isinstance(self.layer, nn.MultiheadAttention)
        given = (tokens,) * 3 if is_attention else (tokens,)
        first: Tensor = self.layer(*given, **self.arguments)[0]
        return first


def saved_bytes(network: nn.Module, table: LayerTable) -> int:
    """Bytes that autograd really saves, without parameters and buffers."""
    held = (*network.parameters(), *network.buffers())
    state = {tensor.untyped_storage().data_ptr() for tensor in held}
    pieces = {}

    def keep(tensor: Tensor) -> Tensor:
        if tensor.untyped_storage().data_ptr() not in state:
            pieces[tensor.untyped_storage().data_ptr()] = tensor
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        output = network(torch.rand(table.input_shape))
    assert output.requires_grad
    return sum(tensor.untyped_storage().nbytes() for tensor in pieces.values())


def test_multi_head_attention_is_noticed_where_it_doesnt_give_its_weights() -> None:
    attention = nn.MultiheadAttention(8, 2, batch_first=True)
    network = OverTokens(attention, need_weights=False)
    table = layer_table(network, (2, 3, 16, 16), training=True)
    assert table.row("layer").status("saved_bytes") == Status.UPPER_BOUND
    assert saved_bytes(network.train(), table) < table.rows[0].total.saved_bytes
    in_parts = layer_table(OverTokens(attention), (2, 3, 16, 16))
    assert in_parts.row("layer").status("saved_bytes") == Status.MEASURED


@pytest.mark.slow
@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU, nn.RNN])
def test_memory_of_recurrent_layers_is_said_to_vary(kind: Callable[..., nn.RNNBase]) -> None:
    table = layer_table(OverTokens(kind(8, 5, batch_first=True)), (3, 16, 16))
    for name in ("", "layer"):
        assert table.row(name).caveats == {Caveat.RECURRENT}
        assert table.row(name).status("saved_bytes") == Status.VARIES
    assert table.row("conv").status("saved_bytes") == Status.MEASURED


@pytest.mark.parametrize("training", [False, True])
def test_weights_with_their_channels_last_make_copies_that_are_saved(training: bool) -> None:
    network = nn.Sequential(
        nn.Conv2d(3, 16, 1), nn.BatchNorm2d(16), nn.ReLU(), nn.Conv2d(16, 8, 3), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(8 * 49, 5),
    )  # fmt: skip
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    table = layer_table(network, (2, 3, 16, 16), training=training)
    assert table.row("6").own.saved_bytes == 4 * 2 * 8 * 49
    assert table.rows[0].total.saved_bytes == saved_bytes(network.train(training), table)


class Block(nn.Module):
    """A convolution that may be another block's too, and a normalisation of its own."""

    def __init__(self, conv: nn.Module) -> None:
        super().__init__()
        self.conv, self.norm = conv, nn.BatchNorm2d(4)

    def forward(self, x: Tensor) -> Tensor:
        """Maps (N, 4, H, W)."""
        maps: Tensor = self.norm(self.conv(x))
        return maps


def test_each_block_is_charged_for_its_own_calls_of_a_layer_that_they_share() -> None:
    shared = nn.Conv2d(4, 4, 3, padding=1)
    network = nn.Sequential(nn.Conv2d(4, 4, 1), Block(shared), Block(shared))
    table = layer_table(network, (4, 8, 8))
    assert verify(network, table).holds
    once = 4 * 4 * 9 * 64
    assert (table.row("1").macs, table.row("2").macs) == (once, once)
    assert (table.row("1.conv").macs, table.row("1.conv").num_calls) == (2 * once, 2)
    assert table.macs == 2 * once + 4 * 4 * 64 == sum(row.own.macs for row in table.rows)


class CallsInside(nn.Module):
    """Runs one layer of a list, and once a layer of a block without the block."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList([nn.Conv2d(4, 4, 1), nn.Conv2d(4, 4, 1)])
        self.block = Block(nn.Conv2d(4, 4, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Maps (N, 4, H, W)."""
        maps: Tensor = self.block.conv(self.block(self.layers[0](x)))
        return maps


def test_a_list_is_charged_for_its_layers_and_a_block_only_while_it_runs() -> None:
    table = layer_table(CallsInside(), (4, 8, 8))
    once = 4 * 4 * 64
    assert (table.row("layers").macs, table.row("block").macs) == (once, once)
    assert (table.row("block.conv").macs, table.macs) == (2 * once, 3 * once)


def test_every_status_column_of_a_plain_network_is_exact_measured_or_not_there() -> None:
    row = layer_table(nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU()), (3, 8, 8)).rows[0]
    found = {column: row.status(column) for column in STATUS_COLUMNS}
    assert found.pop("effective_field") == Status.UNKNOWN
    assert set(found.values()) == {Status.EXACT, Status.MEASURED}
    assert marks_explained(row) == []


def test_cells_of_the_table_have_the_marks_of_their_numbers() -> None:
    cells = text_rows(layer_table(ByMean(), (3, 8, 8)), ("operations", "saved", "parameters"))
    assert [cell[:2] for cell in cells[0]] == ["? ", "? ", "31"]


class Moves(nn.Module):
    """A convolution whose maps are then only moved."""

    def __init__(self, move: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.conv, self.move = nn.Conv2d(3, 8, 3, padding=1), move

    def forward(self, x: Tensor) -> Tensor:
        """What the move makes of maps (N, 8, 16, 16)."""
        return self.move(self.conv(x))


MOVES: dict[str, Callable[[Tensor], Tensor]] = {
    "permute": lambda x: x.permute(0, 2, 3, 1),
    "flatten": lambda x: x.flatten(1),
    "chunk": lambda x: torch.cat(x.chunk(2, 1), 1),
    "unsafe_chunk": lambda x: x.unsafe_chunk(2, 1)[0],
    "unsafe_split": lambda x: x.unsafe_split(2, 1)[0],
    "unsafe_split_with_sizes": lambda x: x.unsafe_split_with_sizes([3, 5], 1)[1],
    "roll": lambda x: x.roll((1, 2), (2, 3)),
    "rot90": lambda x: torch.rot90(x, 1, (2, 3)),
    "pixel_shuffle": lambda x: F.pixel_shuffle(x, 2),
    "pixel_unshuffle": lambda x: F.pixel_unshuffle(x, 2),
    "channel_shuffle": lambda x: F.channel_shuffle(x, 2),
    "unfold": lambda x: x.unfold(2, 2, 2),
    "windows": lambda x: F.unfold(x, 3),
    "repeat_interleave": lambda x: x.repeat_interleave(2, 1),
    "diagonal": lambda x: x.diagonal(dim1=2, dim2=3),
    "diag_embed": torch.diag_embed,
    "tril": torch.tril,
    "nearest": lambda x: F.interpolate(x, scale_factor=2),
    "nearest-exact": lambda x: F.interpolate(x, scale_factor=2, mode="nearest-exact"),
    "circular": lambda x: F.pad(x, (1, 1, 1, 1), mode="circular"),
    "slice_scatter": lambda x: x.slice_scatter(x[:, :2], 1, 0, 2),
    "complex": lambda x: torch.view_as_real(torch.view_as_complex(x.view(1, 8, 16, 8, 2))),
}


@pytest.mark.parametrize("name", MOVES)
def test_moving_values_leaves_every_number_exact(name: str) -> None:
    row = layer_table(Moves(MOVES[name]), (3, 16, 16)).rows[0]
    assert row.uncounted == ()
    assert row.macs == 3 * 9 * 8 * 16 * 16
    assert {row.status(column) for column in ("macs", "backward_macs", "operations")} == {
        Status.EXACT
    }


def test_scattering_counts_only_what_is_added() -> None:
    def scattered(**how: Any) -> int:
        def move(x: Tensor) -> Tensor:
            index = torch.zeros(1, 4, 16, 16, dtype=torch.int64, device=x.device)
            return x.scatter(1, index, 1.0, **how)

        row = layer_table(Moves(move), (3, 16, 16)).rows[0]
        assert row.status("operations") == Status.EXACT
        return row.total.other_operations

    assert (scattered(), scattered(reduce="add")) == (0, 4 * 16 * 16)


class OverRows(nn.Module):
    """A recurrent layer over the 4 pixels of an image, 3 values each."""

    def __init__(self, layer: nn.RNNBase) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        """What the layer gives at each pixel."""
        order = (0, 2, 1) if self.layer.batch_first else (2, 0, 1)
        outputs: Tensor = self.layer(x.flatten(2).permute(order))[0]
        return outputs


GATES: dict[Callable[..., nn.RNNBase], int] = {nn.RNN: 1, nn.GRU: 3, nn.LSTM: 4}
FORMS: dict[str, dict[str, Any]] = {
    "plain": {},
    "batch first": {"batch_first": True},
    "bidirectional": {"bidirectional": True},
    "two layers": {"num_layers": 2},
    "two layers both ways": {"num_layers": 2, "bidirectional": True},
    "without biases": {"bias": False},
}


def macs_by_hand(gates: int, *, num_layers: int = 1, bidirectional: bool = False) -> int:
    directions = 2 if bidirectional else 1
    taken = [3, *([5 * directions] * (num_layers - 1))]
    return 4 * directions * sum(gates * 5 * (values + 5) for values in taken)


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", GATES)
def test_macs_of_recurrent_layers_are_exact(kind: Callable[..., nn.RNNBase], form: str) -> None:
    table = layer_table(OverRows(kind(3, 5, **FORMS[form])), (3, 2, 2))
    shape = {key: FORMS[form][key] for key in ("num_layers", "bidirectional") if key in FORMS[form]}
    assert table.macs == macs_by_hand(GATES[kind], **shape)
    assert table.rows[0].uncounted == ()
    assert table.rows[0].status("macs") == Status.EXACT


@pytest.mark.slow
def test_a_projection_of_an_lstm_is_in_its_macs() -> None:
    table = layer_table(OverRows(nn.LSTM(3, 5, proj_size=2)), (3, 2, 2))
    assert table.macs == 4 * (4 * 5 * (3 + 2) + 5 * 2)
    assert table.rows[0].status("macs") == Status.EXACT


class Reads(nn.Module):
    """An LSTM over rows of 96 values, and a layer on its last output."""

    def __init__(self) -> None:
        super().__init__()
        self.recurrent, self.head = nn.LSTM(96, 20, batch_first=True), nn.Linear(20, 5)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (N, 5)."""
        rows = self.recurrent(x.permute(0, 2, 1, 3).flatten(2))[0]
        logits: Tensor = self.head(rows[:, -1])
        return logits


def test_an_lstm_over_the_rows_of_an_image_has_the_macs_of_the_hand() -> None:
    row = layer_table(Reads(), (3, 32, 32)).rows[0]
    assert (row.macs, row.status("macs")) == (297_060, Status.EXACT)
