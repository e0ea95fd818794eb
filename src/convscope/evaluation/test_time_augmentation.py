"""Test-time augmentation: a prediction from several views of each image."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from convscope.data.pixels.preprocessing import Preprocessing
from convscope.errors import UsageError
from convscope.evaluation.comparison import Difference
from convscope.text import either_of

MARGIN = 1.15  # size of the images, divided by that of the crops that are cut out of them
VIEWS = ("flip", "crops", "flip-crops")


@dataclass(frozen=True, slots=True)
class Views:
    """The views of an image whose probabilities are averaged.

    Attributes:
        preprocessing: Preprocessing of the images that views are cut out of.
        cut: Function from images (n, C, H, W) to views (n, C, h, w).
        count: Number of views.
    """

    preprocessing: Preprocessing
    cut: Callable[[Tensor], list[Tensor]]
    count: int

    def averaged(
        self, network: Callable[[Tensor], Tensor], *, temperature: float
    ) -> Callable[[Tensor], Tensor]:
        """A function to logits (n, K) whose probabilities are the means over an image's views."""

        def logits(images: Tensor) -> Tensor:
            views = torch.stack([network(view) for view in self.cut(images)]).double()
            mean = (views / temperature).softmax(dim=2).mean(dim=0)
            floor = torch.finfo(torch.float32).tiny
            return (mean.clamp(min=floor).log() * temperature).float()

        return logits


@dataclass(frozen=True, slots=True)
class TtaGain:
    """The gain of test-time augmentation, and its cost.

    Attributes:
        views: Name of the views.
        count: Number of views.
        difference: Difference from one view (first) to all (second), on the same images.
        times_as_long: Time for all views, divided by that for one.
    """

    views: str
    count: int
    difference: Difference
    times_as_long: float

    def to_dict(self) -> dict[str, Any]:
        """The fields, ready for JSON."""
        return {
            "views": self.views,
            "count": self.count,
            "times_as_long": self.times_as_long,
            **self.difference.to_dict(),
        }


def views_called(name: str, preprocessing: Preprocessing) -> Views:
    """The views that a name stands for.

    `flip`: the image and its mirror image. `crops`: the four corners and the centre of an image
    that is 1.15 times as large. `flip-crops`: these and their mirror images.

    Raises:
        UsageError: There are no views of this name.
    """
    if name not in VIEWS:
        raise UsageError(f"`tta` can't be `{name}`", hint=f"it takes {either_of(VIEWS)}")
    if name == "flip":
        return Views(preprocessing, _with_mirrored, 2)
    height, width = preprocessing.height, preprocessing.width
    larger = replace(
        preprocessing, height=round(height * MARGIN), width=round(width * MARGIN), resize=None
    )

    def crops(images: Tensor) -> list[Tensor]:
        return _five_crops(images, height, width)

    if name == "crops":
        return Views(larger, crops, 5)
    return Views(
        larger, lambda images: [view for crop in crops(images) for view in _with_mirrored(crop)], 10
    )


def _with_mirrored(images: Tensor) -> list[Tensor]:
    return [images, images.flip(3)]


def _five_crops(images: Tensor, height: int, width: int) -> list[Tensor]:
    bottom, right = images.shape[2] - height, images.shape[3] - width
    corners = [(0, 0), (0, right), (bottom, 0), (bottom, right), (bottom // 2, right // 2)]
    return [images[:, :, top : top + height, left : left + width] for top, left in corners]
