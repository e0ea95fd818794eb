"""Our side: `convscope.train` as its documentation shows, and the product's own step."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import convscope  # first, as it decides how torch's threads wait

# isort: split
import plain
import synthetic
import torch
import work
from torch.utils.flop_counter import FlopCounterMode

from convscope.data.batch import Batch
from convscope.device import choose_device
from convscope.recipe import read_values
from convscope.training.freezing import parameter_groups
from convscope.training.loop import TrainStep
from convscope.training.losses import ClassificationLoss
from convscope.training.optimizers import make_optimizer

PACKAGES = ("torch", "convscope")


def train(settings: dict[str, Any]) -> None:
    """A training: seconds of all epochs, or of an image of the last one."""
    values = read_values(Path(settings["file"])) if "file" in settings else {}
    values |= settings["recipe"]
    with tempfile.TemporaryDirectory() as project:
        run = convscope.train(settings["data"], project=project, **values)
        evaluation, history = run.evaluation, run.history
    if settings.get("rate"):
        seconds, amount = 1.0, history[-1]["images_per_second"]
    else:
        seconds, amount = sum(row["epoch_seconds"] for row in history), 1.0
    work.report(
        *PACKAGES,
        seconds=seconds,
        amount=amount,
        accuracy=evaluation["accuracy"],
        num_test=evaluation["num_images"],
    )


def steps(settings: dict[str, Any]) -> None:
    """The product's step on one batch that lies on the device; amount in FLOP if asked for."""
    device = choose_device(settings.get("device", "cpu"))
    form = plain.Format(True, device=device.torch.type)
    size, channels = settings["size"], settings.get("channels", 3)
    network = convscope.build(
        settings["network"],
        num_classes=settings["classes"],
        input_size=(size, size),
        in_channels=channels,
    )
    network = form.network(network).train()
    inputs, targets = synthetic.batch_of(settings, form)
    batch = Batch(inputs, targets, len(targets))
    groups = parameter_groups(network, lr=1e-4, weight_decay=0.01)
    optimizer = make_optimizer("adamw", groups, lr=1e-4)
    step = TrainStep(network, ClassificationLoss(), optimizer, device=device)
    amount = float(len(targets))
    if settings.get("counts_flop"):
        with FlopCounterMode(display=False) as counter:
            step.take(batch, 0)
        amount = float(counter.get_total_flops())
    if settings.get("inference"):
        plain_form = plain.Format(True, device.compute_dtype == torch.bfloat16, form.device)
        taken = synthetic.inference_step(network, (inputs, targets), plain_form)
    else:
        taken = lambda: step.take(batch, 1)  # noqa: E731
    seconds = synthetic.seconds_of(taken, form, at_least=settings["seconds"])
    work.report(*PACKAGES, seconds=seconds, amount=amount)


def prepare(settings: dict[str, Any]) -> None:
    """Writes a classifier of random weights, and the same weights for the peers."""
    from convscope.classifier import Classifier, NetworkChoice
    from convscope.data.pixels.preprocessing import Preprocessing

    torch.manual_seed(0)
    choice = NetworkChoice(settings["network"], len(settings["names"]), 3, (224, 224))
    network = choice.build(initialization="kaiming").eval()
    preprocessing = Preprocessing(
        height=224, width=224, channels=3, resize=256, mean=plain.MEAN, std=plain.STD
    )
    torch.save(network.state_dict(), settings["state"])
    Classifier(network, choice, preprocessing=preprocessing, classes=settings["names"]).save(
        settings["classifier"]
    )
    work.report(*PACKAGES, seconds=0.0)


if __name__ == "__main__":
    work.main({"train": train, "steps": steps, "prepare": prepare})
