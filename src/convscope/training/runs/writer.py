"""The thread that writes checkpoints beside the training."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from convscope.errors import RunError
from convscope.training.runs.checkpoint import steps_in, write_checkpoint
from convscope.training.runs.state import Snapshot


class CheckpointWriter:
    """Writes each checkpoint in a thread; an error in it is raised by the next call.

    Args:
        folder: The run's folder `checkpoints`.
        run_id: The run's number, which tells its checkpoints from those of another.
        check: Raises an error where the folder may be another's by now.
    """

    def __init__(
        self, folder: Path, *, run_id: str, check: Callable[[], None] = lambda: None
    ) -> None:
        self._folder, self._run_id, self._check = folder, run_id, check
        self._thread: threading.Thread | None = None
        self._error: Exception | None = None
        self.seconds = 0.0  # time that writing the last checkpoint took

    @property
    def is_busy(self) -> bool:
        """Whether a checkpoint is being written."""
        return self._thread is not None and self._thread.is_alive()

    def save(self, snapshot: Snapshot) -> None:
        """Begins to write a checkpoint.

        Raises:
            RunError: The checkpoint before could not be written.
        """
        self.wait()
        # A daemon: a second Ctrl-C ends the process at once; half a folder is no checkpoint.
        self._thread = threading.Thread(target=self._write, args=(snapshot,), daemon=True)
        self._thread.start()

    def wait(self) -> None:
        """Waits until the checkpoint is on the disk.

        Raises:
            RunError: It could not be written.
        """
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        self.check()

    def check(self) -> None:
        """Raises the error of the last checkpoint, if there was one.

        Raises:
            RunError: A checkpoint could not be written.
        """
        if self._error is not None:
            error, self._error = self._error, None
            raise error

    def _write(self, snapshot: Snapshot) -> None:
        began = time.perf_counter()
        try:
            write_checkpoint(self._folder, snapshot, run_id=self._run_id, check=self._check)
        except Exception as error:  # raised again where somebody can catch it
            self._error = error
            if isinstance(error, RunError) and isinstance(error.__cause__, OSError):
                self._say_how_to_go_on(error)
        self.seconds = time.perf_counter() - began

    def _say_how_to_go_on(self, error: RunError) -> None:
        with suppress(RunError):  # the disk may give nothing either
            before = steps_in(self._folder)
            error.hint = "make room and give the same command: " + (
                f"it resumes after step {before[-1]}" if before else "it begins anew"
            )
