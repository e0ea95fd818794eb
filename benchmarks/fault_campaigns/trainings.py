"""A small training with everything in it that has state, in a process that can be killed."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

import convscope  # first, as it decides how torch's threads wait

# isort: split
import numpy as np
import torch
from PIL import Image

import convscope.api.train
from convscope.cli.main import run as run_command
from convscope.training.runs.checkpoint import load_newest

# What a training imports only when it needs it, torch's compiler and SciPy among it: three of its
# four seconds, in which a kill finds nothing begun. Copies of this process have it already.
for module in ("convscope.api.train", "sklearn.metrics", "torch._dynamo"):
    import_module(module)

NAME = "pictures"
CLOCK = ("epoch_seconds", "images_per_second", "used_seconds")
FIELDS: dict[str, Any] = {
    "model": "lenet_rgb",
    "epochs": 6,
    "batch_size": 16,
    "crop_scale": 0.5,
    "hflip": 0.5,
    "ema": 0.9,
    "accumulate": 2,
    "options": {"dropout": 0.3},
    "device": "cpu",
}
FLAGS = (
    *("--model", "lenet_rgb", "--epochs", "6", "-b", "16", "--crop-scale", "0.5"),
    *("--hflip", "0.5", "--ema", "0.9", "--accumulate", "2", "--option", "dropout=0.3"),
    *("--device", "cpu"),
)


@dataclass
class Outcome:
    """What a campaign has found.

    Attributes:
        words: What was counted.
        faults: What must not be.
    """

    words: str = ""
    faults: list[str] = field(default_factory=list)


@contextmanager
def workplace() -> Iterator[Path]:
    """A folder with a data set, and a cache of its own."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        os.environ["CONVSCOPE_CACHE"] = str(place / "cache")
        random = np.random.default_rng(0)
        for index, label in enumerate(("blue", "green", "red")):
            (place / NAME / label).mkdir(parents=True)
            for number in range(80):
                pixels = random.integers(0, 180, (40, 40, 3), dtype=np.uint8)
                pixels[:, :, index] += 40
                Image.fromarray(pixels).save(place / NAME / label / f"{number}.png")
        yield place


def train(place: Path, project: Path, **settings: Any) -> convscope.Run:
    """The training; what `settings` say must not change its result."""
    return convscope.train(place / NAME, project=project, name="run", **{**FIELDS, **settings})


def command(place: Path, project: Path, *words: str) -> list[str]:
    """The words of the same training after `convscope`."""
    data, where = str(place / NAME), ("--project", str(project), "--name", "run")
    return ["train", data, *FLAGS, *where, "--quiet", *words]


def start(work: Callable[[], object]) -> int:
    """Does work in a copy of this process, which has everything imported; returns its number.

    The copy never runs torch's threads before it is made, so it can use its own.
    """
    sys.stdout.flush()
    number = os.fork()
    if number:
        return number
    code = 1
    try:
        os.setsid()
        torch.set_num_threads(1)
        silence = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silence, 1)
        os.dup2(silence, 2)
        outcome = work()
        code = outcome if isinstance(outcome, int) else 0
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else 1
    finally:
        os._exit(code)


def start_command(words: list[str]) -> int:
    """A command line in a copy of this process."""
    return start(lambda: run_command(words))


def wait(number: int) -> int:
    """The exit code of a process; that of a shell, 128 and the signal, where one ended it."""
    code = os.waitstatus_to_exitcode(os.waitpid(number, 0)[1])
    return 128 - code if code < 0 else code


def kill(number: int) -> int:
    """Kills a process, unless it has ended; returns its exit code."""
    os.kill(number, signal.SIGKILL)  # it is still there until somebody waits for it
    return wait(number)


def is_running(number: int) -> bool:
    """Whether a process has not ended yet; its exit code stays to be asked for."""
    return os.waitid(os.P_PID, number, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None


def finish(place: Path, project: Path, **settings: Any) -> int:
    """Lets the training go on to its end; returns the exit code."""
    return wait(start(lambda: train(place, project, **settings) and 0))


def reference(place: Path) -> tuple[dict[str, str], float]:
    """What an uninterrupted training gives, and the seconds that it takes."""
    project = place / "whole"
    finish(place, project)
    began = time.monotonic()
    finish(place, place / "again")
    seconds = time.monotonic() - began
    first, second = digests(project / "run"), digests(place / "again" / "run")
    if first != second:
        raise SystemExit("two uninterrupted trainings differ: nothing can be compared")
    return first, seconds


def digests(path: Path) -> dict[str, str]:
    """SHA-256 of all that a training has learned, by name; nothing of it depends on a clock."""
    run = convscope.Run.open(path)
    checkpoint, remarks = load_newest(run.checkpoints_path)
    if checkpoint is None or remarks:
        return {"checkpoint": f"none that is whole: {remarks}"}
    parts = {
        name: content for name, content in checkpoint.files.items() if name.endswith(".safetensors")
    }
    parts["state"] = _text(_timeless(json.loads(checkpoint.files["state.json"])))
    with run.history_path.open() as file:
        parts["history"] = _text([_timeless(row) for row in csv.DictReader(file)])
    parts["classifier"] = (run.classifier_path / "model.safetensors").read_bytes()
    parts["evaluation"] = _text(run.evaluation)  # without hashes of files with times
    return {name: hashlib.sha256(content).hexdigest() for name, content in parts.items()}


def differences(expected: dict[str, str], found: dict[str, str]) -> list[str]:
    """Names of what is not the same, or what is wrong with the checkpoint."""
    if "checkpoint" in found:
        return [f"checkpoint: {found['checkpoint']}"]
    return [name for name in expected if expected[name] != found.get(name)]


def _timeless(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _timeless(part) for name, part in value.items() if name not in CLOCK}
    return [_timeless(part) for part in value] if isinstance(value, list) else value


def _text(value: object) -> bytes:
    return json.dumps(value, sort_keys=True).encode()
