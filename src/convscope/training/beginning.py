"""What a run folder says before the first step: recipe, environment, which image is for what."""

from __future__ import annotations

import hashlib
import json
import platform
import shutil
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import Any

import numpy as np
import PIL
import torch

from convscope import __version__
from convscope.device import Device
from convscope.errors import counted, listed
from convscope.files import write_csv, write_json, write_text
from convscope.processes import Processes, launch
from convscope.progress import Reporter
from convscope.recipe import DecidedRecipe
from convscope.run import FORMAT, Run
from convscope.training.changes import (
    as_table,
    check_changes,
    find_changes,
    read_environment,
    rows_of_before,
)
from convscope.training.material import Material

PROMISE = (
    "killed at any moment and started again by the same command, this training gives the same "
    "weights to the bit on the same type of machine, with the same versions, device, threads and "
    "number of processes; workers that decode images and the times of checkpoints don't matter"
)
NO_PROMISE = (
    "none to the bit: the GPU's fastest algorithms add in another order each time; "
    "`--deterministic` takes others"
)
CHANGED = "none to the bit: the training went on differently, see `changes`"


@dataclass(frozen=True, kw_only=True)
class Beginning:
    """What a run folder says of its beginning, as it would be written now.

    Attributes:
        recipe: With all choices made.
        shapes: Of the network's weights and buffers, by name.
        material: The images.
        environment: Versions, device, promise.
        time_given: What `--time` said; None for no time.
    """

    recipe: DecidedRecipe
    shapes: Mapping[str, tuple[int, ...]]
    material: Material
    environment: dict[str, Any]
    time_given: str | None = None

    @cached_property
    def splits(self) -> tuple[list[str], list[list[str]]]:
        """The header and the rows of `splits.csv`."""
        return _splits(self.material)

    @property
    def fingerprint(self) -> bytes:
        """What has to be the same in all processes that train together."""
        parts = [self.recipe.dump(), json.dumps(self.splits), json.dumps(dict(self.shapes))]
        return hashlib.sha256("\n".join(parts).encode()).digest()


def begin_run(
    run: Run,
    beginning: Beginning,
    *,
    allow_change: bool,
    reporter: Reporter,
) -> str:
    """Writes what decided the result, or checks that an unfinished run was begun the same way.

    Args:
        run: Its folder.
        beginning: What is to be written.
        allow_change: Go on with an unfinished run although something is different.
        reporter: Says what is different.

    Returns:
        What tells this run's checkpoints from those of another.

    Raises:
        RunError: The unfinished run has another recipe, other images or another environment.
    """
    environment = dict(beginning.environment)
    splits = beginning.splits
    if run.checkpoints_path.is_dir():
        recorded = read_environment(run)
        environment["run"] = recorded["run"]
        environment["changes"] = recorded.get("changes", [])
        changes = find_changes(run, beginning, recorded)
        if not changes:
            return str(recorded["run"])
        check_changes(run, changes, beginning, allow_change=allow_change)
        reporter.say(f"note: goes on differently\n{listed(as_table(changes))}")
        environment["promise"] = CHANGED
        environment["changes"] = [*environment["changes"], [list(change) for change in changes]]
        splits = (splits[0], splits[1] + rows_of_before(run, beginning.material))
    else:
        environment["run"] = uuid.uuid4().hex
    write_csv(run.splits_path, *splits)
    write_json(run.environment_path, environment)
    write_text(run.recipe_path, beginning.recipe.dump())  # last: with it a run has begun
    return str(environment["run"])


def forget(run: Run, reporter: Reporter) -> None:
    """Throws away what an unfinished run has learned."""
    if run.checkpoints_path.is_dir():
        done = counted(len(run.history), "epoch")
        reporter.say(f"note: {done} that `{run.path}` had learned: thrown away")
        shutil.rmtree(run.checkpoints_path)  # first: without them nothing else counts
    shutil.rmtree(run.classifier_path, ignore_errors=True)
    for path in (run.history_path, run.measured_path, run.rate_picture_path, run.step_log_path):
        path.unlink(missing_ok=True)


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


def environment_of(
    material: Material, recipe: DecidedRecipe, device: Device, processes: Processes
) -> dict[str, Any]:
    """What `environment.json` says, but for the run's number."""
    is_repeatable = recipe.deterministic or device.repeats
    return {
        "format": FORMAT,
        "promise": PROMISE if is_repeatable else NO_PROMISE,
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
        "launch": launch(),
        "data_fingerprint": material.gallery.fingerprint,
        "split": material.split.words,
        "damaged": [list(pair) for pair in material.gallery.damaged],
    }
