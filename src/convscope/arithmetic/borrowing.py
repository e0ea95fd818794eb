"""A module is borrowed for some passes, and given back as it was.

A forward may leave things in its module (a grid that it made for this size, a weight that a hook
computed), and so may a change of mode (weights that are merged for evaluation). None of it may stay
when the pass was ours: it holds shapes without values, or what belongs to the other mode.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from convscope.errors import NetworkError

# What is kept entry by entry; caches by size, and torch's own tables of parameters and buffers.
CONTAINERS = (dict, OrderedDict, list, set)


@contextmanager
def attributes_kept(module: nn.Module) -> Iterator[None]:
    """Within it forwards may leave what they like in the module and in those inside it.

    Afterwards all attributes are what they were, also the entries of dictionaries, lists and sets
    among them. What a tensor holds is not looked after, nor what lies deeper in other objects.
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
            _give_back(now, before)


def _give_back(now: Any, before: Any) -> None:
    now.clear()
    if isinstance(now, list):
        now.extend(before)
    else:
        now.update(before)


@contextmanager
def in_mode(module: nn.Module, *, training: bool, method: str = "forward") -> Iterator[None]:
    """Training or evaluation mode, and the method that calling the module runs.

    Afterwards each layer is back in the mode it was in, and calls run `forward` again. Layers whose
    `train` does more than that, such as merging weights, are asked to undo it, and their tensors
    then hold what they held to the last bit.

    Raises:
        NetworkError: The module has no such method.
    """
    if not callable(getattr(module, method, None)):
        raise NetworkError(f"`{type(module).__name__}` has no method `{method}`")
    modes = [(layer, layer.training) for layer in module.modules()]
    own_forward = vars(module).get("forward")
    with _tensors_of_changing_layers_kept(module):
        try:
            module.train(training)
            if method != "forward":
                # An attribute of the instance comes before its class's, also where torch calls it.
                module.forward = getattr(module, method)
            yield
        finally:
            if own_forward is not None:
                module.forward = own_forward
            else:
                vars(module).pop("forward", None)
            for layer, was_training in modes:
                if layer.training != was_training:
                    layer.train(was_training)
            for layer, was_training in modes:
                layer.training = was_training  # whatever its `train`, and those around it, made


@contextmanager
def _tensors_of_changing_layers_kept(module: nn.Module) -> Iterator[None]:
    """What `w + a - a` gives is only nearly `w`, so layers with a `train` of their own get it back.

    Nobody else's tensors are copied.
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
                _write(tensor, values)


def _write(tensor: Tensor, values: Tensor) -> None:
    """Past autograd, as such layers do it themselves."""
    tensor.data.copy_(values)
