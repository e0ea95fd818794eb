"""Resampling of images by their transforms, in the cheapest way that is exact enough.

There are three ways, chosen for each image by its transform and the device, never by its batch:

- Shifts and flips move whole pixels: exact, uint8.
- Crops alone are resized. Large ones on the CPU go image by image through torch's uint8 kernel,
  which is several times as fast there as anything that works on floats; elsewhere, and for small
  images, two matrix products resize the whole batch. Both are antialiased, round to whole levels
  after each axis, and differ by a level at most.
- Everything else is one bilinear resampling of floats.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from convscope.data.augment.geometry import AffineTransforms, Boxes
from convscope.rng import Bools, Integers

# Multiply-adds per channel: 32 px inputs are below (0.015 against 0.1 ms), 48 px ones above.
MAX_PRODUCTS = 2**17
# Resizing weights are multiples of 1/1024 that add up to 1. Sums of them times 8-bit pixels are
# exact in float32, in any order and on any device, so that no image depends on its batch.
WEIGHT_STEPS = 1024
CROPS_PER_TASK = 8
VALUES_PER_CHUNK = 2**18  # of floats: 1 MiB, as much as stays in a core's cache


def sample(
    pixels: Tensor,
    transforms: AffineTransforms,
    out_size: tuple[int, int],
    *,
    as_floats: bool = False,
) -> Tensor:
    """Augmented images (N, h, w, C): uint8 where none is resampled, else floats of 0 to 255.

    Floats lie plane by plane in memory: contiguous as (N, C, h, w).

    Args:
        pixels: (N, H, W, C) uint8.
        transforms: Transforms of the N images.
        out_size: (h, w).
        as_floats: Give floats even if none of these images is resampled, as others may be.
    """
    resampled = np.flatnonzero(transforms.is_resampled)
    if len(resampled) == 0 and not as_floats:
        return _sample_exactly(pixels, transforms, out_size)
    if len(resampled) == len(pixels):
        return _warp(pixels, transforms, out_size)
    unwarped = np.flatnonzero(~transforms.is_resampled)
    augmented = _empty_planes(pixels, out_size)
    for rows, take in ((unwarped, _sample_exactly), (resampled, _warp)):
        positions = torch.from_numpy(rows).to(pixels.device)
        taken = take(pixels.index_select(0, positions), transforms.of(rows), out_size)
        augmented.index_copy_(0, positions, taken.float())
    return augmented


def shift_and_flip(pixels: Tensor, transforms: AffineTransforms) -> Tensor:
    """Images (N, H, W, C) of any type, flipped and shifted by whole pixels.

    Pixels from outside are mirrored at the border, the border included.
    """
    down, right = transforms.down, transforms.right
    is_hflipped, is_vflipped = transforms.is_hflipped, transforms.is_vflipped
    if not down.any() and not right.any():
        return _flip(_flip(pixels, is_vflipped, 1), is_hflipped, 2)
    height, width = pixels.shape[1:3]
    rows = _reflected(_positions(height, is_vflipped) + down[:, np.newaxis], height)
    columns = _reflected(_positions(width, is_hflipped) + right[:, np.newaxis], width)
    count, channels = len(pixels), pixels.shape[3]
    # One flat index: several times as fast as one index an axis.
    starts = rows * width + np.arange(count)[:, np.newaxis] * height * width
    row_starts = torch.from_numpy(starts).to(pixels.device)[:, :, None]
    positions = row_starts + torch.from_numpy(columns).to(pixels.device)[:, None]
    flat = pixels.reshape(-1, channels).index_select(0, positions.flatten())
    return flat.view(pixels.shape)


def pad_and_crop(pixels: Tensor, *, border: int, down: Integers, right: Integers) -> Tensor:
    """Images (N, H, W, C) padded with black on all sides and cropped to their size again.

    Args:
        pixels: (N, H, W, C) of any type.
        border: Width of the padding in pixels.
        down: (N,) first row that is kept, from 0 to twice the border.
        right: (N,) first column that is kept, from 0 to twice the border.
    """
    height, width = pixels.shape[1:3]
    framed = F.pad(pixels, (0, 0, border, border, border, border))
    parts = [
        image[top : top + height, left : left + width]
        for image, top, left in zip(framed, down.tolist(), right.tolist(), strict=True)
    ]
    return torch.stack(parts) if parts else pixels


def chunks(images: Tensor) -> Iterator[slice]:
    """Slices of a batch that are processed one after the other.

    On the CPU they hold few images, so that what one operation writes is still in the cache when
    the next reads it; elsewhere there is one slice.
    """
    count = len(images)
    step = max(1, count)
    if images.device.type == "cpu" and count:
        step = max(1, VALUES_PER_CHUNK // max(1, images[0].numel()))
    for start in range(0, count, step):
        yield slice(start, min(count, start + step))


def _sample_exactly(
    pixels: Tensor, transforms: AffineTransforms, out_size: tuple[int, int]
) -> Tensor:
    if not transforms.is_cropped:
        return shift_and_flip(pixels, transforms)
    (height, width), (rows, columns) = pixels.shape[1:3], out_size
    num_products = rows * height * width + rows * columns * width
    if pixels.device.type == "cpu" and num_products > MAX_PRODUCTS:
        return resize_one_by_one(pixels, transforms, out_size)
    return resize_batch(pixels, transforms, out_size)


def resize_one_by_one(
    pixels: Tensor, transforms: AffineTransforms, out_size: tuple[int, int]
) -> Tensor:
    """Crops (N, h, w, C) uint8, each resized by torch's uint8 kernel, on all cores."""
    count, _, _, channels = pixels.shape
    resized = np.empty((count, *out_size, channels), dtype=np.uint8)
    planes = pixels.permute(0, 3, 1, 2)
    boxes = np.stack(transforms.boxes, axis=1).tolist()
    turned = [
        [axis for axis, is_flipped in ((2, is_vflipped), (3, is_hflipped)) if is_flipped]
        for is_vflipped, is_hflipped in zip(
            transforms.is_vflipped, transforms.is_hflipped, strict=True
        )
    ]

    def resize(start: int) -> None:
        for image in range(start, min(count, start + CROPS_PER_TASK)):
            top, left, height, width = boxes[image]
            part = planes[image : image + 1, :, top : top + height, left : left + width]
            whole = F.interpolate(part, size=out_size, mode="bilinear", antialias=True)
            if turned[image]:
                whole = whole.flip(turned[image])
            resized[image] = whole[0].permute(1, 2, 0).numpy()

    # The threads end with the batch: they would be missing in a forked process.
    with ThreadPoolExecutor(torch.get_num_threads()) as pool:
        list(pool.map(resize, range(0, count, CROPS_PER_TASK)))
    return torch.from_numpy(resized)


