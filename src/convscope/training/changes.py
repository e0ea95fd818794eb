"""Whether an unfinished run goes on as it was begun; what is different, and whether it can be."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from convscope.errors import ConvscopeError, RunError, listed
from convscope.files import read_json
from convscope.recipe import Recipe
from convscope.run import Run
from convscope.training.checkpoint import load_newest
from convscope.training.going_on import check_still_unseen
from convscope.training.material import Material

if TYPE_CHECKING:
    from convscope.training.beginning import Beginning

# The same images may be given, left out or split by another path: they are compared themselves.
PLACES = ("data", "exclude", "splits")
# Other versions, processors, threads or processes round differently.
DECISIVE = ("convscope", "torch", "numpy", "pillow", "processor", "threads", "processes")
IMAGES = "the images, their order, classes or splits"
# What the state of the optimizer belongs to: nothing can go on with another.
FIXED = ("model", "options", "opt", "tune", "layer_decay")
COLUMNS = 5  # of splits.csv
EARLIER = "earlier"  # in place of a given split: an image's use before a change


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


def read_environment(run: Run) -> dict[str, Any]:
    """What `environment.json` of a run that has begun says.

    Raises:
        RunError: It is missing, or has no number of the run.
    """
    recorded = read_json(run.environment_path) if run.environment_path.is_file() else {}
    if "run" not in recorded:
        raise _unknown(run.environment_path)
    return recorded


def _unknown(path: Path) -> RunError:
    return RunError(
        f"`{path}` is missing or damaged, so it isn't known how the run was begun",
        hint="`--fresh` begins it anew, `--name NAME` begins another",
    )


def recorded_recipe(run: Run) -> Recipe:
    """The recipe of a run that has begun.

    Raises:
        RunError: It can't be read.
    """
    try:
        return run.recipe
    except ConvscopeError as error:
        raise _unknown(run.recipe_path) from error


def find_changes(run: Run, beginning: Beginning, recorded: dict[str, Any]) -> list[Change]:
    """What is different from when the run was begun."""
    before = recorded_recipe(run).model_dump(mode="json")
    now = beginning.recipe.model_dump(mode="json")
    changes = [
        Change(field, before[field], now[field])
        for field in now
        if field not in PLACES and before[field] != now[field]
    ]
    time_before = read_plan(run).get("given")
    if beginning.time_given is not None and beginning.time_given != time_before:
        changes.append(Change("time", time_before, beginning.time_given))
    changes += [
        Change(name, recorded.get(name), beginning.environment[name])
        for name in DECISIVE
        if recorded.get(name) != beginning.environment[name]
    ]
    if _own_rows(run) != beginning.splits[1]:
        data = run.recipe.data, beginning.recipe.data
        before_and_now = data if data[0] != data[1] else ("as in splits.csv", "others")
        changes.append(Change(IMAGES, *before_and_now))
    return changes


def read_plan(run: Run) -> dict[str, Any]:
    """How a run's epochs were planned: `given` is what `--time` said; empty where it said nothing.

    Raises:
        RunError: `measured.json` can't be read.
    """
    if not run.measured_path.is_file():
        return {}
    plan: dict[str, Any] = read_json(run.measured_path).get("time", {})
    return plan


def check_changes(
    run: Run, changes: Sequence[Change], beginning: Beginning, *, allow_change: bool
) -> None:
    """Refuses to go on differently, unless that was asked for and can be.

    Raises:
        RunError: It wasn't or can't.
    """
    table = listed(as_table(changes))
    classes = sorted(beginning.material.gallery.dataset.classes)
    if not _fits(run, beginning) or any(change.what in FIXED for change in changes):
        raise RunError(
            f"`{run.path}` is an unfinished run that can't go on like this, as its weights belong "
            f"to other values\n{table}",
            hint="`--name NAME` begins another run, `--fresh` begins this one anew",
        )
    if not allow_change:
        raise RunError(
            f"`{run.path}` is an unfinished run that was begun differently\n{table}",
            hint=_way_out(changes),
        )
    done = len(run.history)
    if beginning.recipe.epochs < done:
        raise RunError(
            f"`{run.path}` has {done} epochs already, `epochs` is {beginning.recipe.epochs}",
            hint="`--epochs` counts all of them, those that are done too",
        )
    if any(change.what == IMAGES for change in changes):
        if sorted({row[1] for row in _own_rows(run)}) != classes:
            raise RunError(
                f"`{run.path}` can't go on with other classes",
                hint=f"`--weights {run.path}` begins a run that keeps what the head knows of its "
                "classes",
            )
        check_still_unseen(run, beginning.material)


def _way_out(changes: Sequence[Change]) -> str:
    """How to go on as before, where that can be said, and what else there is."""
    before = {change.what: change.before for change in changes}
    same = "give the same flags to continue it"
    if set(before) <= set(DECISIVE):
        same = "continue it where it was begun, with the same versions"
        if set(before) <= {"threads", "processes"}:
            parts = []
            if "threads" in before:
                parts.append(f"OMP_NUM_THREADS={before['threads']}")
            if "processes" in before:
                parts.append(f"torchrun --nproc-per-node {before['processes']} -m")
            same = f"continue it as it was begun: `{' '.join(parts)} convscope train ...`"
    return (
        f"{same}, or give `--fresh` to begin it anew, `--name NAME` to begin another, "
        "`--allow-change` to go on with it all the same"
    )


def rows_of_before(run: Run, material: Material) -> list[list[str]]:
    """Rows of `splits.csv` that keep in mind what images were used for before a change."""
    gallery = material.gallery
    now = set(zip(gallery.pixel_hashes, material.split.used_for(len(gallery)), strict=True))
    kept = []
    for name, label, _, use, pixels in _rows(run):
        if use in ("train", "validation") and (int(pixels, 16), use) not in now:
            kept.append([name, label, EARLIER, use, pixels])
    return kept


def as_table(changes: Sequence[Change]) -> list[str]:
    """A line for each change."""
    width = max(len(change.what) for change in changes)
    return [f"{what:{width}}  {before} -> {now}" for what, before, now in changes]


def _fits(run: Run, beginning: Beginning) -> bool:
    """Whether the newest checkpoint holds weights of such a network."""
    checkpoint, _ = load_newest(run.checkpoints_path)
    if checkpoint is None:
        return True
    return {n: tuple(v.shape) for n, v in checkpoint.model.items()} == dict(beginning.shapes)


def _own_rows(run: Run) -> list[list[str]]:
    """The rows of `splits.csv` that are of the images as they are used now."""
    return [row for row in _rows(run) if row[2] != EARLIER]


def _rows(run: Run) -> list[list[str]]:
    try:
        with run.splits_path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.reader(file))[1:]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise _unknown(run.splits_path) from error
    if any(len(row) != COLUMNS for row in rows):
        raise _unknown(run.splits_path)
    return rows
