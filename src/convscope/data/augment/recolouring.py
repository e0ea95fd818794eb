"""Colours of a batch: changes drawn for each image, computed a few images at a time."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from convscope.data.augment import colour, policies
from convscope.data.augment.draws import Bools, Draws, Floats
from convscope.data.augment.policies import Drawn
from convscope.data.augment.sampling import pieces

FACTORS = ("brightness", "contrast", "saturation")


class Jitter(NamedTuple):
    """How much colours change; the fields of `Augmentation` with these names."""

    brightness: float
    contrast: float
    saturation: float
    hue: float
    grey: float
    blur: float
    blur_sigma: tuple[float, float]


class _Changes(NamedTuple):
    """What is drawn for n images; None for what no image is drawn for."""

    factors: dict[str, Floats]
    hue: Floats | None
    is_grey: Bools | None
    is_blurred: Bools | None
    sigma: Floats
    policy: Drawn | None

    def of(self, rows: slice) -> _Changes:
        return _Changes(
            {name: values[rows] for name, values in self.factors.items()},
            None if self.hue is None else self.hue[rows],
            None if self.is_grey is None else self.is_grey[rows],
            None if self.is_blurred is None else self.is_blurred[rows],
            self.sigma[rows],
            None if self.policy is None else self.policy.of(rows),
        )


def recoloured(images: Tensor, draws: Draws, jitter: Jitter, policy: Drawn | None) -> Tensor:
    """Floats (N, H, W, C) of 0 to 255, contiguous as (N, C, H, W); `images` are left alone.

    Args:
        images: (N, H, W, C) of 0 to 255, of any type.
        draws: Of the N images.
        jitter: How much changes.
        policy: Whose operations on colours are done, after grey and before the blur.
    """
    changes = _draw(draws, jitter, policy)
    count, height, width, channels = images.shape
    changed = torch.empty((count, channels, height, width), device=images.device)
    for piece in pieces(images):
        changed[piece] = images[piece].permute(0, 3, 1, 2)
        changed[piece] = _change(changed[piece], changes.of(piece))
    return changed.permute(0, 2, 3, 1)


def _draw(draws: Draws, jitter: Jitter, policy: Drawn | None) -> _Changes:
    return _Changes(
        factors={
            name: np.maximum(0, 1 + draws.signed(name, strength))
            for name in FACTORS
            if (strength := getattr(jitter, name))
        },
        hue=draws.signed("hue", jitter.hue) if jitter.hue else None,
        is_grey=draws.chosen("grey", jitter.grey) if jitter.grey else None,
        is_blurred=draws.chosen("blur", jitter.blur) if jitter.blur else None,
        sigma=draws.between("blur sigma", *jitter.blur_sigma),
        policy=policy,
    )


def _change(planes: Tensor, changes: _Changes) -> Tensor:
    if changes.factors:
        factors = {name: _on(planes, values) for name, values in changes.factors.items()}
        planes = colour.recoloured(planes, **factors)
    if changes.hue is not None:
        planes = colour.with_hue(planes, _on(planes, changes.hue))
    if changes.is_grey is not None and changes.is_grey.any():
        rows = torch.from_numpy(np.flatnonzero(changes.is_grey)).to(planes.device)
        planes.index_copy_(0, rows, colour.greyed(planes.index_select(0, rows)))
    if changes.policy is not None:
        planes = policies.recolour(planes, changes.policy)
    if changes.is_blurred is not None and changes.is_blurred.any():
        blurred = np.flatnonzero(changes.is_blurred)
        rows = torch.from_numpy(blurred).to(planes.device)
        smooth = colour.blurred(planes.index_select(0, rows), changes.sigma[blurred])
        planes.index_copy_(0, rows, smooth)
    return planes


def _on(planes: Tensor, values: Floats) -> Tensor:
    return torch.from_numpy(values.astype(np.float32)).to(planes.device)
