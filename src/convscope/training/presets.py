"""Presets: what a training uses where its recipe leaves something open.

Families of networks:

family      networks                              what decides
lenet       LeNet-5 with ReLU or tanh, MLPs       few layers: a high learning rate is safe
sigmoid     LeNet-5 with sigmoid                  small gradients: a higher learning rate
normalised  ResNet, GoogLeNet, VGG with BN        normalisation: a high learning rate is safe
plain       AlexNet, VGG, GoogLeNet of 2014, ...  many layers, none normalised: a low one
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

from torch import nn

from convscope.data.augment.augmentation import Augmentation, default_augmentation
from convscope.data.augment.mixing import Mixing
from convscope.networks import NORMALISATIONS
from convscope.recipe import Opt, Recipe, ResolvedRecipe, Sched, given_or

DEFAULT_OPT: Opt = "adamw"
DEFAULT_SCHED: Sched = "one-cycle"
IMAGES_TO_SHOW = 500_000  # epochs times images, within the bounds below
EPOCHS_BOUNDS = (8, 60)
HEAD_EPOCHS = 20  # one layer on features that are computed already converges soon
IMAGES_TO_TUNE_ON = 8_000  # epochs times images of all layers after the head, within the bounds
TUNE_EPOCHS_BOUNDS = (4, 20)
HEAD_FIRST_LAYER_DECAY = 0.85  # early layers of a trained network are good already
TRANSFER_LR_SHARE = 0.2  # of the default learning rate, where a trained network is fine-tuned
WARMUP_SHARES = {"one-cycle": 0.25}  # of the epochs, of schedules that need a warm-up
FINAL_SHARES = {"cosine": 0.0, "one-cycle": 1e-4, "plateau": 1e-4}  # of the highest learning rate
AUXILIARY_WEIGHT = 0.3  # Szegedy et al. 2014, section 5

SATURATING = (nn.Sigmoid,)
DEEP = 6  # layers with weights from which on a network without normalisation is hard to train


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """What a family of networks is trained with.

    Attributes:
        lr_share: Share of the optimizer's default learning rate, which suits normalised networks.
        clip_norm: Largest norm of the gradient; None for no limit.
    """

    lr_share: float = 1.0
    clip_norm: float | None = None


FAMILIES = {
    "lenet": Family(),
    "sigmoid": Family(lr_share=1.5),
    "normalised": Family(),
    "plain": Family(lr_share=0.25, clip_norm=1.0),
}


def family_of(network: nn.Module) -> str:
    """The family's name, read off the network's layers; it needs no weights."""
    layers = list(network.modules())
    if any(isinstance(layer, NORMALISATIONS) for layer in layers):
        return "normalised"
    if any(isinstance(layer, SATURATING) for layer in layers):
        return "sigmoid"
    weighted = [layer for layer in layers if isinstance(layer, nn.Conv2d | nn.Linear)]
    return "plain" if len(weighted) >= DEEP else "lenet"


def default_epochs(num_train: int, tune: str) -> int:
    """Number of epochs for a number of train images."""
    low, high = EPOCHS_BOUNDS
    if tune == "head":
        high = HEAD_EPOCHS
    return min(high, max(low, math.ceil(IMAGES_TO_SHOW / num_train)))


def head_epochs_before(epochs: int | None) -> int | None:
    """Number of epochs of the head before those of all layers, of so many in all.

    Args:
        epochs: Number of epochs in all; None where it is open.

    Returns:
        The number; None where nothing is left for all layers.
    """
    return HEAD_EPOCHS if epochs is None else min(HEAD_EPOCHS, epochs // 2) or None


def default_tune_epochs(num_train: int) -> int:
    """Number of epochs of all layers that follow those of the head."""
    low, high = TUNE_EPOCHS_BOUNDS
    return min(high, max(low, math.ceil(IMAGES_TO_TUNE_ON / num_train)))


def default_batch_size(num_train: int) -> int:
    """Number of images in a step for a number of train images."""
    if num_train >= 10_000:
        return 128
    return 64 if num_train >= 3_000 else 32


def default_augmentations(recipe: Recipe, *, channels: int, num_train: int) -> dict[str, float]:
    """The recipe's augmentation, with defaults where it is open.

    Default shifts and changes of scale give way to crops or padding, which do that already.
    """
    default = default_augmentation(channels=channels, num_images=num_train)
    if recipe.tune in ("dense", "head"):
        # The features of frozen layers are computed for a few versions of each image only. Shifted
        # and resized ones did worse than mirrored ones there (hymenoptera's train photos, 5 folds).
        default = Augmentation(hflip=default.hflip)
    moves = not recipe.crop_scale and not recipe.pad_crop
    hflip = 0.5 if recipe.flip_mode == "alternating" else default.hflip
    return {
        "crop_scale": given_or(recipe.crop_scale, 0.0),
        "pad_crop": given_or(recipe.pad_crop, 0),
        "hflip": given_or(recipe.hflip, hflip),
        "translate": given_or(recipe.translate, default.translate if moves else 0.0),
        "rotate": given_or(recipe.rotate, default.rotate),
        "scale": given_or(recipe.scale, default.scale if moves else 0.0),
        "brightness": given_or(recipe.brightness, default.brightness),
        "contrast": given_or(recipe.contrast, default.contrast),
        "saturation": given_or(recipe.saturation, default.saturation),
    }


def augmentation_of(recipe: ResolvedRecipe) -> Augmentation:
    """The augmentation that a resolved recipe describes."""
    names = [
        field.name for field in fields(Augmentation) if field.name in type(recipe).model_fields
    ]
    given = {name: getattr(recipe, name) for name in names}
    return Augmentation(**{name: value for name, value in given.items() if value is not None})


def mixing_of(recipe: ResolvedRecipe) -> Mixing | None:
    """The MixUp and CutMix that a recipe describes; None for none."""
    if not recipe.mixup and not recipe.cutmix:
        return None
    return Mixing(mixup_alpha=recipe.mixup, cutmix_alpha=recipe.cutmix)
