"""A terminal that is closed while a training runs: it saves, and the same command continues it."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

import convscope
from conftest import MakeFolder, make_pictures
from convscope.cli.main import run as command_line
from convscope.files import sha256
from convscope.training.runs.checkpoint import load_newest

if sys.platform == "win32":
    pytest.skip("terminals are POSIX's", allow_module_level=True)

from terminals import OnTerminal

pytestmark = pytest.mark.slow

EPOCHS = 20
WORDS = (
    "train",
    "pictures",
    "--model",
    "lenet_rgb",
    "--epochs",
    str(EPOCHS),
    "-b",
    "8",
    "--name",
    "run",
)
HANGUP = 129

# Phase -> words on the terminal after which it has begun, and a file that then shows it.
PHASES = {
    "scan": ("begins", ""),
    "epoch": ("epoch   3/", ""),
    "validation": ("epoch   6/", "runs/run/history.csv"),
    "checkpoint": ("epoch   2/", "runs/run/checkpoints/*"),
    "evaluation": (f"epoch  {EPOCHS}/", "runs/run/classifier"),
    "report": (f"epoch  {EPOCHS}/", "runs/run/report.html"),
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The hash of the weights of a training that nobody has disturbed."""
    place = tmp_path_factory.mktemp("whole")
    make_pictures(place / "pictures")
    run = convscope.train(
        place / "pictures", project=place, model="lenet_rgb", epochs=EPOCHS, batch_size=8
    )
    return sha256(run.classifier_path / "model.safetensors")


@pytest.mark.parametrize("phase", PHASES)
def test_a_training_whose_terminal_is_closed_saves_and_goes_on(
    make_folder: MakeFolder,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    whole: str,
    phase: str,
) -> None:
    make_folder()
    monkeypatch.chdir(tmp_path)
    words, file = PHASES[phase]
    with OnTerminal(*WORDS, folder=tmp_path) as training:
        training.read_until(words)
        until = time.monotonic() + 60
        while file and not list(tmp_path.glob(file)) and time.monotonic() < until:
            time.sleep(0.001)
        code = training.close()
    run = convscope.Run(Path("runs/run"))
    if phase in ("epoch", "validation", "checkpoint"):
        assert code == HANGUP
        checkpoint, remarks = load_newest(run.checkpoints_path)
        assert checkpoint is not None
        assert not remarks
    assert code == HANGUP or run.state == "finished"
    if run.state != "finished":
        assert command_line(WORDS) == 0
    assert sha256(run.classifier_path / "model.safetensors") == whole
