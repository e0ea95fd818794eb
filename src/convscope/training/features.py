"""Features of layers that don't learn: computed once, then learned from instead of images.

A training of the last layers alone gives the same whether it runs the others in each step or only
once, for as many varied versions of each image as it is to see.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor, nn

from convscope.data.batches import Batch, Batches, Share
from convscope.data.ordering import Ordering
from convscope.errors import TrainingError
from convscope.networks import split_at_learning

USUAL_VIEWS = 4
MOST_BYTES = 4 << 30  # kept in memory; fixed, so that the machine doesn't change the result
FLOAT_BYTES = 4


class FeatureBatches:
    """Batches of features of a part of a data set's images.

    Args:
        views: Features (n, ...) of the images in one order, of each varied version; epochs take
            one after the other.
        labels: (n,) class indices in the same order.
        ordering: Of the numbers from 0 to n - 1.
        share: Which process this is, and of how many; it gets its share of each batch.
    """

    def __init__(
        self,
        views: Sequence[Tensor],
        labels: Tensor,
        ordering: Ordering,
        *,
        share: Share | None = None,
    ) -> None:
        self._views, self._labels, self._ordering = views, labels, ordering
        self._share = share or Share()

    @property
    def num_images(self) -> int:
        """Images in an epoch."""
        return len(self._labels)

    def __len__(self) -> int:
        return len(self._ordering)

    def epoch(self, epoch: int, *, start: int = 0) -> Iterator[Batch]:
        """The batches of an epoch, which counts from 0, from step `start` on."""
        features = self._views[epoch % len(self._views)]
        for draw in self._ordering.epoch(epoch)[start:]:
            chosen = torch.from_numpy(self._share.of(draw).indices).to(features.device)
            yield Batch(features[chosen], self._labels[chosen], len(draw.indices))


def collect_features(
    frozen: Callable[[Tensor], Tensor],
    batches: Batches,
    epoch: int,
    *,
    on_progress: Callable[[int], None] = lambda count: None,
) -> Tensor:
    """(n, ...) float32 features of all images of an epoch, on the batches' device."""
    features: Tensor | None = None
    done = 0
    with torch.no_grad():
        for batch in batches.epoch(epoch):
            part = frozen(batch.inputs)
            if features is None:  # once for all: joining parts would take twice the memory
                shape = (batches.num_images, *part.shape[1:])
                features = torch.empty(shape, dtype=torch.float32, device=part.device)
            features[done : done + len(part)] = part
            done += len(part)
            on_progress(len(part))
    if features is None:
        raise TrainingError("there are no images to compute features of")
    return features


def feature_bytes(network: nn.Module, input_shape: tuple[int, int, int]) -> int | None:
    """Bytes that the features of one image take; None where nothing can be computed once.

    Args:
        network: With its frozen layers frozen.
        input_shape: (C, H, W).
    """
    split = split_at_learning(network)
    if split is None:
        return None
    place = next(network.parameters()).device
    with torch.no_grad():
        features = split.frozen(torch.zeros(1, *input_shape, device=place))
    return int(features.numel()) * FLOAT_BYTES


def usual_views(bytes_of_one: int, *, num_images: int) -> int:
    """How many varied versions of each image are kept, so that the memory is enough; 0 for none."""
    views = USUAL_VIEWS
    while views and views * bytes_of_one * num_images > MOST_BYTES:
        views //= 2
    return views
