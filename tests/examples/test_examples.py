"""The examples run as they stand, and do what they say."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

EXAMPLES = Path(__file__).parents[2] / "examples"


def test_the_loop_trains_a_network_a_loss_and_batches_of_ones_own() -> None:
    example = runpy.run_path(str(EXAMPLES / "custom_training_loop.py"))
    assert example["main"]() > 0.8


def test_the_tour_runs_from_training_to_a_single_multiplication(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    runpy.run_path(str(EXAMPLES / "look_inside.py"))
    out = capsys.readouterr().out
    assert "95 % interval" in out
    assert "conv2" in out
    assert (tmp_path / "runs" / "look-inside" / "report.html").is_file()
