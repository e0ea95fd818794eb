"""A training from its recipe to the classifier folder; it reads like the list of what happens."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from convscope.classifier import Classifier
from convscope.device import Device
from convscope.distributed import ProcessGroup
from convscope.files import check_writable, json_bytes
from convscope.progress import SILENT, Reporter
from convscope.recipe import Recipe
from convscope.run import Run
from convscope.training.announce import (
    announce_kept,
    announce_phases,
    announce_training,
    announce_unsuited,
    announce_without_effect,
    save_first_batch,
)
from convscope.training.autotune.learning_rate_finder import (
    LearningRateSearch,
    search_learning_rate,
)
from convscope.training.autotune.measure import read_measured, tune, write_measured
from convscope.training.autotune.time_budget import Deadline
from convscope.training.estimate import announce_duration
from convscope.training.one_training import device_and_processes
from convscope.training.options import DEFAULT_OPTIONS, TrainOptions
from convscope.training.phases import READING, STARTING, Phases
from convscope.training.prepare import Prepared, builder, prepare
from convscope.training.profiling.profile import profiled
from convscope.training.runs.checkpoint import steps_in
from convscope.training.runs.lock import Claim, claimed, was_begun_by_this_launch
from convscope.training.runs.log import RunLog
from convscope.training.runs.metadata import check_same_in_all_processes, discard
from convscope.training.runs.resume_checks import (
    begin_or_resume,
    check_resume,
)
from convscope.training.runs.state import TrainingState
from convscope.training.setup import Setup
from convscope.training.trainer import Trainer
from convscope.training.training_data import (
    TrainingData,
)


def train(
    recipe: Recipe,
    *,
    project: Path = Path("runs"),
    name: str | None = None,
    options: TrainOptions = DEFAULT_OPTIONS,
    finish: Callable[[Claim, Classifier, TrainingData], None] | None = None,
    reporter: Reporter = SILENT,
) -> Run:
    """Trains as the recipe says; an unfinished run of the same name is resumed.

    Of several processes each calls this; the first says what happens, and writes.

    Args:
        recipe: The recipe, with open fields or without.
        project: The folder of run folders.
        name: Name of the run; None for `<data>-<model>`.
        options: Options that don't change the result.
        finish: Called after the last epoch, in the first process, while nobody else may train in
            the run; before it writes there it checks the claim again. None for nothing.
        reporter: Says what happens.

    Raises:
        ConvscopeError: Anything that `errors.py` lists.
    """
    phases = Phases(options.began or time.monotonic())
    phases.end(STARTING)
    with device_and_processes(recipe) as (device, processes):
        if processes.is_main:
            check_writable(project)
        else:
            reporter = SILENT
        prepared = prepare(recipe, device, processes, options, reporter)
        data = prepared.data
        phases.end(READING)
        name = name or f"{data.image_index.dataset.name}-{prepared.choice.name}"
        with claimed(project, name, processes, reporter=reporter) as claim:
            run = claim.run
            if processes.broadcast_decision(run.state == "finished"):
                return run  # before torchrun started this again
            setup, deadline, run_id = _begin(
                claim, prepared, device, processes, options, phases=phases, reporter=reporter
            )
            log = _log(claim, run_id, processes, options)
            profile = options.profile and processes.is_main
            with profiled(setup, claim, reporter, enabled=profile) as watched:
                state, best = Trainer(run, watched, log=log, deadline=deadline).fit(reporter)
            phases.end("training")
            if processes.is_main:
                claim.check()
                announce_kept(setup, state, reporter)
                classifier = _classifier(setup, data, state, best)
                classifier.save(run.classifier_path)
                if finish is not None:
                    finish(claim, classifier, data)
                    claim.check()
                phases.end("evaluation and report")
                announce_phases(phases, recipe.time, reporter)
            processes.barrier()  # so that all of them find what the first has written
    return run


def find_learning_rate(
    recipe: Recipe, *, options: TrainOptions = DEFAULT_OPTIONS, reporter: Reporter = SILENT
) -> LearningRateSearch:
    """The learning rate that `train` would find with `lr=auto`; nothing is written.

    Raises:
        ConvscopeError: Anything that `errors.py` lists.
    """
    with device_and_processes(recipe) as (device, processes):
        prepared = prepare(recipe, device, processes, options, reporter)
        setup = builder(prepared, device, processes, reporter)(prepared.recipe)
        return search_learning_rate(setup, reporter)


def _recorded(
    run: Run, recipe: Recipe, processes: ProcessGroup, options: TrainOptions
) -> dict[str, Any]:
    """What the first process finds on record of an unfinished run."""
    found: dict[str, Any] = {}
    if processes.is_main:
        found = read_measured(run, recipe, allow_change=options.allow_change)
    shared: dict[str, Any] = json.loads(processes.broadcast(json_bytes(found)))
    return shared


def _begin(
    claim: Claim,
    prepared: Prepared,
    device: Device,
    processes: ProcessGroup,
    options: TrainOptions,
    *,
    phases: Phases,
    reporter: Reporter,
) -> tuple[Setup, Deadline | None, str]:
    """Measures what is open, and begins the run or resumes it.

    Returns:
        The setup, when the training has to end, and the run's number; "" in other processes than
        the first.
    """
    run, (recipe, choice, _, data) = claim.run, prepared
    build = builder(prepared, device, processes, reporter)
    is_fresh = options.fresh and not was_begun_by_this_launch(run)
    is_fresh = processes.broadcast_decision(is_fresh)
    recorded: dict[str, Any] = {}
    if not is_fresh:
        if processes.is_main and not options.allow_change:
            now = {"model": choice.name, "device": str(device.torch)}
            check_resume(run, recipe.model_copy(update=now))
        recorded = _recorded(run, recipe, processes, options)
    tuned, deadline, measured = tune(
        recipe, recorded, build, data, phases=phases, reporter=reporter
    )
    # A choice of the trained layers says how long they take, as a plan of the time does.
    is_said = deadline is not None or "trained_layers" in (measured or {})
    if processes.broadcast_decision(not is_said and not reporter.quiet):
        done = 0 if is_fresh else max(steps_in(run.checkpoints_path), default=0)
        announce_duration(tuned, build, data, steps_done=done, reporter=reporter)
    setup = build(tuned)
    phases.end("measuring", within={"computing features": data.features.seconds})
    check_same_in_all_processes(setup, data)
    run_id = ""
    if processes.is_main:
        claim.check()  # what was measured took minutes
        if is_fresh:
            discard(run, reporter)
        run_id = _record(run, setup, data, measured, recipe.time, options, reporter)
        announce_without_effect(recipe, setup, data, reporter)
        announce_unsuited(recipe, setup, reporter)
    return setup, deadline, run_id


def _record(
    run: Run,
    setup: Setup,
    data: TrainingData,
    measured: Mapping[str, Any] | None,
    time_given: str | None,
    options: TrainOptions,
    reporter: Reporter,
) -> str:
    """Writes or checks what the run folder says before the first step; returns the run's number.

    Args:
        run: The run folder.
        setup: The setup of the training.
        data: The images.
        measured: What was measured now; None where it is on record.
        time_given: The value of `--time`; None where none was given.
        options: Options that don't change the result.
        reporter: Says what is trained on what.
    """
    is_new = not steps_in(run.checkpoints_path)
    if measured is not None and is_new:
        write_measured(run, measured, setup.recipe)  # first: the recipe has what was measured
    run_id = begin_or_resume(
        run,
        setup,
        data,
        time_given=time_given,
        allow_change=options.allow_change,
        reporter=reporter,
    )
    if measured and not is_new:
        write_measured(run, measured, setup.recipe)
    announce_training(run, setup, data, reporter)
    if options.show_batch is not None:
        batches = setup.image_batches
        save_first_batch(options.show_batch, batches, data.preprocessing, data.classes)
        reporter.say(f"the first batch, as the network sees it: {options.show_batch}")
    return run_id


def _log(claim: Claim, run_id: str, processes: ProcessGroup, options: TrainOptions) -> RunLog:
    """The log of the run, which writes history and checkpoints as the options say."""
    return RunLog(
        claim.run,
        run_id=run_id,
        processes=processes,
        interval=options.checkpoint_every,
        logs_steps=options.log_steps,
        check=claim.check,
    )


def _classifier(
    setup: Setup, data: TrainingData, state: TrainingState, best: Mapping[str, Tensor]
) -> Classifier:
    """The classifier with the best weights, and the metrics that it was chosen by."""
    setup.network.load_state_dict(dict(best))
    return Classifier(
        setup.network.requires_grad_(True),
        setup.choice,
        preprocessing=data.preprocessing,
        classes=data.classes,
        metrics={
            "validation_accuracy": state.best_accuracy,
            "validation_loss": state.best_loss,
            "validation_images": len(data.split.validation),
            "epoch": state.best_epoch + 1,
        },
        device=setup.device.torch,
    )
