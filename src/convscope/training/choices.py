"""Choices: what a recipe leaves open, decided by the data, and written into the recipe.

Some follow from a look at a few images (network, input size), others from the number of train
images (epochs, batch size, augmentation). Every rule is here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from convscope.classifier import NetworkChoice
from convscope.data.augment.augmentation import Augmentation, default_augmentation
from convscope.data.augment.mixing import Mixing
from convscope.data.facts import channel_moments
from convscope.data.preprocessing import Preprocessing
from convscope.data.probe import ImageKind
from convscope.device import Device
from convscope.errors import UsageError
from convscope.networks import entry, smallest_input
from convscope.networks.entry import NetworkEntry
from convscope.recipe import DecidedRecipe, Recipe, Tune, size_of
from convscope.training.optimizers import DEFAULTS
from convscope.training.schedules import ONE_CYCLE_WARMUP_SHARE
from convscope.training.start import Start

SMALL_IMAGE_PX = 40
IMAGES_TO_SHOW = 500_000  # epochs times images, within the bounds below
EPOCHS_BOUNDS = (8, 60)
HEAD_EPOCHS = 20  # one layer on features that are there already converges soon
TRANSFER_LR_SHARE = 0.2  # of the usual rate, where all of a trained network goes on learning
AUXILIARY_WEIGHT = 0.3  # Szegedy et al. 2014, section 5

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class NetworkDecision:
    """What is decided before the images are decoded.

    Attributes:
        choice: Network, classes, channels and input size.
        preprocessing: Its mean and std are still to be measured where `is_measured_later`.
        is_measured_later: Whether mean and std come from the train images.
        tune: Which layers learn.
        initialization: Scheme of the first weights.
        auxiliary_weight: Of auxiliary outputs; None where none learn.
    """

    choice: NetworkChoice
    preprocessing: Preprocessing
    is_measured_later: bool
    tune: Tune
    initialization: str
    auxiliary_weight: float | None


def decide_network(
    recipe: Recipe, kind: ImageKind, start: Start, *, num_classes: int
) -> NetworkDecision:
    """Network, input and preprocessing.

    Raises:
        NetworkError: No network has this name.
        UsageError: `auxiliary_weight` is given, but nothing auxiliary learns.
    """
    small = kind.shorter_side_px <= SMALL_IMAGE_PX
    row = entry(recipe.model or start.model or ("lenet5_relu" if small else "resnet18"))
    tune = recipe.tune or "all"
    options = {**start.options, **recipe.options}
    preprocessing = _preprocessing(recipe, row, kind, start)
    return NetworkDecision(
        choice=NetworkChoice(
            row.name,
            num_classes,
            preprocessing.channels,
            (preprocessing.height, preprocessing.width),
            options,
        ),
        preprocessing=preprocessing,
        is_measured_later=start.preprocessing is None and start.preparation is None,
        tune=tune,
        initialization=recipe.initialization or row.initialization,
        auxiliary_weight=_auxiliary_weight(recipe, row, options, tune),
    )


def decide_course(
    recipe: Recipe, decision: NetworkDecision, device: Device, *, num_train: int
) -> DecidedRecipe:
    """The recipe with nothing left open.

    Raises:
        UsageError: The warm-up is longer than the training.
    """
    defaults = DEFAULTS[recipe.opt]
    epochs = recipe.epochs or _epochs(num_train, decision.tune)
    is_transfer = recipe.weights is not None and decision.tune == "all"
    usual_lr = defaults.lr * (TRANSFER_LR_SHARE if is_transfer else 1.0)
    usual_warmup = ONE_CYCLE_WARMUP_SHARE * epochs if recipe.sched == "one-cycle" else 0.0
    warmup = _given(recipe.warmup_epochs, usual_warmup)
    if warmup > epochs:
        raise UsageError(
            f"`warmup_epochs` is {warmup:g}, longer than the training of {epochs} epochs"
        )
    preprocessing = decision.preprocessing
    decided = {
        "model": decision.choice.name,
        "options": dict(decision.choice.options),
        "device": str(device.torch),
        "precision": device.precision,
        "img_size": size_of(preprocessing.height, preprocessing.width),
        "fit": preprocessing.fit,
        "initialization": decision.initialization,
        "tune": decision.tune,
        "auxiliary_weight": decision.auxiliary_weight,
        "epochs": epochs,
        "batch_size": recipe.batch_size or _batch_size(num_train),
        "lr": recipe.lr or usual_lr,
        "momentum": _given(recipe.momentum, defaults.momentum),
        "weight_decay": _given(recipe.weight_decay, defaults.weight_decay),
        "warmup_epochs": warmup,
        **_augmentation(recipe, channels=decision.preprocessing.channels, num_train=num_train),
    }
    return DecidedRecipe.model_validate({**recipe.model_dump(), **decided})


def measured(preprocessing: Preprocessing, facts: NDArray[np.void]) -> Preprocessing:
    """The preprocessing with mean and std of some images, each of which counts the same.

    Args:
        preprocessing: Its mean and std are replaced.
        facts: (N,) of the images.
    """
    mean, square = channel_moments(facts, preprocessing.channels)
    std = np.sqrt(np.maximum(square - mean**2, 1e-6))
    return replace(preprocessing, mean=_rounded(mean), std=_rounded(std))


def augmentation_of(recipe: DecidedRecipe) -> Augmentation:
    """The augmentation that a recipe describes."""
    names = [
        field.name for field in fields(Augmentation) if field.name in type(recipe).model_fields
    ]
    given = {name: getattr(recipe, name) for name in names}
    return Augmentation(**{name: value for name, value in given.items() if value is not None})


def mixing_of(recipe: DecidedRecipe) -> Mixing | None:
    """How a recipe mixes the images of a batch; None if it doesn't."""
    if not recipe.mixup and not recipe.cutmix:
        return None
    return Mixing(mixup_alpha=recipe.mixup, cutmix_alpha=recipe.cutmix)


