"""A classifier with random weights, as any test needs one."""

from __future__ import annotations

from typing import Any

import torch

from convscope.classifier import Classifier, NetworkChoice
from convscope.data.preprocessing import Preprocessing


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
