"""Search: which points lie near each other, for the scale of distances around each of them.

A distance alone says little: handwritten ones all lie near each other, photos far apart. Distances
are therefore measured in units of the local scale, which is how far away other images usually are.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from convscope.data.duplicate_metric import Vectors

LOCAL_NEIGHBOURS = 10  # more than an image usually has copies
REFERENCES = 2048  # among which they are looked for
SCREENED_AXES = 32  # the first, which tell most; no pair is farther apart along a part of the axes
BLOCK = 4096
ROWS = 1024

Pairs = NDArray[np.int64]  # (M, 2)


class Neighbours(NamedTuple):
    """The nearest others of some points.

    Attributes:
        indices: (M, K), nearest first.
        distances: (M, K), in units of the local scale.
    """

    indices: NDArray[np.int64]
    distances: Vectors


def local_scales(points: Vectors, references: Vectors, *, own: NDArray[np.int64]) -> Vectors:
    """How far (N,) other images are from each point: the distance of its tenth neighbour.

    Args:
        points: (N, A).
        references: (R, A), different images that stand for all.
        own: (N,) which reference shows the same image and doesn't count, -1 for none.
    """
    neighbours = max(1, min(LOCAL_NEIGHBOURS, (len(references) - 1) // 2))
    others = torch.from_numpy(references)
    scales = np.empty(len(points), dtype=np.float32)
    for start in range(0, len(points), BLOCK):
        block = slice(start, start + BLOCK)
        squares = _squares(torch.from_numpy(points[block]), others)
        rows = np.flatnonzero(own[block] >= 0)
        squares[rows, own[block][rows]] = torch.inf
        nearest = squares.topk(neighbours, dim=1, largest=False).values[:, -1]
        scales[block] = nearest.clamp(min=0).sqrt().numpy()
    return np.maximum(scales, np.finfo(np.float32).tiny ** 0.25)


def nearest_neighbours(points: Vectors, scales: Vectors, *, of_first: int) -> Neighbours:
    """The ten nearest others, among all points, of each of the first ones."""
    count = min(LOCAL_NEIGHBOURS, len(points) - 1)
    everything, inverse = torch.from_numpy(points), torch.from_numpy(1 / scales)
    indices, distances = [], []
    step = max(16, (BLOCK * BLOCK) // len(points))
    for start in range(0, min(of_first, len(points)), step):
        stop = min(start + step, of_first, len(points))
        squares = _squares(everything[start:stop], everything)
        rows = torch.arange(stop - start)
        squares[rows, rows + start] = torch.inf
        squares *= inverse
        found = squares.topk(count, dim=1, largest=False)
        indices.append(found.indices.numpy())
        scaled = found.values * inverse[start:stop, None]
        distances.append(scaled.clamp(min=0).sqrt().numpy())
    return Neighbours(np.concatenate(indices), np.concatenate(distances))


def pairs_within(points: Vectors, scales: Vectors, limit: float) -> tuple[Pairs, Vectors]:
    """All pairs of points nearer than `limit` local scales, and their distances in these.

    The square of the distance less that of the limit is one product of two longer vectors, so that
    every pair costs a matrix product and one comparison.
    """
    screened = points[:, :SCREENED_AXES]
    squares = np.einsum("na,na->n", screened, screened)[:, np.newaxis]
    ones, reach = np.ones_like(squares), scales[:, np.newaxis] * np.float32(limit)
    left = torch.from_numpy(np.hstack([screened * np.float32(-2), squares, ones, -reach]))
    right = torch.from_numpy(np.hstack([screened, ones, squares, reach]).T.copy())
    excess = torch.empty(ROWS * BLOCK)  # used again and again: new memory costs twice the product
    is_near = torch.empty(ROWS * BLOCK, dtype=torch.bool)
    found = []
    for top in range(0, len(points), ROWS):
        for edge in range(top, len(points), BLOCK):
            rows, columns = left[top : top + ROWS], right[:, edge : edge + BLOCK]
            size = len(rows) * columns.shape[1]
            product = torch.mm(rows, columns, out=excess[:size].view(len(rows), -1))
            torch.lt(product.view(-1), 0, out=is_near[:size])
            row, column = np.divmod(np.flatnonzero(is_near[:size].numpy()), columns.shape[1])
            pairs = np.column_stack([row + top, column + edge])
            found.append(pairs[pairs[:, 0] < pairs[:, 1]])
    pairs = np.concatenate(found) if found else np.zeros((0, 2), dtype=np.int64)
    distances = scaled_distances(points, scales, pairs)
    is_within = distances < limit
    return pairs[is_within], distances[is_within]


def scaled_distances(points: Vectors, scales: Vectors, pairs: Pairs) -> Vectors:
    """Distances (M,) of pairs (M, 2) of points, in units of their local scales."""
    distances = np.empty(len(pairs), dtype=np.float32)
    for start in range(0, len(pairs), BLOCK):
        one, other = pairs[start : start + BLOCK].T
        difference = points[one] - points[other]
        square = np.einsum("ma,ma->m", difference, difference)
        distances[start : start + BLOCK] = np.sqrt(square / (scales[one] * scales[other]))
    return distances


def _squares(points: torch.Tensor, others: torch.Tensor) -> torch.Tensor:
    """Squared distances (N, M), up to rounding."""
    lengths = points.square().sum(dim=1)[:, None]
    return torch.addmm(lengths + others.square().sum(dim=1), points, others.T, alpha=-2)
