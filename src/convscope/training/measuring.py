"""What is measured to decide something: it is written down before step 0, and read on resume."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from convscope.errors import counted
from convscope.files import read_json, write_json
from convscope.progress import Reporter
from convscope.recipe import DecidedRecipe, Recipe, seconds_of
from convscope.run import FORMAT, Run
from convscope.training.budget import Deadline, measure_pace
from convscope.training.changes import read_plan, recorded_recipe
from convscope.training.equipment import Equipment
from convscope.training.memory import find_batch_size, measure_room
from convscope.training.rate_search import RateSearch, search_rate
from convscope.training.ready import Ready


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
    recorded, planned = recorded_recipe(run), read_plan(run)
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
    ready: Ready, *, recorded: Mapping[str, Any], began: float, reporter: Reporter
) -> Measured:
    """Finds what is to be measured, or takes it from a run's record.

    Args:
        ready: The training, with what the user asked for.
        recorded: What `read_measured` found.
        began: When the training was started, by `time.monotonic()`.
        reporter: Says what was found.

    Raises:
        TrainingError: The loss falls at no rate.
        UsageError: The time is over already.
    """
    given = ready.look.recipe
    if recorded:
        return _as_recorded(ready, given, recorded, began=began, reporter=reporter)
    search = _Search(ready, given, reporter)
    if given.batch_size == "auto":
        search.find_batch_size()
    rates = search.find_rate() if given.lr == "auto" else None
    deadline = None if given.time is None else search.plan_epochs(given.time, began)
    notes = {**search.notes, "asked": _asked(given)} if search.notes else {}
    return Measured(search.decided, search.equipment, deadline, notes, rates)


def _as_recorded(
    ready: Ready, given: Recipe, recorded: Mapping[str, Any], *, began: float, reporter: Reporter
) -> Measured:
    """What was measured when the run was begun, put in its place in the same order."""
    if given.batch_size == "auto":
        given = given.model_copy(update={"batch_size": recorded["batch_size"]})
    search = _Search(ready, given, reporter)
    if given.lr == "auto":
        search.settle(lr=recorded["lr"])
    # A run that was begun with a time has it, also where its own recipe is given.
    time_given = given.time or (recorded["time"] if given.epochs == recorded["epochs"] else None)
    deadline = None
    if time_given is not None:
        search.settle(epochs=recorded["epochs"], time=None)
        at = began + seconds_of(time_given)
        deadline = Deadline(at, reserve_seconds=recorded["reserve_seconds"])
    return Measured(search.decided, search.equipment, deadline, is_recorded=True)


class _Search:
    """A training in which one thing after the other is measured and settled.

    Attributes:
        decided: Its recipe, with the usual in place of what isn't settled yet.
        equipment: What a step of it needs.
        notes: How what was measured was found, for `measured.json`.
    """

    def __init__(self, ready: Ready, given: Recipe, reporter: Reporter) -> None:
        self._ready, self._given, self._reporter = ready, given, reporter
        self.decided = ready.decide(given)
        self.equipment = ready.equip(self.decided, reporter)
        self.notes: dict[str, Any] = {}

    def settle(self, **found: object) -> None:
        """Puts what was found into the recipe, and makes anew what follows from it."""
        before = self.decided
        self._given = self._given.model_copy(update=found)
        self.decided = self._ready.decide(self._given)
        # The sizes follow the number of epochs, and features are computed for no more of them.
        has_more_views = before.epochs < (self.decided.feature_views or 0)
        follows_epochs = has_more_views or self.decided.train_sizes is not None
        if "batch_size" in found or ("epochs" in found and follows_epochs):
            self.equipment = self._ready.equip(self.decided, self._reporter)

    def find_batch_size(self) -> None:
        """The largest that fits into the memory."""
        room = measure_room(self.decided, self.equipment)
        size = find_batch_size(self.decided, self.equipment, room)
        self._reporter.say(
            f"batch size {size}: an image takes {room.image_bytes / 1e6:,.1f} MB, "
            f"{room.free_bytes / 1e9:,.1f} GB are free"
        )
        self.notes["batch_size"] = {"found": size, **room.to_dict()}
        self.settle(batch_size=size)

    def find_rate(self) -> RateSearch:
        """The rate that the losses of a sweep ask for."""
        found = search_rate(self.decided, self.equipment, self._reporter)
        self._reporter.say(f"learning rate {found.rate:.3g}: {found.choice.reason}")
        self.notes["learning_rate"] = found.to_dict()
        self.settle(lr=found.rate)
        return found

    def plan_epochs(self, time_given: str, began: float) -> Deadline:
        """As many epochs as there is time for; returns when they have to end."""
        deadline = Deadline(began + seconds_of(time_given))
        pace = measure_pace(self.decided, self.equipment, seconds=deadline.seconds_left)
        num_test = len(self._ready.material.split.test)  # they are evaluated at the end
        deadline = replace(deadline, reserve_seconds=pace.image_seconds * num_test)
        epochs = pace.epochs_in(deadline.seconds_left)
        epochs = int(self.equipment.processes.broadcast(str(epochs).encode()))
        self._reporter.say(f"{time_given} of time: {counted(epochs, 'epoch')} at {pace.words}")
        self.notes["time"] = {
            "given": time_given,
            "epochs": epochs,
            "step_seconds": pace.step_seconds,
            "epoch_seconds": pace.epoch_seconds,
            "reserve_seconds": deadline.reserve_seconds,
            "seconds_before_the_first_step": time.monotonic() - began,
        }
        self.settle(epochs=epochs, time=None)
        return deadline
