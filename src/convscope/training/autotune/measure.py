"""What a recipe leaves to be measured: batch size, learning rate, the number of epochs.

It is measured in dry runs before the recipe is resolved, and recorded in `measured.json`: a resumed
run reads it from there.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from convscope.files import write_sealed_json
from convscope.progress import Reporter
from convscope.recipe import Recipe, ResolvedRecipe, seconds_of
from convscope.run import Run
from convscope.schemas import MeasuredFile
from convscope.training.autotune.batch_size import MOST_TEXT, find_batch_size, measure_memory
from convscope.training.autotune.forecast import forecast
from convscope.training.autotune.learning_rate_finder import (
    LearningRateSearch,
    search_learning_rate,
    sweep_title,
)
from convscope.training.autotune.number_format import FormatChoice, choose_formats
from convscope.training.autotune.time_budget import Deadline, begin_deadline, measuring_seconds
from convscope.training.autotune.time_plan import check_time, plan_epochs
from convscope.training.autotune.trained_layers import choose_trained_layers
from convscope.training.phases import Phases
from convscope.training.runs.checkpoint import steps_in
from convscope.training.runs.metadata import recorded_recipe
from convscope.training.setup import FORMAT_FIELDS, Setup
from convscope.training.training_data import TrainingData

# Fields of the recipe that may be measured, or decided by the clock.
MEASURED_FIELDS = (
    *FORMAT_FIELDS,
    *("batch_size", "lr", "tune", "head_epochs", "epochs", "epochs_cut"),
)


def tune(
    recipe: Recipe,
    recorded: Mapping[str, Any],
    build: Callable[[Recipe], Setup],
    data: TrainingData,
    *,
    phases: Phases,
    reporter: Reporter,
) -> tuple[Recipe, Deadline | None, dict[str, Any] | None]:
    """The recipe with what it leaves to be measured, which is measured now or on record.

    Args:
        recipe: The recipe as given.
        recorded: What `read_measured` found.
        build: Builds the setup for a dry run of a recipe.
        data: The images.
        phases: What time went into since the training was started.
        reporter: Says what was found.

    Returns:
        The recipe, when the training has to end, and the content of `measured.json`: empty where
        nothing is to be measured, None where it is on record.

    Raises:
        TrainingError: The loss falls at no learning rate, or no image fits into memory.
        UsageError: The time is over already, or too short for this training.
    """
    if recorded:
        recipe = _with_auto(recipe, FORMAT_FIELDS, recorded["recipe"])
    if "asked" in recorded:
        recipe, plan = _with_recorded(recipe, recorded)
        return recipe, _deadline(plan, phases.began), None
    recipe, measured = _measured(recipe, build, data, phases=phases, reporter=reporter)
    return recipe, _deadline(measured.get("time"), phases.began), measured


def _measured(
    recipe: Recipe,
    build: Callable[[Recipe], Setup],
    data: TrainingData,
    *,
    phases: Phases,
    reporter: Reporter,
) -> tuple[Recipe, dict[str, Any]]:
    """The recipe with what was measured in it, and the content of `measured.json`."""
    measured: dict[str, Any] = {}
    asked, given = _fingerprint(recipe), recipe.time
    deadline = None if given is None else begin_deadline(given, phases)
    if recipe.batch_size == "auto":
        size, measured["batch_size"] = _measure_batch_size(build(recipe), reporter)
        recipe = recipe.model_copy(update={"batch_size": size})
    recipe, formats = _in_chosen_formats(recipe, build, deadline, reporter)
    if formats is not None:
        measured["formats_chosen"] = formats.to_dict()
    if recipe.tune == "auto" or deadline is not None:
        limit = measuring_seconds(None if deadline is None else deadline.seconds_left)
        foreseen = forecast(recipe, build, limit_seconds=limit)
        if deadline is not None:
            deadline = deadline.with_reserve(foreseen.reserve_seconds(len(data.split.test)))
    if recipe.tune == "auto":
        layers = choose_trained_layers(recipe, foreseen, deadline)
        reporter.say(layers.sentence)
        measured["trained_layers"] = layers.to_dict()
        recipe = recipe.model_copy(update=layers.of_recipe)
    if deadline is not None and given is not None:
        check_time(recipe, given, foreseen, data, deadline=deadline, phases=phases)
    if recipe.lr == "auto":
        search = search_learning_rate(build(recipe), reporter)
        reporter.say(f"learning rate {search.rate:.3g}: {search.choice.reason}")
        measured["learning_rate"] = search.to_dict()
        recipe = recipe.model_copy(update={"lr": search.rate})
    if deadline is not None and given is not None:
        most = recipe.epochs if recipe.tune == "head" else None  # chosen above, and enough
        plan = plan_epochs(build(recipe), foreseen, deadline, most=most)
        reporter.say(f"{given} of time: {plan.description}")
        measured["time"] = {
            "given": given,
            **plan.to_dict(),
            "reserve_seconds": deadline.reserve_seconds,
            "seconds_before_the_first_step": time.monotonic() - phases.began,
        }
        recipe = recipe.model_copy(update={"epochs": plan.epochs, "time": None})
    if measured:
        measured["asked"] = asked
    return recipe, measured


def _in_chosen_formats(
    recipe: Recipe,
    build: Callable[[Recipe], Setup],
    deadline: Deadline | None,
    reporter: Reporter,
) -> tuple[Recipe, FormatChoice | None]:
    """The recipe in the formats that are chosen by measuring; None where nothing is measured."""
    limit = measuring_seconds(None if deadline is None else deadline.seconds_left)
    choice = choose_formats(recipe, build, limit_seconds=limit)
    if choice is None:
        return recipe, None
    if choice.sentence:
        reporter.say(choice.sentence)
    return recipe.model_copy(update=choice.chosen._asdict()), choice


def _measure_batch_size(setup: Setup, reporter: Reporter) -> tuple[int, dict[str, Any]]:
    """The batch size that fits into memory, and how it was found, as `measured.json` has it."""
    memory = measure_memory(setup)
    size = find_batch_size(setup, memory)
    is_most = memory.images * setup.recipe.accumulate * setup.processes.world_size >= 2 * size
    reporter.say(
        f"batch size {size}: an image takes {memory.image_bytes / 1e6:,.1f} MB, "
        f"{memory.free_bytes / 1e9:,.1f} GB are free{MOST_TEXT if is_most else ''}"
    )
    return size, {"found": size, **memory.to_dict()}


def _deadline(plan: Mapping[str, Any] | None, began: float) -> Deadline | None:
    """When a training has to end; None where no time was given."""
    if plan is None:
        return None
    at = began + seconds_of(plan["given"])
    return Deadline(at, reserve_seconds=plan.get("reserve_seconds", 0.0))


def read_measured(run: Run, given: Recipe, *, allow_change: bool) -> dict[str, Any]:
    """What was measured for an unfinished run; empty where that doesn't count.

    What was measured before the first checkpoint counts if the same was asked for. After it the
    formats count also where nothing was measured: the usual ones.

    Args:
        run: The run folder.
        given: The recipe as given now.
        allow_change: Whether another time than before means that everything is measured anew.
    """
    if not run.recipe_path.is_file():
        return {}
    is_begun, measured = bool(steps_in(run.checkpoints_path)), run.measured
    planned = (measured.get("time") or {}).get("given")
    is_other = not is_begun and measured.get("asked") != _fingerprint(given)
    if is_other or (allow_change and given.time is not None and planned != given.time):
        measured = {}
    if not (is_begun or measured):
        return {}
    before, names = recorded_recipe(run), MEASURED_FIELDS if measured else FORMAT_FIELDS
    return {**measured, "recipe": {name: getattr(before, name) for name in names}}


def _with_recorded(
    given: Recipe, recorded: Mapping[str, Any]
) -> tuple[Recipe, dict[str, Any] | None]:
    """The recipe with what was measured when the run was begun, and its plan of the time."""
    found, plan = recorded["recipe"], recorded.get("time")
    given = _with_auto(given, ("batch_size", "lr"), found)
    updates: dict[str, Any] = {}
    if given.tune == "auto":
        updates |= {name: found[name] for name in ("tune", "head_epochs", "epochs")}
    # A run that was begun with a time has it, also where its own recipe is given.
    time_given = given.time
    if time_given is None and plan is not None and given.epochs == plan["epochs"]:
        time_given = plan["given"]
    if time_given is None:
        return given.model_copy(update=updates), None
    updates |= {"epochs": found["epochs"], "epochs_cut": found["epochs_cut"], "time": None}
    return given.model_copy(update=updates), {**(plan or {}), "given": time_given}


def _with_auto(given: Recipe, names: Sequence[str], found: Mapping[str, Any]) -> Recipe:
    """The recipe with what was found for those of the fields that are `auto`."""
    opened = [name for name in names if getattr(given, name) == "auto"]
    return given.model_copy(update={name: found[name] for name in opened})


def write_measured(run: Run, measured: Mapping[str, Any], recipe: ResolvedRecipe) -> None:
    """Writes what was measured, and the picture of the learning-rate finder.

    Args:
        run: The run folder.
        measured: The content of `measured.json`.
        recipe: The resolved recipe, for the title of the picture.
    """
    if not measured:
        if not steps_in(run.checkpoints_path):  # what lies there is of a training that never began
            run.measured_path.unlink(missing_ok=True)
            run.learning_rate_plot_path.unlink(missing_ok=True)
        return
    write_sealed_json(run.measured_path, {"format": max(MeasuredFile.formats), **measured})
    if "learning_rate" in measured:
        title = sweep_title(recipe)
        search = LearningRateSearch.from_dict(measured["learning_rate"], title=title)
        search.save(run.learning_rate_plot_path)


def _fingerprint(given: Recipe) -> str:
    return hashlib.sha256(given.model_dump_json().encode()).hexdigest()
