"""What users of other tools type: their verbs and flags, with the answer that helps.

The names of settings elsewhere are in `recipe/habits.py`.
"""

from __future__ import annotations

import shlex
from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

from convscope.errors import UsageError
from convscope.paths import WEIGHTS, exists, is_classifier, is_run
from convscope.text import did_you_mean, either_of, plain

# Verb of this command -> verbs elsewhere.
_VERBS_ELSEWHERE = {
    "check": "audit clean dedup duplicates lint verify",
    "train": "finetune fit learn tune training",
    "evaluate": "benchmark eval evaluation metrics score test val valid validate validation",
    "compare": "comparison diff versus",
    "calibrate": "calibration temperature",
    "predict": "classify detect infer inference label prediction recognize",
    "explain": "cam explanation gradcam heatmap saliency",
    "inspect": "activations features inspection visualise visualize",
    "summary": "arch architecture describe flops info model params profile show summarize "
    "torchinfo",
    "networks": "architectures archs models nets",
    "runs": "experiments history list ls status",
    "image-grid": "grid montage",
}
VERB_HABITS = {name: ours for ours, names in _VERBS_ELSEWHERE.items() for name in names.split()}

# What is no verb here -> where it is.
VERB_ANSWERS = {
    "convscope": "it is typed once: `convscope train DATA`, for instance",
    "help": "`convscope --help` lists the verbs, `convscope train --help` the flags of one",
    "version": "`convscope --version` says it",
    "plot": "each run has a report.html; `convscope evaluate RUN --figures FOLDER` saves its "
    "figures",
    "report": "each run has a report.html; `convscope evaluate RUN DATA` writes one for other data",
    "resume": "the same `convscope train` command resumes, and so does `convscope train --resume "
    "RUN`",
    "download": "`convscope train mnist --download` fetches data that is given by name",
    "lrfind": "`convscope train DATA --lr auto` looks for a learning rate first",
    "tensorboard": "each run has a report.html and a history.csv",
}


class Answer(NamedTuple):
    """Where that comes from for which other tools have a flag.

    Attributes:
        text: The answer, which names no flags but the verbs' own.
        verbs: The verbs without such a flag; none for all verbs.
        names: Flags elsewhere that have a value, in `plain` writing.
        switches: Flags elsewhere that have none.
    """

    text: str
    verbs: tuple[str, ...]
    names: str = ""
    switches: str = ""


