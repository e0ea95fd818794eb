"""Two processes by torchrun, one killed: all end soon, and a restart gives the same bits."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from fault_campaigns.trainings import Outcome, command, differences, digests, workplace

PROCESSES = 2
LONGEST_SECONDS = 30.0


def run(trials: int, *, seed: int) -> Outcome:
    """The campaign."""
    chance = random.Random(seed)
    outcome, kills, restarts, slowest = Outcome(), 0, 0, 0.0
    with workplace() as place:
        began = time.monotonic()
        if _torchrun(place, place / "whole").wait():
            raise SystemExit("an uninterrupted training failed: nothing can be compared")
        seconds = time.monotonic() - began
        expected = digests(place / "whole" / "run")
        for trial in range(trials):
            project = place / f"trial{trial}"
            most = trial % 2  # torchrun starts again by itself, or ends
            agent = _torchrun(place, project, restarts=most)
            time.sleep(chance.uniform(0.3, 1) * seconds)
            workers = _children(agent.pid)
            if agent.poll() is None and workers:
                os.kill(chance.choice(workers), signal.SIGKILL)
                kills += 1
            killed_at = time.monotonic()
            code = agent.wait()
            if not most:
                slowest = max(slowest, time.monotonic() - killed_at)
            restarts += bool(most)
            orphans = [number for number in workers if _exists(number)]
            if orphans:
                outcome.faults.append(f"trial {trial}: {len(orphans)} processes are left")
            if code:
                code = _torchrun(place, project).wait()
            if code or (different := differences(expected, digests(project / "run"))):
                outcome.faults.append(f"trial {trial}: {code or ', '.join(different)} differ")
            shutil.rmtree(project)
    if slowest > LONGEST_SECONDS:
        outcome.faults.append(f"after a kill the others ended only in {slowest:.0f} s")
    outcome.words = (
        f"{trials} trainings of {PROCESSES} processes, {kills} kills, {restarts} started again by "
        f"torchrun; else all had ended after {slowest:.1f} s at most"
    )
    return outcome


def _torchrun(place: Path, project: Path, *, restarts: int = 0) -> subprocess.Popen[bytes]:
    words = [
        *(sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", str(PROCESSES)),
        *("--standalone", "--max-restarts", str(restarts), "-m", "convscope"),
        *command(place, project, "--checkpoint-every", "5"),
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


def _exists(number: int) -> bool:
    return Path(f"/proc/{number}").exists()
