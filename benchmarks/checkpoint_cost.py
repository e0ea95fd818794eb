"""What checkpoints cost: `python benchmarks/checkpoint_cost.py DATA [--model NAME ...]`.

Trains with checkpoints as often as by default, and with none but the last, in turns; prints how
much longer the first takes, and how many it wrote.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import convscope  # first, as it decides how torch's threads wait

# isort: split
import torch

from convscope.training.runs import log as record
from convscope.training.runs import writer as saver
from convscope.training.runs.log import CheckpointSchedule


class Never(CheckpointSchedule):
    """No checkpoint but the last."""

    def is_due_after_step(self) -> bool:
        """Never."""
        return False

    def is_due_after_epoch(self) -> bool:
        """Never."""
        return False


def seconds(data: str, model: str, epochs: int, img_size: int, *, saves: bool) -> tuple[float, int]:
    """Seconds of learning, checkpoints included, and how many there were."""
    written = 0
    real = saver.write_checkpoint

    def counted(folder: Path, snapshot: object, *, run_id: str) -> None:
        nonlocal written
        written += 1
        real(folder, snapshot, run_id=run_id)  # type: ignore[arg-type]

    saver.write_checkpoint = counted  # type: ignore[assignment]
    record.CheckpointSchedule = CheckpointSchedule if saves else Never  # type: ignore[misc]
    with tempfile.TemporaryDirectory() as project:
        began = time.perf_counter()
        convscope.train(
            data, project=project, model=model, epochs=epochs, img_size=img_size, device="cpu"
        )
        taken = time.perf_counter() - began
    saver.write_checkpoint = real
    return taken, written


def main() -> None:
    """Measures the networks in turns."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data")
    parser.add_argument("--models", nargs="+", default=["resnet18"])
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--img-size", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    for model in given.models:
        pairs = []
        for number in range(given.rounds + 1):  # the first fills the cache
            way = (given.data, model, given.epochs, given.img_size)
            order = (True, False) if number % 2 else (False, True)
            taken = {saves: seconds(*way, saves=saves) for saves in order}
            if number:
                pairs.append((taken[True], taken[False]))
        ratios = [with_them[0] / without[0] for with_them, without in pairs]
        print(
            f"{model}: {statistics.median(ratios) - 1:+.2%} ({min(ratios) - 1:+.2%} to "
            f"{max(ratios) - 1:+.2%}), {pairs[0][0][1]} checkpoints in {pairs[0][0][0]:.1f} s "
            f"instead of {pairs[0][1][1]}; torch {torch.__version__}, "
            f"{torch.get_num_threads()} threads",
            flush=True,
        )


if __name__ == "__main__":
    main()
