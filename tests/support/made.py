"""Classifiers and networks with random weights, as several tests need them."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from convscope.classifier import Classifier, NetworkChoice
from convscope.data.pixels.preprocessing import Preprocessing


def made_classifier(
    name: str = "lenet_rgb", *, side: int = 32, num_classes: int = 4, **options: Any
) -> Classifier:
    """An untrained classifier; `fit` and `resize` belong to its preprocessing."""
    torch.manual_seed(0)
    geometry = {key: options.pop(key) for key in ("fit", "resize") if key in options}
    choice = NetworkChoice(name, num_classes, 3, (side, side), options)
    preprocessing = Preprocessing(
        height=side, width=side, channels=3, mean=(0.5,) * 3, std=(0.25,) * 3, **geometry
    )
    classes = [f"class {number}" for number in range(num_classes)]
    return Classifier(
        choice.build(initialization="kaiming"), choice, preprocessing=preprocessing, classes=classes
    )


class OnlyEffect(nn.Module):
    """Its ReLU is called for its effect alone, so that no gradient can be followed."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv, self.relu, self.fc = nn.Conv2d(3, 8, 3), nn.ReLU(inplace=True), nn.Linear(8, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        self.relu(x)
        logits: Tensor = self.fc(x.mean(dim=(2, 3)))
        return logits
