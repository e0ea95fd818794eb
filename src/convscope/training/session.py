"""A training from recipe to classifier folder: data, choices, measurements, epochs."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from convscope.classifier import Classifier
from convscope.data.dataset import check_learnable
from convscope.data.pictures import check_picture_path
from convscope.data.preprocessing import Preprocessing
from convscope.device import Device, choose_device
from convscope.files import check_writable
from convscope.progress import SILENT, Reporter
from convscope.recipe import DecidedRecipe, Recipe
from convscope.run import Run, choose_folder
from convscope.training.beginning import begin_run
from convscope.training.checkpoint import TrainingState
from convscope.training.choices import measured
from convscope.training.course import decide_course
from convscope.training.equipment import Equipment, equip
from convscope.training.fitting import Fitting
from convscope.training.going_on import check_same_sides
from convscope.training.look import Look, look_at_data
from convscope.training.material import Material, prepare_material
from convscope.training.measuring import measure
from convscope.training.rate_search import RateSearch, search_rate
from convscope.training.saying import announce, note_absent, say_data
from convscope.training.show import show_batch
from convscope.training.start import Start
from convscope.training.step_log import StepLog
from convscope.training.tuning import freeze


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionOptions:
    """What a training may be told besides its recipe: nothing of it changes the result.

    Attributes:
        workers: Threads that decode images; None for one a core.
        download: Whether data that is asked for by name may be fetched.
        show_batch: Where a picture of the first batch goes; None for no picture.
        log_steps: Whether each step gets a line in the run's `log/steps.jsonl`.
    """

    workers: int | None = None
    download: bool = False
    show_batch: Path | None = None
    log_steps: bool = False


USUAL_OPTIONS = SessionOptions()


@dataclass(frozen=True, slots=True)
class Trained:
    """A training that has ended, with the images at hand for what comes next.

    Attributes:
        run: Its folder; evaluation is still missing.
        classifier: The best.
        material: All images, and which of them were used for what.
    """

    run: Run
    classifier: Classifier
    material: Material


@dataclass(frozen=True, slots=True)
class _Ready:
    """A training before its first step."""

    look: Look
    network: nn.Module
    material: Material
    preprocessing: Preprocessing
    device: Device

    def decide(self, recipe: Recipe) -> DecidedRecipe:
        """The recipe without open choices, for these images and this network."""
        num_train = len(self.material.split.train)
        return decide_course(
            recipe, self.look.decision, self.network, self.device, num_train=num_train
        )

    def equip(self, recipe: DecidedRecipe, reporter: Reporter) -> Equipment:
        return equip(
            recipe,
            self.network,
            self.material,
            preprocessing=self.preprocessing,
            device=self.device,
            reporter=reporter,
        )


def train(
    recipe: Recipe,
    *,
    project: Path = Path("runs"),
    name: str | None = None,
    options: SessionOptions = USUAL_OPTIONS,
    reporter: Reporter = SILENT,
) -> Trained:
    """Trains as the recipe says; an unfinished run of the same name is continued.

    Args:
        recipe: With open choices or without.
        project: The folder of run folders.
        name: Of the run; else `<data>-<model>`.
        options: What doesn't change the result.
        reporter: Says what happens.

    Raises:
        ConvscopeError: Anything that `errors.py` lists.
    """
    began = time.monotonic()
    device = choose_device(recipe.device, recipe.precision)
    check_writable(project)
    if options.show_batch is not None:
        check_picture_path(options.show_batch)
    look = look_at_data(recipe, download=options.download, reporter=reporter)
    run = _choose_run(project, name or f"{look.dataset.name}-{look.decision.choice.name}", reporter)
    ready = _ready(recipe, look, device, options=options, reporter=reporter)
    equipment = ready.equip(ready.decide(look.recipe), reporter)
    with device.keep_random_state():
        found = measure(
            look.recipe,
            ready.decide,
            equipment,
            run=run,
            began=began,
            num_test=len(ready.material.split.test),
            reporter=reporter,
        )
        decided = found.recipe
        if decided.train_sizes is not None:
            equipment = ready.equip(decided, reporter)  # the sizes follow the number of epochs
        begin_run(run, decided, ready.material, device=device)
        found.save(run)
        announce(
            run,
            decided,
            split=ready.material.split,
            steps=len(equipment.train_batches),
            device=device,
            reporter=reporter,
        )
        if options.show_batch is not None:
            classes = look.dataset.classes
            show_batch(options.show_batch, equipment.images, ready.preprocessing, classes)
            reporter.say(f"the first batch, as the network sees it: {options.show_batch}")
        fitting = Fitting(
            run,
            decided,
            equipment,
            log=StepLog(run.step_log_path) if options.log_steps else None,
            deadline=found.deadline,
        )
        state, best = fitting.fit(reporter)
    classifier = _classifier(ready, state, best)
    classifier.save(run.classifier_path)
    return Trained(run, classifier, ready.material)


def find_rate(
    recipe: Recipe, *, options: SessionOptions = USUAL_OPTIONS, reporter: Reporter = SILENT
) -> RateSearch:
    """The learning rate that `train` would find with `lr=auto`; nothing is written.

    Raises:
        ConvscopeError: Anything that `errors.py` lists.
    """
    device = choose_device(recipe.device, recipe.precision)
    look = look_at_data(recipe, download=options.download, reporter=reporter)
    ready = _ready(recipe, look, device, options=options, reporter=reporter)
    decided = ready.decide(look.recipe)
    equipment = ready.equip(decided, reporter)
    with device.keep_random_state():
        return search_rate(decided, equipment, reporter)


def _ready(
    recipe: Recipe,
    look: Look,
    device: Device,
    *,
    options: SessionOptions,
    reporter: Reporter,
) -> _Ready:
    """Everything that is needed for the first step, all choices made."""
    dataset, decision = look.dataset, look.decision
    network = _build(look, recipe.seed, look.start, reporter)
    material = prepare_material(
        dataset,
        look.recipe,
        decision.preprocessing,
        excluded=look.excluded,
        cache=look.cache,
        workers=options.workers,
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
    return _Ready(look, network, material, preprocessing, device)


def _classifier(ready: _Ready, state: TrainingState, best: Mapping[str, Tensor]) -> Classifier:
    """The network with the best weights, and what it was chosen by."""
    ready.network.load_state_dict(dict(best))
    return Classifier(
        ready.network.requires_grad_(True),
        ready.look.decision.choice,
        preprocessing=ready.preprocessing,
        classes=ready.look.dataset.classes,
        metrics={
            "validation_accuracy": state.best_accuracy,
            "validation_loss": state.best_loss,
            "validation_images": len(ready.material.split.validation),
            "epoch": state.best_epoch + 1,
        },
        device=ready.device.torch,
    )


def _choose_run(project: Path, name: str, reporter: Reporter) -> Run:
    run = choose_folder(project, name)
    if run.path.name != name:
        reporter.say(f"note: `{project / name}` has ended; this training is `{run.path}`")
    return run


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
