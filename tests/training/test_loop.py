"""The loop: any network, any batches, any loss; schedules, optimizers, frozen layers."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from convscope.data.batch import Batch
from convscope.device import choose_device
from convscope.errors import UsageError
from convscope.networks import build
from convscope.training.freezing import freeze, parameter_groups, set_train_mode
from convscope.training.loop import TrainStep, train_epoch
from convscope.training.losses import ClassificationLoss, PlainLoss
from convscope.training.optimizers import make_optimizer
from convscope.training.step_metrics import DivergedError

CPU = choose_device("cpu", "float32")


def optimizer_over(
    network: nn.Module, name: str, *, lr: float, weight_decay: float = 0.0, **options: float
) -> torch.optim.Optimizer:
    groups = parameter_groups(network, lr=lr, weight_decay=weight_decay)
    return make_optimizer(name, groups, lr=lr, **options)  # type: ignore[arg-type]


class VectorBatches:
    """All rows of two tensors in every step."""

    def __init__(self, inputs: torch.Tensor, targets: torch.Tensor, steps: int = 1) -> None:
        self.inputs, self.targets, self.steps = inputs, targets, steps

    def __len__(self) -> int:
        return self.steps

    @property
    def num_images(self) -> int:
        return self.steps * len(self.inputs)

    def epoch(self, epoch: int, *, start: int = 0) -> Iterator[Batch]:
        for _ in range(start, self.steps):
            yield Batch(self.inputs, self.targets, len(self.inputs))


@pytest.mark.slow
def test_the_loop_fits_a_line_to_vectors_with_any_loss() -> None:
    inputs = torch.linspace(-1, 1, 50)[:, None]
    network = nn.Linear(1, 1)
    batches = VectorBatches(inputs, 3 * inputs + 2, steps=200)
    optimizer = optimizer_over(network, "sgd", lr=0.1, weight_decay=0, momentum=0.9)
    sums = train_epoch(
        TrainStep(network, PlainLoss(F.mse_loss), optimizer, device=CPU),
        batches,
        epoch=0,
    )
    assert sums.steps == 200
    assert network.weight.item() == pytest.approx(3, abs=1e-3)
    assert network.bias.item() == pytest.approx(2, abs=1e-3)


@pytest.mark.slow
def test_a_logistic_regression_learns_with_binary_cross_entropy() -> None:
    random = np.random.default_rng(0)
    inputs = torch.from_numpy(random.normal(size=(200, 2)).astype(np.float32))
    targets = (inputs.sum(dim=1, keepdim=True) > 0).float()
    network = nn.Linear(2, 1)
    train_epoch(
        TrainStep(
            network,
            PlainLoss(F.binary_cross_entropy_with_logits),
            optimizer_over(network, "adam", lr=0.1, weight_decay=0),
            device=CPU,
        ),
        VectorBatches(inputs, targets, steps=300),
        epoch=0,
    )
    assert ((network(inputs) > 0) == targets.bool()).float().mean() > 0.98


def test_one_step_of_sgd_is_weight_minus_rate_times_gradient() -> None:
    network = nn.Linear(3, 2)
    inputs, targets = torch.randn(4, 3), torch.tensor([0, 1, 1, 0])
    before = network.weight.detach().clone()
    gradient = torch.autograd.grad(F.cross_entropy(network(inputs), targets), network.weight)[0]
    train_epoch(
        TrainStep(
            network,
            ClassificationLoss(),
            optimizer_over(network, "sgd", lr=0.5, weight_decay=0, momentum=0),
            device=CPU,
        ),
        VectorBatches(inputs, targets),
        epoch=0,
    )
    torch.testing.assert_close(network.weight, before - 0.5 * gradient, rtol=0, atol=1e-6)


@pytest.mark.slow
def test_a_small_network_learns_eight_images_by_heart() -> None:
    torch.manual_seed(0)
    network = build("lenet5_relu", num_classes=4, in_channels=1)
    batches = VectorBatches(torch.randn(8, 1, 28, 28), torch.arange(8) % 4, steps=60)
    optimizer = optimizer_over(network, "adamw", lr=2e-3, weight_decay=0)
    for epoch in range(2):
        sums = train_epoch(
            TrainStep(network, ClassificationLoss(), optimizer, device=CPU),
            batches,
            epoch=epoch,
        )
    assert sums.loss < 0.02
    assert sums.accuracy == 1


@pytest.mark.slow
def test_auxiliary_outputs_count_with_their_weight() -> None:
    network = build("googlenet", num_classes=3, stem="small", input_size=64)
    inputs, targets = torch.randn(2, 3, 64, 64), torch.tensor([0, 2])
    torch.manual_seed(1)
    outputs = network.forward_with_auxiliaries(inputs)  # type: ignore[operator]
    expected = sum(
        w * F.cross_entropy(o, targets) for w, o in zip((1, 0.3, 0.3), outputs, strict=True)
    )
    torch.manual_seed(1)
    loss = ClassificationLoss(auxiliary_weight=0.3)(network, inputs, targets).loss
    torch.testing.assert_close(loss, expected, rtol=0, atol=1e-5)


def test_a_loss_that_is_no_number_stops_with_step_rate_and_advice() -> None:
    network = nn.Linear(1, 2)
    batches = VectorBatches(torch.full((2, 1), math.inf), torch.tensor([0, 1]), steps=3)
    with pytest.raises(DivergedError) as caught:
        train_epoch(
            TrainStep(
                network,
                ClassificationLoss(),
                optimizer_over(network, "sgd", lr=0.5, weight_decay=0, momentum=0),
                device=CPU,
            ),
            batches,
            epoch=2,
        )
    assert caught.value.message == "the loss became nan in step 6 at learning rate 0.5"
    assert caught.value.hint == "try `--lr 0.05`, or a longer `--warmup-epochs`"


@pytest.mark.parametrize("name", ["sgd", "adam", "adamw"])
def test_weight_decay_spares_biases_and_normalisation(name: str) -> None:
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2))
    decayed, spared = optimizer_over(network, name, lr=0.1, weight_decay=0.3).param_groups
    assert [tuple(p.shape) for p in decayed["params"]] == [(2, 1, 3, 3)]
    assert decayed["weight_decay"] == 0.3
    assert len(spared["params"]) == 3
    assert spared["weight_decay"] == 0


def test_an_unknown_optimizer_is_an_error_with_the_nearest() -> None:
    with pytest.raises(UsageError, match="no optimizer is called `adamx`") as caught:
        make_optimizer("adamx", [], lr=0.1)
    assert str(caught.value.hint).startswith("did you mean `adamax`?")


def test_head_tuning_leaves_one_layer_and_keeps_frozen_batch_norm_still() -> None:
    network = build("resnet20", num_classes=10)
    freeze(network, "head")
    assert {n for n, p in network.named_parameters() if p.requires_grad} == {"fc.weight", "fc.bias"}
    set_train_mode(network)
    before = network.state_dict()["bn1.running_mean"].clone()
    network(torch.randn(4, 3, 32, 32))
    torch.testing.assert_close(network.state_dict()["bn1.running_mean"], before, rtol=0, atol=0)


def test_dense_tuning_leaves_all_dense_layers() -> None:
    network = build("lenet5_relu", num_classes=10)
    freeze(network, "dense")
    learning = {n.split(".")[0] for n, p in network.named_parameters() if p.requires_grad}
    assert learning == {"fc1", "fc2", "fc3"}


@pytest.mark.slow
def test_dense_tuning_leaves_auxiliary_outputs_alone() -> None:
    network = build("googlenet", num_classes=3, stem="small", input_size=64)
    freeze(network, "dense")
    assert {n for n, p in network.named_parameters() if p.requires_grad} == {"fc.weight", "fc.bias"}


def test_a_head_without_parameters_cannot_be_tuned_alone() -> None:
    with pytest.raises(UsageError, match="`tune=head` has nothing to tune"):
        freeze(build("lenet5_1998"), "head")


def test_dense_tuning_of_a_network_without_dense_layers_is_an_error() -> None:
    with pytest.raises(UsageError, match="this network has no dense layers"):
        freeze(build("squeezenet1_1", num_classes=2, input_size=64), "dense")
