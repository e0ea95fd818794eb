"""How often the channels of a layer are zero: ordinary sparsity, and channels that are dead.

After a ReLU about half of the values are zero, and a channel that looks for something rare is zero
nearly everywhere; both are healthy. A channel is dead where it was zero at every position of every
image: on one image that says little, on a data set that it takes part in nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from convscope.errors import UsageError
from convscope.inspection.activations import activations

RARE = 0.01  # share of images below which an active channel is called rare


@dataclass(slots=True)
class Sparsity:
    """Counts of a layer's C channels over all images seen.

    Attributes:
        num_images: Images seen.
        num_values: Values of one channel seen: positions times images.
        zeros: (C,) how many of them are exactly 0.
        active_images: (C,) in how many images any is not.
        largest: (C,) the largest value.
    """

    num_images: int
    num_values: int
    zeros: NDArray[np.int64]
    active_images: NDArray[np.int64]
    largest: NDArray[np.float64]

    @classmethod
    def of(cls, values: Tensor) -> Sparsity:
        """The counts of what a layer gave for a batch: (N, C, H, W), or (N, C) for vectors."""
        flat = values.flatten(2) if values.dim() > 2 else values.unsqueeze(2)  # N, C, positions
        is_zero = flat == 0
        return cls(
            num_images=len(flat),
            num_values=flat.shape[0] * flat.shape[2],
            zeros=is_zero.sum(dim=(0, 2)).cpu().numpy(),
            active_images=(~is_zero).any(dim=2).sum(dim=0).cpu().numpy(),
            largest=flat.amax(dim=(0, 2)).double().cpu().numpy(),
        )

    def __add__(self, other: Sparsity) -> Sparsity:
        """The counts of both."""
        return Sparsity(
            num_images=self.num_images + other.num_images,
            num_values=self.num_values + other.num_values,
            zeros=self.zeros + other.zeros,
            active_images=self.active_images + other.active_images,
            largest=np.maximum(self.largest, other.largest),
        )

    @property
    def zero_share(self) -> float:
        """Share of all values that are exactly 0, 0 to 1."""
        return float(self.zeros.sum() / (self.num_values * len(self.zeros)))

    @property
    def zero_shares(self) -> NDArray[np.float64]:
        """(C,) share of values that are exactly 0, 0 to 1."""
        shares: NDArray[np.float64] = self.zeros / self.num_values
        return shares

    @property
    def dead(self) -> tuple[int, ...]:
        """Channels that are zero at every position of every image."""
        return tuple(np.flatnonzero(self.active_images == 0).tolist())

    @property
    def rare(self) -> tuple[int, ...]:
        """Channels that are active, but in less than 1 % of the images."""
        is_rare = (self.active_images > 0) & (self.active_images < RARE * self.num_images)
        return tuple(np.flatnonzero(is_rare).tolist())

    def to_dict(self) -> dict[str, Any]:
        """All of it, ready for JSON."""
        return {
            "num_images": self.num_images,
            "zero_share": self.zero_share,
            "dead": list(self.dead),
            "rare": list(self.rare),
            "channels": [
                {"zero_share": share, "active_images": active, "largest": largest}
                for share, active, largest in zip(
                    self.zero_shares.tolist(),
                    self.active_images.tolist(),
                    self.largest.tolist(),
                    strict=True,
                )
            ],
        }


def sparsity(
    network: nn.Module, batches: Iterable[Tensor], layers: Collection[str]
) -> dict[str, Sparsity]:
    """How often the channels of layers are zero over images, by the layers' names.

    Args:
        network: Any that takes one batch of images; it runs in evaluation mode.
        batches: Each (N, C, H, W), already normalised, on the network's device; one image is one
            batch of one.
        layers: Names as in `named_modules`; after an activation, as others are hardly ever 0.

    Raises:
        UsageError: There is no such layer, it isn't computed, or there are no images.
        NetworkError: The network can't take these images.
    """
    counts: dict[str, Sparsity] = {}
    for batch in batches:
        for name, values in activations(network, batch, layers).items():
            new = Sparsity.of(values)
            counts[name] = counts[name] + new if name in counts else new
    if not counts:
        raise UsageError("there are no images or no layers to count zeros in")
    return counts
