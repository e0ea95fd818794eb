"""Terminals, pipes and disks behind standard output: whatever happens to them, work is kept."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest

from conftest import make_pictures
from convscope.cli.main import run as command_line
from convscope.files import sha256
from convscope.run import Run
from convscope.text_table import _short

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="pipes and terminals are POSIX's"),
]

QUICK = ("--model", "lenet_rgb", "--epochs", "1", "-b", "16")
NAME = "猫"


@pytest.fixture(scope="module")
def place_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `pictures` of a class whose name few encodings have, and their run."""
    place = tmp_path_factory.mktemp("terminals")
    make_pictures(place / "pictures", {"blue": 24, NAME: 24})
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        with Path("said.txt").open("w", encoding="cp1252") as said:
            patch.setattr(sys, "stdout", said)
            patch.setattr(sys, "stderr", said)
            assert command_line(["train", "pictures", "--name", "run", *QUICK]) == 0
    return place


@pytest.fixture
def place(place_once: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it, in which the test runs."""
    shutil.copytree(place_once, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


# Verbs and formats, with what each is told; `IMAGE` is a picture of the class.
IMAGE = f"pictures/{NAME}/000.png"
COMMANDS = {
    "evaluate": ["evaluate", "runs/run"],
    "evaluate --json": ["evaluate", "runs/run", "--json"],
    "predict": ["predict", "runs/run", IMAGE],
    "predict --json": ["predict", "runs/run", IMAGE, "--json"],
    "predict --csv": ["predict", "runs/run", IMAGE, "--csv"],
    "check": ["check", "pictures"],
    "check --json": ["check", "pictures", "--json"],
    "explain": ["explain", "runs/run", IMAGE],
    "explain --json": ["explain", "runs/run", IMAGE, "--json"],
    "inspect": ["inspect", "runs/run", "--layer", "conv1"],
    "calibrate": ["calibrate", "runs/run", "--json"],
    "compare": ["compare", "runs/run", "runs/run", "--split", "all"],
    "runs": ["runs"],
    "networks": ["networks"],
    "summary": ["summary", "lenet5_relu"],
    "summary of several": ["summary", "lenet5_relu", "resnet18"],
    "image-grid": ["image-grid", f"pictures/{NAME}", "-o", "grid.png"],
    "cache": ["cache"],
}


@pytest.mark.parametrize("words", COMMANDS.values(), ids=COMMANDS)
def test_every_verb_and_format_prints_in_an_encoding_that_lacks_a_sign(
    place: Path, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    out, err = io.BytesIO(), io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(out, encoding="cp1252"))
    monkeypatch.setattr(sys, "stderr", io.TextIOWrapper(err, encoding="ascii"))
    code = command_line(words)
    text = out.getvalue().decode("cp1252")
    assert code == 0, err.getvalue()
    assert text
    if "--json" in words:
        assert json.loads(text)
    if words[0] == "predict":
        assert "\\u732b" in text
    if words[-1] == "--csv":
        assert len(list(csv.reader(io.StringIO(text)))) == 3


def test_a_training_prints_in_an_encoding_that_lacks_a_sign(place: Path) -> None:
    said = Path("said.txt").read_text(encoding="cp1252")
    assert "\\u732b" in said
    assert "classifier: runs" in said
    assert Run(Path("runs/run")).state == "finished"


LIGHT = {name: COMMANDS[name] for name in ("runs", "networks", "summary", "predict --json")}
LIGHT |= {"help": ["--help"], "help of a verb": ["predict", "--help"]}


@pytest.fixture
def closed_pipe() -> Iterator[IO[str]]:
    """A pipe whose reader has gone."""
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w", encoding="utf-8") as stream:
        yield stream


@pytest.mark.parametrize("words", LIGHT.values(), ids=LIGHT)
def test_a_reader_that_has_read_enough_is_no_failure(
    place: Path, closed_pipe: IO[str], monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    monkeypatch.setattr(sys, "stdout", closed_pipe)
    assert command_line(words) == 0


def test_a_reader_that_is_gone_changes_no_exit_code(
    place: Path, closed_pipe: IO[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("bad.png").write_bytes(b"bad")
    monkeypatch.setattr(sys, "stdout", closed_pipe)
    assert command_line(["predict", "runs/run", IMAGE, "bad.png"]) == 3


@pytest.mark.skipif(sys.platform != "linux", reason="the full device is Linux's")
@pytest.mark.parametrize("words", LIGHT.values(), ids=LIGHT)
def test_results_that_a_full_disk_does_not_take_are_an_error(
    place: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
) -> None:
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        monkeypatch.setattr(sys, "stdout", full)
        assert command_line(words) == 1
    said = capsys.readouterr().err
    assert said.startswith("error: standard output can't be written to: No space left on device\n")
    assert "hint: send it to a place with room" in said


@pytest.mark.skipif(sys.platform != "linux", reason="the full device is Linux's")
def test_a_training_needs_nobody_who_hears_of_it(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        monkeypatch.setattr(sys, "stderr", full)
        assert command_line(["train", "pictures", "--name", "again", *QUICK]) == 0
    assert "classifier: runs" in capsys.readouterr().out
    digests = [sha256(Path("runs", name, "classifier/model.safetensors")) for name in RUNS]
    assert digests[0] == digests[1]


RUNS = ("run", "again")


@pytest.mark.parametrize("columns", [10, 20, 40])
@pytest.mark.parametrize("words", [["networks"], ["predict", "runs/run", IMAGE], ["runs"]])
def test_a_narrow_terminal_cuts_no_number(
    place: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    columns: int,
) -> None:
    assert command_line(words) == 0
    wide = capsys.readouterr().out
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert command_line(words) == 0
    narrow = capsys.readouterr().out
    known = {*wide.split(), *(word for line in wide.split() for word in _short(line).split())}
    cut = [word for word in narrow.split() if word[0].isdigit() and word not in known]
    assert not cut
