"""What a training says before its first step: of the images, of the recipe."""

from __future__ import annotations

import numpy as np

from convscope.data.audit.audit import cheap_audit, one_line
from convscope.data.split import Split
from convscope.device import Device
from convscope.errors import counted, listed
from convscope.processes import Processes
from convscope.progress import Reporter
from convscope.recipe import DecidedRecipe
from convscope.run import Run
from convscope.training.material import Material
from convscope.training.variation import augmentation_of, mixing_of


def say_data(material: Material, data: str, reporter: Reporter) -> None:
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


def note_absent(material: Material, reporter: Reporter) -> None:
    """Names classes that have no image to choose by or to be measured on."""
    gallery = material.gallery
    classes = gallery.dataset.classes
    for use in ("validation", "test"):
        part = getattr(material.split, use)
        counts = np.bincount(gallery.labels[part], minlength=len(classes))
        absent = [name for name, count in zip(classes, counts, strict=True) if not count]
        if absent:
            reporter.say(f"note: no {use} images of {', '.join(absent)}")


def announce(
    run: Run,
    recipe: DecidedRecipe,
    *,
    split: Split,
    steps: int,
    device: Device,
    processes: Processes,
    reporter: Reporter,
) -> None:
    """Says where the run lies, what it learns from and how, in how many steps an epoch."""
    reporter.say(f"run {run.path}")
    reporter.say(
        f"images: {len(split.train):,} train, {len(split.validation):,} validation, "
        f"{len(split.test):,} test ({split.words})"
    )
    reporter.say(
        f"recipe: {recipe.model} at {recipe.img_size} px, {counted(recipe.epochs, 'epoch')} of "
        f"{counted(steps, 'step')}, "
        f"batch {recipe.batch_size}, {recipe.opt}, learning rate {recipe.lr:g} ({recipe.sched}), "
        f"{recipe.fit}, augmentation: {augmentation_of(recipe).describe()}{_extras(recipe)}"
    )
    together = f", {processes.world_size} processes together" if processes.are_several else ""
    reporter.say(f"device: {device.reason}{together}")


def _extras(recipe: DecidedRecipe) -> str:
    """Whatever else is not as in most trainings."""
    mixing = mixing_of(recipe)
    sizes = ", ".join(str(side) for side in recipe.train_sizes or ())
    parts = [
        (mixing, "" if mixing is None else mixing.describe()),
        (recipe.loss != "cross-entropy", f"loss {recipe.loss}"),
        (recipe.class_weights != "none", f"classes weighted ({recipe.class_weights})"),
        (recipe.class_weight, "classes weighted as given"),
        (recipe.sampler != "shuffle", f"{recipe.sampler} sampler"),
        (recipe.label_smoothing, f"labels smoothed by {recipe.label_smoothing:g}"),
        (recipe.ema, f"weights averaged ({recipe.ema:g})"),
        (recipe.accumulate > 1, f"each step in {recipe.accumulate} parts"),
        (recipe.train_sizes, f"images of {sizes} px first"),
        (recipe.tune != "all", f"only the {recipe.tune} layers learn"),
        (recipe.feature_views, f"from features of {recipe.feature_views} views computed once"),
        (recipe.unfreeze_epochs, f"a block more learns every {recipe.unfreeze_epochs} epochs"),
        (recipe.layer_decay != 1, f"rates times {recipe.layer_decay:g} a block towards the input"),
    ]
    return "".join(f", {words}" for is_so, words in parts if is_so)
