"""Distances between thumbnails in which copies are near and different images are far."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.linalg import eigh
from torch.nn import functional as F

from convscope.data.facts import THUMBNAIL_PX

COARSE_PX = THUMBNAIL_PX // 2
MAX_AXES = 64
NOISE_LEVELS = 2.0  # of 255; a contrast far below this is noise, and is not blown up to 1
SHRINKAGE = 0.1  # of what copies differ by: there are fewer variants than the matrix has entries
BLOCK = 4096
ALIGNED_BLOCK = 256  # what fits the processor's cache

# Aligning: of a crop by 5 % the content moves by up to 1.6 of 32 px.
BORDER_PX = 2  # not compared: what a crop has lost
STEPS = 3
MAX_CHANGE = 0.1  # of scale and, in halves of the thumbnail, of place: a crop by 9 %
DAMPING = 0.02

Thumbnails = NDArray[np.uint8]  # (N, 32, 32)
Vectors = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Metric:
    """A linear map of coarse thumbnails, after which Euclidean distance tells copies apart.

    Attributes:
        axes: (256, A); each axis is scaled to the spread of copies along it.
    """

    axes: Vectors

    def embed(self, thumbnails: Thumbnails) -> Vectors:
        """Points (N, A) of thumbnails (N, 32, 32)."""
        points = np.empty((len(thumbnails), self.axes.shape[1]), dtype=np.float32)
        for start in range(0, len(thumbnails), BLOCK):
            block = slice(start, start + BLOCK)
            points[block] = coarse(thumbnails[block]) @ self.axes
        return points


def fit_metric(thumbnails: Thumbnails, originals: Thumbnails, variants: Thumbnails) -> Metric:
    """The metric in which different images lie farthest apart, measured in spreads of copies.

    Source: Fisher's linear discriminant analysis, of "copies of one image" as the classes.

    Args:
        thumbnails: (N, 32, 32) of different images.
        originals: (M, 32, 32).
        variants: (M, 32, 32) of the originals, in their order.
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
    return Metric(np.ascontiguousarray(axes[:, ::-1], dtype=np.float32))


def coarse(thumbnails: Thumbnails) -> Vectors:
    """Vectors (N, 256) without brightness and contrast."""
    rows = thumbnails[:, ::2].astype(np.float32)
    rows += thumbnails[:, 1::2]
    cells = (rows[:, :, ::2] + rows[:, :, 1::2]) / np.float32(4)
    return _standardised(cells.reshape(len(thumbnails), COARSE_PX**2))


def _standardised(vectors: Vectors) -> Vectors:
    centred = vectors - vectors.mean(axis=1, keepdims=True)
    squares = np.einsum("np,np->n", centred, centred) + centred.shape[1] * NOISE_LEVELS**2
    return np.asarray(centred / np.sqrt(squares)[:, np.newaxis], dtype=np.float32)


def aligned_distances(templates: Thumbnails, others: Thumbnails, *, steps: int = STEPS) -> Vectors:
    """What is left of the difference (M,) when one thumbnail is shifted and scaled onto the other.

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
    """What x-scale, x-shift, y-scale and y-shift change (M, 4, P); the inverse of their Gram."""
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
