"""Weights from files of all kinds; nothing in them is ever run."""

from __future__ import annotations

import errno
import os
import pickle
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from convscope.errors import WeightsError
from convscope.networks import read_weights, weights_file

WEIGHTS = {"fc.weight": torch.ones(2, 3), "fc.bias": torch.zeros(2)}


def same(found: dict[str, Tensor]) -> bool:
    return found.keys() == WEIGHTS.keys() and all(
        torch.equal(found[name], WEIGHTS[name]) for name in WEIGHTS
    )


def test_safetensors_are_read(tmp_path: Path) -> None:
    save_file(WEIGHTS, tmp_path / "a.safetensors")
    assert same(read_weights(tmp_path / "a.safetensors"))


@pytest.mark.parametrize("suffix", [".pth", ".pt", ".th"])
@pytest.mark.parametrize("old_format", [False, True])
def test_torch_files_are_read(tmp_path: Path, suffix: str, old_format: bool) -> None:
    file = tmp_path / f"a{suffix}"
    torch.save(WEIGHTS, file, _use_new_zipfile_serialization=not old_format)
    assert same(read_weights(str(file)))


@pytest.mark.parametrize(
    "wrapped",
    [
        {"state_dict": WEIGHTS, "epoch": 3},
        {"model": {"state_dict": WEIGHTS}},
        {"model_state_dict": {f"module.{name}": value for name, value in WEIGHTS.items()}},
        {f"_orig_mod.module.{name}": value for name, value in WEIGHTS.items()},
    ],
)
def test_weights_inside_checkpoints_and_wrappers_are_found(
    tmp_path: Path, wrapped: dict[str, object]
) -> None:
    torch.save(wrapped, tmp_path / "a.pth")
    assert same(read_weights(tmp_path / "a.pth"))


@pytest.mark.parametrize("name", ["a.pth", "a.pt", "a.ckpt", "a.bin", "a.safetensors"])
@pytest.mark.parametrize(
    "error",
    [MemoryError(), RuntimeError("not enough memory"), OSError(errno.ENOMEM, "none")],
    ids=str,
)
def test_a_lack_of_memory_is_not_taken_for_a_damaged_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, error: Exception
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise error

    save_file(WEIGHTS, tmp_path / name)
    monkeypatch.setattr(torch, "load", fails)
    monkeypatch.setattr(weights_file, "load_file", fails)
    with pytest.raises(type(error)) as caught:
        read_weights(tmp_path / name)
    assert caught.value is error


