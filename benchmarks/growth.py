"""How time and memory grow with the work.

    python benchmarks/growth.py [--only images classes size batch depth] [--quick] [--keep FOLDER]

The axes are the number of images (a thousand to a million small ones), of classes (2 to 10,000),
the side of an image, the size of a batch, and the depth of a network. Each measurement is a process
of its own with one thread. Printed for each: seconds on the clock and of the processor, which other
programs change less; the largest memory of the process, and how much of it came with the work; and
the exponents of growth of both since the size before: 1 is a straight line, 2 its square. A line
with an exponent above 1.15 is named at the end.

`--work WORDS` takes the works with these words in their names, `--largest N` no larger sizes, and
`--keep FOLDER` leaves the data there for the next time. `--quick` takes the smallest sizes, to show
that everything runs.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from growth_works.axes import AXES, Work

# No torch here: the memory of a process begins with that of the one which starts it.
WORKS = Path(__file__).parent / "growth_works"
MARK = "RESULT "
STRAIGHT = 1.15  # the largest exponent that counts as a straight line
SECONDS_TOLD, BYTES_TOLD = 0.1, 20e6  # less than that is the start of something, not its growth
LIMIT_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class Point:
    """What a work took at one size.

    Attributes:
        amount: The amount of work.
        seconds: On the clock.
        processor: Seconds of the processor, in all threads.
        peak_bytes: Largest memory of the process.
        start_bytes: Its largest memory before the work.
        note: What else there is to say.
    """

    amount: float
    seconds: float
    processor: float
    peak_bytes: int
    start_bytes: int
    note: str

    @property
    def work_bytes(self) -> int:
        """The memory that came with the work."""
        return self.peak_bytes - self.start_bytes


@dataclass(frozen=True, slots=True)
class Exponents:
    """Growth since the size before, as exponents; None where the numbers are too small to tell."""

    time: float | None
    memory: float | None

    @classmethod
    def between(cls, before: Point | None, now: Point) -> Exponents:
        """The exponents between two sizes of the same work."""
        if before is None:
            return cls(None, None)
        step = math.log(now.amount / before.amount)
        time_grew = memory_grew = None
        if now.processor >= SECONDS_TOLD and before.processor > 0:
            time_grew = math.log(now.processor / before.processor) / step
        if before.work_bytes >= BYTES_TOLD:
            memory_grew = math.log(max(1, now.work_bytes) / before.work_bytes) / step
        return cls(time_grew, memory_grew)


def main() -> None:
    """Measures what is asked for, and prints a table for each work."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", choices=list(AXES), default=list(AXES))
    parser.add_argument("--work", default="", help="only works with this in their names")
    parser.add_argument("--largest", type=int, default=10**9, help="leave out larger sizes")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="where data is kept")
    given = parser.parse_args()
    began, bent = time.perf_counter(), []
    print(f"load of the machine at the start: {load()}")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as temporary:
        folder = given.keep or Path(temporary)
        for axis in given.only:
            for work in AXES[axis]:
                if given.work in work.name:
                    bent += list(measure(axis, work, folder, given.largest, quick=given.quick))
    print("\nlines that are not straight:" if bent else "\nall lines are straight")
    print("\n".join(f"  {sentence}" for sentence in bent), end="\n" if bent else "")
    print(f"load at the end: {load()}; {time.perf_counter() - began:.0f} s")


def load() -> str:
    """How many processes wanted to run, in the mean of the last minute, of how many cores."""
    return f"{os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"


def measure(axis: str, work: Work, folder: Path, largest: int, *, quick: bool) -> Iterator[str]:
    """Prints the table of a work; gives a sentence for each step of it that isn't straight."""
    print(f"\n{axis}: {work.name}")
    print(f"{'size':>10} {'s':>9} {'CPU s':>9} {'exponent':>9} {'MB':>8} {'of work':>8} exponent")
    before: Point | None = None
    for size in (size for size in (work.quick if quick else work.sizes) if size <= largest):
        now = measured(work, size, folder, quick=quick)
        grown = Exponents.between(before, now)
        print(
            f"{size:>10,} {now.seconds:>9.3f} {now.processor:>9.3f} {shown(grown.time):>9} "
            f"{now.peak_bytes / 1e6:>8,.0f} {now.work_bytes / 1e6:>8,.0f} "
            f"{shown(grown.memory):>8} {now.note}",
            flush=True,
        )
        yield from (f"{axis}, {work.name}: up to {size:,} {bend}" for bend in bend_of(grown))
        before = now


def bend_of(grown: Exponents) -> list[str]:
    """What grew faster than a straight line."""
    return [
        f"{what} with exponent {exponent:.2f}"
        for what, exponent in (("time", grown.time), ("memory", grown.memory))
        if exponent is not None and exponent > STRAIGHT
    ]


def shown(exponent: float | None) -> str:
    """An exponent as it is printed."""
    return "" if exponent is None else f"{exponent:.2f}"


def measured(work: Work, size: int, folder: Path, *, quick: bool) -> Point:
    """One work at one size, in a process of its own; its data is made in another one before."""
    given = json.dumps(
        {
            "size": size,
            "folder": str(folder.absolute()),
            "data": work.data,
            "network": work.network,
            "quick": quick,
        }
    )
    if work.data:
        run("material.py", given)
    lines = run("measuring.py", work.call, given).splitlines()
    found = json.loads(next(line for line in lines if line.startswith(MARK))[len(MARK) :])
    return Point(
        work.amount(size),
        *(found[name] for name in ("seconds", "processor", "peak_bytes", "start_bytes", "note")),
    )


def run(program: str, *words: str) -> str:
    """What a program prints, in a process of its own with one thread.

    Raises:
        SystemExit: It failed; with its last lines.
    """
    done = subprocess.run(
        [sys.executable, str(WORKS / program), *words],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=LIMIT_SECONDS,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"{program} {words} ended with {done.returncode}:\n{done.stderr[-3000:]}")
    return done.stdout


if __name__ == "__main__":
    main()
