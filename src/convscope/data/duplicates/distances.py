"""Distances between thumbnails in which copies are near and different images are far.

A distance alone says little: handwritten digits all lie near each other, photos far apart.
Distances are therefore measured in units of the local scale, the typical distance of other images.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.linalg import eigh
from torch.nn import functional as F

from convscope.data.index.statistics import THUMBNAIL_PX

COARSE_PX = THUMBNAIL_PX // 2
MAX_AXES = 64
NOISE_LEVELS = 2.0  # of 255; a contrast far below this is noise, and is not blown up to 1
SHRINKAGE = 0.1  # of what copies differ by: there are fewer variants than the matrix has entries
BLOCK = 4096
ALIGNED_BLOCK = 256  # what fits the processor's cache

# Neighbours.
LOCAL_NEIGHBOURS = 10  # more than an image typically has copies
REFERENCES = 2048  # among which they are looked for
SCREENED_AXES = 32  # the first, which tell most; no pair is farther apart along a part of the axes
ROWS, COLUMNS = 512, 512  # of a block, whose product stays in the processor's cache
CELL_POINTS = 256

# Aligning: of a crop by 5 % the content moves by up to 1.6 of 32 px.
BORDER_PX = 2  # not compared: what a crop has lost
STEPS = 3
MAX_CHANGE = 0.1  # of scale and, in halves of the thumbnail, of place: a crop by 9 %
DAMPING = 0.02

Thumbnails = NDArray[np.uint8]  # (N, 32, 32)
Vectors = NDArray[np.float32]
Pairs = NDArray[np.int64]  # (M, 2)
Describe = Callable[[Thumbnails], Vectors]


def coarse(thumbnails: Thumbnails) -> Vectors:
    """Vectors (N, 256) without brightness and contrast."""
    rows = thumbnails[:, ::2].astype(np.float32)
    rows += thumbnails[:, 1::2]
    cells = (rows[:, :, ::2] + rows[:, :, 1::2]) / np.float32(4)
    vectors = cells.reshape(len(thumbnails), COARSE_PX**2)
    centred = vectors - vectors.mean(axis=1, keepdims=True)
    squares = np.einsum("np,np->n", centred, centred) + centred.shape[1] * NOISE_LEVELS**2
    return np.asarray(centred / np.sqrt(squares)[:, np.newaxis], dtype=np.float32)


def fit_metric(images: Vectors, originals: Vectors, variants: Vectors) -> Vectors:
    """Axes (D, A) along which different images lie far apart, relative to the spread of copies.

    Source: Fisher's linear discriminant analysis, of "copies of one image" as the classes.

    Args:
        images: (N, D) of different images.
        originals: (M, D) images of which variants were made.
        variants: (M, D) the variants, in the same order.
    """
    different = images.astype(np.float64)
    different -= different.mean(axis=0)
    change = (variants - originals).astype(np.float64)
    size = change.shape[1]
    within = change.T @ change / max(1, len(change))
    level = max(float(np.trace(within)) / size, 1e-9)
    within += np.eye(size) * level * SHRINKAGE
    between = different.T @ different / max(1, len(different))
    num_axes = min(MAX_AXES, len(images))
    _, axes = eigh(between, within, subset_by_index=[size - num_axes, size - 1])
    return np.ascontiguousarray(axes[:, ::-1], dtype=np.float32)


def embed(thumbnails: Thumbnails, axes: Vectors, *, describe: Describe = coarse) -> Vectors:
    """Points (N, A) of thumbnails (N, 32, 32), whose Euclidean distance tells copies apart.

    Args:
        thumbnails: The thumbnails.
        axes: (D, A) from `fit_metric`.
        describe: Makes vectors (N, D) like those that the axes were fitted to.
    """
    points = np.empty((len(thumbnails), axes.shape[1]), dtype=np.float32)
    for start in range(0, len(thumbnails), BLOCK):
        block = slice(start, start + BLOCK)
        points[block] = describe(thumbnails[block]) @ axes
    return points


def aligned_distances(templates: Thumbnails, others: Thumbnails, *, steps: int = STEPS) -> Vectors:
    """(M,) distances that are left when one thumbnail is shifted and scaled onto the other.

    0 for the same content, about 1.4 for unrelated ones; brightness and contrast don't count.

    Source: Baker and Matthews 2004, inverse compositional Gauss-Newton, with a scale and a shift
    along each axis.
    """
    distances = np.empty(len(templates), dtype=np.float32)
    for start in range(0, len(templates), ALIGNED_BLOCK):
        block = slice(start, start + ALIGNED_BLOCK)
        distances[block] = _aligned(
            torch.from_numpy(templates[block].astype(np.float32)),
            torch.from_numpy(others[block].astype(np.float32)),
            steps,
        ).numpy()
    return distances


def _aligned(templates: torch.Tensor, others: torch.Tensor, steps: int) -> torch.Tensor:
    count, side, _ = templates.shape
    inner = slice(BORDER_PX, side - BORDER_PX)
    places = (torch.arange(side, dtype=torch.float32) + 0.5) * 2 / side - 1  # -1 to 1
    places = places[inner]
    target = _unit(templates[:, inner, inner].reshape(count, -1))
    slopes, inverse = _slopes(templates, places)
    scale, shift = torch.ones(count, 2), torch.zeros(count, 2)  # of x, of y
    best = torch.full((count,), torch.inf)
    for step in range(steps + 1):
        at = places * scale[:, :, None] + shift[:, :, None]  # (M, 2, P)
        x, y = at[:, 0, None, :].expand(-1, len(places), -1), at[:, 1, :, None]
        grid = torch.stack([x, y.expand_as(x)], dim=-1)
        moved = F.grid_sample(
            others[:, None], grid, padding_mode="border", align_corners=False
        ).reshape(count, -1)
        rest = _unit(moved) - target
        best = torch.minimum(best, rest.square().sum(dim=1))
        if step < steps:
            change = (inverse @ (slopes @ rest[:, :, None])).reshape(count, 2, 2)  # scale, shift
            ratio = scale / (1 + change[:, :, 0])
            shift = (shift - ratio * change[:, :, 1]).clamp(-MAX_CHANGE, MAX_CHANGE)
            scale = ratio.clamp(1 - MAX_CHANGE, 1 + MAX_CHANGE)
    return best.sqrt()


def _slopes(templates: torch.Tensor, places: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Derivatives (M, 4, P) by x-scale, x-shift, y-scale and y-shift; the inverse of their Gram."""
    count, side, _ = templates.shape
    inner = slice(BORDER_PX, side - BORDER_PX)
    before, after = (slice(BORDER_PX + one, side - BORDER_PX + one) for one in (-1, 1))
    along_x = (templates[:, inner, after] - templates[:, inner, before]) * (side / 4)
    along_y = (templates[:, after, inner] - templates[:, before, inner]) * (side / 4)
    slopes = torch.stack(
        [along_x * places, along_x, along_y * places[:, None], along_y], dim=1
    ).reshape(count, 4, -1)
    slopes = slopes - slopes.mean(dim=2, keepdim=True)
    slopes = slopes / _norm(templates[:, inner, inner].reshape(count, -1))[:, :, None]
    gram = slopes @ slopes.transpose(1, 2)
    damping = gram.diagonal(dim1=1, dim2=2).mean(dim=1) * DAMPING + 1e-6
    return slopes, torch.linalg.inv(gram + torch.eye(4) * damping[:, None, None])


