"""Distances between thumbnails in which copies are near and different images are far.

A distance alone says little: handwritten digits all lie near each other, photos far apart.
Distances are therefore measured in units of the local scale, the typical distance of other images.
"""

from __future__ import annotations

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
ROWS = 1024

# Aligning: of a crop by 5 % the content moves by up to 1.6 of 32 px.
BORDER_PX = 2  # not compared: what a crop has lost
STEPS = 3
MAX_CHANGE = 0.1  # of scale and, in halves of the thumbnail, of place: a crop by 9 %
DAMPING = 0.02

Thumbnails = NDArray[np.uint8]  # (N, 32, 32)
Vectors = NDArray[np.float32]
Pairs = NDArray[np.int64]  # (M, 2)


def embed(thumbnails: Thumbnails, axes: Vectors) -> Vectors:
    """Points (N, A) of thumbnails (N, 32, 32), whose Euclidean distance tells copies apart."""
    points = np.empty((len(thumbnails), axes.shape[1]), dtype=np.float32)
    for start in range(0, len(thumbnails), BLOCK):
        block = slice(start, start + BLOCK)
        points[block] = coarse(thumbnails[block]) @ axes
    return points


def fit_metric(thumbnails: Thumbnails, originals: Thumbnails, variants: Thumbnails) -> Vectors:
    """Axes (256, A) along which different images lie far apart, relative to the spread of copies.

    Source: Fisher's linear discriminant analysis, of "copies of one image" as the classes.

    Args:
        thumbnails: (N, 32, 32) of different images.
        originals: (M, 32, 32) images of which variants were made.
        variants: (M, 32, 32) the variants, in the same order.
    """
    different = coarse(thumbnails).astype(np.float64)
    different -= different.mean(axis=0)
    change = (coarse(variants) - coarse(originals)).astype(np.float64)
    size = change.shape[1]
    within = change.T @ change / max(1, len(change))
    level = max(float(np.trace(within)) / size, 1e-9)
    within += np.eye(size) * level * SHRINKAGE
    between = different.T @ different / max(1, len(different))
    num_axes = min(MAX_AXES, len(thumbnails))
    _, axes = eigh(between, within, subset_by_index=[size - num_axes, size - 1])
    return np.ascontiguousarray(axes[:, ::-1], dtype=np.float32)


def coarse(thumbnails: Thumbnails) -> Vectors:
    """Vectors (N, 256) without brightness and contrast."""
    rows = thumbnails[:, ::2].astype(np.float32)
    rows += thumbnails[:, 1::2]
    cells = (rows[:, :, ::2] + rows[:, :, 1::2]) / np.float32(4)
    vectors = cells.reshape(len(thumbnails), COARSE_PX**2)
    centred = vectors - vectors.mean(axis=1, keepdims=True)
    squares = np.einsum("np,np->n", centred, centred) + centred.shape[1] * NOISE_LEVELS**2
    return np.asarray(centred / np.sqrt(squares)[:, np.newaxis], dtype=np.float32)


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
    points: Vectors, scales: Vectors, *, of_first: int
) -> tuple[NDArray[np.int64], Vectors]:
    """The ten nearest neighbours, among all points, of each of the first `of_first` points.

    Returns:
        (M, K) indices of the neighbours, nearest first, and (M, K) distances in units of the
        local scale.
    """
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
    return np.concatenate(indices), np.concatenate(distances)


def pairs_within(points: Vectors, scales: Vectors, limit: float) -> tuple[Pairs, Vectors]:
    """All pairs of points nearer than `limit` local scales, and their distances in that unit.

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
