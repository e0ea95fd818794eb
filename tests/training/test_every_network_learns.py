"""Every network of the table learns eight images by heart, at the rate of its family."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from convscope.data.batch import Batch
from convscope.device import choose_device
from convscope.networks import NETWORKS, alexnet, build, smallest_input, vgg
from convscope.rng import seed32
from convscope.training.freezing import parameter_groups
from convscope.training.loop import StepRules, TrainStep
from convscope.training.losses import ClassificationLoss
from convscope.training.optimizers import make_optimizer, optimizer_kind, scaled_rate
from convscope.training.presets import DEFAULT_OPT, FAMILIES, family_of

pytestmark = pytest.mark.slow

EXACT = choose_device("cpu", "float32")
SIDE = 32
IMAGES = 8
MOST_STEPS = 150
WARMUP_STEPS = 10
LEARNED = 0.5  # loss at which all eight are right; that of guessing is ln 4 = 1.39


@pytest.fixture(autouse=True)
def few_dense_neurons(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes the dense layers of AlexNet and VGG an eighth: most of a step was their update."""
    monkeypatch.setattr(alexnet, "NEURONS", 512)
    monkeypatch.setattr(vgg, "NEURONS", 512)


@pytest.mark.parametrize("name", list(NETWORKS))
def test_a_network_learns_eight_images_by_heart(name: str) -> None:
    row = NETWORKS[name]
    channels, height, _ = row.input
    side = min(height, SIDE)
    # The stem for small images has maps of 32x32 to compute, the usual one of 16x16 and 8x8.
    is_too_small = smallest_input(name) > side
    options: dict[str, Any] = {"stem": "small"} if is_too_small else {}
    if "dropout" in row.options:
        options["dropout"] = 0.0  # a loss without chance
    if "auxiliaries" in row.options:
        options["auxiliaries"] = False
    torch.manual_seed(seed32("learns", 0))
    network = build(name, num_classes=4, in_channels=channels, input_size=side, **options)
    inputs, targets = torch.randn(IMAGES, channels, side, side), torch.arange(IMAGES) % 4
    batch = Batch(inputs, targets, IMAGES)
    family = FAMILIES[family_of(network)]
    kind = optimizer_kind(DEFAULT_OPT)
    lr = scaled_rate(kind.lr * family.lr_share, IMAGES, power=kind.power)
    optimizer = make_optimizer(DEFAULT_OPT, parameter_groups(network, lr=lr), lr=lr)
    rules = StepRules(clip_norm=family.clip_norm)
    train_step = TrainStep(network, ClassificationLoss(), optimizer, device=EXACT, rules=rules)
    for step in range(MOST_STEPS):
        train_step.set_learning_rate(min(1.0, (step + 1) / WARMUP_STEPS))
        loss, num_correct, _ = train_step.take(batch, step)
        if int(num_correct) == IMAGES and float(loss) < LEARNED:
            break
    assert int(num_correct) == IMAGES, f"{num_correct} of {IMAGES} right, loss {float(loss):.3f}"
    assert float(loss) < LEARNED
