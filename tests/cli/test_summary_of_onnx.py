"""`convscope summary` of ONNX files as users type it."""

from __future__ import annotations

import json
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
import torch

import convscope
from conftest import Convscope


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("onnx") / "lenet.onnx"
    network = convscope.build("lenet5").eval()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter warns about itself
        torch.onnx.export(network, (torch.zeros(1, 1, 28, 28),), str(place), dynamo=False)
    return place


@pytest.mark.slow
def test_a_file_has_the_table_of_the_network_that_was_exported(
    convscope: Convscope, file: Path
) -> None:
    words = ("--flops", "--with", "bias,pooling,activation", "--json")
    theirs = json.loads(convscope("summary", "lenet5", *words).out)
    ours = json.loads(convscope("summary", file, *words).out)
    for number in ("input_shape", "parameters", "macs", "flops", "saved_bytes"):
        assert ours[number] == theirs[number], number
    rows = {row["name"]: row for row in ours["layers"]}
    for row in theirs["layers"][1:]:
        for number in ("output_shape", "macs", "receptive_field", "parameters"):
            assert rows[row["name"]][number] == row[number], (row["name"], number)


@pytest.mark.slow
def test_every_form_and_measurement_works_on_a_file(convscope: Convscope, file: Path) -> None:
    out = convscope("summary", file, "--verify", "--depth", "1").out
    assert out.count("none differ") == 4
    assert "conv2" in out
    assert "Conv2d" in out
    assert "effective" in convscope("summary", file, "--effective", "-b", "2").out
    assert convscope("summary", file, "--format", "markdown").code == 0
    assert "fc3" in convscope("summary", file, "--format", "csv").out
    page = file.with_name("page.html")
    assert convscope("summary", file, "--format", "html", "-o", page).code == 0
    side_by_side = json.loads(convscope("summary", file, "lenet5", "--json").out)
    assert [row["network"] for row in side_by_side] == [str(file), "lenet5"]


def test_the_same_works_in_python(file: Path) -> None:
    assert convscope.summarize(file).macs == 416_520
    assert convscope.summarize(str(file), batch_size=3).macs == 3 * 416_520


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("--train",), 2, "has no training mode: a network is exported as it predicts"),
        (("--input", "3x32x32"), 4, "takes images of shape `1x28x28`, not `3x32x32`"),
        (("--num-classes", "5"), 2, "only apply to a network given by name"),
        (("--option", "stem=small"), 2, "only apply to a network given by name"),
    ],
)
def test_what_a_file_can_not_follow_is_refused(
    convscope: Convscope, file: Path, words: tuple[str, ...], code: int, message: str
) -> None:
    done = convscope("summary", file, *words)
    assert done.code == code
    assert message in done.err
    assert "hint: " in done.err


def test_a_file_that_can_not_be_read_is_an_error_in_our_form(
    convscope: Convscope, tmp_path: Path
) -> None:
    done = convscope("summary", tmp_path / "none.onnx")
    assert (done.code, done.err.splitlines()[0][:7]) == (4, "error: ")
    assert "none.onnx` is missing" in done.err


def test_a_run_may_be_called_like_a_file(convscope: Convscope, tmp_path: Path) -> None:
    """Only its content says that it is none; here one that is damaged."""
    run = tmp_path / "mine.onnx"
    run.mkdir()
    for name in ("classifier.json", "model.safetensors"):
        (run / name).write_text("{}")
    done = convscope("summary", run)
    assert "no ONNX file" not in done.err
    assert done.code != 0


@pytest.mark.slow
def test_networks_by_name_do_not_wait_for_onnx() -> None:
    program = (
        "import sys; from convscope.cli.main import run; run(['summary', 'lenet5']); "
        "print('onnx' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert done.stdout.decode().splitlines()[-1] == "False"
