"""Trainings in processes of their own, of which none imports torch anew.

torchrun, and each process that it starts, import torch, its compiler, SciPy and matplotlib: five
seconds of work for a training of one. Here they are copies of a process that has done so once, told
by the same variables which of them is which. Tests of torchrun itself start it.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Mapping
from multiprocessing import get_context
from pathlib import Path
from typing import Any

LOADED = ["convscope.api.train", "sklearn.metrics", "torch._dynamo"]
TIMEOUT_SECONDS = 300


def run_together(*words: str | Path, said: Path, processes: int) -> list[int | None]:
    """Runs a command line in several processes with one thread each; returns their exit codes.

    Args:
        words: After `convscope`.
        said: The folder for what each process says, in `<rank>.txt`.
        processes: How many; one alone is told nothing of others.
    """
    said.mkdir()
    port = str(free_port())
    context: Any = get_context("forkserver" if sys.platform != "win32" else "spawn")
    if sys.platform != "win32":
        context.set_forkserver_preload(LOADED)
    started = []
    for rank in map(str, range(processes)):
        place = {"RANK": rank, "LOCAL_RANK": rank, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
        sizes = dict.fromkeys(("WORLD_SIZE", "LOCAL_WORLD_SIZE"), str(processes))
        environment = {**place, **sizes} if processes > 1 else {}
        arguments = ([str(word) for word in words], environment, said / f"{rank}.txt")
        started.append(context.Process(target=_run, args=arguments))
        started[-1].start()
    for process in started:
        process.join(TIMEOUT_SECONDS)
        process.kill()  # as a rule it has ended
        process.join()
    return [process.exitcode for process in started]


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    return port


def _run(words: list[str], environment: Mapping[str, str], said: Path) -> None:
    import torch

    from convscope.cli.main import run

    with said.open("wb") as file:
        for number in (1, 2):
            os.dup2(file.fileno(), number)
    os.environ.update(environment)
    torch.set_num_threads(1)
    sys.exit(run(words))
