"""Run metadata: recipe, environment and splits, written before the first step."""

from __future__ import annotations

import hashlib
import json
import platform
import re
import shutil
from collections.abc import Mapping
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import PIL
import torch

from convscope import __version__
from convscope.distributed import torchrun_id
from convscope.errors import ConvscopeError, RunError
from convscope.files import remove_leftovers, sha256, write_json, write_text
from convscope.paths import OUTPUTS, PROFILE_SUMMARY, TRACE_FILE
from convscope.progress import Reporter
from convscope.recipe import Recipe
from convscope.run import FORMAT, Run
from convscope.splits import SplitRow
from convscope.text import counted
from convscope.training.runs.checkpoint import steps_in
from convscope.training.setup import Setup
from convscope.training.training_data import TrainingData

PROMISE = (
    "killed at any moment and started again by the same command, this training gives the same "
    "weights to the bit on the same type of machine, with the same versions, device, threads and "
    "number of processes; workers that decode images and the times of checkpoints don't matter"
)
NO_PROMISE = (
    "none to the bit: the GPU's fastest algorithms add in another order each time; "
    "`--deterministic` takes others"
)


def environment_of(setup: Setup, data: TrainingData) -> dict[str, Any]:
    """The content of `environment.json`, without the run's number."""
    device, processes, index = setup.device, setup.processes, data.image_index
    return {
        "format": FORMAT,
        "promise": PROMISE if setup.recipe.deterministic or device.is_deterministic else NO_PROMISE,
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
        "launch": torchrun_id(),
        "data_fingerprint": index.fingerprint,
        "split": data.split.description,
        "damaged": [list(pair) for pair in index.damaged],
    }


def split_rows(data: TrainingData) -> list[SplitRow]:
    """The rows of `splits.csv`, in the order of the images."""
    index, classes = data.image_index, data.classes
    rows = zip(
        index.names,
        index.labels,
        index.dataset.given_splits,
        data.split.names(len(index)),
        index.pixel_hashes,
        strict=True,
    )
    excluded, hashes = data.excluded
    left_out = zip(
        [excluded.images.name(number) for number in range(len(excluded))],
        excluded.labels,
        excluded.given_splits,
        ["excluded"] * len(excluded),
        hashes,
        strict=True,
    )
    return [
        SplitRow(name, classes[label], given, split, int(pixel_hash))
        for name, label, given, split, pixel_hash in chain(rows, left_out)
    ]


def weight_shapes(setup: Setup) -> dict[str, tuple[int, ...]]:
    """Shapes of the network's weights and buffers, by their names."""
    return {name: tuple(value.shape) for name, value in setup.network.state_dict().items()}


