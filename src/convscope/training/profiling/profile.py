"""Where the time of a training goes: some steps are timed, some traced, then it goes on as before.

Timed steps give the phases; nothing else is measured in them, so they are as fast as all others.
Traced steps, which are slower, give the layers, the operators and the trace.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch.profiler import profile, record_function

from convscope.data.batch import Batch, Batches
from convscope.data.batches import ImageBatches
from convscope.data.pixels.prepared import DecodedPixels, StoredPixels
from convscope.errors import UsageError
from convscope.files import new_folder
from convscope.languages import translated
from convscope.paths import PROFILE_SUMMARY, TRACE_FILE
from convscope.progress import Reporter
from convscope.text import counted
from convscope.training.loop import Watch, unwatched
from convscope.training.profiling.measures import (
    PhaseClock,
    traced_seconds,
    watched_calls,
    watched_forward,
)
from convscope.training.profiling.summary import ImageSource, StepProfile, summary_text
from convscope.training.runs.lock import Claim
from convscope.training.runs.metadata import remove_profile
from convscope.training.setup import Setup

WARM_UP, TIMED, TRACED = 3, 20, 5  # steps; of a training with fewer, fewer are timed and traced
TRACED_SHARE = 4  # a quarter of few steps
IDLE = ("waiting", "exchange")  # phases in which a thread has nothing to do itself


def check_no_other_profiler() -> None:
    """Refuses to profile where torch's profiler runs already, which would end the program.

    Raises:
        UsageError: It does.
    """
    if torch.autograd._profiler_enabled():  # type: ignore[attr-defined]
        raise UsageError(
            "`profile` can't be used while another profiler of torch runs",
            hint="end that one before the training, or leave out `profile`",
        )


@contextmanager
def profiled(
    setup: Setup, claim: Claim, reporter: Reporter, *, enabled: bool = True
) -> Iterator[Setup]:
    """Context manager that gives the setup to train with: if enabled, one that is profiled.

    The profile goes to the run folder and to the reporter as soon as it is whole.

    Args:
        setup: The setup of the training.
        claim: The run.
        reporter: Says the profile, or why there is none.
        enabled: Whether anything is measured at all.

    Raises:
        RunError: The profile can't be written.
    """
    if not enabled:
        yield setup
        return
    run = claim.run
    claim.check()
    remove_profile(run)

    def save(found: StepProfile, trace: profile) -> None:
        claim.check()
        with new_folder(run.profile_path, keep_others=True) as folder:
            text = summary_text(found, setup.recipe)
            (folder / PROFILE_SUMMARY).write_text(text, encoding="utf-8")
            trace.export_chrome_trace(str(folder / TRACE_FILE))
        reporter.say(summary_text(found, setup.recipe, in_words=translated))
        summary, timeline = run.profile_path / PROFILE_SUMMARY, run.profile_path / TRACE_FILE
        reporter.say(f"profile: {summary}; {timeline} opens in https://ui.perfetto.dev")

    profiler = StepProfiler(setup, save)
    batches = WatchedBatches(setup.train_batches, profiler, epochs=setup.recipe.epochs)
    with closing(profiler):
        yield replace(setup, train_batches=batches, watch=profiler.watch)
    if not profiler.is_over:
        reporter.say(
            f"note: no profile: it takes {counted(profiler.num_needed, 'step')}, and there were "
            f"{profiler.num_steps}"
        )


class StepProfiler:
    """Times some steps of a training after a few that warm up, then traces some more.

    Args:
        setup: The setup of the training.
        save: Takes what was found, and torch's profiler that has the trace.

    Attributes:
        is_over: Whether everything was measured.
        num_steps: Number of steps so far.
    """

    def __init__(self, setup: Setup, save: Callable[[StepProfile, profile], None]) -> None:
        self._setup, self._save = setup, save
        self._source = _source_of(setup.train_batches)  # later all of them are kept
        self._clock = PhaseClock(setup.device)
        self._watch: Watch = unwatched
        self._plan = 1, 1
        self._first = 0, 0
        self._num_images: list[int] = []
        self._stage = ExitStack()
        self.is_over = False

    @property
    def num_steps(self) -> int:
        """Number of steps so far."""
        return len(self._num_images)

    @property
    def num_needed(self) -> int:
        """Number of steps that a profile takes."""
        return WARM_UP + sum(self._plan)

    def watch(self, phase: str) -> AbstractContextManager[object]:
        """Context manager around a phase of a step, which measures it if this is the time to."""
        return self._watch(phase)

    def plan(self, num_left: int) -> None:
        """Divides the steps that are left among those that are timed and those that are traced."""
        if self.num_steps == 0:
            rest = num_left - WARM_UP
            traced = max(1, min(TRACED, rest // TRACED_SHARE))
            self._plan = max(1, min(TIMED, rest - traced)), traced

    def end_step(self, epoch: int, step: int, num_images: int) -> None:
        """Goes on to what is measured in the next step.

        Args:
            epoch: The epoch, from 0.
            step: The step in the epoch, from 0.
            num_images: Number of its images.
        """
        self._num_images.append(num_images)
        timed = WARM_UP + self._plan[0]
        if self.num_steps == WARM_UP + 1:
            self._first = epoch, step
        if self.num_steps == WARM_UP:
            self._begin_timing()
        elif self.num_steps == timed:
            self._begin_tracing()
        elif self.num_steps == self.num_needed:
            self.close()
            self.is_over = True
            self._save(self._found(), self._trace)

    def _begin_timing(self) -> None:
        self._running_seconds = -time.thread_time()
        self._watch = self._clock.phase
        self._stage.enter_context(watched_forward(self._setup.trained_part, self.watch))

    def _begin_tracing(self) -> None:
        self._running_seconds += time.thread_time()
        self.close()
        os.environ.setdefault("KINETO_LOG_LEVEL", "6")  # else it tells when it begins and ends
        network = self._setup.trained_part
        self._layers = {
            f"{name.removeprefix('in_training.')} ({type(layer).__name__})": layer
            for name, layer in network.named_modules()
            if not any(True for _ in layer.children())
        }
        self._trace = profile(activities=self._setup.device.profiler_activities)
        self._stage.enter_context(self._trace)
        self._watch = record_function
        self._stage.enter_context(watched_forward(network, self.watch))
        self._stage.enter_context(watched_calls(self._layers, self.watch))

    def close(self) -> None:
        """Ends what is being measured, and takes everything off the network."""
        self._watch = unwatched
        self._stage.close()

    def _found(self) -> StepProfile:
        (timed, traced), setup = self._plan, self._setup
        is_gpu = len(setup.device.profiler_activities) > 1
        events = self._trace.events() or []  # type: ignore[no-untyped-call]
        layers, operators = traced_seconds(events, self._layers, is_gpu)
        phases = self._clock.seconds()
        used = sum(seconds for name, seconds in phases.items() if name not in IDLE)
        return StepProfile(
            epoch=self._first[0],
            step=self._first[1],
            num_steps=timed,
            num_traced=traced,
            num_images=sum(self._num_images[WARM_UP : WARM_UP + timed]),
            phases={name: seconds / timed for name, seconds in phases.items()},
            layers={name: seconds / traced for name, seconds in layers.items()},
            operators={name: seconds / traced for name, seconds in operators.items()},
            source=self._source,
            processor=f"{setup.device.torch.type} ({setup.device.processor})",
            precision=setup.device.precision,
            num_threads=None if is_gpu else torch.get_num_threads(),
            running=min(1.0, self._running_seconds / max(used, 1e-9)),
        )


class WatchedBatches:
    """The same batches; while a profiler isn't done, waiting and augmentation are watched.

    Args:
        batches: The batches of the training.
        profiler: Is told of each step.
        epochs: Number of epochs of the training.
    """

    def __init__(self, batches: Batches, profiler: StepProfiler, *, epochs: int) -> None:
        self._batches, self._profiler, self._epochs = batches, profiler, epochs

    def __len__(self) -> int:
        return len(self._batches)

    @property
    def num_images(self) -> int:
        """Number of images in an epoch."""
        return self._batches.num_images

    def epoch(self, epoch: int, *, start: int = 0) -> Iterator[Batch]:
        """The batches of an epoch, counted from 0, from step `start` on."""
        profiler, batches = self._profiler, self._batches
        if profiler.is_over:
            yield from batches.epoch(epoch, start=start)
            return
        profiler.plan((self._epochs - epoch) * len(self) - start)
        parts: Iterator[Any] = batches.epoch(epoch, start=start)
        finished: Callable[[Any], Batch] | None = None
        if isinstance(batches, ImageBatches):
            parts = batches.taken(epoch, start=start)
            finished = partial(batches.finished, epoch=epoch)
        step = start
        while not profiler.is_over:
            with profiler.watch("step"):
                with profiler.watch("waiting"):
                    batch = next(parts, None)
                if batch is None:
                    return
                if finished is not None:
                    with profiler.watch("augmentation"):
                        batch = finished(batch)
                yield batch
            profiler.end_step(epoch, step, batch.num_images)
            step += 1
        yield from parts if finished is None else map(finished, parts)


def _source_of(batches: Batches) -> ImageSource:
    """Where the images of batches come from as they are now."""
    if not isinstance(batches, ImageBatches):
        return ImageSource(is_of_features=True)
    pixels = batches.pixels
    return ImageSource(
        is_at_hand=pixels.is_at_hand,
        are_kept=isinstance(pixels, StoredPixels),
        workers=pixels.workers if isinstance(pixels, StoredPixels | DecodedPixels) else None,
    )
