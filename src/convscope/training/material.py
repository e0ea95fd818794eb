"""Material: what a training learns from, chooses by and is measured on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from convscope.cache import Cache
from convscope.data.canvas import Canvas
from convscope.data.catalogue import open_catalogue
from convscope.data.dataset import Dataset
from convscope.data.facts import hash_pixels
from convscope.data.gallery import Gallery, look_at
from convscope.data.grouping import group_images
from convscope.data.pixels import Geometry, Pixels
from convscope.data.preprocessing import Preprocessing
from convscope.data.reading import decoding_of
from convscope.data.split import Split, likely_use, merged_groups, split_images
from convscope.data.survey import survey_images
from convscope.errors import UsageError
from convscope.progress import Reporter
from convscope.recipe import Recipe
from convscope.run import Run, read_uses


class Excluded(NamedTuple):
    """Images that a recipe leaves out, as far as they can be read.

    Attributes:
        dataset: M images.
        pixel_hashes: (M,) of the decoded pixels.
    """

    dataset: Dataset
    pixel_hashes: NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class Material:
    """What a training learns from, chooses by and is measured on.

    Attributes:
        gallery: All images that can be read.
        split: Which of them are used for what.
        evaluation: Each image as prediction prepares it.
        excluded: The images that were to be left out; they aren't learned from and don't count as
            unseen.
        learning: Each image as it is learned from, before augmentation: whole on a larger canvas
            where random crops are cut out of it, else as for `evaluation`.
    """

    gallery: Gallery
    split: Split
    evaluation: Pixels
    learning: Pixels
    excluded: Excluded


def prepare_material(
    dataset: Dataset,
    recipe: Recipe,
    preprocessing: Preprocessing,
    *,
    excluded: Dataset,
    cache: Cache | None,
    workers: int | None,
    reporter: Reporter,
) -> Material:
    """Looks at all images, sorts them by use and makes their pixels available.

    Args:
        dataset: All images.
        recipe: Says how they are decoded and split.
        preprocessing: What prediction will do; mean and std don't matter yet.
        excluded: Images that are left out.
        cache: Where decoded images are kept.
        workers: Threads that decode.
        reporter: Says what happens.

    Raises:
        DataError: Too many images can't be read, or a side of the split would be empty.
    """
    geometries: list[Geometry] = [preprocessing]
    if recipe.crop_scale:
        geometries.append(Canvas.around(preprocessing))

    def which(index: int, pixels: NDArray[np.uint8]) -> int:
        if len(geometries) == 1:
            return 0
        use = likely_use(
            dataset.given_splits[index], hash_pixels(pixels), folds=recipe.folds, fold=recipe.fold
        )
        return 1 if use == "train" else 0

    gallery = look_at(
        dataset,
        cache=cache,
        decoding=decoding_of(recipe),
        workers=workers,
        geometries=geometries,
        which=which,
        allow_damaged=recipe.allow_damaged,
        reporter=reporter,
    )
    split = _split(gallery, recipe, reporter)
    pixels = [gallery.pixels(geometry) for geometry in geometries]
    return Material(
        gallery,
        split,
        evaluation=pixels[0],
        learning=pixels[-1],
        excluded=_known(excluded, recipe, cache),
    )


def _known(excluded: Dataset, recipe: Recipe, cache: Cache | None) -> Excluded:
    with open_catalogue(cache) as catalogue:
        survey = survey_images(excluded, decoding_of(recipe), catalogue=catalogue)
    readable = survey.readable
    return Excluded(excluded.take(readable), survey.facts["pixels"][readable])


def _split(gallery: Gallery, recipe: Recipe, reporter: Reporter) -> Split:
    given = gallery.dataset.given_splits
    own = gallery.dataset.groups
    groups: NDArray[np.int64] | None = None
    if len(set(given)) < 3:
        groups = group_images(gallery, reporter)
        if own is not None:
            groups = merged_groups(groups, own)
    elif own is not None:  # nothing is drawn, but what the given splits tear apart is said
        groups = np.unique(np.asarray(own), return_inverse=True)[1]
    return split_images(
        given,
        gallery.pixel_hashes,
        groups=groups,
        earlier=None if recipe.splits is None else _earlier(Path(recipe.splits)),
        folds=recipe.folds,
        fold=recipe.fold,
    )


def _earlier(place: Path) -> Mapping[int, frozenset[str]]:
    if place.is_dir():
        return Run.open(place).image_uses
    if not place.is_file():
        raise UsageError(
            f"`splits` is `{place}`, which isn't there",
            hint="give a run, or the splits.csv of one",
        )
    return read_uses(place)
