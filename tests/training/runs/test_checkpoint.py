"""Checkpoints: whole or not there, verified, restored to the bit."""

from __future__ import annotations

import errno
import hashlib
import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from convscope.errors import NoMemoryError, RunError, TrainingError
from convscope.files import json_bytes
from convscope.training.autotune.batch_size import enough_memory
from convscope.training.freezing import parameter_groups
from convscope.training.optimizers import OPTIMIZERS, make_optimizer
from convscope.training.runs.checkpoint import load_newest, write_checkpoint
from convscope.training.runs.state import TrainingState, take_snapshot

ROW: dict[str, float] = {
    "epoch": 1,
    "step": 3,
    "learning_rate": 0.1,
    "train_loss": 0.75,
    "train_accuracy": 0.5,
    "validation_loss": 1.0,
    "validation_accuracy": 0.5,
    "epoch_seconds": 0.1,
    "images_per_second": 150.0,
}


def learner(optimizer: str = "adamw") -> tuple[nn.Module, torch.optim.Optimizer]:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.Flatten(), nn.Linear(12, 2))
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    groups = parameter_groups(network, lr=0.1, weight_decay=0.1)
    return network, make_optimizer(optimizer, groups, lr=0.1)


def steps(network: nn.Module, optimizer: torch.optim.Optimizer, count: int) -> None:
    generator = torch.Generator().manual_seed(1)
    for _ in range(count):
        images = torch.randn(5, 1, 4, 4, generator=generator)

        def closure(images: torch.Tensor = images) -> Any:
            optimizer.zero_grad()
            loss = network(images).square().mean()
            loss.backward()
            return loss

        optimizer.step(closure)


