"""The choice of network, input size and preprocessing, from a few images and the weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import nn

from convscope.classifier import NetworkChoice
from convscope.data.index.scan import ImageKind
from convscope.data.pixels.preprocessing import Preprocessing
from convscope.errors import UsageError, WeightsError
from convscope.networks import network_entry, published_weights, smallest_input
from convscope.networks.registry import NetworkEntry
from convscope.progress import Reporter
from convscope.recipe import FROM_SCRATCH, OPTION_FIELDS, PUBLISHED, Recipe
from convscope.training.initial_weights import InitialWeights
from convscope.training.presets import head_epochs_before

SMALL_IMAGE_PX = 40
TINY_IMAGE_PX = 24  # up to here, weights that know photos know nothing
ENLARGED_PX = 128  # small images, for a network of photos: a third of the work of 224 pixels
SMALL_IMAGE_NETWORK = "lenet5_relu"  # for digits and the like
PRETRAINED_NETWORK = "efficientnet_lite0"  # its weights are installed with the package
NETWORK_FROM_SCRATCH = "resnet18"

FREEZING = ("head", "dense", "auto")  # values of `tune` with which most layers stay as they are

# Fields of trainings in which all layers are trained on images in each step.
OF_WHOLE_TRAININGS = ("mixup", "cutmix", "train_sizes", "unfreeze_epochs", "layer_decay")


def with_default_network(recipe: Recipe, kind: ImageKind, reporter: Reporter) -> Recipe:
    """The recipe with a network, with pretrained weights wherever that is best.

    Small grey images are mostly characters, which a small network learns from scratch in seconds;
    and so it does tiny ones.

    Args:
        recipe: The recipe as given.
        kind: Size and channels of a few images.
        reporter: Says if the pretrained weights aren't there.

    Raises:
        UsageError: A field needs pretrained weights, and the network is trained from scratch.
    """
    if recipe.model is not None or recipe.continues is not None:
        return recipe
    if recipe.weights not in (None, FROM_SCRATCH, PUBLISHED):
        return recipe  # they say their network
    is_small = kind.shorter_side_px <= SMALL_IMAGE_PX
    is_scratch = recipe.weights == FROM_SCRATCH or recipe.initialization is not None
    updates: dict[str, object] = {}
    if recipe.weights is None and is_unlike_photos(kind):
        updates["model"] = SMALL_IMAGE_NETWORK
    elif is_scratch:
        updates["model"] = SMALL_IMAGE_NETWORK if is_small else NETWORK_FROM_SCRATCH
    else:
        try:
            published_weights(PRETRAINED_NETWORK)
        except WeightsError as error:
            if recipe.weights == PUBLISHED:
                raise
            reporter.say(f"note: trains from scratch, {error.message}; {error.hint}")
            updates["model"] = SMALL_IMAGE_NETWORK if is_small else NETWORK_FROM_SCRATCH
        else:
            updates |= {"model": PRETRAINED_NETWORK, "weights": PUBLISHED}
            updates |= _default_layers(recipe)
    chosen = recipe.model_copy(update=updates)
    chosen.check()
    return chosen


def is_unlike_photos(kind: ImageKind) -> bool:
    """Whether images are so small that weights which know photos know nothing of them."""
    return kind.shorter_side_px <= (SMALL_IMAGE_PX if kind.channels == 1 else TINY_IMAGE_PX)


def _default_layers(recipe: Recipe) -> dict[str, object]:
    """Which layers of the pretrained network are trained, where that is open."""
    trains_all = any(getattr(recipe, field) not in (None, 0.0) for field in OF_WHOLE_TRAININGS)
    if trains_all or recipe.head_epochs is not None:
        return {}
    if recipe.tune is None:
        return {"tune": "auto"}
    return {"head_epochs": head_epochs_before(recipe.epochs)} if recipe.tune == "all" else {}


def choose_network(
    recipe: Recipe, weights: InitialWeights, kind: ImageKind, *, num_classes: int
) -> tuple[NetworkChoice, Preprocessing]:
    """The network and its preprocessing.

    Mean and standard deviation of the preprocessing are those that the weights demand; else they
    are 0 and 1 until they are measured on the train images.

    Args:
        recipe: The recipe as given, with its network unless the weights say it.
        weights: The initial weights, which may prescribe network and preprocessing.
        kind: Size and channels of a few images.
        num_classes: K.

    Raises:
        NetworkError: No network has this name.
        UsageError: `auxiliary_weight` is given, but no auxiliary head is trained.
    """
    row = network_entry(recipe.model or weights.model or NETWORK_FROM_SCRATCH)
    short = {name: getattr(recipe, name) for name in OPTION_FIELDS}
    given = {name: value for name, value in short.items() if value is not None}
    options = {**weights.options, **recipe.options, **given}
    if recipe.auxiliary_weight is not None and not trains_auxiliary_heads(recipe, row, options):
        raise UsageError(
            f"`auxiliary_weight` has no effect: no auxiliary output of `{row.name}` is trained",
            hint="googlenet has such outputs, and they are trained with `--tune all`",
        )
    preprocessing = _preprocessing(recipe, row, kind, weights)
    choice = NetworkChoice(
        row.name,
        num_classes,
        preprocessing.channels,
        (preprocessing.height, preprocessing.width),
        options,
    )
    return choice, preprocessing


def trains_auxiliary_heads(
    recipe: Recipe, row: NetworkEntry, options: Mapping[str, object]
) -> bool:
    """Whether the network has auxiliary heads and all of its layers are trained."""
    has_heads = bool(options.get("auxiliaries", row.options.get("auxiliaries", False)))
    return has_heads and recipe.tune in (None, "all", "auto")


def build_network(choice: NetworkChoice, recipe: Recipe) -> nn.Module:
    """The network with random weights, which follow from the recipe's seed alone."""
    scheme = recipe.initialization or network_entry(choice.name).initialization
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(recipe.seed)  # leaves those of GPUs alone
        return choice.build(initialization=scheme)


