"""Layers of a network by name: looked up, watched while it runs, and positions in their outputs."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any, TypedDict

from torch import Tensor, nn

from convscope.arithmetic import LayerRow
from convscope.arithmetic.ops.operation import tensors_in
from convscope.arithmetic.state_guard import in_mode
from convscope.errors import ConvscopeError, NetworkError, UsageError, is_out_of_memory
from convscope.text import counted, did_you_mean, joined

DEFAULT_AXES = (2, 3)  # rows and columns of (N, C, H, W)


class Position(TypedDict, total=False):
    """Position of a value in the output of a layer; `row` and `column` are None in a vector."""

    channel: int | None
    row: int | None
    column: int | None


def find_layer(network: nn.Module, name: str) -> nn.Module:
    """The layer with this path, as in `named_modules`; a UsageError if there is none.

    An empty path is that of the network itself.
    """
    layers: dict[str, nn.Module] = dict(network.named_modules(remove_duplicate=False))
    if name in layers:
        return layers[name]
    known = [known for known in layers if known]
    hint = did_you_mean(name, known)
    if hint is None:
        hint = f"its layers: {joined([f'`{known}`' for known in known])}"
    raise UsageError(f"`{type(network).__name__}` has no layer `{name}`", hint=hint)


def layer_type(network: nn.Module, name: str) -> str:
    """The name of a layer's class, which its path rarely tells: `features.12` is a `MaxPool2d`."""
    return type(find_layer(network, name)).__name__


def first_path(network: nn.Module, name: str) -> str:
    """The path that was registered first, for a layer that may have several paths."""
    layer = find_layer(network, name)
    paths: dict[nn.Module, str] = {found: path for path, found in network.named_modules()}
    return paths[layer]


def check_is_list(name: str, values: object) -> None:
    """Refuses a single value with a UsageError: a string would be read letter by letter."""
    if isinstance(values, str | bytes | int):
        raise UsageError(
            f"`{name}` can't be `{values!r}`: it is a list", hint=f"write `[{values!r}]`"
        )


def map_axes_of(row: LayerRow) -> tuple[int, int] | None:
    """Which dimensions of a layer's output are rows and columns; None if it's no batch of maps.

    Most layers have 2 and 3; one that works on (N, H, W, C) has 1 and 2.
    """
    axes = row.map_axes
    if axes is None or len(row.output_shape or ()) != 4:
        return None
    return axes if 0 not in axes and axes[0] != axes[1] else None


def axis_names(layer: str, shape: tuple[int, ...], map_axes: tuple[int, int]) -> tuple[str, ...]:
    """Names of an output's dimensions behind the batch: `channel`, and `row` and `column` of maps.

    Args:
        layer: Path of the layer.
        shape: Shape of its output; a UsageError if it is neither feature maps nor vectors.
        map_axes: Which dimensions are rows and columns, if the output is feature maps.
    """
    if len(shape) == 2:
        return ("channel",)
    if len(shape) == 4:
        return tuple(
            {map_axes[0]: "row", map_axes[1]: "column"}.get(axis, "channel") for axis in (1, 2, 3)
        )
    raise UsageError(
        f"layer `{layer}` gives a tensor of shape `{shape}`, which is no map and no vector",
        hint="choose a layer that gives (N, C, H, W) or (N, C)",
    )


def check_position(
    position: Mapping[str, object], layer: str, shape: tuple[int, ...], names: tuple[str, ...]
) -> None:
    """Refuses, with a UsageError, a position outside of a layer's output; None is any position.

    Args:
        position: Fields of `Position`.
        layer: Path of the layer.
        shape: Shape of its output.
        names: Names of its dimensions, as `axis_names` returns them.
    """
    lengths = dict(zip(names, shape[1:], strict=True))
    for name, given in position.items():
        if isinstance(given, int) and not 0 <= given < lengths.get(name, 0):
            raise UsageError(
                f"`{name}` can't be {given}: layer `{layer}` gives `{shape}`",
                hint=f"it is 0 to {lengths[name] - 1}" if name in lengths else "it gives vectors",
            )


def quoted(name: str) -> str:
    """The path of a layer in backticks, for messages; `the network` for an empty path."""
    return f"`{name}`" if name else "the network"


def run(network: nn.Module, inputs: Tensor) -> Tensor:
    """The first output tensor of the network for inputs (N, C, H, W), in its current mode.

    The network gets a copy of the inputs, as its first layer may work in place.

    Raises:
        NetworkError: The network can't take these inputs, or returns no tensor.
    """
    try:
        output = next(tensors_in(network(inputs.clone())), None)
    except ConvscopeError:
        raise
    except Exception as error:  # a foreign network may fail in any way
        if is_out_of_memory(error):
            raise
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise NetworkError(
            f"`{type(network).__name__}` can't take inputs of shape `{tuple(inputs.shape)}`: "
            f"{reason}",
            hint="it takes (N, C, H, W), with the channels and about the size of its training",
        ) from error
    if output is None:
        raise NetworkError(f"`{type(network).__name__}` gave no tensor")
    return output


@contextmanager
def watched(
    network: nn.Module, names: Collection[str], on_output: Callable[[str, Tensor], None]
) -> Iterator[None]:
    """Context manager that calls `on_output` with the name and first output of these layers.

    It is called each time a layer runs, before anything can change the output in place.

    Raises:
        UsageError: There is no such layer.
    """

    def hook(name: str) -> Callable[[nn.Module, Any, Any], None]:
        def note(_layer: nn.Module, _inputs: object, output: object) -> None:
            first = next(tensors_in(output), None)
            if first is not None:
                on_output(name, first)

        return note

    with ExitStack() as hooks:
        for name in names:
            layer = find_layer(network, name)
            # Before all other hooks: one of them may change the output in place.
            handle = layer.register_forward_hook(hook(name), prepend=True)
            hooks.callback(handle.remove)
        yield


def layer_outputs(network: nn.Module, inputs: Tensor, layers: Collection[str]) -> dict[str, Tensor]:
    """Copies of these layers' outputs by name, as `activations` returns them; keeps gradients."""
    outputs: dict[str, Tensor] = {}

    def keep(name: str, output: Tensor) -> None:
        outputs[name] = output.clone()

    with in_mode(network, training=False), watched(network, layers, keep):
        run(network, inputs)
    missing = [name for name in layers if name not in outputs]
    if missing:
        raise UsageError(
            f"{counted(len(missing), 'layer')} of `{type(network).__name__}` gave nothing: "
            + ", ".join(f"`{name}`" for name in missing),
            hint="heads that only training uses are not computed; choose a layer that is",
        )
    return {name: outputs[name] for name in layers}
