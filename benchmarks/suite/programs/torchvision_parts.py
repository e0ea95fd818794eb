"""Data and networks as torchvision's documentation shows them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import plain
import torch
from torch import nn
from torch.utils.data import DataLoader

WORKERS = 2


def import_torchvision() -> Any:
    """Torchvision; its CUDA build needs two operators declared to be imported without CUDA."""
    try:
        import torchvision
    except RuntimeError:
        library = torch.library.Library("torchvision", "DEF")  # noqa: TOR901
        library.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        library.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        globals()["_declared"] = library  # goes away with its declarations
        import torchvision
    return torchvision


def photo_loader(
    folder: str, *, batch: int, size: int, trains: bool, cores: int = WORKERS
) -> DataLoader[Any]:
    """Photos in class folders: cropped at random and mirrored, or resized and cut in the centre."""
    torchvision = import_torchvision()
    from torchvision.transforms import v2

    if trains:
        steps = [v2.RandomResizedCrop(size), v2.RandomHorizontalFlip()]
    else:
        steps = [v2.Resize(size * 256 // 224), v2.CenterCrop(size)]
    steps += [v2.PILToTensor(), v2.ToDtype(torch.float32, scale=True)]
    steps += [v2.Normalize(plain.MEAN, plain.STD)]
    return DataLoader(
        torchvision.datasets.ImageFolder(folder, v2.Compose(steps)),
        batch_size=batch,
        shuffle=trains,
        num_workers=cores,
        persistent_workers=cores > 0,
    )


def digit_loader(
    root: str, *, batch: int, trains: bool, fashion: bool = False, workers: int = 0, crops: bool
) -> DataLoader[Any]:
    """MNIST or Fashion-MNIST; `crops` for crops out of a border of 2 pixels and mirror images."""
    torchvision = import_torchvision()
    from torchvision import transforms

    kind = torchvision.datasets.FashionMNIST if fashion else torchvision.datasets.MNIST
    steps = [transforms.RandomCrop(28, padding=2), transforms.RandomHorizontalFlip()]
    steps = steps if crops and trains else []
    steps += [
        transforms.ToTensor(),
        transforms.Normalize(plain.DIGITS_MEAN, plain.DIGITS_STD),
    ]
    return DataLoader(
        kind(root, train=trains, transform=transforms.Compose(steps)),
        batch_size=batch,
        shuffle=trains,
        num_workers=workers,
        persistent_workers=workers > 0,
    )


def network(settings: dict[str, Any]) -> nn.Module:
    """A network of torchvision's, with weights and a new head where the settings say so."""
    torchvision = import_torchvision()
    name, classes = settings["network"], settings["classes"]
    options = {"init_weights": True} if name == "googlenet" else {}
    count = 1000 if settings.get("weights") else classes
    built: nn.Module = torchvision.models.get_model(
        name, weights=None, num_classes=count, **options
    )
    if settings.get("weights"):
        built.load_state_dict(torch.load(settings["weights"], weights_only=True))
        built.requires_grad_(False)
        built.classifier[1] = nn.Conv2d(512, classes, kernel_size=1)  # type: ignore[index,operator]
    if settings.get("state"):
        built.load_state_dict(torch.load(settings["state"], weights_only=True))
    return built


def photo_files(folder: str) -> list[Path]:
    """The photos in class folders, or one file."""
    path = Path(folder)
    return sorted(path.rglob("*.jpg")) if path.is_dir() else [path]
