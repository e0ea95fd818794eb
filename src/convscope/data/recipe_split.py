"""The split that a recipe asks for: the one definition for a training and for a check.

So a check can say how many images a training will train on, choose by and test on.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from convscope.cache import Cache
from convscope.data.dataset import Dataset
from convscope.data.duplicates.near_duplicates import group_images
from convscope.data.reading import decoding_of
from convscope.data.split import SPLITS, Labels, Split, merged_groups, split_images
from convscope.errors import UsageError
from convscope.paths import is_run
from convscope.progress import SILENT, Reporter
from convscope.recipe import Recipe
from convscope.run import Run
from convscope.splits import read_image_splits


def split_for(
    recipe: Recipe,
    dataset: Dataset,
    statistics: NDArray[np.void],
    *,
    cache: Cache | None,
    reporter: Reporter = SILENT,
) -> Split:
    """The split of a data set's images by a recipe.

    Args:
        recipe: Says how images are decoded and split.
        dataset: N images, all of which can be read, without the excluded ones.
        statistics: (N,) of `STATISTICS`.
        cache: Where near-duplicates that were found are remembered; None for nowhere.
        reporter: Says what takes long.

    Raises:
        DataError: A split would be empty, or only some images came with one.
        UsageError: There is no earlier split where the recipe says.
    """
    given, own = dataset.given_splits, dataset.groups
    groups: NDArray[np.int64] | None = None
    if len({*given} - {""}) < len(SPLITS):
        decoding = decoding_of(recipe)
        groups = group_images(dataset.images, statistics, decoding, cache=cache, reporter=reporter)
        if own is not None:
            groups = merged_groups(groups, own)
    elif own is not None:  # nothing is drawn, but groups that the given splits tear apart are named
        groups = np.unique(np.asarray(own), return_inverse=True)[1]
    return split_images(
        given,
        statistics["pixels"],
        labels=Labels(dataset.classes, dataset.labels),
        groups=groups,
        earlier=None if recipe.splits is None else _earlier(Path(recipe.splits)),
        folds=recipe.folds,
        fold=recipe.fold,
    )


def _earlier(path: Path) -> Mapping[int, frozenset[str]]:
    if path.is_dir():
        return Run.open(path).image_splits
    if not path.is_file():
        raise UsageError(
            f"`splits` is `{path}`, which isn't there",
            hint="give a run, or the splits.csv of one",
        )
    run = Run(path.parent)
    is_of_run = is_run(run.path) and path.resolve() == run.splits_path.resolve()
    return run.image_splits if is_of_run else read_image_splits(path)
