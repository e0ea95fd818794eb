"""Every network of the table learns eight images by heart, at the rate of its family."""

from __future__ import annotations

import pytest
import torch

from convscope.data.batches import Batch
from convscope.data.counters import seed32
from convscope.device import choose_device
from convscope.networks import NETWORKS, build
from convscope.training.course import USUAL_OPT
from convscope.training.families import FAMILIES, family_of
from convscope.training.loop import Gradient, StepRules, set_rate, take_step
from convscope.training.objectives import Classification
from convscope.training.optimizers import make_optimizer, optimizer_kind, scaled_rate
from convscope.training.parameter_groups import parameter_groups

EXACT = choose_device("cpu", "float32")
SIDE = 32
IMAGES = 8
MOST_STEPS = 150
WARMUP_STEPS = 10
LEARNED = 0.5  # loss at which all eight are right; that of guessing is ln 4 = 1.39


@pytest.mark.parametrize("name", list(NETWORKS))
def test_a_network_learns_eight_images_by_heart(name: str) -> None:
    row = NETWORKS[name]
    channels, height, _ = row.input
    side = min(height, SIDE)
    options = {"stem": "small"} if "stem" in row.options else {}
    if "dropout" in row.options:
        options["dropout"] = 0.0  # a loss without chance
    if "auxiliaries" in row.options:
        options["auxiliaries"] = False
    torch.manual_seed(seed32("learns", 0))
    network = build(name, num_classes=4, in_channels=channels, input_size=side, **options)
    inputs, targets = torch.randn(IMAGES, channels, side, side), torch.arange(IMAGES) % 4
    batch = Batch(inputs, targets, IMAGES)
    family = FAMILIES[family_of(network)]
    kind = optimizer_kind(USUAL_OPT)
    lr = scaled_rate(kind.lr * family.lr_share, IMAGES, power=kind.power)
    optimizer = make_optimizer(USUAL_OPT, parameter_groups(network, lr=lr), lr=lr)
    rules = StepRules(clip_norm=family.clip_norm)
    for step in range(MOST_STEPS):
        set_rate(optimizer, min(1.0, (step + 1) / WARMUP_STEPS))
        gradient = Gradient(network, Classification(), batch, device=EXACT)
        take_step(optimizer, gradient, rules=rules, seed=0, step=step)
        right = int(gradient.taken.num_correct)
        if right == IMAGES and float(gradient.taken.loss) < LEARNED:
            break
    assert right == IMAGES, f"{right} of {IMAGES} right, loss {float(gradient.taken.loss):.3f}"
    assert float(gradient.taken.loss) < LEARNED
