"""What the time of a training went into."""

from __future__ import annotations

import time
from collections.abc import Mapping
from types import MappingProxyType

from convscope.text import duration_text

STARTING = "starting the program"
READING = "reading the images"
WORTH_NAMING_SECONDS = 0.5


class Phases:
    """A clock that is asked at the end of each phase of a training.

    Args:
        began: When the first phase began, by `time.monotonic()`.
    """

    def __init__(self, began: float) -> None:
        self.began = self._last = began
        self._seconds: dict[str, float] = {}

    def end(self, name: str, *, within: Mapping[str, float] = MappingProxyType({})) -> None:
        """Ends a phase; another one begins.

        Args:
            name: Its name.
            within: Seconds of phases inside of it, which don't count as its own.
        """
        now = time.monotonic()
        for phase, seconds in {**within, name: now - self._last - sum(within.values())}.items():
            self._seconds[phase] = self._seconds.get(phase, 0.0) + seconds
        self._last = now

    def seconds(self, name: str) -> float:
        """Seconds of a phase; 0 where it hasn't ended."""
        return self._seconds.get(name, 0.0)

    @property
    def total(self) -> float:
        """Seconds of all phases that have ended."""
        return self._last - self.began

    @property
    def longest(self) -> str:
        """The phase that took most of the time, with its seconds."""
        name = max(self._seconds, key=lambda name: self._seconds[name])
        return f"{name} took {duration_text(self._seconds[name])}"

    @property
    def description(self) -> str:
        """All phases in their order with their seconds, for people."""
        return ", ".join(
            f"{duration_text(seconds)} {name}"
            for name, seconds in self._seconds.items()
            if seconds >= WORTH_NAMING_SECONDS
        )
