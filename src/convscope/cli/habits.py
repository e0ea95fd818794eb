"""What users of other tools type: their verbs and flags, with the answer that helps.

The names of the recipe's fields elsewhere are in `recipe/habits.py`.
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

# Flag that is no field of a recipe, with its value where it has one -> flags elsewhere.
_FLAGS_ELSEWHERE = {
    "workers": "cpus j jobs nproc njobs numthreads numworkers nworkers threads",
    "output": "dest destination o out outdir outfile outputdir outputfile outputfolder outputpath "
    "save savedir savepath saveto",
    "project": "dest destination o out outdir output outputdir outputfolder savedir saveto",
    "name": "exp expname experiment runid runname",
    "fresh": "force overwrite restart scratch",
    "top": "k topk",
    "min_confidence": "conf confidence confthres minconf minprob thresh threshold",
    "tta": "testtimeaugmentation",
    "class": "classname label targetclass",
    "target_error": "alpha maxerror",
    "as_json": "tojson",
    "quiet": "silent noprogress",
    "lang": "language locale",
    "run": "checkpoint ckpt m model modelpath rundir weights",
    "images": "file files i image img imgs input inputs path source",
    "networks": "arch m model net network",
    "input": "imagesize imgsize imgsz inputshape inputsize shape size",
}
FLAG_HABITS: dict[str, tuple[str, ...]] = {}
for _ours, _names in _FLAGS_ELSEWHERE.items():
    for _name in _names.split():
        FLAG_HABITS[_name] = (*FLAG_HABITS.get(_name, ()), _ours)

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
