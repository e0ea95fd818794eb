"""The choice of a training's run folder, and the lock on it."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from convscope.distributed import ProcessGroup, num_restarts, torchrun_id
from convscope.errors import RunError
from convscope.files import check_writable, remove_leftovers, write_json
from convscope.progress import Reporter
from convscope.records import read_json
from convscope.run import Run, choose_folder, find_runs, has_begun
from convscope.schemas import OwnerFile


@dataclass(frozen=True, slots=True)
class Claim:
    """A run in whose folder this process alone may write.

    Attributes:
        run: The run.
        lock_file: Device and number of the file that is locked; None in a process that writes
            nothing.
    """

    run: Run
    lock_file: tuple[int, int] | None = None

    @property
    def holds(self) -> bool:
        """Whether the lock is still the one that others would find."""
        return self.lock_file is None or _identity(self.run.lock_path) == self.lock_file

    def check(self) -> None:
        """Refuses to go on where another training may have begun in the folder.

        Raises:
            RunError: The lock was removed, and with it what kept others away.
        """
        if not self.holds:
            raise RunError(
                f"`{self.run.lock_path}` was removed or replaced, so another training may have "
                "begun in its folder; this one has stopped and writes nothing more",
                hint="the same command resumes what is there, if nobody else trains it, and "
                "`--name NAME` begins another run",
            )


@contextmanager
def claimed(
    project: Path, name: str, processes: ProcessGroup, *, reporter: Reporter
) -> Iterator[Claim]:
    """Context manager that claims the run of a name: the unfinished one, or one of a new number.

    Args:
        project: The folder of run folders.
        name: Name of the run.
        processes: The process group, whose main process chooses.
        reporter: Reporter of a choice that is not the given name.

    Raises:
        RunError: Another process trains there, or torchrun starts a training again that has ended.
        UsageError: The name can't be that of a folder.
    """
    with ExitStack() as stack:
        place, claim = b"", None
        if processes.is_main:
            claim = _claim(project, name, stack)
            run = claim.run
            if run.path.name != name:
                why = "has ended" if has_begun(Run(project / name)) else "is there and is no run"
                reporter.say(f"note: `{project / name}` {why}; this training is `{run.path}`")
            place = os.fsencode(run.path)
        place = processes.broadcast(place)
        yield claim or Claim(Run(Path(os.fsdecode(place))))


def _claim(project: Path, name: str, stack: ExitStack) -> Claim:
    while True:
        run = _ended_before_restart(project, name) or choose_folder(project, name)
        with ExitStack() as attempt:
            claim = attempt.enter_context(owned(run))
            # Between the choice and the lock another process may have brought it to its end.
            if run.state == "finished" or choose_folder(project, name).path == run.path:
                remove_leftovers(run.path)
                stack.push(attempt.pop_all())
                return claim


def was_begun_by_this_launch(run: Run) -> bool:
    """Whether torchrun starts this again after a failure, and it was what began the run."""
    if not num_restarts() or not run.environment_path.is_file():
        return False
    return bool(run.environment["launch"] == torchrun_id())


def _ended_before_restart(project: Path, name: str) -> Run | None:
    """The run that this launch had finished before one of its processes failed, if it had.

    Raises:
        RunError: It had diverged: to begin another would only diverge again.
    """
    for run in find_runs(project):
        is_named = run.path.name == name or run.path.name.startswith(f"{name}-")
        if is_named and was_begun_by_this_launch(run):
            if run.state == "diverged":
                raise RunError(
                    f"`{run.path}` has diverged, and a restart would only do that again",
                    hint="what it said then stands above",
                )
            if run.state == "finished":
                return run
    return None


@contextmanager
def owned(run: Run) -> Iterator[Claim]:
    """Context manager in which no other process can train in the run's folder.

    The lock is the system's: it ends with the process, however that ends.

    Raises:
        RunError: Another process trains there, or nobody can write there.
    """
    check_writable(run.path)
    lock = FileLock(run.lock_path, blocking=False)
    try:
        lock.acquire()
    except Timeout as error:
        raise RunError(
            f"`{run.path}` is being trained by {_owner(run)}",
            hint="wait for it; another training has a `--name` of its own",
        ) from error
    claim = Claim(run, _identity(run.lock_path))
    try:
        write_json(run.owner_path, {"process": os.getpid(), "machine": socket.gethostname()})
        yield claim
    finally:
        try:
            if claim.holds:  # else these are another's files
                _leave(run)
        finally:
            lock.release()


def _leave(run: Run) -> None:
    """Removes what says that a process trains here, and the folder if nothing came of it.

    Where nothing can be removed, nothing is said: something else has ended the training.
    """
    with suppress(OSError):
        run.owner_path.unlink(missing_ok=True)
        if list(run.path.iterdir()) == [run.lock_path]:
            run.lock_path.unlink()  # Windows lets nobody remove what is locked
            run.path.rmdir()


def _identity(path: Path) -> tuple[int, int]:
    """Device and number of a file, which no other has while it is open; zeros where it is gone."""
    try:
        status = path.stat()
    except OSError:
        return 0, 0
    return status.st_dev, status.st_ino


def _owner(run: Run) -> str:
    try:
        owner = read_json(run.owner_path, OwnerFile)
    except RunError:
        return "another process"
    return f"process {owner['process']} on {owner['machine']}"
