"""Command lines of people who know other tools: each gets an answer that names the right form."""

from __future__ import annotations

from pathlib import Path

import pytest

from conftest import Convscope
from convscope.cli.habits import FLAG_ANSWERS, VERB_ANSWERS, VERB_HABITS
from convscope.cli.main import VERBS

VERB_LINES = [
    ("test runs/mine", "did you mean `evaluate`?"),
    ("val", "did you mean `evaluate`?"),
    ("fit photos", "did you mean `train`?"),
    ("infer a.jpg", "did you mean `predict`?"),
    ("classify a.jpg", "did you mean `predict`?"),
    ("info lenet5", "did you mean `summary`?"),
    ("image_grid a.jpg", "did you mean `image-grid`?"),
    ("Train digits", "did you mean `train`?"),
    ("help", "`convscope --help` lists the verbs, `convscope train --help` the flags of one"),
    ("help train", "`convscope train --help` the flags of one"),
    ("version", "`convscope --version` says it"),
    ("plot", "`convscope evaluate RUN --plot FOLDER` saves its figures"),
    ("photos", "the verb comes first: `convscope train photos`, for instance"),
    ("xyz", "there are `check`, `train`"),
    ("--epochs 3 train digits", "flags stand behind the verb: `convscope train DATA --epochs 20`"),
]
FLAG_LINES = [
    ("train digits --bs 32", "did you mean `--batch-size`?"),
    ("train digits -bs 32", "did you mean `--batch-size`? flags of several letters have two"),
    ("train digits -epochs 3", "did you mean `--epochs`? flags of several letters have two"),
    ("train digits -lr 0.1", "did you mean `--lr`? flags of several letters have two hyphens"),
    ("train digits -model lenet5", "did you mean `--model`? flags of several letters have two"),
    ("train digits --arch resnet18", "did you mean `--model`?"),
    ("train digits --lr-scheduler cosine", "did you mean `--sched`?"),
    ("train digits --optimizer adam", "did you mean `--opt`?"),
    ("train digits --img_size 32", "did you mean `--img-size`?"),
    ("train digits --input-size 32", "did you mean `--img-size`?"),
    ("train digits --num-epochs 3", "did you mean `--epochs`?"),
    ("train digits --learning-rate 0.1", "did you mean `--lr`?"),
    ("train digits --pretrained", "did you mean `--weights published`?"),
    ("train digits --freeze 10", "did you mean `--tune head`?"),
    ("train digits --num-workers 4", "did you mean `--workers`?"),
    ("train digits --gpu 0", "did you mean `--device cuda:0`?"),
    ("train digits --gpus 1", "did you mean `--device cuda`?"),
    ("train digits --gpus 2", "`torchrun --nproc-per-node 2 -m convscope train ...`"),
    ("train digits --cpu", "did you mean `--device cpu`?"),
    ("train digits --cuda", "did you mean `--device cuda`?"),
    ("train digits --mps", "did you mean `--device mps`?"),
    ("train digits --fp16", "did you mean `--precision bfloat16`?"),
    ("train digits --classes a,b", "classes are the names of the data's folders"),
    ("train digits --num-classes 10", "the numbers of classes and channels follow from the data"),
    ("train digits --output here", "did you mean `--project`?"),
    ("train digits -e 5", "did you mean `--epochs`?"),
    ("train digits --val photos", "the folders (or the table) that the data comes with say so"),
    ("evaluate runs/mine --metrics f1", "all metrics are computed; `evaluate --json` prints them"),
    ("evaluate runs/mine photos --weights x", "the form is `convscope evaluate RUN [DATA]`"),
    ("train digits --epochs", "`--epochs` has no value\nhint: write it as `--epochs INTEGER`"),
    ("explain runs/mine a.jpg --against", "hint: write it as `--against CLASS`"),
    ("train digits --val-split 0.2", "`--splits` keeps those of an earlier run"),
    ("train digits --wandb", "each run has a report.html"),
    ("train digits --verbose", "progress is shown; `--quiet` hides it"),
    ("train --data photos", "DATA has no flag: `convscope train photos`"),
    ("train --data=photos --epochs 3", "DATA has no flag: `convscope train photos --epochs 3`"),
    ("predict --model best.pt a.jpg", "RUN has no flag: `convscope predict best.pt a.jpg`"),
    ("predict runs/mine --source a.jpg", "no flag: `convscope predict runs/mine a.jpg`"),
    ("summary --arch resnet18", "NETWORK... has no flag: `convscope summary resnet18`"),
    ("evaluate runs/mine --out x", "did you mean `--output`?"),
    ("explain runs/mine a.jpg --target cat", "did you mean `--class`?"),
    ("predict runs/mine a.jpg --topk 5", "did you mean `--top`?"),
    ("predict runs/mine a.jpg --conf 0.5", "did you mean `--min-confidence`?"),
]
FORM_LINES = [
    ("train data=photos model=resnet18", "hint: convscope train photos --model resnet18"),
    (
        "train data=photos imgsz=64 bs=8 --seed 1",
        "train photos --img-size 64 --batch-size 8 --seed 1",
    ),
    ("train model=resnet18 data=photos", "hint: convscope train photos --model resnet18"),
    ("predict model=runs/mine source=a.jpg", "hint: convscope predict runs/mine a.jpg"),
    ("evaluate model=runs/mine data=photos", "hint: convscope evaluate runs/mine photos"),
    ("train photos resnet18", "did you mean `--model resnet18`?"),
    ("train my photos", "a name with spaces needs quotes: 'my photos'"),
    ("train photos fresh", "did you mean `--fresh`?"),
    ("cache clear", "did you mean `--clear`?"),
    ("networks vgg", "the form is `convscope networks`"),
    ("evaluate", "the form is `convscope evaluate RUN [DATA]`"),
    ("predict runs/mine", "the form is `convscope predict RUN IMAGE...`"),
    ("image-grid a.jpg", "the form is `convscope image-grid IMAGE... --output FILE`"),
    ("train digits --epochs 3 --epochs 4", "`--epochs` is given twice: `3` and `4`"),
    ("train digits -b 3 --batch-size=4", "`--batch-size` is given twice: `3` and `4`"),
    (
        "explain runs/mine a.jpg --value a:1 --value b:2",
        "`--value` is given twice: `a:1` and `b:2`",
    ),
    ("evaluate photos runs/mine", "hint: the run comes first: convscope evaluate runs/mine photos"),
    ("predict a.jpg runs/mine", "hint: the run comes first: convscope predict runs/mine a.jpg"),
    ("explain a.jpg runs/mine", "hint: the run comes first: convscope explain runs/mine a.jpg"),
    ("calibrate photos runs/mine", "the run comes first: convscope calibrate runs/mine photos"),
    ("compare runs/mine photos", "data is given by a flag: `--data photos`"),
]
FILE_LINES = [
    ("train a.jpg", "`a.jpg` is one image, not data\nhint: give the folder of its class folders"),
    ("check best.pt", "`best.pt` is a file of weights, not data\nhint: `--weights best.pt` begins"),
    ("train mine.yaml", "`mine.yaml` is a YAML file, not data\nhint: `--recipe mine.yaml` takes"),
    ("train runs/mine", "`runs/mine` is a run, not data\nhint: give the images"),
    ("check runs/mine/classifier", "`runs/mine/classifier` is a classifier, not data"),
    ("evaluate best.pt photos", "hint: give a folder that `convscope train` wrote"),
    ("evaluate runs/mine/recipe.yaml", "did you mean `runs/mine`?"),
    ("evaluate photos", "`photos` is no run folder: it has no recipe.yaml"),
    ("evaluate 'runs\\mine'", "did you mean `runs/mine`?"),
    ("train photos,", "did you mean `photos`?"),
    ("train https://x.org/a.zip", "only files on this machine are read: download it first"),
    ("predict runs/mine a.jpg, b.jpg", "`a.jpg,`; did you mean `a.jpg`?"),
    ("predict runs/mine https://x.org/a.jpg", "only files on this machine are read"),
    ("image-grid photos\\cats -o x.png", "`photos\\cats`; did you mean `photos/cats`?"),
]
VALUE_LINES = [
    ("summary resnet9", "did you mean `resnet18`?"),
    ("summary ResNet18", "did you mean `resnet18`?"),
    ("summary resnet-18", "did you mean `resnet18`?"),
    ("summary densenet121", "the families MLP, LeNet, AlexNet, VGG, GoogLeNet"),
    ("summary mobilenet", "there are the families MLP, LeNet"),
    ("summary vgg", "choose one of `vgg11`, `vgg13`"),
    ("summary resnet", "choose one of `resnet20`"),
    ("train digits --device 0", "did you mean `cuda:0`?"),
    ("train digits --device gpu", "did you mean `cuda`?"),
    ("train digits --opt Adam", "did you mean `adam`?"),
    ("evaluate runs/mine -o page.html", "give a folder: `page`"),
    ("explain runs/mine a.jpg -o page.png", "give a folder: `page`"),
    ("check photos -o page.html", "give a folder: `page`"),
    ("predict runs/mine a.jpg --save-inputs x.png", "give a folder: `x`"),
    ("inspect runs/mine -o page.pdf", "it doesn't end in `.html` or `.htm`"),
    ("summary lenet5 -o table.pdf", "it doesn't end in `.txt`, `.json`"),
    ("image-grid a.jpg -o a.pdf", "it doesn't end in `.png`, `.jpg` or `.jpeg`"),
    ("networks --plot a.bmp", "it doesn't end in `.svg` or `.png`"),
]
LINES = [*VERB_LINES, *FLAG_LINES, *FORM_LINES, *FILE_LINES, *VALUE_LINES]


