"""Layers by name, as a user types them."""

from __future__ import annotations

from torch import nn

from convscope.arithmetic import LayerRow
from convscope.errors import LISTED_AT_MOST, UsageError, did_you_mean

USUAL_AXES = (2, 3)  # rows and columns of (N, C, H, W)


def find_layer(network: nn.Module, name: str) -> nn.Module:
    """The layer with this path, as in `named_modules`; the network itself for an empty one.

    Raises:
        UsageError: There is none.
    """
    layers: dict[str, nn.Module] = dict(network.named_modules(remove_duplicate=False))
    if name in layers:
        return layers[name]
    known = [known for known in layers if known]
    hint = did_you_mean(name, known)
    if hint is None:
        shown = ", ".join(f"`{known}`" for known in known[:LISTED_AT_MOST])
        rest = len(known) - LISTED_AT_MOST
        hint = f"its layers: {shown}" + (f" and {rest} more" if rest > 0 else "")
    raise UsageError(f"`{type(network).__name__}` has no layer `{name}`", hint=hint)


def first_path(network: nn.Module, name: str) -> str:
    """The path under which a layer is known that has several: the one registered first.

    Raises:
        UsageError: There is no such layer.
    """
    layer = find_layer(network, name)
    paths: dict[nn.Module, str] = {found: path for path, found in network.named_modules()}
    return paths[layer]


def check_several(name: str, values: object) -> None:
    """Refuses a single thing where a list is wanted: a text would be taken for its letters.

    Raises:
        UsageError: It is one.
    """
    if isinstance(values, str | bytes | int):
        raise UsageError(
            f"`{name}` can't be `{values!r}`: it is a list", hint=f"write `[{values!r}]`"
        )


def map_axes_of(row: LayerRow) -> tuple[int, int] | None:
    """Which dimensions of a layer's output are rows and columns; None if it's no batch of maps.

    Usually these are 2 and 3; what works on (N, H, W, C) has 1 and 2.
    """
    axes = row.map_axes
    if axes is None or len(row.output_shape or ()) != 4:
        return None
    return axes if 0 not in axes and axes[0] != axes[1] else None


def quoted(name: str) -> str:
    """The path of a layer in backticks, for text; the network itself has none."""
    return f"`{name}`" if name else "the network"
