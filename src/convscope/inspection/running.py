"""One forward pass as inspection needs it: nothing learns, nothing stays, errors have our form."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any

from torch import Tensor, nn

from convscope.arithmetic.borrowing import in_mode
from convscope.arithmetic.operation import tensors_in
from convscope.errors import ConvscopeError, NetworkError
from convscope.inspection.layers import find_layer


def run(network: nn.Module, inputs: Tensor) -> Tensor:
    """What the network gives for inputs (N, C, H, W), in the mode it is in; its first tensor.

    It gets a copy, as its first layer may work in place.

    Raises:
        NetworkError: It can't take these inputs, or gives no tensor.
    """
    try:
        output = next(tensors_in(network(inputs.clone())), None)
    except ConvscopeError:
        raise
    except Exception as error:  # a foreign network may fail in any way
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise NetworkError(
            f"`{type(network).__name__}` can't take inputs of shape `{tuple(inputs.shape)}`: "
            f"{reason}",
            hint="it takes (N, C, H, W), with the channels and about the size of its training",
        ) from error
    if output is None:
        raise NetworkError(f"`{type(network).__name__}` gave no tensor")
    return output


def evaluation_mode(network: nn.Module) -> AbstractContextManager[None]:
    """Within it the network is in evaluation mode; afterwards each layer is in its own again."""
    return in_mode(network, training=False)


@contextmanager
def watched(
    network: nn.Module, names: Collection[str], on_output: Callable[[str, Tensor], None]
) -> Iterator[None]:
    """Within it `on_output` is handed the name and the first output of these layers at each call.

    It is called before anything else sees the output, so nothing has changed it in place yet.

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
            # First of all hooks: another one may change the output in place.
            handle = layer.register_forward_hook(hook(name), prepend=True)
            hooks.callback(handle.remove)
        yield
