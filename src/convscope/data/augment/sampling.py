"""Taking pixels from the places that a geometry names, in the cheapest way that is right.

Three ways, chosen for each image by its own geometry and by the device, never by its batch:

- Shifts and mirrors take each pixel from another place: exact, uint8.
- Crops that are resized, and nothing else. Large ones on the CPU go image by image through
  torch's uint8 kernel, which is several times as fast there as anything that works on floats;
  elsewhere, and for small images, two matrix products resize the whole batch at once. Both are
  antialiased, round to whole levels after each axis, and differ by a level at most.
- All else is one bilinear resampling of floats.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from convscope.data.augment.boxes import Boxes
from convscope.data.augment.draws import Bools, Integers
from convscope.data.augment.geometry import Geometry

# Multiply-adds a channel: 32 px inputs are below (0.015 against 0.1 ms), 48 px ones above.
PRODUCTS_AT_MOST = 2**17
# Resizing weights are multiples of 1/1024 that add up to 1. Sums of them times 8-bit pixels are
# exact in float32, in any order and on any device, so that no image depends on its batch.
WEIGHT_STEPS = 1024
CROPS_A_TASK = 8
VALUES_A_PIECE = 2**18  # of floats: 1 MiB, as much as stays in a core's cache


def sample(
    pixels: Tensor, geometry: Geometry, out_size: tuple[int, int], *, as_floats: bool = False
) -> Tensor:
    """Varied images (N, h, w, C): uint8 where none is resampled, else floats of 0 to 255.

    Floats lie plane by plane in memory: contiguous as (N, C, h, w).

    Args:
        pixels: (N, H, W, C) uint8, the canvases.
        geometry: Of the N images.
        out_size: (h, w).
        as_floats: Floats even where none of these images is resampled, as others may be.
    """
    resampled = np.flatnonzero(geometry.is_resampled)
    if len(resampled) == 0 and not as_floats:
        return _straight(pixels, geometry, out_size)
    if len(resampled) == len(pixels):
        return _warped(pixels, geometry, out_size)
    straight = np.flatnonzero(~geometry.is_resampled)
    varied = _empty_planes(pixels, out_size)
    for rows, take in ((straight, _straight), (resampled, _warped)):
        places = torch.from_numpy(rows).to(pixels.device)
        taken = take(pixels.index_select(0, places), geometry.of(rows), out_size)
        varied.index_copy_(0, places, taken.float())
    return varied


def moved(
    pixels: Tensor,
    *,
    down: Integers,
    right: Integers,
    is_mirrored: Bools,
    is_upended: Bools,
) -> Tensor:
    """Images (N, H, W, C) of which each pixel is taken from another place, none is changed.

    What comes in from outside is mirrored, the border's pixels included.

    Args:
        pixels: (N, H, W, C) of any type.
        down: (N,) a pixel comes from this many rows below.
        right: (N,) and this many columns to the right.
        is_mirrored: (N,) left and right, before the shift.
        is_upended: (N,) top and bottom, before the shift.
    """
    if not down.any() and not right.any():
        return _turned(_turned(pixels, is_upended, 1), is_mirrored, 2)
    height, width = pixels.shape[1:3]
    rows = _reflected(_counted(height, is_upended) + down[:, np.newaxis], height)
    columns = _reflected(_counted(width, is_mirrored) + right[:, np.newaxis], width)
    count, channels = len(pixels), pixels.shape[3]
    # One flat index: several times as fast as one index an axis.
    starts = rows * width + np.arange(count)[:, np.newaxis] * height * width
    row_starts = torch.from_numpy(starts).to(pixels.device)[:, :, None]
    places = row_starts + torch.from_numpy(columns).to(pixels.device)[:, None]
    flat = pixels.reshape(-1, channels).index_select(0, places.flatten())
    return flat.view(pixels.shape)


def pad_cropped(pixels: Tensor, *, border: int, down: Integers, right: Integers) -> Tensor:
    """Images (N, H, W, C) in a frame of `border` black pixels, cut to their size again.

    Args:
        pixels: (N, H, W, C) of any type.
        border: Width of the frame.
        down: (N,) first row that is kept, from 0 to twice the border.
        right: (N,) first column that is kept.
    """
    height, width = pixels.shape[1:3]
    framed = F.pad(pixels, (0, 0, border, border, border, border))
    parts = [
        image[top : top + height, left : left + width]
        for image, top, left in zip(framed, down.tolist(), right.tolist(), strict=True)
    ]
    return torch.stack(parts) if parts else pixels


def pieces(images: Tensor) -> Iterator[slice]:
    """Slices of a batch that are worked on one after the other.

    Few images at a time on the CPU, so that what one operation writes is still in the cache when
    the next reads it; all at once elsewhere.
    """
    count = len(images)
    step = count
    if images.device.type == "cpu" and count:
        step = max(1, VALUES_A_PIECE // max(1, images[0].numel()))
    for start in range(0, count, max(1, step)):
        yield slice(start, min(count, start + step))


def _straight(pixels: Tensor, geometry: Geometry, out_size: tuple[int, int]) -> Tensor:
    if not geometry.is_cropped:
        return moved(
            pixels,
            down=geometry.down,
            right=geometry.right,
            is_mirrored=geometry.is_mirrored,
            is_upended=geometry.is_upended,
        )
    (height, width), (rows, columns) = pixels.shape[1:3], out_size
    num_products = rows * height * width + rows * columns * width
    if pixels.device.type == "cpu" and num_products > PRODUCTS_AT_MOST:
        return resized_one_by_one(pixels, geometry, out_size)
    return resized_together(pixels, geometry, out_size)


def resized_one_by_one(pixels: Tensor, geometry: Geometry, out_size: tuple[int, int]) -> Tensor:
    """Crops (N, h, w, C) uint8, each resized by torch's uint8 kernel, on all cores."""
    count, _, _, channels = pixels.shape
    resized = np.empty((count, *out_size, channels), dtype=np.uint8)
    planes = pixels.permute(0, 3, 1, 2)
    boxes = np.stack(geometry.boxes, axis=1).tolist()
    turned = [
        [axis for axis, is_turned in ((2, is_upended), (3, is_mirrored)) if is_turned]
        for is_upended, is_mirrored in zip(geometry.is_upended, geometry.is_mirrored, strict=True)
    ]

    def resize(start: int) -> None:
        for image in range(start, min(count, start + CROPS_A_TASK)):
            top, left, height, width = boxes[image]
            part = planes[image : image + 1, :, top : top + height, left : left + width]
            whole = F.interpolate(part, size=out_size, mode="bilinear", antialias=True)
            if turned[image]:
                whole = whole.flip(turned[image])
            resized[image] = whole[0].permute(1, 2, 0).numpy()

    # The threads end with the batch: they would be missing in a forked process.
    with ThreadPoolExecutor(torch.get_num_threads()) as pool:
        list(pool.map(resize, range(0, count, CROPS_A_TASK)))
    return torch.from_numpy(resized)