def check_same_in_all_processes(setup: Setup, data: TrainingData) -> None:
    """Refuses to train together with processes that have something else.

    Raises:
        RunError: This process has another recipe, other images or other weights than the first.
    """
    processes = setup.processes
    if not processes.is_distributed:
        return
    parts = [
        setup.recipe.dump(),
        json.dumps(split_rows(data)),
        json.dumps(weight_shapes(setup)),
    ]
    digest = hashlib.sha256("\n".join(parts).encode())
    for value in setup.network.state_dict().values():
        digest.update(value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
    if processes.broadcast(digest.digest()) != digest.digest():
        raise RunError(
            f"process {processes.rank} has other images, another recipe or other weights than the "
            "first one",
            hint="give all processes the same command, the same data and the same weights",
        )


def read_environment(run: Run) -> dict[str, Any]:
    """The content of `environment.json` of a run that has begun.

    Raises:
        RunError: It is missing, or has no run id.
    """
    try:
        recorded = run.environment
    except RunError as error:
        raise unreadable_metadata(run.environment_path, error.message) from error
    if not recorded:
        raise unreadable_metadata(run.environment_path)
    return recorded


def recorded_recipe(run: Run) -> Recipe:
    """The recipe of a run that has begun.

    Raises:
        RunError: It can't be read.
    """
    environment = read_environment(run)
    try:
        recipe, is_known = run.recipe, _is_known(run.recipe_path, environment)
    except ConvscopeError as error:
        raise unreadable_metadata(run.recipe_path, error.message) from error
    if not is_known:
        raise unreadable_metadata(run.recipe_path, "it was changed after it was written")
    return recipe


def with_recipe(environment: Mapping[str, Any], run: Run, recipe: Recipe) -> dict[str, Any]:
    """The content of `environment.json` before the recipe of a run is replaced.

    It knows both recipes: a process that is killed between the two files leaves the old one.
    """
    there = [sha256(run.recipe_path)] if run.recipe_path.is_file() else []
    return {**environment, "recipes": [*there, _sha256_of(recipe.dump())]}


def rewrite_recipe(run: Run, recipe: Recipe) -> None:
    """Replaces the recipe of a run that goes on by what a clock has made of it.

    Raises:
        RunError: The folder can't be written to.
    """
    write_json(run.environment_path, with_recipe(run.environment, run, recipe))
    write_recipe(run, recipe)


def write_recipe(run: Run, recipe: Recipe) -> None:
    """Writes `recipe.yaml`, whose hash is in `environment.json` by then.

    Raises:
        RunError: The folder can't be written to.
    """
    write_text(run.recipe_path, recipe.dump())
    vars(run).pop("recipe", None)  # as it was read before


def _is_known(path: Path, environment: Mapping[str, Any]) -> bool:
    """Whether a recipe is the one that was written, as far as that is recorded."""
    digest = sha256(path)
    if recipes := environment.get("recipes"):
        return digest in recipes
    # Versions before this one recorded the first recipe alone, before a clock cut its epochs.
    text = path.read_text(encoding="utf-8")
    uncut = _sha256_of(re.sub(r"(?m)^epochs_cut: .*$", "epochs_cut: null", text))
    return environment.get("recipe_sha256") in (None, digest, uncut)


def _sha256_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def unreadable_metadata(path: Path, why: str = "") -> RunError:
    """The error for a run folder whose metadata can't be read."""
    return RunError(
        f"`{path}` is missing or damaged, so it isn't known how the run was begun"
        f"{': ' if why else ''}{why}",
        hint="`--fresh` begins it anew, `--name NAME` begins another",
    )


def discard(run: Run, reporter: Reporter) -> None:
    """Deletes what an unfinished run has trained, and nothing that others put beside it."""
    steps = steps_in(run.checkpoints_path)
    if steps:
        reporter.say(f"note: {_done(run)} of training in `{run.path}`: thrown away")
    remove_leftovers(run.checkpoints_path)
    for path in (
        *(run.checkpoints_path / str(step) for step in steps),  # first: without them nothing counts
        *(run.classifier_path / name for name in OUTPUTS["classifier"]),
        run.history_path,
        run.measured_path,
        run.learning_rate_plot_path,
        run.step_log_path,
    ):
        _remove(path)
    remove_profile(run)
    for folder in (run.checkpoints_path, run.classifier_path):
        if not folder.is_dir():
            _remove(folder)
        else:
            with suppress(OSError):  # it holds what others put there
                folder.rmdir()


def remove_profile(run: Run) -> None:
    """Deletes the profile of an earlier training, and nothing that others put beside it."""
    _remove(run.profile_path / PROFILE_SUMMARY)
    _remove(run.profile_path / TRACE_FILE)
    with suppress(OSError):  # it isn't there, or holds what others put there
        run.profile_path.rmdir()


def _done(run: Run) -> str:
    try:
        return counted(len(run.history), "epoch")
    except RunError:
        return "an unknown number of epochs"


def _remove(path: Path) -> None:
    """Removes whatever is at a path."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
        return
    with suppress(FileNotFoundError, NotADirectoryError):  # nor is it there below a file
        path.unlink()
