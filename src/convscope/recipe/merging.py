"""Values on top of a recipe that is there already."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from convscope.recipe.contradictions import OPTIMIZERS_WITH, SCHEDULES_WITH

# A field -> those that were chosen for its old value, and mean nothing for a new one.
BELONG_TO: Mapping[str, tuple[str, ...]] = {
    "model": ("options", "initialization", "auxiliary_weight"),
    "opt": ("lr", "bias_decay", *OPTIMIZERS_WITH),
    "sched": ("warmup_epochs", *SCHEDULES_WITH),
    "loss": ("focal_gamma",),
    "tune": ("feature_views", "unfreeze_epochs"),
    "policy": ("policy_ops", "policy_magnitude"),
}


def on_top(values: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a recipe with others on top; what belonged to a field that changes is open.

    Options and weights of classes are put on top name by name.

    Args:
        values: For instance of a run's `recipe.yaml`, with everything decided.
        given: What a user asks for.
    """
    merged = dict(values)
    for field, belonging in BELONG_TO.items():
        if field in given and field in values and given[field] != values[field]:
            for name in belonging:
                merged.pop(name, None)
    for name, value in given.items():
        below = merged.get(name)
        if isinstance(value, Mapping) and isinstance(below, Mapping):
            value = {**below, **value}
        merged[name] = value
    return merged
