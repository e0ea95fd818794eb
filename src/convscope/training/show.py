"""A picture of a batch, exactly as the network sees it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from convscope.data.batches import Batches
from convscope.data.pictures import image_grid, save_grid
from convscope.data.preprocessing import Preprocessing

SHOWN = 64
CELL_PX = 160  # wide enough for a label
NAMED_SHARE = 0.01  # of a target; less is not worth a word


def show_batch(
    path: Path, batches: Batches, preprocessing: Preprocessing, classes: Sequence[str]
) -> None:
    """Saves the first batch of the first epoch with its labels.

    Args:
        path: Of the picture.
        batches: Normalised images (N, C, H, W), with class indices (N,) or shares (N, K).
        preprocessing: Whose mean and std are taken back.
        classes: K names.

    Raises:
        UsageError: The suffix is none of a picture.
        RunError: The picture can't be written.
    """
    inputs, targets, _ = next(iter(batches.epoch(0)))
    mean = torch.tensor(preprocessing.mean, device=inputs.device).view(-1, 1, 1)
    std = torch.tensor(preprocessing.std, device=inputs.device).view(-1, 1, 1)
    images = (inputs[:SHOWN] * std + mean).clamp(0, 1).cpu()
    labels = [_label(target, classes) for target in targets[:SHOWN].cpu()]
    save_grid(image_grid(images, labels, cell_px=CELL_PX), path)


def _label(target: Tensor, classes: Sequence[str]) -> str:
    if target.ndim == 0:
        return classes[int(target)]
    shares = sorted(zip(target.tolist(), classes, strict=True), reverse=True)
    return ", ".join(f"{name} {share:.0%}" for share, name in shares if share >= NAMED_SHARE)
