"""A training from recipe to classifier folder: data, choices, epochs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from convscope.cache import open_cache
from convscope.classifier import Classifier
from convscope.data.audit.audit import cheap_audit, one_line
from convscope.data.dataset import Dataset, check_learnable
from convscope.data.pictures import check_picture_path
from convscope.data.probe import probe_images
from convscope.data.reading import decoding_of, open_with_excluded
from convscope.data.split import Split
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
    mixing_of,
)
from convscope.training.fitting import Fitting
from convscope.training.material import Material, prepare_material
from convscope.training.show import show_batch
from convscope.training.start import Start, find_start, with_range_of
from convscope.training.tuning import freeze


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionOptions:
    """What a training may be told besides its recipe: nothing of it changes the result.

    Attributes:
        workers: Threads that decode images; None for one a core.
        download: Whether data that is asked for by name may be fetched.
        show_batch: Where a picture of the first batch goes; None for no picture.
    """

    workers: int | None = None
    download: bool = False
    show_batch: Path | None = None


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
    device = choose_device(recipe.device, recipe.precision)
    check_writable(project)
    if options.show_batch is not None:
        check_picture_path(options.show_batch)
    start = find_start(recipe.weights, recipe.model)
    recipe = with_range_of(start, recipe)
    dataset, excluded = open_with_excluded(recipe, download=options.download)
    for remark in dataset.remarks:
        reporter.say(f"note: {remark}")
    _check_learnable(dataset, dataset.labels)
    cache = open_cache()
    kind = probe_images(dataset, cache=cache, decoding=decoding_of(recipe))
    decision = decide_network(recipe, kind, start, num_classes=len(dataset.classes))
    network = _build(decision, recipe.seed, start, dataset.classes, reporter)
    run = _choose_run(project, name or f"{dataset.name}-{decision.choice.name}", reporter)

    material = prepare_material(
        dataset,
        recipe,
        decision.preprocessing,
        excluded=excluded,
        cache=cache,
        workers=options.workers,
        reporter=reporter,
    )
    gallery, split = material.gallery, material.split
    _say_data(material, recipe.data, reporter)
    _check_learnable(dataset, gallery.labels[split.train])
    decided = decide_course(recipe, decision, device, num_train=len(split.train))
    preprocessing = decision.preprocessing
    if decision.is_measured_later:
        preprocessing = measured(preprocessing, gallery.facts[split.train])
    _note_absent(material, reporter)
    begin_run(run, decided, material, device=device)
    _announce(run, decided, split, device, reporter)

    fitting = Fitting(run, decided, network, material, preprocessing=preprocessing, device=device)
    if options.show_batch is not None:
        show_batch(options.show_batch, fitting.train_batches, preprocessing, dataset.classes)
        reporter.say(f"the first batch, as the network sees it: {options.show_batch}")
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
    return Trained(run, classifier, material)


def _choose_run(project: Path, name: str, reporter: Reporter) -> Run:
    run = choose_folder(project, name)
    if run.path.name != name:
        reporter.say(f"note: `{project / name}` has ended; this training is `{run.path}`")
    return run


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


def _say_data(material: Material, data: str, reporter: Reporter) -> None:
    """What was found in the data, in a line; unreadable images by name."""
    gallery = material.gallery
    if gallery.damaged:
        lines = listed([f"{image} {reason}" for image, reason in gallery.damaged])
        left_out = counted(len(gallery.damaged), "image")
        reporter.say(f"note: {left_out} left out, unreadable\n{lines}")
    for remark in material.split.remarks:
        reporter.say(f"note: {remark}")
    audit = cheap_audit(gallery.source, gallery.survey)
    reporter.say(one_line(audit, data=data))


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
        f"recipe: {recipe.model} at {recipe.img_size} px, {counted(recipe.epochs, 'epoch')} of "
        f"{counted(steps, 'step')}, "
        f"batch {recipe.batch_size}, {recipe.opt}, learning rate {recipe.lr:g} ({recipe.sched}), "
        f"{recipe.fit}, augmentation: {augmentation_of(recipe).describe()}{_mixed(recipe)}"
    )
    reporter.say(f"device: {device.reason}")


def _mixed(recipe: DecidedRecipe) -> str:
    mixing = mixing_of(recipe)
    return "" if mixing is None else f", {mixing.describe()}"


def _note_absent(material: Material, reporter: Reporter) -> None:
    gallery = material.gallery
    classes = gallery.dataset.classes
    for use in ("validation", "test"):
        part = getattr(material.split, use)
        counts = np.bincount(gallery.labels[part], minlength=len(classes))
        absent = [name for name, count in zip(classes, counts, strict=True) if not count]
        if absent:
            reporter.say(f"note: no {use} images of {', '.join(absent)}")
