"""Fixed features of images: what a small probe judges labels by, without any download."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch.nn import functional as F

SIDE_PX = 32
CELL_PX = 4
ORIENTATIONS = 9
COLOUR_PX = 8  # side of the small image
LEVELS = 4  # of each channel in the histogram
FLAT_ENERGY = 0.02  # edges far below this are noise, and are not blown up to 1

Features = NDArray[np.float32]


def standard_image(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """An image (H, W, C) as (32, 32, 3), whatever its aspect ratio."""
    image = Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels).convert("RGB")
    return np.asarray(image.resize((SIDE_PX, SIDE_PX), Image.Resampling.BILINEAR))


def features_of(images: Sequence[NDArray[np.uint8]]) -> Features:
    """Edges, colours and a small copy of N images of `standard_image`: (N, 832)."""
    pixels = np.stack(images)
    scaled = torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255
    small = F.adaptive_avg_pool2d(scaled, COLOUR_PX).flatten(1).numpy()
    return np.hstack([_edges(scaled.mean(dim=1)), small, _colours(pixels)])


def _edges(grey: torch.Tensor) -> Features:
    """How strong edges of each orientation are in each cell, in relation to the cells around it.

    Source: Dalal and Triggs 2005, histograms of oriented gradients. Departs: each cell is
    normalised once, by the mean of the 3x3 cells around it, and the root is taken.
    """
    padded = F.pad(grey[:, None], (1, 1, 1, 1), mode="replicate")[:, 0]
    along_x = padded[:, 1:-1, 2:] - padded[:, 1:-1, :-2]
    along_y = padded[:, 2:, 1:-1] - padded[:, :-2, 1:-1]
    strength = torch.hypot(along_x, along_y)
    turn = (torch.atan2(along_y, along_x) / math.pi) % 1 * ORIENTATIONS
    lower, share = turn.floor().long() % ORIENTATIONS, turn % 1
    upper = (lower + 1) % ORIENTATIONS
    count, height, width = grey.shape
    votes = torch.zeros(count, ORIENTATIONS, height, width)
    votes.scatter_add_(1, lower[:, None], (strength * (1 - share))[:, None])
    votes.scatter_add_(1, upper[:, None], (strength * share)[:, None])
    cells = F.avg_pool2d(votes, CELL_PX)
    energy = cells.square().sum(dim=1, keepdim=True)
    around = F.avg_pool2d(energy, 3, stride=1, padding=1, count_include_pad=False)
    return (cells / (1.5 * around.sqrt() + FLAT_ENERGY)).sqrt().flatten(1).numpy()


def _colours(pixels: NDArray[np.uint8]) -> Features:
    """Square roots of the shares (N, 64) of 4x4x4 colours."""
    levels = (pixels // (256 // LEVELS)).astype(np.int64)
    codes = (levels[..., 0] * LEVELS + levels[..., 1]) * LEVELS + levels[..., 2]
    kinds = LEVELS**3
    codes += np.arange(len(codes))[:, np.newaxis, np.newaxis] * kinds
    counts = np.bincount(codes.ravel(), minlength=len(codes) * kinds).reshape(len(codes), kinds)
    return np.sqrt(counts / SIDE_PX**2).astype(np.float32)
