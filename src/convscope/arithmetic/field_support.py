"""Which pixels gradients reach: receptive fields measured instead of computed."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.func import functional_call

from convscope.arithmetic.borrowing import attributes_kept
from convscope.arithmetic.linearised import linearised
from convscope.arithmetic.operation import tensors_in


@dataclass(frozen=True, slots=True)
class Support:
    """The pixels that some values of a layer see.

    Attributes:
        layer: Its name.
        position: (row, column) of the values in the layer's output; None for all values together,
            where they have no rows and columns.
        rows: First and last row of the input that they see.
        columns: First and last column.
    """

    layer: str
    position: tuple[int, int] | None
    rows: tuple[int, int]
    columns: tuple[int, int]


def measure_supports(
    module: nn.Module,
    input_shape: tuple[int, int, int],
    map_axes: Mapping[str, tuple[int, int] | None],
) -> Iterator[Support]:
    """For each layer the pixels that its first, middle and last value see.

    Args:
        module: Any network; it stays as it is.
        input_shape: (C, H, W) of one image.
        map_axes: Layer -> dimensions of its output that are rows and columns; None where it has
            none.

    Yields:
        The supports, layer by layer.

    Raises:
        Exception: Whatever the network raises where its functions are replaced by linear ones.
    """
    image = torch.ones((3, *input_shape), dtype=torch.float64, requires_grad=True)
    for name, output in _outputs(module, image).items():
        axes = map_axes.get(name)
        places = _places(output, axes)
        seed = torch.zeros_like(output)
        for index, place in enumerate(places):
            where: list[int | slice] = [slice(None)] * output.dim()
            where[0] = index
            if axes is not None and place is not None:
                where[axes[0]], where[axes[1]] = place
            seed[tuple(where)] = 1
        (gradient,) = torch.autograd.grad(output, image, seed, retain_graph=True, allow_unused=True)
        for index, place in enumerate(places):
            if gradient is not None and (seen := gradient[index].abs().sum(dim=0)).any():
                yield Support(name, place, _range(seen.sum(dim=1)), _range(seen.sum(dim=0)))


def _outputs(module: nn.Module, image: Tensor) -> dict[str, Tensor]:
    """The output of each module's last call, all values depending on all that they look at."""
    try:
        return _run(module, image, is_thin=True)
    except Exception:  # a network that counts its channels may say so in any way
        return _run(module, image, is_thin=False)


def _run(module: nn.Module, image: Tensor, *, is_thin: bool) -> dict[str, Tensor]:
    state = {
        name: tensor.detach().double().abs() + 0.1 if tensor.is_floating_point() else tensor.clone()
        for name, tensor in (*module.named_parameters(), *module.named_buffers())
    }
    outputs: dict[str, Tensor] = {}

    def keeping(name: str) -> object:
        def hook(_module: nn.Module, _inputs: object, output: object) -> None:
            first = next(tensors_in(output), None)
            if first is not None and first.requires_grad:
                outputs[name] = first

        return hook

    with ExitStack() as hooks:
        for name, layer in module.named_modules():
            hooks.enter_context(layer.register_forward_hook(keeping(name)))
        hooks.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")  # layers may wonder about the one channel
        hooks.enter_context(attributes_kept(module))
        hooks.enter_context(torch.enable_grad())
        hooks.enter_context(linearised(is_thin=is_thin))
        functional_call(module, state, (image,))
    return outputs


def _places(output: Tensor, axes: tuple[int, int] | None) -> list[tuple[int, int] | None]:
    if axes is None or axes[0] == axes[1]:
        return [None]
    height, width = output.shape[axes[0]], output.shape[axes[1]]
    places = ((0, 0), (height // 2, width // 2), (height - 1, width - 1))
    return list(dict.fromkeys(places))


def _range(sums: Tensor) -> tuple[int, int]:
    seen = sums.nonzero()
    return int(seen[0]), int(seen[-1])
