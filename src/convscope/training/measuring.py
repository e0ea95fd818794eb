"""What is measured to decide something: it is written down before step 0, and read on resume."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from convscope.errors import counted
from convscope.files import read_json, write_json
from convscope.progress import Reporter
from convscope.recipe import DecidedRecipe, Recipe, seconds_of
from convscope.run import FORMAT, Run
from convscope.training.budget import Deadline, measure_pace
from convscope.training.equipment import Equipment
from convscope.training.rate_search import RateSearch, search_rate


@dataclass(frozen=True, slots=True)
class Measured:
    """A recipe in which everything is decided, and how what was measured was found.

    Attributes:
        recipe: With the rate and the epochs that were found.
        deadline: When the training has to end; None for no such moment.
        notes: For `measured.json`; empty where nothing was measured now.
        search: The search for a rate; None where there was none now.
    """

    recipe: DecidedRecipe
    deadline: Deadline | None = None
    notes: dict[str, Any] = field(default_factory=dict)
    search: RateSearch | None = None

    def save(self, run: Run) -> None:
        """Writes the measurements and the picture into the run folder, if there are any."""
        if not run.checkpoints_path.is_dir():  # what lies there is of a training that never began
            run.measured_path.unlink(missing_ok=True)
            run.rate_picture_path.unlink(missing_ok=True)
        if self.notes:
            write_json(run.measured_path, {"format": FORMAT, **self.notes})
        if self.search is not None:
            self.search.save(run.rate_picture_path)


def measure(
    given: Recipe,
    decide: Callable[[Recipe], DecidedRecipe],
    equipment: Equipment,
    *,
    run: Run,
    began: float,
    num_test: int,
    reporter: Reporter,
) -> Measured:
    """Finds the rate and the epochs that are to be measured, or reads them from the run's record.

    Args:
        given: What the user asked for.
        decide: Makes all other choices.
        equipment: What a step needs; it is afterwards as it was before.
        run: Where an unfinished training has its record.
        began: When the training was started, by `time.monotonic()`.
        num_test: Images that are evaluated at the end.
        reporter: Says what was found.

    Raises:
        TrainingError: The loss falls at no rate.
        UsageError: The time is over already.
    """
    deadline = None
    if given.time is not None:
        deadline = Deadline(began + seconds_of(given.time))
    if run.checkpoints_path.is_dir() and run.measured_path.is_file():
        recorded = Recipe.load(run.recipe_path)
        noted = read_json(run.measured_path).get("time", {})
        if deadline is not None:
            deadline = replace(deadline, reserve_seconds=noted.get("reserve_seconds", 0.0))
        rate = {"lr": recorded.lr} if given.lr == "auto" else {}
        epochs = {"epochs": recorded.epochs, "time": None} if given.time is not None else {}
        return Measured(decide(given.model_copy(update={**rate, **epochs})), deadline)
    notes: dict[str, Any] = {}
    search = None
    if given.lr == "auto":
        search = search_rate(decide(given), equipment, reporter)
        reporter.say(f"learning rate {search.rate:.3g}: {search.choice.reason}")
        notes["learning_rate"] = search.to_dict()
        given = given.model_copy(update={"lr": search.rate})
    if deadline is not None:
        left = deadline.seconds_left
        run.path.mkdir(parents=True, exist_ok=True)
        pace = measure_pace(decide(given), equipment, seconds=left, folder=run.path)
        deadline = replace(deadline, reserve_seconds=pace.image_seconds * num_test)
        epochs_found = pace.epochs_in(deadline.seconds_left)
        reporter.say(f"{given.time} of time: {counted(epochs_found, 'epoch')} at {pace.words}")
        notes["time"] = {
            "given": given.time,
            "epochs": epochs_found,
            "step_seconds": pace.step_seconds,
            "epoch_seconds": pace.epoch_seconds,
            "saving_seconds": pace.saving_seconds,
            "reserve_seconds": deadline.reserve_seconds,
            "seconds_before_the_first_step": time.monotonic() - began,
        }
        given = given.model_copy(update={"epochs": epochs_found, "time": None})
    return Measured(decide(given), deadline, notes, search)
