"""Which modules of a network are running at any moment of a forward pass."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from torch import nn


class RunningLayers:
    """The modules that were entered and not yet left.

    Attributes:
        path: Their names, outermost first; the network itself has none.
        failed: The innermost module that the error came out of which ended the pass.
    """

    def __init__(self) -> None:
        """Start before the pass, which is the network's from the beginning."""
        self.path: tuple[str, ...] = ("",)
        self.failed = ""
        self._has_returned = False
        self._failure: tuple[BaseException | None, str] = (None, "")

    @property
    def innermost(self) -> str:
        """The one that runs operations itself."""
        return self.path[-1]

    @contextmanager
    def following(
        self,
        network: nn.Module,
        *,
        entered: Callable[[str, object], None] | None = None,
        returned: Callable[[str, object], None] | None = None,
    ) -> Iterator[None]:
        """Follows the modules of a network, by hooks that are gone afterwards.

        Args:
            network: What will run.
            entered: Told the name and the arguments of each module that begins.
            returned: Told the name and the output of each that ends without an error, before any
                other hook sees (and may change) the output.
        """
        with ExitStack() as hooks:
            for name, layer in network.named_modules():
                leave, report = self._leaving(name), self._returning(name, returned)
                for handle in (
                    layer.register_forward_pre_hook(self._entering(name, entered)),
                    # What is registered last comes first: the report, then the leaving.
                    layer.register_forward_hook(leave, prepend=True, always_call=True),
                    layer.register_forward_hook(report, prepend=True),
                ):
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

    def _entering(self, name: str, told: Callable[[str, object], None] | None) -> Any:
        def hook(_layer: nn.Module, inputs: object) -> None:
            self.path = (*self.path, name)
            if told is not None:
                told(name, inputs)

        return hook

    def _returning(self, name: str, told: Callable[[str, object], None] | None) -> Any:
        def hook(_layer: nn.Module, _inputs: object, output: object) -> None:
            self._has_returned = True
            if told is not None:
                told(name, output)

        return hook

    def _leaving(self, name: str) -> Any:
        """Torch calls it also where the module raises, as the forward around it may go on."""

        def hook(_layer: nn.Module, _inputs: object, _output: object) -> None:
            error = sys.exception()
            if not self._has_returned and error is not self._failure[0]:
                self._failure = (error, name)
            self._has_returned = False
            self.path = self.path[:-1]

        return hook
