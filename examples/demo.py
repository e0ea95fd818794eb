"""`make demo`: the main job on real handwritten digits, as a user would type it.

Trains LeNet-5 on scikit-learn's 1,797 digits, measures it on images that training never saw,
predicts a few of those from PNG files, and says where everything lies.
"""

from __future__ import annotations

import csv
import shlex
import sys
from pathlib import Path

from PIL import Image

from convscope import open_dataset
from convscope.cli.main import run as run_command
from convscope.run import find_runs

PICTURES = Path("runs/demo-pictures")
SHOWN = 5


def main() -> int:
    """Runs the demo; returns the exit code of the first step that fails."""
    code = step("convscope train digits --model lenet5_relu --epochs 20")
    if code:
        return code
    finished = [run for run in find_runs(Path("runs")) if run.state == "finished"]
    newest = max(finished, key=lambda run: run.evaluation_path.stat().st_mtime)
    pictures = write_pictures(newest.splits_path)
    steps = [
        f"convscope evaluate {newest.path.as_posix()} --quiet",
        f"convscope predict {newest.path.as_posix()} {' '.join(pictures)}",
        "convscope runs",
    ]
    for command in steps:
        code = step(command)
        if code:
            return code
    print(f"Everything lies in {newest.path.as_posix()}:")
    for path, what in {
        "report.html": "what was found, with pictures: open it in a browser",
        "classifier/": "the classifier: copy, share, `convscope.load` it",
        "evaluation.json": "its numbers, for programs",
        "recipe.yaml": "all that decided the result; `convscope train -c` takes it back",
        "history.csv": "one row per epoch",
        "splits.csv": "which image was used for what",
    }.items():
        print(f"  {path:16} {what}")
    return 0


def step(command: str) -> int:
    """Shows a command line and runs it."""
    print(f"\n$ {command}", flush=True)
    return run_command(shlex.split(command)[1:])


def write_pictures(splits: Path) -> list[str]:
    """Saves the first test images as PNG files whose names tell the true class."""
    dataset = open_dataset("digits")
    PICTURES.mkdir(parents=True, exist_ok=True)
    with splits.open(encoding="utf-8", newline="") as file:
        tested = [row["image"] for row in csv.DictReader(file) if row["used_for"] == "test"]
    files = []
    for name in tested[:SHOWN]:
        index = int(name.rpartition("/")[2])
        path = PICTURES / f"{index:04}-is-a-{dataset.classes[dataset.labels[index]]}.png"
        Image.fromarray(dataset[index][0][:, :, 0]).save(path)
        files.append(path.as_posix())
    return files


if __name__ == "__main__":
    sys.exit(main())
