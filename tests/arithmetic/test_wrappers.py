"""Wrappers are taken off or named; hints say what the failing layer's own numbers show."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from convscope.arithmetic import layer_table, verify
from convscope.errors import NetworkError


def plain() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 5)
    )


def compiled() -> nn.Module:
    network: Any = torch.compile(plain())
    assert isinstance(network, nn.Module)
    return network


def compiled_in_place() -> nn.Module:
    network = plain()
    network.compile()
    return network


WRAPPED: dict[str, Callable[[], nn.Module]] = {
    "DataParallel": lambda: nn.DataParallel(plain()),
    "DataParallel twice": lambda: nn.DataParallel(nn.DataParallel(plain())),
    "torch.fx": lambda: torch.fx.symbolic_trace(plain()),
}
SLOWLY_WRAPPED: dict[str, Callable[[], nn.Module]] = {
    "torch.compile": compiled,
    "both": lambda: nn.DataParallel(compiled()),
    "compile in place": compiled_in_place,
}


def check_is_as_plain(network: nn.Module) -> None:
    table, expected = layer_table(network, (3, 32, 32)), layer_table(plain(), (3, 32, 32))
    assert table == expected
    assert table.macs == 8 * 27 * 900 + 40
    assert verify(network, table).holds


@pytest.mark.parametrize("kind", WRAPPED)
def test_a_wrapped_network_has_the_table_of_the_one_inside(kind: str) -> None:
    check_is_as_plain(WRAPPED[kind]())


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # torch's compiler warns of its own parts
@pytest.mark.parametrize("kind", SLOWLY_WRAPPED)
def test_a_compiled_network_has_the_table_of_the_one_inside(kind: str) -> None:
    network = SLOWLY_WRAPPED[kind]()
    call = vars(network).get("_compiled_call_impl")
    check_is_as_plain(network)
    assert vars(network).get("_compiled_call_impl") is call


REFUSED: dict[str, tuple[Callable[[], nn.Module], str]] = {
    "scripted": (
        lambda: torch.jit.script(plain()),
        "the module is a `RecursiveScriptModule`, compiled by `torch.jit`",
    ),
    "traced": (
        lambda: torch.jit.trace(plain(), torch.zeros(1, 3, 32, 32)),  # type: ignore[no-untyped-call]
        "the module is a `TopLevelTracedModule`",
    ),
    "scripted inside": (
        lambda: nn.Sequential(nn.Identity(), torch.jit.script(plain())),
        "layer `1` is a `RecursiveScriptModule`",
    ),
    "DataParallel inside": (
        lambda: nn.Sequential(nn.DataParallel(plain())),
        "layer `0` is a `DataParallel` around another module",
    ),
}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("kind", REFUSED)
def test_a_wrapper_that_hides_what_it_runs_is_named(kind: str) -> None:
    make, message = REFUSED[kind]
    with pytest.raises(NetworkError) as caught:
        layer_table(make(), (3, 32, 32))
    assert caught.value.message.startswith(message)
    assert caught.value.hint is not None
    assert caught.value.hint.startswith("give the ")


@pytest.mark.slow
def test_an_exported_network_is_refused_by_name() -> None:
    exported = torch.export.export(plain(), (torch.zeros(1, 3, 32, 32),))
    with pytest.raises(NetworkError, match="has no training and evaluation mode") as caught:
        layer_table(exported.module(), (3, 32, 32))
    assert caught.value.hint == "give the network as it was before it was exported"


class OwnForward(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Fails for a reason that no layer knows."""
        return x.reshape(7, 7)


@pytest.mark.parametrize(
    ("network", "shape", "hint"),
    [
        (plain(), (4, 32, 32), "the network takes images of 3 channels"),
        (
            plain(),
            (24, 32, 3),
            "is this height x width x channels? write `3x24x32`, channels first",
        ),
        (
            nn.Sequential(nn.Conv2d(3, 4, 3), nn.Conv2d(5, 4, 3)),
            (3, 8, 8),
            "this layer takes 5 channels and gets 4",
        ),
        (
            plain(),
            (3, 2, 9),
            "give a larger image: the maps are 2x9 here, smaller than the layer's window",
        ),
        (
            nn.Sequential(nn.Conv2d(3, 4, 3), nn.MaxPool2d(8)),
            (3, 6, 6),
            "give a larger image: the maps are 4x4 here, smaller than the layer's window",
        ),
        (
            nn.Sequential(nn.Conv2d(3, 8, 3), nn.Linear(8 * 16, 4)),
            (3, 6, 6),
            "put `nn.Flatten()` before this layer: it gets maps and takes vectors",
        ),
        (
            nn.Sequential(nn.Flatten(), nn.Linear(300, 4)),
            (3, 8, 8),
            "this layer takes 300 values and gets 192: give images of the size that the network "
            "was made for",
        ),
        (OwnForward(), (3, 8, 8), None),
        (nn.Sequential(nn.LayerNorm(5)), (3, 8, 8), None),
    ],
)
def test_a_hint_is_given_only_where_its_cause_was_seen(
    network: nn.Module, shape: tuple[int, ...], hint: str | None
) -> None:
    with pytest.raises(NetworkError) as caught:
        layer_table(network, shape)
    assert caught.value.hint == hint
