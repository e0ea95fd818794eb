"""Colours and sharpness: the operations, and their random changes of each image of a batch.

Operations work on planes (n, C, H, W) of floats from 0 to 255, with factors (n,), one an image, and
return new values within 0 to 255. Each is elementwise or sums whole numbers, so that an image's
result does not depend on its batch; for the same reason nothing on several images uses
`add(alpha=)` or `exp` of torch: their vectorised form rounds in another way than the one for the
last few values of a tensor.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from convscope.data.augment.policies import OPERATIONS, PolicyDraws
from convscope.data.augment.sampling import chunks
from convscope.rng import Draws, Floats

LUMA = (0.299, 0.587, 0.114)  # of red, green, blue: ITU-R BT.601, as in Pillow's mode L
BLUR_REACH_IN_SIGMAS = 4.0
FACTORS = ("brightness", "contrast", "saturation")


class ColourJitter(NamedTuple):
    """Strengths of the changes of colour, the fields of `Augmentation` with these names."""

    brightness: float
    contrast: float
    saturation: float
    hue: float
    grey: float
    blur: float
    blur_sigma: tuple[float, float]


def jitter_colours(
    images: Tensor, draws: Draws, jitter: ColourJitter, policy: PolicyDraws | None
) -> Tensor:
    """Images (N, H, W, C) with random colours, as floats of 0 to 255, contiguous as (N, C, H, W).

    Args:
        images: (N, H, W, C) of 0 to 255, of any type; they stay as they are.
        draws: Random numbers for the N images.
        jitter: Strengths of the changes.
        policy: Operations on colours that come after the conversion to grey, before the blur.
    """
    changes = _draw(draws, jitter)
    count, height, width, channels = images.shape
    changed = torch.empty((count, channels, height, width), device=images.device)
    for chunk in chunks(images):
        changed[chunk] = images[chunk].permute(0, 3, 1, 2)
        own = {name: values[chunk] for name, values in changes.items()}
        operations = None if policy is None else policy.of(chunk)
        changed[chunk] = _change(changed[chunk], own, operations)
    return changed.permute(0, 2, 3, 1)


def _draw(draws: Draws, jitter: ColourJitter) -> dict[str, NDArray[Any]]:
    """(N,) random changes of the images by name, without those that change none."""
    changes: dict[str, NDArray[Any]] = {}
    for name in FACTORS:
        if strength := getattr(jitter, name):
            changes[name] = np.maximum(0, 1 + draws.symmetric(name, strength))
    if jitter.hue:
        changes["hue"] = draws.symmetric("hue", jitter.hue)
    if jitter.grey:
        changes["grey"] = draws.bernoulli("grey", jitter.grey)
    if jitter.blur:
        changes["blur"] = draws.bernoulli("blur", jitter.blur)
        changes["sigma"] = draws.between("blur sigma", *jitter.blur_sigma)
    return changes


def _change(planes: Tensor, changes: dict[str, NDArray[Any]], policy: PolicyDraws | None) -> Tensor:
    factors = {name: _on(planes, changes[name]) for name in FACTORS if name in changes}
    if factors:
        planes = adjust_colours(planes, **factors)
    if "hue" in changes:
        planes = adjust_hue(planes, _on(planes, changes["hue"]))
    if "grey" in changes and changes["grey"].any():
        rows = torch.from_numpy(np.flatnonzero(changes["grey"])).to(planes.device)
        planes.index_copy_(0, rows, to_grey(planes.index_select(0, rows)))
    if policy is not None:
        planes = apply_policy(planes, policy)
    if "blur" in changes and changes["blur"].any():
        blurred_rows = np.flatnonzero(changes["blur"])
        rows = torch.from_numpy(blurred_rows).to(planes.device)
        smooth = gaussian_blur(planes.index_select(0, rows), changes["sigma"][blurred_rows])
        planes.index_copy_(0, rows, smooth)
    return planes


def apply_policy(images: Tensor, policy: PolicyDraws) -> Tensor:
    """Images (n, C, H, W) after a policy's operations on colours."""
    for operations, strengths in zip(policy.operations, policy.strengths, strict=True):
        for number in np.unique(operations):
            change = COLOUR_OPERATIONS.get(OPERATIONS[number].name)
            if change is None:
                continue
            rows = np.flatnonzero(operations == number)
            positions = torch.from_numpy(rows).to(images.device)
            by = torch.from_numpy(strengths[rows].astype(np.float32)).to(images.device)
            images.index_copy_(0, positions, change(images.index_select(0, positions), by))
    return images


