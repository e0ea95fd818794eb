"""A training from recipe to classifier folder: data, choices, epochs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from convscope.classifier import Classifier
from convscope.data.dataset import Dataset, check_learnable
from convscope.data.probe import probe_images
from convscope.data.sources.opening import open_dataset
from convscope.data.split import Split, split_images
from convscope.data.store import Store, build_store
from convscope.device import Device, choose_device
from convscope.errors import counted, listed
from convscope.files import check_writable
from convscope.progress import SILENT, Reporter
from convscope.recipe import DecidedRecipe, Recipe
from convscope.run import Run, choose_folder
from convscope.training.beginning import begin_run
from convscope.training.choices import (
    NetworkDecision,
    augmentation_of,
    decide_course,
    decide_network,
    measured,
)
from convscope.training.fitting import Fitting
from convscope.training.start import Start, find_start
from convscope.training.tuning import freeze


@dataclass(frozen=True, slots=True)
class Trained:
    """A training that has ended, with the images at hand for what comes next.

    Attributes:
        run: Its folder; evaluation is still missing.
        classifier: The best.
        store: All images, prepared.
        split: Which of them were used for what.
    """

    run: Run
    classifier: Classifier
    store: Store
    split: Split


def train(
    recipe: Recipe,
    *,
    project: Path = Path("runs"),
    name: str | None = None,
    reporter: Reporter = SILENT,
) -> Trained:
    """Trains as the recipe says; an unfinished run of the same name is continued.

    Args:
        recipe: With open choices or without.
        project: The folder of run folders.
        name: Of the run; else `<data>-<model>`.
        reporter: Says what happens.

    Raises:
        ConvscopeError: Anything that `errors.py` lists.
    """
    device = choose_device(recipe.device, recipe.precision)
    check_writable(project)
    start = find_start(recipe.weights, recipe.model)
    dataset = open_dataset(recipe.data)
    _check_learnable(dataset, dataset.labels)
    decision = decide_network(
        recipe, probe_images(dataset), start, num_classes=len(dataset.classes)
    )
    network = _build(decision, recipe.seed, start, dataset.classes, reporter)
    run = choose_folder(project, name or f"{dataset.name}-{decision.choice.name}")

    store = _decode(dataset, decision, recipe, reporter)
    split = split_images(
        store.given_splits, store.pixel_hashes, folds=recipe.folds, fold=recipe.fold
    )
    _check_learnable(dataset, store.labels[split.train])
    decided = decide_course(recipe, decision, device, num_train=len(split.train))
    preprocessing = decision.preprocessing
    if decision.is_measured_later:
        preprocessing = measured(preprocessing, store.pixels, split.train)
    _note_absent(dataset, store, split, reporter)
    begin_run(run, decided, store, split, classes=dataset.classes, device=device)
    _announce(run, decided, split, device, reporter)

    fitting = Fitting(
        run, decided, network, store=store, split=split, preprocessing=preprocessing, device=device
    )
    with device.keep_random_state():
        state, best = fitting.fit(reporter)
    network.load_state_dict(dict(best))
    classifier = Classifier(
        network,
        decision.choice,
        preprocessing=preprocessing,
        classes=dataset.classes,
        metrics={
            "validation_accuracy": state.best_accuracy,
            "validation_loss": state.best_loss,
            "validation_images": len(split.validation),
            "epoch": state.best_epoch + 1,
        },
        device=device.torch,
    )
    classifier.save(run.classifier_path)
    return Trained(run, classifier, store, split)


def _check_learnable(dataset: Dataset, labels: NDArray[np.int64]) -> None:
    counts = np.bincount(labels, minlength=len(dataset.classes))
    check_learnable(dataset.classes, counts.tolist(), where=dataset.name)


def _build(
    decision: NetworkDecision,
    seed: int,
    start: Start,
    classes: tuple[str, ...],
    reporter: Reporter,
) -> nn.Module:
    """The network with its first weights, which follow from the recipe's seed alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = decision.choice.build(initialization=decision.initialization)
    for sentence in start.load_into(network, classes, decision.choice.name):
        reporter.say(sentence)
    freeze(network, decision.tune)
    return network


def _decode(
    dataset: Dataset, decision: NetworkDecision, recipe: Recipe, reporter: Reporter
) -> Store:
    for remark in dataset.remarks:
        reporter.say(f"note: {remark}")
    with reporter.task("decoding", len(dataset)) as task:
        store = build_store(
            dataset,
            decision.preprocessing,
            allow_damaged=recipe.allow_damaged,
            on_progress=task.advance,
        )
    if store.damaged:
        lines = listed([f"{image} {reason}" for image, reason in store.damaged])
        reporter.say(f"note: {counted(len(store.damaged), 'image')} left out, unreadable\n{lines}")
    return store


def _announce(
    run: Run, recipe: DecidedRecipe, split: Split, device: Device, reporter: Reporter
) -> None:
    steps = -(-len(split.train) // recipe.batch_size)
    reporter.say(f"run {run.path}")
    reporter.say(
        f"images: {len(split.train):,} train, {len(split.validation):,} validation, "
        f"{len(split.test):,} test ({split.words})"
    )
    reporter.say(
        f"recipe: {recipe.model} at {recipe.img_size} px, {recipe.epochs} epochs of {steps} steps, "
        f"batch {recipe.batch_size}, {recipe.opt}, learning rate {recipe.lr:g} ({recipe.sched}), "
        f"augmentation: {augmentation_of(recipe).describe()}"
    )
    reporter.say(f"device: {device.reason}")


def _note_absent(dataset: Dataset, store: Store, split: Split, reporter: Reporter) -> None:
    for use in ("validation", "test"):
        counts = np.bincount(store.labels[getattr(split, use)], minlength=len(dataset.classes))
        absent = [name for name, count in zip(dataset.classes, counts, strict=True) if not count]
        if absent:
            reporter.say(f"note: no {use} images of {', '.join(absent)}")
