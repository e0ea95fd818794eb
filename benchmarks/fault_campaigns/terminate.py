"""SIGTERM at random moments: saved, exit code 143, within seconds; then the same command again."""

from __future__ import annotations

import os
import random
import shutil
import signal
import time

from fault_campaigns.trainings import (
    Outcome,
    command,
    differences,
    digests,
    is_running,
    reference,
    start_command,
    wait,
    workplace,
)

LONGEST_SECONDS = 10.0
TERMINATED = 143


def run(trials: int, *, seed: int) -> Outcome:
    """The campaign."""
    chance = random.Random(seed)
    outcome, stopped, slowest = Outcome(), 0, 0.0
    with workplace() as place:
        expected, seconds = reference(place)
        for trial in range(trials):
            project = place / f"trial{trial}"
            words = command(place, project)
            number = start_command(words)
            time.sleep(chance.uniform(0, seconds))
            was_running = is_running(number)
            began = time.monotonic()
            os.kill(number, signal.SIGTERM)
            code = wait(number)
            slowest = max(slowest, time.monotonic() - began)
            stopped += was_running
            if code not in ((TERMINATED, 0) if was_running else (0,)):
                outcome.faults.append(f"trial {trial}: exit code {code}")
            if code == TERMINATED:
                code = wait(start_command(words))
            if code or (different := differences(expected, digests(project / "run"))):
                outcome.faults.append(f"trial {trial}: {code or ', '.join(different)} differ")
            shutil.rmtree(project)
    if slowest > LONGEST_SECONDS:
        outcome.faults.append(f"a stop took {slowest:.1f} s")
    if stopped < trials / 2:
        outcome.faults.append("most trainings ended before they could be stopped")
    outcome.words = f"{trials} trainings, {stopped} stopped, in {slowest:.1f} s at most"
    return outcome
