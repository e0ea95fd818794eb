"""Damaged images are noticed, and whole ones read: the campaign, made short."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).parents[2] / "benchmarks" / "damaged_images.py"


@pytest.mark.slow
def test_damaged_images_are_noticed_and_whole_ones_are_read(shared_data: Path) -> None:
    words = [sys.executable, str(PROGRAM), str(shared_data / "flowers")]
    words += ["--damaged", "98", "--whole", "22", "--most", "4"]
    done = subprocess.run(words, capture_output=True, text=True, errors="replace", timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]
    assert "98 damaged images: " in done.stdout
    assert "22 whole odd images of 22 kinds: 0 refused" in done.stdout
