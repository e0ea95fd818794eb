"""Resolving a recipe: what it leaves open is decided, for these images and this network."""

from __future__ import annotations

import math
from typing import Any

from torch import nn

from convscope.classifier import NetworkChoice
from convscope.data.augment.augmentation import Augmentation
from convscope.device import Device
from convscope.errors import UsageError
from convscope.networks import layer_blocks, network_entry, smallest_input
from convscope.recipe import (
    OPTIMIZERS_WITH,
    SCHEDULES_WITH,
    DataFields,
    LossFields,
    PreprocessingFields,
    Recipe,
    ResolvedRecipe,
    given_or,
    size_of,
)
from convscope.training.frozen_features import default_views, feature_bytes
from convscope.training.network_choice import trains_auxiliary_heads
from convscope.training.optimizers import optimizer_kind, scaled_rate
from convscope.training.presets import (
    AUXILIARY_WEIGHT,
    DEFAULT_OPT,
    DEFAULT_SCHED,
    FAMILIES,
    FINAL_SHARES,
    HEAD_FIRST_LAYER_DECAY,
    TRANSFER_LR_SHARE,
    WARMUP_SHARES,
    Family,
    augmentation_of,
    default_augmentations,
    default_batch_size,
    default_epochs,
    default_tune_epochs,
    family_of,
)
from convscope.training.setup import FORMAT_FIELDS
from convscope.training.training_data import TrainingData


def resolve(
    recipe: Recipe, choice: NetworkChoice, network: nn.Module, data: TrainingData, device: Device
) -> ResolvedRecipe:
    """The recipe with nothing left open.

    A batch size, a learning rate or a number of epochs that is still to be measured gets its
    default: a dry run needs one to measure with.

    Args:
        recipe: The recipe as given.
        choice: The network's name and options.
        network: The network, with its frozen layers frozen.
        data: The images, and the preprocessing.
        device: Device and number format of the training.

    Raises:
        UsageError: A field that is given has no effect on what was chosen.
    """
    num_train, preprocessing = len(data.split.train), data.preprocessing
    tune = "all" if recipe.tune in (None, "auto") else recipe.tune  # a dry run measures all layers
    epochs = recipe.epochs or default_epochs(num_train, tune)
    if recipe.head_epochs and recipe.epochs is None:
        epochs = recipe.head_epochs + default_tune_epochs(num_train)
    is_auto = not isinstance(recipe.batch_size, int)
    resolved: dict[str, Any] = {
        **_network(recipe, choice),
        "device": str(device.torch),
        "precision": device.precision,
        "memory_format": "channels_last"
        if recipe.memory_format == "auto"
        else recipe.memory_format,
        "img_size": size_of(preprocessing.height, preprocessing.width),
        "fit": preprocessing.fit,
        "tune": tune,
        "layer_decay": given_or(
            recipe.layer_decay, HEAD_FIRST_LAYER_DECAY if recipe.head_epochs else 1.0
        ),
        "epochs": epochs,
        "time": None,
        "batch_size": max(recipe.accumulate, default_batch_size(num_train))
        if is_auto
        else recipe.batch_size,
        "label_smoothing": given_or(recipe.label_smoothing, 0.0),
        "focal_gamma": given_or(recipe.focal_gamma, 2.0) if recipe.loss == "focal" else None,
        "ema": given_or(recipe.ema, 0.0),
        **default_augmentations(recipe, channels=preprocessing.channels, num_train=num_train),
    }
    family = FAMILIES[family_of(network)]
    resolved |= _optimizer(recipe, family, resolved["batch_size"])
    resolved |= _schedule(recipe, epochs - (recipe.head_epochs or 0))
    result = ResolvedRecipe.model_validate({**recipe.model_dump(), **resolved})
    views = _feature_views(result, network, data)
    result = result.model_copy(update={"feature_views": views})
    result.check()
    _check_sizes(result, choice)
    if recipe.time is None:
        _check_unfreezing(result, network)
    return result


def head_recipe(recipe: ResolvedRecipe) -> Recipe:
    """The recipe of the first epochs, in which the head alone is trained.

    It follows from the resolved recipe alone, so that the same one gives the same model again.
    What says how all layers are trained afterwards doesn't count here.
    """
    kept = {
        *DataFields.model_fields,
        *PreprocessingFields.model_fields,
        *LossFields.model_fields,
        *("model", "options", "initialization", "weights", "feature_views"),
        *FORMAT_FIELDS,
        *("batch_size", "accumulate", "sampler", "seed", "device", "deterministic"),
    } - {"auxiliary_weight"}
    fields = {name: getattr(recipe, name) for name in kept}
    first = {"tune": "head", "epochs": recipe.head_epochs, "hflip": recipe.hflip}
    return Recipe.parse({**fields, **first})


