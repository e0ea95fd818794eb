"""Several processes train as one would: the same losses, the same bits each time, no one left."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
from together import free_port, run_together

import convscope
from conftest import make_pictures
from convscope.errors import UsageError
from convscope.files import sha256

pytestmark = pytest.mark.slow

PLAIN = ("--model", "lenet_rgb", "--epochs", "2", "-b", "12", "--opt", "sgd", "--lr", "0.05")
NORMALISED = ("--model", "resnet20", "--img-size", "16", "--epochs", "2", "-b", "12")
NUMBERS = ("train_loss", "train_accuracy", "validation_loss", "validation_accuracy")
ALONE = {**os.environ, "OMP_NUM_THREADS": "1"}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """103 pictures: neither steps nor validation can be shared evenly."""
    place = tmp_path_factory.mktemp("processes") / "pictures"
    make_pictures(place, {"blue": 50, "red": 53}, side=16)
    return place


def torchrun(*words: str | Path, processes: int = 2) -> list[str]:
    agent = (sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", str(processes))
    return [*agent, *(str(word) for word in words)]


def train(data: Path, project: Path, *flags: str, processes: int) -> convscope.Run:
    words = ("train", str(data), "--project", str(project), "--name", "run", *flags)
    said = project.with_name(f"{project.name}-said")
    codes = run_together(*words, said=said, processes=processes)
    assert codes == [0] * processes, {path.name: path.read_text() for path in said.iterdir()}
    return convscope.Run.open(project / "run")


@pytest.mark.parametrize("processes", [2, 3])
def test_without_batch_normalisation_several_have_the_losses_of_one(
    data: Path, tmp_path: Path, processes: int
) -> None:
    one = train(data, tmp_path / "one", *PLAIN, processes=1)
    several = train(data, tmp_path / "several", *PLAIN, "--profile", processes=processes)
    for left, right in zip(one.history, several.history, strict=True):
        for name in NUMBERS:
            assert left[name] == pytest.approx(right[name], rel=1e-4), name
    assert one.evaluation["num_images"] == several.evaluation["num_images"]
    assert several.environment["processes"] == processes
    assert "exchange between processes" in (several.profile_path / "summary.txt").read_text()


@pytest.mark.parametrize(
    "extra",
    [
        ("--ema", "0.9", "--accumulate", "2", "--drop-path", "0.2"),
        ("--mixup", "0.3", "--sampler", "balanced"),
        ("--opt", "lbfgs"),
        ("--lr", "auto"),
    ],
    ids=" ".join,
)
def test_each_repetition_gives_the_same_bits(
    data: Path, tmp_path: Path, extra: tuple[str, ...]
) -> None:
    first, second = (
        train(data, tmp_path / name, *NORMALISED, *extra, processes=2) for name in ("a", "b")
    )
    digests = [sha256(run.classifier_path / "model.safetensors") for run in (first, second)]
    assert digests[0] == digests[1]
    assert [[row[name] for name in NUMBERS] for row in first.history] == [
        [row[name] for name in NUMBERS] for row in second.history
    ]


def test_features_of_frozen_layers_are_computed_together(data: Path, tmp_path: Path) -> None:
    source = train(data, tmp_path / "source", *NORMALISED, processes=1)
    flags = (*NORMALISED, "--weights", str(source.path), "--tune", "head")
    one = train(data, tmp_path / "one", *flags, processes=1)
    two = train(data, tmp_path / "two", *flags, processes=2)
    assert one.recipe.feature_views
    for left, right in zip(one.history, two.history, strict=True):
        for name in NUMBERS:
            assert left[name] == pytest.approx(right[name], rel=1e-4), name


def test_a_run_of_two_processes_does_not_silently_go_on_in_one(data: Path, tmp_path: Path) -> None:
    run = train(data, tmp_path / "runs", *PLAIN, processes=2)
    run.evaluation_path.unlink()
    words = ("train", data, "--project", tmp_path / "runs", "--name", "run", *PLAIN)
    assert run_together(*words, said=tmp_path / "said", processes=1) == [6]
    assert re.search(r"processes +2 -> 1", (tmp_path / "said" / "0.txt").read_text())


def test_two_machines_train_together(data: Path, tmp_path: Path) -> None:
    """Two nodes on addresses of this machine, each with a process."""
    port = free_port()
    words = [
        *("--nnodes", "2", "--rdzv-backend", "c10d", "--rdzv-id", "test"),
        *("--rdzv-endpoint", f"127.0.0.1:{port}", "-m", "convscope", "train", str(data)),
        *("--project", str(tmp_path), "--name", "run", *PLAIN),
    ]
    nodes = [
        subprocess.Popen(
            torchrun("--local-addr", address, *words, processes=1),
            stderr=subprocess.PIPE,
            text=True,
            env=ALONE,
        )
        for address in ("127.0.0.1", "127.0.0.2")
    ]
    said = [node.communicate(timeout=300)[1] for node in nodes]
    assert [node.returncode for node in nodes] == [0, 0], said
    together = convscope.Run.open(tmp_path / "run")
    one = train(data, tmp_path / "one", *PLAIN, processes=1)
    for left, right in zip(one.history, together.history, strict=True):
        assert left["train_loss"] == pytest.approx(right["train_loss"], rel=1e-4)


def test_a_process_that_waits_for_another_in_vain_ends_when_told_to(
    data: Path, tmp_path: Path
) -> None:
    port = free_port()
    place = {"RANK": "0", "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    words = ("train", str(data), "--project", str(tmp_path), *PLAIN)
    with subprocess.Popen(
        [sys.executable, "-m", "convscope", *words], env={**ALONE, **place}
    ) as first:
        while first.poll() is None:
            with socket.socket() as second, suppress(OSError):
                second.connect(("127.0.0.1", port))
                break
            time.sleep(0.1)
        time.sleep(1)  # it listens, and will now wait
        first.terminate()
        try:
            assert first.wait(timeout=10) == -signal.SIGTERM
        finally:
            first.kill()


def test_fewer_images_than_processes_are_refused(data: Path, tmp_path: Path) -> None:
    words = ("--standalone", "-m", "convscope", "train", data, "--project", tmp_path, "-b", "1")
    done = subprocess.run(torchrun(*words), capture_output=True, text=True, env=ALONE, timeout=300)
    assert done.returncode == 1
    assert "error: a step has 1 image, fewer than there are processes (2)" in done.stderr


def test_joint_batch_normalisation_needs_several_processes(data: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="`sync_batch_norm` has no effect in one process"):
        convscope.train(data, project=tmp_path, sync_batch_norm=True)
