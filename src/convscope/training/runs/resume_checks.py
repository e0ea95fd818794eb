"""Resume checks: whether a run can be resumed or continued as asked, and what is different.

Resuming goes on with an unfinished run, continuing (`--continue`) goes on after a finished one.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import NamedTuple

from convscope.data.dataset import Dataset
from convscope.errors import RunError, UsageError
from convscope.files import write_json
from convscope.paths import shell_word
from convscope.progress import Reporter
from convscope.recipe import OPTION_FIELDS, Recipe
from convscope.run import Run
from convscope.splits import SplitRow, read_splits, write_splits
from convscope.text import listed
from convscope.training.runs.checkpoint import load_newest, steps_in
from convscope.training.runs.metadata import (
    environment_of,
    read_environment,
    recorded_recipe,
    split_rows,
    unreadable_metadata,
    weight_shapes,
    with_recipe,
    write_recipe,
)
from convscope.training.setup import FORMAT_FIELDS, Setup
from convscope.training.training_data import TrainingData

# What the optimizer's state belongs to: no training can go on with another.
FIXED_FIELDS = ("opt", "tune", "layer_decay", "options")
# The same images may be given, left out or split in another way: they are compared themselves.
PATH_FIELDS = ("data", "exclude", "splits", "split_column", "class_level", "zip_encoding")
# Field that may be measured -> its entry in `measured.json`.
MEASURED_AS = {"batch_size": "batch_size", "lr": "learning_rate", "tune": "trained_layers"}
# Other versions, processors, threads or processes round differently.
DECISIVE = ("convscope", "torch", "numpy", "pillow", "processor", "threads", "processes")
IMAGES = "the images, their order, classes or splits"
EARLIER = "earlier"  # in place of a given split: an image's split before a change
CHANGED = "none to the bit: the training went on differently, see `changes`"


class Change(NamedTuple):
    """Something that is different from when a run was begun.

    Attributes:
        what: A field of the recipe or of the environment, or `IMAGES`.
        before: Its value when the run was begun.
        now: Its value now.
    """

    what: str
    before: object
    now: object


def begin_or_resume(
    run: Run,
    setup: Setup,
    data: TrainingData,
    *,
    time_given: str | None,
    allow_change: bool,
    reporter: Reporter,
) -> str:
    """Writes the metadata of a new run, or checks that an unfinished one was begun the same way.

    Args:
        run: The run folder.
        setup: The setup of the training.
        data: The images.
        time_given: The value of `--time`; None where none was given.
        allow_change: Whether an unfinished run is resumed although something is different.
        reporter: Says what is different.

    Returns:
        The run's number, which tells its checkpoints from those of another.

    Raises:
        RunError: The unfinished run has another recipe, other images or another environment.
    """
    environment, rows = environment_of(setup, data), split_rows(data)
    if steps_in(run.checkpoints_path):
        recorded = read_environment(run)
        environment["run"] = recorded["run"]
        changes = _recipe_changes(run, setup.recipe, time_given)
        changes += [
            Change(name, recorded.get(name), environment[name])
            for name in DECISIVE
            if recorded.get(name) != environment[name]
        ]
        changes += _image_changes(run, setup.recipe, rows)
        if not changes:
            return str(recorded["run"])
        _check_changes(run, changes, setup, data, allow_change=allow_change)
        reporter.say(f"note: resumes differently\n{listed(_as_table(changes))}")
        environment["promise"] = CHANGED
        before = recorded.get("changes", [])
        environment["changes"] = [*before, [list(change) for change in changes]]
        rows = rows + _rows_of_before(run, data)
    else:
        environment["run"] = uuid.uuid4().hex
    # What is different is on record before anything is, and with the recipe a run has begun.
    write_json(run.environment_path, with_recipe(environment, run, setup.recipe))
    write_splits(run.splits_path, rows)
    write_recipe(run, setup.recipe)
    return str(environment["run"])


def check_resume(run: Run, given: Recipe) -> None:
    """Refuses to resume an unfinished run with another recipe, before anything is measured.

    What the recipe leaves open is compared when it is resolved, by `begin_or_resume`.

    Args:
        run: The run folder.
        given: The recipe as given, with the network and the device.

    Raises:
        RunError: Something that is given differs from what the run was begun with.
    """
    if not steps_in(run.checkpoints_path):
        return
    before, now = recorded_recipe(run).model_dump(mode="json"), given.model_dump(mode="json")
    measured = run.measured
    changes = []
    for field, value in now.items():
        if value is None or field in (*PATH_FIELDS, *OPTION_FIELDS, "options", "time"):
            continue
        is_on_record = value == "auto" and (
            field in FORMAT_FIELDS or measured.get(MEASURED_AS.get(field, "")) is not None
        )
        if value != before[field] and not is_on_record:
            changes.append(Change(field, before[field], value))
    changes += _time_change(run, given.time)
    if changes:
        raise _refusal(run, changes, is_fixed=_is_fixed(changes))


def _recipe_changes(run: Run, recipe: Recipe, time_given: str | None) -> list[Change]:
    before = recorded_recipe(run).model_dump(mode="json")
    now = recipe.model_dump(mode="json")
    changes = [
        Change(field, before[field], now[field])
        for field in now
        # `auto` stands for a field that is newer than the run.
        if field not in PATH_FIELDS and before[field] not in (now[field], "auto")
    ]
    return changes + _time_change(run, time_given)


def _time_change(run: Run, given: str | None) -> list[Change]:
    before = (run.measured.get("time") or {}).get("given")
    return [] if given in (None, before) else [Change("time", before, given)]


def _image_changes(run: Run, recipe: Recipe, rows: list[SplitRow]) -> list[Change]:
    if _own_rows(run) == rows:
        return []
    paths = run.recipe.data, recipe.data
    return [Change(IMAGES, *(paths if paths[0] != paths[1] else ("as in splits.csv", "others")))]


def _check_changes(
    run: Run,
    changes: Sequence[Change],
    setup: Setup,
    data: TrainingData,
    *,
    allow_change: bool,
) -> None:
    """Refuses to resume differently, unless that was asked for and is possible.

    Raises:
        RunError: It wasn't, or isn't.
    """
    is_fixed = _is_fixed(changes) or not _has_weights_of(run, setup)
    if is_fixed or not allow_change:
        raise _refusal(run, changes, is_fixed=is_fixed)
    done = len(run.history)
    if setup.recipe.epochs < done:
        raise RunError(
            f"`{run.path}` has {done} epochs already, `epochs` is {setup.recipe.epochs}",
            hint="`--epochs` counts all of them, those that are done too",
        )
    if any(change.what == IMAGES for change in changes):
        if sorted({row.label for row in _own_rows(run)}) != sorted(data.classes):
            raise RunError(
                f"`{run.path}` can't be resumed with other classes",
                hint=f"`--weights {shell_word(run.path)}` begins a run that keeps the head's "
                "rows of its classes",
            )
        _check_still_unseen(run, data)


def _is_fixed(changes: Sequence[Change]) -> bool:
    """Whether something is different that the weights belong to."""
    return any(change.what in ("model", *FIXED_FIELDS) for change in changes)


def _refusal(run: Run, changes: Sequence[Change], *, is_fixed: bool) -> RunError:
    table = listed(_as_table(changes))
    if is_fixed:
        return RunError(
            f"`{run.path}` is an unfinished run that can't be resumed like this, as its weights "
            f"belong to other values\n{table}",
            hint="`--name NAME` begins another run, `--fresh` begins this one anew",
        )
    return RunError(
        f"`{run.path}` is an unfinished run that was begun differently\n{table}",
        hint=_way_out(changes),
    )


def _way_out(changes: Sequence[Change]) -> str:
    """How to resume as before, where that can be said, and the alternatives."""
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


def _rows_of_before(run: Run, data: TrainingData) -> list[SplitRow]:
    """Rows of `splits.csv` that record the splits of images before a change."""
    index = data.image_index
    now = set(zip(index.pixel_hashes, data.split.names(len(index)), strict=True))
    return [
        row._replace(given_split=EARLIER)
        for row in _rows(run)
        if row.split in ("train", "validation") and (row.pixel_hash, row.split) not in now
    ]


def _as_table(changes: Sequence[Change]) -> list[str]:
    width = max(len(change.what) for change in changes)
    return [f"{what:{width}}  {before} -> {now}" for what, before, now in changes]


def _has_weights_of(run: Run, setup: Setup) -> bool:
    """Whether the newest checkpoint holds weights of such a network."""
    checkpoint, _ = load_newest(run.checkpoints_path)
    if checkpoint is None:
        return True
    saved = {name: tuple(value.shape) for name, value in checkpoint.model.items()}
    return saved == weight_shapes(setup)


def _own_rows(run: Run) -> list[SplitRow]:
    """The rows of `splits.csv` about the images as they are split now."""
    return [row for row in _rows(run) if row.given_split != EARLIER]


def _rows(run: Run) -> list[SplitRow]:
    try:
        return read_splits(run.splits_path)
    except RunError as error:
        raise unreadable_metadata(run.splits_path, error.message) from error


def check_continue(source: Run, recipe: Recipe, classes: tuple[str, ...], dataset: Dataset) -> None:
    """Refuses to continue a finished run in another way than the one it was begun in.

    Args:
        source: The finished run.
        recipe: The recipe of the training that continues it.
        classes: The classes of the run's classifier.
        dataset: The images that are trained on now.

    Raises:
        UsageError: Its classes or a field that the weights belong to are others, or there is no
            epoch left to do.
    """
    if classes != dataset.classes:
        raise UsageError(
            f"`{source.path}` was trained for other classes than `{dataset.name}` has",
            hint=f"`--weights {shell_word(source.path)}` begins a training that keeps the "
            "head's rows of its classes",
        )
    before = source.recipe
    changed = [
        f"{name}: {getattr(before, name)} -> {getattr(recipe, name)}"
        for name in FIXED_FIELDS
        if getattr(recipe, name) != getattr(before, name)
    ]
    if changed:
        raise UsageError(
            f"`{source.path}` can't be continued with other values\n{listed(changed)}",
            hint=f"`--weights {shell_word(source.path)}` begins a training that may have them",
        )
    done = len(source.history)
    if recipe.epochs is not None and recipe.epochs <= done:
        raise UsageError(
            f"`{source.path}` has {done} epochs already, `epochs` is {recipe.epochs}",
            hint="`--epochs` counts all of them, those that are done too",
        )


def check_same_splits(source: Run, data: TrainingData) -> None:
    """Refuses to continue a run where images are in another split than before.

    Images that were trained on would be reported as unseen.

    Raises:
        RunError: An image is in another split, or was not there.
    """
    index, before = data.image_index, source.image_splits
    now = zip(index.pixel_hashes, data.split.names(len(index)), strict=True)
    others = [
        index.names[number]
        for number, (pixels, use) in enumerate(now)
        if use not in before.get(int(pixels), frozenset())
    ]
    if others:
        raise RunError(
            f"`{source.path}` had {len(others):,} of these images in another split, or not at all\n"
            f"{listed(others)}",
            hint=f"`--weights {shell_word(source.path)}` begins a training with other images",
        )


def _check_still_unseen(source: Run, data: TrainingData) -> None:
    """Refuses to resume where an image that was trained on or chosen by is to be tested on.

    Raises:
        RunError: There is one.
    """
    index, before = data.image_index, source.image_splits
    seen = [
        index.names[number]
        for number in data.split.test
        if before.get(int(index.pixel_hashes[number]), frozenset()) & {"train", "validation"}
    ]
    if seen:
        raise RunError(
            f"`{source.path}` was trained on, or chosen by, {len(seen):,} images that would be "
            f"tested on now\n{listed(seen)}",
            hint=f"`--splits {shell_word(source.path)}` keeps each image in its split",
        )