def save(folder: Path, step: int, network: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    state = TrainingState(
        epochs=200,
        epoch=1,
        step=step,
        history=[ROW],
        best_accuracy=0.5,
        best_loss=1.0,
    )
    best = {n: v.contiguous() for n, v in network.state_dict().items()}
    snapshot = take_snapshot(state, network=network, best=best, optimizer=optimizer)
    write_checkpoint(folder, snapshot, run_id="this")


@pytest.mark.slow
@pytest.mark.parametrize("name", list(OPTIMIZERS))
def test_a_restored_training_goes_on_to_the_same_bits(tmp_path: Path, name: str) -> None:
    network, optimizer = learner(name)
    steps(network, optimizer, 3)
    save(tmp_path, 3, network, optimizer)
    steps(network, optimizer, 4)

    other, other_optimizer = learner(name)
    checkpoint, remarks = load_newest(tmp_path)
    assert checkpoint is not None
    assert not remarks
    checkpoint.restore(other, other_optimizer)
    assert checkpoint.state.history == [ROW]
    steps(other, other_optimizer, 4)
    for mine, theirs in zip(other.parameters(), network.parameters(), strict=True):
        assert torch.equal(mine, theirs)


def test_the_newest_two_are_kept(tmp_path: Path) -> None:
    network, optimizer = learner()
    for step in (5, 10, 100):
        save(tmp_path, step, network, optimizer)
    assert sorted(int(path.name) for path in tmp_path.iterdir()) == [10, 100]


@pytest.mark.slow
@pytest.mark.parametrize("file", ["model.safetensors", "optimizer.safetensors", "state.json"])
def test_a_damaged_checkpoint_is_told_and_the_one_before_is_taken(
    tmp_path: Path, file: str
) -> None:
    network, optimizer = learner()
    for step in (5, 10):
        save(tmp_path, step, network, optimizer)
    content = bytearray((tmp_path / "10" / file).read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / "10" / file).write_bytes(content)
    checkpoint, remarks = load_newest(tmp_path)
    assert checkpoint is not None
    assert checkpoint.step == 5
    assert remarks == [f"checkpoint 10 is damaged ({file} was changed) and is not used"]


def without_a_way(path: Path) -> None:
    """Makes the system fail where it looks for a file that is there."""
    path.unlink()
    path.symlink_to(path.name)


@pytest.mark.skipif(os.name != "posix", reason="links are POSIX's")
@pytest.mark.parametrize("file", ["manifest.json", "state.json", "model.safetensors"])
def test_a_checkpoint_that_the_disk_does_not_give_is_told_and_the_one_before_is_taken(
    tmp_path: Path, file: str
) -> None:
    network, optimizer = learner()
    for step in (5, 10):
        save(tmp_path, step, network, optimizer)
    without_a_way(tmp_path / "10" / file)
    checkpoint, remarks = load_newest(tmp_path)
    assert checkpoint is not None
    assert checkpoint.step == 5
    assert remarks[0].startswith(f"`{tmp_path / '10' / file}` can't be read: Too many levels")
    without_a_way(tmp_path / "5" / file)
    with pytest.raises(RunError, match=rf"10/{file}` can't be read: Too many levels") as caught:
        load_newest(tmp_path)  # to begin anew would replace what is there
    assert caught.value.exit_code == 6
    assert "once the disk gives it" in str(caught.value.hint)


@pytest.mark.parametrize("number", [errno.ESTALE, errno.EIO, errno.EACCES, errno.ENODEV])
def test_any_failure_of_a_disk_is_told_with_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    network, optimizer = learner()
    save(tmp_path, 5, network, optimizer)

    def read_bytes(path: Path) -> bytes:
        raise OSError(number, os.strerror(number), str(path))

    monkeypatch.setattr(Path, "read_bytes", read_bytes)
    with pytest.raises(RunError, match=rf"5/manifest.json` can't be read: {os.strerror(number)}"):
        load_newest(tmp_path)


@pytest.mark.skipif(os.name != "posix", reason="pipes are POSIX's")
def test_what_is_no_file_is_never_waited_for(tmp_path: Path) -> None:
    network, optimizer = learner()
    save(tmp_path, 5, network, optimizer)
    (tmp_path / "5" / "manifest.json").unlink()
    os.mkfifo(tmp_path / "5" / "manifest.json")
    assert load_newest(tmp_path)[1] == [
        "checkpoint 5 is damaged (manifest.json is missing) and is not used"
    ]


@pytest.mark.parametrize("name", ["²", "١٢", "1" * 5000, "-1", "5 ", "5.old"])
def test_folders_that_only_look_like_checkpoints_are_passed_over(tmp_path: Path, name: str) -> None:
    network, optimizer = learner()
    save(tmp_path, 5, network, optimizer)
    with suppress(OSError):  # too long for this file system
        (tmp_path / name).mkdir()
    checkpoint, remarks = load_newest(tmp_path)
    assert checkpoint is not None
    assert not remarks


def test_a_checkpoint_without_its_manifest_does_not_count(tmp_path: Path) -> None:
    network, optimizer = learner()
    save(tmp_path, 5, network, optimizer)
    (tmp_path / "5" / "manifest.json").unlink()
    checkpoint, remarks = load_newest(tmp_path)
    assert checkpoint is None
    assert "is missing" in remarks[0]


def test_a_half_written_folder_is_no_checkpoint(tmp_path: Path) -> None:
    (tmp_path / ".10.abc").mkdir()
    assert load_newest(tmp_path) == (None, [])


def test_a_checkpoint_of_another_format_is_an_error_that_names_both(tmp_path: Path) -> None:
    network, optimizer = learner()
    save(tmp_path, 5, network, optimizer)
    path = tmp_path / "5" / "manifest.json"
    manifest = json.loads(path.read_text())
    del manifest["sha256"]
    path.write_text(json.dumps({**manifest, "format": 2}))
    with pytest.raises(RunError, match="has format 2, this version of convscope reads format 3"):
        load_newest(tmp_path)
    newer = {**manifest, "format": 4}
    seal = hashlib.sha256(json_bytes(newer)).hexdigest()
    path.write_text(json.dumps({**newer, "sha256": seal}))
    with pytest.raises(RunError, match="has format 4, this version of convscope reads format 3"):
        load_newest(tmp_path)


def test_a_checkpoint_of_another_run_or_step_is_not_used(tmp_path: Path) -> None:
    network, optimizer = learner()
    save(tmp_path, 5, network, optimizer)
    assert load_newest(tmp_path, run_id="this")[0] is not None
    checkpoint, remarks = load_newest(tmp_path, run_id="another")
    assert checkpoint is None
    assert remarks == ["checkpoint 5 is damaged (it belongs to another run) and is not used"]
    (tmp_path / "5").rename(tmp_path / "7")
    assert load_newest(tmp_path)[1] == [
        "checkpoint 7 is damaged (it is checkpoint 5) and is not used"
    ]


def test_weights_that_are_no_numbers_are_not_saved(tmp_path: Path) -> None:
    network, optimizer = learner()
    with torch.no_grad():
        network[0].weight[0] = float("nan")  # type: ignore[index]
    with pytest.raises(TrainingError, match=r"`0\.weight` has non-finite val"):
        save(tmp_path, 5, network, optimizer)
    assert list(tmp_path.iterdir()) == []


def reseal(folder: Path, **changes: Any) -> None:
    """Changes the state as somebody would who knows the format, hashes included."""
    state = json.loads((folder / "state.json").read_text())
    content = json_bytes({**state, **changes})
    (folder / "state.json").write_bytes(content)
    manifest = json.loads((folder / "manifest.json").read_text())
    del manifest["sha256"]
    digest = hashlib.sha256(content).hexdigest()
    manifest["files"]["state.json"] = {"bytes": len(content), "sha256": digest}
    seal = hashlib.sha256(json_bytes(manifest)).hexdigest()
    (folder / "manifest.json").write_text(json.dumps({**manifest, "sha256": seal}))


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"epoch": -1}, "`epoch` can't be `-1`"),
        ({"epoch": 7}, "`history` has no row for each of 7 epochs"),
        ({"step": 1.5}, "`step` can't be `1.5`"),
        ({"sums": []}, "`sums` can't be `[]`"),
        ({"history": [{"epoch": 1}]}, "`history.0.validation_loss` is missing"),
        ({"best_accuracy": 7}, "`best_accuracy` can't be `7`"),
        ({"cycles": ["x"]}, "`cycles.0` can't be `x`"),
        ({"optimizer": {"²": {}}}, "`optimizer.².[key]` can't be `²`"),
        ({"more": 1}, "there is no field `more`"),
    ],
)
def test_a_sealed_state_that_cannot_be_is_refused_with_its_field(
    tmp_path: Path, changes: dict[str, Any], field: str
) -> None:
    network, optimizer = learner()
    save(tmp_path, 5, network, optimizer)
    reseal(tmp_path / "5", **changes)
    checkpoint, remarks = load_newest(tmp_path)
    assert checkpoint is None
    assert field in remarks[0]


