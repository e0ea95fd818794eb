"""Rows that train on photos."""

from __future__ import annotations

from typing import Any

from suite.comparison import Comparison, Side
from suite.material import Material
from suite.sides import IN_TIMM, RECIPES, SIZE, Build, ours, peers, shell

# Train images of a row, and of a quick one: few, as deep networks take seconds an image.
NUM_TRAIN = {
    "alexnet": (256, 32), "googlenet": (96, 32), "resnet18": (96, 32), "vgg16": (32, 16),
}  # fmt: skip
# What the random resized crops and mirror images of all peers are; the rest is left out.
CROPS = {
    "crop_scale": 0.08, "hflip": 0.5, "translate": 0.0, "scale": 0.0, "rotate": 0.0,
    "brightness": 0.0, "contrast": 0.0, "saturation": 0.0,
}  # fmt: skip


def photo_settings(material: Material, network: str, quick: bool) -> dict[str, Any]:
    """What the programs are told of a training on photos."""
    count = NUM_TRAIN[network][quick]
    root = material.photos(count)
    return {
        "work": "photos",
        "network": network,
        "root": str(root),
        "train": str(root / "train"),
        "num_train": count,
        "classes": len(material.class_names()),
        "size": SIZE,
        "batch": 16,
        "epochs": 2,  # the second counts: the first warms up, and fills our store
    }


def photo_training(settings: dict[str, Any]) -> Side:
    """Our training on photos, from random weights as the peers."""
    recipe = {
        "model": settings["network"],
        "weights": "none",
        "epochs": settings["epochs"],
        "batch_size": settings["batch"],
        "img_size": SIZE,
        **CROPS,
    }
    return ours("train", data=settings["root"], recipe=recipe, rate=True)


def train_row(network: str) -> Build:
    """Training images a second from a folder of photos."""

    def build(material: Material, quick: bool) -> Comparison:
        settings = photo_settings(material, network, quick)
        sides = peers("torchvision", "torchvision_peer.py", settings)
        if network in IN_TIMM:
            sides += peers("timm", "timm_peer.py", settings)
        sides += peers("fastai", "fastai_peer.py", settings)
        sides += peers("Lightning", "lightning_peer.py", settings)
        if network == "resnet18":
            sides += peers("ultralytics", "ultralytics_peer.py", settings)
        return Comparison(
            name=f"train-{network}",
            title=f"{network} at {SIZE} px, training from photos",
            unit="images/s",
            ours=photo_training(settings),
            peers=tuple(sides),
            goals={"default": 2.2, "best": 1.0},
            accuracy_counts=False,
        )

    return build


def bare_row(network: str) -> Build:
    """The same against network and optimizer alone, in the format that is fastest here."""

    def build(material: Material, quick: bool) -> Comparison:
        settings = photo_settings(material, network, quick)
        bare = {**settings, "work": "bare", "seconds": 1 if quick else 10}
        return Comparison(
            name=f"bare-{network}",
            title=f"{network}, against network and optimizer alone, best format",
            unit="images/s",
            ours=photo_training(settings),
            peers=tuple(peers("bare network", "synthetic.py", bare, ("best",))),
            goals={"best": 0.95},
            accuracy_counts=False,
        )

    return build


def head(material: Material, quick: bool) -> Comparison:
    """Fine-tuning the last layer, from the shell to the report, with an empty cache."""
    data, weights = material.data / "hymenoptera", material.squeezenet_weights()
    settings = {
        "work": "head",
        "network": "squeezenet1_1",
        "weights": str(weights),
        "root": str(data),
        "train": str(data / "train"),
        "val": str(data / "val"),
        "classes": 2,
        **({"epochs": 1} if quick else {}),
    }
    words = ["train", str(data), "--recipe", str(RECIPES / "squeezenet-head.yaml"), "--json", "-q"]
    words += ["--weights", str(weights), "--project", "runs"] + (["--epochs", "1"] if quick else [])
    sides = peers("torchvision", "torchvision_peer.py", settings)
    sides += peers("fastai", "fastai_peer.py", settings)
    sides += peers("Lightning", "lightning_peer.py", settings)
    return Comparison(
        name="head",
        title="Hymenoptera, head of squeezenet1_1, cold start to report",
        unit="s",
        clock="process",
        ours=shell(*words),
        peers=tuple(sides),
        goals={"default": 5, "best": 3},
        accuracy_counts=not quick,
    )
