"""Everything that a training needs before its first step: device, processes, data, network."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from convscope.data.dataset import check_learnable
from convscope.data.preprocessing import Preprocessing
from convscope.device import Device, choose_device
from convscope.processes import Processes, connected, processes_asked_for
from convscope.progress import Reporter
from convscope.recipe import DecidedRecipe, Recipe
from convscope.run import Run
from convscope.training.choices import measured
from convscope.training.course import decide_course
from convscope.training.equipment import Equipment, equip
from convscope.training.going_on import check_same_sides
from convscope.training.look import Look, look_at_data
from convscope.training.material import Material, prepare_material
from convscope.training.memory import enough_memory
from convscope.training.saying import note_absent, say_data
from convscope.training.start import Start
from convscope.training.tuning import freeze


@dataclass(frozen=True, slots=True)
class Place:
    """Where a training computes.

    Attributes:
        device: Where its tensors live.
        processes: Which of those this is that train together.
    """

    device: Device
    processes: Processes


@dataclass(frozen=True, slots=True)
class Ready:
    """A training before its first step.

    Attributes:
        look: What was found in the data, and what follows from it.
        network: With its first weights, its frozen layers frozen.
        material: The images, and what each is used for.
        preprocessing: With mean and std.
        place: Where it computes.
    """

    look: Look
    network: nn.Module
    material: Material
    preprocessing: Preprocessing
    place: Place

    def decide(self, recipe: Recipe) -> DecidedRecipe:
        """The recipe without open choices, for these images and this network."""
        num_train = len(self.material.split.train)
        return decide_course(
            recipe, self.look.decision, self.network, self.place.device, num_train=num_train
        )

    def equip(self, recipe: DecidedRecipe, reporter: Reporter) -> Equipment:
        """What a step needs, for such a recipe."""
        return equip(
            recipe,
            self.network,
            self.material,
            preprocessing=self.preprocessing,
            device=self.place.device,
            processes=self.place.processes,
            reporter=reporter,
        )


@contextmanager
def placed(recipe: Recipe) -> Iterator[Place]:
    """Finds the device, and connects the processes that train together."""
    processes = processes_asked_for()
    device = choose_device(
        recipe.device,
        recipe.precision,
        local_rank=processes.local_rank if processes.are_several else None,
    )
    with (
        connected(processes, device),
        device.repeatable(recipe.deterministic),
        enough_memory(recipe.model or "the network"),
    ):
        yield Place(device, processes)


def get_ready(
    recipe: Recipe, place: Place, *, download: bool, workers: int | None, reporter: Reporter
) -> Ready:
    """Everything that is needed for the first step, all choices made."""
    # What one process decodes, downloads and remembers, the others find.
    with place.processes.one_before_the_others():
        look = look_at_data(recipe, download=download, reporter=reporter)
        dataset, decision = look.dataset, look.decision
        network = _build(look, recipe.seed, look.start, reporter)
        material = prepare_material(
            dataset,
            look.recipe,
            decision.preprocessing,
            excluded=look.excluded,
            cache=look.cache,
            workers=workers,
            reporter=reporter,
        )
    gallery, split = material.gallery, material.split
    say_data(material, recipe.data, reporter)
    counts = np.bincount(gallery.labels[split.train], minlength=len(dataset.classes))
    check_learnable(dataset.classes, counts.tolist(), where=dataset.name)
    preprocessing = decision.preprocessing
    if decision.is_measured_later:
        preprocessing = measured(preprocessing, gallery.facts[split.train])
    if recipe.continues is not None:
        check_same_sides(Run.open(recipe.continues), material)
    note_absent(material, reporter)
    if recipe.sync_batch_norm:
        network = place.processes.with_joint_statistics(network)
    return Ready(look, network, material, preprocessing, place)


def _build(look: Look, seed: int, start: Start, reporter: Reporter) -> nn.Module:
    """The network with its first weights, which follow from the recipe's seed alone."""
    decision = look.decision
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = decision.choice.build(initialization=decision.initialization)
    for sentence in start.load_into(network, look.dataset.classes, decision.choice.name):
        reporter.say(sentence)
    freeze(network, decision.tune)
    return network
