"""The costs in the list of networks are those that the layer table measures."""

from __future__ import annotations

import pytest

from convscope import summarize
from convscope.networks import network_names
from convscope.networks.registry import COSTS


@pytest.mark.slow
@pytest.mark.parametrize("name", network_names())
def test_the_listed_cost_is_the_measured_one(name: str) -> None:
    table = summarize(name)
    assert COSTS[name] == (table.parameters, table.macs)


def test_every_network_is_listed_once_in_the_tables_order() -> None:
    assert list(COSTS) == list(network_names())
