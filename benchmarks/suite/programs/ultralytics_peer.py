"""Ultralytics' classify task on ResNet-18, by its own `yolo11-cls-resnet18.yaml`.

Its head has a convolution more, 2 % of the work. The best flags are no plots, validation and
checkpoints; on a CPU it has no other number format.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import work

# As it comes, but for `DEFAULT` weights, which would be downloaded.
CONFIGURATION = """
nc: 1000
backbone:
  - [-1, 1, TorchVision, [512, resnet18, null, True, 2]]
head:
  - [-1, 1, Classify, [nc]]
"""
PACKAGES = ("torch", "ultralytics")


def photos(settings: dict[str, Any]) -> None:
    """Training from a folder; the last epoch's training batches count."""
    import torchvision_parts

    torchvision_parts.import_torchvision()
    from ultralytics.models.yolo.classify import ClassificationTrainer

    configuration = Path("yolo11-cls-resnet18.yaml")
    configuration.write_text(CONFIGURATION)
    best = settings["flags"] == "best"
    seconds = [0.0, 0.0]
    trainer = ClassificationTrainer(
        overrides={
            "model": str(configuration),
            "data": settings["root"],
            "project": str(Path.cwd()),
            "epochs": settings["epochs"],
            "imgsz": settings["size"],
            "batch": settings["batch"],
            "device": "cpu",
            "workers": 2,
            "pretrained": False,
            "auto_augment": None,
            "erasing": 0.0,
            "plots": not best,
            "val": not best,
            "save": not best,
            "verbose": False,
        }
    )

    def begin(_: Any) -> None:
        seconds[0] = time.perf_counter()

    def end(_: Any) -> None:
        seconds[1] = time.perf_counter() - seconds[0]

    trainer.add_callback("on_train_epoch_start", begin)
    trainer.add_callback("on_train_epoch_end", end)
    trainer.train()
    work.report(*PACKAGES, seconds=seconds[1], amount=settings["num_train"])


if __name__ == "__main__":
    work.main({"photos": photos})