def resize_batch(pixels: Tensor, transforms: AffineTransforms, out_size: tuple[int, int]) -> Tensor:
    """Crops (N, h, w, C) uint8, resized by one exact matrix product an axis."""
    boxes: Boxes = transforms.boxes
    (height, width), device = pixels.shape[1:3], pixels.device
    down = _weights(boxes.top, boxes.height, transforms.is_vflipped, height, out_size[0], device)
    across = _weights(boxes.left, boxes.width, transforms.is_hflipped, width, out_size[1], device)
    planes = pixels.permute(0, 3, 1, 2).float()
    planes = _rounded(torch.matmul(down[:, None], planes))
    planes = _rounded(torch.matmul(planes, across[:, None].transpose(2, 3)))
    return planes.to(torch.uint8).permute(0, 2, 3, 1).contiguous()


def _rounded(sums: Tensor) -> Tensor:
    return sums.div_(WEIGHT_STEPS).add_(0.5).floor_()


def _weights(
    start: Integers,
    length: Integers,
    is_flipped: Bools,
    in_side: int,
    out_side: int,
    device: torch.device,
) -> Tensor:
    """(N, out_side, in_side) whole numbers that sum to `WEIGHT_STEPS` over the input."""

    def column(values: NDArray[np.generic]) -> Tensor:
        return torch.from_numpy(values.astype(np.float32)).to(device)[:, None, None]

    first, size = column(start), column(length)
    positions = column(_positions(out_side, is_flipped).ravel()).view(-1, out_side, 1) + 0.5
    step = size / out_side
    centres = first + positions * step
    pixels = torch.arange(in_side, device=device, dtype=torch.float32) + 0.5
    weights = 1 - (pixels - centres).abs_() / step.clamp(min=1)
    weights.clamp_(min=0).mul_((pixels > first) & (pixels < first + size))
    weights.mul_(WEIGHT_STEPS / weights.sum(dim=2, keepdim=True)).round_()
    missing = WEIGHT_STEPS - weights.sum(dim=2, keepdim=True)
    return weights.add_(missing * (pixels - 0.5 == centres.floor()))


def _warp(pixels: Tensor, transforms: AffineTransforms, out_size: tuple[int, int]) -> Tensor:
    rows, columns = out_size
    in_size = (pixels.shape[1], pixels.shape[2])
    maps = transforms.matrices(in_size=in_size, out_size=out_size).astype(np.float32)
    matrices = torch.from_numpy(maps).to(pixels.device)
    x = torch.arange(columns, device=pixels.device, dtype=torch.float32) - (columns - 1) / 2
    y = torch.arange(rows, device=pixels.device, dtype=torch.float32) - (rows - 1) / 2
    augmented = _empty_planes(pixels, out_size)
    for chunk in chunks(pixels):
        part = matrices[chunk, :, :, None]
        # Not `affine_grid`: its matrix product's rounding may depend on the size of the batch.
        across = part[:, :, 0] * x
        along = part[:, :, 1] * y + part[:, :, 2]
        grid = across[:, :, None, :] + along[:, :, :, None]
        images = pixels[chunk].float().permute(0, 3, 1, 2)
        taken = F.grid_sample(
            images, grid.permute(0, 2, 3, 1), padding_mode="reflection", align_corners=False
        )
        augmented[chunk] = taken.clamp_(0, 255).permute(0, 2, 3, 1)
    return augmented


def _empty_planes(pixels: Tensor, out_size: tuple[int, int]) -> Tensor:
    """Floats (N, h, w, C) that are contiguous as (N, C, h, w)."""
    shape = (pixels.shape[0], pixels.shape[3], *out_size)
    return torch.empty(shape, device=pixels.device, dtype=torch.float32).permute(0, 2, 3, 1)


def _flip(pixels: Tensor, is_flipped: Bools, axis: int) -> Tensor:
    """Images, some of which are flipped along an axis."""
    rows = np.flatnonzero(is_flipped)
    if len(rows) in (0, len(pixels)):
        return pixels.flip(axis) if len(rows) else pixels
    positions = torch.from_numpy(rows).to(pixels.device)
    return pixels.index_copy(0, positions, pixels.index_select(0, positions).flip(axis))


def _positions(size: int, is_flipped: Bools) -> Integers:
    """(N, size) the positions from 0 to size - 1, in reverse order where `is_flipped`."""
    numbers = np.arange(size)
    return np.where(is_flipped[:, np.newaxis], size - 1 - numbers, numbers)


def _reflected(positions: Integers, size: int) -> Integers:
    """Positions, those outside of 0..size-1 mirrored at the border, the border included."""
    positions = np.where(positions < 0, -positions - 1, positions)
    return np.where(positions >= size, 2 * size - 1 - positions, positions)