def test_only_folders_named_by_a_number_are_checkpoints(tmp_path: Path) -> None:
    network, optimizer = learner()
    save(tmp_path, 5, network, optimizer)
    for name in ("²", "٣", "05", "5.5", "-1", "9" * 200, "1_0"):
        (tmp_path / name).mkdir()
    checkpoint, remarks = load_newest(tmp_path)
    assert checkpoint is not None
    assert (checkpoint.step, remarks) == (5, [])


def test_a_checkpoint_of_another_network_is_refused(tmp_path: Path) -> None:
    network, optimizer = learner()
    save(tmp_path, 5, network, optimizer)
    checkpoint, _ = load_newest(tmp_path)
    assert checkpoint is not None
    with pytest.raises(RunError, match="checkpoint 5 doesn't fit this network"):
        checkpoint.restore(nn.Linear(2, 2), optimizer)


class Full(nn.Module):
    """A network for which there is no memory left."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    def load_state_dict(self, *_: object, **__: object) -> Any:
        raise self.error


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 8 bytes"),
        RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"),
        RuntimeError("[enforce fail] can't allocate memory"),
        RuntimeError("can't start new thread"),
        MemoryError(),
    ],
    ids=str,
)
def test_a_lack_of_memory_is_not_taken_for_a_wrong_checkpoint(
    tmp_path: Path, error: Exception
) -> None:
    network, optimizer = learner()
    save(tmp_path, 5, network, optimizer)
    checkpoint, _ = load_newest(tmp_path)
    assert checkpoint is not None
    words = "there is not enough memory to train `resnet18`"
    with pytest.raises(NoMemoryError, match=words), enough_memory("resnet18"):
        checkpoint.restore(Full(error), optimizer)


def test_a_disk_that_lacks_memory_damages_no_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network, optimizer = learner()
    save(tmp_path, 5, network, optimizer)

    def read_bytes(path: Path) -> bytes:
        raise OSError(errno.ENOMEM, os.strerror(errno.ENOMEM), str(path))

    monkeypatch.setattr(Path, "read_bytes", read_bytes)
    with pytest.raises(OSError, match="Cannot allocate memory"):
        load_newest(tmp_path)
