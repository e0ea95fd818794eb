"""Why a network can't take an input: the layer that failed, and a hint where the cause is known."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.conv import _ConvNd
from torch.nn.modules.pooling import _AvgPoolNd, _MaxPoolNd

from convscope.arithmetic.formulas import Window
from convscope.errors import NetworkError, UsageError
from convscope.text import counted

CHANNELS = (1, 3, 4)  # of images
COLOURS = (3, 4)  # of images that aren't grey
SMALLEST_PX = 8
LONGEST = 3.0  # times the shorter side

Shape = tuple[int, ...]


def refuse_channels_last(shape: Shape) -> None:
    """Refuse a shape (C, H, W) that is plainly one of (H, W, C), for what takes any channels.

    Raises:
        UsageError: It is, such as (224, 224, 3).
    """
    shorter, longer = sorted(shape[:2])
    if shape[2] in CHANNELS and shorter >= SMALLEST_PX and longer <= LONGEST * shorter:
        raise UsageError(_instead(shape), hint=f"is this {_order(shape, 2)}")


def refuse_misplaced_channels(shape: Shape) -> None:
    """Refuse a shape (C, H, W) of images whose channels plainly stand elsewhere.

    No photo is 3 or 4 pixels wide or high; a map may be, and signals of 1 pixel are known.

    Raises:
        UsageError: They do, as in (1024, 100, 3) and (224, 3, 224).
    """
    refuse_channels_last(shape)
    for place in (2, 1):
        sides = [side for index, side in enumerate(shape) if index != place]
        if shape[place] in COLOURS and min(sides) >= SMALLEST_PX:
            raise UsageError(_instead(shape), hint=f"is this {_order(shape, place)}")


def failure(
    module: nn.Module, image: Shape, *, layer: str, given: Sequence[Shape], error: Exception
) -> NetworkError:
    """The error that says which layer could not take its input, with torch's message.

    Args:
        module: The network.
        image: (N, C, H, W) of its input.
        layer: Name of the layer that failed; empty for the network's own forward.
        given: Shapes of the tensors that the layer got.
        error: What it raised.
    """
    shapes = ", ".join(f"`{shape}`" for shape in given) or "no tensor"
    place = f"layer `{layer}` failed on {shapes}" if layer else "its own forward failed"
    lines = str(error).strip().splitlines() or [type(error).__name__]
    failed = module.get_submodule(layer)
    return NetworkError(
        f"`{type(module).__name__}` can't take an input of shape `{image}`: {place}: {lines[0]}",
        hint=_hint(failed, given[0], image) if given else None,
    )


def _hint(layer: nn.Module, given: Shape, image: Shape) -> str | None:
    """The way out, where the layer's own numbers say what is wrong."""
    if isinstance(layer, _ConvNd) and len(given) == len(layer.kernel_size) + 2:
        if given[1] != layer.in_channels:
            return _hint_about_channels(layer.in_channels, given, image)
        return None if layer.transposed else _hint_about_size(layer, given)
    if isinstance(layer, _MaxPoolNd | _AvgPoolNd):
        return _hint_about_size(layer, given)
    if isinstance(layer, nn.Linear) and given[-1] != layer.in_features:
        if len(given) > 2 and prod(given[1:]) == layer.in_features:
            return "put `nn.Flatten()` before this layer: it gets maps and takes vectors"
        return (
            f"this layer takes {counted(layer.in_features, 'value')} and gets {given[-1]:,}: give "
            "images of the size that the network was made for"
        )
    if isinstance(layer, _BatchNorm) and layer.training and prod(given) == given[1]:
        return "give a batch of 2 or more: a single value has no statistics to train with"
    return None


def _hint_about_channels(channels: int, given: Shape, image: Shape) -> str:
    if given != image:
        return f"this layer takes {counted(channels, 'channel')} and gets {given[1]:,}"
    if image[-1] == channels:
        return f"is this {_order(image[1:], 2)}"
    return f"the network takes images of {counted(channels, 'channel')}"


def _hint_about_size(layer: nn.Module, given: Shape) -> str | None:
    """A hint if a window is larger than the padded maps that it gets."""
    numbers = (getattr(layer, name, 1) for name in ("kernel_size", "padding", "dilation"))
    axes = len(given) - 2
    kernel, padding, dilation = (
        (each,) * axes if isinstance(each, int) else each for each in numbers
    )
    if isinstance(padding, str):
        return None
    sides = zip(given[-axes:], kernel, padding, dilation, strict=False)
    if all(Window(k, dilation=d).extent <= side + 2 * pad for side, k, pad, d in sides):
        return None
    maps = _text(given[-axes:])
    return f"give a larger image: the maps are {maps} here, smaller than the layer's window"


def _instead(shape: Shape) -> str:
    channels, height, width = shape
    return f"`{_text(shape)}` would be {channels} channels of {height}x{width} pixels"


def _order(shape: Shape, place: int) -> str:
    """The order of a shape whose channels stand at a place, and how it is written here."""
    names = "height x width x channels" if place == 2 else "height x channels x width"
    sides = [side for index, side in enumerate(shape) if index != place]
    return f"{names}? write `{_text((shape[place], *sides))}`, channels first"


def _text(sides: Sequence[int]) -> str:
    return "x".join(str(side) for side in sides)
