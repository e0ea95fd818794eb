"""A module whose table was made is afterwards what it was, and works as it did."""

from __future__ import annotations

import copy
import gc
import warnings
import weakref
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from convscope.arithmetic import layer_table, tracer, verify
from convscope.arithmetic.state_guard import attributes_restored, in_mode

IMAGE = (3, 8, 8)


class KeepsGrids(nn.Module):
    """Makes grids for a size once, as an attribute, in a dictionary, and as a buffer."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.grid: Tensor | None = None
        self.by_size: dict[int, Tensor] = {}
        self.steps: Tensor

    def forward(self, x: Tensor) -> Tensor:
        """Maps with three positions added."""
        maps: Tensor = self.conv(x)
        width = maps.shape[3]
        if self.grid is None:
            self.grid = torch.linspace(0, 1, width, device=x.device)
            self.register_buffer("steps", torch.ones(width, device=x.device), persistent=False)
        grid = self.by_size.setdefault(width, torch.arange(width, device=x.device))
        return maps + self.grid + grid + self.steps


def test_a_network_that_keeps_tensors_runs_after_its_table_was_made() -> None:
    network = nn.Sequential(KeepsGrids()).eval()
    verify(network, layer_table(network, IMAGE))
    assert network[0].grid is None
    assert network[0].by_size == {}
    assert not hasattr(network[0], "steps")
    assert network(torch.rand(1, *IMAGE)).device.type == "cpu"


def test_weights_that_a_hook_computes_are_real_again_and_can_be_copied() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch advises a newer form
        network = nn.Sequential(nn.utils.weight_norm(nn.Conv2d(3, 4, 3))).eval()
    with torch.no_grad():
        network(torch.rand(1, *IMAGE))
    layer_table(network, IMAGE)
    assert network[0].weight.device.type == "cpu"
    copy.deepcopy(network)


def _leave_and_fail(module: KeepsGrids) -> None:
    module(torch.rand(1, *IMAGE))
    del module.by_size
    raise RuntimeError


def test_attributes_are_restored_also_where_the_pass_fails() -> None:
    module = KeepsGrids()
    with pytest.raises(RuntimeError), attributes_restored(module):
        _leave_and_fail(module)
    assert (module.grid, module.by_size) == (None, {})


class Merges(nn.Conv2d):
    """Adds a small part to its weight for evaluation, and takes it out again for training."""

    def __init__(self) -> None:
        super().__init__(3, 3, 3)
        self.part = nn.Parameter(torch.full((1,), 0.1))
        self.parts_merged: list[str] = []

    def train(self, mode: bool = True) -> Merges:
        """Merge or take out."""
        super().train(mode)
        if mode and self.parts_merged:
            self.weight.data -= self.part.data
            self.parts_merged.pop()
        if not mode and not self.parts_merged:
            self.weight.data += self.part.data
            self.parts_merged.append("part")
        return self

    def forward(self, x: Tensor) -> Tensor:
        """Maps by the whole weight."""
        weight = self.weight if self.parts_merged else self.weight + self.part
        return functional.conv2d(x, weight, self.bias)


def test_layers_that_merge_weights_for_evaluation_go_on_training_without() -> None:
    network: Any = nn.Sequential(Merges(), nn.Sequential(Merges())).train()
    network[1].eval()
    before = copy.deepcopy(network)
    layer_table(network, IMAGE)
    with in_mode(network, training=True):
        assert network[1][0].parts_merged == []
    for now, then in zip(network.modules(), before.modules(), strict=True):
        assert now.training == then.training
        assert getattr(now, "parts_merged", None) == getattr(then, "parts_merged", None)
    for now, then in zip(network.parameters(), before.parameters(), strict=True):
        assert torch.equal(now, then)


@pytest.mark.slow
def test_making_a_table_leaves_nothing_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []

    class Noted(tracer.Tracer):  # type: ignore[no-untyped-call]
        def __init__(self, *args: object, **kwargs: object) -> None:
            super().__init__(*args, **kwargs)  # type: ignore[arg-type]
            made.append(weakref.ref(self))

    monkeypatch.setattr(tracer, "Tracer", Noted)
    layer_table(nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU()), IMAGE)
    layer_table(Draws(), IMAGE)
    gc.collect()
    assert len(made) == 3  # one of them with values
    assert [reference() for reference in made] == [None] * 3


class Draws(nn.Module):
    """Draws a random number on the processor, then looks at a value."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)

    def forward(self, x: Tensor) -> Tensor:
        """Maps, changed by the number."""
        maps: Tensor = self.conv(x) * torch.rand(1).item()
        return maps if x.mean() < 1 else x


def test_random_numbers_that_a_forward_draws_are_not_taken_from_the_caller() -> None:
    network = Draws()
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    layer_table(network, IMAGE, training=True)
    assert torch.equal(torch.rand(1), expected)
