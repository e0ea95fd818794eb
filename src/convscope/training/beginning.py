"""What a run folder says before the first step: recipe, environment, which image is for what."""

from __future__ import annotations

import platform

import numpy as np
import PIL
import torch

from convscope import __version__
from convscope.data.split import Split
from convscope.data.store import Store
from convscope.device import Device
from convscope.errors import RunError, listed
from convscope.files import read_json, write_csv, write_json, write_text
from convscope.recipe import DecidedRecipe
from convscope.run import FORMAT, Run


def begin_run(run: Run, recipe: DecidedRecipe, store: Store, split: Split, device: Device) -> None:
    """Writes what decided the result, or checks that an unfinished run was begun the same way.

    Raises:
        RunError: The unfinished run has another recipe or other images.
    """
    fingerprint = store.fingerprint()
    if run.checkpoints_path.is_dir() and run.environment_path.is_file():
        _check_same(run, recipe, fingerprint)
        return
    uses = split.used_for(len(store))
    write_csv(
        run.splits_path,
        ["image", "class_index", "given_split", "used_for", "pixels"],
        [
            [name, int(label), given, use, f"{int(pixels):016x}"]
            for name, label, given, use, pixels in zip(
                store.names, store.labels, store.given_splits, uses, store.pixel_hashes, strict=True
            )
        ],
    )
    write_json(
        run.environment_path,
        {
            "format": FORMAT,
            "convscope": __version__,
            "torch": torch.__version__,
            "numpy": np.__version__,
            "pillow": PIL.__version__,
            "python": platform.python_version(),
            "system": f"{platform.system()} {platform.machine()}",
            "device": device.reason,
            "threads": torch.get_num_threads(),
            "data_fingerprint": fingerprint,
            "split": split.words,
            "damaged": [list(pair) for pair in store.damaged],
        },
    )
    write_text(run.recipe_path, recipe.dump())


def _check_same(run: Run, recipe: DecidedRecipe, fingerprint: str) -> None:
    before = run.recipe.model_dump(mode="json")
    now = recipe.model_dump(mode="json")
    changed = [
        f"{field}: {before[field]} -> {now[field]}" for field in now if before[field] != now[field]
    ]
    environment = read_json(run.environment_path)
    if environment["data_fingerprint"] != fingerprint:
        changed.append("the images or their classes")
    if changed:
        raise RunError(
            f"`{run.path}` is an unfinished run that was begun differently\n{listed(changed)}",
            hint="give the same flags to continue it, or `--name NAME` to begin another run",
        )