def resized_together(pixels: Tensor, geometry: Geometry, out_size: tuple[int, int]) -> Tensor:
    """Crops (N, h, w, C) uint8, resized by one exact matrix product an axis."""
    boxes: Boxes = geometry.boxes
    (height, width), device = pixels.shape[1:3], pixels.device
    down = _weights(boxes.top, boxes.height, geometry.is_upended, height, out_size[0], device)
    across = _weights(boxes.left, boxes.width, geometry.is_mirrored, width, out_size[1], device)
    planes = pixels.permute(0, 3, 1, 2).float()
    planes = _rounded(torch.matmul(down[:, None], planes))
    planes = _rounded(torch.matmul(planes, across[:, None].transpose(2, 3)))
    return planes.to(torch.uint8).permute(0, 2, 3, 1).contiguous()


def _rounded(sums: Tensor) -> Tensor:
    return sums.div_(WEIGHT_STEPS).add_(0.5).floor_()


def _weights(
    start: Integers,
    length: Integers,
    is_turned: Bools,
    canvas: int,
    out: int,
    device: torch.device,
) -> Tensor:
    """(N, out, canvas) whole numbers that add up to `WEIGHT_STEPS` over the canvas."""

    def column(values: NDArray[np.generic]) -> Tensor:
        return torch.from_numpy(values.astype(np.float32)).to(device)[:, None, None]

    first, size = column(start), column(length)
    places = column(_counted(out, is_turned).ravel()).view(-1, out, 1) + 0.5
    step = size / out
    centres = first + places * step
    pixels = torch.arange(canvas, device=device, dtype=torch.float32) + 0.5
    weights = 1 - (pixels - centres).abs_() / step.clamp(min=1)
    weights.clamp_(min=0).mul_((pixels > first) & (pixels < first + size))
    weights.mul_(WEIGHT_STEPS / weights.sum(dim=2, keepdim=True)).round_()
    missing = WEIGHT_STEPS - weights.sum(dim=2, keepdim=True)
    return weights.add_(missing * (pixels - 0.5 == centres.floor()))


