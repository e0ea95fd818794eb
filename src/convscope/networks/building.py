"""A network by name, with its options checked before anything is built."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping

import torch
from torch import nn

from convscope.errors import NetworkError, did_you_mean, either_of
from convscope.networks.entry import NetworkEntry
from convscope.networks.googlenet import GoogLeNet
from convscope.networks.initialization import SCHEMES, initialize
from convscope.networks.options import ImageTooSmallError, count, one_of
from convscope.networks.table import entry

Size = int | tuple[int, int]


def build(
    name: str,
    *,
    num_classes: int | None = None,
    in_channels: int | None = None,
    input_size: Size | None = None,
    initialization: str | None = None,
    **options: object,
) -> nn.Module:
    """A new network in training mode that maps images (N, C, H, W) to logits (N, K).

    It is made on torch's default device, and its weights are drawn by torch's default generator.

    Args:
        name: A name of the table.
        num_classes: K; by default 1000 for ImageNet's networks and 10 for those for small images.
        in_channels: C; by default that of the images the network was designed for.
        input_size: H and W, or one number for both; by default that of those images. Some networks
            have layers that depend on it, the others take any size that is not too small.
        initialization: A scheme of `initialize`; by default the entry's, `kaiming`.
        **options: Options of this network, see its entry.

    Raises:
        NetworkError: Unknown name or option, a value that can't be, an image that is too small.
    """
    row = entry(name)
    height, width = _size(input_size, row)
    given = _given(row, num_classes, in_channels, options)
    scheme = row.initialization if initialization is None else initialization
    one_of("initialization", scheme, SCHEMES)
    if input_size is not None and (height < row.input[1] or width < row.input[2]):
        _refuse_too_small(row, given, (height, width))
    network = _made(row, given, (height, width))
    initialize(network, scheme)
    return network


def smallest_input(name: str, *, in_channels: int | None = None, **options: object) -> int:
    """The side of the smallest square image that a network takes.

    Found by trying: networks are built on the meta device, where nothing is computed.

    Args:
        name: A name of the table.
        in_channels: C; by default that of the images the network was designed for.
        **options: Options of this network.

    Raises:
        NetworkError: As `build` raises.
    """
    row = entry(name)
    return _smallest(row, _given(row, None, in_channels, options))


def _smallest(row: NetworkEntry, given: Mapping[str, object]) -> int:
    """Doubles the side until it is enough, then halves the interval in which it became so."""
    works = _trial(row, given)
    too_small, enough = 0, 1
    while enough < max(row.input[1:]) and not works((enough, enough)):
        too_small, enough = enough, 2 * enough
    while enough - too_small > 1:
        middle = (too_small + enough) // 2
        if works((middle, middle)):
            enough = middle
        else:
            too_small = middle
    return enough


def _refuse_too_small(
    row: NetworkEntry, given: Mapping[str, object], size: tuple[int, int]
) -> None:
    if _trial(row, given)(size):
        return
    smallest = _smallest(row, given)
    hint = f"the smallest is {smallest}x{smallest}"
    if given.get("stem", row.options.get("stem")) == "imagenet":
        hint += "; the option `stem=small` is made for small images"
    raise NetworkError(
        f"an image of {size[0]}x{size[1]} is too small for the network `{row.name}`", hint=hint
    )


def _trial(row: NetworkEntry, given: Mapping[str, object]) -> Callable[[tuple[int, int]], bool]:
    """A function that says whether the network takes an image of a height and width."""

    @functools.cache
    def made(size: tuple[int, int] | None) -> nn.Module:
        return _made(row, given, size or row.input[1:]).eval()

    def works(size: tuple[int, int]) -> bool:
        with torch.device("meta"):
            try:
                # A network that takes any size is made once for all trials.
                network = made(size if row.needs_input_size else None)
                image = torch.empty(1, int(str(given["in_channels"])), *size)
                if isinstance(network, GoogLeNet) and network.aux1 is not None:
                    network.forward_with_auxiliaries(image)
                else:
                    network(image)
            except (ImageTooSmallError, RuntimeError):
                return False
        return True

    return works


def _made(row: NetworkEntry, given: Mapping[str, object], size: tuple[int, int]) -> nn.Module:
    if row.needs_input_size:
        return row.builder(**given, input_size=size)
    return row.builder(**given)


def _given(
    row: NetworkEntry,
    num_classes: int | None,
    in_channels: int | None,
    options: Mapping[str, object],
) -> dict[str, object]:
    """What the builder is called with, apart from the size; all of it checked or left to it."""
    classes = row.num_classes if num_classes is None else num_classes
    channels = row.input[0] if in_channels is None else in_channels
    count("num_classes", classes)
    count("in_channels", channels)
    known = row.options
    unknown = [option for option in options if option not in known]
    if unknown:
        near = [hint for option in unknown if (hint := did_you_mean(option, known))]
        listing = (
            f"it has {', '.join(f'`{option}`' for option in known)}" if known else "it has none"
        )
        raise NetworkError(
            f"the network `{row.name}` has no option {either_of(unknown)}",
            hint=" ".join([*near, listing]),
        )
    return {"num_classes": classes, "in_channels": channels, **options}


def _size(size: Size | None, row: NetworkEntry) -> tuple[int, int]:
    """Height and width, from one number, two, or the entry.

    Raises:
        NetworkError: Not one or two whole numbers of at least 1.
    """
    if size is None:
        return row.input[1:]
    sides = tuple(size) if isinstance(size, (tuple, list)) else (size, size)
    if len(sides) != 2:
        raise NetworkError(
            f"`input_size` can't be `{size}`", hint="it is one number, or height and width"
        )
    for side in sides:
        count("input_size", side)
    return sides[0], sides[1]
