"""Views: test-time augmentation, a prediction from several views of each image."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from convscope.data.preprocessing import Preprocessing
from convscope.errors import UsageError, either_of
from convscope.evaluation.comparison import Difference

MARGIN = 1.15  # how much larger images are than the crops that are cut out of them

VIEWS = ("flip", "crops", "flip-crops")


@dataclass(frozen=True, slots=True)
class Views:
    """The views of an image that a network is shown.

    Attributes:
        preprocessing: What images are brought to first.
        cut: Gives views (n, C, h, w) of images (n, C, H, W).
        count: How many there are.
    """

    preprocessing: Preprocessing
    cut: Callable[[Tensor], list[Tensor]]
    count: int

    def shown_to(
        self, network: Callable[[Tensor], Tensor], *, temperature: float
    ) -> Callable[[Tensor], Tensor]:
        """Logits (n, K) whose probabilities are the means over an image's views."""

        def logits(images: Tensor) -> Tensor:
            return _mean([network(view) for view in self.cut(images)], temperature)

        return logits


@dataclass(frozen=True, slots=True)
class Gain:
    """What several views give, and take.

    Attributes:
        views: Which they were.
        count: How many.
        difference: From one view (first) to all (second), on the same images.
        times_as_long: How much longer all views took.
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
    """The views of this name.

    `flip`: the image and its mirror image. `crops`: the four corners and the centre of an image
    that is 1.15 times as large. `flip-crops`: these and their mirror images.

    Raises:
        UsageError: No views are called that.
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

    def crops_mirrored(images: Tensor) -> list[Tensor]:
        return [view for crop in crops(images) for view in _with_mirrored(crop)]

    if name == "crops":
        return Views(larger, crops, 5)
    return Views(larger, crops_mirrored, 10)


def _mean(logits: Sequence[Tensor], temperature: float) -> Tensor:
    probabilities = torch.stack([(part.double() / temperature).softmax(dim=1) for part in logits])
    floor = torch.finfo(torch.float32).tiny
    return (probabilities.mean(dim=0).clamp(min=floor).log() * temperature).float()


def _with_mirrored(images: Tensor) -> list[Tensor]:
    return [images, images.flip(3)]


def _five_crops(images: Tensor, height: int, width: int) -> list[Tensor]:
    bottom, right = images.shape[2] - height, images.shape[3] - width
    corners = [(0, 0), (0, right), (bottom, 0), (bottom, right), (bottom // 2, right // 2)]
    return [images[:, :, top : top + height, left : left + width] for top, left in corners]
