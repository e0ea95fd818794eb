"""The rows of the table, by name."""

from __future__ import annotations

from suite import digit_rows, photo_rows, step_rows, use_rows
from suite.sides import Build

CUDA_NETWORKS = ("resnet50", "resnet18", "vgg16", "alexnet", "googlenet")
CPU_NETWORKS = tuple(photo_rows.NUM_TRAIN)

# Made when they are asked for, as their data has to be laid out first.
ROWS: dict[str, Build] = {
    "mnist": digit_rows.mnist,
    "mnist-shell": digit_rows.mnist_shell,
    "fashion": digit_rows.fashion,
    "bare-lenet5": digit_rows.bare_lenet,
    **{f"train-{name}": photo_rows.train_row(name) for name in CPU_NETWORKS},
    **{f"bare-{name}": photo_rows.bare_row(name) for name in CPU_NETWORKS},
    "head": photo_rows.head,
    "evaluate": use_rows.evaluate,
    "predict": use_rows.predict,
    "one-photo": use_rows.one_photo,
    "import": use_rows.import_time,
    "help": use_rows.help_row("help", "convscope --help"),
    "train-help": use_rows.help_row("train-help", "convscope train --help"),
    **{f"limit-{name}": step_rows.limit_row(name) for name in CPU_NETWORKS},
    **{
        f"cuda-{kind}-{name}": step_rows.cuda_row(name, kind == "inference")
        for name in CUDA_NETWORKS
        for kind in ("training", "inference")
    },
}
