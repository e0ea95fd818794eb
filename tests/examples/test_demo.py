"""The demo that the README begins with, on one epoch instead of twenty."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

DEMO = Path(__file__).parents[2] / "examples" / "demo.py"


def test_the_demo_trains_evaluates_and_predicts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    short = tmp_path / "demo.py"
    short.write_text(DEMO.read_text().replace("--epochs 20", "--epochs 1"))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(short), run_name="__main__")
    assert ended.value.code == 0
    said = capsys.readouterr().out
    assert "evaluated on 330 images" in said
    assert "convscope predict runs/digits-lenet5_relu" in said
    assert "-is-a-" in said
