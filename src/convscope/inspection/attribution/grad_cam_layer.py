"""The Grad-CAM layer of any network: found by running it, with the reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from math import prod
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from convscope.arithmetic.ops.operation import FunctionHook, tensors_in
from convscope.arithmetic.state_guard import in_mode
from convscope.errors import UsageError
from convscope.inspection.layers import find_layer, run
from convscope.text import counted

CONVOLUTIONS = (F.conv1d, F.conv2d, F.conv3d, F.conv_transpose2d)
DENSE = (F.linear, torch.matmul, Tensor.matmul, Tensor.__matmul__, torch.einsum, torch.bmm)


@dataclass(frozen=True, slots=True)
class GradCamLayer:
    """The layer whose feature maps Grad-CAM weights.

    Attributes:
        layer: Path of the layer.
        shape: (C, H, W) of its output.
        is_chosen: Whether it was found by `find_grad_cam_layer`; else a user named it.
    """

    layer: str
    shape: tuple[int, int, int]
    is_chosen: bool

    @property
    def reason(self) -> str:
        """Why this layer was taken, in one sentence without a full stop."""
        channels, height, width = self.shape
        if self.is_chosen:
            return (
                f"`{self.layer}` gives what the last convolution before the head found, {channels} "
                f"maps of {height}x{width}"
            )
        return f"`{self.layer}` was asked for; it gives {channels} feature maps of {height}x{width}"


@dataclass(frozen=True, slots=True)
class _Event:
    """An event of a forward pass: a convolution, a dense product, or the end of a layer.

    Attributes:
        kind: `convolution`, `dense` or `layer`.
        name: Path of the layer; empty for operations.
        shape: Shape of the output.
        is_same: Whether a layer returned its own input, as dropout does in evaluation mode.
    """

    kind: str
    name: str
    shape: tuple[int, ...]
    is_same: bool = False

    @property
    def sides(self) -> tuple[int, ...]:
        """(H, W) of feature maps; empty for vectors."""
        return self.shape[2:] if len(self.shape) == 4 else ()


def find_grad_cam_layer(network: nn.Module, inputs: Tensor) -> GradCamLayer:
    """The last layer before the head that gives feature maps of more than one position.

    It is the last convolution with all that follows at the same map size: normalisation,
    activation, the sum with a shortcut, the branches of a block side by side. A pooling makes
    coarser maps and comes too late. A convolution that makes one map for each class, as
    SqueezeNet's, is the head itself. Layers that run more than once are skipped.

    Args:
        network: A network that takes one batch of images; it runs once, in evaluation mode.
        inputs: (N, C, H, W), normalised.

    Raises:
        UsageError: No convolution gives maps of more than one position.
        NetworkError: The network can't take these inputs.
    """
    events, num_logits = _events(network, inputs)
    start = _last_convolution(events, num_logits)
    if start is None:
        raise UsageError(
            f"`{type(network).__name__}` has no feature maps for Grad-CAM",
            hint="no convolution before its head gives more than one position; choose another "
            "method, such as `integrated-gradients` or `occlusion`",
        )
    uses = Counter(event.name for event in events if event.kind == "layer")
    sides, found = events[start].sides, None
    for event in events[start + 1 :]:
        if event.kind != "layer" or event.sides != sides:
            break
        if event.name and uses[event.name] == 1 and not event.is_same:
            found = event
    if found is None:
        raise UsageError(
            f"the last convolution of `{type(network).__name__}` is in no layer that runs once",
            hint="name the Grad-CAM layer: its path as in `named_modules`",
        )
    channels, height, width = found.shape[1:]
    return GradCamLayer(found.name, (channels, height, width), is_chosen=True)


def named_grad_cam_layer(network: nn.Module, inputs: Tensor, layer: str) -> GradCamLayer:
    """The Grad-CAM layer that a user names.

    Raises:
        UsageError: There is no such layer, or it gives no maps, or doesn't run exactly once.
        NetworkError: The network can't take these inputs.
    """
    find_layer(network, layer)
    events, _ = _events(network, inputs)
    found = [event for event in events if event.kind == "layer" and event.name == layer]
    if len(found) == 1 and len(found[0].shape) == 4:
        channels, height, width = found[0].shape[1:]
        return GradCamLayer(layer, (channels, height, width), is_chosen=False)
    problem = f"runs {counted(len(found), 'time')} for an image, not once"
    if len(found) == 1:
        problem = f"gives a tensor of shape `{found[0].shape}`, not feature maps"
    raise UsageError(
        f"layer `{layer}` {problem}",
        hint=f"choose one that does, such as `{find_grad_cam_layer(network, inputs).layer}`",
    )


def _last_convolution(events: list[_Event], num_logits: int) -> int | None:
    """Index of the last convolution with more than one position that isn't the head."""
    weighted = [i for i, event in enumerate(events) if event.kind != "layer"]
    if weighted:
        last = events[weighted[-1]]
        if last.kind == "convolution" and last.shape[1] == num_logits:
            weighted = weighted[:-1]
    convolutions = [
        i for i in weighted if events[i].kind == "convolution" and prod(events[i].sides) > 1
    ]
    return convolutions[-1] if convolutions else None


def _events(network: nn.Module, inputs: Tensor) -> tuple[list[_Event], int]:
    """The events of a forward pass, in order, and the number of logits."""
    events: list[_Event] = []

    def hook(name: str) -> Callable[[nn.Module, Any, Any], None]:
        def note(layer: nn.Module, given: object, output: object) -> None:
            first, got = next(tensors_in(output), None), next(tensors_in(given), None)
            if first is not None:
                is_same = first is got and not any(layer.children())
                events.append(_Event("layer", name, tuple(first.shape), is_same))

        return note

    def on_call(func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        output = func(*args, **kwargs)
        if func in CONVOLUTIONS or func in DENSE:
            kind = "convolution" if func in CONVOLUTIONS else "dense"
            events.append(_Event(kind, "", tuple(output.shape)))
        return output

    with ExitStack() as hooks, torch.no_grad(), in_mode(network, training=False):
        for name, layer in network.named_modules():
            hooks.callback(layer.register_forward_hook(hook(name)).remove)
        with FunctionHook(on_call):
            logits = run(network, inputs)
    return events, logits.shape[-1]
