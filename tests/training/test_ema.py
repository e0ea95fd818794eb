"""The moving average of weights, by hand; and gradients that are added up and clipped."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from convscope.data.batch import Batch
from convscope.device import choose_device
from convscope.networks import build
from convscope.training.ema import WeightEMA
from convscope.training.freezing import parameter_groups
from convscope.training.loop import StepRules, TrainStep
from convscope.training.losses import ClassificationLoss
from convscope.training.optimizers import make_optimizer

EXACT = choose_device("cpu", "float32")


def test_the_average_by_hand() -> None:
    network = nn.Linear(1, 1, bias=False)
    network.weight.data.fill_(1.0)
    average = WeightEMA(network, decay=0.5)
    expected = 1.0
    for step, value in enumerate((2.0, 4.0, 8.0)):
        network.weight.data.fill_(value)
        average.update(step)
        kept = min(0.5, (1 + step) / (10 + step))
        expected = kept * expected + (1 - kept) * value
    assert float(average.state["weight"]) == pytest.approx(expected)


def test_the_networks_own_weights_come_back_to_the_bit() -> None:
    network = build("resnet20", num_classes=3)
    before = copy.deepcopy(network.state_dict())
    average = WeightEMA(network, decay=0.9)
    for value in average.state.values():
        value.mul_(2)
    with average.in_use():
        inside = {name: value.clone() for name, value in network.state_dict().items()}
    assert all(torch.equal(inside[name], average.state[name]) for name in inside)
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())


def gradient_of(network: nn.Module, rules: StepRules | None = None) -> list[float]:
    torch.manual_seed(3)
    inputs, targets = torch.randn(10, 1, 28, 28), torch.arange(10) % 3
    optimizer = make_optimizer("sgd", parameter_groups(network, lr=0.0), lr=0.0)
    loss = ClassificationLoss(class_weights=torch.tensor([1.0, 2.0, 0.5]))
    step = TrainStep(network, loss, optimizer, device=EXACT, rules=rules or StepRules())
    step.take(Batch(inputs, targets, len(inputs)), 0)
    values = [p.grad.flatten() for p in network.parameters() if p.grad is not None]
    return torch.cat(values).tolist()


@pytest.mark.slow
@pytest.mark.parametrize("count", [2, 3, 10])
def test_the_micro_batches_of_a_step_add_up_to_the_whole(count: int) -> None:
    torch.manual_seed(0)
    network = build("lenet5_relu", num_classes=3)
    whole = gradient_of(network)
    assert gradient_of(network, StepRules(micro_batches=count)) == pytest.approx(whole, abs=1e-6)


def test_a_gradient_is_clipped_by_norm_as_by_hand() -> None:
    torch.manual_seed(0)
    network = build("lenet5_relu", num_classes=3)
    whole = torch.tensor(gradient_of(network))
    clipped = torch.tensor(gradient_of(network, StepRules(clip_norm=0.01)))
    torch.testing.assert_close(clipped, whole * 0.01 / whole.norm(), rtol=1e-4, atol=1e-8)
    same = torch.tensor(gradient_of(network, StepRules(clip_norm=1e6)))
    torch.testing.assert_close(same, whole, rtol=0, atol=0)


def test_a_gradient_is_clipped_by_value_as_by_hand() -> None:
    torch.manual_seed(0)
    network = build("lenet5_relu", num_classes=3)
    whole = torch.tensor(gradient_of(network))
    clipped = torch.tensor(gradient_of(network, StepRules(micro_batches=2, clip_value=1e-3)))
    torch.testing.assert_close(clipped, whole.clamp(-1e-3, 1e-3), rtol=0, atol=1e-6)


def test_dropout_is_the_same_however_often_an_optimizer_asks() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Flatten(), nn.Linear(784, 20), nn.Dropout(0.5), nn.Linear(20, 3))
    inputs, targets = torch.randn(6, 1, 28, 28), torch.arange(6) % 3
    asked: list[float] = []

    class AskingTwice(torch.optim.SGD):
        def step(self, closure=None):  # type: ignore[no-untyped-def]
            asked.extend(float(closure()) for _ in range(2))

    optimizer = AskingTwice(network.parameters(), lr=0.1)
    rules = StepRules(micro_batches=2)
    step = TrainStep(network, ClassificationLoss(), optimizer, device=EXACT, rules=rules, seed=1)
    batch = Batch(inputs, targets, len(inputs))
    metrics = step.take(batch, 5)
    step.take(batch, 6)
    first, second, other, _ = asked
    assert first == second
    assert first != other
    assert float(metrics.loss) == first


def test_what_happens_after_a_step_is_told_its_number() -> None:
    from convscope.training.loop import train_epoch

    told: list[int] = []
    network = nn.Linear(2, 2)
    inputs, targets = torch.randn(4, 2), torch.tensor([0, 1, 0, 1])

    class Twice:
        num_images = 8

        def __len__(self) -> int:
            return 2

        def epoch(self, epoch: int, *, start: int = 0):  # type: ignore[no-untyped-def]
            yield from [Batch(inputs, targets, len(inputs))] * (2 - start)

    optimizer = make_optimizer("sgd", parameter_groups(network, lr=0.1), lr=0.1)
    step = TrainStep(network, ClassificationLoss(), optimizer, device=EXACT)
    train_epoch(step, Twice(), epoch=3, after_step=told.append)
    assert told == [6, 7]
    assert F.cross_entropy(network(inputs), targets) > 0
