"""Works that grow with the network and what it is given: steps, layer tables, building."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import convscope  # first, as it decides how torch's threads wait

# isort: split
import torch
from material import Given

from convscope.arithmetic import layer_table
from convscope.data.batch import Batch
from convscope.device import choose_device
from convscope.training.freezing import parameter_groups
from convscope.training.loop import TrainStep
from convscope.training.losses import ClassificationLoss
from convscope.training.optimizers import make_optimizer

Found = dict[str, Any] | None
Call = Callable[[], Found]
STEPS = 5  # and one that warms up
DEPTH_BATCH, CIFAR_PX, SIZE_BATCH, CLASSES = 32, 32, 8, 10


def step_of(network: str, *, side: int, channels: int, batch: int, classes: int = CLASSES) -> Call:
    """The product's step of AdamW on one batch of noise; seconds are medians of some."""
    device = choose_device("cpu")
    module = convscope.build(
        network, num_classes=classes, in_channels=channels, input_size=(side, side)
    ).train()
    module = module.to(memory_format=torch.channels_last)
    noise = torch.randn(batch, side, side, channels).permute(0, 3, 1, 2)
    groups = parameter_groups(module, lr=1e-4, weight_decay=0.01)
    optimizer = make_optimizer("adamw", groups, lr=1e-4)
    step = TrainStep(module, ClassificationLoss(), optimizer, device=device)
    images = Batch(noise, torch.randint(0, classes, (batch,)), batch)

    def work() -> Found:
        step.take(images, 0)
        return median_of(lambda: step.take(images, 1))

    return work


def median_of(call: Callable[[], object]) -> dict[str, float]:
    """Medians of seconds and of seconds of the processor."""
    seconds, processor = [], []
    for _ in range(STEPS):
        began, processor_began = time.perf_counter(), time.process_time()
        call()
        seconds.append(time.perf_counter() - began)
        processor.append(time.process_time() - processor_began)
    return {"seconds": statistics.median(seconds), "processor": statistics.median(processor)}


def size_step(given: Given) -> Call:
    """A step of resnet18 on images of this side."""
    return step_of("resnet18", side=given.size, channels=3, batch=SIZE_BATCH)


def batch_step(given: Given) -> Call:
    """A step of a small network on a batch of this size."""
    channels, side = (1, 28) if given.network == "lenet5_relu" else (3, CIFAR_PX)
    return step_of(given.network, side=side, channels=channels, batch=given.size)


def depth_step(given: Given) -> Call:
    """A step of a ResNet of so many layers, as in the paper's section on CIFAR-10."""
    return step_of(f"resnet{given.size}", side=CIFAR_PX, channels=3, batch=DEPTH_BATCH)


def table(given: Given) -> Call:
    """The layer table, with the first one's imports left out."""
    shape = (1, 3, CIFAR_PX, CIFAR_PX)
    layer_table(convscope.build("resnet20"), shape)
    network = convscope.build(f"resnet{given.size}")

    def work() -> Found:
        return median_of(lambda: layer_table(network, shape))

    return work


def building(given: Given) -> Call:
    """Building the network with its first weights."""
    convscope.build("resnet20")
    return lambda: median_of(lambda: convscope.build(f"resnet{given.size}"))
