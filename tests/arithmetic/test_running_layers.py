"""Who is running is known also after an error that a forward caught."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from convscope.arithmetic import layer_table, verify
from convscope.arithmetic.running_layers import RunningLayers
from convscope.inspection.values.recording import record


class Catches(nn.Module):
    """Tries a layer that takes other channels, and goes on with others."""

    def __init__(self) -> None:
        super().__init__()
        self.wrong = nn.Sequential(nn.Conv2d(5, 4, 3))
        self.first, self.second = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 2, 3)

    def forward(self, x: Tensor) -> Tensor:
        """Maps of the layers that fit."""
        try:
            self.wrong(x)
        except RuntimeError:
            x = self.first(x)
        maps: Tensor = self.second(torch.tanh(x))
        return maps


def test_the_layers_around_are_told_apart_after_an_error_that_was_caught() -> None:
    network, running = Catches(), RunningLayers()
    paths: dict[str, tuple[str, ...]] = {}
    returned = []
    with running.following(
        network,
        entered=lambda name, _: paths.update({name: running.path}),
        returned=lambda name, _: returned.append((name, running.path)),
    ):
        network(torch.rand(1, 3, 8, 8))
    assert paths["wrong.0"] == ("", "", "wrong", "wrong.0")
    assert paths["first"] == ("", "", "first")
    assert returned == [
        ("first", ("", "", "first")), ("second", ("", "", "second")), ("", ("", "")),
    ]  # fmt: skip
    assert (running.path, running.failed) == (("",), "")
    assert not any(layer._forward_hooks or layer._forward_pre_hooks for layer in network.modules())


def test_the_layer_that_an_error_came_out_of_is_named() -> None:
    running = RunningLayers()
    network = nn.Sequential(Catches(), nn.Linear(5, 5))
    with pytest.raises(RuntimeError), running.following(network):
        network(torch.rand(1, 3, 8, 8))
    assert running.failed == "1"


def test_an_error_that_was_caught_is_not_confused_with_a_later_one() -> None:
    running, network = RunningLayers(), Catches()
    with pytest.raises(RuntimeError), running.following(network):
        network(torch.rand(1, 3, 8, 8)).backward()
    assert running.failed == ""


def test_table_check_and_record_of_a_network_that_catches_agree() -> None:
    network = Catches().eval()
    table = layer_table(network, (3, 8, 8))
    assert (table.row("wrong").macs, table.row("wrong.0").num_calls) == (0, 0)
    saved = table.rows[0].own.saved_bytes
    assert saved == 4 * 4 * 6 * 6  # of the tanh, which no layer runs
    kept = [check for check in verify(network, table).checks if check.column == "saved_bytes"]
    # Autograd keeps the image for the layer that then fails.
    assert {check.layer: check.holds for check in kept} == {"": True, "wrong.0": True}
    recorded = record(network, torch.rand(1, 3, 8, 8))
    assert recorded["second"].source is not None
    assert recorded["second"].source.layer == "second"
