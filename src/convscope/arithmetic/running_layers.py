"""Which modules of a network are running at any moment of a forward pass."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from torch import nn
from torch.utils.hooks import RemovableHandle

Callback = Callable[[str, object], None]


class RunningLayers:
    """The modules that were entered and not yet left.

    Attributes:
        path: Names of the running modules, outermost first; the network itself has the name "".
        failed: Name of the innermost module that raised the error which ended the pass.
    """

    def __init__(self) -> None:
        self.path: tuple[str, ...] = ("",)
        self.failed = ""
        self._has_returned = False
        self._failure: tuple[BaseException | None, str] = (None, "")

    @property
    def innermost(self) -> str:
        """Name of the module that runs operations itself."""
        return self.path[-1]

    @contextmanager
    def following(
        self,
        network: nn.Module,
        *,
        entered: Callback | None = None,
        returned: Callback | None = None,
    ) -> Iterator[None]:
        """Context manager that follows the modules of a network, by hooks that it removes.

        Args:
            network: The network that will run.
            entered: Called with the name and the arguments of each module that begins.
            returned: Called with the name and the output of each module that ends without an error,
                before any other hook sees (and may change) the output.
        """
        with ExitStack() as hooks:
            for name, layer in network.named_modules():
                for handle in self._register(layer, name, entered, returned):
                    hooks.callback(handle.remove)
            try:
                yield
            except Exception as error:
                failure, name = self._failure
                self.failed = name if failure is error else ""
                raise
            finally:
                # An error holds the tensors of the frames that it went through.
                self._failure = (None, "")

    def _register(
        self, layer: nn.Module, name: str, entered: Callback | None, returned: Callback | None
    ) -> list[RemovableHandle]:
        def enter(_layer: nn.Module, inputs: object) -> None:
            self.path = (*self.path, name)
            if entered is not None:
                entered(name, inputs)

        def report(_layer: nn.Module, _inputs: object, output: object) -> None:
            self._has_returned = True
            if returned is not None:
                returned(name, output)

        def leave(_layer: nn.Module, _inputs: object, _output: object) -> None:
            # Torch calls it also where the module raises, as the forward around it may go on.
            error = sys.exception()
            if not self._has_returned and error is not self._failure[0]:
                self._failure = (error, name)
            self._has_returned = False
            self.path = self.path[:-1]

        return [
            layer.register_forward_pre_hook(enter),
            # What is registered last comes first: the report, then the leaving.
            layer.register_forward_hook(leave, prepend=True, always_call=True),
            layer.register_forward_hook(report, prepend=True),
        ]
