"""Going on with a finished run: what has to be the same, so that its numbers stay true."""

from __future__ import annotations

from convscope.data.dataset import Dataset
from convscope.errors import RunError, UsageError, listed
from convscope.recipe import Recipe
from convscope.run import Run
from convscope.training.material import Material

# What the weights and the state of the optimizer belong to.
KEPT = ("opt", "tune", "layer_decay", "options")


def check_going_on(source: Run, recipe: Recipe, classes: tuple[str, ...], dataset: Dataset) -> None:
    """Refuses to go on with a run in another way than the one it was begun in.

    Args:
        source: The finished run.
        recipe: Of the training that goes on.
        classes: Of the run's classifier.
        dataset: What is learned from now.

    Raises:
        UsageError: Its classes or a field that the weights belong to are others, or there is no
            epoch left to do.
    """
    if classes != dataset.classes:
        raise UsageError(
            f"`{source.path}` was trained for other classes than `{dataset.name}` has",
            hint=f"`--weights {source.path}` begins a training that keeps what the head knows of "
            "its classes",
        )
    before = source.recipe
    changed = [
        f"{name}: {getattr(before, name)} -> {getattr(recipe, name)}"
        for name in KEPT
        if getattr(recipe, name) != getattr(before, name)
    ]
    if changed:
        raise UsageError(
            f"`{source.path}` can't go on with other values\n{listed(changed)}",
            hint=f"`--weights {source.path}` begins a training that may have them",
        )
    done = len(source.history)
    if recipe.epochs is not None and recipe.epochs <= done:
        raise UsageError(
            f"`{source.path}` has {done} epochs already, `epochs` is {recipe.epochs}",
            hint="`--epochs` counts all of them, those that are done too",
        )


def check_same_sides(source: Run, material: Material) -> None:
    """Refuses to go on where images are used for something else than before.

    What was learned from would be reported as if it had never been seen.

    Raises:
        RunError: An image is on another side, or was not there.
    """
    gallery = material.gallery
    uses = source.image_uses
    now = zip(gallery.pixel_hashes, material.split.used_for(len(gallery)), strict=True)
    others = [
        gallery.names[index]
        for index, (pixels, use) in enumerate(now)
        if use not in uses.get(int(pixels), frozenset())
    ]
    if others:
        raise RunError(
            f"`{source.path}` used {len(others):,} of these images in another way, or not at all\n"
            f"{listed(others)}",
            hint=f"`--weights {source.path}` begins a training with other images",
        )


def check_still_unseen(source: Run, material: Material) -> None:
    """Refuses to go on where an image that was learned from or chosen by is to be tested on.

    Raises:
        RunError: There is one.
    """
    gallery, uses = material.gallery, source.image_uses
    seen = [
        gallery.names[index]
        for index in material.split.test
        if uses.get(int(gallery.pixel_hashes[index]), frozenset()) & {"train", "validation"}
    ]
    if seen:
        raise RunError(
            f"`{source.path}` has learned from, or was chosen by, {len(seen):,} images that would "
            f"be tested on now\n{listed(seen)}",
            hint=f"`--splits {source.path}` keeps each image on the side where it was",
        )
