"""What a run folder says before the first step: recipe, environment, which image is for what."""

from __future__ import annotations

import csv
import platform
import uuid
from collections.abc import Sequence
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
import PIL
import torch

from convscope import __version__
from convscope.device import Device
from convscope.errors import RunError, listed
from convscope.files import read_json, write_csv, write_json, write_text
from convscope.processes import Processes
from convscope.progress import Reporter
from convscope.recipe import DecidedRecipe
from convscope.run import FORMAT, Run
from convscope.training.going_on import check_still_unseen
from convscope.training.material import Material

PROMISE = (
    "killed at any moment and started again by the same command, this training gives the same "
    "weights to the bit on the same type of machine, with the same versions, device, threads and "
    "number of processes; workers that decode images and the times of checkpoints don't matter"
)
# The same images may be given, left out or split by another path: they are compared themselves.
PLACES = ("data", "exclude", "splits")
# Other versions, processors, threads or processes round differently.
DECISIVE = ("convscope", "torch", "processor", "threads", "processes")
IMAGES = "the images, their order, classes or splits"
# What the weights and the state of the optimizer belong to: nothing can go on with another.
FIXED = ("model", "options", "opt", "tune", "layer_decay")


def begin_run(
    run: Run,
    recipe: DecidedRecipe,
    material: Material,
    *,
    device: Device,
    processes: Processes,
    allow_change: bool,
    reporter: Reporter,
) -> str:
    """Writes what decided the result, or checks that an unfinished run was begun the same way.

    Args:
        run: Its folder.
        recipe: With all choices made.
        material: The images.
        device: Where it learns.
        processes: How many learn together.
        allow_change: Go on with an unfinished run although something is different.
        reporter: Says what is different.

    Returns:
        What tells this run's checkpoints from those of another.

    Raises:
        RunError: The unfinished run has another recipe, other images or another environment.
    """
    environment = _environment(material, device, processes)
    splits = _splits(material)
    if run.checkpoints_path.is_dir() and run.environment_path.is_file():
        recorded = read_json(run.environment_path)
        changes = _changes(run, recipe, recorded, environment, splits)
        environment["run"] = recorded.get("run")
        if changes:
            _check_changes(run, changes, material, allow_change=allow_change)
            reporter.say(f"note: goes on differently\n{listed(_as_table(changes))}")
    else:
        environment["run"] = uuid.uuid4().hex
        changes = []
    if changes or not run.checkpoints_path.is_dir():
        write_csv(run.splits_path, *splits)
        write_json(run.environment_path, environment)
        write_text(run.recipe_path, recipe.dump())
    return str(environment["run"])


def _splits(material: Material) -> tuple[list[str], list[list[str]]]:
    """The header and the rows of `splits.csv`, in the order of the images."""
    gallery = material.gallery
    classes = gallery.dataset.classes
    rows = zip(
        gallery.names,
        gallery.labels,
        gallery.dataset.given_splits,
        material.split.used_for(len(gallery)),
        gallery.pixel_hashes,
        strict=True,
    )
    excluded, hashes = material.excluded
    left_out = zip(
        [excluded.images.name(index) for index in range(len(excluded))],
        excluded.labels,
        excluded.given_splits,
        ["excluded"] * len(excluded),
        hashes,
        strict=True,
    )
    return ["image", "class", "given_split", "used_for", "pixels"], [
        [name, classes[label], given, use, f"{int(pixels):016x}"]
        for name, label, given, use, pixels in chain(rows, left_out)
    ]


def _environment(material: Material, device: Device, processes: Processes) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "promise": PROMISE,
        "convscope": __version__,
        "torch": torch.__version__,
        "numpy": np.__version__,
        "pillow": PIL.__version__,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "processor": device.processor,
        "device": device.reason,
        "threads": torch.get_num_threads(),
        "processes": processes.world_size,
        "data_fingerprint": material.gallery.fingerprint,
        "split": material.split.words,
        "damaged": [list(pair) for pair in material.gallery.damaged],
    }


class Change(NamedTuple):
    """Something that is different from when a run was begun.

    Attributes:
        what: A field of the recipe or of the environment, or `IMAGES`.
        before: Then.
        now: Now.
    """

    what: str
    before: object
    now: object


def _changes(
    run: Run,
    recipe: DecidedRecipe,
    recorded: dict[str, Any],
    environment: dict[str, Any],
    splits: tuple[list[str], list[list[str]]],
) -> list[Change]:
    before, now = run.recipe.model_dump(mode="json"), recipe.model_dump(mode="json")
    changes = [
        Change(field, before[field], now[field])
        for field in now
        if field not in PLACES and before[field] != now[field]
    ]
    changes += [
        Change(name, recorded.get(name), environment[name])
        for name in DECISIVE
        if recorded.get(name) != environment[name]
    ]
    with run.splits_path.open(encoding="utf-8", newline="") as file:
        if list(csv.reader(file)) != [splits[0], *splits[1]]:
            changes.append(Change(IMAGES, "as in splits.csv", "others"))
    return changes


def _check_changes(
    run: Run, changes: Sequence[Change], material: Material, *, allow_change: bool
) -> None:
    """Refuses to go on differently, unless that was asked for and can be.

    Raises:
        RunError: It wasn't or can't.
    """
    table = listed(_as_table(changes))
    if not allow_change:
        raise RunError(
            f"`{run.path}` is an unfinished run that was begun differently\n{table}",
            hint="give the same flags to continue it, `--fresh` to begin it anew, `--name NAME` to "
            "begin another, or `--allow-change` to go on with it all the same",
        )
    if any(change.what in FIXED for change in changes):
        raise RunError(
            f"`{run.path}` can't go on like this, as its weights belong to other values\n{table}",
            hint="`--name NAME` begins another run",
        )
    if any(change.what == IMAGES for change in changes):
        check_still_unseen(run, material)


def _as_table(changes: Sequence[Change]) -> list[str]:
    width = max(len(change.what) for change in changes)
    return [f"{what:{width}}  {before} -> {now}" for what, before, now in changes]
