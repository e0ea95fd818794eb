"""Optimizers, with weight decay where it belongs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import nn, optim

from convscope.errors import UsageError, did_you_mean, either_of


@dataclass(frozen=True, slots=True)
class OptimizerDefaults:
    """What a recipe gets that doesn't say otherwise."""

    lr: float
    weight_decay: float
    momentum: float | None = None


# One row per optimizer of the recipe.
DEFAULTS = {
    "sgd": OptimizerDefaults(lr=0.05, weight_decay=5e-4, momentum=0.9),
    "adam": OptimizerDefaults(lr=2e-3, weight_decay=0.0),
    "adamw": OptimizerDefaults(lr=2e-3, weight_decay=0.02),
}


def make_optimizer(
    network: nn.Module,
    name: str,
    *,
    lr: float,
    weight_decay: float,
    momentum: float | None = None,
) -> optim.Optimizer:
    """An optimizer over the parameters that learn.

    Weight decay is kept off parameters with one axis (biases, scales and shifts of normalisation):
    pulling them to zero doesn't simplify what the network computes.

    Raises:
        UsageError: No optimizer has this name.
    """
    learning = [p for p in network.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in learning if p.ndim > 1], "weight_decay": weight_decay},
        {"params": [p for p in learning if p.ndim <= 1], "weight_decay": 0.0},
    ]
    filled: list[dict[str, Any]] = [group for group in groups if group["params"]]
    if name == "sgd":
        beta = momentum or 0.0
        return optim.SGD(filled, lr=lr, momentum=beta, nesterov=beta > 0, fused=True)
    if name == "adam":
        return optim.Adam(filled, lr=lr, fused=True)
    if name == "adamw":
        return optim.AdamW(filled, lr=lr, fused=True)
    near = did_you_mean(name, DEFAULTS)
    raise UsageError(
        f"no optimizer is called `{name}`",
        hint=f"{near + ' ' if near else ''}there are {either_of(list(DEFAULTS))}",
    )
