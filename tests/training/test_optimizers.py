"""Optimizers: all of the table learn, take what the recipe says they take, and only that."""

from __future__ import annotations

import inspect
from typing import Any, get_args

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from convscope.networks import build
from convscope.recipe import OPTIMIZERS_WITH, Opt
from convscope.training.freezing import parameter_groups
from convscope.training.muon import Muon, orthogonal
from convscope.training.optimizers import OPTIMIZERS, make_optimizer, scaled_rate


def test_the_table_has_the_optimizers_of_the_recipe() -> None:
    assert set(OPTIMIZERS) == set(get_args(Opt))


@pytest.mark.parametrize("name", list(OPTIMIZERS))
def test_the_recipe_knows_what_an_optimizer_takes(name: str) -> None:
    takes = set(inspect.signature(OPTIMIZERS[name].make).parameters)
    for field, those in OPTIMIZERS_WITH.items():
        assert (field in takes) == (name in those), field


@pytest.mark.slow
@pytest.mark.parametrize("name", list(OPTIMIZERS))
def test_every_optimizer_brings_a_loss_down(name: str) -> None:
    torch.manual_seed(0)
    network = build("lenet5_relu", num_classes=3)
    inputs, targets = torch.randn(12, 1, 28, 28), torch.arange(12) % 3
    kind = OPTIMIZERS[name]
    optimizer = make_optimizer(name, parameter_groups(network, lr=kind.lr), lr=kind.lr)

    def closure() -> float:
        optimizer.zero_grad()
        loss = F.cross_entropy(network(inputs), targets)
        loss.backward()  # type: ignore[no-untyped-call]
        return loss.detach()  # type: ignore[return-value]

    losses = [float(optimizer.step(closure)) for _ in range(30)]
    assert losses[-1] < 0.8 * losses[0]


@pytest.mark.parametrize("name", ["sgd", "adam", "adamw", "muon", "rmsprop"])
def test_weight_decay_spares_biases_and_normalisation(name: str) -> None:
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2))
    groups = parameter_groups(network, lr=0.1, weight_decay=0.3, bias_decay=0.01)
    decayed, spared = make_optimizer(name, groups, lr=0.1).param_groups
    assert [tuple(p.shape) for p in decayed["params"]] == [(2, 1, 3, 3)]
    assert decayed["weight_decay"] == 0.3
    assert len(spared["params"]) == 3
    assert spared["weight_decay"] == 0.01


def test_rates_fall_from_block_to_block_towards_the_input() -> None:
    network = build("resnet20", num_classes=10)
    groups = parameter_groups(network, lr=1.0, layer_decay=0.5)
    rate_of = {id(p): group["lr"] for group in groups for p in group["params"]}
    assert len(rate_of) == len(list(network.parameters()))
    names = {id(p): name for name, p in network.named_parameters()}
    rates = {names[key]: rate for key, rate in rate_of.items()}
    assert rates["fc.weight"] == rates["fc.bias"] == 1
    assert rates["layer3.2.conv1.weight"] == rates["layer3.2.bn2.bias"] == 0.5
    assert rates["conv1.weight"] == rates["bn1.weight"] == 0.5**10


def test_rates_grow_with_the_batch_as_stated() -> None:
    assert scaled_rate(0.01, 128, power=1) == pytest.approx(0.04)
    assert scaled_rate(0.01, 128, power=0.5) == pytest.approx(0.02)
    assert scaled_rate(0.01, 128, power=0) == pytest.approx(0.01)


def test_muon_agrees_with_torchs_on_matrices() -> None:
    torch.manual_seed(0)
    start, gradient = torch.randn(8, 12), torch.randn(8, 12)
    ours, theirs = nn.Parameter(start.clone()), nn.Parameter(start.clone())
    options: dict[str, Any] = {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.2}
    mine = Muon([ours], **options)
    other = torch.optim.Muon([theirs], **options, adjust_lr_fn="match_rms_adamw")
    for _ in range(3):
        ours.grad, theirs.grad = gradient.clone(), gradient.clone()
        mine.step()
        other.step()  # type: ignore[no-untyped-call]
    # Torch sums gradients, here they are averaged: the same but for a factor, which goes away, and
    # the rounding of bfloat16.
    torch.testing.assert_close(ours, theirs, rtol=0, atol=2e-2)


def test_muon_treats_a_kernel_as_a_matrix_and_vectors_as_adamw_does() -> None:
    torch.manual_seed(0)
    kernel, matrix = nn.Parameter(torch.randn(4, 2, 3, 3)), nn.Parameter(torch.zeros(4, 18))
    bias, other = nn.Parameter(torch.ones(5)), nn.Parameter(torch.ones(5))
    matrix.data.copy_(kernel.detach().flatten(1))
    muon = Muon([kernel, matrix, bias], lr=0.1, weight_decay=0.1)
    adamw = torch.optim.AdamW([other], lr=0.1, weight_decay=0.1, betas=(0.9, 0.95))
    for _ in range(3):
        kernel.grad = torch.randn(4, 2, 3, 3)
        matrix.grad = kernel.grad.flatten(1)
        bias.grad = torch.randn(5)
        other.grad = bias.grad.clone()
        muon.step()
        adamw.step()
    torch.testing.assert_close(kernel.flatten(1), matrix, rtol=0, atol=1e-6)
    torch.testing.assert_close(bias, other, rtol=0, atol=1e-6)


def test_muon_moves_kernels_of_one_shape_together_as_it_moves_each_alone() -> None:
    torch.manual_seed(0)
    kernels = [nn.Parameter(torch.randn(6, 2, 3, 3)) for _ in range(3)]
    alone = [nn.Parameter(kernel.detach().clone()) for kernel in kernels]
    together, each = Muon(kernels, lr=0.1), [Muon([kernel], lr=0.1) for kernel in alone]
    for _ in range(3):
        for kernel, copy in zip(kernels, alone, strict=True):
            kernel.grad = torch.randn_like(kernel)
            copy.grad = kernel.grad.clone()
        together.step()
        for muon in each:
            muon.step()
    torch.testing.assert_close(kernels, alone, rtol=0, atol=1e-3)


def test_what_muon_steps_by_has_singular_values_near_one() -> None:
    torch.manual_seed(0)
    for shape in ((6, 40), (40, 6), (10, 10)):
        values = torch.linalg.svdvals(orthogonal(torch.randn(3, *shape)))
        assert 0.5 < values.min() <= values.max() < 1.3
