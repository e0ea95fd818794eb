"""Languages: sentences are translated by templates, and none that is said lacks one."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

import pytest

from convscope.audit.messages import FINDINGS, VERDICTS
from convscope.errors import UsageError
from convscope.languages import language_of, speaking, spoken, translated
from convscope.languages.chinese import SUBJECTS, TEMPLATES
from convscope.languages.templates import Catalogue
from convscope.networks import NETWORKS

SOURCE = Path(__file__).parents[1] / "src" / "convscope"
TREES = {
    path: ast.parse(path.read_text(encoding="utf-8"))
    for path in SOURCE.rglob("*.py")
    if "languages" not in path.parts and "translations" not in path.parts
}
SAID_BY = ("say", "task")  # functions that tell people something
GAP = "7"  # fits into a gap for a number and into one for text
WORDS = re.compile(r"\w+|[^\w\s]")
OF_CLICK = "'{value}' is not a valid"  # what click says of values
SEQUENCE = 3  # words; where sentences are put together, one sequence less is found
NOT_A_SENTENCE = re.compile(r"[\d\W]*")
CHINESE = re.compile("[\u4e00-\u9fff]")


def text_of(node: ast.AST) -> str | None:
    """The text of a string in the source, with `GAP` in place of its values; None for no string."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if not isinstance(node, ast.JoinedStr):
        return None
    text = ""
    for part in node.values:
        fixed = text_of(part)
        # What directly follows a letter is an addition that may be empty.
        text += ("" if text[-1:].isalnum() else GAP) if fixed is None else fixed
    return text


def said() -> Iterator[tuple[str, str]]:
    """The sentences that stand in calls of functions that tell people something."""
    for path, tree in TREES.items():
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call) or not node.args:
                continue
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            text = text_of(node.args[0]) if name in SAID_BY else None
            for line in (text or "").split("\n"):
                if not NOT_A_SENTENCE.fullmatch(line):
                    yield f"{path.relative_to(SOURCE)}:{node.lineno}", line


def test_every_sentence_that_is_said_has_a_translation() -> None:
    """Where it fails: add a template to `languages/chinese`."""
    with speaking("zh"):
        left = [(place, text) for place, text in said() if translated(text) == text]
    assert left == []


def test_what_a_check_finds_has_a_translation() -> None:
    texts = [text for found in FINDINGS.values() for text in found] + list(VERDICTS.values())
    filled = [re.sub(r"{[^}]*}", GAP, text.replace("{where}", "")) for text in texts]
    with speaking("zh"):
        left = [text for text in filled if text != GAP and not CHINESE.search(translated(text))]
    assert left == []


def test_how_networks_depart_from_their_papers_has_a_translation() -> None:
    departures = {entry.departs for entry in NETWORKS.values() if entry.departs}
    with speaking("zh"):
        left = [text for text in departures if re.search("[a-z]{3,} [a-z]{3,}", translated(text))]
    assert left == []


def test_every_template_is_of_a_sentence_that_the_code_has() -> None:
    """Where a sentence is changed, its translation has to be."""
    texts = (text_of(node) for tree in TREES.values() for node in ast.walk(tree))
    corpus = "\n".join(" ".join(WORDS.findall(text)) for text in texts if text)
    pieces = {
        (template, piece.strip())
        for template in TEMPLATES
        if not template.startswith(OF_CLICK)
        for fixed, *_ in Formatter().parse(template)
        for piece in re.split(r"\[[a-z]+\]", fixed)
    }
    assert [template for template, piece in pieces if is_stale(piece, corpus)] == []


def is_stale(piece: str, corpus: str) -> bool:
    """Whether a word of a text isn't where it was; two texts may have been put together."""
    words = WORDS.findall(piece)
    sequences = [" ".join(words[i : i + SEQUENCE]) for i in range(len(words) - SEQUENCE + 1)]
    missing = "".join("-" if sequence in corpus else "x" for sequence in sequences)
    return "x" * SEQUENCE in missing


def names_in(text: str) -> set[str]:
    """The names of the values in a template."""
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


def test_a_translation_has_the_values_of_its_template() -> None:
    assert {text: names_in(text) for text in TEMPLATES} == {
        text: names_in(TEMPLATES[text]) for text in TEMPLATES
    }


