"""Modules that only wrap another one: taken off, or refused by name where that can't be."""

from __future__ import annotations

from torch import nn
from torch.jit import ScriptModule
from torch.nn.parallel import DataParallel, DistributedDataParallel

from convscope.errors import NetworkError

# Class -> attribute that holds the module inside. A compiled module is known by its name, as its
# class is in torch's compiler, which takes two seconds to import.
WRAPPERS = {
    DataParallel: "module",
    DistributedDataParallel: "module",
}
COMPILED = "OptimizedModule"
SHARDED = "FullyShardedDataParallel"


def unwrapped(module: nn.Module) -> nn.Module:
    """The module inside of `DataParallel`, `DistributedDataParallel` and `torch.compile`.

    Raises:
        NetworkError: It, or a module inside it, is a wrapper that can't be taken off, or is inside.
    """
    while (inner := _inside(module)) is not None:
        module = inner
    for name, layer in module.named_modules():
        place = f"layer `{name}`" if name else "the module"
        kind = type(layer).__name__
        if isinstance(layer, ScriptModule):
            raise NetworkError(
                f"{place} is a `{kind}`, compiled by `torch.jit`: what it runs can't be watched",
                hint="give the module that was scripted or traced",
            )
        if kind == SHARDED or _inside(layer) is not None:
            raise NetworkError(
                f"{place} is a `{kind}` around another module: what it runs can't be watched",
                hint="give the network as it was before it was wrapped",
            )
    return module


def _inside(module: nn.Module) -> nn.Module | None:
    """The module that a wrapper holds; None if it is no wrapper."""
    attribute = next((held for kind, held in WRAPPERS.items() if isinstance(module, kind)), None)
    if type(module).__name__ == COMPILED:
        attribute = "_orig_mod"
    return None if attribute is None else getattr(module, attribute)
