"""Options of a training that don't change its result."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from convscope.training.runs.log import DEFAULT_INTERVAL, CheckpointInterval


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainOptions:
    """Options of a training that don't change its result.

    Attributes:
        workers: Threads that decode images; None for one a core.
        download: Whether data that is asked for by name may be fetched.
        show_batch: Where a picture of the first batch goes; None for no picture.
        log_steps: Whether each step gets a line in the run's `log/steps.jsonl`.
        profile: Whether some steps are measured: where the time goes.
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
    profile: bool = False
    checkpoint_every: CheckpointInterval = DEFAULT_INTERVAL
    fresh: bool = False
    allow_change: bool = False
    began: float | None = None


DEFAULT_OPTIONS = TrainOptions()
