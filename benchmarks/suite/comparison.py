"""What is compared: a row of the table, and its sides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

PROGRAMS = Path(__file__).parent / "programs"

Flags = Literal["default", "best"]


@dataclass(frozen=True, slots=True)
class Side:
    """One of the programs that do the same work.

    Attributes:
        name: Its package, as in the table.
        flags: As its documentation shows, or with its best documented flags.
        program: A file in `programs/`, or empty where `command` is run.
        settings: What the program is told, as JSON.
        command: Arguments of the Python that runs it.
    """

    name: str
    flags: Flags = "default"
    program: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    command: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """Name and flags, by which a result is found again."""
        return f"{self.name} ({self.flags})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A row: our side against each of the others, in pairs.

    Attributes:
        name: What `--only` takes.
        title: The work, in words.
        unit: What is printed of our side: seconds, or an amount of work a second.
        ours: Our side.
        peers: The others.
        clock: `work` where a program reports its seconds itself, `process` for the whole process.
        goals: The ratios to reach, for each column.
        least_accuracy: A fraction that both have to reach; 0 for none.
        accuracy_counts: Whether accuracies that differ make the comparison void.
        device: On which it runs.
    """

    name: str
    title: str
    unit: Literal["s", "images/s", "GFLOP/s"]
    ours: Side
    peers: tuple[Side, ...]
    clock: Literal["work", "process"] = "work"
    goals: Mapping[Flags, float] = field(default_factory=dict)
    least_accuracy: float = 0.0
    accuracy_counts: bool = True
    device: Literal["cpu", "cuda"] = "cpu"


@dataclass(frozen=True, slots=True)
class Measurement:
    """What one run of one side took.

    Attributes:
        seconds: Time of the work.
        amount: Images, or FLOP, that were worked on; 1 where the work is a whole.
        accuracy: Fraction of right answers on the test images; None where there is none.
        num_test: Number of those images.
        versions: Of the packages that it used.
    """

    seconds: float
    amount: float = 1.0
    accuracy: float | None = None
    num_test: int | None = None
    versions: Mapping[str, str] = field(default_factory=dict)

    @property
    def cost(self) -> float:
        """Seconds for a unit of work."""
        return self.seconds / self.amount
