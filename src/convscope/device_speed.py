"""How fast a device multiplies, by number format and order in memory: the limit of a training."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from convscope.device import Device, has_fast_bfloat16

MEASURED_SECONDS = 5.0  # for all operations together, about
MATRIX = 1024  # rows and columns
IMAGES, CHANNELS, SIDE_PX, KERNEL = 4, 64, 56, 3  # of the first blocks of a ResNet at 224 px
PRODUCT = f"product of two {MATRIX} x {MATRIX} matrices"
CONVOLUTION = f"convolution {KERNEL}x{KERNEL}, {CHANNELS} channels of {SIDE_PX} x {SIDE_PX}"
TRAINING = "that convolution forward and backward"
MULTIPLE_OF_FORWARD = 3  # the gradients of inputs and weights cost as much again, each


class Rate(NamedTuple):
    """How fast an operation is in a format.

    Attributes:
        operation: What was computed.
        precision: The number format.
        memory_format: The order of an image's values in memory; None for matrices.
        flops: Floating-point operations a second; a multiplication and an addition are two.
    """

    operation: str
    precision: str
    memory_format: str | None
    flops: float


def measure_rates(device: Device) -> list[Rate]:
    """Measures matrix products and convolutions in all formats that the device has."""
    operations = list(_operations(device))
    rates = []
    for operation, precision, memory_format, work, run in operations:
        took = _fastest(run, device, seconds=MEASURED_SECONDS / len(operations))
        rates.append(Rate(operation, precision, memory_format, work / took))
    return rates


class _Operation(NamedTuple):
    operation: str
    precision: str
    memory_format: str | None
    work: float  # floating-point operations
    run: Callable[[], object]


def _operations(device: Device) -> Iterator[_Operation]:
    formats = {"float32": torch.float32}
    if has_fast_bfloat16(device.torch):
        formats["bfloat16"] = torch.bfloat16
    orders = {"channels_last": torch.channels_last, "contiguous": torch.contiguous_format}
    for precision, dtype in formats.items():
        matrix = torch.rand(MATRIX, MATRIX, device=device.torch, dtype=dtype)
        multiply = partial(torch.matmul, matrix, matrix)
        yield _Operation(PRODUCT, precision, None, 2 * MATRIX**3, multiply)
        for name, order in orders.items():
            inputs = torch.rand(IMAGES, CHANNELS, SIDE_PX, SIDE_PX, device=device.torch)
            kernels = torch.rand(CHANNELS, CHANNELS, KERNEL, KERNEL, device=device.torch)
            inputs, kernels = (each.to(dtype, memory_format=order) for each in (inputs, kernels))
            work = 2 * IMAGES * CHANNELS * SIDE_PX**2 * CHANNELS * KERNEL**2
            forward, both = partial(_convolve, inputs, kernels), partial(_train, inputs, kernels)
            yield _Operation(CONVOLUTION, precision, name, work, forward)
            yield _Operation(TRAINING, precision, name, MULTIPLE_OF_FORWARD * work, both)


def _convolve(inputs: Tensor, kernels: Tensor) -> Tensor:
    return F.conv2d(inputs, kernels, padding=KERNEL // 2)


def _train(inputs: Tensor, kernels: Tensor) -> tuple[Tensor, ...]:
    given = inputs.detach().requires_grad_(), kernels.detach().requires_grad_()
    outputs = _convolve(*given)
    return torch.autograd.grad(outputs, given, grad_outputs=outputs.detach())


def _fastest(run: Callable[[], object], device: Device, *, seconds: float) -> float:
    """Seconds of the fastest of many runs: what other programs take is no property of it."""
    run()
    fastest, began = float("inf"), time.perf_counter()
    while time.perf_counter() - began < seconds or fastest == float("inf"):
        before = device.moment()
        run()
        fastest = min(fastest, device.seconds_between(before, device.moment()))
    return fastest
