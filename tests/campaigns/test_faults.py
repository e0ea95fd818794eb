"""No fault loses a training, and no damaged file is believed: the campaigns, made short."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).parents[2] / "benchmarks" / "faults.py"

# Campaign -> trials here; `python benchmarks/faults.py all` runs the long ones.
SHORT = {
    "ranks": 3,
    "terminate": 10,
    "kill": 6,
    "disk": 5,
    "malicious": 100,
    "crash": 1,
    "damage": 500,
    "files": 110,
    "cache": 24,
}

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="the campaigns read /proc"),
]


@pytest.mark.parametrize("name", list(SHORT))
def test_a_campaign_finds_no_fault(name: str) -> None:
    words = [sys.executable, str(PROGRAM), name, "--trials", str(SHORT[name])]
    done = subprocess.run(words, capture_output=True, text=True, timeout=600)
    assert done.stdout.startswith(f"{name}: ok, "), done.stdout + done.stderr
    assert done.returncode == 0


def test_a_campaign_would_say_what_it_found(tmp_path: Path) -> None:
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]); sys.argv = ['faults', 'damage'];"
        "import faults, fault_campaigns.damage as damage, fault_campaigns.trainings as trainings;"
        "damage.run = lambda trials, seed: trainings.Outcome('1 file', ['it was believed']);"
        "sys.exit(faults.main())"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(PROGRAM.parent)], capture_output=True, text=True
    )
    assert done.returncode == 1
    assert "damage: 1 FAULTS, 1 file" in done.stdout
    assert "it was believed" in done.stdout
