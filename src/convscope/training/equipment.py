"""Equipment: what a recipe, a network and images become before the first step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from convscope.classifier import EVALUATION_BATCH, evaluation_batch
from convscope.data.batches import Batches, ImageBatches, Share, Variation
from convscope.data.ordering import Ordering
from convscope.data.preprocessing import Preprocessing
from convscope.device import Device
from convscope.errors import UsageError, counted
from convscope.networks import FrozenSplit, split_at_learning
from convscope.processes import Processes
from convscope.progress import Reporter
from convscope.recipe import DecidedRecipe
from convscope.training.balance import class_weights
from convscope.training.features import FeatureBatches, collect_features
from convscope.training.loop import StepRules
from convscope.training.material import Material
from convscope.training.objectives import Classification
from convscope.training.parameter_groups import parameter_groups
from convscope.training.variation import augmentation_of, mixing_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Equipment:
    """Everything that a step needs, apart from the optimizer.

    Attributes:
        network: The whole network.
        learner: What a step runs: the network, or the part of it that learns from features.
        train_batches: What the learner takes.
        validation_batches: Likewise, always in the same order.
        validation_labels: (N,) class indices in that order, of all processes.
        objective: What a step minimises.
        rules: How a step is taken.
        device: Where, and in which number format.
        processes: Which of those this is that train together; batches are its shares.
        images: The train batches as images, whatever the learner takes.
        validation_images: Likewise.
    """

    network: nn.Module
    learner: nn.Module
    train_batches: Batches
    validation_batches: Batches
    validation_labels: Tensor
    objective: Classification
    rules: StepRules
    device: Device
    processes: Processes
    images: ImageBatches
    validation_images: ImageBatches

    def groups(self, recipe: DecidedRecipe) -> list[dict[str, object]]:
        """The parameters that learn, grouped for an optimizer."""
        return parameter_groups(
            self.network,
            lr=recipe.lr,
            weight_decay=recipe.weight_decay or 0.0,
            bias_decay=recipe.bias_decay or 0.0,
            layer_decay=recipe.layer_decay,
        )


def equip(
    recipe: DecidedRecipe,
    network: nn.Module,
    material: Material,
    *,
    preprocessing: Preprocessing,
    device: Device,
    processes: Processes,
    reporter: Reporter,
) -> Equipment:
    """Makes the equipment of a training.

    Args:
        recipe: Says how images are varied, what is minimised, how a step is taken.
        network: With its frozen layers frozen; is moved to the device.
        material: The images.
        preprocessing: With mean and std.
        device: Where to.
        processes: Which of those this is that train together.
        reporter: Shows the progress of computing features.

    Raises:
        UsageError: A field of the recipe doesn't fit the images.
    """
    network = network.to(device.torch)
    gallery, split = material.gallery, material.split
    share = Share(processes.rank, processes.world_size)
    images = _train_batches(recipe, material, preprocessing, device, share=share)
    _check_enough(
        processes,
        fewest=images.num_images // len(images),
        num_validation=len(split.validation),
    )
    validation_images = ImageBatches(
        material.evaluation,
        gallery.labels,
        share.run_of(split.validation),
        preprocessing=preprocessing,
        batch_size=evaluation_batch(preprocessing, device.torch),
        device=device.torch,
    )
    learner: nn.Module = network
    train: Batches = images
    validation: Batches = validation_images
    frozen = split_at_learning(network) if recipe.feature_views else None
    if frozen is not None:
        learner = frozen.learning
        train, validation = _as_features(
            frozen,
            _train_batches(recipe, material, preprocessing, device, share=share, is_shuffled=False),
            validation,
            recipe=recipe,
            labels=torch.from_numpy(gallery.labels[split.train]).to(device.torch),
            device=device,
            processes=processes,
            share=share,
            reporter=reporter,
        )
    return Equipment(
        network=network,
        learner=learner,
        train_batches=train,
        validation_batches=validation,
        validation_labels=torch.from_numpy(gallery.labels[split.validation]),
        objective=_objective(recipe, material, device),
        rules=StepRules(
            parts=recipe.accumulate,
            clip_norm=recipe.clip_norm or None,
            clip_value=recipe.clip_value,
        ),
        device=device,
        processes=processes,
        images=images,
        validation_images=validation_images,
    )


def _objective(recipe: DecidedRecipe, material: Material, device: Device) -> Classification:
    gallery = material.gallery
    classes = gallery.dataset.classes
    weights = class_weights(
        np.bincount(gallery.labels[material.split.train], minlength=len(classes)),
        scheme=recipe.class_weights,
        named=recipe.class_weight,
        classes=classes,
    )
    return Classification(
        loss=recipe.loss,
        label_smoothing=recipe.label_smoothing,
        gamma=recipe.focal_gamma or 0.0,
        class_weights=None if weights is None else torch.from_numpy(weights).to(device.torch),
        auxiliary_weight=recipe.auxiliary_weight,
    )


def _train_batches(
    recipe: DecidedRecipe,
    material: Material,
    preprocessing: Preprocessing,
    device: Device,
    *,
    share: Share,
    is_shuffled: bool = True,
) -> ImageBatches:
    """Train images: shuffled, and shared batch by batch; or in their order, a run for each."""
    augmentation = augmentation_of(recipe)
    augmentation.check_applies(preprocessing.channels)
    gallery, split = material.gallery, material.split
    return ImageBatches(
        material.learning,
        gallery.labels,
        split.train if is_shuffled else share.run_of(split.train),
        preprocessing=preprocessing,
        batch_size=recipe.batch_size
        if is_shuffled
        else evaluation_batch(preprocessing, device.torch),
        device=device.torch,
        share=share if is_shuffled else None,
        variation=Variation(
            recipe.seed,
            augmentation,
            sizes=gallery.sizes,
            mixing=mixing_of(recipe),
            num_classes=len(gallery.dataset.classes),
            is_shuffled=is_shuffled,
            is_balanced=is_shuffled and recipe.sampler == "balanced",
            side_at=_side_at(recipe, max(preprocessing.height, preprocessing.width)),
        ),
    )


def _side_at(recipe: DecidedRecipe, last_px: int) -> Callable[[int], int] | None:
    """The longer side in each epoch: an equal share of the epochs for each size."""
    if recipe.train_sizes is None:
        return None
    sides = (*recipe.train_sizes, last_px)

    def side_at(epoch: int) -> int:
        return sides[min(epoch * len(sides) // recipe.epochs, len(sides) - 1)]

    return side_at


def _as_features(
    split: FrozenSplit,
    images: ImageBatches,
    validation: Batches,
    *,
    recipe: DecidedRecipe,
    labels: Tensor,
    device: Device,
    processes: Processes,
    share: Share,
    reporter: Reporter,
) -> tuple[FeatureBatches, Batches]:
    """Batches of features for learning and for validation; each image is looked at once a view.

    Of several processes each computes those of its images; all of them learn from all.
    """
    num_views = min(recipe.feature_views or 1, recipe.epochs)
    total = num_views * images.num_images + validation.num_images

    def as_in_a_step(inputs: Tensor) -> Tensor:
        with device.autocast():
            features: Tensor = split.frozen(inputs)
        return features

    with reporter.task("computing features", total) as task:
        views = [
            processes.gather(collect_features(as_in_a_step, images, view, on_progress=task.advance))
            for view in range(num_views)
        ]
        seen = collect_features(split.frozen, validation, 0, on_progress=task.advance)
    numbers = np.arange(len(labels))
    is_balanced = recipe.sampler == "balanced"
    ordering = Ordering(
        numbers,
        batch_size=recipe.batch_size,
        seed=recipe.seed,
        balanced_by=labels.cpu().numpy() if is_balanced else None,
    )
    plain = Ordering(np.arange(len(seen)), batch_size=EVALUATION_BATCH)
    nothing = torch.zeros(len(seen), dtype=torch.int64, device=seen.device)
    train = FeatureBatches(views, labels, ordering, share=share)
    return train, FeatureBatches([seen], nothing, plain)


def _check_enough(processes: Processes, *, fewest: int, num_validation: int) -> None:
    """Refuses processes that would have no image in a step, or none to validate with.

    Args:
        processes: That share the images.
        fewest: Images in a step.
        num_validation: Validation images.

    Raises:
        UsageError: There are fewer images than processes.
    """
    if fewest < processes.world_size:
        raise UsageError(
            f"a step has {counted(fewest, 'image')}, fewer than there are processes "
            f"({processes.world_size})",
            hint="`--batch-size` counts the images of a step over all processes: make it larger",
        )
    if num_validation < processes.world_size:
        raise UsageError(
            f"there are {counted(num_validation, 'validation image')} for "
            f"{processes.world_size} processes",
            hint="give torchrun a smaller `--nproc-per-node`",
        )


def check_batch_norm(error: ValueError, recipe: DecidedRecipe) -> UsageError | None:
    """What to say of batches that are too small for batch normalisation; None for other errors."""
    if "more than 1 value per channel" not in str(error):
        return None
    parts = f" in {recipe.accumulate} parts" if recipe.accumulate > 1 else ""
    return UsageError(
        f"batch normalisation can't learn from batches of {recipe.batch_size}{parts} "
        f"at {recipe.img_size} px: only one value is left of each channel",
        hint="choose a larger `--batch-size` or `--img-size`, or fewer parts",
    )
