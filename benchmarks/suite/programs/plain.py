"""The plain loop in PyTorch, and the parts of it that several programs take.

With default flags it is what PyTorch's and torchvision's documentation shows; with the best ones,
channels last and, where the processor or GPU has it, bfloat16.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
import work
from torch import Tensor, nn, optim
from torch.nn import functional as F

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
DIGITS_MEAN, DIGITS_STD = (0.1307,), (0.3081,)


@dataclass(frozen=True)
class Format:
    """How a network computes."""

    channels_last: bool = False
    bfloat16: bool = False
    device: str = "cpu"

    def autocast(self) -> AbstractContextManager[object]:
        """Context manager of the forward pass."""
        return torch.autocast(self.device, torch.bfloat16) if self.bfloat16 else nullcontext()

    def network(self, network: nn.Module) -> nn.Module:
        """The network in this layout on this device."""
        network = network.to(self.device)
        return network.to(memory_format=torch.channels_last) if self.channels_last else network

    def inputs(self, images: Tensor) -> Tensor:
        """Images in this layout on this device."""
        images = images.to(self.device, non_blocking=True)
        if self.channels_last:
            return images.contiguous(memory_format=torch.channels_last)
        return images


def format_of(settings: dict[str, Any]) -> Format:
    """That of the flags."""
    device = settings.get("device", "cpu")
    if settings["flags"] == "default":
        return Format(device=device)
    return Format(True, device == "cuda" or work.has_bfloat16(), device)


def synchronize(form: Format) -> None:
    """Waits until the device has done what it was given."""
    if form.device == "cuda":
        torch.cuda.synchronize()


def train_epoch(
    network: nn.Module,
    batches: Iterable[Any],
    optimizer: optim.Optimizer,
    form: Format,
    schedule: Any = None,
) -> tuple[float, int]:
    """Seconds and number of images of an epoch; `schedule` goes on after each step."""
    network.train()
    began, count = time.perf_counter(), 0
    for images, targets in batches:
        with form.autocast():
            loss = loss_of(network(form.inputs(images)), targets.to(form.device))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if schedule is not None:
            schedule.step()
        count += len(targets)
    synchronize(form)
    return time.perf_counter() - began, count


def loss_of(outputs: Any, targets: Tensor) -> Tensor:
    """Cross-entropy; of GoogLeNet's auxiliary outputs 0.3, as its paper has it."""
    if isinstance(outputs, Tensor):
        return F.cross_entropy(outputs, targets)
    main, *others = outputs
    extra = sum(F.cross_entropy(other, targets) for other in others)
    return F.cross_entropy(main, targets) + 0.3 * extra


def accuracy(network: nn.Module, batches: Iterable[Any], form: Format) -> float:
    """Fraction of right answers."""
    network.eval()
    correct = count = 0
    with torch.inference_mode():
        for images, targets in batches:
            with form.autocast():
                outputs = network(form.inputs(images))
            correct += int((outputs.argmax(1).cpu() == targets).sum())
            count += len(targets)
    return correct / count


def train_until(
    settings: dict[str, Any],
    *,
    epoch: Callable[[int], float],
    measure: Callable[[], float],
    packages: tuple[str, ...],
) -> None:
    """Trains until an accuracy is reached or the epochs are over, and reports.

    Args:
        settings: `epochs`, and `until` where an accuracy ends it.
        epoch: Trains an epoch; returns its seconds.
        measure: The accuracy on the test images, whose time doesn't count.
        packages: Whose versions are reported.
    """
    seconds, found = 0.0, 0.0
    until = settings.get("until")
    for number in range(settings["epochs"]):
        seconds += epoch(number)
        if until is not None and (found := measure()) >= until:
            break
    if until is None:
        found = measure()
    work.report(
        *packages,
        seconds=seconds,
        amount=settings.get("amount", 1),
        accuracy=found,
        num_test=settings["num_test"],
    )


def lenet5() -> nn.Sequential:
    """LeNet-5 with ReLU and max pooling: 61,706 parameters."""
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10),
    )  # fmt: skip


class Block(nn.Module):
    """Two convolutions beside a shortcut without parameters."""

    def __init__(self, before: int, channels: int) -> None:
        super().__init__()
        self.stride = channels // before
        self.body = nn.Sequential(
            nn.Conv2d(before, channels, 3, self.stride, 1, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 3, 1, 1, bias=False),
            nn.BatchNorm2d(channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Maps (N, C, H, W) to the block's output."""
        shortcut = x
        if self.stride == 2:
            added = x.shape[1] // 2
            shortcut = F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, added, added))
        return F.relu(self.body(x) + shortcut)


def resnet20(in_channels: int) -> nn.Sequential:
    """ResNet-20 of He et al. 2015, section 4.2."""
    widths = [16] * 4 + [32] * 3 + [64] * 3
    blocks = [Block(a, b) for a, b in zip(widths, widths[1:], strict=False)]
    return nn.Sequential(
        nn.Conv2d(in_channels, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU(), *blocks,
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10),
    )  # fmt: skip