def _network(recipe: Recipe, choice: NetworkChoice) -> dict[str, object]:
    """The network, and the fields that belong to it."""
    row, weight = network_entry(choice.name), None
    if trains_auxiliary_heads(recipe, row, choice.options):
        weight = given_or(recipe.auxiliary_weight, AUXILIARY_WEIGHT)
    return {
        "model": choice.name,
        "options": dict(choice.options),
        "dropout": None,  # they are among the options now
        "drop_path": None,
        "initialization": recipe.initialization or row.initialization,
        "auxiliary_weight": weight,
    }


def _optimizer(recipe: Recipe, family: Family, batch_size: int) -> dict[str, object]:
    """The optimizer, its learning rate, and the fields that belong to them."""
    opt = recipe.opt or DEFAULT_OPT
    kind = optimizer_kind(opt)
    share = family.lr_share
    if recipe.tune in (None, "all", "auto") and not recipe.is_from_scratch:
        share *= TRANSFER_LR_SHARE
    default_lr = scaled_rate(kind.lr * share, batch_size, power=kind.power)
    decays = opt in OPTIMIZERS_WITH["weight_decay"]
    return {
        "opt": opt,
        "lr": recipe.lr if isinstance(recipe.lr, float) else default_lr,
        "momentum": given_or(recipe.momentum, kind.momentum),
        "betas": given_or(recipe.betas, kind.betas),
        "weight_decay": given_or(recipe.weight_decay, kind.weight_decay if decays else None),
        "bias_decay": given_or(recipe.bias_decay, 0.0 if decays else None),
        "clip_norm": given_or(recipe.clip_norm, family.clip_norm),
    }


def _schedule(recipe: Recipe, epochs: int) -> dict[str, object]:
    """The schedule, and the fields that belong to it.

    Raises:
        UsageError: A milestone or the warm-up lies behind the last epoch.
    """
    sched = recipe.sched or ("constant" if recipe.opt == "rprop" else DEFAULT_SCHED)
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
    defaults: dict[str, object] = {
        "step_epochs": max(1, epochs // 3),
        "milestones": tuple(sorted({max(1, epochs // 2), max(1, epochs * 3 // 4)})),
        "gamma": round(0.01 ** (1 / epochs), 6) if sched == "exponential" else 0.1,
        "plateau_epochs": max(2, epochs // 10),
        "final_lr": FINAL_SHARES.get(sched),
    }
    of_schedule = {
        name: given_or(getattr(recipe, name), value if sched in SCHEDULES_WITH[name] else None)
        for name, value in defaults.items()
    }
    return {"sched": sched, "warmup_epochs": warmup, **of_schedule}


def _feature_views(recipe: ResolvedRecipe, network: nn.Module, data: TrainingData) -> int | None:
    """Number of augmented versions of each image whose features are computed once.

    None where all layers are trained, 0 where features are computed in each step.

    Raises:
        UsageError: A number is given, but nothing can be computed once.
    """
    if recipe.tune == "all":
        return recipe.feature_views  # of the first epochs, in which the head alone is trained
    bytes_of_one = feature_bytes(network, data.preprocessing.input_shape)
    if bytes_of_one is None:
        if recipe.feature_views:
            raise UsageError(
                f"`feature_views` has no effect: nothing of `{recipe.model}` can be computed once"
            )
        return 0
    if recipe.feature_views is not None:
        return recipe.feature_views
    if recipe.mixup or recipe.cutmix or recipe.train_sizes:
        return 0
    views = default_views(bytes_of_one, num_images=len(data.split.train))
    is_augmented = augmentation_of(recipe) != Augmentation()
    return views if is_augmented else min(1, views)


def _check_unfreezing(recipe: ResolvedRecipe, network: nn.Module) -> None:
    """Refuses to unfreeze so slowly that some blocks are never trained.

    Raises:
        UsageError: The training ends before all blocks are unfrozen.
    """
    if recipe.unfreeze_epochs is None:
        return
    count = len(layer_blocks(network))
    if int((recipe.epochs - 1) / recipe.unfreeze_epochs) < count - 1:
        most = math.floor(100 * (recipe.epochs - 1) / max(1, count - 1)) / 100
        raise UsageError(
            f"`unfreeze_epochs` is {recipe.unfreeze_epochs:g}, too slow for the {count} blocks of "
            f"`{recipe.model}` in {recipe.epochs} epochs",
            hint=f"with `--unfreeze-epochs {most:g}` the first block joins before the end",
        )


def _check_sizes(recipe: ResolvedRecipe, choice: NetworkChoice) -> None:
    """Refuses progressive sizes that the network can't take.

    Raises:
        UsageError: They don't grow to the input's size, or the network takes one size alone.
    """
    if recipe.train_sizes is None:
        return
    row, last_px = network_entry(recipe.model), max(recipe.input_sides or (0, 0))
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
    smallest = smallest_input(row.name, in_channels=choice.in_channels, **choice.options)
    shorter = round(recipe.train_sizes[0] * min(recipe.input_sides or (1, 1)) / last_px)
    if shorter < smallest:
        raise UsageError(
            f"`train_sizes` begins with {recipe.train_sizes[0]}, too small for `{row.name}`",
            hint=f"the smallest is {smallest}x{smallest}",
        )
