"""What users of other tools type: their verbs, and flags of which there is none here.

What other tools call our fields and arguments is in `recipe/habits.py`.
"""

from __future__ import annotations

from collections.abc import Collection

from convscope.errors import UsageError
from convscope.paths import exists
from convscope.text import did_you_mean, either_of, plain

# Verb of this command -> verbs elsewhere.
_VERBS_ELSEWHERE = {
    "check": "audit clean dedup duplicates lint verify",
    "train": "finetune fit learn tune training",
    "evaluate": "benchmark eval metrics score test val valid validate validation",
    "predict": "classify detect infer inference label recognize",
    "explain": "cam gradcam heatmap saliency",
    "inspect": "activations features visualise visualize",
    "summary": "arch architecture describe flops info model params profile show summarize "
    "torchinfo",
    "networks": "architectures archs models nets",
    "runs": "experiments history list ls status",
    "image-grid": "grid montage",
}
VERB_HABITS = {name: ours for ours, names in _VERBS_ELSEWHERE.items() for name in names.split()}

# What is no verb here -> where it is.
VERB_ANSWERS = {
    "help": "`convscope --help` lists the verbs, `convscope train --help` the flags of one",
    "version": "`convscope --version` says it",
    "plot": "each run has a report.html; `convscope evaluate RUN --plot FOLDER` saves its figures",
    "report": "each run has a report.html; `convscope evaluate RUN DATA` writes one for other data",
    "resume": "the same `convscope train` command resumes, and so does `convscope train --resume "
    "RUN`",
    "download": "`convscope train mnist --download` fetches data that is given by name",
    "lrfind": "`convscope train DATA --lr auto` looks for a learning rate first",
    "tensorboard": "each run has a report.html and a history.csv",
}

_BY_FOLDER = "the folders (or the table) that the data comes with say so: DATA/train, DATA/test"
_FROM_DATA = "the numbers of classes and channels follow from the data"
# What is no flag of any verb -> where it comes from.
FLAG_ANSWERS = {
    **dict.fromkeys(("val", "test", "valdir", "testdir", "valdata", "testpath"), _BY_FOLDER),
    **dict.fromkeys(
        ("valsplit", "validationsplit", "testsplit", "testsize", "splitratio"),
        "splits are drawn where the data brings none; `--splits` keeps those of an earlier run",
    ),
    **dict.fromkeys(
        ("classes", "classnames", "labels"),
        "classes are the names of the data's folders, or a table's labels; a recipe can't choose "
        "some",
    ),
    **dict.fromkeys(("numclasses", "nclasses", "nc", "channels", "inchans"), _FROM_DATA),
    **dict.fromkeys(
        ("mean", "std", "normalize", "normalise"),
        "mean and standard deviation are measured on the train images",
    ),
    **dict.fromkeys(
        ("tensorboard", "wandb", "logdir", "mlflow"),
        "each run has a report.html and a history.csv; `--log-steps` writes every step",
    ),
    "metrics": "all metrics are computed; `evaluate --json` prints them",
    "shuffle": "train images are shuffled in each epoch, by `--seed`",
    "pinmemory": "images are copied to a GPU as fast as it goes without a flag",
    "verbose": "progress is shown; `--quiet` hides it",
    "debug": "`--traceback` shows where an error came from",
}


def no_such_verb(name: str, verbs: Collection[str]) -> UsageError:
    """The error for a verb that doesn't exist, with what was likely meant."""
    answer = VERB_ANSWERS.get(plain(name))
    if answer is None and plain(name) not in VERB_HABITS and exists(name):
        answer = f"the verb comes first: `convscope train {name}`, for instance"
    if answer is None:
        answer = did_you_mean(name, verbs, habits=VERB_HABITS)
    return UsageError(
        f"there is no verb `{name}`", hint=answer or f"there are {either_of(list(verbs))}"
    )
