"""Lightning: the network in a `LightningModule`, torchvision's data, `Trainer.fit`.

The best flags are `precision="bf16-mixed"` where the processor has it, channels last, and no bar,
log or checkpoint.
"""

from __future__ import annotations

import time
from typing import Any

import plain
import torch
import work

PACKAGES = ("torch", "lightning", "torchvision")


def _fit(settings: dict[str, Any], *, epochs: int) -> tuple[Any, float]:
    """The trained module, and seconds of the last epoch of training."""
    import torchvision_parts as parts

    parts.import_torchvision()
    import lightning

    best, form = settings["flags"] == "best", plain.format_of(settings)

    class Module(lightning.LightningModule):  # type: ignore[misc]
        """The documentation's module."""

        def __init__(self) -> None:
            super().__init__()
            self.network = form.network(parts.network(settings))
            self.began = self.epoch_seconds = 0.0

        def on_train_epoch_start(self) -> None:
            """Begins to count."""
            self.began = time.perf_counter()

        def on_train_epoch_end(self) -> None:
            """Ends to count."""
            self.epoch_seconds = time.perf_counter() - self.began

        def training_step(self, batch: Any, index: int) -> torch.Tensor:
            """The loss of a batch."""
            loss = plain.loss_of(self.network(form.inputs(batch[0])), batch[1])
            self.log("train_loss", loss)
            return loss

        def configure_optimizers(self) -> torch.optim.Optimizer:
            """Adam, as in the documentation."""
            trained = [p for p in self.parameters() if p.requires_grad]
            return torch.optim.Adam(trained, lr=1e-3)

    quiet: dict[str, Any] = {"enable_progress_bar": False, "enable_model_summary": False}
    if best:
        quiet |= {"logger": False, "enable_checkpointing": False}
    trainer = lightning.Trainer(
        max_epochs=epochs,
        accelerator="cpu",
        precision="bf16-mixed" if form.bfloat16 else "32-true",
        **quiet,
    )
    module = Module()
    loader = parts.photo_loader(
        settings["train"], batch=settings["batch"], size=settings["size"], trains=True
    )
    trainer.fit(module, loader)
    return module, module.epoch_seconds


def photos(settings: dict[str, Any]) -> None:
    """Training from a folder; the last epoch counts."""
    _, seconds = _fit(settings, epochs=settings["epochs"])
    work.report(*PACKAGES, seconds=seconds, amount=settings["num_train"])


def head(settings: dict[str, Any]) -> None:
    """Trains the last layer alone, from weights that are given."""
    import torchvision_parts as parts

    settings = {**settings, "batch": 32, "size": 224}
    began = time.perf_counter()
    module, _ = _fit(settings, epochs=settings.get("epochs") or 10)
    tests = parts.photo_loader(settings["val"], batch=32, size=224, trains=False)
    form = plain.format_of(settings)
    found = plain.accuracy(module.network, tests, form)
    seconds = time.perf_counter() - began
    work.report(*PACKAGES, seconds=seconds, accuracy=found, num_test=len(tests.dataset))  # type: ignore[arg-type]


if __name__ == "__main__":
    work.main({"photos": photos, "head": head})
