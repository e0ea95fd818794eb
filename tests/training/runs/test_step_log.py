"""The log of the steps: cut off where a training resumes, and never what keeps it from that."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from convscope.errors import RunError
from convscope.training.runs.log import StepLog
from convscope.training.step_metrics import StepRow

ROWS = [
    StepRow(step=at, learning_rate=0.1, loss=1.5, num_images=16, num_correct=at) for at in range(5)
]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A log of five steps."""
    path = tmp_path / "log" / "steps.jsonl"
    StepLog(path).begin(0)
    StepLog(path).write(ROWS[:2])
    StepLog(path).write(ROWS[2:])
    return path


def steps(path: Path) -> list[int]:
    return [json.loads(line)["step"] for line in path.read_text().splitlines()]


@pytest.mark.parametrize("step", range(7))
def test_the_lines_before_a_step_stay(path: Path, step: int) -> None:
    lines = path.read_bytes().splitlines(keepends=True)
    StepLog(path).begin(step)
    assert path.read_bytes() == b"".join(lines[:step])
    StepLog(path).write(ROWS[step:])
    assert steps(path) == list(range(5))


@pytest.mark.parametrize(
    "damage",
    [
        *(b'{"step": 3, "lo', b"[]\n", b'{"step": 3}\n', b"\x00\n", b"\xff\n", b"\n"),
        b'{"step": "3", "learning_rate": 1, "loss": 1, "num_images": 1, "num_correct": 1}\n',
        b'{"step": 3, "learning_rate": 1, "loss": NaN, "num_images": 1, "num_correct": 1}\n',
        b'{"step": 3, "learning_rate": 1, "loss": 1, "num_images": 1, "num_correct": 1}',
        b" " * 10_000,
        b"[" * 100_000,
    ],
    ids=range(11),
)
def test_what_follows_a_damaged_line_is_cut_off(path: Path, damage: bytes) -> None:
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:3]) + damage + lines[4])
    StepLog(path).begin(5)
    assert path.read_bytes() == b"".join(lines[:3])


def test_a_log_of_gigabytes_is_cut_off_all_the_same(path: Path) -> None:
    whole = path.read_bytes()
    os.truncate(path, 3 << 30)  # zeros that take no room
    StepLog(path).begin(9)
    assert path.read_bytes() == whole


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has such a disk")
def test_a_full_disk_is_said(path: Path) -> None:
    path.unlink()
    path.symlink_to("/dev/full")
    with pytest.raises(RunError, match=f"`{path.parent}` can't be written to: No space left"):
        StepLog(path).write(ROWS)
    with pytest.raises(RunError, match=r"steps.jsonl` can't be cut off: it is a device") as caught:
        StepLog(path).begin(2)
    assert caught.value.hint == "move it away, or leave out `--log-steps`"


def test_a_file_in_the_place_of_its_folder_is_said(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("mine")
    log = StepLog(tmp_path / "log" / "steps.jsonl")
    with pytest.raises(RunError, match=r"log/steps.jsonl` can't be cut off: Not a directory"):
        log.begin(0)
    with pytest.raises(RunError, match="log` can't be written to"):
        log.write(ROWS)
