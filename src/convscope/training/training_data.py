"""The images of a training: what is trained on, what chooses the best epoch, what is tested on."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from convscope.cache import Cache
from convscope.data.augment.augmentation import Augmentation
from convscope.data.dataset import Dataset
from convscope.data.index.image_index import ImageIndex, build_image_index
from convscope.data.index.metadata_cache import open_metadata_cache
from convscope.data.index.scan import scan_images
from convscope.data.index.statistics import channel_moments
from convscope.data.pixels.prepared import Pixels, PreCrop
from convscope.data.pixels.preprocessing import Preprocessing, ResizeGeometry
from convscope.data.reading import decoding_of
from convscope.data.recipe_split import split_for
from convscope.data.split import Split, likely_split
from convscope.progress import Reporter
from convscope.recipe import Recipe


class ExcludedImages(NamedTuple):
    """Images that a recipe leaves out, as far as they can be read.

    Attributes:
        dataset: M images.
        pixel_hashes: (M,) hashes of the decoded pixels.
    """

    dataset: Dataset
    pixel_hashes: NDArray[np.uint64]


@dataclass(slots=True)
class FrozenFeatures:
    """Outputs of the frozen layers, where these are computed once; empty until then.

    Attributes:
        train: Features (n, ...) of the train images, for each augmented version of them.
        validation: One tensor, (m, ...) features of the validation images.
        augmentation: How the versions were augmented.
        seconds: Seconds that computing them took.
    """

    train: list[Tensor] = field(default_factory=list)
    validation: list[Tensor] = field(default_factory=list)
    augmentation: Augmentation | None = None
    seconds: float = 0.0

    def begin(self, augmentation: Augmentation) -> None:
        """Forgets the versions that were augmented in another way."""
        if self.augmentation != augmentation:
            self.train.clear()
            self.augmentation = augmentation


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingData:
    """The images of a training, and how they are prepared.

    Attributes:
        image_index: All readable images.
        split: Train, validation and test images.
        preprocessing: The classifier's preprocessing, with mean and standard deviation.
        evaluation_pixels: Each image as prediction prepares it.
        train_pixels: Each image before augmentation: resized whole to a pre-crop where random crops
            are cut out of it; else the same as `evaluation_pixels`.
        excluded: Images that are left out: they are not trained on, and don't count as unseen.
        features: Features that were computed already.
    """

    image_index: ImageIndex
    split: Split
    preprocessing: Preprocessing
    evaluation_pixels: Pixels
    train_pixels: Pixels
    excluded: ExcludedImages
    features: FrozenFeatures = field(default_factory=FrozenFeatures)

    @property
    def classes(self) -> tuple[str, ...]:
        """K class names."""
        return self.image_index.dataset.classes

    @property
    def train_counts(self) -> NDArray[np.int64]:
        """(K,) number of train images of each class."""
        labels = self.image_index.labels[self.split.train]
        return np.bincount(labels, minlength=len(self.classes))


def load_training_data(
    dataset: Dataset,
    excluded: Dataset,
    recipe: Recipe,
    preprocessing: Preprocessing,
    *,
    cache: Cache | None,
    workers: int | None,
    reporter: Reporter,
) -> TrainingData:
    """Scans all images, splits them and makes their pixels available.

    Args:
        dataset: All images but the excluded ones.
        excluded: Images that are left out.
        recipe: Says how images are decoded and split.
        preprocessing: The preprocessing of the classifier; `with_measured_moments` completes it.
        cache: Where decoded images are kept; None for nowhere.
        workers: Threads that decode; None for one a core.
        reporter: Says what happens.

    Raises:
        DataError: Too many images can't be read, or a split would be empty.
    """
    geometries: list[ResizeGeometry] = [preprocessing]
    if recipe.crop_scale:
        geometries.append(PreCrop.around(preprocessing))
    present = set(dataset.given_splits) - {""}

    def which(index: int, pixel_hash: int) -> int:
        if len(geometries) == 1:
            return 0
        split_name = likely_split(
            dataset.given_splits[index],
            pixel_hash,
            present=present,
            folds=recipe.folds,
            fold=recipe.fold,
        )
        return 1 if split_name == "train" else 0

    image_index = build_image_index(
        dataset,
        cache=cache,
        decoding=decoding_of(recipe),
        workers=workers,
        geometries=geometries,
        which=which,
        reporter=reporter,
    )
    split = split_for(
        recipe, image_index.dataset, image_index.statistics, cache=cache, reporter=reporter
    )
    pixels = [image_index.pixels(geometry) for geometry in geometries]
    return TrainingData(
        image_index=image_index,
        split=split,
        preprocessing=preprocessing,
        evaluation_pixels=pixels[0],
        train_pixels=pixels[-1],
        excluded=_readable(excluded, recipe, cache),
    )


def with_measured_moments(data: TrainingData) -> TrainingData:
    """The data with mean and standard deviation of the train images, each counted the same."""
    preprocessing = data.preprocessing
    statistics = data.image_index.statistics[data.split.train]
    mean, square = channel_moments(statistics, preprocessing.channels)
    std = np.sqrt(np.maximum(square - mean**2, 1e-6))
    measured = replace(preprocessing, mean=_rounded(mean), std=_rounded(std))
    return replace(data, preprocessing=measured)


def _rounded(values: NDArray[np.float64]) -> tuple[float, ...]:
    return tuple(round(float(value), 6) for value in values)


def _readable(excluded: Dataset, recipe: Recipe, cache: Cache | None) -> ExcludedImages:
    with open_metadata_cache(cache) as metadata_cache:
        scan = scan_images(excluded, decoding_of(recipe), metadata_cache=metadata_cache)
    readable = scan.readable
    return ExcludedImages(excluded.take(readable), scan.statistics["pixels"][readable])
