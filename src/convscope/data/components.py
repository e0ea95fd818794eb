"""What hangs together through pairs: copies of copies, groups that share images."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def components(count: int, pairs: NDArray[np.int64]) -> NDArray[np.int64]:
    """(count,) labels from 0, the same for all that pairs (M, 2) of numbers below count link."""
    from scipy.sparse import coo_array  # here, as not every verb needs it
    from scipy.sparse.csgraph import connected_components

    links = (np.ones(len(pairs), dtype=np.int8), (pairs[:, 0], pairs[:, 1]))
    labels = connected_components(coo_array(links, shape=(count, count)), directed=False)[1]
    return np.asarray(labels, dtype=np.int64)
