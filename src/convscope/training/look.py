"""The first look: what a training starts from, what data there is, which network suits it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from convscope.cache import Cache, open_cache
from convscope.data.dataset import Dataset, check_learnable
from convscope.data.probe import probe_images
from convscope.data.reading import decoding_of, open_with_excluded
from convscope.progress import Reporter
from convscope.recipe import Recipe
from convscope.run import Run
from convscope.training.choices import NetworkDecision, decide_network
from convscope.training.going_on import check_going_on
from convscope.training.start import Start, find_start, with_range_of


@dataclass(frozen=True, slots=True)
class Look:
    """What is known before the images are decoded.

    Attributes:
        recipe: With the range of values that the weights demand.
        start: What the network starts from.
        dataset: All images.
        excluded: Images that are left out.
        cache: Where decoded images are kept.
        decision: Network, input size, preprocessing.
    """

    recipe: Recipe
    start: Start
    dataset: Dataset
    excluded: Dataset
    cache: Cache | None
    decision: NetworkDecision


def look_at_data(recipe: Recipe, *, download: bool, reporter: Reporter) -> Look:
    """Opens the data, and decides what follows from a look at a few images.

    Args:
        recipe: With open choices or without.
        download: Whether data that is asked for by name may be fetched.
        reporter: Says what happens.

    Raises:
        DataError: The data can't be used.
        UsageError: The run that is to go on has other classes.
    """
    start = find_start(recipe)
    recipe = with_range_of(start, recipe)
    dataset, excluded = open_with_excluded(recipe, download=download)
    for remark in dataset.remarks:
        reporter.say(f"note: {remark}")
    counts = np.bincount(dataset.labels, minlength=len(dataset.classes))
    check_learnable(dataset.classes, counts.tolist(), where=dataset.name)
    if recipe.continues is not None:
        check_going_on(Run.open(recipe.continues), recipe, start.classes, dataset)
    cache = open_cache()
    kind = probe_images(dataset, cache=cache, decoding=decoding_of(recipe))
    decision = decide_network(recipe, kind, start, num_classes=len(dataset.classes))
    return Look(recipe, start, dataset, excluded, cache, decision)
