"""Features of layers that don't learn: computed once, then learned from instead of images.

A training of the last layers alone gives the same whether it runs the others in each step or only
once, for as many varied versions of each image as it is to see.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

import torch
from torch import Tensor, nn

from convscope.data.batches import Batch
from convscope.data.ordering import Ordering
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
    """

    def __init__(self, views: Sequence[Tensor], labels: Tensor, ordering: Ordering) -> None:
        self._views, self._labels, self._ordering = views, labels, ordering

    @property
    def num_images(self) -> int:
        """Images in an epoch."""
        return len(self._labels)

    def __len__(self) -> int:
        return len(self._ordering)

    def epoch(self, epoch: int) -> Iterator[Batch]:
        """The batches of an epoch, which counts from 0."""
        features = self._views[epoch % len(self._views)]
        for draw in self._ordering.epoch(epoch):
            chosen = torch.from_numpy(draw.indices).to(features.device)
            yield Batch(features[chosen], self._labels[chosen])


def collect_features(
    frozen: nn.Module,
    batches: Iterable[Batch],
    *,
    on_progress: Callable[[int], None] = lambda count: None,
) -> Tensor:
    """(n, ...) float32 features of all images of the batches, on the batches' device."""
    parts = []
    with torch.no_grad():
        for batch in batches:
            parts.append(frozen(batch.inputs).float().contiguous())
            on_progress(len(batch.inputs))
    return torch.cat(parts)


def feature_bytes(network: nn.Module, input_shape: tuple[int, int, int]) -> int | None:
    """Bytes that the features of one image take; None where nothing can be computed once.

    Args:
        network: With its frozen layers frozen.
        input_shape: (C, H, W).
    """
    split = split_at_learning(network)
    if split is None:
        return None
    with torch.no_grad():
        features = split.frozen(torch.zeros(1, *input_shape))
    return int(features.numel()) * FLOAT_BYTES


def usual_views(bytes_of_one: int, *, num_images: int) -> int:
    """How many varied versions of each image are kept, so that the memory is enough; 0 for none."""
    views = USUAL_VIEWS
    while views and views * bytes_of_one * num_images > MOST_BYTES:
        views //= 2
    return views
