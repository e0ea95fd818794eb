"""Networks built by name, with their options checked first."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from functools import partial

import torch
from torch import nn

from convscope.arithmetic.ops.table import KnownShapes
from convscope.errors import NetworkError
from convscope.networks.googlenet import GoogLeNet
from convscope.networks.initialization import SCHEMES, initialize
from convscope.networks.options import ImageTooSmallError, count, one_of
from convscope.networks.registry import NetworkEntry
from convscope.networks.table import network_entry
from convscope.text import did_you_mean, either_of

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
        initialization: Scheme of `initialize`; by default that of the network's entry, `kaiming`.
        **options: Options of this network, as listed in its entry.

    Raises:
        NetworkError: The name or an option is unknown, a value is not valid, or the image is too
            small.
    """
    row = network_entry(name)
    height, width = _sides(input_size, row)
    given = _builder_arguments(row, num_classes, in_channels, options)
    scheme = row.initialization if initialization is None else initialization
    one_of("initialization", scheme, SCHEMES)
    if input_size is not None and (height < row.input[1] or width < row.input[2]):
        _refuse_too_small(row, given, (height, width))
    network = _construct(row, given, (height, width))
    initialize(network, scheme)
    return network


def smallest_input(name: str, *, in_channels: int | None = None, **options: object) -> int:
    """The side of the smallest square image that a network takes.

    It is found by trial on the meta device, where nothing is computed.

    Args:
        name: A name of the table.
        in_channels: C; by default that of the images the network was designed for.
        **options: Options of this network.

    Raises:
        NetworkError: The name, an option or `in_channels` is not valid.
    """
    row = network_entry(name)
    return _smallest_side(row, _builder_arguments(row, None, in_channels, options))


def collapsed_layers(
    name: str, *, input_size: Size, in_channels: int | None = None, **options: object
) -> tuple[str, ...]:
    """The names of the convolutions to which a single position of the feature map is left.

    At all places of such a kernel but one there is padding alone. It is found on the meta device,
    where nothing is computed.

    Args:
        name: A name of the table.
        input_size: H and W, or one number for both.
        in_channels: C; by default that of the images the network was designed for.
        **options: Options of this network.
    """
    row, found = network_entry(name), list[str]()
    size, given = _sides(input_size, row), _builder_arguments(row, None, in_channels, options)
    with torch.device("meta"), KnownShapes():
        network = _construct(row, given, size).eval()
        for layer_name, layer in network.named_modules():
            if isinstance(layer, nn.Conv2d) and max(layer.kernel_size) > 1:
                layer.register_forward_pre_hook(partial(_note_collapsed, found, layer_name))
        network(torch.empty(1, int(str(given["in_channels"])), *size))
    return tuple(found)


def _note_collapsed(
    found: list[str], name: str, layer: nn.Module, inputs: tuple[torch.Tensor, ...]
) -> None:
    if max(inputs[0].shape[-2:]) == 1:
        found.append(name)


def _smallest_side(row: NetworkEntry, given: Mapping[str, object]) -> int:
    """The smallest side that works, by doubling and then by bisection."""
    works = _size_check(row, given)
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
    if _size_check(row, given)(size):
        return
    smallest = _smallest_side(row, given)
    hint = f"the smallest is {smallest}x{smallest}"
    if given.get("stem", row.options.get("stem")) == "imagenet":
        hint += "; the option `stem=small` is made for small images"
    raise NetworkError(
        f"an image of {size[0]}x{size[1]} is too small for the network `{row.name}`", hint=hint
    )


def _size_check(
    row: NetworkEntry, given: Mapping[str, object]
) -> Callable[[tuple[int, int]], bool]:
    """A function that tells whether the network takes an image of a height and width."""

    @functools.cache
    def built(size: tuple[int, int] | None) -> nn.Module:
        return _construct(row, given, size or row.input[1:]).eval()

    def works(size: tuple[int, int]) -> bool:
        with torch.device("meta"), KnownShapes():
            try:
                # A network that takes any size is built once for all checks.
                network = built(size if row.needs_input_size else None)
                image = torch.empty(1, int(str(given["in_channels"])), *size)
                if isinstance(network, GoogLeNet) and network.aux1 is not None:
                    network.forward_with_auxiliaries(image)
                else:
                    network(image)
            except (ImageTooSmallError, RuntimeError):
                return False
        return True

    return works


def _construct(row: NetworkEntry, given: Mapping[str, object], size: tuple[int, int]) -> nn.Module:
    if row.needs_input_size:
        return row.builder(**given, input_size=size)
    return row.builder(**given)


def _builder_arguments(
    row: NetworkEntry,
    num_classes: int | None,
    in_channels: int | None,
    options: Mapping[str, object],
) -> dict[str, object]:
    """The builder's arguments apart from the size; what is not checked here the builder checks."""
    classes = row.num_classes if num_classes is None else num_classes
    channels = row.input[0] if in_channels is None else in_channels
    count("num_classes", classes)
    count("in_channels", channels)
    known = row.options
    unknown = [option for option in options if option not in known]
    if unknown:
        near = [hint for option in unknown if (hint := did_you_mean(option, known))]
        names = ", ".join(f"`{option}`" for option in known) or "none"
        raise NetworkError(
            f"the network `{row.name}` has no option {either_of(unknown)}",
            hint=" ".join([*near, f"it has {names}"]),
        )
    return {"num_classes": classes, "in_channels": channels, **options}


def _sides(size: Size | None, row: NetworkEntry) -> tuple[int, int]:
    """Height and width, from one number, two, or the entry."""
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
