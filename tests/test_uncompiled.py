"""Optimizers and dispatch modes below torch's wrappers: the same results, and no compiler."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from torch import nn, optim
from torch.nn import functional as F

from convscope.training.optimizers import OPTIMIZERS
from convscope.uncompiled import uncompiled


def weights_after(kind: type[optim.Optimizer], lr: float) -> bytes:
    """Weights after three steps, the last one with a restored state."""
    torch.manual_seed(0)
    layer, inputs = nn.Linear(4, 3), torch.randn(8, 4)
    optimizer = kind(layer.parameters(), lr=lr)  # type: ignore[call-arg]

    def closure() -> float:
        optimizer.zero_grad()
        loss = F.cross_entropy(layer(inputs), torch.arange(8) % 3)
        loss.backward()  # type: ignore[no-untyped-call]
        return loss.detach()  # type: ignore[return-value]

    for _ in range(2):
        optimizer.step(closure)
    optimizer.load_state_dict(optimizer.state_dict())
    optimizer.step(closure)
    return b"".join(weight.detach().numpy().tobytes() for weight in layer.parameters())


@pytest.mark.parametrize("name", list(OPTIMIZERS))
def test_an_uncompiled_optimizer_takes_the_same_steps_to_the_bit(name: str) -> None:
    kind = OPTIMIZERS[name].make
    assert weights_after(uncompiled(kind), 0.01) == weights_after(kind, 0.01)


@pytest.mark.parametrize("name", ["sgd", "lbfgs"])
def test_an_uncompiled_optimizer_steps_without_gradients(name: str) -> None:
    weight = torch.ones(2, requires_grad=True)
    optimizer = uncompiled(OPTIMIZERS[name].make)([weight], lr=0.1)  # type: ignore[call-arg]
    weight.grad = torch.ones(2)
    optimizer.step(lambda: 0.0)  # in place on a leaf: an error with gradients
    assert weight.requires_grad
    assert weight.grad_fn is None


@pytest.mark.slow
def test_neither_steps_nor_tables_of_layers_nor_loaded_networks_load_torchs_compiler() -> None:
    program = """
import sys, torch
from torch.nn import Parameter
from convscope.arithmetic.layer_table import layer_table
from convscope.networks import build, collapsed_layers, smallest_input
from convscope.networks.initialization import Undrawn
from convscope.training.optimizers import OPTIMIZERS, make_optimizer
for name in OPTIMIZERS:
    weight = Parameter(torch.ones(2))
    weight.grad = torch.ones(2)
    optimizer = make_optimizer(name, [{"params": [weight], "weight_decay": 0.0}], lr=0.1)
    optimizer.step(lambda: torch.ones(()))
    optimizer.load_state_dict(optimizer.state_dict())
    optimizer.zero_grad()
with Undrawn():
    network = build("resnet20")
layer_table(network, (1, 3, 32, 32))
collapsed_layers("resnet18", input_size=32)
print([name for name in ("torch._dynamo", "sympy") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr
