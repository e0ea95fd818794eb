"""kill -9 at random moments, a part of them inside a save; then the same call again."""

from __future__ import annotations

import os
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
DAMAGED = 0.1  # of the starts find the newest checkpoint damaged
INSIDE_A_SAVE = 0.4  # of the kills are aimed there; some come too late


def run(trials: int, *, seed: int) -> Outcome:
    """The campaign."""
    chance = random.Random(seed)
    outcome, kills, inside, damaged = Outcome(), 0, 0, 0
    with workplace() as place:
        expected, seconds = reference(place)
        for trial in range(trials):
            project = place / f"trial{trial}"
            if chance.random() < 0.2:  # also while images are decoded for the first time
                shutil.rmtree(place / "cache", ignore_errors=True)
            for _ in range(chance.randint(1, MOST_KILLS)):
                damaged += chance.random() < DAMAGED and _damage_newest(project)
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
    if kills < trials / 2:
        outcome.faults.append("most trainings ended before they could be killed")
    outcome.words = (
        f"{trials} trainings, {kills} kills, {inside} of them inside a save; {damaged} times the "
        "newest checkpoint was damaged too"
    )
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


def _damage_newest(project: Path) -> bool:
    """Cuts a file of the newest checkpoint off, if there is one that is still needed."""
    if (project / "run" / "evaluation.json").is_file():
        return False  # the training has ended: there is nothing to go on with
    files = list(project.glob("run/checkpoints/[0-9]*/model.safetensors"))
    if files:
        os.truncate(max(files, key=lambda path: int(path.parent.name)), 100)
    return bool(files)


def _begun(checkpoints: Path) -> set[str]:
    """Folders that saves have begun and not ended with."""
    if not checkpoints.is_dir():
        return set()
    return {path.name for path in checkpoints.iterdir() if path.name.startswith(".")}
