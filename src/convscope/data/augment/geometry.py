"""Where each pixel of a varied image comes from: one map an image, however many things are drawn.

Plain numbers, no pixels: `sampling.py` takes pixels from these places.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from convscope.data.augment.boxes import Boxes
from convscope.data.augment.draws import Bools, Floats, Integers


@dataclass(frozen=True, slots=True, kw_only=True)
class Geometry:
    """Where the pixels of N varied images come from.

    A place of the varied image is mirrored, then mapped by `warps`, then shifted, then lies in the
    box, which is stretched to the varied image's size. What falls outside of the canvas is
    mirrored at its border.

    Attributes:
        boxes: Which part of each canvas is kept.
        is_cropped: Whether the boxes are anything but the whole.
        is_mirrored: (N,) left and right.
        is_upended: (N,) top and bottom.
        down: (N,) shift in whole pixels of the varied image.
        right: (N,) likewise.
        warps: (N, 2, 3) maps (x, y, 1), in pixels from the middle, to (x, y).
        is_warped: (N,) where `warps` is more than the identity.
    """

    boxes: Boxes
    is_cropped: bool
    is_mirrored: Bools
    is_upended: Bools
    down: Integers
    right: Integers
    warps: Floats
    is_warped: Bools

    @property
    def is_resampled(self) -> Bools:
        """(N,) which images need values between pixels of the canvas, other than by a crop."""
        is_shifted = (self.down != 0) | (self.right != 0)
        return np.asarray(self.is_warped | (is_shifted & self.is_cropped))

    def of(self, rows: Integers) -> Geometry:
        """The geometry of some of the images."""
        return Geometry(
            boxes=Boxes(*(part[rows] for part in self.boxes)),
            is_cropped=self.is_cropped,
            is_mirrored=self.is_mirrored[rows],
            is_upended=self.is_upended[rows],
            down=self.down[rows],
            right=self.right[rows],
            warps=self.warps[rows],
            is_warped=self.is_warped[rows],
        )

    def matrices(self, *, canvas: tuple[int, int], out_size: tuple[int, int]) -> Floats:
        """(N, 2, 3) maps from (x, y, 1), in pixels from the middle, to (x, y) of `grid_sample`.

        There -1 and 1 are the canvas's outer borders.
        """
        height, width = canvas
        across = self.boxes.width / out_size[1]
        along = self.boxes.height / out_size[0]
        maps = self.warps.copy()
        maps[:, :, 0] *= np.where(self.is_mirrored, -1, 1)[:, np.newaxis]
        maps[:, :, 1] *= np.where(self.is_upended, -1, 1)[:, np.newaxis]
        maps[:, 0, 2] += self.right
        maps[:, 1, 2] += self.down
        maps[:, 0] *= across[:, np.newaxis]
        maps[:, 1] *= along[:, np.newaxis]
        maps[:, 0, 2] += self.boxes.left + (self.boxes.width - width) / 2
        maps[:, 1, 2] += self.boxes.top + (self.boxes.height - height) / 2
        maps[:, 0] *= 2 / width
        maps[:, 1] *= 2 / height
        return maps


def identities(count: int) -> Floats:
    """(count, 2, 3) maps that change nothing."""
    return np.broadcast_to(np.eye(2, 3), (count, 2, 3)).copy()


def linear(rows: list[list[Floats]], shifts: list[Floats] | None = None) -> Floats:
    """(N, 2, 3) maps from the four entries of N matrices and, if given, N shifts (x, y)."""
    maps = identities(len(rows[0][0]))
    maps[:, :, :2] = np.array(rows).transpose(2, 0, 1)
    if shifts is not None:
        maps[:, :, 2] = np.array(shifts).T
    return maps


def turns(angle: Floats, size: Floats) -> Floats:
    """(N, 2, 3) maps that turn what is seen by `angle` (radians) and enlarge it `size` times."""
    cos, sin = np.cos(angle) / size, np.sin(angle) / size
    return linear([[cos, -sin], [sin, cos]])


def composed(first: Floats, second: Floats) -> Floats:
    """(N, 2, 3) maps that apply `first` and then `second`."""
    maps = second[:, :, :2] @ first
    maps[:, :, 2] += second[:, :, 2]
    return maps
