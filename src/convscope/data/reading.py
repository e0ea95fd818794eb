"""Data as a recipe wants it to be read: which columns, without which images, decoded how."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from convscope.data.audit.exclusions import read_exclusions
from convscope.data.dataset import Dataset
from convscope.data.decode import Decoding
from convscope.data.sources.opening import open_dataset
from convscope.errors import counted
from convscope.recipe import Recipe


def open_data(recipe: Recipe, *, download: bool = False) -> Dataset:
    """The data set that a recipe names, without what it excludes."""
    return open_with_excluded(recipe, download=download)[0]


def open_with_excluded(recipe: Recipe, *, download: bool = False) -> tuple[Dataset, Dataset]:
    """The data set that a recipe names without what it excludes, and what it excludes.

    Raises:
        DataError: See `open_dataset`; or excluded images that the data hasn't.
    """
    dataset = open_dataset(
        recipe.data,
        path_column=recipe.path_column,
        label_column=recipe.label_column,
        split_column=recipe.split_column,
        group_column=recipe.group,
        download=download,
    )
    if recipe.exclude is None:
        return dataset, dataset.take(np.zeros(0, dtype=np.int64))
    left_out = read_exclusions(Path(recipe.exclude), dataset)
    remark = f"{counted(len(left_out), 'image')} left out as `{recipe.exclude}` says"
    rest = dataset.take(np.setdiff1d(np.arange(len(dataset)), left_out))
    return replace(rest, remarks=(*rest.remarks, remark)), dataset.take(left_out)


def decoding_of(recipe: Recipe) -> Decoding:
    """How a recipe wants images to be decoded."""
    return Decoding(
        max_pixels=recipe.max_pixels,
        value_range=recipe.value_range,
        allow_truncated=recipe.allow_damaged,
        extra_formats=recipe.extra_formats,
    )
