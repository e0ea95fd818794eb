"""Python functions that a pass calls, and that its operations don't show."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import (
    instance_norm,
    multi_head_attention_forward,
    scaled_dot_product_attention,
)
from torch.overrides import TorchFunctionMode

from convscope.arithmetic.caveats import Caveat
from convscope.arithmetic.ledger import Ledger
from convscope.arithmetic.propagation import AxisFields
from convscope.arithmetic.value_reading import ValueReading

# Recurrent layers run as products here, and as one operation that keeps other tensors elsewhere.
RECURRENT = frozenset((
    torch.lstm, torch.gru, torch.rnn_tanh, torch.rnn_relu,
    torch.lstm_cell, torch.gru_cell, torch.rnn_tanh_cell, torch.rnn_relu_cell,
))  # fmt: skip
INSTANCE_NORMS = frozenset((instance_norm, torch.instance_norm))
# By these Python gets values without any operation.
READERS = frozenset((Tensor.tolist, Tensor.numpy, Tensor.__array__))


class FunctionNotices(TorchFunctionMode):
    """Sees what can't be seen in operations any more."""

    def __init__(self, ledger: Ledger, reading: ValueReading, axes: Sequence[AxisFields]) -> None:
        """Prepare to watch.

        Args:
            ledger: Where it notes what makes numbers worth less.
            reading: Told which tensors' values Python takes without an operation.
            axes: Told whether statistics are of one image.
        """
        super().__init__()
        self._ledger = ledger
        self._reading = reading
        self._axes = axes

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: object,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> object:
        """Run the function as usual."""
        kwargs = kwargs or {}
        if func in INSTANCE_NORMS:
            with self._statistics_of_one_image():
                return func(*args, **kwargs)
        if func is scaled_dot_product_attention or _hides_attention(func, args, kwargs):
            # It runs as products here, and as one operation that keeps less on most devices.
            self._ledger.current.caveats.add(Caveat.ATTENTION)
        elif func in RECURRENT:
            self._ledger.current.caveats.add(Caveat.RECURRENT)
        elif func in READERS:
            self._reading.read(args[0])
        return func(*args, **kwargs)

    @contextmanager
    def _statistics_of_one_image(self) -> Iterator[None]:
        """Within it statistics count as seeing, also in training mode.

        Instance normalisation arrives as batch normalisation of reshaped maps, which can't be told
        from one of a batch.
        """
        before = [axis.setting for axis in self._axes]
        for axis in self._axes:
            axis.setting = replace(axis.setting, ignores_statistics=False)
        try:
            yield
        finally:
            for axis, setting in zip(self._axes, before, strict=True):
                axis.setting = setting


def _hides_attention(
    func: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> bool:
    """Whether it calls attention where no mode sees it, and not its parts one by one."""
    if func is not multi_head_attention_forward:
        return False
    given = inspect.signature(func).bind(*args, **kwargs)
    return not given.arguments.get("need_weights", True)
