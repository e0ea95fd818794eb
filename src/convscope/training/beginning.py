"""What a run folder says before the first step: recipe, environment, which image is for what."""

from __future__ import annotations

import csv
import platform
from itertools import chain
from typing import Any

import numpy as np
import PIL
import torch

from convscope import __version__
from convscope.device import Device
from convscope.errors import RunError, listed
from convscope.files import read_json, write_csv, write_json, write_text
from convscope.recipe import DecidedRecipe
from convscope.run import FORMAT, Run
from convscope.training.material import Material

# What a training continues on only where it is the same: other versions or another number of
# threads round differently.
PLACES = ("data", "exclude", "splits")
DECISIVE = ("convscope", "torch", "device", "threads")


def begin_run(
    run: Run,
    recipe: DecidedRecipe,
    material: Material,
    *,
    device: Device,
) -> None:
    """Writes what decided the result, or checks that an unfinished run was begun the same way.

    Raises:
        RunError: The unfinished run has another recipe, other images or another environment.
    """
    environment = _environment(material, device)
    splits = _splits(material)
    if run.checkpoints_path.is_dir() and run.environment_path.is_file():
        _check_same(run, recipe, environment, splits)
        return
    write_csv(run.splits_path, *splits)
    write_json(run.environment_path, environment)
    write_text(run.recipe_path, recipe.dump())


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


def _environment(material: Material, device: Device) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "convscope": __version__,
        "torch": torch.__version__,
        "numpy": np.__version__,
        "pillow": PIL.__version__,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "device": device.reason,
        "threads": torch.get_num_threads(),
        "data_fingerprint": material.gallery.fingerprint,
        "split": material.split.words,
        "damaged": [list(pair) for pair in material.gallery.damaged],
    }


def _check_same(
    run: Run,
    recipe: DecidedRecipe,
    environment: dict[str, Any],
    splits: tuple[list[str], list[list[str]]],
) -> None:
    before, now = run.recipe.model_dump(mode="json"), recipe.model_dump(mode="json")
    # The same images may be given, left out or split by another path: they are compared themselves.
    changed = [
        f"{field}: {before[field]} -> {now[field]}"
        for field in now
        if field not in PLACES and before[field] != now[field]
    ]
    recorded = read_json(run.environment_path)
    changed += [
        f"{name}: {recorded.get(name)} -> {environment[name]}"
        for name in DECISIVE
        if recorded.get(name) != environment[name]
    ]
    with run.splits_path.open(encoding="utf-8", newline="") as file:
        if list(csv.reader(file)) != [splits[0], *splits[1]]:
            changed.append("the images, their order, classes or splits")
    if changed:
        raise RunError(
            f"`{run.path}` is an unfinished run that was begun differently\n{listed(changed)}",
            hint="give the same flags to continue it, or `--name NAME` to begin another run",
        )
