"""timm, with the functions that its `train.py` and `inference.py` call.

The best flags are `--amp --amp-dtype bfloat16 --channels-last`, on a GPU `--torchcompile` too.
"""

from __future__ import annotations

import time
from typing import Any

import plain
import torch
import work

PACKAGES = ("torch", "timm")


def photos(settings: dict[str, Any]) -> None:
    """Training from a folder, with the script's defaults but for the batch size."""
    import torchvision_parts

    torchvision_parts.import_torchvision()
    from timm import create_model
    from timm.data import create_dataset, create_loader
    from timm.optim import create_optimizer_v2

    form = plain.format_of(settings)
    dataset = create_dataset("", root=settings["train"], is_training=True)
    loader = create_loader(
        dataset,
        input_size=(3, settings["size"], settings["size"]),
        batch_size=settings["batch"],
        is_training=True,
        use_prefetcher=False,
        interpolation="random",
        mean=plain.MEAN,
        std=plain.STD,
        num_workers=2,
        persistent_workers=True,
        color_jitter=0.4,
        hflip=0.5,
    )
    network = form.network(create_model(settings["network"], num_classes=settings["classes"]))
    optimizer = create_optimizer_v2(network, opt="sgd", lr=0.01, momentum=0.9, weight_decay=2e-5)
    seconds, count = 0.0, 1
    for _ in range(settings["epochs"]):
        seconds, count = plain.train_epoch(network, loader, optimizer, form)
    work.report(*PACKAGES, seconds=seconds, amount=count)


def evaluate(settings: dict[str, Any]) -> None:
    """Photos in class folders, as `validate.py` reads them."""
    import torchvision_parts

    torchvision_parts.import_torchvision()
    from timm import create_model
    from timm.data import create_dataset, create_loader

    form = plain.format_of(settings)
    dataset = create_dataset("", root=settings["photos"])
    loader = create_loader(
        dataset,
        input_size=(3, 224, 224),
        batch_size=settings.get("batch", 32),
        use_prefetcher=False,
        mean=plain.MEAN,
        std=plain.STD,
        num_workers=2,
        interpolation="bilinear",
        crop_pct=0.875,
    )
    began = time.perf_counter()
    network = create_model(settings["network"], num_classes=settings["classes"])
    network.load_state_dict(torch.load(settings["state"], weights_only=True))
    found = plain.accuracy(form.network(network), loader, form)
    seconds, count = time.perf_counter() - began, len(dataset)
    work.report(*PACKAGES, seconds=seconds, amount=count, accuracy=found, num_test=count)


def steps(settings: dict[str, Any]) -> None:
    """Training or inference on one batch that lies on the device, as `benchmark.py` measures it."""
    import synthetic
    import torchvision_parts

    torchvision_parts.import_torchvision()
    from timm import create_model
    from timm.optim import create_optimizer_v2

    form = plain.format_of(settings)
    network = form.network(create_model(settings["network"], num_classes=settings["classes"]))
    optimizer = create_optimizer_v2(network, opt="sgd", lr=0.01, momentum=0.9)
    if settings["flags"] == "best":
        network = torch.compile(network)  # type: ignore[assignment]
    synthetic.report_steps(settings, network, optimizer, form, packages=PACKAGES)


if __name__ == "__main__":
    work.main({"photos": photos, "evaluate": evaluate, "steps": steps})
