"""fastai, as its documentation shows: `ImageDataLoaders`, `Learner` or `vision_learner`.

The best flags are `to_channelslast` and, where the processor has it, `to_bf16`.
"""

from __future__ import annotations

import time
from typing import Any

import plain
import work

PACKAGES = ("torch", "fastai")


def _learner(settings: dict[str, Any], *, item_size: int | None = None) -> Any:
    """The data, and a learner with the same network."""
    import torchvision_parts

    torchvision_parts.import_torchvision()
    from fastai.vision.all import (
        CrossEntropyLossFlat,
        Flip,
        ImageDataLoaders,
        Learner,
        Normalize,
        RandomResizedCrop,
        accuracy,
    )

    class Loss(CrossEntropyLossFlat):  # type: ignore[misc]
        """Cross-entropy that takes GoogLeNet's auxiliary outputs too."""

        def __call__(self, outputs: Any, targets: Any, **options: Any) -> Any:
            return plain.loss_of(outputs, targets)

    loaders = ImageDataLoaders.from_folder(
        settings["root"],
        train="train",
        valid="val",
        item_tfms=RandomResizedCrop(settings["size"], min_scale=0.08),
        batch_tfms=[Flip(), Normalize.from_stats(plain.MEAN, plain.STD, cuda=False)],
        bs=settings["batch"],
        num_workers=2,
        device="cpu",
    )
    learner = Learner(
        loaders, torchvision_parts.network(settings), loss_func=Loss(), metrics=accuracy
    )
    if settings["flags"] == "best":
        from fastai.callback.channelslast import ChannelsLast

        learner.add_cb(ChannelsLast())
        if work.has_bfloat16():
            learner.to_bf16()
    return learner


def photos(settings: dict[str, Any]) -> None:
    """`fit_one_cycle` on photos; the time of the last epoch's training batches counts."""
    learner = _learner(settings)
    from fastai.vision.all import Callback

    seconds = [0.0, 0.0]

    class Clock(Callback):  # type: ignore[misc]
        """Times the training part of each epoch."""

        def before_train(self) -> None:
            """Begins to count."""
            seconds[0] = time.perf_counter()

        def after_train(self) -> None:
            """Ends to count."""
            seconds[1] = time.perf_counter() - seconds[0]

    with learner.no_bar(), learner.no_logging():
        learner.fit_one_cycle(settings["epochs"], cbs=Clock())
    # Its loader drops an incomplete last batch.
    count = len(learner.dls.train) * settings["batch"]
    work.report(*PACKAGES, seconds=seconds[1], amount=count)


def head(settings: dict[str, Any]) -> None:
    """Trains the last layer alone, from weights that are given."""
    default = settings["flags"] == "default"
    learner = _learner({**settings, "batch": 64 if default else 32, "size": 224})
    began = time.perf_counter()
    with learner.no_bar(), learner.no_logging():
        learner.fit_one_cycle(settings.get("epochs") or 10, 1e-2)
        found = learner.validate()[1]
    seconds = time.perf_counter() - began
    work.report(
        *PACKAGES, seconds=seconds, accuracy=float(found), num_test=len(learner.dls.valid_ds)
    )


if __name__ == "__main__":
    work.main({"photos": photos, "head": head})
