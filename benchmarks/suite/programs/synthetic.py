"""Training and inference on one batch that lies on the device already: no data, no disk."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import plain
import torch
import work
from torch import nn, optim
from torch.nn import functional as F

WARM_UP = 3


def batch_of(settings: dict[str, Any], form: plain.Format) -> tuple[torch.Tensor, torch.Tensor]:
    """A batch of noise and its targets."""
    side, count = settings["size"], settings["batch"]
    inputs = torch.randn(count, settings.get("channels", 3), side, side)
    targets = torch.randint(0, settings["classes"], (count,))
    return form.inputs(inputs), targets.to(form.device)


def seconds_of(step: Callable[[], object], form: plain.Format, *, at_least: float) -> float:
    """Seconds of a step: the median of all that begin in a time, three of them at least."""
    for _ in range(WARM_UP):
        step()
    plain.synchronize(form)
    times: list[float] = []
    while sum(times) < at_least or len(times) < 3:
        began = time.perf_counter()
        step()
        plain.synchronize(form)
        times.append(time.perf_counter() - began)
    return sorted(times)[len(times) // 2]


def training_step(
    network: nn.Module, optimizer: optim.Optimizer, batch: Any, form: plain.Format
) -> Callable[[], object]:
    """A step of a plain loop."""
    return lambda: plain.train_epoch(network, [batch], optimizer, form)


def inference_step(network: nn.Module, batch: Any, form: plain.Format) -> Callable[[], object]:
    """A forward pass."""
    network.eval()

    def step() -> None:
        with torch.inference_mode(), form.autocast():
            network(batch[0])

    return step


def report_steps(
    settings: dict[str, Any],
    network: nn.Module,
    optimizer: optim.Optimizer,
    form: plain.Format,
    *,
    packages: tuple[str, ...],
) -> None:
    """Measures training, or inference where the settings say so."""
    batch = batch_of(settings, form)
    if settings.get("inference"):
        step = inference_step(network, batch, form)
    else:
        step = training_step(network, optimizer, batch, form)
    seconds = seconds_of(step, form, at_least=settings["seconds"])
    work.report(*packages, seconds=seconds, amount=settings["batch"])


def bare(settings: dict[str, Any]) -> None:
    """The network and a fused AdamW in the format in which they are fastest here."""
    device = settings.get("device", "cpu")
    forms = [plain.Format(device=device), plain.Format(True, device=device)]
    if device == "cuda" or work.has_bfloat16():
        forms.append(plain.Format(True, True, device))
    best = min(_seconds_in(form, settings) for form in forms)
    work.report("torch", seconds=best, amount=settings["batch"])


def _seconds_in(form: plain.Format, settings: dict[str, Any]) -> float:
    import torchvision_parts

    if settings["network"] == "lenet5_relu":
        network: nn.Module = plain.lenet5()
    else:
        network = torchvision_parts.network(settings)
    network = form.network(network)
    optimizer = optim.AdamW(network.parameters(), lr=1e-4, fused=True)
    step = training_step(network, optimizer, batch_of(settings, form), form)
    return seconds_of(step, form, at_least=settings["seconds"])


def limit(settings: dict[str, Any]) -> None:
    """The largest rate of a matrix product or a convolution here, as seconds for a FLOP."""
    device = settings.get("device", "cpu")
    formats = [torch.float32]
    if device == "cuda" or work.has_bfloat16():
        formats.append(torch.bfloat16)
    side = 8192 if device == "cuda" else 2048
    rates = []
    for kind in formats:
        left, right = torch.randn(2, side, side, dtype=kind, device=device).unbind()
        form = plain.Format(device=device)
        seconds = seconds_of(lambda a=left, b=right: a @ b, form, at_least=settings["seconds"])  # type: ignore[misc]
        rates.append(2 * side**3 / seconds)
        for channels, size in ((64, 56), (256, 28)):
            images = torch.randn(16, channels, size, size, dtype=kind, device=device)
            images = images.contiguous(memory_format=torch.channels_last)
            kernels = torch.randn(channels, channels, 3, 3, dtype=kind, device=device)
            kernels = kernels.contiguous(memory_format=torch.channels_last)
            with torch.inference_mode():
                seconds = seconds_of(
                    lambda x=images, w=kernels: F.conv2d(x, w, padding=1),  # type: ignore[misc]
                    form,
                    at_least=settings["seconds"],
                )
            rates.append(2 * 16 * size**2 * channels**2 * 9 / seconds)
    work.report("torch", seconds=1.0, amount=max(rates))


if __name__ == "__main__":
    work.main({"bare": bare, "limit": limit})
