"""The course of a training: what a recipe leaves open about it, decided and written into it.

Epochs, batch size, optimizer, rate, schedule and augmentation follow from the network's family and
the number of train images. Every rule is here or in the tables of `families` and `optimizers`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from torch import nn

from convscope.data.augment.augmentation import Augmentation
from convscope.device import Device
from convscope.errors import UsageError
from convscope.networks import blocks, entry, smallest_input
from convscope.recipe import (
    OPTIMIZERS_WITH,
    SCHEDULES_WITH,
    DecidedRecipe,
    Opt,
    Recipe,
    Sched,
    given_or,
    size_of,
)
from convscope.training.choices import NetworkDecision
from convscope.training.families import FAMILIES, Family, family_of
from convscope.training.features import feature_bytes, usual_views
from convscope.training.optimizers import optimizer_kind, scaled_rate
from convscope.training.variation import augmentation_of, decide_variation

USUAL_OPT: Opt = "adamw"
USUAL_SCHED: Sched = "one-cycle"
IMAGES_TO_SHOW = 500_000  # epochs times images, within the bounds below
EPOCHS_BOUNDS = (8, 60)
HEAD_EPOCHS = 20  # one layer on features that are there already converges soon
TRANSFER_LR_SHARE = 0.2  # of the usual rate, where all of a trained network goes on learning
WARMUP_SHARES = {"one-cycle": 0.25}  # of the epochs, of schedules that need one
FINAL_SHARES = {"cosine": 0.0, "one-cycle": 1e-4, "plateau": 1e-4}  # of the highest rate


def decide_course(
    recipe: Recipe,
    decision: NetworkDecision,
    network: nn.Module,
    device: Device,
    *,
    num_train: int,
) -> DecidedRecipe:
    """The recipe with nothing left open; a rate or epochs that are to be measured are the usual.

    Args:
        recipe: With open choices.
        decision: What was decided before.
        network: With its frozen layers frozen.
        device: Where it learns.
        num_train: Images to learn from.

    Raises:
        UsageError: A field that is given has no effect on what was chosen.
    """
    family = FAMILIES[family_of(network)]
    epochs = recipe.epochs or _epochs(num_train, decision.tune)
    preprocessing = decision.preprocessing
    augmentation = decide_variation(
        recipe, channels=preprocessing.channels, num_train=num_train, tune=decision.tune
    )
    decided: dict[str, Any] = {
        "model": decision.choice.name,
        "options": dict(decision.choice.options),
        "dropout": None,  # they are among the options now
        "drop_path": None,
        "device": str(device.torch),
        "precision": device.precision,
        "img_size": size_of(preprocessing.height, preprocessing.width),
        "fit": preprocessing.fit,
        "initialization": decision.initialization,
        "tune": decision.tune,
        "layer_decay": given_or(recipe.layer_decay, 1.0),
        "auxiliary_weight": decision.auxiliary_weight,
        "epochs": epochs,
        "time": None,
        "batch_size": recipe.batch_size
        if isinstance(recipe.batch_size, int)
        else max(recipe.accumulate, _batch_size(num_train)),
        "label_smoothing": given_or(recipe.label_smoothing, 0.0),
        "focal_gamma": given_or(recipe.focal_gamma, 2.0) if recipe.loss == "focal" else None,
        "ema": given_or(recipe.ema, 0.0),
        "clip_norm": given_or(recipe.clip_norm, family.clip_norm),
        **augmentation,
    }
    decided |= _steps(recipe, family, decided["batch_size"], tune=decision.tune)
    decided |= _course(recipe, epochs)
    decided["feature_views"] = _views(recipe, decided, decision, network, num_train)
    result = DecidedRecipe.model_validate({**recipe.model_dump(), **decided})
    result.check()
    _check_sizes(result, decision)
    if recipe.time is None:
        _check_unfreezing(result, network)
    return result


def _steps(recipe: Recipe, family: Family, batch_size: int, *, tune: str) -> dict[str, object]:
    """Optimizer, rate and what belongs to them."""
    opt = recipe.opt or USUAL_OPT
    kind = optimizer_kind(opt)
    share = family.lr_share
    if tune == "all" and (recipe.weights or recipe.continues):
        share *= TRANSFER_LR_SHARE
    usual_lr = scaled_rate(kind.lr * share, batch_size, power=kind.power)
    decays = opt in OPTIMIZERS_WITH["weight_decay"]
    return {
        "opt": opt,
        "lr": recipe.lr if isinstance(recipe.lr, float) else usual_lr,
        "momentum": given_or(recipe.momentum, kind.momentum),
        "betas": given_or(recipe.betas, kind.betas),
        "weight_decay": given_or(recipe.weight_decay, kind.weight_decay if decays else None),
        "bias_decay": given_or(recipe.bias_decay, 0.0 if decays else None),
    }


def _course(recipe: Recipe, epochs: int) -> dict[str, object]:
    """Schedule and what belongs to it.

    Raises:
        UsageError: Something of it lies behind the last epoch.
    """
    sched = recipe.sched or ("constant" if recipe.opt == "rprop" else USUAL_SCHED)
    warmup = given_or(recipe.warmup_epochs, WARMUP_SHARES.get(sched, 0.0) * epochs)
    is_planned = recipe.time is None  # else the number of epochs is not known yet
    if is_planned and warmup > epochs:
        raise UsageError(
            f"`warmup_epochs` is {warmup:g}, longer than the training of {epochs} epochs"
        )
    if is_planned and recipe.milestones and recipe.milestones[-1] >= epochs:
        raise UsageError(
            f"`milestones` has {recipe.milestones[-1]}, but the training has {epochs} epochs",
            hint="milestones are epochs after which training goes on",
        )
    usual: dict[str, object] = {
        "step_epochs": max(1, epochs // 3),
        "milestones": tuple(sorted({max(1, epochs // 2), max(1, epochs * 3 // 4)})),
        "gamma": round(0.01 ** (1 / epochs), 6) if sched == "exponential" else 0.1,
        "plateau_epochs": max(2, epochs // 10),
        "final_lr": FINAL_SHARES.get(sched),
    }
    of_schedule = {
        name: given_or(getattr(recipe, name), value if sched in SCHEDULES_WITH[name] else None)
        for name, value in usual.items()
    }
    return {"sched": sched, "warmup_epochs": warmup, **of_schedule}


def _views(
    recipe: Recipe,
    decided: Mapping[str, object],
    decision: NetworkDecision,
    network: nn.Module,
    num_train: int,
) -> int | None:
    """Varied versions of each image whose features are kept; None where all layers learn.

    Raises:
        UsageError: A number is given, but nothing can be computed once.
    """
    if decision.tune == "all":
        return None
    bytes_of_one = feature_bytes(network, decision.preprocessing.input_shape)
    if bytes_of_one is None:
        if recipe.feature_views:
            raise UsageError(
                f"`feature_views` has no effect: nothing of `{decision.choice.name}` can be "
                "computed once"
            )
        return 0
    if recipe.feature_views is not None:
        return recipe.feature_views
    if recipe.mixup or recipe.cutmix or recipe.train_sizes:
        return 0
    varied = DecidedRecipe.model_validate({**recipe.model_dump(), **decided})
    is_varied = augmentation_of(varied) != Augmentation()
    views = usual_views(bytes_of_one, num_images=num_train)
    return views if is_varied else min(1, views)


def _check_unfreezing(recipe: DecidedRecipe, network: nn.Module) -> None:
    """Refuses to unfreeze so slowly that some blocks never learn.

    Raises:
        UsageError: The training ends before all blocks have joined.
    """
    if recipe.unfreeze_epochs is None:
        return
    count = len(blocks(network))
    if int((recipe.epochs - 1) / recipe.unfreeze_epochs) < count - 1:
        most = math.floor(100 * (recipe.epochs - 1) / max(1, count - 1)) / 100
        raise UsageError(
            f"`unfreeze_epochs` is {recipe.unfreeze_epochs:g}, too slow for the {count} blocks of "
            f"`{recipe.model}` in {recipe.epochs} epochs",
            hint=f"with `--unfreeze-epochs {most:g}` the first block joins before the end",
        )


def _check_sizes(recipe: DecidedRecipe, decision: NetworkDecision) -> None:
    """Refuses progressive sizes that the network can't take.

    Raises:
        UsageError: They don't grow to the input's size, or the network takes one size alone.
    """
    if recipe.train_sizes is None:
        return
    row, last_px = entry(recipe.model), max(recipe.input_sides or (0, 0))
    if row.needs_input_size:
        raise UsageError(
            f"`train_sizes` has no effect on `{row.name}`: its dense layers take one size alone",
            hint="networks that average before their last layer take any size",
        )
    if recipe.train_sizes[-1] >= last_px:
        raise UsageError(
            f"`train_sizes` goes up to {recipe.train_sizes[-1]}, `img_size` is {last_px}",
            hint="the sizes before `--img-size` are given, each smaller than the next",
        )
    channels = decision.preprocessing.channels
    smallest = smallest_input(row.name, in_channels=channels, **decision.choice.options)
    shorter = round(recipe.train_sizes[0] * min(recipe.input_sides or (1, 1)) / last_px)
    if shorter < smallest:
        raise UsageError(
            f"`train_sizes` begins with {recipe.train_sizes[0]}, too small for `{row.name}`",
            hint=f"the smallest is {smallest}x{smallest}",
        )


def _epochs(num_train: int, tune: str) -> int:
    low, high = EPOCHS_BOUNDS
    if tune == "head":
        high = HEAD_EPOCHS
    return min(high, max(low, math.ceil(IMAGES_TO_SHOW / num_train)))


def _batch_size(num_train: int) -> int:
    if num_train >= 10_000:
        return 128
    return 64 if num_train >= 3_000 else 32
