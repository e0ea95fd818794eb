"""MixUp and CutMix: batches whose images are parts of two, and targets that say how much of each.

Who is mixed with whom and how much is a function of (seed, step, position in the batch).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from convscope.data.augment.boxes import Boxes
from convscope.data.augment.draws import Bools, Floats, Integers
from convscope.data.counters import permutation, uniform
from convscope.errors import UsageError


class Mixed(NamedTuple):
    """What a step learns from.

    Attributes:
        inputs: (N, C, H, W).
        targets: (N, K) shares of the classes, which add up to 1.
    """

    inputs: Tensor
    targets: Tensor


class _Plan(NamedTuple):
    """What is drawn for N positions.

    Attributes:
        partner: (N,) positions.
        own: (N,) share of the own image in the end.
        is_cut: (N,) whether CutMix is done, MixUp otherwise.
        boxes: Of CutMix.
    """

    partner: Integers
    own: Floats
    is_cut: Bools
    boxes: Boxes


@dataclass(frozen=True, slots=True, kw_only=True)
class Mixing:
    """How images of a batch are mixed.

    Attributes:
        mixup_alpha: 0 for no MixUp; 0.2 is usual, at 1 every share is as likely.
        cutmix_alpha: 0 for no CutMix; 1 is usual.
    """

    mixup_alpha: float = 0.0
    cutmix_alpha: float = 0.0

    def __post_init__(self) -> None:
        """Refuses parameters of the Beta distribution that there is none for.

        Raises:
            UsageError: One is negative, infinite or no number.
        """
        for name, alpha in (("mixup", self.mixup_alpha), ("cutmix", self.cutmix_alpha)):
            if not 0 <= alpha < np.inf:
                raise UsageError(f"`{name}` is {alpha:g}; it has to be 0 (off) or above")

    def apply(
        self,
        inputs: Tensor,
        targets: Tensor,
        num_classes: int,
        *,
        seed: int,
        step: int,
        rank: int = 0,
    ) -> Mixed:
        """A batch mixed with itself in another order; where both ways are on, half each.

        Source: Zhang et al. 2018 (MixUp), Yun et al. 2019 (CutMix). The share of an image is
        drawn from Beta(alpha, alpha), for each image its own; that of CutMix is then what the
        box, cut off at the image's borders and in whole pixels, has left of it.

        Args:
            inputs: (N, C, H, W) floats, left alone.
            targets: (N,) class indices or (N, K) shares of the classes.
            num_classes: K.
            seed: The recipe's.
            step: Counts from 0 through the whole training.
            rank: Which process's batch this is.
        """
        if targets.ndim == 1:
            targets = F.one_hot(targets, num_classes)
        targets = targets.float()
        if not self.mixup_alpha and not self.cutmix_alpha:
            return Mixed(inputs, targets)
        plan = _draw(inputs, self, (seed, step, rank))
        partners = torch.from_numpy(plan.partner).to(inputs.device)
        mixed = _blended(inputs, partners, plan) if self.mixup_alpha else inputs.clone()
        for image in np.flatnonzero(plan.is_cut):
            top, left, height, width = (part[image] for part in plan.boxes)
            place = (slice(None), slice(top, top + height), slice(left, left + width))
            mixed[image][place] = inputs[plan.partner[image]][place]
        share = _column(plan.own, targets)
        soft = targets * share + targets.index_select(0, partners.to(targets.device)) * (1 - share)
        return Mixed(mixed, soft)

    def describe(self) -> str:
        """The mixing in words."""
        parts = [
            f"blended in pairs (MixUp, alpha {self.mixup_alpha:g})" if self.mixup_alpha else "",
            f"with a box of another image (CutMix, alpha {self.cutmix_alpha:g})"
            if self.cutmix_alpha
            else "",
        ]
        return " or ".join(filter(None, parts)) or "none"


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
    """Boxes whose sides are `side` (N,) times the image's, around places given as shares of it.

    What would lie outside is cut off.
    """

    def span(middle: Floats, size: int) -> tuple[Integers, Integers]:
        first = np.floor(middle * size) - np.floor(side * size / 2)
        last = first + np.floor(side * size)
        start = np.clip(first, 0, size).astype(np.int64)
        return start, np.clip(last, 0, size).astype(np.int64) - start

    top, num_rows = span(rows, height)
    left, num_columns = span(columns, width)
    return Boxes(top, left, num_rows, num_columns)


def _blended(inputs: Tensor, partners: Tensor, plan: _Plan) -> Tensor:
    """Images mixed with their partners; those of CutMix stay as they are."""
    share = _column(np.where(plan.is_cut, 1.0, plan.own), inputs)[:, :, None, None]
    return torch.lerp(inputs[partners], inputs, share)


def _column(values: Floats, like: Tensor) -> Tensor:
    return torch.from_numpy(values).to(like.device, like.dtype)[:, None]