def _preprocessing(
    recipe: Recipe, row: NetworkEntry, kind: ImageKind, weights: InitialWeights
) -> Preprocessing:
    """The preprocessing that the weights were trained with, at the size asked for; or a new one."""
    if weights.preprocessing is not None:
        source = weights.preprocessing
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
    side = _input_side(recipe, row, kind, weights) if recipe.input_sides is None else 0
    height, width = recipe.input_sides or (side, side)
    channels = weights.channels or kind.channels
    plain = Preprocessing(
        height=height,
        width=width,
        channels=channels,
        fit=recipe.fit or "crop",
        mean=(0.0,) * channels,
        std=(1.0,) * channels,
        value_range=recipe.value_range,
    )
    publisher = weights.preparation
    if publisher is None:
        return plain
    resize = None
    is_small = kind.shorter_side_px <= SMALL_IMAGE_PX  # nothing of it is to be cut off
    if publisher.resize_px and publisher.crop_px and plain.fit == "crop" and not is_small:
        resize = round(publisher.resize_px * max(height, width) / publisher.crop_px)
    known = replace(plain, resize=resize, mean=publisher.mean, std=publisher.std)
    may_freeze = recipe.tune in FREEZING and recipe.input_sides is None and not is_small
    if publisher.features_px and may_freeze:
        side = publisher.features_px
        known = replace(known, height=side, width=side, resize=None)
    return known


def _input_side(recipe: Recipe, row: NetworkEntry, kind: ImageKind, weights: InitialWeights) -> int:
    """The network's own size; smaller images are enlarged only as far as network or weights need.

    Source: with features of EfficientNet-Lite0, 2,000 images of CIFAR-10 in 5 folds came to 77 % at
        96 pixels and 82 % at 128.
    """
    own = row.input[1]
    if own <= SMALL_IMAGE_PX:
        return own
    if weights.state is not None:
        is_small = kind.shorter_side_px <= SMALL_IMAGE_PX and not row.needs_input_size
        return min(own, ENLARGED_PX) if is_small else own
    smallest = smallest_input(row.name, **recipe.options)
    return min(own, max(smallest, kind.shorter_side_px))
