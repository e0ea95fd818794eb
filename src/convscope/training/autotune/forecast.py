"""A forecast of a training: how long it will take, and what would be quicker.

It is measured before anything that takes long, also before features of frozen layers are computed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import sqrt
from typing import NamedTuple

import numpy as np
import torch

from convscope import networks
from convscope.data.augment.augmentation import Augmentation
from convscope.data.index.scan import ImageKind
from convscope.errors import WeightsError
from convscope.networks import (
    network_entry,
    published_weights,
    smallest_input,
    split_frozen,
    with_folded_batch_norm,
)
from convscope.recipe import Recipe
from convscope.training.autotune.time_budget import Pace, measure_pace
from convscope.training.frozen_features import DEFAULT_VIEWS
from convscope.training.network_choice import (
    ENLARGED_PX,
    PRETRAINED_NETWORK,
    SMALL_IMAGE_PX,
    is_unlike_photos,
)
from convscope.training.presets import augmentation_of, default_tune_epochs
from convscope.training.setup import Setup
from convscope.training.training_data import TrainingData

TRIAL_IMAGES = 4  # by which another network is measured
SIDE_STEP_PX = 32  # sizes that are offered are multiples of it
SMALLEST_OFFERED_PX = 64
EPOCHS_OFFERED = 3  # of all layers; fewer are hardly a training


class Alternative(NamedTuple):
    """What would be quicker.

    Attributes:
        text: What to do.
        seconds: Seconds that it takes, about.
    """

    text: str
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """How fast a training is on this machine.

    Attributes:
        setup: A setup in which every step runs the whole network on images.
        pace: How fast that is; of all layers where it is open which ones are trained.
        num_features: Number of images, each augmented version counted, whose features are to be
            computed once; 0 where none are.
    """

    setup: Setup
    pace: Pace
    num_features: int

    @property
    def features_seconds(self) -> float:
        """Seconds that computing features takes."""
        return self.num_features * self.pace.image_seconds

    def epoch_seconds(self, tune: str | None) -> float:
        """Seconds of an epoch; 0 for one of last layers alone, on features that are there."""
        return 0.0 if self.num_features and tune in ("head", "dense") else self.pace.epoch_seconds

    def reserve_seconds(self, num_test: int) -> float:
        """Seconds in which the network runs on images after the last epoch."""
        return self.pace.image_seconds * (self.setup.validation_image_batches.num_images + num_test)


def forecast(recipe: Recipe, build: Callable[[Recipe], Setup], *, limit_seconds: float) -> Forecast:
    """Measures how fast a training is; no features are computed.

    Args:
        recipe: The recipe, with open fields or without.
        build: Builds the setup of a recipe.
        limit_seconds: Seconds that steps, and validation, are measured for.
    """
    setup = build(on_images(recipe))
    pace = measure_pace(setup, limit_seconds=limit_seconds)
    return Forecast(setup=setup, pace=pace, num_features=_num_features(recipe, setup))


def on_images(recipe: Recipe) -> Recipe:
    """The recipe with steps that run the whole network on images; of all layers, where it is open.

    No features are computed for it.
    """
    if recipe.tune in ("head", "dense"):
        return recipe.model_copy(update={"feature_views": 0})
    return recipe.model_copy(update={"tune": "all", "head_epochs": None, "feature_views": None})


def epochs_of(recipe: Recipe, setup: Setup) -> int:
    """Number of epochs in all; `setup` is that of a forecast."""
    if recipe.epochs is None and recipe.head_epochs:
        return recipe.head_epochs + default_tune_epochs(setup.image_batches.num_images)
    return setup.recipe.epochs


def _num_features(recipe: Recipe, setup: Setup) -> int:
    begins_with_head = recipe.tune in ("head", "dense", "auto") or recipe.head_epochs is not None
    is_new_each_time = recipe.mixup or recipe.cutmix or recipe.train_sizes
    if not begins_with_head or is_new_each_time or recipe.feature_views == 0:
        return 0
    if recipe.tune in ("head", "dense") and split_frozen(setup.network) is None:
        return 0
    is_augmented = augmentation_of(setup.recipe) != Augmentation()
    views = recipe.feature_views or (DEFAULT_VIEWS if is_augmented else 1)
    train = setup.image_batches.num_images / setup.processes.world_size
    return round(views * train) + setup.validation_image_batches.num_images


def alternatives(
    recipe: Recipe, foreseen: Forecast, data: TrainingData, *, seconds: float | None = None
) -> Iterator[Alternative]:
    """What would be quicker on this machine, the best first.

    Args:
        recipe: The recipe as given, with its network.
        foreseen: The forecast of its training.
        data: The images.
        seconds: Seconds in which a training has to fit; None where there is no such limit.
    """
    setup, trains_all = foreseen.setup, recipe.tune not in ("head", "dense")
    if setup.device.torch.type != "cpu":
        return
    each = setup.image_batches.num_images
    num_images = DEFAULT_VIEWS * each + setup.validation_image_batches.num_images
    if trains_all and not recipe.is_from_scratch:
        yield Alternative("`--tune head`", num_images * foreseen.pace.image_seconds)
    if recipe.is_from_scratch and not is_unlike_photos(kind := _kind_of(data)):
        image_seconds = _pretrained_seconds(setup, kind)
        if image_seconds is not None:
            text = f"without `--model` and `--weights` the pretrained `{PRETRAINED_NETWORK}`"
            yield Alternative(text, num_images * image_seconds)
    if seconds is None:
        return
    if not trains_all and foreseen.num_features > num_images - each and recipe.feature_views != 1:
        yield Alternative("`--feature-views 1`", (num_images - each) * foreseen.pace.image_seconds)
    needed = foreseen.features_seconds + EPOCHS_OFFERED * foreseen.epoch_seconds(recipe.tune)
    if side := _smaller_side(recipe, setup, seconds / needed):
        share = (side / max(setup.recipe.input_sides or (side,))) ** 2
        yield Alternative(f"`--img-size {side}`", needed * share)


def _smaller_side(recipe: Recipe, setup: Setup, share: float) -> int | None:
    """The longest side at which a network does so little work; None where there is none.

    The work goes with the number of pixels.
    """
    row, now = network_entry(setup.recipe.model), max(setup.recipe.input_sides or (0,))
    side = int(now * sqrt(share)) // SIDE_STEP_PX * SIDE_STEP_PX
    least = max(SMALLEST_OFFERED_PX, smallest_input(row.name, **recipe.options))
    return side if least <= side < now else None


def _kind_of(data: TrainingData) -> ImageKind:
    sides = data.image_index.sizes.min(axis=1)
    return ImageKind(data.preprocessing.channels, int(np.median(sides)))


def _pretrained_seconds(setup: Setup, kind: ImageKind) -> float | None:
    """Seconds in which the pretrained network takes an image; None where it isn't installed."""
    try:
        published_weights(PRETRAINED_NETWORK)
    except WeightsError:
        return None
    side = network_entry(PRETRAINED_NETWORK).input[1]
    side = ENLARGED_PX if kind.shorter_side_px <= SMALL_IMAGE_PX else side
    with torch.random.fork_rng(devices=[]), torch.inference_mode():
        network = with_folded_batch_norm(networks.build(PRETRAINED_NETWORK).eval())
        images = torch.zeros(TRIAL_IMAGES, 3, side, side)
        network(images)
        began = time.perf_counter()
        network(images)
    return (time.perf_counter() - began) / TRIAL_IMAGES
