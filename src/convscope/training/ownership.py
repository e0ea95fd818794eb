"""Which folder a training gets, and that no other process trains there."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from convscope.errors import RunError, counted
from convscope.files import read_json, write_json
from convscope.processes import Processes, is_restart
from convscope.progress import Reporter
from convscope.run import Run, choose_folder


@contextmanager
def claimed(
    project: Path, name: str, processes: Processes, *, is_fresh: bool, reporter: Reporter
) -> Iterator[Run]:
    """Within it the run of this name is this training's: the unfinished one, or a new number.

    Args:
        project: The folder of run folders.
        name: Of the run.
        processes: The first of them chooses.
        is_fresh: Whether what an unfinished run has learned is thrown away.
        reporter: Says what was chosen.

    Raises:
        RunError: Another process trains there.
        UsageError: The name can't be that of a folder.
    """
    with ExitStack() as stack:
        place = b""
        if processes.is_first:
            run = choose_folder(project, name)
            if run.path.name != name:
                reporter.say(f"note: `{project / name}` has ended; this training is `{run.path}`")
            stack.enter_context(owned(run))
            # A restart after a failure goes on with what the first start began anew.
            if is_fresh and not is_restart():
                _forget(run, reporter)
            place = os.fsencode(run.path)
        yield Run(Path(os.fsdecode(processes.broadcast(place))))


def _forget(run: Run, reporter: Reporter) -> None:
    """Throws away what an unfinished run has learned."""
    if not run.checkpoints_path.is_dir():
        return
    done = len(run.history)
    reporter.say(f"note: {counted(done, 'epoch')} that `{run.path}` had learned: thrown away")
    shutil.rmtree(run.checkpoints_path)  # first: without them nothing else counts
    for path in (run.history_path, run.measured_path, run.rate_picture_path, run.step_log_path):
        path.unlink(missing_ok=True)


@contextmanager
def owned(run: Run) -> Iterator[None]:
    """Within it no other process can train in the run's folder.

    The lock is the system's: it ends with the process, however that ends.

    Raises:
        RunError: Another process trains there.
    """
    run.path.mkdir(parents=True, exist_ok=True)
    lock = FileLock(run.lock_path, blocking=False)
    try:
        lock.acquire()
    except Timeout as error:
        raise RunError(
            f"`{run.path}` is being trained by {_owner(run)}",
            hint="wait for it, or give this training a `--name` of its own",
        ) from error
    try:
        write_json(run.owner_path, {"process": os.getpid(), "machine": socket.gethostname()})
        yield
    finally:
        run.owner_path.unlink(missing_ok=True)
        if list(run.path.iterdir()) == [run.lock_path]:  # nothing came of it
            with suppress(OSError):  # Windows lets nobody remove what is locked
                run.lock_path.unlink()
                run.path.rmdir()
        lock.release()


def _owner(run: Run) -> str:
    try:
        owner = read_json(run.owner_path)
    except RunError:
        return "another process"
    return f"process {owner.get('process')} on {owner.get('machine')}"
