"""Changes of colour and sharpness on planes (n, C, H, W) of floats from 0 to 255.

Each is elementwise or sums whole numbers, so that an image's result does not depend on its batch;
for the same reason nothing on several images uses `add(alpha=)` or `exp` of torch: their vectorised
form rounds in another way than the one for the last few values of a tensor.
Factors are (n,) tensors, one an image. Every function returns new values within 0 to 255.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

LUMA = (0.299, 0.587, 0.114)  # of red, green, blue: ITU-R BT.601, as in Pillow's mode L
BLUR_REACH_IN_SIGMAS = 4.0


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
    # Sixths of the circle away from red, on either side. With channels scaled to reach from 0 to 1
    # that is 1 - red + green + blue: no case distinction, which would take most of the time.
    hue = (green + blue - red - least) / spread.clamp(min=1e-6) + 1
    hue *= _at_least(green, blue) * 2 - 1
    hue += _each(turn * 6, hue)
    turned = torch.empty_like(images)
    for channel, place in enumerate((3.0, 1.0, -1.0)):
        away = hue + place
        away -= (away / 6).round_() * 6
        share = (2 - away.abs_()).clamp_(0, 1)
        torch.sub(value, share.mul_(spread), out=turned[:, channel])
    return turned


def greyed(images: Tensor) -> Tensor:
    """Images (n, 3, H, W) whose channels all are their lightness."""
    return luma(images)[:, None].expand_as(images).contiguous()


def blurred(images: Tensor, sigma: NDArray[np.float64]) -> Tensor:
    """Images (n, C, H, W) smoothed by Gaussians; mirrored at the border, itself not repeated.

    One by one, as a sum of shifted images that reaches as far as the image's own Gaussian needs,
    but not beyond the mirrored image. (Torch's grouped convolutions take longer on the CPU.)

    Args:
        images: (n, C, H, W).
        sigma: (n,) standard deviations in pixels.
    """
    smooth = torch.empty_like(images)
    for image, width in enumerate(sigma.tolist()):
        across = _smoothed_along(images[image : image + 1], width, axis=3)
        smooth[image] = _smoothed_along(across, width, axis=2)[0]
    return smooth.clamp_(0, 255)


def sharpened(images: Tensor, factor: Tensor) -> Tensor:
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


def posterized(images: Tensor, bits: Tensor) -> Tensor:
    """Images (n, C, H, W) whose values lose the lowest `bits` (n,) of their 8."""
    step = _each(torch.bitwise_left_shift(1, bits.int()).float(), images)
    return (images / step).floor_().mul_(step)


def solarized(images: Tensor, threshold: Tensor) -> Tensor:
    """Images (n, C, H, W) whose values from `threshold` (n,) on are inverted."""
    is_inverted = _at_least(images, _each(threshold, images))
    return is_inverted.mul_(255 - 2 * images).add_(images)


def stretched(images: Tensor) -> Tensor:
    """Images (n, C, H, W) each channel of which is stretched to reach from 0 to 255."""
    least = images.amin((2, 3), keepdim=True)
    spread = images.amax((2, 3), keepdim=True) - least
    is_flat = spread == 0
    least, spread = least.masked_fill(is_flat, 0), spread.masked_fill(is_flat, 255)
    return ((images - least) * (255 / spread)).clamp_(0, 255)


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


def _smoothed_along(image: Tensor, sigma: float, *, axis: int) -> Tensor:
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
    """One number an image, in a shape that multiplies images of any number of axes."""
    return factors.view(-1, *[1] * (images.ndim - 1))
