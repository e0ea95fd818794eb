"""The process ends at each open, fsync, rename and removal of a save; and the disk forgets.

A save is done in a copy of this process that ends at the n-th of these operations, for each n. What
was not waited for is taken away then, in two ways: not at all, as after kill -9, and all of it, as
after a power cut: files that were not synced become empty, names that were not synced disappear.
Whatever is left, the newest whole checkpoint has to be found, and the next save has to work.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Any

import torch
from torch import nn

from convscope.files import OLD, remove_leftovers
from convscope.training.freezing import parameter_groups
from convscope.training.optimizers import make_optimizer
from convscope.training.runs.checkpoint import load_newest, write_checkpoint
from convscope.training.runs.state import Snapshot, TrainingState, take_snapshot
from fault_campaigns.trainings import Outcome, start, wait, workplace

EVENTS = ("open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "shutil.rmtree", "os.chmod")
CRASHED = 99
OLD_STEPS, NEW_STEP = (10, 20), 30


def run(trials: int, *, seed: int) -> Outcome:
    """The campaign, as often as there are trials."""
    outcome, moments = Outcome(), 0
    with workplace() as place:
        snapshots = {step: _snapshot(step) for step in (*OLD_STEPS, NEW_STEP)}
        for repeated in (False, True):  # a new step, or the same step again
            for power_cut in (False, True):
                moment = 1
                while True:
                    folder = place / "checkpoints"
                    code = _one(folder, snapshots, moment, repeated, power_cut, outcome)
                    shutil.rmtree(folder, ignore_errors=True)
                    if code != CRASHED:
                        break
                    moment, moments = moment + 1, moments + 1
    outcome.words = f"{moments} moments, as after kill -9 and as after a power cut"
    return outcome


def _one(
    folder: Path,
    snapshots: dict[int, Snapshot],
    moment: int,
    repeated: bool,
    power_cut: bool,
    outcome: Outcome,
) -> int:
    steps = (*OLD_STEPS, NEW_STEP) if repeated else OLD_STEPS
    for step in steps[-2:]:
        write_checkpoint(folder, snapshots[step], run_id="run")
    log = folder.parent / "synced.txt"
    log.unlink(missing_ok=True)
    code = wait(start(lambda: _save_and_crash(folder, snapshots[NEW_STEP], moment, log)))
    words = f"moment {moment}{', again' if repeated else ''}{', power cut' if power_cut else ''}"
    if code == CRASHED and power_cut:
        _forget_unsynced(folder, log, was_there=repeated)
    if code not in (0, CRASHED):
        outcome.faults.append(f"{words}: ended with {code}")
    remove_leftovers(folder)
    checkpoint, remarks = load_newest(folder, run_id="run")
    found = None if checkpoint is None else checkpoint.step
    if found not in (NEW_STEP, OLD_STEPS[-1]):
        outcome.faults.append(f"{words}: found {found}, {remarks}")
    write_checkpoint(folder, snapshots[NEW_STEP], run_id="run")
    checkpoint, _ = load_newest(folder, run_id="run")
    if checkpoint is None or checkpoint.step != NEW_STEP:
        outcome.faults.append(f"{words}: the next save is not found")
    return code


def _save_and_crash(folder: Path, snapshot: Snapshot, moment: int, log: Path) -> None:
    """Saves, and ends at the n-th operation on the folder; notes what was synced."""
    count = 0

    def crash_at(event: str) -> None:
        nonlocal count
        count += 1
        if count == moment:
            os._exit(CRASHED)

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event in EVENTS and any(str(folder) in str(part) for part in arguments):
            crash_at(event)

    with log.open("a") as file:
        real = os.fsync

        def fsync(handle: int) -> None:
            crash_at("fsync before")
            real(handle)
            file.write(f"{os.fstat(handle).st_ino}\n")
            file.flush()
            crash_at("fsync after")

        os.fsync = fsync
        sys.addaudithook(hook)
        write_checkpoint(folder, snapshot, run_id="run")


def _forget_unsynced(folder: Path, log: Path, *, was_there: bool) -> None:
    """Takes away what a disk may not have: content of files, and the new folder's name.

    Args:
        folder: Of the checkpoints.
        log: Numbers of the files and folders that were synced.
        was_there: Whether there was a folder of this name before; then only content is taken.
    """
    synced = set(log.read_text().split())
    for path in folder.rglob("*"):
        is_old = path.parent.name in map(str, OLD_STEPS) or OLD in str(path)
        if path.is_file() and not is_old and str(path.stat().st_ino) not in synced:
            path.write_bytes(b"")
    if not was_there and str(folder.stat().st_ino) not in synced:
        shutil.rmtree(folder / str(NEW_STEP), ignore_errors=True)


def _snapshot(step: int) -> Snapshot:
    torch.manual_seed(step)
    network = nn.Sequential(nn.Linear(30, 20), nn.Linear(20, 3))
    optimizer = make_optimizer("sgd", parameter_groups(network, lr=0.1), lr=0.1)
    return take_snapshot(
        TrainingState(epochs=1, step=step),
        network=network,
        best={name: value.clone() for name, value in network.state_dict().items()},
        optimizer=optimizer,
    )