_OF_DATA = ("check", "train", "evaluate", "compare", "calibrate", "inspect")
_OF_LAYERS = ("summary", "summary conv", "summary pool", "summary dense")
FLAG_ANSWERS = (
    Answer(
        "the folders (or the table) that the data comes with say so: DATA/train, DATA/test",
        ("train",),
        names="test testdata testdir testpath val valdata valdir valpath",
    ),
    Answer(
        "splits are drawn where the data brings none; `--splits` keeps those of an earlier run",
        ("train",),
        names="split splitratio testfraction testratio testsize testsplit trainratio trainsize "
        "trainsplit valfraction validationsplit valratio valsize valsplit",
    ),
    Answer(
        "classes are the names of the data's folders, or a table's labels; a recipe can't choose "
        "some",
        _OF_DATA,
        names="classes classnames labels",
    ),
    Answer(
        "the numbers of classes and channels follow from the data",
        _OF_DATA,
        names="channels inchannels inchans nc nclasses numclasses",
    ),
    Answer(
        "the first number of `--input` is the number of channels, as in 1x224x224",
        _OF_LAYERS,
        names="channels inchannels inchans",
    ),
    Answer(
        "mean and standard deviation are measured on the train images",
        ("train",),
        names="mean std",
        switches="normalise normalize",
    ),
    Answer(
        "each run has a report.html and a history.csv; `--log-steps` writes every step",
        ("train",),
        names="logdir",
        switches="mlflow tensorboard wandb",
    ),
    Answer(
        "each augmentation has a flag, which 0 turns off: `--hflip 0`, `--crop-scale 0`",
        ("train",),
        switches="noaug noaugment noaugmentation",
    ),
    Answer(
        "a training is measured in epochs: `--epochs`, or by the clock: `--time 10m`",
        ("train",),
        names="iterations iters maxiters maxsteps numsteps steps totalsteps",
    ),
    Answer("an epoch is one pass over all train images", ("train",), names="stepsperepoch"),
    Answer(
        "decoded images are cached anyway; `convscope cache` shows them",
        ("train",),
        switches="cache cacheimages",
    ),
    Answer(
        "all images have one size, which may be oblong: `--img-size 224x320`",
        ("train",),
        switches="rect",
    ),
    Answer(
        "checkpoints are written at an interval: `--checkpoint-every 5m`",
        ("train",),
        names="checkpointinterval saveevery savefreq saveinterval saveperiod",
    ),
    Answer(
        "predictions are printed; `--csv` and `--json` print them for other programs",
        ("predict",),
        names="o out outdir outfile output outputdir outputfile project save savedir saveto",
    ),
    Answer(
        "the batch size changes no result here, and has no flag",
        (*_OF_DATA[:1], *_OF_DATA[2:], "predict", "explain"),
        names="b batch batchsize bs",
    ),
    Answer(
        "an evaluation has several figures: `--figures FOLDER` saves them",
        ("evaluate",),
        names="plot plots figure savefig saveplots",
    ),
    Answer(
        "it draws one figure: `--plot FILE` saves it",
        ("compare", "networks"),
        names="figures figure savefig",
    ),
    Answer(
        "the best weights are saved anyway",
        ("train",),
        switches="nosave savebest savebestonly",
    ),
    Answer(
        "all metrics are computed; `evaluate --json` prints them",
        ("train", "evaluate"),
        names="metrics",
    ),
    Answer("train images are shuffled in each epoch, by `--seed`", ("train",), switches="shuffle"),
    Answer(
        "images are copied to a GPU as fast as it goes without a flag",
        (*_OF_DATA, "predict"),
        switches="pinmemory",
    ),
    Answer(
        "progress is shown; `--quiet` hides it",
        (*_OF_DATA, "predict", "explain"),
        switches="progress verbose",
    ),
    Answer("`--traceback` shows where an error came from", (), switches="debug"),
    Answer("`convscope --version` says it", (), switches="version"),
)


def flag_answer(verb: str, flag: str) -> Answer | None:
    """The answer for a flag of other tools that a verb lacks; None where nothing is known.

    Args:
        verb: The verb, with the kind of layer where it has one: `summary conv`.
        flag: The flag in `plain` writing.
    """
    of_verb = (each for each in FLAG_ANSWERS if verb in (each.verbs or (verb,)))
    return next((e for e in of_verb if flag in f"{e.names} {e.switches}".split()), None)


def no_such_verb(words: list[str], verbs: Collection[str]) -> UsageError:
    """The error for a verb that doesn't exist, with what was likely meant.

    Args:
        words: The command line, which begins with it.
        verbs: The verbs that there are.
    """
    name = words[0]
    answer = VERB_ANSWERS.get(plain(name))
    if answer is None and plain(name) not in VERB_HABITS and exists(name):
        answer = f"the verb comes first: `{_command_for(words)}`, for instance"
    if answer is None:
        answer = did_you_mean(name, verbs, habits=VERB_HABITS)
    return UsageError(
        f"there is no verb `{name}`", hint=answer or f"there are {either_of(list(verbs))}"
    )


def _command_for(words: list[str]) -> str:
    """A command that takes what is there: a run, an image, weights, a recipe or data."""
    from convscope.data.sources.naming import HEIF_SUFFIXES, IMAGE_SUFFIXES  # with NumPy

    path = Path(words[0])
    suffix = path.suffix.lower()
    if is_run(path) or is_classifier(path) or suffix == ".onnx":
        command = ["convscope", "summary", words[0]]
    elif path.is_file() and suffix in IMAGE_SUFFIXES | HEIF_SUFFIXES:
        command = ["convscope", "predict", "RUN", words[0]]
    elif path.is_file() and suffix in WEIGHTS:
        command = ["convscope", "train", "DATA", "--weights", words[0]]
    elif path.is_file() and suffix in (".yaml", ".yml"):
        command = ["convscope", "train", "--recipe", words[0]]
    else:
        command = ["convscope", "train", words[0]]
    return shlex.join(command)