def luma(images: Tensor) -> Tensor:
    """(n, H, W) lightness of images (n, C, H, W); that of grey images are their values."""
    if images.shape[1] == 1:
        return images[:, 0]
    red, green, blue = images.unbind(1)
    return (red * LUMA[0]).add_(green * LUMA[1]).add_(blue * LUMA[2])


def adjust_colours(
    images: Tensor,
    *,
    brightness: Tensor | None = None,
    contrast: Tensor | None = None,
    saturation: Tensor | None = None,
) -> Tensor:
    """Brightness, contrast and saturation multiplied by factors, in this order.

    Each mixes the image with another one: black, its mean lightness, its own grey version. All
    three are one affine map of a pixel's colour, computed as such.

    Departs: from doing one after the other, by cutting values off at 0 and 255 once, at the end.

    Args:
        images: (n, C, H, W).
        brightness: (n,) factors; None leaves it.
        contrast: (n,) factors; None leaves it.
        saturation: (n,) factors; None leaves it.
    """
    own = torch.ones(len(images), device=images.device)
    constant: Tensor | None = None
    grey = None if contrast is None and saturation is None else luma(images)
    if brightness is not None:
        own = own * brightness
    if contrast is not None and grey is not None:
        constant = own * (1 - contrast) * _mean(grey)
        own = own * contrast
    if saturation is not None and grey is not None:
        mixed = images * _each(own * saturation, images)
        mixed += (grey * _each(own * (1 - saturation), grey))[:, None]
    else:
        mixed = images * _each(own, images)
    if constant is not None:
        mixed += _each(constant, mixed)
    return mixed.clamp_(0, 255)


def adjust_hue(images: Tensor, turn: Tensor) -> Tensor:
    """Colours (n, 3, H, W) turned around the circle of hues by `turn` (n,), 1 being all around.

    Source: Smith 1978, "Color gamut transform pairs", the hexcone model (HSV).
    """
    red, green, blue = images.unbind(1)
    value, least = images.amax(1), images.amin(1)
    spread = value - least
    # Sixths of the circle away from red, on either side. With channels scaled to reach from 0 to 1
    # that is 1 - red + green + blue: no case distinction, which would take most of the time.
    hue = (green + blue - red - least) / spread.clamp(min=1e-6) + 1
    hue *= _at_least(green, blue) * 2 - 1
    hue += _each(turn * 6, hue)
    turned = torch.empty_like(images)
    for channel, offset in enumerate((3.0, 1.0, -1.0)):
        away = hue + offset
        away -= (away / 6).round_() * 6
        weight = (2 - away.abs_()).clamp_(0, 1)
        torch.sub(value, weight.mul_(spread), out=turned[:, channel])
    return turned


def to_grey(images: Tensor) -> Tensor:
    """Images (n, 3, H, W) whose channels all are their lightness."""
    return luma(images)[:, None].expand_as(images).contiguous()


def gaussian_blur(images: Tensor, sigma: NDArray[np.float64]) -> Tensor:
    """Images (n, C, H, W) smoothed by Gaussians; mirrored at the border, itself not repeated.

    One by one, as a sum of shifted images that reaches as far as the image's own Gaussian needs,
    but not beyond the mirrored image. (Torch's grouped convolutions take longer on the CPU.)

    Args:
        images: (n, C, H, W).
        sigma: (n,) standard deviations in pixels.
    """
    smooth = torch.empty_like(images)
    for image, width in enumerate(sigma.tolist()):
        across = _blur_axis(images[image : image + 1], width, axis=3)
        smooth[image] = _blur_axis(across, width, axis=2)[0]
    return smooth.clamp_(0, 255)


def adjust_sharpness(images: Tensor, factor: Tensor) -> Tensor:
    """Images (n, C, H, W) mixed with a smoothed version: 0 is smooth, 1 the image, 2 sharp.

    As in Pillow: smoothed by 3 x 3 weights of 1 with 5 in the middle, the border left alone.
    """
    if min(images.shape[2:]) < 3:
        return images.clone()
    columns = images[:, :, :-2] + images[:, :, 1:-1] + images[:, :, 2:]
    smooth = columns[..., :-2] + columns[..., 1:-1] + columns[..., 2:]
    inner = images[:, :, 1:-1, 1:-1]
    smooth = (smooth + inner * 4) / 13
    sharp = images.clone()
    sharp[:, :, 1:-1, 1:-1] = smooth + (inner - smooth) * _each(factor, images)
    return sharp.clamp_(0, 255)