def _preprocessing(
    recipe: Recipe, row: NetworkEntry, kind: ImageKind, start: Start
) -> Preprocessing:
    """The source's preprocessing where there is a source, at the size asked for."""
    if start.preprocessing is not None:
        source = start.preprocessing
        height, width = recipe.input_sides or (source.height, source.width)
        resize = source.resize
        if resize is not None:
            resize = round(resize * max(height, width) / max(source.height, source.width))
        return replace(
            source,
            height=height,
            width=width,
            resize=resize,
            fit=recipe.fit or source.fit,
            value_range=recipe.value_range,
        )
    side = _input_side(recipe, row, kind, start) if recipe.input_sides is None else 0
    height, width = recipe.input_sides or (side, side)
    channels = start.channels or kind.channels
    plain = Preprocessing(
        height=height,
        width=width,
        channels=channels,
        fit=recipe.fit or "crop",
        mean=(0.0,) * channels,
        std=(1.0,) * channels,
        value_range=recipe.value_range,
    )
    publisher = start.preparation
    if publisher is None:
        return plain
    resize = None
    if publisher.resize_px and publisher.crop_px and plain.fit == "crop":
        resize = round(publisher.resize_px * max(height, width) / publisher.crop_px)
    return replace(plain, resize=resize, mean=publisher.mean, std=publisher.std)


def _input_side(recipe: Recipe, row: NetworkEntry, kind: ImageKind, start: Start) -> int:
    """The network's own size; smaller images are enlarged only as far as the network needs."""
    own = row.input[1]
    if own <= SMALL_IMAGE_PX or start.state is not None:
        return own
    smallest = smallest_input(row.name, **recipe.options)
    return min(own, max(smallest, kind.shorter_side_px))


def _auxiliary_weight(
    recipe: Recipe, row: NetworkEntry, options: Mapping[str, object], tune: str
) -> float | None:
    has_heads = bool(options.get("auxiliaries", row.options.get("auxiliaries", False)))
    if has_heads and tune == "all":
        return _given(recipe.auxiliary_weight, AUXILIARY_WEIGHT)
    if recipe.auxiliary_weight is not None:
        raise UsageError(
            f"`auxiliary_weight` has no effect: no auxiliary output of `{row.name}` learns here",
            hint="googlenet has such outputs, and they learn with `--tune all`",
        )
    return None


def _augmentation(recipe: Recipe, *, channels: int, num_train: int) -> dict[str, float]:
    """Where the recipe is silent: the usual shifts, unless crops or padding do that already."""
    usual = default_augmentation(channels=channels, num_images=num_train)
    moves = not recipe.crop_scale and not recipe.pad_crop
    return {
        "crop_scale": _given(recipe.crop_scale, 0.0),
        "pad_crop": _given(recipe.pad_crop, 0),
        "hflip": _given(recipe.hflip, 0.5 if recipe.flip_mode == "alternating" else usual.hflip),
        "translate": _given(recipe.translate, usual.translate if moves else 0.0),
        "rotate": _given(recipe.rotate, usual.rotate),
        "scale": _given(recipe.scale, usual.scale if moves else 0.0),
    }


def _epochs(num_train: int, tune: str) -> int:
    low, high = EPOCHS_BOUNDS
    if tune == "head":
        high = HEAD_EPOCHS
    return min(high, max(low, math.ceil(IMAGES_TO_SHOW / num_train)))


def _batch_size(num_train: int) -> int:
    if num_train >= 10_000:
        return 128
    return 64 if num_train >= 3_000 else 32


def _given(value: T | None, default: T) -> T:
    return default if value is None else value


def _rounded(values: NDArray[np.float64]) -> tuple[float, ...]:
    return tuple(round(float(value), 6) for value in values)
