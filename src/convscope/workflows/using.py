"""Load a classifier."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from convscope.classifier import Classifier
from convscope.data.decode import Decoding
from convscope.data.reading import decoding_of
from convscope.device import choose_device
from convscope.errors import RunError
from convscope.files import read_json
from convscope.recipe import Recipe
from convscope.run import Run


def load(path: str | Path, *, device: str = "auto") -> Classifier:
    """The classifier of a run, or in a classifier folder.

    Raises:
        RunError: There is none, it is damaged or from another version.
        DeviceError: The machine has no such device.
    """
    place = Path(path)
    where = choose_device(device, "float32").torch
    if (place / "classifier.json").is_file():
        return Classifier.load(place, device=where)
    run = Run.open(place)
    if not run.classifier_path.is_dir():
        raise _no_classifier(run)
    return Classifier.load(run.classifier_path, device=where)


class Loaded(NamedTuple):
    """A classifier, and the run that it is from.

    Attributes:
        classifier: What classifies.
        run: None for a classifier alone, which doesn't say what data it was trained on.
        name: What a user calls it.
    """

    classifier: Classifier
    run: Run | None
    name: str


def load_with_run(classifier: Classifier | Run | str | Path, *, device: str) -> Loaded:
    """The classifier that is meant, with its run where there is one.

    Raises:
        RunError: There is none, it is damaged or from another version.
        DeviceError: The machine has no such device.
    """
    if isinstance(classifier, Classifier):
        return Loaded(classifier, None, classifier.choice.name)
    run = None
    if isinstance(classifier, Run):
        run = classifier
    elif (Path(classifier) / "recipe.yaml").is_file():
        run = Run.open(classifier)
    place = run.path if run else Path(str(classifier))
    return Loaded(load(place, device=device), run, place.name)


def decoding_from(**fields: Any) -> Decoding:
    """How images are decoded, from the fields of `Recipe` that say so; None stands for the usual.

    Raises:
        UsageError: A value can't be.
    """
    given = {name: value for name, value in fields.items() if value is not None}
    return decoding_of(Recipe.parse({"data": "-", **given}))


def _no_classifier(run: Run) -> RunError:
    if run.state == "diverged":
        why = read_json(run.failure_path).get("message", "its training diverged")
        return RunError(
            f"`{run.path}` has no classifier: {why}",
            hint="train again with a lower `--lr`",
        )
    return RunError(
        f"`{run.path}` is {run.state}: it has no classifier yet",
        hint="the same `convscope train` command continues it",
    )
