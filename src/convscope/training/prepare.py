"""What a training has before anything is measured: images, a network, a way to build setups."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

from torch import nn

from convscope.cache import open_cache
from convscope.classifier import NetworkChoice
from convscope.data.dataset import check_classes, check_trainable
from convscope.data.index.scan import probe_images
from convscope.data.reading import decoding_of, open_with_excluded
from convscope.device import Device
from convscope.distributed import ProcessGroup
from convscope.progress import Reporter
from convscope.recipe import Recipe
from convscope.run import Run
from convscope.training.announce import (
    announce_data,
)
from convscope.training.freezing import freeze
from convscope.training.initial_weights import find_initial_weights, whiten, with_range_of
from convscope.training.network_choice import (
    build_network,
    choose_network,
    with_default_network,
)
from convscope.training.options import TrainOptions
from convscope.training.resolve import head_recipe, resolve
from convscope.training.runs.resume_checks import (
    check_continue,
    check_same_splits,
)
from convscope.training.setup import Setup, build_setup
from convscope.training.training_data import (
    TrainingData,
    load_training_data,
    with_measured_moments,
)


class Prepared(NamedTuple):
    """What a training has before anything is measured.

    Attributes:
        recipe: The recipe as given, with the range of values that the initial weights demand and,
            where none is given, with a network.
        choice: The network's name and options.
        network: The network with its initial weights.
        data: The images, prepared for it.
    """

    recipe: Recipe
    choice: NetworkChoice
    network: nn.Module
    data: TrainingData


def builder(
    prepared: Prepared, device: Device, processes: ProcessGroup, reporter: Reporter
) -> Callable[[Recipe], Setup]:
    """A function that resolves a recipe and builds the setup for it.

    Afterwards those layers of the network are frozen that are not trained in the last epoch.
    """
    _, choice, network, data = prepared

    def build(recipe: Recipe) -> Setup:
        freeze(network, "all" if recipe.tune in (None, "auto") else recipe.tune)
        chosen = device.computing_in(recipe.precision)
        resolved = resolve(recipe, choice, network, data, chosen)
        setup = build_setup(
            resolved,
            choice,
            network,
            data,
            device=chosen,
            processes=processes,
            reporter=reporter,
        )
        if resolved.head_epochs is None or resolved.continues is not None:
            return setup
        setup = replace(setup, head_first=build(head_recipe(resolved)))
        freeze(network, resolved.tune)
        return setup

    return build


def prepare(
    recipe: Recipe,
    device: Device,
    processes: ProcessGroup,
    options: TrainOptions,
    reporter: Reporter,
) -> Prepared:
    """The network with its initial weights, and the images prepared for it."""
    # What one process decodes, downloads and remembers, the others find.
    with processes.local_main_first():
        weights = find_initial_weights(recipe)
        recipe = with_range_of(weights, recipe)
        dataset, excluded = open_with_excluded(recipe, download=options.download)
        for remark in dataset.remarks:
            reporter.say(f"note: {remark}")
        check_classes(dataset.classes, where=dataset.name)
        if recipe.continues is not None:
            check_continue(Run.open(recipe.continues), recipe, weights.classes, dataset)
        cache = open_cache()
        kind = probe_images(dataset, cache=cache, decoding=decoding_of(recipe))
        if weights.state is None:
            recipe = with_default_network(recipe, kind, reporter)
            weights = find_initial_weights(recipe)
        choice, preprocessing = choose_network(
            recipe, weights, kind, num_classes=len(dataset.classes)
        )
        network = build_network(choice, recipe)
        for sentence in weights.load_into(network, dataset.classes, choice.name):
            reporter.say(sentence)
        data = load_training_data(
            dataset,
            excluded,
            recipe,
            preprocessing,
            cache=cache,
            workers=options.workers,
            reporter=reporter,
        )
    announce_data(data, recipe.data, reporter)
    check_trainable(data.classes, data.train_counts.tolist())
    if not weights.prescribe_preprocessing:
        data = with_measured_moments(data)
    if weights.state is None:
        whiten(network, data, processes)
    if recipe.continues is not None:
        check_same_splits(Run.open(recipe.continues), data)
    if recipe.sync_batch_norm:
        network = processes.sync_batch_norm(network)
    return Prepared(recipe, choice, network, data)
