"""Context managers that run a module and leave it, and the random numbers, as they were.

A forward may leave things in its module (a grid that it made for this size, a weight that a hook
computed), and so may a change of mode (weights that are merged for evaluation). None of it may stay
when the pass was ours: it holds shapes without values, or what belongs to the other mode.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import torch
from torch import nn

from convscope.errors import NetworkError

# Restored entry by entry: caches by size, and torch's own tables of parameters and buffers.
CONTAINERS = (dict, OrderedDict, list, set)
COMPILED = "_compiled_call_impl"  # torch's attribute of a module that was compiled in place


@contextmanager
def attributes_restored(module: nn.Module) -> Iterator[None]:
    """Context manager that restores the attributes of a module and of those inside it.

    The entries of dictionaries, lists and sets among them are restored too. What a tensor holds
    isn't, nor what lies deeper in other objects.
    """
    layers = [(vars(layer), dict(vars(layer))) for layer in module.modules()]
    containers = [
        (value, value.copy())
        for _, attributes in layers
        for value in attributes.values()
        if type(value) in CONTAINERS
    ]
    try:
        yield
    finally:
        for now, before in [*layers, *containers]:
            _restore(now, before)


def _restore(now: Any, before: Any) -> None:
    now.clear()
    if isinstance(now, list):
        now.extend(before)
    else:
        now.update(before)


@contextmanager
def in_mode(module: nn.Module, *, training: bool, method: str = "forward") -> Iterator[None]:
    """Context manager that sets the mode of a module, and the method that calling it runs.

    Layers that were compiled in place (`module.compile()`) run as they are written. Afterwards each
    layer is back in the mode it was in, and calls run `forward` again. Layers whose `train` does
    more than that, such as merging weights, are asked to undo it, and their tensors then hold what
    they held to the last bit.

    Raises:
        NetworkError: The module has no such method, or no modes.
    """
    if not callable(getattr(module, method, None)):
        raise NetworkError(f"`{type(module).__name__}` has no method `{method}`")
    modes = [(layer, layer.training) for layer in module.modules()]
    own_forward = vars(module).get("forward")
    compiled = [(layer, vars(layer).pop(COMPILED, None)) for layer in module.modules()]
    with _tensors_of_changing_layers_restored(module):
        try:
            _set_mode(module, training=training)
            if method != "forward":
                # An attribute of the instance comes before its class's, also where torch calls it.
                module.forward = getattr(module, method)
            yield
        finally:
            if own_forward is not None:
                module.forward = own_forward
            else:
                vars(module).pop("forward", None)
            for layer, call in compiled:
                if call is not None:
                    setattr(layer, COMPILED, call)
            for layer, was_training in modes:
                if layer.training != was_training:
                    layer.train(was_training)
            for layer, was_training in modes:
                layer.training = was_training  # whatever its `train`, and those around it, made


def _set_mode(module: nn.Module, *, training: bool) -> None:
    try:
        module.train(training)
    except NotImplementedError as error:  # what `torch.export` gives
        raise NetworkError(
            f"`{type(module).__name__}` has no training and evaluation mode: {error}",
            hint="give the network as it was before it was exported",
        ) from error


@contextmanager
def _tensors_of_changing_layers_restored(module: nn.Module) -> Iterator[None]:
    """Context manager that restores the tensors of layers with a `train` of their own.

    What `w + a - a` gives is only nearly `w`. The tensors of other layers aren't copied.
    """
    changing = [layer for layer in module.modules() if type(layer).train is not nn.Module.train]
    before = {
        tensor: tensor.detach().clone()
        for layer in changing
        for tensor in (*layer.parameters(), *layer.buffers())
        if not tensor.is_meta
    }
    try:
        yield
    finally:
        for tensor, values in before.items():
            if not torch.equal(tensor, values):
                tensor.data.copy_(values)  # past autograd, as such layers do it themselves


def random_state_restored(device: torch.device) -> AbstractContextManager[None]:
    """Context manager that restores the random generators of the processor and of this device."""
    if device.type in ("cpu", "meta"):
        return torch.random.fork_rng(devices=[])
    return torch.random.fork_rng(devices=[device], device_type=device.type)


@contextmanager
def separate_attention() -> Iterator[None]:
    """Context manager that runs attention as single operations.

    Its fused kernel for inference would hide the products.
    """
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(before)