def _warped(pixels: Tensor, geometry: Geometry, out_size: tuple[int, int]) -> Tensor:
    rows, columns = out_size
    canvas = (pixels.shape[1], pixels.shape[2])
    maps = geometry.matrices(canvas=canvas, out_size=out_size).astype(np.float32)
    matrices = torch.from_numpy(maps).to(pixels.device)
    x = torch.arange(columns, device=pixels.device, dtype=torch.float32) - (columns - 1) / 2
    y = torch.arange(rows, device=pixels.device, dtype=torch.float32) - (rows - 1) / 2
    varied = _empty_planes(pixels, out_size)
    for piece in pieces(pixels):
        part = matrices[piece, :, :, None]
        # Not `affine_grid`: its matrix product's rounding may depend on the size of the batch.
        across = part[:, :, 0] * x
        along = part[:, :, 1] * y + part[:, :, 2]
        grid = across[:, :, None, :] + along[:, :, :, None]
        images = pixels[piece].float().permute(0, 3, 1, 2)
        taken = F.grid_sample(
            images, grid.permute(0, 2, 3, 1), padding_mode="reflection", align_corners=False
        )
        varied[piece] = taken.clamp_(0, 255).permute(0, 2, 3, 1)
    return varied


def _empty_planes(pixels: Tensor, out_size: tuple[int, int]) -> Tensor:
    """Floats (N, h, w, C) that are contiguous as (N, C, h, w)."""
    shape = (pixels.shape[0], pixels.shape[3], *out_size)
    return torch.empty(shape, device=pixels.device, dtype=torch.float32).permute(0, 2, 3, 1)


def _turned(pixels: Tensor, is_turned: Bools, axis: int) -> Tensor:
    """Images of which some are mirrored along an axis."""
    rows = np.flatnonzero(is_turned)
    if len(rows) in (0, len(pixels)):
        return pixels.flip(axis) if len(rows) else pixels
    places = torch.from_numpy(rows).to(pixels.device)
    return pixels.index_copy(0, places, pixels.index_select(0, places).flip(axis))


def _counted(size: int, is_turned: Bools) -> Integers:
    """(N, size) the numbers from 0, from the other end where `is_turned`."""
    numbers = np.arange(size)
    return np.where(is_turned[:, np.newaxis], size - 1 - numbers, numbers)


def _reflected(places: Integers, size: int) -> Integers:
    """Places outside of 0..size-1 mirrored at the border, the border's pixels included."""
    places = np.where(places < 0, -places - 1, places)
    return np.where(places >= size, 2 * size - 1 - places, places)