@pytest.fixture
def folder(convscope: Convscope) -> Path:
    """The current folder, with photos, files of other kinds, and what tells a run."""
    for name in ("photos/cats", "photos/dogs", "my photos", "runs/mine/classifier"):
        Path(name).mkdir(parents=True)
    weights = "classifier/model.safetensors"
    for name in ("recipe.yaml", "environment.json", "classifier/classifier.json", weights):
        Path("runs/mine", name).write_text("{}")
    for name in ("a.jpg", "b.jpg", "best.pt", "mine.yaml", "photos/cats/1.jpg"):
        Path(name).write_bytes(b"")
    return Path()


def words_of(line: str) -> list[str]:
    """The words of a command line, in which quotes stay, as Windows has them."""
    return [word.strip("'") for word in line.split()]


@pytest.mark.parametrize(("line", "answer"), LINES, ids=[line for line, _ in LINES])
def test_a_newcomers_command_line_gets_the_right_form(
    convscope: Convscope, folder: Path, line: str, answer: str
) -> None:
    outcome = convscope(*words_of(line))
    assert answer in outcome.err
    assert outcome.err.startswith("error: ")
    assert outcome.code in (2, 3, 4, 6, 7)
    assert outcome.out == ""


def test_a_flag_given_twice_with_one_value_is_taken(convscope: Convscope) -> None:
    outcome = convscope("summary", "lenet5", "--depth", "1", "--depth", "1", "--json", "--json")
    assert outcome.code == 0


def test_flags_that_may_be_repeated_are_not_taken_for_given_twice(convscope: Convscope) -> None:
    outcome = convscope("train", "none", "--option", "dropout=0.1", "--option", "stem=small")
    assert "there is no folder `none`" in outcome.err


def test_names_with_an_equals_sign_are_names(convscope: Convscope) -> None:
    Path("data=photos").mkdir()
    assert "`data=photos`" in convscope("check", "data=photos").err
    assert "written in another way" not in convscope("check", "data=photos").err
    assert "there is no folder `a=b`" in convscope("check", "a=b").err
    assert "`label=*/*.jpg`" in convscope("image-grid", "label=*/*.jpg", "-o", "grid.png").err


def test_habits_lead_to_verbs_that_exist_and_hide_none() -> None:
    assert set(VERB_HABITS.values()) <= set(VERBS)
    assert not {*VERB_HABITS, *VERB_ANSWERS} & set(VERBS)
    assert not set(VERB_HABITS) & set(VERB_ANSWERS)
    assert all(answer and answer[-1] not in ".!" for answer in FLAG_ANSWERS.values())