def _norm(vectors: torch.Tensor) -> torch.Tensor:
    centred = vectors - vectors.mean(dim=1, keepdim=True)
    noise = vectors.shape[1] * NOISE_LEVELS**2
    return (centred.square().sum(dim=1, keepdim=True) + noise).sqrt()


def _unit(vectors: torch.Tensor) -> torch.Tensor:
    return (vectors - vectors.mean(dim=1, keepdim=True)) / _norm(vectors)


def local_scales(points: Vectors, references: Vectors, *, own: NDArray[np.int64]) -> Vectors:
    """(N,) typical distance of other images from each point: that of its tenth neighbour.

    Args:
        points: (N, A).
        references: (R, A) different images that stand for all.
        own: (N,) index of the reference of the same image, which is left out; -1 for none.
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


def nearest_neighbours(
    points: Vectors, scales: Vectors, queries: Vectors, *, own: NDArray[np.int64]
) -> tuple[NDArray[np.int64], Vectors]:
    """The ten nearest neighbours, among all points, of each of some queries.

    Args:
        points: (N, A).
        scales: (N,) local scales of the points.
        queries: (M, A).
        own: (M,) index of the point that shows the same image as each query, which is left out and
            whose local scale is the query's.

    Returns:
        (M, K) indices of the neighbours, nearest first, and (M, K) distances in units of the
        local scale.
    """
    count = min(LOCAL_NEIGHBOURS, len(points) - 1)
    everything, inverse = torch.from_numpy(points), torch.from_numpy(1 / scales)
    indices, distances = [], []
    step = max(16, (BLOCK * BLOCK) // len(points))
    for start in range(0, len(queries), step):
        block = slice(start, start + step)
        mine = torch.from_numpy(own[block])
        squares = _squares(torch.from_numpy(queries[block]), everything)
        squares[torch.arange(len(mine)), mine] = torch.inf
        squares *= inverse
        found = squares.topk(count, dim=1, largest=False)
        indices.append(found.indices.numpy())
        scaled = found.values * inverse[mine, None]
        distances.append(scaled.clamp(min=0).sqrt().numpy())
    return np.concatenate(indices), np.concatenate(distances)


def pairs_within(points: Vectors, scales: Vectors, limit: float) -> tuple[Pairs, Vectors]:
    """All pairs of points nearer than `limit` local scales, and their distances in that unit.

    The square of the distance less that of the limit is one product of two longer vectors, so that
    every pair costs a matrix product and one comparison. Points are sorted along the first axis, so
    that blocks which are too far apart along it needn't be compared.
    """
    order = np.argsort(points[:, 0], kind="stable")
    screened, reach = points[order, :SCREENED_AXES], scales[order, np.newaxis] * np.float32(limit)
    squares = np.einsum("na,na->n", screened, screened)[:, np.newaxis]
    ones = np.ones_like(squares)
    left = torch.from_numpy(np.hstack([screened * np.float32(-2), squares, ones, -reach]))
    right = torch.from_numpy(np.hstack([screened, ones, squares, reach]).T.copy())
    excess = torch.empty(ROWS * COLUMNS)  # used again and again: new memory costs twice the product
    is_near = torch.empty(ROWS * COLUMNS, dtype=torch.bool)
    found = [np.zeros((0, 2), dtype=np.int64)]
    for top, edge in _blocks_within(screened[:, 0], scales[order], limit):
        rows, columns = left[top : top + ROWS], right[:, edge : edge + COLUMNS]
        size = len(rows) * columns.shape[1]
        product = torch.mm(rows, columns, out=excess[:size].view(len(rows), -1))
        torch.lt(product.view(-1), 0, out=is_near[:size])
        row, column = np.divmod(np.flatnonzero(is_near[:size].numpy()), columns.shape[1])
        pairs = np.column_stack([row + top, column + edge])
        found.append(order[pairs[pairs[:, 0] < pairs[:, 1]]])
    pairs = np.sort(np.concatenate(found), axis=1)
    pairs = pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]
    distances = scaled_distances(points, scales, pairs)
    is_within = distances < limit
    return pairs[is_within], distances[is_within]


def pairs_in_cells(points: Vectors, scales: Vectors, limit: float) -> tuple[Pairs, Vectors]:
    """Most pairs of points nearer than `limit` local scales, and their distances in that unit.

    Only points are compared that share one of the two cells whose centres are nearest to them,
    which takes a small part of the time. Pairs much nearer than the cells are wide are found.
    """
    num_cells = len(points) // CELL_POINTS
    if num_cells < 3:
        return pairs_within(points, scales, limit)
    centres, cells = torch.from_numpy(points[:num_cells]), []
    for start in range(0, len(points), BLOCK):
        squares = _squares(torch.from_numpy(points[start : start + BLOCK]), centres)
        cells.append(squares.topk(2, dim=1, largest=False).indices.numpy())
    of_point = np.concatenate(cells)
    members = np.argsort(of_point.ravel(), kind="stable") // 2
    ends = np.cumsum(np.bincount(of_point.ravel(), minlength=num_cells))
    found = [np.zeros(0, dtype=np.int64)]
    for cell in np.split(members, ends[:-1]):
        pairs, _ = pairs_within(points[cell], scales[cell], limit)
        found.append(cell[pairs[:, 0]] * len(points) + cell[pairs[:, 1]])
    pairs = np.column_stack(np.divmod(np.unique(np.concatenate(found)), len(points)))
    return pairs, scaled_distances(points, scales, pairs)


def _blocks_within(places: Vectors, scales: Vectors, limit: float) -> Iterator[tuple[int, int]]:
    """First row and first column of each block with points that may be within `limit` scales.

    Args:
        places: (N,) of the points along one axis, ascending.
        scales: (N,) local scales.
        limit: The largest distance, in units of the local scale.
    """
    edges = range(0, len(places), COLUMNS)
    widest = [float(scales[edge : edge + COLUMNS].max()) for edge in edges]
    for top in range(0, len(places), ROWS):
        end = min(top + ROWS, len(places))
        widest_here = float(scales[top:end].max())
        for edge, its in zip(edges, widest, strict=True):
            gap = float(places[edge] - places[end - 1])
            if edge + COLUMNS > top and gap <= limit * math.sqrt(widest_here * its):
                yield top, edge


def scaled_distances(points: Vectors, scales: Vectors, pairs: Pairs) -> Vectors:
    """(M,) distances of pairs of points, in units of their local scales."""
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
