"""Changes of colour and sharpness on planes (n, C, H, W) of floats from 0 to 255.

Each is elementwise or sums whole numbers, so that an image's result does not depend on its batch;
for the same reason nothing here uses `add(alpha=)` or `exp` of torch: their vectorised form rounds
in another way than the one for the last few values of a tensor.
Factors are (n,) tensors, one an image. Every function returns new values within 0 to 255.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

LUMA = (0.299, 0.587, 0.114)  # of red, green, blue: ITU-R BT.601, as in Pillow's mode L
BLUR_RADIUS_IN_SIGMAS = 4.0


def luma(images: Tensor) -> Tensor:
    """(n, H, W) the lightness of images (n, C, H, W); of grey ones, the images themselves."""
    if images.shape[1] == 1:
        return images[:, 0]
    red, green, blue = images.unbind(1)
    return (red * LUMA[0]).add_(green * LUMA[1]).add_(blue * LUMA[2])


def recoloured(
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
        contrast: (n,) likewise.
        saturation: (n,) likewise.
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


def with_hue(images: Tensor, turn: Tensor) -> Tensor:
    """Colours (n, 3, H, W) turned around the circle of hues by `turn` (n,), 1 being all around.

    Source: Smith 1978, "Color gamut transform pairs", the hexcone model (HSV).
    """
    red, green, blue = images.unbind(1)
    value, least = images.amax(1), images.amin(1)
    spread = value - least
    divisor = spread.clamp(min=1e-6)
    hue = torch.where(
        value == red,
        (green - blue) / divisor,
        torch.where(value == green, (blue - red) / divisor + 2, (red - green) / divisor + 4),
    )
    hue.add_(_each(turn * 6, hue))
    turned = torch.empty_like(images)
    for channel, place in enumerate((5.0, 3.0, 1.0)):
        k = hue + place
        k -= (k / 6).floor_() * 6
        share = torch.minimum(k, 4 - k).clamp_(0, 1)
        torch.sub(value, share.mul_(spread), out=turned[:, channel])
    return turned


def greyed(images: Tensor) -> Tensor:
    """Images (n, 3, H, W) whose channels all are their lightness."""
    return luma(images)[:, None].expand_as(images).contiguous()


def blurred(images: Tensor, sigma: NDArray[np.float64], *, largest_sigma: float) -> Tensor:
    """Images (n, C, H, W) smoothed by Gaussians; mirrored at the border, itself not repeated.

    Args:
        images: (n, C, H, W).
        sigma: (n,) standard deviations in pixels.
        largest_sigma: Decides how far the sums reach, the same for every image.
    """
    reach = max(1, round(BLUR_RADIUS_IN_SIGMAS * largest_sigma))
    places = np.arange(-reach, reach + 1)
    bells = np.exp(-0.5 * (places / sigma[:, np.newaxis]) ** 2)
    bells /= bells.sum(axis=1, keepdims=True)
    weights = torch.from_numpy(bells.astype(np.float32)).to(images.device)
    for axis in (2, 3):
        images = _smoothed_along(images, weights, axis)
    return images.clamp_(0, 255)


def sharpened(images: Tensor, factor: Tensor) -> Tensor:
    """Images (n, C, H, W) mixed with a smoothed version: 0 is smooth, 1 the image, 2 sharp.

    As in Pillow: smoothed by 3 x 3 weights of 1 with 5 in the middle, the border left alone.
    """
    if min(images.shape[2:]) < 3:
        return images.clone()
    height, width = images.shape[2:]
    inner = images[:, :, 1:-1, 1:-1]
    smooth = inner * 4
    for row in range(3):
        for column in range(3):
            smooth += images[:, :, row : row + height - 2, column : column + width - 2]
    smooth /= 13
    sharp = images.clone()
    sharp[:, :, 1:-1, 1:-1] = smooth + (inner - smooth) * _each(factor, images)
    return sharp.clamp_(0, 255)


def posterized(images: Tensor, bits: Tensor) -> Tensor:
    """Images (n, C, H, W) whose values lose the lowest `bits` (n,) of their 8."""
    step = _each(torch.bitwise_left_shift(1, bits.int()).float(), images)
    return (images / step).floor_().mul_(step)


def solarized(images: Tensor, threshold: Tensor) -> Tensor:
    """Images (n, C, H, W) whose values from `threshold` (n,) on are inverted."""
    return torch.where(images >= _each(threshold, images), 255 - images, images)


def stretched(images: Tensor) -> Tensor:
    """Images (n, C, H, W) each channel of which is stretched to reach from 0 to 255."""
    least = images.amin((2, 3), keepdim=True)
    spread = images.amax((2, 3), keepdim=True) - least
    scaled = ((images - least) * (255 / spread.clamp(min=1e-6))).clamp_(0, 255)
    return torch.where(spread > 0, scaled, images)


def equalized(images: Tensor) -> Tensor:
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


def _mean(grey: Tensor) -> Tensor:
    """(n,) means of (n, H, W), rounded values first: sums of whole numbers have no order."""
    total = (grey + 0.5).to(torch.int32).sum((1, 2))
    return total.float() / (grey.shape[1] * grey.shape[2])


def _smoothed_along(images: Tensor, weights: Tensor, axis: int) -> Tensor:
    reach = weights.shape[1] // 2
    size = images.shape[axis]
    # Mirrored by an index: a border wider than the image is no special case.
    places = torch.arange(-reach, size + reach, device=images.device)
    period = max(1, 2 * (size - 1))
    places = torch.remainder(places, period)
    places = torch.minimum(places, (period - places).abs_()) if size > 1 else places * 0
    wider = images.index_select(axis, places)
    smooth = torch.zeros_like(images)
    for tap in range(weights.shape[1]):
        part = wider.narrow(axis, tap, size)
        smooth.addcmul_(part, _each(weights[:, tap], images))
    return smooth


def _each(factors: Tensor, images: Tensor) -> Tensor:
    """One number an image, in a shape that multiplies images of any number of axes."""
    return factors.view(-1, *[1] * (images.ndim - 1))
