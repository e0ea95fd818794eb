"""RandAugment and TrivialAugment: a few operations drawn for each image from one table.

Source: Cubuk et al. 2020 (RandAugment) and Mueller and Hutter 2021 (TrivialAugment, the wide
ranges), with the strengths of torchvision's `RandAugment` and `TrivialAugmentWide`.

Departs: all geometry of an image happens first, in the one resampling that it has anyway,
bilinear, with mirrored borders instead of black ones and shears about the middle; colours follow.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor

from convscope.data.augment import colour
from convscope.data.augment.draws import Bools, Draws, Floats, Integers
from convscope.data.augment.geometry import composed, identities, linear, turns

Policy = Literal["none", "randaugment", "trivialaugment"]
LEVELS = 31  # strengths that are told apart, from 0 to 30


class Operation(NamedTuple):
    """A row of the papers' tables.

    Attributes:
        name: What it changes.
        randaugment: Its strength at the highest level of RandAugment.
        trivialaugment: And of TrivialAugment.
        is_signed: Whether it goes in a drawn direction.
    """

    name: str
    randaugment: float
    trivialaugment: float
    is_signed: bool


OPERATIONS = (
    Operation("identity", 0, 0, False),
    Operation("shear_x", 0.3, 0.99, True),  # pixels across, a pixel down
    Operation("shear_y", 0.3, 0.99, True),
    Operation("translate_x", 150 / 331, 32, True),  # a share of the size; pixels
    Operation("translate_y", 150 / 331, 32, True),
    Operation("rotate", 30, 135, True),  # degrees
    Operation("brightness", 0.9, 0.99, True),  # added to a factor of 1
    Operation("saturation", 0.9, 0.99, True),
    Operation("contrast", 0.9, 0.99, True),
    Operation("sharpness", 0.9, 0.99, True),
    Operation("posterize", 4, 6, False),  # bits taken away
    Operation("solarize", 255, 255, False),  # below 255, from where on values are inverted
    Operation("autocontrast", 0, 0, False),
    Operation("equalize", 0, 0, False),
)
NUMBER = {operation.name: number for number, operation in enumerate(OPERATIONS)}
GEOMETRIC = ("shear_x", "shear_y", "translate_x", "translate_y", "rotate")


@dataclass(frozen=True, slots=True)
class Drawn:
    """What a policy does to N images, in some rounds.

    Attributes:
        operations: (rounds, N) rows of `OPERATIONS`.
        strengths: (rounds, N) in the table's units, signed; shifts in pixels.
    """

    operations: Integers
    strengths: Floats

    def of(self, rows: slice) -> Drawn:
        """The same for some of the images."""
        return Drawn(self.operations[:, rows], self.strengths[:, rows])

    @property
    def is_geometric(self) -> Bools:
        """(N,) which images are moved."""
        numbers = [NUMBER[name] for name in GEOMETRIC]
        return np.asarray(np.isin(self.operations, numbers).any(axis=0))


def draw(
    draws: Draws, policy: Policy, *, num_ops: int, magnitude: float, out_size: tuple[int, int]
) -> Drawn:
    """Operations and strengths, of each image its own.

    Args:
        draws: Of the N images.
        policy: `randaugment` or `trivialaugment`.
        num_ops: Rounds of RandAugment; TrivialAugment has one.
        magnitude: Level of RandAugment from 0 to 30; TrivialAugment draws it.
        out_size: (h, w) of the varied image, which shifts are measured in.
    """
    is_wide = policy == "trivialaugment"
    rounds = 1 if is_wide else num_ops
    count = len(draws.indices)
    operations = np.floor(draws.shares("policy operation", rounds).T * len(OPERATIONS))
    operations = operations.astype(np.int64)
    if is_wide:
        level = np.floor(draws.shares("policy level", rounds).T * LEVELS) / (LEVELS - 1)
    else:
        level = np.full((rounds, count), magnitude / (LEVELS - 1))
    largest = np.array([row.trivialaugment if is_wide else row.randaugment for row in OPERATIONS])
    is_signed = np.array([row.is_signed for row in OPERATIONS])[operations]
    is_negative = draws.shares("policy sign", rounds).T < 0.5
    strengths = level * largest[operations] * np.where(is_signed & is_negative, -1, 1)
    if not is_wide:
        for name, size in (("translate_x", out_size[1]), ("translate_y", out_size[0])):
            strengths = np.where(operations == NUMBER[name], strengths * size, strengths)
    return Drawn(operations, strengths)


def warps(drawn: Drawn) -> Floats:
    """(N, 2, 3) maps from where a pixel ends up to where it comes from, in pixels."""
    count = drawn.operations.shape[1]
    one, zero = np.ones(count), np.zeros(count)
    maps = identities(count)
    # The last operation is the first one to be undone.
    for operations, strengths in zip(drawn.operations[::-1], drawn.strengths[::-1], strict=True):

        def only(name: str, by: Floats = strengths, chosen: Integers = operations) -> Floats:
            return np.where(chosen == NUMBER[name], by, 0.0)

        shear = linear([[one, only("shear_x")], [only("shear_y"), one]])
        shift = linear([[one, zero], [zero, one]], [only("translate_x"), only("translate_y")])
        turn = turns(np.radians(only("rotate")), one)
        for step in (shear, shift, turn):
            maps = composed(maps, step)
    return maps


def recolour(images: Tensor, drawn: Drawn) -> Tensor:
    """Images (n, C, H, W) after the operations on colours; grey ones have no saturation."""
    for operations, strengths in zip(drawn.operations, drawn.strengths, strict=True):
        for number in np.unique(operations):
            change = _COLOURS.get(OPERATIONS[number].name)
            if change is None:
                continue
            rows = np.flatnonzero(operations == number)
            places = torch.from_numpy(rows).to(images.device)
            by = torch.from_numpy(strengths[rows].astype(np.float32)).to(images.device)
            images.index_copy_(0, places, change(images.index_select(0, places), by))
    return images


_COLOURS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "brightness": lambda images, by: colour.recoloured(images, brightness=1 + by),
    "saturation": lambda images, by: colour.recoloured(images, saturation=1 + by),
    "contrast": lambda images, by: colour.recoloured(images, contrast=1 + by),
    "sharpness": lambda images, by: colour.sharpened(images, 1 + by),
    "posterize": lambda images, by: colour.posterized(images, by.round()),
    "solarize": lambda images, by: colour.solarized(images, 255 - by),
    "autocontrast": lambda images, _: colour.stretched(images),
    "equalize": lambda images, _: colour.equalized(images),
}
