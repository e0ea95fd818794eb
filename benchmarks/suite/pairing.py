"""Measures pairs: a peer and we by turns, each run in a process of its own."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from suite.comparison import PROGRAMS, Comparison, Measurement, Side

LARGEST_DIFFERENCE = 0.002  # of two accuracies
LIMIT_SECONDS = 3600
MARK = "RESULT "

Run = Callable[[Side, str], Measurement]


class NotMeasuredError(Exception):
    """A side can't be measured here; the text says why."""


@dataclass(slots=True)
class PairResult:
    """What a peer and we took, pair by pair.

    Attributes:
        peer: The peer's runs.
        ours: Our runs, in the same order.
        not_measured: Why there is none; empty where there are some.
        void: Why they can't be compared; empty where they can.
    """

    peer: list[Measurement] = field(default_factory=list)
    ours: list[Measurement] = field(default_factory=list)
    not_measured: str = ""
    void: str = ""

    @property
    def ratios(self) -> list[float]:
        """The peer's time by ours, pair by pair: above 1 we are faster."""
        return [peer.cost / ours.cost for peer, ours in zip(self.peer, self.ours, strict=True)]

    @property
    def ratio(self) -> float | None:
        """The median of the ratios; None where they say nothing."""
        return None if self.not_measured or self.void else statistics.median(self.ratios)

    def to_dict(self) -> dict[str, Any]:
        """As JSON holds it."""
        return {
            "ratio": self.ratio,
            "ratios": [] if self.not_measured else self.ratios,
            "void": self.void,
            "not_measured": self.not_measured,
            "peer": [asdict(one) for one in self.peer],
            "ours": [asdict(one) for one in self.ours],
        }


def measure_pair(comparison: Comparison, peer: Side, run: Run, *, repeats: int) -> PairResult:
    """Runs both sides by turns, beginning with the other one each time."""
    result = PairResult()
    sides = ((peer, result.peer), (comparison.ours, result.ours))
    try:
        for number in range(repeats):
            for side, found in sides if number % 2 == 0 else sides[::-1]:
                found.append(run(side, comparison.clock))
    except NotMeasuredError as error:
        return PairResult(not_measured=str(error))
    result.void = why_void(comparison, result)
    return result


def why_void(comparison: Comparison, result: PairResult) -> str:
    """Why the two can't be compared, in words; empty where they can."""
    accuracies = {}
    for name, runs in (("the peer", result.peer), ("convscope", result.ours)):
        known = [one.accuracy for one in runs if one.accuracy is not None]
        if comparison.least_accuracy and min(known, default=0.0) < comparison.least_accuracy:
            return f"{name} did not reach {comparison.least_accuracy:.1%}"
        if known:
            accuracies[name] = statistics.median(known)
    if not comparison.accuracy_counts or len(accuracies) < 2:
        return ""
    peer, ours = accuracies.values()
    num_test = min(one.num_test or 10**9 for one in (*result.peer, *result.ours))
    # One image is the finest step that an accuracy can take.
    if abs(peer - ours) > max(LARGEST_DIFFERENCE, 1 / num_test) + 1e-9:
        return f"accuracies differ: {peer:.2%} and {ours:.2%}"
    return ""


class ProcessRunner:
    """Runs sides in new processes and empty folders.

    Args:
        python: The interpreter of our side.
        peers_python: That of the others.
    """

    def __init__(self, python: str, peers_python: str) -> None:
        self._python, self._peers_python = python, peers_python

    def __call__(self, side: Side, clock: str) -> Measurement:
        """One run of a side.

        Raises:
            NotMeasuredError: It failed, or what it needs isn't there.
        """
        is_ours = side.name == "convscope"
        environment = dict(os.environ)
        if not is_ours:
            environment.pop("PYTHONPATH", None)
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            environment |= {"CONVSCOPE_CACHE": f"{folder}/cache", "YOLO_CONFIG_DIR": folder}
            command = [self._python if is_ours else self._peers_python, *arguments(side)]
            began = time.perf_counter()
            try:
                done = subprocess.run(
                    command,
                    cwd=folder,
                    env=environment,
                    capture_output=True,
                    text=True,
                    timeout=LIMIT_SECONDS,
                    check=False,
                )
            except (OSError, subprocess.TimeoutExpired) as error:
                raise NotMeasuredError(f"{type(error).__name__} of {side.title}") from error
            seconds = time.perf_counter() - began
        if done.returncode:
            raise NotMeasuredError(f"{side.title} failed: {_failure(done.stderr)[:200]}")
        return read_measurement(done.stdout, seconds=seconds if clock == "process" else None)


def _failure(errors: str) -> str:
    """The line that says what went wrong: an error of ours, or the last one of a traceback."""
    lines = errors.strip().splitlines() or ["it said nothing"]
    return next((line for line in lines if line.startswith("error: ")), lines[-1])


def arguments(side: Side) -> list[str]:
    """What the interpreter is given."""
    if side.command:
        return list(side.command)
    return [str(PROGRAMS / side.program), json.dumps({**side.settings, "flags": side.flags})]


def read_measurement(output: str, *, seconds: float | None) -> Measurement:
    """What a side printed: a line of ours, or the JSON of an evaluation.

    Args:
        output: All that it printed.
        seconds: Time of the whole process, where that is what counts.
    """
    lines = [line.removeprefix(MARK) for line in output.splitlines() if line.startswith(MARK)]
    try:
        found = json.loads(lines[-1] if lines else output)
    except ValueError:
        found = {}
    if not isinstance(found, dict):
        found = {}
    if "missing" in found:
        raise NotMeasuredError(f"`{found['missing']}` could not be imported here")
    if seconds is None and "seconds" not in found:
        raise NotMeasuredError("it printed no result")
    # Of a whole process one side counts its images, another doesn't: there the work is a whole.
    is_whole = seconds is not None
    return Measurement(
        seconds=float(found.get("seconds", 0.0)) if seconds is None else seconds,
        amount=1.0 if is_whole else float(found.get("amount", 1.0)),
        accuracy=found.get("accuracy"),
        num_test=found.get("num_test", found.get("num_images")),
        versions=found.get("versions", {}),
    )
