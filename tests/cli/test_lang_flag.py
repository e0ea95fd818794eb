"""`--lang zh`: what each verb prints has no English left, and its columns stay aligned."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from rich.cells import cell_len

from conftest import Convscope
from convscope import Run
from convscope.cli.language import padded, wrapped

# Names, units and values of flags; what looks like a path, a flag or code isn't looked at.
NAMES = """
    act adamw adaptiveavgpool alexnet alpha api auc autograd avgpool batchnorm bilinear blue
    bootstrap brier c cie classifier cmyk conv convscope cpu crop cycle dropout efficientnet et
    al exif f1 fc flawed flatten floor float flop flops gb googlenet gpu grad cam h he iandola
    identity images imagenet jordan jpeg k kb krizhevsky kh kw le lecun lenet linear lite log macs
    maxpool mb mixup mlp nat one p pictures png pool px red relu resnet resnext rgb s sequential
    sigmoid simonyan squeezenet szegedy tan tiff top torch torchvision vgg w wide wilson x xie
    zagoruyko and komodakis zisserman airbench
"""
ALLOWED = set(NAMES.lower().split())
CODE = re.compile(r"`[^`]*`|'[^']*'|convscope .*|--[\w-]+(=\S+)?|[^\s：（]*[/\\\\._]\S*")
LATIN = re.compile("[A-Za-z]{2,}")

LINES = [
    "check pictures",
    "evaluate runs/flawed",
    "evaluate runs/flawed pictures --split all --tta flip --min-confidence 0.7",
    "compare runs/flawed runs/flawed/classifier --data pictures --split all -o compared.html",
    "calibrate runs/flawed",
    "calibrate runs/flawed --target-error 0.3",
    "predict runs/flawed pictures/red/000.png",
    "explain runs/flawed pictures/red/000.png --draws 3",
    "explain runs/flawed pictures/red/000.png --draws 0 --value conv1:0,1,2",
    "inspect runs/flawed --images 8 --layer conv1",
    "summary lenet5",
    "summary lenet5 lenet_rgb",
    "summary conv --input 3x32x32 --kernels 8 --size 3",
    "summary pool --input 3x32x32 --size 2",
    "summary dense --input 3x32x32 --outputs 10",
    "networks",
    "runs",
    "runs pictures",
    "image-grid pictures/red --at-most 2 -o grid.png",
    "compare nowhere nothing",
    "predict runs/flawed pictures --top many",
]


def english_left(text: str) -> list[str]:
    """The English words in a text, but for names, units, flags, commands and paths."""
    words = LATIN.findall(CODE.sub(" ", text))
    return [word for word in words if word.lower() not in ALLOWED]


@pytest.mark.slow
@pytest.mark.parametrize("line", LINES)
def test_a_verb_speaks_chinese(convscope: Convscope, flawed: Run, line: str) -> None:
    outcome = convscope(*line.split(), "--lang", "zh")
    assert {each: english_left(each) for each in outcome[1:] if english_left(each)} == {}
    assert re.search("[\u4e00-\u9fff]", outcome.out + outcome.err) or line.startswith("predict")


@pytest.mark.slow
def test_the_cache_speaks_chinese(convscope: Convscope, flawed: Run, tmp_path: Path) -> None:
    words = ("--model", "lenet_rgb", "--epochs", "1", "--name", "cached", "-q")
    with pytest.MonkeyPatch.context() as patch:  # others' data sets have other names
        patch.setenv("CONVSCOPE_CACHE", str(tmp_path / "cache"))
        assert convscope("train", "pictures", *words).code == 0
        outcome = convscope("cache", "--lang", "zh")
    assert "pictures，240 张图像，32x32x3 crop" in outcome.out
    assert english_left(outcome.out) == []


@pytest.mark.slow
def test_a_training_speaks_chinese_and_its_files_stay_english(
    convscope: Convscope, flawed: Run
) -> None:
    flawed.evaluation_path.unlink()
    words = ("--model", "lenet_rgb", "--epochs", "3", "-b", "16", "--name", "flawed")
    outcome = convscope("train", "pictures", *words, "--lang", "zh")
    assert outcome.code == 0
    assert "图像：训练集" in outcome.err
    assert "下一步：  convscope predict runs/flawed pictures/" in outcome.out
    assert english_left(outcome.out + outcome.err) == []
    assert json.loads(flawed.evaluation_path.read_text())["images"].startswith("test images (")
    page = flawed.report_path.read_text(encoding="utf-8")
    assert "测试图像（数据没有给出划分：按像素抽取）" in page
    assert "双线性插值" in page
    assert '<html lang="zh">' in page
    refused = convscope("train", "pictures", *words, "--lang", "fr")
    assert (refused.code, refused.out) == (2, "")


@pytest.mark.slow
def test_the_page_of_a_check_is_chinese(convscope: Convscope, flawed: Run) -> None:
    words = ("--run", "runs/flawed", "--lang", "zh", "-q", "-o", "found")
    assert convscope("check", "pictures", *words).code == 0
    page = Path("found/report.html").read_text(encoding="utf-8")
    text = re.sub(r"<style>.*?</style>|<pre>.*?</pre>|<[^>]*>", " ", page, flags=re.DOTALL)
    assert english_left(text) == []
    assert "疑似标签错误" in text
    assert "训练的命令（训练集" in text
    assert "convscope check pictures --run runs/flawed --lang zh" in page


@pytest.mark.slow
@pytest.mark.parametrize("columns", [60, 80, 100])
def test_columns_are_aligned_under_chinese_headings(
    convscope: Convscope, monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    """A Chinese letter is two columns wide; nothing is wider than the terminal."""
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("FORCE_COLOR", "1")  # like a terminal
    shown = convscope("summary", "lenet5", "--lang", "zh").out.split("输入 1 x")[0]
    lines = [line for line in shown.splitlines() if line.strip() and "省略" not in line]
    assert "参数" in lines[0]
    assert {cell_len(line) for line in lines} == {cell_len(lines[0])}
    assert cell_len(lines[0]) <= columns


def test_json_stays_english(convscope: Convscope) -> None:
    spoken = convscope("networks", "--json", "--lang", "zh").out
    assert spoken == convscope("networks", "--json").out


def test_a_language_is_that_of_one_command_alone(convscope: Convscope) -> None:
    assert "论文" in convscope("networks", "--lang", "chinese").out
    assert "论文" not in convscope("networks").out


def test_errors_that_are_common_are_translated(convscope: Convscope) -> None:
    outcome = convscope("summary", "resnet19", "--lang", "zh")
    assert outcome.err.startswith("错误：没有名为 `resnet19` 的网络\n建议：是否指 `resnet18`？")
    outcome = convscope("runs", "nowhere", "--lang", "zh")
    assert outcome.err.startswith("错误：没有文件夹 `nowhere`\n")


def test_chinese_text_is_wrapped_by_columns() -> None:
    text = "图像（见 `photos`）很暗，请逐一查看；leave it out"
    lines = wrapped(text, 12)
    assert all(cell_len(line) <= 12 for line in lines)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert not any(line.startswith(("，", "；", "）")) for line in lines)


def test_english_text_is_wrapped_between_words() -> None:
    assert wrapped("one two-three `four five` six", 10) == [
        "one",
        "two-three",
        "`four",
        "five` six",
    ]


def test_padding_counts_columns() -> None:
    assert (padded("提示", 6), padded("note", 6)) == ("提示  ", "note  ")
