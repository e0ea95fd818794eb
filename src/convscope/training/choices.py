"""Choices that follow from a look at a few images: network, input size, preprocessing.

What follows from the number of train images is decided in `course`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from convscope.classifier import NetworkChoice
from convscope.data.facts import channel_moments
from convscope.data.preprocessing import Preprocessing
from convscope.data.probe import ImageKind
from convscope.errors import UsageError
from convscope.networks import entry, smallest_input
from convscope.networks.entry import NetworkEntry
from convscope.recipe import SHORT_OPTIONS, Recipe, Tune, given_or
from convscope.training.start import Start

SMALL_IMAGE_PX = 40
AUXILIARY_WEIGHT = 0.3  # Szegedy et al. 2014, section 5


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
    short = {name: getattr(recipe, name) for name in SHORT_OPTIONS}
    given = {name: value for name, value in short.items() if value is not None}
    options = {**start.options, **recipe.options, **given}
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


def measured(preprocessing: Preprocessing, facts: NDArray[np.void]) -> Preprocessing:
    """The preprocessing with mean and std of some images, each of which counts the same.

    Args:
        preprocessing: Its mean and std are replaced.
        facts: (N,) of the images.
    """
    mean, square = channel_moments(facts, preprocessing.channels)
    std = np.sqrt(np.maximum(square - mean**2, 1e-6))
    return replace(preprocessing, mean=_rounded(mean), std=_rounded(std))


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
        return given_or(recipe.auxiliary_weight, AUXILIARY_WEIGHT)
    if recipe.auxiliary_weight is not None:
        raise UsageError(
            f"`auxiliary_weight` has no effect: no auxiliary output of `{row.name}` learns here",
            hint="googlenet has such outputs, and they learn with `--tune all`",
        )
    return None


def _rounded(values: NDArray[np.float64]) -> tuple[float, ...]:
    return tuple(round(float(value), 6) for value in values)
