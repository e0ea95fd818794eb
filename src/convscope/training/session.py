"""A training from recipe to classifier folder: data, choices, measurements, epochs."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from convscope.classifier import Classifier
from convscope.data.pictures import check_picture_path
from convscope.errors import RunError
from convscope.files import check_writable, json_bytes, parse_json
from convscope.processes import Processes
from convscope.progress import SILENT, Reporter
from convscope.recipe import Recipe
from convscope.run import Run
from convscope.training.beginning import Beginning, begin_run, environment_of, forget
from convscope.training.cadence import USUAL_INTERVAL, Interval
from convscope.training.fitting import Fitting
from convscope.training.material import Material
from convscope.training.measuring import Measured, measure, read_measured
from convscope.training.ownership import claimed, was_begun_by_this_launch
from convscope.training.rate_search import RateSearch, search_rate
from convscope.training.ready import Place, Ready, get_ready, placed
from convscope.training.record import Record
from convscope.training.saying import announce
from convscope.training.show import show_batch
from convscope.training.state import TrainingState


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionOptions:
    """What a training may be told besides its recipe: nothing of it changes the result.

    Attributes:
        workers: Threads that decode images; None for one a core.
        download: Whether data that is asked for by name may be fetched.
        show_batch: Where a picture of the first batch goes; None for no picture.
        log_steps: Whether each step gets a line in the run's `log/steps.jsonl`.
        checkpoint_every: The longest way between two checkpoints.
        fresh: Whether an unfinished run begins anew instead of going on.
        allow_change: Whether an unfinished run goes on although its recipe, images, versions or
            machine are others now.
    """

    workers: int | None = None
    download: bool = False
    show_batch: Path | None = None
    log_steps: bool = False
    checkpoint_every: Interval = USUAL_INTERVAL
    fresh: bool = False
    allow_change: bool = False


USUAL_OPTIONS = SessionOptions()


@dataclass(frozen=True, slots=True)
class Trained:
    """A training that has ended, with the images at hand for what comes next.

    Attributes:
        run: Its folder; evaluation is still missing.
        classifier: The best.
        material: All images, and which of them were used for what.
    """

    run: Run
    classifier: Classifier
    material: Material


def train(
    recipe: Recipe,
    *,
    project: Path = Path("runs"),
    name: str | None = None,
    options: SessionOptions = USUAL_OPTIONS,
    finish: Callable[[Trained], None] = lambda trained: None,
    reporter: Reporter = SILENT,
) -> Run:
    """Trains as the recipe says; an unfinished run of the same name is continued.

    Of several processes each calls this; the first says what happens, and writes.

    Args:
        recipe: With open choices or without.
        project: The folder of run folders.
        name: Of the run; else `<data>-<model>`.
        options: What doesn't change the result.
        finish: What comes after the last epoch, in the first process, while nobody else may train
            in the run.
        reporter: Says what happens.

    Raises:
        ConvscopeError: Anything that `errors.py` lists.
    """
    began = time.monotonic()
    if options.show_batch is not None:
        check_picture_path(options.show_batch)
    with placed(recipe) as place:
        if place.processes.is_first:
            check_writable(project)
        else:
            reporter = SILENT
        ready = _get_ready(recipe, place, options, reporter)
        look = ready.look
        if name is None:
            name = f"{look.dataset.name}-{look.decision.choice.name}"
        with claimed(project, name, place.processes, reporter=reporter) as run:
            if place.processes.first_says(run.state == "finished"):
                return run  # before torchrun started this again
            trained = _train(ready, run, began=began, options=options, reporter=reporter)
            if place.processes.is_first:
                finish(trained)
            place.processes.wait_for_all()  # so that all of them find what the first has written
    return run


def find_rate(
    recipe: Recipe, *, options: SessionOptions = USUAL_OPTIONS, reporter: Reporter = SILENT
) -> RateSearch:
    """The learning rate that `train` would find with `lr=auto`; nothing is written.

    Raises:
        ConvscopeError: Anything that `errors.py` lists.
    """
    with placed(recipe) as place:
        ready = _get_ready(recipe, place, options, reporter)
        decided = ready.decide(ready.look.recipe)
        equipment = ready.equip(decided, reporter)
        with place.device.keep_random_state():
            return search_rate(decided, equipment, reporter)


def _get_ready(recipe: Recipe, place: Place, options: SessionOptions, reporter: Reporter) -> Ready:
    return get_ready(
        recipe, place, download=options.download, workers=options.workers, reporter=reporter
    )


def _train(
    ready: Ready, run: Run, *, began: float, options: SessionOptions, reporter: Reporter
) -> Trained:
    """Everything from the first measurement to the classifier."""
    device, processes = ready.place.device, ready.place.processes
    is_fresh = options.fresh and not was_begun_by_this_launch(run)
    recorded = {} if is_fresh else _recorded(ready, run, allow_change=options.allow_change)
    with device.keep_random_state():
        found = measure(ready, recorded=recorded, began=began, reporter=reporter)
        beginning = Beginning(
            recipe=found.recipe,
            shapes={n: tuple(v.shape) for n, v in ready.network.state_dict().items()},
            material=ready.material,
            environment=environment_of(ready.material, found.recipe, device, processes),
            time_given=ready.look.recipe.time,
        )
        _check_same_everywhere(beginning, ready.network, processes)
        run_id = ""
        if processes.is_first:
            if is_fresh:
                forget(run, reporter)
            run_id = _begin(ready, run, found, beginning, options=options, reporter=reporter)
        record = Record(
            run,
            run_id=run_id,
            processes=processes,
            interval=options.checkpoint_every,
            logs_steps=options.log_steps,
        )
        fitting = Fitting(
            run, found.recipe, found.equipment, record=record, deadline=found.deadline
        )
        state, best = fitting.fit(reporter)
    classifier = _classifier(ready, state, best)
    if processes.is_first:
        classifier.save(run.classifier_path)
    return Trained(run, classifier, ready.material)


def _recorded(ready: Ready, run: Run, *, allow_change: bool) -> dict[str, Any]:
    """What the first process finds on record of an unfinished run."""
    processes, recipe = ready.place.processes, ready.look.recipe
    found = read_measured(run, recipe) if processes.is_first else {}
    if allow_change and recipe.time is not None and found.get("time") != recipe.time:
        found = {}  # the epochs are planned anew
    return parse_json(processes.broadcast(json_bytes(found)), run.measured_path)


def _check_same_everywhere(beginning: Beginning, network: nn.Module, processes: Processes) -> None:
    """Refuses to train together with others that have something else.

    Raises:
        RunError: This process has another recipe, other images or other weights than the first.
    """
    if not processes.are_several:
        return
    digest = hashlib.sha256(beginning.fingerprint)
    for value in network.state_dict().values():
        digest.update(value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
    if processes.broadcast(digest.digest()) != digest.digest():
        raise RunError(
            f"process {processes.rank} has other images, another recipe or other weights than the "
            "first one",
            hint="give all processes the same command, the same data and the same weights",
        )


def _begin(
    ready: Ready,
    run: Run,
    found: Measured,
    beginning: Beginning,
    *,
    options: SessionOptions,
    reporter: Reporter,
) -> str:
    """Writes what the run folder says before the first step; returns what tells it from others."""
    if not run.checkpoints_path.is_dir():
        found.save(run)  # before the recipe: what stands there was measured for it
    run_id = begin_run(run, beginning, allow_change=options.allow_change, reporter=reporter)
    found.save(run)
    announce(
        run,
        found.recipe,
        split=ready.material.split,
        steps=len(found.equipment.train_batches),
        device=ready.place.device,
        processes=ready.place.processes,
        reporter=reporter,
    )
    if options.show_batch is not None:
        classes = ready.look.dataset.classes
        show_batch(options.show_batch, found.equipment.images, ready.preprocessing, classes)
        reporter.say(f"the first batch, as the network sees it: {options.show_batch}")
    return run_id


def _classifier(ready: Ready, state: TrainingState, best: Mapping[str, Tensor]) -> Classifier:
    """The network with the best weights, and what it was chosen by."""
    ready.network.load_state_dict(dict(best))
    return Classifier(
        ready.network.requires_grad_(True),
        ready.look.decision.choice,
        preprocessing=ready.preprocessing,
        classes=ready.look.dataset.classes,
        metrics={
            "validation_accuracy": state.best_accuracy,
            "validation_loss": state.best_loss,
            "validation_images": len(ready.material.split.validation),
            "epoch": state.best_epoch + 1,
        },
        device=ready.place.device.torch,
    )
