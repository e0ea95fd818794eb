"""The table of optimizers with their defaults, and how they are made."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import optim

from convscope.errors import UsageError
from convscope.recipe import ResolvedRecipe
from convscope.text import did_you_mean, either_of
from convscope.training.muon import Muon
from convscope.uncompiled import uncompiled

ParameterGroups = Sequence[Mapping[str, Any]]
LBFGS_TRIES = 10  # evaluations of the loss in a step, the line search's among them


@dataclass(frozen=True, slots=True)
class OptimizerKind:
    """One row of the table of optimizers.

    Attributes:
        make: Its class, which takes groups of parameters, `lr` and the options below.
        lr: Learning rate for networks with normalisation, at `REFERENCE_BATCH` images a step.
        power: How the rate grows with the batch: 1 for steps that are gradients, 0.5 for steps
            that are gradients divided by their size, 0 where the batch doesn't matter.
        weight_decay: Default weight decay.
        momentum: Default momentum; None where it takes none.
        betas: Default decay rates; None where it takes none.
        options: Other arguments of `make`.
    """

    make: type[optim.Optimizer]
    lr: float
    power: float
    weight_decay: float = 0.0
    momentum: float | None = None
    betas: tuple[float, float] | None = None
    options: Mapping[str, Any] | None = None


REFERENCE_BATCH = 32
DEFAULT_BETAS = (0.9, 0.999)
FUSED = {"fused": True}
# Without a line search LBFGS diverges as soon as batches differ. Each step it remembers takes twice
# the memory of all weights.
SEARCHING = {
    "line_search_fn": "strong_wolfe",
    "max_iter": 4,
    "max_eval": LBFGS_TRIES,
    "history_size": 10,
}

# fmt: off
OPTIMIZERS: Mapping[str, OptimizerKind] = {
    "sgd": OptimizerKind(optim.SGD, 0.0125, 1, 5e-4, momentum=0.9, options=FUSED),
    "asgd": OptimizerKind(optim.ASGD, 0.05, 1, 5e-4),
    "adadelta": OptimizerKind(optim.Adadelta, 1.0, 0.5, 0.0),
    "adagrad": OptimizerKind(optim.Adagrad, 0.01, 0.5, 0.0),
    "adam": OptimizerKind(optim.Adam, 2e-3, 0.5, 0.0, betas=DEFAULT_BETAS, options=FUSED),
    "adamw": OptimizerKind(optim.AdamW, 2e-3, 0.5, 0.02, betas=DEFAULT_BETAS, options=FUSED),
    "adamax": OptimizerKind(optim.Adamax, 4e-3, 0.5, 0.0, betas=DEFAULT_BETAS),
    "rmsprop": OptimizerKind(optim.RMSprop, 5e-4, 0.5, 0.0, momentum=0.9),
    "rprop": OptimizerKind(optim.Rprop, 1e-3, 0),
    "lbfgs": OptimizerKind(optim.LBFGS, 0.5, 0, options=SEARCHING),
    "muon": OptimizerKind(Muon, 2e-3, 0.5, 0.02, momentum=0.95, betas=(0.9, 0.95)),
}
# fmt: on


def optimizer_kind(name: str) -> OptimizerKind:
    """The row of an optimizer.

    Raises:
        UsageError: No optimizer has this name.
    """
    if name in OPTIMIZERS:
        return OPTIMIZERS[name]
    near = did_you_mean(name, OPTIMIZERS)
    raise UsageError(
        f"no optimizer is called `{name}`",
        hint=f"{near + ' ' if near else ''}there are {either_of(list(OPTIMIZERS))}",
    )


def scaled_rate(lr: float, batch_size: int, *, power: float) -> float:
    """The rate for a batch size: lr * (batch_size / 32) ** power, to three digits.

    Source: Goyal et al. 2017, Accurate, large minibatch SGD, for power 1; Malladi et al. 2022, On
        the SDEs and scaling rules for adaptive gradient algorithms, for power 0.5.
    """
    return float(f"{lr * (batch_size / REFERENCE_BATCH) ** power:.3g}")


def make_optimizer(
    name: str,
    groups: ParameterGroups,
    *,
    lr: float,
    momentum: float | None = None,
    betas: tuple[float, float] | None = None,
    eps: float | None = None,
) -> optim.Optimizer:
    """An optimizer over groups of parameters.

    Args:
        name: A name of `OPTIMIZERS`.
        groups: Parameters with their weight decay and, where it is another one, their rate.
        lr: Learning rate of groups without one of their own.
        momentum: Momentum; None for the optimizer's default.
        betas: Decay rates; None for the optimizer's default.
        eps: Term that keeps denominators above zero; None for torch's default.

    Raises:
        UsageError: No optimizer has this name.
    """
    kind = optimizer_kind(name)
    make: Callable[..., optim.Optimizer] = uncompiled(kind.make)
    given = {
        "momentum": kind.momentum if momentum is None else momentum,
        "betas": betas or kind.betas,
        "eps": eps,
        **(kind.options or {}),
    }
    options = {field: value for field, value in given.items() if value is not None}
    if name == "sgd":
        options["nesterov"] = options["momentum"] > 0
    if name == "lbfgs":  # one rate, no decay, one list
        return make([p for group in groups for p in group["params"]], lr=lr, **options)
    if name == "rprop":
        groups = [
            {key: value for key, value in group.items() if key != "weight_decay"}
            for group in groups
        ]
    return make([dict(group) for group in groups], lr=lr, **options)


def optimizer_of(recipe: ResolvedRecipe, groups: ParameterGroups) -> optim.Optimizer:
    """The optimizer that a recipe asks for."""
    return make_optimizer(
        recipe.opt,
        groups,
        lr=recipe.lr,
        momentum=recipe.momentum,
        betas=recipe.betas,
        eps=recipe.eps,
    )
