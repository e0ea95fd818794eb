"""A training from its recipe to the classifier folder; it reads like the list of what happens."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from torch import Tensor, nn

from convscope.cache import open_cache
from convscope.classifier import Classifier, NetworkChoice
from convscope.data.dataset import check_classes, check_trainable
from convscope.data.index.scan import probe_images
from convscope.data.reading import decoding_of, open_with_excluded
from convscope.device import Device
from convscope.distributed import ProcessGroup
from convscope.files import check_writable, json_bytes
from convscope.progress import SILENT, Reporter
from convscope.recipe import Recipe
from convscope.run import Run
from convscope.training.announce import (
    announce_data,
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
from convscope.training.freezing import freeze
from convscope.training.initial_weights import find_initial_weights, with_range_of
from convscope.training.network_choice import (
    build_network,
    choose_network,
    with_default_network,
)
from convscope.training.one_training import device_and_processes
from convscope.training.phases import READING, STARTING, Phases
from convscope.training.resolve import head_recipe, resolve
from convscope.training.runs.checkpoint import steps_in
from convscope.training.runs.lock import Claim, claimed, was_begun_by_this_launch
from convscope.training.runs.log import DEFAULT_INTERVAL, CheckpointInterval, RunLog
from convscope.training.runs.metadata import check_same_in_all_processes, discard
from convscope.training.runs.resume_checks import (
    begin_or_resume,
    check_continue,
    check_resume,
    check_same_splits,
)
from convscope.training.runs.state import TrainingState
from convscope.training.setup import Setup, build_setup
from convscope.training.trainer import Trainer
from convscope.training.training_data import (
    TrainingData,
    load_training_data,
    with_measured_moments,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainOptions:
    """Options of a training that don't change its result.

    Attributes:
        workers: Threads that decode images; None for one a core.
        download: Whether data that is asked for by name may be fetched.
        show_batch: Where a picture of the first batch goes; None for no picture.
        log_steps: Whether each step gets a line in the run's `log/steps.jsonl`.
        checkpoint_every: The longest distance between two checkpoints.
        fresh: Whether an unfinished run begins anew instead of being resumed.
        allow_change: Whether an unfinished run is resumed although its recipe, images, versions or
            machine are others now.
        began: When the program was started, by `time.monotonic()`: a time that is given counts
            from there; None for now.
    """

    workers: int | None = None
    download: bool = False
    show_batch: Path | None = None
    log_steps: bool = False
    checkpoint_every: CheckpointInterval = DEFAULT_INTERVAL
    fresh: bool = False
    allow_change: bool = False
    began: float | None = None


DEFAULT_OPTIONS = TrainOptions()


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
            log = RunLog(
                run,
                run_id=run_id,
                processes=processes,
                interval=options.checkpoint_every,
                logs_steps=options.log_steps,
                check=claim.check,
            )
            state, best = Trainer(run, setup, log=log, deadline=deadline).fit(reporter)
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


class Prepared(NamedTuple):
    """What a training has before anything is measured.

    Attributes:
        recipe: The recipe as given, with the range of values that the initial weights demand and,
            where none is given, with a network.
        choice: The network's name and options.
        network: The network with its initial weights.
        data: The images, prepared for it.
    """

    recipe: Recipe
    choice: NetworkChoice
    network: nn.Module
    data: TrainingData


def builder(
    prepared: Prepared, device: Device, processes: ProcessGroup, reporter: Reporter
) -> Callable[[Recipe], Setup]:
    """A function that resolves a recipe and builds the setup for it.

    Afterwards those layers of the network are frozen that are not trained in the last epoch.
    """
    _, choice, network, data = prepared

    def build(recipe: Recipe) -> Setup:
        freeze(network, "all" if recipe.tune in (None, "auto") else recipe.tune)
        chosen = device.computing_in(recipe.precision)
        resolved = resolve(recipe, choice, network, data, chosen)
        setup = build_setup(
            resolved,
            choice,
            network,
            data,
            device=chosen,
            processes=processes,
            reporter=reporter,
        )
        if resolved.head_epochs is None or resolved.continues is not None:
            return setup
        setup = replace(setup, head_first=build(head_recipe(resolved)))
        freeze(network, resolved.tune)
        return setup

    return build


def prepare(
    recipe: Recipe,
    device: Device,
    processes: ProcessGroup,
    options: TrainOptions,
    reporter: Reporter,
) -> Prepared:
    """The network with its initial weights, and the images prepared for it."""
    # What one process decodes, downloads and remembers, the others find.
    with processes.local_main_first():
        weights = find_initial_weights(recipe)
        recipe = with_range_of(weights, recipe)
        dataset, excluded = open_with_excluded(recipe, download=options.download)
        for remark in dataset.remarks:
            reporter.say(f"note: {remark}")
        check_classes(dataset.classes, where=dataset.name)
        if recipe.continues is not None:
            check_continue(Run.open(recipe.continues), recipe, weights.classes, dataset)
        cache = open_cache()
        kind = probe_images(dataset, cache=cache, decoding=decoding_of(recipe))
        if weights.state is None:
            recipe = with_default_network(recipe, kind, reporter)
            weights = find_initial_weights(recipe)
        choice, preprocessing = choose_network(
            recipe, weights, kind, num_classes=len(dataset.classes)
        )
        network = build_network(choice, recipe)
        for sentence in weights.load_into(network, dataset.classes, choice.name):
            reporter.say(sentence)
        data = load_training_data(
            dataset,
            excluded,
            recipe,
            preprocessing,
            cache=cache,
            workers=options.workers,
            reporter=reporter,
        )
    announce_data(data, recipe.data, reporter)
    check_trainable(data.classes, data.train_counts.tolist())
    if not weights.prescribe_preprocessing:
        data = with_measured_moments(data)
    if recipe.continues is not None:
        check_same_splits(Run.open(recipe.continues), data)
    if recipe.sync_batch_norm:
        network = processes.sync_batch_norm(network)
    return Prepared(recipe, choice, network, data)


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
