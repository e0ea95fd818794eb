"""How the benchmark of growth tells straight lines from others, and that it runs."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from growth import STRAIGHT, Exponents, Point, bend_of
from growth_works.axes import AXES, pixels

PROGRAM = Path(__file__).parents[2] / "benchmarks" / "growth.py"
MEGABYTE = 10**6


def point(amount: float, processor: float, work_bytes: int = 0) -> Point:
    return Point(amount, 2 * processor, processor, 300 * MEGABYTE + work_bytes, 300 * MEGABYTE, "")


def test_exponents_are_those_of_processor_time_and_of_the_memory_of_the_work() -> None:
    before, now = point(100, 0.5, 50 * MEGABYTE), point(1000, 50, 500 * MEGABYTE)
    found = Exponents.between(before, now)
    assert found.time == pytest.approx(2)
    assert found.memory == pytest.approx(1)
    assert Exponents.between(None, now) == Exponents(None, None)


def test_times_and_memory_that_are_too_small_to_tell_have_no_exponent() -> None:
    found = Exponents.between(point(10, 1e-5, MEGABYTE), point(100, 0.01, 90 * MEGABYTE))
    assert found == Exponents(None, None)


def test_only_what_grows_faster_than_a_straight_line_is_named() -> None:
    assert bend_of(Exponents(STRAIGHT, 1.0)) == []
    assert bend_of(Exponents(None, None)) == []
    assert bend_of(Exponents(1.16, 2.0)) == ["time with exponent 1.16", "memory with exponent 2.00"]


def test_the_work_on_an_image_is_counted_in_pixels() -> None:
    (work,) = AXES["size"]
    assert work.amount is pixels
    assert work.amount(448) == 4 * work.amount(224)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("axis", "work", "sizes"),
    [
        ("images", "write splits.csv", (200, 400)),
        ("classes", "numbers to JSON", (2, 30)),
        ("batch", "lenet5_relu", (8, 16)),
        ("depth", "layer table", (20, 32)),
    ],
)
def test_a_quick_run_prints_a_row_for_each_size(
    axis: str, work: str, sizes: tuple[int, int]
) -> None:
    words = [sys.executable, str(PROGRAM), "--quick", "--only", axis, "--work", work]
    done = subprocess.run(words, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]
    rows = re.findall(r"^ +(\d+) +([\d.]+) +([\d.]+)", done.stdout, flags=re.MULTILINE)
    assert tuple(int(size) for size, _, _ in rows) == sizes
    assert all(float(seconds) > 0 for _, seconds, _ in rows)
    memory = re.findall(r"^ +\d+ .* (\d+) +\d+ ", done.stdout, flags=re.MULTILINE)
    assert len(memory) == 2
    assert re.search(r"^(all lines are straight|lines that are not straight:)$", done.stdout, re.M)
