"""MixUp and CutMix: images mixed in pairs, with targets in the same proportions.

Partners and proportions are a function of (seed, step, position in the batch).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from convscope.data.augment.geometry import Boxes
from convscope.recipe import AugmentationFields, validated
from convscope.rng import Bools, Floats, Integers, permutation, uniform


class MixedBatch(NamedTuple):
    """A batch of mixed images.

    Attributes:
        inputs: (N, C, H, W).
        targets: (N, K) proportions of the classes, which sum to 1.
    """

    inputs: Tensor
    targets: Tensor


class _Plan(NamedTuple):
    """Random partners and proportions for the N images of a batch."""

    partner: Integers
    own: Floats  # (N,) proportion of the own image in the result
    is_cut: Bools  # (N,) whether CutMix is used, not MixUp
    boxes: Boxes  # of CutMix


@dataclass(frozen=True, slots=True, kw_only=True)
class Mixing:
    """Mixing of the images of a batch; the recipe declares the limits of its parameters.

    Attributes:
        mixup_alpha: Alpha of MixUp, 0 for none; 0.2 is common, 1 makes proportions uniform.
        cutmix_alpha: Alpha of CutMix, 0 for none; 1 is common.
    """

    mixup_alpha: float = 0.0
    cutmix_alpha: float = 0.0

    def __post_init__(self) -> None:
        """Raises a UsageError if a value is outside its limits."""
        alphas = {"mixup": self.mixup_alpha, "cutmix": self.cutmix_alpha}
        validated(AugmentationFields, alphas)

    def apply(
        self,
        inputs: Tensor,
        targets: Tensor,
        num_classes: int,
        *,
        seed: int,
        step: int,
        rank: int = 0,
    ) -> MixedBatch:
        """A batch mixed with a permutation of itself; if both methods are on, half of it by each.

        Source: Zhang et al. 2018 (MixUp), Yun et al. 2019 (CutMix). The proportion of each image is
        drawn from Beta(alpha, alpha); that of CutMix is then the area outside of the box, which is
        cut off at the borders and rounded to whole pixels.

        Args:
            inputs: (N, C, H, W) floats, which stay as they are.
            targets: (N,) class indices or (N, K) proportions of the classes.
            num_classes: K.
            seed: Seed of the recipe.
            step: Step of the training, from 0.
            rank: Rank of the process that has this batch.
        """
        if targets.ndim == 1:
            targets = F.one_hot(targets, num_classes)
        targets = targets.float()
        if not self.mixup_alpha and not self.cutmix_alpha:
            return MixedBatch(inputs, targets)
        plan = _draw(inputs, self, (seed, step, rank))
        partners = torch.from_numpy(plan.partner).to(inputs.device)
        mixed = inputs.clone()
        if self.mixup_alpha:
            proportions = _column(np.where(plan.is_cut, 1.0, plan.own), inputs)
            mixed = torch.lerp(inputs[partners], inputs, proportions[:, :, None, None])
        for image in np.flatnonzero(plan.is_cut):
            top, left, height, width = (part[image] for part in plan.boxes)
            box = (slice(None), slice(top, top + height), slice(left, left + width))
            mixed[image][box] = inputs[plan.partner[image]][box]
        own = _column(plan.own, targets)
        soft = targets * own + targets.index_select(0, partners.to(targets.device)) * (1 - own)
        return MixedBatch(mixed, soft)

    def describe(self) -> str:
        """The mixing in one sentence, "none" if there is none."""
        parts = []
        if self.mixup_alpha:
            parts.append(f"blended in pairs (MixUp, alpha {self.mixup_alpha:g})")
        if self.cutmix_alpha:
            parts.append(f"with a box of another image (CutMix, alpha {self.cutmix_alpha:g})")
        return " or ".join(parts) or "none"


def _draw(inputs: Tensor, mixing: Mixing, counters: tuple[int, int, int]) -> _Plan:
    # Only mixing needs SciPy, which takes a while to import.
    from scipy.special import betaincinv

    count, _, height, width = inputs.shape
    positions = np.arange(count)

    def draw(purpose: str) -> Floats:
        return uniform(purpose, *counters, positions)

    num_ways = (mixing.mixup_alpha > 0) + (mixing.cutmix_alpha > 0)
    is_cut = draw("mix way") < (mixing.cutmix_alpha > 0) / num_ways
    alpha = np.where(is_cut, mixing.cutmix_alpha, mixing.mixup_alpha)
    own = np.asarray(betaincinv(alpha, alpha, draw("mix share")))
    boxes = _boxes_around(
        draw("cutmix row"), draw("cutmix column"), np.sqrt(1 - own), height=height, width=width
    )
    kept = 1 - boxes.height * boxes.width / (height * width)
    partner = permutation("mix partner", count, *counters)
    return _Plan(partner, np.where(is_cut, kept, own), is_cut, boxes)


def _boxes_around(rows: Floats, columns: Floats, side: Floats, *, height: int, width: int) -> Boxes:
    """Boxes with `side` (N,) times the image's sides, around centres given as fractions of it.

    They are cut off at the borders.
    """

    def span(middle: Floats, size: int) -> tuple[Integers, Integers]:
        first = np.floor(middle * size) - np.floor(side * size / 2)
        last = first + np.floor(side * size)
        start = np.clip(first, 0, size).astype(np.int64)
        return start, np.clip(last, 0, size).astype(np.int64) - start

    top, num_rows = span(rows, height)
    left, num_columns = span(columns, width)
    return Boxes(top, left, num_rows, num_columns)


def _column(values: Floats, like: Tensor) -> Tensor:
    return torch.from_numpy(values).to(like.device, like.dtype)[:, None]
