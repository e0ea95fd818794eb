"""Two processes by torchrun, one killed or all told to stop: the same bits in the end.

In turns: one is killed and torchrun ends the other; one is killed and torchrun starts both again;
all of them and torchrun get SIGTERM, as from a job that is over.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from convscope.training.runs.checkpoint import steps_in
from fault_campaigns.trainings import Outcome, command, differences, digests, workplace

PROCESSES = 2
LONGEST_SECONDS = 30.0
WAYS = ("killed", "restarted", "told")
EVERY_STEPS = 5  # a checkpoint is saved
LATEST_STEP = 45  # of 54 in all, that a kill waits for
BEFORE_LEARNING = 0.2  # of the kills come while images are looked at


@dataclass
class Counts:
    """What has happened so far."""

    kills: int = 0
    stops: int = 0
    restarts: int = 0
    slowest: float = 0.0


def run(trials: int, *, seed: int) -> Outcome:
    """The campaign."""
    chance, counts, outcome = random.Random(seed), Counts(), Outcome()
    with workplace() as place:
        began = time.monotonic()
        agent = _torchrun(place, place / "whole")
        _wait_for_step(agent, place / "whole", 0)
        starting = time.monotonic() - began
        if agent.wait():
            raise SystemExit("an uninterrupted training failed: nothing can be compared")
        expected = digests(place / "whole" / "run")
        for trial in range(trials):
            project = place / f"trial{trial}"
            way = WAYS[trial % len(WAYS)]
            agent = _torchrun(place, project, restarts=1 if way == "restarted" else 0)
            if chance.random() < BEFORE_LEARNING:
                time.sleep(chance.uniform(0.2, 1) * starting)
            else:
                _wait_for_step(agent, project, chance.randrange(LATEST_STEP))
                time.sleep(chance.uniform(0, 0.05))
            left = _break_off(agent, way, chance, counts)
            if left:
                outcome.faults.append(f"trial {trial}: {left} processes are left")
            if way == "restarted" and agent.returncode:
                outcome.faults.append(f"trial {trial}: torchrun could not start again")
            code = agent.returncode and _torchrun(place, project).wait()
            if code or (different := differences(expected, digests(project / "run"))):
                outcome.faults.append(f"trial {trial}: {code or ', '.join(different)} differ")
            shutil.rmtree(project)
    if counts.slowest > LONGEST_SECONDS:
        outcome.faults.append(f"the others ended only {counts.slowest:.0f} s after a kill")
    if counts.kills + counts.stops < trials / 2:
        outcome.faults.append("most trainings ended before they could be broken off")
    outcome.words = (
        f"{trials} trainings of {PROCESSES} processes: {counts.kills} times one was killed, of "
        f"which torchrun started again {counts.restarts} times; {counts.stops} times all were told "
        f"to stop; else all had ended after {counts.slowest:.1f} s at most"
    )
    return outcome


def _break_off(
    agent: subprocess.Popen[bytes], way: str, chance: random.Random, counts: Counts
) -> int:
    """Kills or stops, waits for the end, and returns how many processes are left."""
    workers = _children(agent.pid)
    was_running = agent.poll() is None and bool(workers)
    if was_running:
        victims = [*workers, agent.pid] if way == "told" else [chance.choice(workers)]
        for number in victims:
            os.kill(number, signal.SIGTERM if way == "told" else signal.SIGKILL)
    began = time.monotonic()
    agent.wait()
    # Where torchrun itself was told to stop before it could pass that on, they end a moment later.
    while any(map(_runs, workers)) and time.monotonic() - began < LONGEST_SECONDS:
        time.sleep(0.05)
    if was_running:
        counts.kills += way != "told"
        counts.stops += way == "told"
        counts.restarts += way == "restarted"
        if way != "restarted":
            counts.slowest = max(counts.slowest, time.monotonic() - began)
    return sum(map(_runs, workers))


def _wait_for_step(agent: subprocess.Popen[bytes], project: Path, step: int) -> None:
    """Waits for a checkpoint: unlike a time, it comes in each training, however slow."""
    while agent.poll() is None and not _is_saved(project / "run" / "checkpoints", step):
        time.sleep(0.002)


def _is_saved(checkpoints: Path, step: int) -> bool:
    return any(saved >= step for saved in steps_in(checkpoints))


def _torchrun(place: Path, project: Path, *, restarts: int = 0) -> subprocess.Popen[bytes]:
    words = [
        *(sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", str(PROCESSES)),
        *("--standalone", "--max-restarts", str(restarts), "-m", "convscope"),
        *command(place, project, "--checkpoint-every", str(EVERY_STEPS)),
    ]
    silent = subprocess.DEVNULL
    return subprocess.Popen(
        words, stdout=silent, stderr=silent, env={**os.environ, "OMP_NUM_THREADS": "1"}
    )


def _children(number: int) -> list[int]:
    """The processes that a process has started."""
    found = []
    for path in Path(f"/proc/{number}/task").glob("*/children"):
        found += [int(word) for word in path.read_text().split()]
    return found


def _runs(number: int) -> bool:
    """Whether there is such a process, and it isn't one that has ended and only has a code left."""
    try:
        state = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return False
    return state != "Z"
