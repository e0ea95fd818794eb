"""Rows on MNIST and Fashion-MNIST."""

from __future__ import annotations

from typing import Any

from suite.comparison import Comparison, Side
from suite.material import Material
from suite.sides import RECIPES, ours, peers, shell


def _digits_settings(material: Material, quick: bool) -> dict[str, Any]:
    return {
        "work": "digits",
        "network": "lenet5",
        "root": str(material.digits_root("mnist", "MNIST")),
        "data": str(material.data / "mnist"),
        "epochs": 1 if quick else 14,
        "planned_epochs": 8,
        "until": 0.9 if quick else 0.99,
        "num_test": 10_000,
    }


def _digits_peers(settings: dict[str, Any]) -> tuple[Side, ...]:
    return (
        *peers("PyTorch", "torchvision_peer.py", settings),
        *peers("Keras", "keras_peer.py", settings),
    )


def mnist(material: Material, quick: bool) -> Comparison:
    """Training seconds to 99.0 %."""
    file = str(RECIPES / "mnist-lenet5_relu-15s.yaml")
    recipe = {"epochs": 1} if quick else {}
    return Comparison(
        name="mnist",
        title="MNIST, LeNet-5, training to 99.0 %",
        unit="s",
        ours=ours("train", data=str(material.data / "mnist"), file=file, recipe=recipe),
        peers=_digits_peers(_digits_settings(material, quick)),
        goals={"default": 12, "best": 3},
        least_accuracy=0.9 if quick else 0.99,
        accuracy_counts=not quick,
    )


def mnist_shell(material: Material, quick: bool) -> Comparison:
    """The same from the shell, with an empty cache, to the report."""
    words = ["train", str(material.data / "mnist"), "--json", "-q", "--project", "runs"]
    words += ["--recipe", str(RECIPES / "mnist-lenet5_relu-15s.yaml")]
    words += ["--epochs", "1"] if quick else []
    return Comparison(
        name="mnist-shell",
        title="The same from the shell, cold",
        unit="s",
        clock="process",
        ours=shell(*words),
        peers=_digits_peers(_digits_settings(material, quick)),
        goals={"default": 5, "best": 2},
        least_accuracy=0.9 if quick else 0.99,
        accuracy_counts=not quick,
    )


def bare_lenet(material: Material, quick: bool) -> Comparison:
    """Images a second against network and optimizer alone."""
    recipe = {"model": "lenet5_relu", "batch_size": 256, "opt": "adamw", "epochs": 2}
    settings = {
        "work": "bare", "network": "lenet5_relu", "size": 28, "channels": 1, "classes": 10,
        "batch": 256, "seconds": 1 if quick else 10,
    }  # fmt: skip
    return Comparison(
        name="bare-lenet5",
        title="LeNet-5 on MNIST, against network and optimizer alone, best format",
        unit="images/s",
        ours=ours("train", data=str(material.data / "mnist"), recipe=recipe, rate=True),
        peers=tuple(peers("bare network", "synthetic.py", settings, ("best",))),
        goals={"best": 0.95},
        accuracy_counts=False,
    )


def fashion(material: Material, quick: bool) -> Comparison:
    """One epoch; its accuracy is that of one epoch's learning rates, so it voids nothing."""
    data, file = str(material.data / "fashion-mnist"), str(RECIPES / "fashion-resnet20.yaml")
    settings = {
        "work": "digits",
        "network": "resnet20",
        "root": str(material.digits_root("fashion-mnist", "FashionMNIST")),
        "data": data,
        "batch": 128,
        "epochs": 1,
        "amount": 60_000,
        "num_test": 10_000,
    }
    return Comparison(
        name="fashion",
        title="Fashion-MNIST, ResNet-20, one epoch",
        unit="images/s",
        ours=ours("train", data=data, file=file, recipe={"epochs": 1}, rate=True),
        peers=_digits_peers(settings),
        goals={"default": 2.5, "best": 1.2},
        accuracy_counts=False,
    )
