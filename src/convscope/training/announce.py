"""What a training tells the user before its first step: about its images, its recipe, its batch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from convscope.audit.audit import cheap_audit, one_line
from convscope.audit.findings import Examined
from convscope.audit.oddities import find_values
from convscope.data.batch import Batches
from convscope.data.image_files import image_grid, save_grid
from convscope.data.pixels.preprocessing import Preprocessing
from convscope.networks import collapsed_layers
from convscope.progress import Reporter
from convscope.recipe import Recipe, ResolvedRecipe
from convscope.run import Run
from convscope.text import counted, duration_text, joined, listed
from convscope.training.phases import Phases
from convscope.training.presets import augmentation_of, mixing_of
from convscope.training.runs.state import TrainingState
from convscope.training.setup import Setup
from convscope.training.training_data import TrainingData

SHOWN = 64
DEFAULT_FIT = "crop"  # it stands in every resolved recipe
CELL_PX = 160  # wide enough for a label
DEFAULT_BATCH, STEPS_ADVISED = 32, 8  # images, and steps of an epoch that learn something
NEVER_COLLAPSES_PX = 64  # twice the stride of the deepest networks
FOR_SMALL_IMAGES = "resnet20"
NAMED_SHARE = 0.01  # of a target; less is not worth a word


def announce_data(data: TrainingData, path: str, reporter: Reporter) -> None:
    """Names unreadable images and classes without images, and sums up a quick audit.

    Args:
        data: The images.
        path: The data as the user gave it.
        reporter: Prints the lines.
    """
    index = data.image_index
    if index.damaged:
        lines = listed([f"{image} {reason}" for image, reason in index.damaged])
        left_out = counted(len(index.damaged), "image")
        reporter.say(f"note: {left_out} left out, unreadable\n{lines}")
    for remark in data.split.remarks:
        reporter.say(f"note: {remark}")
    for found in find_values(Examined(index.source, index.scan), index.decoding.value_range):
        reporter.say(f"note: {found.sentence} {found.advice}")
    reporter.say(one_line(cheap_audit(index.source, index.scan), data=path))
    for split_name in ("validation", "test"):
        labels = index.labels[getattr(data.split, split_name)]
        counts = np.bincount(labels, minlength=len(data.classes))
        absent = [name for name, count in zip(data.classes, counts, strict=True) if not count]
        if absent:
            reporter.say(f"note: no {split_name} images of {joined(absent)}")


def announce_training(run: Run, setup: Setup, data: TrainingData, reporter: Reporter) -> None:
    """Prints the run folder, the splits, the recipe and the device."""
    split, recipe, processes = data.split, setup.recipe, setup.processes
    reporter.say(f"run {run.path}")
    reporter.say(f"images: {split.counts_text}")
    reporter.say(
        f"recipe: {recipe.model} at {recipe.img_size} px, {counted(recipe.epochs, 'epoch')} of "
        f"{counted(len(setup.train_batches), 'step')}, "
        f"batch {recipe.batch_size}, {recipe.opt}, learning rate {recipe.lr:g} ({recipe.sched}), "
        f"{recipe.fit}, augmentation: {augmentation_of(recipe).describe()}{_extras(recipe)}"
    )
    together = f", {processes.world_size} processes together" if processes.is_distributed else ""
    reporter.say(f"device: {setup.device.reason}{together}")


def announce_kept(setup: Setup, state: TrainingState, reporter: Reporter) -> None:
    """Says whether the epochs of the head or those of all layers gave the best weights."""
    head_epochs = setup.recipe.head_epochs
    if head_epochs is None or len(state.history) <= head_epochs:
        return
    accuracies = [row["validation_accuracy"] for row in state.history]
    of_head, of_all = max(accuracies[:head_epochs]), max(accuracies[head_epochs:])
    kept = "the last layer alone" if state.best_epoch < head_epochs else "all layers"
    reporter.say(
        f"kept: epoch {state.best_epoch + 1}, with {kept} trained; of the validation images, the "
        f"last layer alone came to {of_head:.2%}, all layers to {of_all:.2%}"
    )


def announce_phases(phases: Phases, given: str | None, reporter: Reporter) -> None:
    """Says what the time of a training went into, where a time was given."""
    if given is not None:
        took = duration_text(phases.total)
        reporter.say(f"took {took}, with {given} given: {phases.description}")


def announce_unsuited(given: Recipe, setup: Setup, reporter: Reporter) -> None:
    """Names what can be trained but hardly well: large batches of few images, tiny inputs.

    Args:
        given: The recipe as given.
        setup: The setup of the training.
        reporter: Prints the lines.
    """
    recipe, num_train = setup.recipe, setup.image_batches.num_images
    if isinstance(given.batch_size, int) and given.batch_size > num_train:
        smaller = max(2, min(DEFAULT_BATCH, num_train // STEPS_ADVISED))
        reporter.say(
            f"note: `batch_size={given.batch_size}` is more than the {num_train:,} train images: "
            f"each epoch is a single step; `--batch-size {smaller}` gives more of them"
        )
    sides = recipe.input_sides
    if sides is None or min(sides) > NEVER_COLLAPSES_PX:
        return
    collapsed = partial(
        collapsed_layers, recipe.model, in_channels=setup.choice.in_channels, **recipe.options
    )
    layers = collapsed(input_size=sides)
    if layers:
        side, other = max(sides), ""
        if recipe.model != FOR_SMALL_IMAGES:
            other = f", and `--model {FOR_SMALL_IMAGES}` is made for small images"
        while collapsed(input_size=side):
            side *= 2
        reporter.say(
            f"note: at {recipe.img_size} px the feature map of `{recipe.model}` has a single "
            f"position left before {counted(len(layers), 'convolution')}, from `{layers[0]}` on: "
            f"their kernels see padding around it; `--img-size {side}` avoids that{other}"
        )


def announce_without_effect(
    given: Recipe, setup: Setup, data: TrainingData, reporter: Reporter
) -> None:
    """Names the given fields that change nothing in this training.

    Where a recipe alone shows that, it is an error (`recipe/conflicts`). This depends on images,
    weights and device, and the same command may be right for others.

    Args:
        given: The recipe as given.
        setup: The setup of the training.
        data: The images.
        reporter: Prints the lines.
    """
    for field, reason in _without_effect(given, setup, data):
        value = getattr(given, field)
        shown = f"{field}" if value is True or isinstance(value, dict) else f"{field}={value}"
        reporter.say(f"note: `{shown}` has no effect: {reason}")


def _without_effect(given: Recipe, setup: Setup, data: TrainingData) -> Iterator[tuple[str, str]]:
    recipe, preprocessing = setup.recipe, data.preprocessing
    epochs = counted(recipe.epochs, "epoch")
    last = recipe.epochs - 1  # epochs after which another one follows
    if given.patience is not None and given.patience >= last:
        yield "patience", f"the training has {epochs}"
    if given.step_epochs is not None and given.step_epochs > last:
        yield "step_epochs", f"the training has {epochs}"
    if given.plateau_epochs is not None and given.plateau_epochs >= last:
        yield "plateau_epochs", f"the training has {epochs}"
    if (given.feature_views or 0) > recipe.epochs:
        yield "feature_views", f"more than one for each of the {epochs} are not computed"
    if given.fit not in (None, DEFAULT_FIT) and _all_fit(data, preprocessing):
        yield "fit", "all images have the aspect ratio of the network's input"
    weights = setup.loss_function.class_weights
    if weights is not None and bool((weights == weights[0]).all()):
        field = "class_weight" if given.class_weight else "class_weights"
        yield field, "all classes get the same weight"
    if given.deterministic and setup.device.is_deterministic:
        yield "deterministic", f"on `{setup.device.torch}` all algorithms are"
    if given.continues is not None and given.initialization is not None:
        before = Run(Path(given.continues)).recipe.initialization
        if given.initialization != before:
            yield "initialization", "the continued run has its weights"


def _all_fit(data: TrainingData, preprocessing: Preprocessing) -> bool:
    """Whether every way to fit an image to the input gives the same pixels."""
    height, width = data.image_index.sizes.T
    has_ratio = height * preprocessing.width == width * preprocessing.height
    return preprocessing.resize is None and bool(has_ratio.all())


def _extras(recipe: ResolvedRecipe) -> str:
    """The fields that differ from those of most trainings."""
    mixing = mixing_of(recipe)
    sizes = ", ".join(str(side) for side in recipe.train_sizes or ())
    parts = [
        (mixing, "" if mixing is None else mixing.describe()),
        (recipe.loss != "cross-entropy", f"loss {recipe.loss}"),
        (recipe.class_weights != "none", f"{recipe.class_weights} class weights"),
        (recipe.class_weight, "class weights as given"),
        (recipe.sampler != "shuffle", f"{recipe.sampler} sampler"),
        (recipe.label_smoothing, f"label smoothing {recipe.label_smoothing:g}"),
        (recipe.ema, f"EMA of the weights ({recipe.ema:g})"),
        (recipe.accumulate > 1, f"{recipe.accumulate} micro-batches a step"),
        (recipe.train_sizes, f"images of {sizes} px first"),
        (recipe.tune == "head", "only the last layer is trained"),
        (recipe.tune == "dense", "only the dense layers are trained"),
        (recipe.head_epochs, f"only the last layer in the first {recipe.head_epochs} of them"),
        (recipe.feature_views, f"on features of {recipe.feature_views} views computed once"),
        (recipe.unfreeze_epochs, f"a further block unfrozen every {recipe.unfreeze_epochs} epochs"),
        (recipe.layer_decay != 1, f"layer decay {recipe.layer_decay:g}"),
    ]
    return "".join(f", {text}" for applies, text in parts if applies)


def save_first_batch(
    path: Path, batches: Batches, preprocessing: Preprocessing, classes: Sequence[str]
) -> None:
    """Saves a picture of the first batch of the first epoch with its labels.

    Args:
        path: Path of the picture.
        batches: Normalised images (N, C, H, W), with class indices (N,) or shares (N, K).
        preprocessing: The preprocessing, whose normalisation is undone.
        classes: K names.

    Raises:
        UsageError: The suffix is none of a picture.
        RunError: The picture can't be written.
    """
    inputs, targets, _ = next(iter(batches.epoch(0)))
    mean = torch.tensor(preprocessing.mean, device=inputs.device).view(-1, 1, 1)
    std = torch.tensor(preprocessing.std, device=inputs.device).view(-1, 1, 1)
    images = (inputs[:SHOWN] * std + mean).clamp(0, 1).cpu()
    labels = [_label(target, classes) for target in targets[:SHOWN].cpu()]
    save_grid(image_grid(images, labels, cell_px=CELL_PX), path)


def _label(target: Tensor, classes: Sequence[str]) -> str:
    if target.ndim == 0:
        return classes[int(target)]
    shares = sorted(zip(target.tolist(), classes, strict=True), reverse=True)
    return ", ".join(f"{name} {share:.0%}" for share, name in shares if share >= NAMED_SHARE)
