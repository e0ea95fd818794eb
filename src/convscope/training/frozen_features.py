"""Features of frozen layers: computed once, and trained on in place of the images.

A training of the last layers alone gives the same result whether it runs the others in each step or
only once, for as many augmented versions of each image as it is to see.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor, nn

from convscope.data.batch import Batch, Batches, Sampler
from convscope.data.batches import Shard
from convscope.errors import TrainingError
from convscope.networks import split_frozen

DEFAULT_VIEWS = 2  # an image and its mirror image
MOST_BYTES = 4 << 30  # kept in memory; fixed, so that the machine doesn't change the result
FLOAT_BYTES = 4


class FeatureBatches:
    """Batches of the features of images.

    Args:
        views: Features (n, ...) of the images in one order, for each augmented version; epochs
            take one after the other.
        labels: (n,) class indices in the same order.
        sampler: Order of the numbers from 0 to n - 1.
        shard: Rank and size of the process group; each process gets its shard of each batch.
    """

    def __init__(
        self,
        views: Sequence[Tensor],
        labels: Tensor,
        sampler: Sampler,
        *,
        shard: Shard | None = None,
    ) -> None:
        self._views, self._labels, self._sampler = views, labels, sampler
        self._shard = shard or Shard()

    @property
    def num_images(self) -> int:
        """Number of images in an epoch."""
        return len(self._labels)

    def __len__(self) -> int:
        return len(self._sampler)

    def epoch(self, epoch: int, *, start: int = 0) -> Iterator[Batch]:
        """The batches of an epoch, counted from 0, from step `start` on."""
        features = self._views[epoch % len(self._views)]
        for step in self._sampler.epoch(epoch)[start:]:
            chosen = torch.from_numpy(self._shard.of(step).indices).to(features.device)
            yield Batch(features[chosen], self._labels[chosen], len(step.indices))


def compute_features(
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
    """Number of bytes of one image's features; None where nothing can be computed once.

    Args:
        network: The network with its frozen layers frozen.
        input_shape: (C, H, W).
    """
    split = split_frozen(network)
    if split is None:
        return None
    device = next(network.parameters()).device
    with torch.no_grad():
        features = split.frozen(torch.zeros(1, *input_shape, device=device))
    return int(features.numel()) * FLOAT_BYTES


def default_views(bytes_of_one: int, *, num_images: int) -> int:
    """Number of augmented versions of each image that fit into `MOST_BYTES`; 0 for none."""
    views = DEFAULT_VIEWS
    while views and views * bytes_of_one * num_images > MOST_BYTES:
        views //= 2
    return views
