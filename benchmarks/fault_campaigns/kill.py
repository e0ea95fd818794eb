"""kill -9 at random moments, a part of them inside a save; then the same call again."""

from __future__ import annotations

import random
import shutil
import time
from pathlib import Path

from fault_campaigns.trainings import (
    Outcome,
    differences,
    digests,
    finish,
    is_running,
    kill,
    reference,
    start,
    train,
    workplace,
)

MOST_KILLS = 3  # of one training
EVERY = (1, 2, 5, "5m")
INSIDE_A_SAVE = 0.4  # of the kills are aimed there; some come too late


def run(trials: int, *, seed: int) -> Outcome:
    """The campaign."""
    chance = random.Random(seed)
    outcome, kills, inside = Outcome(), 0, 0
    with workplace() as place:
        expected, seconds = reference(place)
        for trial in range(trials):
            project = place / f"trial{trial}"
            if chance.random() < 0.2:  # also while images are decoded for the first time
                shutil.rmtree(place / "cache", ignore_errors=True)
            for _ in range(chance.randint(1, MOST_KILLS)):
                was_killed, was_inside = _kill_once(place, project, chance, seconds)
                kills, inside = kills + was_killed, inside + was_inside
            workers = chance.randint(1, 4)
            code = finish(place, project, workers=workers, checkpoint_every=chance.choice(EVERY))
            if code:
                outcome.faults.append(f"trial {trial}: the training ended with {code}")
                continue
            different = differences(expected, digests(project / "run"))
            if different:
                outcome.faults.append(f"trial {trial}: {', '.join(different)} differ")
            shutil.rmtree(project)
    outcome.words = f"{trials} trainings, {kills} kills, {inside} of them inside a save"
    return outcome


def _kill_once(
    place: Path, project: Path, chance: random.Random, seconds: float
) -> tuple[bool, bool]:
    """Whether the training was killed before it ended, and whether inside a save."""
    every, workers = chance.choice(EVERY), chance.randint(1, 4)
    checkpoints = project / "run" / "checkpoints"
    left = _begun(checkpoints)  # by a kill before
    number = start(lambda: train(place, project, checkpoint_every=every, workers=workers) and 0)
    time.sleep(chance.uniform(0, seconds))
    if chance.random() < INSIDE_A_SAVE:
        while is_running(number) and not _begun(checkpoints) - left:
            time.sleep(0.0002)
        time.sleep(chance.uniform(0, 0.002))
    was_killed = is_running(number)
    kill(number)
    return was_killed, was_killed and bool(_begun(checkpoints) - left)


def _begun(checkpoints: Path) -> set[str]:
    """Folders that saves have begun and not ended with."""
    if not checkpoints.is_dir():
        return set()
    return {path.name for path in checkpoints.iterdir() if path.name.startswith(".")}
