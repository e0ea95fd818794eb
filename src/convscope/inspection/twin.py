"""A copy of a network that gradients can be followed through, and the score that they are of."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from convscope.errors import NetworkError
from convscope.inspection.running import run

RELUS = (F.relu, torch.relu, Tensor.relu)
RELUS_IN_PLACE = (F.relu_, torch.relu_, Tensor.relu_)
TOLERANCE = 1e-4  # of logits, relative to the largest


class Score(nn.Module):
    """The logit of a class, or by how much it exceeds that of another: (N,) of inputs (N, C, H, W).

    Without a class, all logits (N, K).

    Every ReLU, whether a module, one module used often, or a function, is computed by `relu`: who
    hooks that has them all.

    Args:
        network: It is copied, so what is done to the copy never reaches it.
        target: Index of the class; None for all of them.
        against: Index of the other class; None for the plain logit.

    Attributes:
        network: The copy, in which no layer works in place.
        num_relus: How many ReLUs the last forward pass had.
    """

    def __init__(
        self, network: nn.Module, *, target: int | None = None, against: int | None = None
    ) -> None:
        super().__init__()
        self.network = copy.deepcopy(network).eval().requires_grad_(False)
        for layer in self.network.modules():
            if getattr(layer, "inplace", False):
                layer.inplace = False  # type: ignore[assignment]
        self.relu = nn.ReLU()
        self.num_relus = 0
        self._target, self._against = target, against

    def forward(self, inputs: Tensor) -> Tensor:
        """The score (N,) or the logits (N, K) of inputs (N, C, H, W)."""
        self.num_relus = 0
        with _EveryRelu(self._rectified):
            logits = run(self.network, inputs)
        if self._target is None:
            return logits
        score = logits[:, self._target]
        return score if self._against is None else score - logits[:, self._against]

    def check(self, original: nn.Module, inputs: Tensor) -> None:
        """Sees to it that the copy computes what the network computes.

        Raises:
            NetworkError: It doesn't: the network needs its layers to overwrite their input.
        """
        with torch.no_grad():
            wanted, given = run(original, inputs), run(self.network, inputs)
        if not torch.allclose(wanted, given, rtol=0, atol=TOLERANCE * float(wanted.abs().max())):
            raise NetworkError(
                f"`{type(original).__name__}` gives other logits when its layers don't work in "
                "place, so no gradient can be followed through it",
                hint="use what a layer returns, as in `x = self.relu(x)`, not only its effect",
            )

    def _rectified(self, values: Tensor) -> Tensor:
        self.num_relus += 1
        rectified: Tensor = self.relu(values)
        return rectified


class _EveryRelu(TorchFunctionMode):
    """Within it all ReLUs are computed by one function."""

    def __init__(self, rectified: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self._rectified = rectified

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        given = dict(kwargs or {})
        if func not in (*RELUS, *RELUS_IN_PLACE):
            return func(*args, **given)
        values: Tensor = args[0] if args else given["input"]
        is_in_place = func in RELUS_IN_PLACE or given.get("inplace", args[1:] == (True,))
        rectified = self._rectified(values)
        return values.copy_(rectified) if is_in_place else rectified
