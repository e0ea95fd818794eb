"""The list of networks as plain facts, for people and for JSON."""

from __future__ import annotations

from typing import Any

from convscope.networks.accuracies import IMAGENET_ACCURACY
from convscope.networks.costs import COSTS
from convscope.networks.table import NETWORKS


def network_facts() -> list[dict[str, Any]]:
    """The table of networks with parameters and MACs, ready for JSON."""
    return [
        {
            "name": row.name,
            "paper": row.paper,
            "departs": row.departs,
            "input": list(row.input),
            "num_classes": row.num_classes,
            "parameters": COSTS[row.name].parameters,
            "macs": COSTS[row.name].macs,
            "options": list(row.options),
            "published": row.published.url if row.published else None,
            "imagenet_top1": IMAGENET_ACCURACY[row.name].top1 if row.published else None,
            "licence": row.published.licence if row.published else None,
        }
        for row in NETWORKS.values()
    ]
