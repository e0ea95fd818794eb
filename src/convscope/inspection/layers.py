"""Layers by name, as a user types them."""

from __future__ import annotations

from torch import nn

from convscope.errors import LISTED_AT_MOST, UsageError, did_you_mean


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


def quoted(name: str) -> str:
    """The path of a layer in backticks, for text; the network itself has none."""
    return f"`{name}`" if name else "the network"
