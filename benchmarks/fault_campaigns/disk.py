"""A disk that is full after random many bytes: one message, and what was there stays whole.

The disk is a small file system in memory, where this process may mount one; elsewhere writing fails
after as many bytes (`RLIMIT_FSIZE` would end the process, so the error is raised where files are
written).
"""

from __future__ import annotations

import errno
import io
import os
import random
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from convscope.errors import RunError
from convscope.training.runs.checkpoint import load_newest
from fault_campaigns.trainings import (
    Outcome,
    command,
    differences,
    digests,
    finish,
    reference,
    start_command,
    wait,
    workplace,
)

FULL_EXIT_CODE = RunError.exit_code
SPARE_BYTES = 64 << 10


def run(trials: int, *, seed: int) -> Outcome:
    """The campaign."""
    chance = random.Random(seed)
    outcome, full, kept = Outcome(), 0, 0
    with workplace() as place:
        expected, _ = reference(place)
        needed = sum(p.stat().st_size for p in (place / "whole").rglob("*") if p.is_file())
        for trial in range(trials):
            size = chance.randrange(SPARE_BYTES, needed + needed // 2)
            with _small_disk(place / "disk", size) as (project, in_words):
                code = wait(start_command(command(place, project, "--checkpoint-every", "7")))
                full += code == FULL_EXIT_CODE
                if code not in (0, FULL_EXIT_CODE):
                    outcome.faults.append(f"trial {trial}: exit code {code}")
                kept += _check_whole(project, trial, outcome)
                room = place / f"room{trial}"
                if project.exists():
                    shutil.copytree(project, room)
            # With room, and in another place, the training goes on from what it had.
            code = finish(place, room)
            if code or (different := differences(expected, digests(room / "run"))):
                outcome.faults.append(f"trial {trial}: {code or ', '.join(different)} differ")
            shutil.rmtree(room)
    outcome.words = (
        f"{trials} trainings on {in_words}, {full} of which it filled, "
        f"{kept} with a checkpoint to go on from"
    )
    return outcome


def _check_whole(project: Path, trial: int, outcome: Outcome) -> bool:
    """Whether there is a checkpoint; each that counts has to be whole."""
    checkpoint, remarks = load_newest(project / "run" / "checkpoints")
    if remarks:
        outcome.faults.append(f"trial {trial}: {remarks}")
    return checkpoint is not None


@contextmanager
def _small_disk(folder: Path, size: int) -> Iterator[tuple[Path, str]]:
    """A project on a disk of so many bytes."""
    folder.mkdir(exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    if shutil.which("mount") and not subprocess.run(mount, capture_output=True).returncode:
        try:
            yield folder / "project", "a small file system in memory"
        finally:
            subprocess.run(["umount", str(folder)], check=True)
        return
    with _failing_after(size):
        yield folder / "project", "a disk whose writes fail"
    shutil.rmtree(folder)


@contextmanager
def _failing_after(size: int) -> Iterator[None]:
    """Within it no more than so many bytes can be written by this process and its copies."""
    left = size
    real = io.open

    class Small(io.FileIO):
        def write(self, content: Any) -> int:
            nonlocal left
            left -= len(memoryview(content).cast("B"))
            if left < 0:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return super().write(content)

    def small(file: Any, mode: str = "r", *words: Any, **options: Any) -> Any:
        if mode in ("wb", "xb", "rb+"):
            return io.BufferedRandom(Small(file, mode)) if "+" in mode else Small(file, mode)
        return real(file, mode, *words, **options)

    io.open = small  # type: ignore[assignment]
    try:
        yield
    finally:
        io.open = real
