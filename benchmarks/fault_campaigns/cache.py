"""Damaged files of the cache: read anew, and the pixels are those of the images."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from convscope.cache import open_cache
from convscope.data.index.image_index import build_image_index
from convscope.data.pixels.preprocessing import Preprocessing
from convscope.data.sources.opening import open_dataset
from fault_campaigns.files import Target, damage_files
from fault_campaigns.trainings import NAME, Outcome, workplace


def run(trials: int, *, seed: int) -> Outcome:
    """The campaign."""
    with workplace() as place:
        dataset = open_dataset(str(place / NAME))
        geometry = Preprocessing(
            height=32, width=32, channels=3, mean=(0.0,) * 3, std=(1.0,) * 3, fit="crop"
        )

        def pixels(folder: Path) -> tuple[bytes, bytes]:
            os.environ["CONVSCOPE_CACHE"] = str(folder)
            index = build_image_index(dataset, cache=open_cache(), geometries=[geometry])
            prepared = index.pixels(geometry).take(np.arange(len(index)))
            return index.statistics.tobytes(), prepared.numpy().tobytes()

        whole = place / "cache"
        pixels(whole)
        open_cache().set_limit(10**9)
        files = sorted(path.relative_to(whole) for path in whole.rglob("*") if path.is_file())
        kept = tuple(str(path) for path in files if path.suffix != ".lock")
        return damage_files({"cache": Target(whole, kept, pixels)}, place, trials=trials, seed=seed)
