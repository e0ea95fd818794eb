"""PyTorch's and torchvision's documented loops."""

from __future__ import annotations

import time
from typing import Any

import plain
import torch
import work
from torch import optim

PACKAGES = ("torch", "torchvision")


def digits(settings: dict[str, Any]) -> None:
    """MNIST or Fashion-MNIST.

    The default is the loop of pytorch/examples: batches of 64, Adadelta at a rate of 1 that decays
    by 0.7 each epoch. The best: larger batches, workers, and OneCycleLR with AdamW.
    """
    import torchvision_parts as parts

    best = settings["flags"] == "best"
    form = plain.format_of(settings)
    fashion = settings["network"] == "resnet20"
    batch = settings.get("batch") or (512 if best else 64)
    options = {"fashion": fashion, "crops": fashion, "workers": parts.WORKERS if best else 0}
    loader = parts.digit_loader(settings["root"], batch=batch, trains=True, **options)
    tests = parts.digit_loader(settings["root"], batch=1000, trains=False, **options)
    network = form.network(plain.resnet20(1) if fashion else plain.lenet5())
    epochs = settings["epochs"]
    schedule = None
    if fashion:
        optimizer: optim.Optimizer = optim.SGD(
            network.parameters(), lr=0.1, momentum=0.9, weight_decay=5e-4
        )
    elif best:
        optimizer = optim.AdamW(network.parameters(), lr=0.01, fused=True)
        schedule = optim.lr_scheduler.OneCycleLR(
            optimizer, max_lr=0.01, total_steps=epochs * len(loader)
        )
    else:
        optimizer = optim.Adadelta(network.parameters(), lr=1.0)
    decay = optim.lr_scheduler.StepLR(optimizer, step_size=1, gamma=0.7)

    def epoch(_: int) -> float:
        seconds, _count = plain.train_epoch(network, loader, optimizer, form, schedule)
        if schedule is None and not fashion:
            decay.step()
        return seconds

    plain.train_until(
        settings,
        epoch=epoch,
        measure=lambda: plain.accuracy(network, tests, form),
        packages=PACKAGES,
    )


def photos(settings: dict[str, Any]) -> None:
    """The reference script's loop: SGD, random resized crops; the last epoch counts."""
    import torchvision_parts as parts

    form = plain.format_of(settings)
    loader = parts.photo_loader(
        settings["train"], batch=settings["batch"], size=settings["size"], trains=True
    )
    network = form.network(parts.network(settings))
    optimizer = optim.SGD(network.parameters(), lr=0.01, momentum=0.9, weight_decay=1e-4)
    seconds, count = 0.0, 1
    for _ in range(settings["epochs"]):
        seconds, count = plain.train_epoch(network, loader, optimizer, form)
    work.report(*PACKAGES, seconds=seconds, amount=count)


def head(settings: dict[str, Any]) -> None:
    """The transfer-learning tutorial's "fixed feature extractor", tested at the end.

    The default is the tutorial's: batches of 4, 25 epochs, an accuracy after each. The best:
    batches of 32, 10 epochs, one test.
    """
    import torchvision_parts as parts

    best, form = settings["flags"] == "best", plain.format_of(settings)
    batch, epochs = (32, 10) if best else (4, 25)
    loader = parts.photo_loader(settings["train"], batch=batch, size=224, trains=True)
    tests = parts.photo_loader(settings["val"], batch=batch, size=224, trains=False)
    network = form.network(parts.network(settings))
    trained = [p for p in network.parameters() if p.requires_grad]
    optimizer = optim.SGD(trained, lr=0.01 if best else 0.001, momentum=0.9)
    decay = optim.lr_scheduler.StepLR(optimizer, step_size=7, gamma=0.1)
    began, found = time.perf_counter(), 0.0
    epochs = settings.get("epochs") or epochs
    for number in range(epochs):
        plain.train_epoch(network, loader, optimizer, form)
        decay.step()
        if not best or number == epochs - 1:
            found = plain.accuracy(network, tests, form)
    seconds = time.perf_counter() - began
    work.report(*PACKAGES, seconds=seconds, accuracy=found, num_test=len(tests.dataset))  # type: ignore[arg-type]


def evaluate(settings: dict[str, Any]) -> None:
    """Classifies photos in class folders and counts what is right; a single file as well."""
    import torchvision_parts as parts

    form = plain.format_of(settings)
    loader = parts.photo_loader(
        settings["photos"], batch=settings.get("batch", 32), size=224, trains=False
    )
    began = time.perf_counter()
    found = plain.accuracy(form.network(parts.network(settings)), loader, form)
    work.report(
        *PACKAGES,
        seconds=time.perf_counter() - began,
        amount=len(loader.dataset),  # type: ignore[arg-type]
        accuracy=found,
        num_test=len(loader.dataset),  # type: ignore[arg-type]
    )


def one_photo(settings: dict[str, Any]) -> None:
    """The class of one photo, printed."""
    import torchvision_parts as parts
    from PIL import Image

    parts.import_torchvision()
    from torchvision.transforms import v2

    steps = v2.Compose(
        [
            v2.Resize(256),
            v2.CenterCrop(224),
            v2.PILToTensor(),
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize(plain.MEAN, plain.STD),
        ]
    )
    form = plain.format_of(settings)
    network = form.network(parts.network(settings)).eval()
    with torch.inference_mode(), form.autocast():
        image = steps(Image.open(settings["photo"]).convert("RGB"))
        print(int(network(form.inputs(image[None])).argmax()))
    work.report(*PACKAGES, seconds=0)


def steps(settings: dict[str, Any]) -> None:
    """Training or inference on one batch that lies on the device; the best flags compile."""
    import synthetic
    import torchvision_parts as parts

    form = plain.format_of(settings)
    network = form.network(parts.network(settings))
    optimizer = optim.SGD(network.parameters(), lr=0.01, momentum=0.9)
    if settings["flags"] == "best":
        network = torch.compile(network)  # type: ignore[assignment]
    synthetic.report_steps(settings, network, optimizer, form, packages=PACKAGES)


if __name__ == "__main__":
    work.main(
        {
            "digits": digits,
            "photos": photos,
            "head": head,
            "evaluate": evaluate,
            "one_photo": one_photo,
            "steps": steps,
        }
    )
