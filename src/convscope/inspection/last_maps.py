"""The layer whose feature maps Grad-CAM weighs: chosen for any network, with the reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from convscope.arithmetic.operation import tensors_in
from convscope.errors import UsageError, counted
from convscope.inspection.layers import find_layer
from convscope.inspection.running import evaluation_mode, run

CONVOLUTIONS = (F.conv1d, F.conv2d, F.conv3d, F.conv_transpose2d)
DENSE = (F.linear, torch.matmul, Tensor.matmul, Tensor.__matmul__, torch.einsum, torch.bmm)


@dataclass(frozen=True, slots=True)
class LastMaps:
    """A layer with feature maps, and why it was taken.

    Attributes:
        layer: Its path.
        shape: (C, H, W) of what it gives.
        is_chosen: Whether it was chosen here; else a user named it.
    """

    layer: str
    shape: tuple[int, int, int]
    is_chosen: bool

    @property
    def reason(self) -> str:
        """Why this one, in one sentence without a full stop."""
        channels, height, width = self.shape
        if self.is_chosen:
            return (
                f"`{self.layer}` gives what the last convolution before the head found, {channels} "
                f"maps of {height}x{width}"
            )
        return f"`{self.layer}` was asked for; it gives {channels} feature maps of {height}x{width}"


@dataclass(frozen=True, slots=True)
class _Event:
    """Something that happened in a forward pass: a convolution, a dense product, a layer's end.

    Attributes:
        kind: `convolution`, `dense` or `layer`.
        name: Path of the layer; empty for operations.
        shape: Of the output.
        is_same: Whether a layer gave the tensor that it got, as dropout does in evaluation.
    """

    kind: str
    name: str
    shape: tuple[int, ...]
    is_same: bool = False

    @property
    def sides(self) -> tuple[int, ...]:
        """(H, W) of feature maps; nothing for vectors."""
        return self.shape[2:] if len(self.shape) == 4 else ()

    @property
    def has_places(self) -> bool:
        """Whether it gives maps of more than one position."""
        return len(self.shape) == 4 and self.shape[2] * self.shape[3] > 1


def last_maps(network: nn.Module, inputs: Tensor) -> LastMaps:
    """The last feature maps of more than one position before the head.

    Those are what the last convolution gives, after all that follows without another size of map:
    normalisation, activation, the sum with a shortcut, the branches of a block side by side. A
    pooling makes coarser maps and comes too late. A convolution that makes one map for each class,
    as SqueezeNet's, is the head itself. Layers that are used more than once are passed over.

    Args:
        network: Any that takes one batch of images; it runs once, in evaluation mode.
        inputs: (N, C, H, W), normalised.

    Raises:
        UsageError: No convolution gives maps of more than one position.
        NetworkError: The network can't take these inputs.
    """
    events, num_logits = _followed(network, inputs)
    start = _last_convolution(events, num_logits)
    if start is None:
        raise UsageError(
            f"`{type(network).__name__}` has no feature maps that Grad-CAM could weigh",
            hint="no convolution before its head gives more than one position; choose another "
            "method, as `integrated-gradients` or `occlusion`",
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
            hint="name the layer to weigh: its path as in `named_modules`",
        )
    channels, height, width = found.shape[1:]
    return LastMaps(found.name, (channels, height, width), is_chosen=True)


def given_maps(network: nn.Module, inputs: Tensor, layer: str) -> LastMaps:
    """The feature maps of a layer that a user names.

    Raises:
        UsageError: There is no such layer, or it gives no maps, or runs more or less than once.
        NetworkError: The network can't take these inputs.
    """
    find_layer(network, layer)
    events, _ = _followed(network, inputs)
    found = [event for event in events if event.kind == "layer" and event.name == layer]
    if len(found) != 1:
        raise UsageError(
            f"layer `{layer}` runs {counted(len(found), 'time')} for an image, not once",
            hint=f"choose one that does, as `{_suggested(network, inputs)}`",
        )
    if len(found[0].shape) != 4:
        raise UsageError(
            f"layer `{layer}` gives a tensor of shape `{found[0].shape}`, not feature maps",
            hint=f"choose one that does, as `{_suggested(network, inputs)}`",
        )
    channels, height, width = found[0].shape[1:]
    return LastMaps(layer, (channels, height, width), is_chosen=False)


def _suggested(network: nn.Module, inputs: Tensor) -> str:
    return last_maps(network, inputs).layer


def _last_convolution(events: list[_Event], num_logits: int) -> int | None:
    """Where the last convolution with more than one position is that isn't the head."""
    weighted = [i for i, event in enumerate(events) if event.kind != "layer"]
    if weighted:
        last = events[weighted[-1]]
        if last.kind == "convolution" and last.shape[1] == num_logits:
            weighted = weighted[:-1]
    convolutions = [i for i in weighted if events[i].kind == "convolution" and events[i].has_places]
    return convolutions[-1] if convolutions else None


class _Watching(TorchFunctionMode):
    """Within it `on_product` is handed the kind and output of each convolution and product."""

    def __init__(self, on_product: Callable[[str, Tensor], None]) -> None:
        super().__init__()
        self._on_product = on_product

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        output = func(*args, **(kwargs or {}))
        if func in CONVOLUTIONS:
            self._on_product("convolution", output)
        elif func in DENSE:
            self._on_product("dense", output)
        return output


def _followed(network: nn.Module, inputs: Tensor) -> tuple[list[_Event], int]:
    """What happens in a forward pass, in order, and the number of logits."""
    events: list[_Event] = []

    def hook(name: str) -> Callable[[nn.Module, Any, Any], None]:
        def note(layer: nn.Module, given: object, output: object) -> None:
            first, got = next(tensors_in(output), None), next(tensors_in(given), None)
            if first is not None:
                is_same = first is got and not any(layer.children())
                events.append(_Event("layer", name, tuple(first.shape), is_same))

        return note

    def product(kind: str, output: Tensor) -> None:
        events.append(_Event(kind, "", tuple(output.shape)))

    with ExitStack() as hooks, torch.no_grad(), evaluation_mode(network):
        for name, layer in network.named_modules():
            hooks.callback(layer.register_forward_hook(hook(name)).remove)
        with _Watching(product):
            logits = run(network, inputs)
    return events, logits.shape[-1]
