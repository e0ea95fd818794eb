"""What the maps in a report cost, at 224 px, with networks that learned nothing.

    python benchmarks/report_maps.py DATA [NETWORK...]

The first time includes loading captum. Seconds of the processor are those of all threads: beside
other processes they say more than those of the clock.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import torch

import convscope
from convscope.classifier import Classifier, NetworkChoice
from convscope.data.pixels.preprocessing import Preprocessing
from convscope.data.sources.opening import open_dataset
from convscope.evaluation.evaluate import Evaluation
from convscope.report.page import Pictures
from convscope.report.run import PICTURES_BYTES
from convscope.report.run_grad_cam import grad_cam_examples

SIDE = 224
TIMES = 4


def main() -> None:
    """Evaluates each network once, and makes the maps of its report several times."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="folder with classes")
    parser.add_argument("networks", nargs="*", default=["resnet18", "resnet50"])
    given = parser.parse_args()
    for name in given.networks:
        evaluation = convscope.evaluate(
            _untrained(name, open_dataset(given.data).classes),
            given.data,
            split="all",
            device="cpu",
        )
        print(f"\n{name}, {torch.get_num_threads()} threads")
        for _ in range(TIMES):
            _measure(evaluation)


def _untrained(name: str, classes: tuple[str, ...]) -> Classifier:
    torch.manual_seed(0)
    choice = NetworkChoice(name, len(classes), 3, (SIDE, SIDE))
    preprocessing = Preprocessing(
        height=SIDE, width=SIDE, channels=3, mean=(0.5,) * 3, std=(0.25,) * 3
    )
    network = choice.build(initialization="kaiming")
    return Classifier(network, choice, preprocessing=preprocessing, classes=classes)


def _measure(evaluation: Evaluation) -> None:
    image_index = evaluation.image_index
    pictures = Pictures(image_index.dataset.images, image_index.decoding, room_bytes=PICTURES_BYTES)
    clock, processor = time.perf_counter(), time.process_time()
    found = grad_cam_examples(evaluation, pictures, run=None, language="en")
    clock, processor = time.perf_counter() - clock, time.process_time() - processor
    num_maps = sum(len(example.maps) for example in found.examples)
    print(f"  {num_maps} maps: {clock:.2f} s, {processor:.2f} s of the processor")


if __name__ == "__main__":
    main()
