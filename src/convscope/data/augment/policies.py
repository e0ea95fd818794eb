"""RandAugment and TrivialAugment: a few operations drawn for each image from one table.

Source: Cubuk et al. 2020 (RandAugment) and Mueller and Hutter 2021 (TrivialAugment, the wide
ranges), with the strengths of torchvision's `RandAugment` and `TrivialAugmentWide`.

Departs: all geometry of an image happens first, in the one resampling that it has anyway,
bilinear, with mirrored borders instead of black ones and shears about the middle; colours follow.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from convscope.data.augment.geometry import composed, identities, linear, rotations
from convscope.recipe import Policy
from convscope.rng import Bools, Draws, Floats, Integers

LEVELS = 31  # of the magnitude, from 0 to 30


class PolicyOperation(NamedTuple):
    """An operation of a policy, a row of the papers' tables.

    Attributes:
        name: Name of the operation.
        randaugment: Its strength at the highest magnitude of RandAugment.
        trivialaugment: Its strength at the highest magnitude of TrivialAugment.
        is_signed: Whether its direction is random.
    """

    name: str
    randaugment: float
    trivialaugment: float
    is_signed: bool


OPERATIONS = (
    PolicyOperation("identity", 0, 0, False),
    PolicyOperation("shear_x", 0.3, 0.99, True),  # pixels across, a pixel down
    PolicyOperation("shear_y", 0.3, 0.99, True),
    PolicyOperation("translate_x", 150 / 331, 32, True),  # a fraction of the size; pixels
    PolicyOperation("translate_y", 150 / 331, 32, True),
    PolicyOperation("rotate", 30, 135, True),  # degrees
    PolicyOperation("brightness", 0.9, 0.99, True),  # added to a factor of 1
    PolicyOperation("saturation", 0.9, 0.99, True),
    PolicyOperation("contrast", 0.9, 0.99, True),
    PolicyOperation("sharpness", 0.9, 0.99, True),
    PolicyOperation("posterize", 4, 6, False),  # bits taken away
    PolicyOperation("solarize", 255, 255, False),  # below 255, from where on values are inverted
    PolicyOperation("autocontrast", 0, 0, False),
    PolicyOperation("equalize", 0, 0, False),
)
OPERATION_INDEX = {operation.name: number for number, operation in enumerate(OPERATIONS)}
GEOMETRIC = ("shear_x", "shear_y", "translate_x", "translate_y", "rotate")


@dataclass(frozen=True, slots=True)
class PolicyDraws:
    """The operations of a policy on N images, in rounds.

    Attributes:
        operations: (rounds, N) indices of `OPERATIONS`.
        strengths: (rounds, N) signed strengths in the table's units; shifts in pixels.
    """

    operations: Integers
    strengths: Floats

    def of(self, rows: slice) -> PolicyDraws:
        """The operations on some of the images."""
        return PolicyDraws(self.operations[:, rows], self.strengths[:, rows])

    @property
    def is_geometric(self) -> Bools:
        """(N,) whether an operation moves pixels of an image."""
        geometric = [OPERATION_INDEX[name] for name in GEOMETRIC]
        return np.asarray(np.isin(self.operations, geometric).any(axis=0))


def draw(
    draws: Draws, policy: Policy, *, num_ops: int, magnitude: int, out_size: tuple[int, int]
) -> PolicyDraws:
    """Random operations and strengths for each image.

    Args:
        draws: Random numbers for the N images.
        policy: `randaugment` or `trivialaugment`.
        num_ops: Rounds of RandAugment; TrivialAugment has one.
        magnitude: Magnitude of RandAugment from 0 to 30; that of TrivialAugment is random.
        out_size: (h, w) of the augmented images, on which shifts depend.
    """
    is_wide = policy == "trivialaugment"
    rounds = 1 if is_wide else num_ops
    count = len(draws.indices)
    operations = np.floor(draws.uniforms("policy operation", rounds).T * len(OPERATIONS))
    operations = operations.astype(np.int64)
    if is_wide:
        level = np.floor(draws.uniforms("policy level", rounds).T * LEVELS) / (LEVELS - 1)
    else:
        level = np.full((rounds, count), magnitude / (LEVELS - 1))
    largest = np.array([row.trivialaugment if is_wide else row.randaugment for row in OPERATIONS])
    is_signed = np.array([row.is_signed for row in OPERATIONS])[operations]
    is_negative = draws.uniforms("policy sign", rounds).T < 0.5
    strengths = level * largest[operations] * np.where(is_signed & is_negative, -1, 1)
    if not is_wide:
        for name, size in (("translate_x", out_size[1]), ("translate_y", out_size[0])):
            strengths = np.where(operations == OPERATION_INDEX[name], strengths * size, strengths)
    return PolicyDraws(operations, strengths)


def warps(drawn: PolicyDraws) -> Floats:
    """(N, 2, 3) affine maps from a pixel of the result to its source, in pixels."""
    count = drawn.operations.shape[1]
    one, zero = np.ones(count), np.zeros(count)
    maps = identities(count)
    # The last operation is the first one to be undone.
    for operations, strengths in zip(drawn.operations[::-1], drawn.strengths[::-1], strict=True):

        def only(name: str, by: Floats = strengths, chosen: Integers = operations) -> Floats:
            return np.where(chosen == OPERATION_INDEX[name], by, 0.0)

        shear = linear([[one, only("shear_x")], [only("shear_y"), one]])
        shift = linear([[one, zero], [zero, one]], [only("translate_x"), only("translate_y")])
        turn = rotations(np.radians(only("rotate")), one)
        for step in (shear, shift, turn):
            maps = composed(maps, step)
    return maps
