"""The setup of a training: everything that a step needs, built once from a resolved recipe."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn, optim

from convscope.classifier import EVALUATION_BATCH, NetworkChoice, evaluation_batch
from convscope.data.batch import Batches, Sampler
from convscope.data.batches import ImageBatches, Shard, TrainAugmentation
from convscope.device import Device
from convscope.distributed import ProcessGroup
from convscope.errors import UsageError
from convscope.networks import FrozenSplit, split_frozen, with_folded_batch_norm
from convscope.progress import Reporter
from convscope.recipe import ResolvedRecipe
from convscope.text import counted
from convscope.training.freezing import parameter_groups
from convscope.training.frozen_features import FeatureBatches, compute_features
from convscope.training.loop import StepRules, TrainStep, Watch, unwatched
from convscope.training.losses import ClassificationLoss, class_weights
from convscope.training.optimizers import optimizer_of
from convscope.training.presets import augmentation_of, mixing_of
from convscope.training.training_data import TrainingData

FORMAT_FIELDS = ("precision", "memory_format")  # decided by a measurement where they are open
MEMORY_FORMATS = {
    "channels_last": torch.channels_last,
    "contiguous": torch.contiguous_format,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """Everything that a training needs, apart from what changes while it runs.

    Attributes:
        recipe: The resolved recipe.
        choice: The network's name and options.
        network: The whole network, on the device.
        trained_part: What a step runs: the network, or the part of it that is trained on features.
        train_batches: What the trained part takes.
        validation_batches: Validation batches for the trained part, always in the same order.
        validation_labels: (N,) class indices in that order, of all processes.
        image_batches: The train batches as images, whatever the trained part takes.
        validation_image_batches: The validation batches as images.
        loss_function: What a step minimises.
        device: Device and number format.
        processes: The process group; batches are this process's shards.
        head_first: The setup of the first epochs, in which the head alone is trained; None where
            there are none. Its network is the same.
        watch: Gives the context manager around each phase of a step.
    """

    recipe: ResolvedRecipe
    choice: NetworkChoice
    network: nn.Module
    trained_part: nn.Module
    train_batches: Batches
    validation_batches: Batches
    validation_labels: Tensor
    image_batches: ImageBatches
    validation_image_batches: ImageBatches
    loss_function: ClassificationLoss
    device: Device
    processes: ProcessGroup
    head_first: Setup | None = None
    watch: Watch = unwatched

    def make_optimizer(self) -> optim.Optimizer:
        """A new optimizer over the parameters that are trained."""
        groups = parameter_groups(
            self.network,
            lr=self.recipe.lr,
            weight_decay=self.recipe.weight_decay or 0.0,
            bias_decay=self.recipe.bias_decay or 0.0,
            layer_decay=self.recipe.layer_decay,
        )
        return optimizer_of(self.recipe, groups)

    def train_step(self, optimizer: optim.Optimizer) -> TrainStep:
        """The step that updates the trained part with an optimizer."""
        train_step = TrainStep(
            self.trained_part,
            self.loss_function,
            optimizer,
            device=self.device,
            processes=self.processes,
            rules=StepRules(
                micro_batches=self.recipe.accumulate,
                clip_norm=self.recipe.clip_norm or None,
                clip_value=self.recipe.clip_value,
            ),
            seed=self.recipe.seed,
        )
        train_step.watch = self.watch
        return train_step

    def explain_small_batches(self, error: ValueError) -> UsageError | None:
        """The message for batches too small for batch normalisation; None for other errors."""
        if "more than 1 value per channel" not in str(error):
            return None
        recipe = self.recipe
        parts = f" in {recipe.accumulate} micro-batches" if recipe.accumulate > 1 else ""
        return UsageError(
            f"batch normalisation can't be trained on batches of {recipe.batch_size}{parts} "
            f"at {recipe.img_size} px: only one value is left of each channel",
            hint="choose a larger `--batch-size` or `--img-size`, or a smaller `--accumulate`",
        )


def build_setup(
    recipe: ResolvedRecipe,
    choice: NetworkChoice,
    network: nn.Module,
    data: TrainingData,
    *,
    device: Device,
    processes: ProcessGroup,
    reporter: Reporter,
) -> Setup:
    """Builds the setup of a training.

    Args:
        recipe: The resolved recipe.
        choice: The network's name and options.
        network: The network, with its frozen layers frozen; it is moved to the device.
        data: The images.
        device: Device and number format.
        processes: The process group.
        reporter: Shows the progress of computing the features of frozen layers.

    Raises:
        UsageError: A field of the recipe doesn't fit the images.
    """
    network = network.to(device.torch)
    shard = Shard(processes.rank, processes.world_size)
    images = _train_batches(recipe, data, device, shard)
    _check_enough(processes, images, num_validation=len(data.split.validation))
    validation_images = ImageBatches(
        data.evaluation_pixels,
        data.image_index.labels,
        Sampler(
            shard.run_of(data.split.validation),
            batch_size=evaluation_batch(data.preprocessing, device.torch),
        ),
        preprocessing=data.preprocessing,
        device=device.torch,
    )
    trained_part: nn.Module = network
    train: Batches = images
    validation: Batches = validation_images
    split = split_frozen(network) if recipe.feature_views else None
    if split is not None:
        trained_part = split.trainable
        _compute_missing(split, recipe, data, validation, device, processes, reporter)
        train, validation = _feature_batches(recipe, data, device, shard)
    return Setup(
        recipe=recipe,
        choice=choice,
        network=network,
        trained_part=trained_part,
        train_batches=train,
        validation_batches=validation,
        validation_labels=torch.from_numpy(data.image_index.labels[data.split.validation]),
        image_batches=images,
        validation_image_batches=validation_images,
        loss_function=_loss_function(recipe, data, device),
        device=device,
        processes=processes,
    )


def _loss_function(
    recipe: ResolvedRecipe, data: TrainingData, device: Device
) -> ClassificationLoss:
    weights = class_weights(
        data.train_counts,
        scheme=recipe.class_weights,
        named=recipe.class_weight,
        classes=data.classes,
    )
    return ClassificationLoss(
        loss=recipe.loss,
        label_smoothing=recipe.label_smoothing,
        gamma=recipe.focal_gamma or 0.0,
        class_weights=None if weights is None else torch.from_numpy(weights).to(device.torch),
        auxiliary_weight=recipe.auxiliary_weight,
    )


def _train_batches(
    recipe: ResolvedRecipe,
    data: TrainingData,
    device: Device,
    shard: Shard,
    *,
    is_shuffled: bool = True,
) -> ImageBatches:
    """Train images: shuffled, and sharded batch by batch; or in their order, a run per process."""
    preprocessing, train = data.preprocessing, data.split.train
    augmentation = augmentation_of(recipe)
    augmentation.check_applies(preprocessing.channels)
    labels = data.image_index.labels
    if is_shuffled:
        balanced_by = labels if recipe.sampler == "balanced" else None
        sampler = Sampler(
            train, batch_size=recipe.batch_size, seed=recipe.seed, balanced_by=balanced_by
        )
    else:
        in_order = evaluation_batch(preprocessing, device.torch)
        sampler = Sampler(shard.run_of(train), batch_size=in_order)
    return ImageBatches(
        data.train_pixels,
        labels,
        sampler,
        preprocessing=preprocessing,
        device=device.torch,
        shard=shard if is_shuffled else None,
        augmentation=TrainAugmentation(
            recipe.seed,
            augmentation,
            sizes=data.image_index.sizes,
            mixing=mixing_of(recipe),
            num_classes=len(data.classes),
            side_at=_side_at(recipe, max(preprocessing.height, preprocessing.width)),
            memory_format=MEMORY_FORMATS[recipe.memory_format],
        ),
    )


def _compute_missing(
    split: FrozenSplit,
    recipe: ResolvedRecipe,
    data: TrainingData,
    validation: Batches,
    device: Device,
    processes: ProcessGroup,
    reporter: Reporter,
) -> None:
    """Adds the features that no earlier setup has computed; each image is run once a view.

    Of several processes each computes those of its images; all of them train on all.
    """
    features, num_views = data.features, min(recipe.feature_views or 1, recipe.epochs)
    features.begin(augmentation_of(recipe))
    frozen = with_folded_batch_norm(split.frozen)
    shard = Shard(processes.rank, processes.world_size)
    images = _train_batches(recipe, data, device, shard, is_shuffled=False)
    missing = range(len(features.train), num_views)
    total = len(missing) * images.num_images
    total += 0 if features.validation else validation.num_images
    if not total:
        return

    def as_in_a_step(inputs: Tensor) -> Tensor:
        with device.autocast():
            output: Tensor = frozen(inputs)
        return output

    began = time.monotonic()
    with reporter.task("computing features", total) as task:
        for view in missing:
            mine = compute_features(as_in_a_step, images, view, on_progress=task.advance)
            features.train.append(processes.all_gather(mine))
        if not features.validation:
            features.validation.append(
                compute_features(frozen, validation, 0, on_progress=task.advance)
            )
    features.seconds += time.monotonic() - began


def _feature_batches(
    recipe: ResolvedRecipe, data: TrainingData, device: Device, shard: Shard
) -> tuple[FeatureBatches, FeatureBatches]:
    """Batches of computed features for training and for validation."""
    labels = data.image_index.labels[data.split.train]
    order = Sampler(
        np.arange(len(labels)),
        batch_size=recipe.batch_size,
        seed=recipe.seed,
        balanced_by=labels if recipe.sampler == "balanced" else None,
    )
    views = data.features.train[: min(recipe.feature_views or 1, recipe.epochs)]
    on_device = torch.from_numpy(labels).to(device.torch)
    train = FeatureBatches(views, on_device, order, shard=shard)
    (seen,) = data.features.validation
    plain = Sampler(np.arange(len(seen)), batch_size=EVALUATION_BATCH)
    unused = torch.zeros(len(seen), dtype=torch.int64, device=seen.device)
    return train, FeatureBatches([seen], unused, plain)


def _check_enough(processes: ProcessGroup, images: ImageBatches, *, num_validation: int) -> None:
    """Refuses processes that would have no image in a step, or none to validate with.

    Raises:
        UsageError: There are fewer images than processes.
    """
    world_size, fewest = processes.world_size, images.num_images // len(images)
    if fewest < world_size:
        raise UsageError(
            f"a step has {counted(fewest, 'image')}, fewer than there are processes ({world_size})",
            hint="`--batch-size` counts the images of a step over all processes: make it larger",
        )
    if num_validation < world_size:
        raise UsageError(
            f"there are {counted(num_validation, 'validation image')} for {world_size} processes",
            hint="give torchrun a smaller `--nproc-per-node`",
        )


def _side_at(recipe: ResolvedRecipe, last_px: int) -> Callable[[int], int] | None:
    """The longer side in each epoch: an equal share of the epochs for each size."""
    if recipe.train_sizes is None:
        return None
    sides = (*recipe.train_sizes, last_px)

    def side_at(epoch: int) -> int:
        return sides[min(epoch * len(sides) // recipe.epochs, len(sides) - 1)]

    return side_at