class Touch:
    """Unpickled, it would make a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.path,))


def test_code_in_a_file_is_refused_and_not_run(tmp_path: Path) -> None:
    file, trace = tmp_path / "a.pth", tmp_path / "ran"
    torch.save({"weights": WEIGHTS, "extra": Touch(trace)}, file)
    with pytest.raises(WeightsError) as caught:
        read_weights(file)
    assert not trace.exists()
    assert str(caught.value) == (
        f"the weights file `{file}` holds more than numbers, and would run code to be read\n"
        "hint: save its `state_dict()` where it was made, best as safetensors"
    )


@pytest.mark.parametrize("protocol", range(6))
def test_code_in_a_plain_pickle_is_refused_and_not_run(tmp_path: Path, protocol: int) -> None:
    file, trace = tmp_path / "a.pth", tmp_path / "ran"
    file.write_bytes(pickle.dumps(Touch(trace), protocol=protocol))
    with pytest.raises(WeightsError):
        read_weights(file)
    assert not trace.exists()


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(WeightsError) as caught:
        read_weights(tmp_path / "no.pth")
    assert str(caught.value) == (
        f"the weights file `{tmp_path / 'no.pth'}` is missing\n"
        "hint: give the path of a file that is there"
    )
    with pytest.raises(WeightsError, match="is a folder"):
        read_weights(tmp_path)


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
@pytest.mark.parametrize("damage", ["empty", "cut", "text", "noise"])
def test_a_damaged_file_is_named(tmp_path: Path, suffix: str, damage: str) -> None:
    file = tmp_path / f"a{suffix}"
    if damage == "cut":
        weights = {"w": torch.zeros(5000)}
        save_file(weights, file) if suffix == ".safetensors" else torch.save(weights, file)
        file.write_bytes(file.read_bytes()[:3000])
    elif damage == "noise":
        file.write_bytes(b"\x80\x04abc")
    else:
        file.write_text("" if damage == "empty" else "version https://git-lfs.github.com/spec/v1")
    with pytest.raises(WeightsError, match="can't be read"):
        read_weights(file)


@pytest.mark.parametrize(
    ("content", "what"), [([1, 2], "a `list`"), ({"a": 1, "b": 2}, "`a`, `b`"), ({}, "nothing")]
)
def test_a_file_without_weights_says_what_it_holds(
    tmp_path: Path, content: object, what: str
) -> None:
    torch.save(content, tmp_path / "a.pt")
    with pytest.raises(WeightsError, match=f"holds no weights but {what}"):
        read_weights(tmp_path / "a.pt")


OTHERS = {
    "text": (b"some words\nabout weights\n", "it is a text file, no weights file"),
    "json": (b'{"conv1.weight": [1, 2]}', "it is a text file, no weights file"),
    "cut off letters": ("\u00e9".encode() * 300, "it is a text file, no weights file"),
    "page": (b"\n<!DOCTYPE html><html><title>404</title>", "it is a web page, no weights file"),
    "lfs": (
        b"version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 9\n",
        "it is a pointer of Git LFS, not the file",
    ),
    "empty": (b"", "it is empty"),
}


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@pytest.mark.parametrize("kind", OTHERS)
def test_what_is_no_weights_file_is_called_what_it_is(
    tmp_path: Path, kind: str, suffix: str
) -> None:
    file = tmp_path / f"a{suffix}"
    content, what = OTHERS[kind]
    file.write_bytes(content)
    with pytest.raises(WeightsError) as caught:
        read_weights(file)
    assert caught.value.message == f"the weights file `{file}` can't be read: {what}"


def test_a_zip_of_something_else_is_called_so(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.pth", "w") as archive:
        archive.writestr("photos/a.txt", "x")
    with pytest.raises(WeightsError, match="is a zip archive of something else, with `photos/a"):
        read_weights(tmp_path / "a.pth")


def test_a_small_file_that_fills_a_memory_is_refused_before_it_does(tmp_path: Path) -> None:
    torch.save({"w": torch.zeros(10_000_000)}, tmp_path / "whole.pth")
    with (
        zipfile.ZipFile(tmp_path / "whole.pth") as whole,
        zipfile.ZipFile(tmp_path / "a.pth", "w", zipfile.ZIP_DEFLATED) as packed,
    ):
        for name in whole.namelist():
            packed.writestr(name, whole.read(name))
    assert (tmp_path / "a.pth").stat().st_size < 50_000
    with pytest.raises(WeightsError, match="it unpacks to 40,0.*bytes, as no weights do"):
        read_weights(tmp_path / "a.pth")


@pytest.mark.parametrize(
    ("tensor", "what"),
    [
        (torch.zeros(1).expand(10**11), "its tensors have 400,000,000,000 bytes"),
        (torch.eye(3).to_sparse(), "`w` is a sparse tensor"),
        (torch.zeros(3, device="meta"), "`w` is a shape without values"),
    ],
)
def test_tensors_that_are_not_in_the_file_are_refused(
    tmp_path: Path, tensor: Tensor, what: str
) -> None:
    torch.save({"w": tensor}, tmp_path / "a.pth")
    with pytest.raises(WeightsError, match=what):
        read_weights(tmp_path / "a.pth")


def test_a_checkpoint_that_contains_itself_is_refused(tmp_path: Path) -> None:
    checkpoint: dict[str, Any] = {}
    checkpoint["state_dict"] = checkpoint
    torch.save(checkpoint, tmp_path / "a.pth")
    with pytest.raises(WeightsError, match="it contains itself"):
        read_weights(tmp_path / "a.pth")


@pytest.mark.skipif(os.name != "posix", reason="only there such files can be made")
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_pipes_and_devices_are_not_waited_for(tmp_path: Path, suffix: str) -> None:
    os.mkfifo(tmp_path / f"pipe{suffix}")
    (tmp_path / f"device{suffix}").symlink_to("/dev/zero")
    with pytest.raises(WeightsError, match="it is a pipe, no file"):
        read_weights(tmp_path / f"pipe{suffix}")
    with pytest.raises(WeightsError, match="it is a device, no file"):
        read_weights(tmp_path / f"device{suffix}")
