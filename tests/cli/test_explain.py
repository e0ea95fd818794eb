"""`convscope explain` as a user types it."""

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

IMAGE = "pictures/blue/000.png"
QUICK = ("--draws", "2", "-q")


def test_an_explanation_says_what_it_found_and_where_it_is(
    convscope: Convscope, flawed: Run
) -> None:
    outcome = convscope("explain", "runs/flawed", IMAGE, *QUICK)
    assert outcome.code == 0
    assert outcome.err == ""
    assert re.search(rf"^{IMAGE}  (blue|red) [\d.]+%$", outcome.out, re.MULTILINE)
    assert "gives what the last convolution before the head found" in outcome.out
    assert "  for blue: " in outcome.out
    assert "  for red: " in outcome.out
    page = Path("explanations/flawed/000.html")
    assert f"page:    {page}\npicture: {page.with_suffix('.png')}" in outcome.out
    assert page.is_file()
    assert page.with_suffix(".png").is_file()


def test_the_command_on_the_page_repeats_it(convscope: Convscope, flawed: Run) -> None:
    convscope("explain", "runs/flawed", IMAGE, "--against", "red", *QUICK, "-o", "first")
    text = html.unescape(Path("first/000.html").read_text(encoding="utf-8"))
    command = next(line for line in re.findall(r"<pre>(.+)</pre>", text) if "explain" in line)
    words = shlex.split(command)
    assert words[:2] == ["convscope", "explain"]
    assert convscope(*words[1:], "-q", "-o", "second").code == 0
    assert Path("second/000.html").read_text() == Path("first/000.html").read_text()
    assert Path("second/000.png").read_bytes() == Path("first/000.png").read_bytes()


def test_a_folder_gets_a_page_that_leads_to_all(convscope: Convscope, flawed: Run) -> None:
    Path("few").mkdir()
    for number in range(2):
        Path("few", f"{number}.png").write_bytes(Path(IMAGE).read_bytes())
    Path("few", "3.png").write_bytes(b"broken")
    outcome = convscope("explain", "runs/flawed", "few", "--draws", "0", "-q", "-o", "out")
    assert outcome.code == 3
    assert "pages: out/index.html" in outcome.out.replace("\\", "/")
    assert "not compared with random maps" in outcome.out
    assert "error: 1 image of 3 can't be read" in outcome.err
    assert "few/3.png" in outcome.err.replace("\\", "/")
    assert len(list(Path("out").glob("*.html"))) == 3


def test_json_alone_has_the_numbers_and_writes_nothing(convscope: Convscope, flawed: Run) -> None:
    outcome = convscope("explain", "runs/flawed", IMAGE, "--json", *QUICK, "--class", "red")
    (found,) = json.loads(outcome.out)
    assert found["image"] == IMAGE
    assert set(found["probabilities"]) == {"blue", "red"}
    (only,) = found["attributions"]
    assert only["target"] == "red"
    assert only["method"] == "grad-cam"
    assert only["faithfulness"]["random_maps"] == 2
    assert isinstance(only["faithfulness"]["is_better_than_random"], bool)
    assert not Path("explanations").exists()


def test_sliding_over_a_larger_image_shows_where_the_class_is(
    convscope: Convscope, flawed: Run
) -> None:
    words = ("--slide", "44x60", "--class", "red", "--draws", "0", "-q")
    (found,) = json.loads(convscope("explain", "runs/flawed", IMAGE, *words, "--json").out)
    assert found["class_map"]["size"] == [44, 60]
    window = found["class_map"]["window"]
    rows = found["class_map"]["labels"]
    assert len(rows) > 1
    assert {label for row in rows for label in row} <= {"red", "blue"}
    convscope("explain", "runs/flawed", IMAGE, *words, "-o", "out")
    page = Path("out/000.html").read_text(encoding="utf-8")
    assert "Where red is predicted" in page
    places = f"{len(rows)}×{len(rows[0])} positions, each of which classifies"
    assert f"{places} {window[0]}×{window[1]} pixels" in page


def test_the_arithmetic_of_a_value_is_printed(convscope: Convscope, flawed: Run) -> None:
    words = ("--value", "conv1:1,2,3", "--draws", "0", "-q")
    outcome = convscope("explain", "runs/flawed", IMAGE, *words)
    assert "`conv1`, channel 1, row 2, column 3:" in outcome.out
    assert "every step gives the value that the network stored" in outcome.out


def test_that_the_class_to_compare_with_is_the_answer_is_said(
    convscope: Convscope, flawed: Run
) -> None:
    outcome = convscope("explain", "runs/flawed", IMAGE, "--against", "red", "--draws", "0", "-q")
    assert "  for blue rather than red: " in outcome.out
    assert "    note: `red` is the prediction itself, so this is the evidence for" in outcome.out


@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        (["--class", "red", "--against", "red"], "`red` can't be compared with itself", "another"),
        (["--class", "bleu"], "there is no class `bleu`", "did you mean `blue`?"),
        (["--method", "gradcam"], "there is no method `gradcam`", "did you mean `grad-cam`?"),
        (["--layer", "cnv1"], "has no layer `cnv1`", "did you mean `conv1`?"),
        (["--slide", "44"], "`--slide` can't be `44`", "write height and width"),
        (["--slide", "20x60"], "a class map can't be of 20x60", "give at least"),
        (["--value", "conv1:1"], "`row` is None and `column` None", "give both for feature maps"),
        (["--class", "red", "--top", "2"], "`--top` has no effect", "leave it away"),
        (
            ["--value", "conv1"],
            "`conv1` names no value of a layer",
            "LAYER:CHANNEL",
        ),
        (["--lang", "fr"], "`--lang` can't be `fr`", "it can be `en` or `zh`"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_the_way_out(
    convscope: Convscope, flawed: Run, words: list[str], message: str, hint: str | None
) -> None:
    outcome = convscope("explain", "runs/flawed", IMAGE, "--draws", "0", "-q", *words)
    assert outcome.code == 2
    assert message in outcome.err
    if hint:
        assert hint in outcome.err.split("hint: ")[1]
    assert not Path("explanations").exists()
