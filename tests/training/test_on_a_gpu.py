"""What only a GPU can show: the same bits where that is asked for, and memory that runs out."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest
import torch
from asking import Asking

import convscope
from conftest import MakeFolder
from convscope.errors import StoppedError, TrainingError
from convscope.files import sha256

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device"),
]
FIELDS: dict[str, Any] = {"model": "resnet20", "epochs": 4, "batch_size": 16, "device": "cuda"}


def test_a_deterministic_training_goes_on_to_the_same_bits(
    make_folder: MakeFolder, tmp_path: Path
) -> None:
    data = make_folder()
    fields = {**FIELDS, "deterministic": True}
    whole = convscope.train(data, project=tmp_path / "whole", **fields)
    with pytest.raises(StoppedError):
        convscope.train(
            data,
            project=tmp_path / "runs",
            reporter=Asking(signal.SIGTERM, "epoch   2/4"),
            **fields,
        )
    again = convscope.train(data, project=tmp_path / "runs", **fields)
    digests = [sha256(run.classifier_path / "model.safetensors") for run in (whole, again)]
    assert digests[0] == digests[1]


def test_a_profile_is_of_the_gpu_s_own_time(make_folder: MakeFolder, tmp_path: Path) -> None:
    fields = {**FIELDS, "epochs": 8, "project": tmp_path / "runs", "profile": True}
    run = convscope.train(make_folder(), **fields)
    text = (run.profile_path / "summary.txt").read_text()
    assert "on cuda (" in text
    assert "convolution, backward: " in text
    assert '"cat": "kernel"' in (run.profile_path / "trace.json").read_text()


def test_a_batch_that_does_not_fit_names_one_that_does(
    make_folder: MakeFolder, tmp_path: Path
) -> None:
    data = make_folder({"blue": 400, "red": 400}, side=64)
    fields = {**FIELDS, "model": "resnet18", "img_size": 1024, "epochs": 1, "batch_size": 512}
    free = torch.cuda.mem_get_info()[0]
    taken = torch.empty(max(0, free - (6 << 30)), dtype=torch.uint8, device="cuda")
    try:
        with pytest.raises(TrainingError, match="not enough memory for steps of 512") as caught:
            convscope.train(data, project=tmp_path / "runs", **fields)
        assert caught.value.hint is not None
        size = int(caught.value.hint.split("--batch-size ")[1].split("`")[0])
        run = convscope.train(
            data, project=tmp_path / "fits", **{**fields, "batch_size": size, "img_size": 1024}
        )
        assert run.state == "finished"
    finally:
        del taken
        torch.cuda.empty_cache()


def test_a_found_batch_size_fits(make_folder: MakeFolder, tmp_path: Path) -> None:
    data = make_folder({"blue": 400, "red": 400}, side=64)
    fields = {**FIELDS, "model": "resnet18", "img_size": 512, "epochs": 1, "batch_size": "auto"}
    run = convscope.train(data, project=tmp_path / "runs", **fields)
    assert run.state == "finished"
