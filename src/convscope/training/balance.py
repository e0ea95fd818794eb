"""Classes of different size: what an image of each counts in the loss."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from convscope.errors import UsageError, did_you_mean, listed

POWERS = {"balanced": 1.0, "sqrt": 0.5}


def class_weights(
    counts: NDArray[np.int64],
    *,
    scheme: str,
    named: Mapping[str, float],
    classes: Sequence[str],
) -> NDArray[np.float32] | None:
    """(K,) weights whose mean over the train images is 1; None where all count the same.

    Args:
        counts: (K,) train images of each class.
        scheme: `none`, `balanced` (1 / count) or `sqrt` (1 / sqrt of count).
        named: Weights given by class name, relative to each other; 1 for the others.
        classes: K names.

    Raises:
        UsageError: A name is none of the classes, or nothing is left to learn from.
    """
    unknown = [name for name in named if name not in classes]
    if unknown:
        near = did_you_mean(unknown[0], classes)
        raise UsageError(
            f"`class_weight` names what is no class of the data\n{listed(unknown)}",
            hint=near or f"the classes are {', '.join(f'`{name}`' for name in classes[:20])}",
        )
    weights = np.ones(len(classes))
    if scheme in POWERS:
        weights = np.maximum(counts, 1) ** -POWERS[scheme]
    elif named:
        weights = np.array([named.get(name, 1.0) for name in classes])
    else:
        return None
    total = float((weights * counts).sum())
    if not total:
        raise UsageError(
            "`class_weight` is 0 for every class that has images",
            hint="leave out the images instead, or give a weight above 0",
        )
    return np.asarray(weights * counts.sum() / total, dtype=np.float32)