def test_a_template_stands_in_one_subject() -> None:
    assert sum(map(len, SUBJECTS.values())) == len(TEMPLATES)


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("1 image", "1 张图"),
        ("1,797 images", "1,797 张图"),
        ("  1 image", "  1 张图"),
        ("saw 2 images of `roses`", "在 `roses` 中看到 2 张图"),
        ("why: 3 images", "原因：3 张图"),
        ("parts: 3 images, rest, 1 image", "部分：3 张图、rest、1 张图"),
        ("3 images. Nothing more", "3 张图。没有别的"),
        ("3 images. Else. Nothing more.", "3 张图。Else. 没有别的。"),
        ("Once. Twice. Nothing more", "两次。没有别的"),
        ("some text", "some text"),
        ("a nan loss", "a nan loss"),
        ("loss nan", "损失 nan"),
        ("", ""),
        ("odd: 3 images left out", "奇怪：排除 3 张图"),
        ("in 5 s", "用时 5 秒"),
        ("in vain", "in vain"),
        ("either 1 image, or 2 images", "1 张图，或 2 张图"),
    ],
)
def test_the_template_that_fits_translates_a_sentence(sentence: str, expected: str) -> None:
    catalogue = Catalogue(
        {
            "{n:n} image[s]": "{n} 张图",
            "saw {images:t} of `{name}`": "在 `{name}` 中看到 {images}",
            "why: {reason:t}": "原因：{reason}",
            "parts: {parts:l}": "部分：{parts}",
            "Nothing more": "没有别的",
            "Once. Twice.": "两次。",
            "loss {loss:n}": "损失 {loss}",
            "odd: {text:t}": "奇怪：{text}",
            "{images:t} left out": "排除 {images}",
            "in {time:d}": "用时 {time}",
            "{n:n} s": "{n} 秒",
            "either {ways:c}": "{ways}",
        }
    )
    assert catalogue.translated(sentence) == expected


def test_of_several_templates_the_one_with_more_text_translates() -> None:
    catalogue = Catalogue({"{a} of {b}": "{b} 之 {a}", "{a} of all {b}": "所有 {b} 之 {a}"})
    assert catalogue.translated("one of all images") == "所有 images 之 one"


@pytest.mark.parametrize(
    "sentence",
    [
        "about 95 min: 60 epochs of 95 s",
        "about 2.5 h: 12 s for features that are computed once, then 60 epochs of 95 s; "
        "`--tune head` takes about 50 s",
        "note: 1 image left out, unreadable",
        "images: 480 train, 60 validation, 60 test (no splits given: drawn by pixels); 3 images "
        "left out as `exclude.csv` says",
        "3s of time: 1 epoch at 1,201 ms a step, 20.5 s an epoch; a single one takes longer than "
        "there is time",
        "error: `time` of 1h is too short: computing the features of `resnet18` at 192 px takes "
        "about 1.7 h, and 41 min are left: reading the images took 9 s, evaluation and report take "
        "about 5 s",
        "hint: `--time 120m` would do; what fits into 1h: `--feature-views 1` (about 35 min), or "
        "`--img-size 96` (about 25 min)",
        "took 58 s, with 1m given: 4 s starting the program, 3 s reading the images, 12 s "
        "computing features, 10 s measuring, 24 s training, 5 s evaluation and report",
        "trains the last layer for 20 epochs, on features that are computed once, in about 50 s, "
        "then all layers for 5, about 3 min; the better of the two is kept",
        "note: overfitting: 100% of the train images are right, 80% of the validation images; more "
        "images help most; pretrained weights may: leave out `--model` and `--weights`",
        "note: measured on 1 image alone: the accuracy lies between 3% and 100%; `train --folds 5 "
        "--fold 0`, and so on to `--fold 4`, tests on all images, a fifth at a time",
    ],
)
def test_a_sentence_that_is_put_together_is_translated_whole(sentence: str) -> None:
    with speaking("zh"):
        text = translated(sentence)
    assert re.findall("[A-Za-z]{2,}", re.sub("`[^`]*`", "", text)) == []


@pytest.mark.parametrize(
    ("name", "language"),
    [
        *(("en", "en"), ("EN", "en"), ("English", "en"), ("en-US", "en")),
        *(("zh", "zh"), ("zh-CN", "zh"), ("zh_CN", "zh"), ("cn", "zh"), ("Chinese", "zh")),
        *(("ZH", "zh"), ("zh-Hans", "zh"), ("中文", "zh")),
    ],
)
def test_a_language_has_several_names(name: str, language: str) -> None:
    assert language_of(name) == language


def test_another_language_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(UsageError, match="no report in the language `fr`") as refused:
        language_of("fr")
    assert refused.value.hint == "it can be `en` or `zh`"


def test_a_language_is_spoken_until_its_end() -> None:
    with speaking("zh"):
        assert (spoken(), translated("3 images")) == ("zh", "3 张图像")
    assert (spoken(), translated("3 images")) == ("en", "3 images")
