"""The costs in the list of networks are those that the layer table measures."""

from __future__ import annotations

import pytest

from convscope import summarize
from convscope.networks import names
from convscope.networks.costs import COSTS


@pytest.mark.parametrize("name", names())
def test_the_listed_cost_is_the_measured_one(name: str) -> None:
    table = summarize(name)
    assert COSTS[name] == (table.parameters, table.macs)


def test_every_network_is_listed_once_in_the_tables_order() -> None:
    assert list(COSTS) == list(names())
