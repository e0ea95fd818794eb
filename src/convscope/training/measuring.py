"""What is measured to decide something: it is written down before step 0, and read on resume."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from convscope.errors import counted
from convscope.files import read_json, write_json
from convscope.progress import Reporter
from convscope.recipe import DecidedRecipe, Recipe, seconds_of
from convscope.run import FORMAT, Run
from convscope.training.budget import Deadline, measure_pace
from convscope.training.changes import recorded_recipe
from convscope.training.equipment import Equipment
from convscope.training.memory import find_batch_size, measure_room
from convscope.training.rate_search import RateSearch, search_rate


@dataclass(frozen=True, slots=True)
class Measured:
    """A recipe in which everything is decided, and how what was measured was found.

    Attributes:
        recipe: With the batch size, the rate and the epochs that were found.
        equipment: Made for it.
        deadline: When the training has to end; None for no such moment.
        notes: For `measured.json`; empty where nothing was measured now.
        search: The search for a rate; None where there was none now.
        is_recorded: Whether it was measured before, and is on record.
    """

    recipe: DecidedRecipe
    equipment: Equipment
    deadline: Deadline | None = None
    notes: dict[str, Any] = field(default_factory=dict)
    search: RateSearch | None = None
    is_recorded: bool = False

    def save(self, run: Run) -> None:
        """Writes the measurements and the picture into the run folder, if there are any now."""
        if not self.notes and not run.checkpoints_path.is_dir() and not self.is_recorded:
            # What lies there is of a training that never began.
            run.measured_path.unlink(missing_ok=True)
            run.rate_picture_path.unlink(missing_ok=True)
        if self.notes:
            write_json(run.measured_path, {"format": FORMAT, **self.notes})
        if self.search is not None:
            self.search.save(run.rate_picture_path)


def read_measured(run: Run, given: Recipe) -> dict[str, Any]:
    """What an unfinished run has on record; empty where it has nothing that counts.

    What was measured before the first checkpoint counts if the same was asked for.
    """
    if not (run.recipe_path.is_file() and run.measured_path.is_file()):
        return {}
    notes = read_json(run.measured_path)
    if not run.checkpoints_path.is_dir() and notes.get("asked") != _asked(given):
        return {}
    recorded = recorded_recipe(run)
    planned = notes.get("time", {})
    return {
        "batch_size": recorded.batch_size,
        "lr": recorded.lr,
        "epochs": recorded.epochs,
        "time": planned.get("given"),
        "reserve_seconds": planned.get("reserve_seconds", 0.0),
    }


def _asked(given: Recipe) -> str:
    return hashlib.sha256(given.model_dump_json().encode()).hexdigest()


def measure(
    given: Recipe,
    decide: Callable[[Recipe], DecidedRecipe],
    equipment: Equipment,
    *,
    equip: Callable[[DecidedRecipe], Equipment],
    recorded: Mapping[str, Any],
    began: float,
    num_test: int,
    reporter: Reporter,
) -> Measured:
    """Finds what is to be measured, or takes it from a run's record.

    Args:
        given: What the user asked for.
        decide: Makes all other choices.
        equipment: What a step needs, as far as it is known before.
        equip: Makes it anew for another recipe.
        recorded: What `read_measured` found.
        began: When the training was started, by `time.monotonic()`.
        num_test: Images that are evaluated at the end.
        reporter: Says what was found.

    Raises:
        TrainingError: The loss falls at no rate.
        UsageError: The time is over already.
    """
    if recorded:
        return _as_recorded(given, decide, equipment, equip=equip, recorded=recorded, began=began)
    deadline = None
    if given.time is not None:
        deadline = Deadline(began + seconds_of(given.time))
    notes: dict[str, Any] = {}
    asked = _asked(given)
    search = None
    if given.batch_size == "auto":
        room = measure_room(decide(given), equipment)
        size = find_batch_size(decide(given), equipment, room)
        reporter.say(
            f"batch size {size}: an image takes {room.image_bytes / 1e6:,.1f} MB, "
            f"{room.free_bytes / 1e9:,.1f} GB are free"
        )
        notes["batch_size"] = {"found": size, **room.to_dict()}
        given = given.model_copy(update={"batch_size": size})
        equipment = equip(decide(given))
    if given.lr == "auto":
        search = search_rate(decide(given), equipment, reporter)
        reporter.say(f"learning rate {search.rate:.3g}: {search.choice.reason}")
        notes["learning_rate"] = search.to_dict()
        given = given.model_copy(update={"lr": search.rate})
    if deadline is not None:
        pace = measure_pace(decide(given), equipment, seconds=deadline.seconds_left)
        deadline = replace(deadline, reserve_seconds=pace.image_seconds * num_test)
        epochs_found = pace.epochs_in(deadline.seconds_left)
        epochs_found = int(equipment.processes.broadcast(str(epochs_found).encode()))
        reporter.say(f"{given.time} of time: {counted(epochs_found, 'epoch')} at {pace.words}")
        notes["time"] = {
            "given": given.time,
            "epochs": epochs_found,
            "step_seconds": pace.step_seconds,
            "epoch_seconds": pace.epoch_seconds,
            "reserve_seconds": deadline.reserve_seconds,
            "seconds_before_the_first_step": time.monotonic() - began,
        }
        given = given.model_copy(update={"epochs": epochs_found, "time": None})
    decided = decide(given)
    if decided.train_sizes is not None and deadline is not None:
        equipment = equip(decided)  # the sizes follow the number of epochs
    if notes:
        notes["asked"] = asked
    return Measured(decided, equipment, deadline, notes, search)


def _as_recorded(
    given: Recipe,
    decide: Callable[[Recipe], DecidedRecipe],
    equipment: Equipment,
    *,
    equip: Callable[[DecidedRecipe], Equipment],
    recorded: Mapping[str, Any],
    began: float,
) -> Measured:
    """What was measured when the run was begun."""
    found = {}
    if given.batch_size == "auto":
        found["batch_size"] = recorded["batch_size"]
    if given.lr == "auto":
        found["lr"] = recorded["lr"]
    # A run that was begun with a time has it, also where its own recipe is given.
    time_given = given.time or (recorded["time"] if given.epochs == recorded["epochs"] else None)
    deadline = None
    if time_given is not None:
        found |= {"epochs": recorded["epochs"], "time": None}
        at = began + seconds_of(time_given)
        deadline = Deadline(at, reserve_seconds=recorded["reserve_seconds"])
    decided = decide(given.model_copy(update=found))
    if "batch_size" in found or decided.train_sizes is not None:
        equipment = equip(decided)
    return Measured(decided, equipment, deadline, is_recorded=True)
