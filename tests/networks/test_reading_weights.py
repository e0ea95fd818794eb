"""Weights from files of all kinds; nothing in them is ever run."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from convscope.errors import WeightsError
from convscope.networks import read_weights

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
