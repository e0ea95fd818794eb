"""Muon: momentum whose matrices are made orthogonal, so that all directions are learned alike.

Source: Jordan et al. 2024, Muon: an optimizer for hidden layers in neural networks; Liu et al.
    2025, Muon is scalable for LLM training, equation 4, for the size of a step.
Departs: torch's `optim.Muon` takes matrices alone. Here a kernel (O, I, H, W) is the matrix
    (O, I * H * W), and what has one axis (biases, normalisation) is AdamW's; one rate serves both,
    since a step of either changes a weight by about as much.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn, optim

from convscope.device import has_fast_bfloat16

# Of the polynomial whose iteration brings singular values near 1; from the source.
POLYNOMIAL = (3.4445, -4.7750, 2.0315)
ITERATIONS = 5
SMALLEST_NORM = 1e-7
RMS_OF_ADAMW = 0.2  # of the changes of weights in AdamW, as a share of the rate


class _Adam(NamedTuple):
    """What AdamW needs of a group."""

    betas: tuple[float, float]
    eps: float


class _Moved(NamedTuple):
    """A weight that has a gradient."""

    weight: nn.Parameter
    grad: Tensor


class Muon(optim.Optimizer):
    """Muon for weights with two or more axes, AdamW for the others.

    Args:
        params: Parameters, or groups of them.
        lr: Learning rate, in AdamW's measure.
        momentum: Nesterov's momentum: fraction of the earlier gradients that is kept.
        weight_decay: Weight decay, which a step multiplies by `lr`.
        betas: Decay rates of AdamW.
        eps: Term of AdamW that keeps denominators above zero.
    """

    def __init__(
        self,
        params: Iterable[Any],
        *,
        lr: float,
        momentum: float = 0.95,
        weight_decay: float = 0.0,
        betas: tuple[float, float] = (0.9, 0.95),
        eps: float = 1e-8,
    ) -> None:
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "weight_decay": weight_decay,
            "betas": betas,
            "eps": eps,
        }
        super().__init__(params, defaults)

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """Takes one step; `closure` computes the loss and its gradients."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            lr, adam = group["lr"], _Adam(group["betas"], group["eps"])
            by_shape: dict[torch.Size, list[_Moved]] = {}
            for weight in group["params"]:
                if weight.grad is None:
                    continue
                weight.mul_(1 - lr * group["weight_decay"])
                if weight.ndim > 1:
                    by_shape.setdefault(weight.shape, []).append(_Moved(weight, weight.grad))
                else:
                    self._move_vector(weight, weight.grad, lr, adam)
            for together in by_shape.values():
                self._move_matrices(together, lr, group["momentum"])
        return loss

    def _move_matrices(self, together: Sequence[_Moved], lr: float, momentum: float) -> None:
        """Moves weights of one shape at once: a step of small matrices is mostly overhead."""
        ahead = torch.stack([self._ahead(*each, momentum).flatten(1) for each in together])
        size = RMS_OF_ADAMW * math.sqrt(max(ahead.shape[1:]))
        for (weight, _), change in zip(together, orthogonal(ahead), strict=True):
            weight.sub_(change.view(weight.shape), alpha=lr * size)

    def _ahead(self, weight: nn.Parameter, grad: Tensor, momentum: float) -> Tensor:
        """The mean gradient of a weight, one step ahead."""
        state = self.state[weight]
        if not state:
            state["momentum_buffer"] = torch.zeros_like(weight)
        average = state["momentum_buffer"].lerp_(grad, 1 - momentum)
        return torch.lerp(grad, average, momentum)

    def _move_vector(self, weight: Tensor, grad: Tensor, lr: float, adam: _Adam) -> None:
        state = self.state[weight]
        if not state:
            state["step"] = torch.zeros(())
            state["exp_avg"] = torch.zeros_like(weight)
            state["exp_avg_sq"] = torch.zeros_like(weight)
        state["step"] += 1
        first, second = adam.betas
        mean = state["exp_avg"].lerp_(grad, 1 - first)
        square = state["exp_avg_sq"].mul_(second).addcmul_(grad, grad, value=1 - second)
        steps = float(state["step"])
        deviation = (square / (1 - second**steps)).sqrt_().add_(adam.eps)
        weight.addcdiv_(mean, deviation, value=-lr / (1 - first**steps))


def orthogonal(matrices: Tensor) -> Tensor:
    """The orthogonal matrices (B, M, N) nearest to some, singular values about 1: 0.7 to 1.2.

    Iterated in bfloat16 where the processor multiplies it fast: its rounding is far below what the
    iteration leaves.
    """
    a, b, c = POLYNOMIAL
    is_tall = matrices.shape[1] > matrices.shape[2]
    wide = matrices.mT if is_tall else matrices
    wide = wide / wide.norm(dim=(1, 2), keepdim=True).clamp(min=SMALLEST_NORM)
    wide = wide.to(torch.bfloat16 if has_fast_bfloat16(wide.device) else torch.float32)
    for _ in range(ITERATIONS):
        gram = wide @ wide.mT
        wide = torch.baddbmm(wide, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), wide, beta=a)
    result: Tensor = (wide.mT if is_tall else wide).to(matrices.dtype)
    return result
