"""Classifiers and networks with random weights, as several tests need them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from convscope.classifier import Classifier, NetworkChoice
from convscope.data.pixels.preprocessing import Preprocessing
from convscope.files import seal_of


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


def rewrite_classifier(folder: Path, **changes: Any) -> None:
    """Changes parts of a `classifier.json` as somebody would who knows its format, seal included.

    Args:
        folder: The classifier's folder.
        **changes: New values of its fields; of fields with parts, the parts that change.
    """
    path = folder / "classifier.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    content.pop("sha256", None)
    for name, value in changes.items():
        is_part = isinstance(value, dict) and name in content
        content[name] = {**content[name], **value} if is_part else value
    path.write_text(json.dumps({**content, "sha256": seal_of(content)}), encoding="utf-8")