def posterize(images: Tensor, bits: Tensor) -> Tensor:
    """Images (n, C, H, W) whose values lose the lowest `bits` (n,) of their 8."""
    step = _each(torch.bitwise_left_shift(1, bits.int()).float(), images)
    return (images / step).floor_().mul_(step)


def solarize(images: Tensor, threshold: Tensor) -> Tensor:
    """Images (n, C, H, W) whose values from `threshold` (n,) on are inverted."""
    is_inverted = _at_least(images, _each(threshold, images))
    return is_inverted.mul_(255 - 2 * images).add_(images)


def autocontrast(images: Tensor) -> Tensor:
    """Images (n, C, H, W) each channel of which is stretched to reach from 0 to 255."""
    least = images.amin((2, 3), keepdim=True)
    spread = images.amax((2, 3), keepdim=True) - least
    is_flat = spread == 0
    least, spread = least.masked_fill(is_flat, 0), spread.masked_fill(is_flat, 255)
    return ((images - least) * (255 / spread)).clamp_(0, 255)


def equalize(images: Tensor) -> Tensor:
    """Images (n, C, H, W) each channel of which has all values about equally often.

    Source: the histogram equalisation of Pillow's `ImageOps.equalize`, on rounded values.
    """
    count, channels, height, width = images.shape
    values = (images + 0.5).to(torch.int64).view(count * channels, height * width)
    offsets = torch.arange(count * channels, device=images.device)[:, None] * 256
    values += offsets
    histogram = torch.bincount(values.flatten(), minlength=count * channels * 256).view(-1, 256)
    last = (histogram > 0) * torch.arange(256, device=images.device)
    of_last = histogram.gather(1, last.amax(1, keepdim=True))
    step = (histogram.sum(1, keepdim=True) - of_last) // 255
    below = histogram.cumsum(1) - histogram
    table = ((below + step // 2) // step.clamp(min=1)).clamp_(max=255)
    table = torch.where(step > 0, table, torch.arange(256, device=images.device))
    equal = table.flatten().float().index_select(0, values.flatten())
    return equal.view_as(images)


COLOUR_OPERATIONS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "brightness": lambda images, by: adjust_colours(images, brightness=1 + by),
    "saturation": lambda images, by: adjust_colours(images, saturation=1 + by),
    "contrast": lambda images, by: adjust_colours(images, contrast=1 + by),
    "sharpness": lambda images, by: adjust_sharpness(images, 1 + by),
    "posterize": lambda images, by: posterize(images, by.round()),
    "solarize": lambda images, by: solarize(images, 255 - by),
    "autocontrast": lambda images, _: autocontrast(images),
    "equalize": lambda images, _: equalize(images),
}


def _mean(grey: Tensor) -> Tensor:
    """(n,) means of (n, H, W), rounded values first: sums of whole numbers have no order."""
    total = (grey + 0.5).to(torch.int32).sum((1, 2))
    return total.float() / (grey.shape[1] * grey.shape[2])


def _blur_axis(image: Tensor, sigma: float, *, axis: int) -> Tensor:
    size = image.shape[axis]
    reach = min(size - 1, max(1, round(BLUR_REACH_IN_SIGMAS * sigma)))
    bell = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    weights = (bell / bell.sum()).tolist()
    border = (reach, reach, 0, 0) if axis == 3 else (0, 0, reach, reach)
    wider = F.pad(image, border, mode="reflect")
    smooth: Tensor = wider.narrow(axis, 0, size) * weights[0]
    for tap, weight in enumerate(weights[1:], start=1):
        # `alpha` is right here: one image's shape does not depend on the batch.
        smooth.add_(wider.narrow(axis, tap, size), alpha=weight)
    return smooth


def _at_least(values: Tensor, bounds: Tensor) -> Tensor:
    """1.0 where a value reaches its bound, else 0.0: much faster than `where` on the CPU."""
    return torch.ge(values, bounds, out=torch.empty_like(values))


def _each(factors: Tensor, images: Tensor) -> Tensor:
    """Factors (n,) in a shape that multiplies images of any number of axes."""
    return factors.view(-1, *[1] * (images.ndim - 1))


def _on(planes: Tensor, values: Floats) -> Tensor:
    return torch.from_numpy(values.astype(np.float32)).to(planes.device)
