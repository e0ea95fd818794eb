"""`convscope inspect` as a user types it."""

from __future__ import annotations

import html
import json
import re
import shlex
from pathlib import Path

import pytest

from conftest import Convscope
from convscope.run import Run

pytestmark = pytest.mark.slow


def test_the_layers_are_listed_and_the_page_is_written(convscope: Convscope, flawed: Run) -> None:
    outcome = convscope("inspect", "runs/flawed", "-q")
    assert outcome.code == 0
    assert outcome.err == ""
    assert re.search(r"^ layer +output +zeros +dead +rare +receptive field", outcome.out, re.M)
    page = Path("inspections/flawed.html")
    assert f"page: {page}" in outcome.out
    assert "Patches that activate its channels most" in page.read_text(encoding="utf-8")


def test_the_command_on_the_page_repeats_it(convscope: Convscope, flawed: Run) -> None:
    asked = ("--layer", "conv1", "--channels", "1, 0", "--images", "3", "--split", "all")
    convscope("inspect", "runs/flawed", "-q", *asked, "-o", "first.html")
    text = html.unescape(Path("first.html").read_text(encoding="utf-8"))
    (command,) = re.findall(r"<pre>(.+)</pre>", text)
    words = shlex.split(command)
    assert words[:2] == ["convscope", "inspect"]
    assert convscope(*words[1:], "-q", "-o", "second.html").code == 0
    assert Path("second.html").read_text() == Path("first.html").read_text()


def test_a_name_without_ending_is_a_folder(convscope: Convscope, flawed: Run) -> None:
    words = ("--layer", "conv1", "--images", "3", "--lang", "zh", "-q")
    outcome = convscope("inspect", "runs/flawed", *words, "-o", "inspections/zh")
    assert "页面：inspections/zh/report.html\n" in outcome.out
    assert Path("inspections/zh/report.html").is_file()


def test_json_alone_has_the_numbers_and_writes_nothing(convscope: Convscope, flawed: Run) -> None:
    words = ("inspect", "runs/flawed", "--json", "-q", "--layer", "conv1", "--patches", "2")
    found = json.loads(convscope(*words).out)
    (layer,) = found["layers"]
    assert layer["layer"] == "conv1"
    assert all(len(patches) <= 2 for patches in layer["strongest"].values())
    assert 0 <= layer["zero_share"] <= 1
    assert layer["kind"] == "Conv2d"
    labels = {each["label"] for patches in layer["strongest"].values() for each in patches}
    assert labels <= {"blue", "red"}
    assert not Path("inspections").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--layer", "conv9"), "no layer `conv9`"),
        (("--channels", "1,x"), "`--channels` can't be `1,x`\nhint: write numbers from 0"),
        (("--layer", "conv1", "--channels", "5000"), "`conv1` has no channel 5000"),
        (
            ("--layer", "conv1", "--channels", "0,500,900"),
            "`conv1` has no channels 500, 900\nhint: they are 0 to 15; choose a layer that has",
        ),
        (("--channels", "²"), "`--channels` can't be `²`\nhint: write numbers from 0"),
    ],
)
def test_bad_input_is_a_clear_error(
    convscope: Convscope, flawed: Run, words: tuple[str, ...], message: str
) -> None:
    outcome = convscope("inspect", "runs/flawed", "-q", *words)
    assert outcome.code == 2
    assert message in outcome.err
    assert not Path("inspections").exists()
