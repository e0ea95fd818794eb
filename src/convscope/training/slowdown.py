"""Steps that suddenly take much longer: noticed, and said once, as nobody watches all the time."""

from __future__ import annotations

import time

WINDOW_SECONDS = 30.0  # of steps that are compared with each other
SLOWER = 4.0  # times as slow as the fastest window before


class SlowdownWatch:
    """Compares how long steps take now with how long they took before.

    It only watches: what is trained doesn't depend on it.

    Args:
        is_steady: Whether all steps do the same work; where they don't, nothing is compared.
    """

    def __init__(self, *, is_steady: bool = True) -> None:
        self._is_steady = is_steady
        self._last: float | None = None
        self._seconds, self._steps = 0.0, 0
        self._best: float | None = None

    def pause(self) -> None:
        """Leaves out the time until the next step: validation, or a checkpoint."""
        self._last = None

    def step(self, now: float | None = None) -> float | None:
        """Counts a step; returns how many times as long steps take now, once, if that is much.

        Args:
            now: Seconds on a clock that only goes forward; None for this machine's.
        """
        now = time.perf_counter() if now is None else now
        if self._last is not None:
            self._seconds += now - self._last
            self._steps += 1
        self._last = now
        if not self._is_steady or self._seconds < WINDOW_SECONDS:
            return None
        mean, best = self._seconds / self._steps, self._best
        self._seconds, self._steps = 0.0, 0
        if best is not None and mean > SLOWER * best:
            self._best = mean  # not said again
            return mean / best
        self._best = mean if best is None else min(mean, best)
        return None


def slowdown_text(times: float, *, precision: str) -> str:
    """What is said of steps that take so many times as long as before."""
    text = (
        f"note: in the last half minute steps took {times:.0f} times as long as before. It seems "
        "that another program uses the processors; what is trained stays the same. Ctrl-C saves, "
        "and the same command resumes when the machine is free"
    )
    if precision == "bfloat16":
        text += ". Float32 loses less beside other programs: `--precision float32` in a new run"
    return text
