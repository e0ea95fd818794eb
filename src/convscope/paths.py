"""The files by which output is known, how paths are shown, and what a lost one was meant to be."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path, PurePath
from urllib.parse import unquote, urlsplit

from convscope.text import either_of

# Of a run.
RECIPE_FILE, ENVIRONMENT_FILE, MEASURED_FILE = "recipe.yaml", "environment.json", "measured.json"
HISTORY_FILE, SPLITS_FILE, FAILURE_FILE = "history.csv", "splits.csv", "failure.json"
LOCK_FILE, OWNER_FILE = "training.lock", "training.json"
CHECKPOINTS_FOLDER, CLASSIFIER_FOLDER, LOG_FOLDER = "checkpoints", "classifier", "log"
STEPS_FILE, LEARNING_RATE_PICTURE = "steps.jsonl", "learning_rate.svg"
PROFILE_FOLDER, PROFILE_SUMMARY, TRACE_FILE = "profile", "summary.txt", "trace.json"
HASHES_FILE = "hashes.json"  # of versions before this one

CLASSIFIER_FILE, WEIGHTS_FILE = "classifier.json", "model.safetensors"
REPORT_FILE, EVALUATION_FILE, PREDICTIONS_FILE = "report.html", "evaluation.json", "predictions.csv"
EXCLUSIONS_FILE = "exclude.csv"  # of a check
CATALOGUE_FILE = "catalogue.sqlite"  # of the cache

# What this product writes -> the files by which its folder is known, whatever it is called. A
# user's own folder may have one of them, as a recipe beside data; none has all.
OUTPUTS: Mapping[str, frozenset[str]] = {
    "run": frozenset((RECIPE_FILE, ENVIRONMENT_FILE)),
    "run that begins": frozenset((LOCK_FILE,)),
    "classifier": frozenset((CLASSIFIER_FILE, WEIGHTS_FILE)),
    "evaluation": frozenset((REPORT_FILE, EVALUATION_FILE)),
    "check": frozenset((REPORT_FILE, EXCLUSIONS_FILE)),
    "cache": frozenset((CATALOGUE_FILE,)),
}
QUOTES = "'\"`‘’“”«»"  # also those that word processors make of plain ones
WEIGHTS = frozenset((".safetensors", ".pt", ".pth", ".th", ".ckpt", ".h5", ".keras", ".onnx"))
RUNS_NAMED = 5  # in a message
LEVELS_UP = 3  # from `runs/x/checkpoints/20/model.safetensors` to the run


def likely_path(text: str) -> str | None:
    """A hint for a path that leads nowhere; None if nothing is known of what was meant."""
    if "://" in text and not text.startswith("file://"):
        return "only files on this machine are read: download it first"
    near = next((each for each in _variants(text) if each != text and exists(each)), None)
    return f"did you mean `{near}`?" if near else None


def _variants(text: str) -> Iterator[str]:
    """The path as it was likely meant: without quotes and commas, with slashes and a home."""
    clean = text.strip().strip(QUOTES).rstrip(",;").strip(QUOTES).strip()
    yield clean
    if clean.startswith("file://"):
        with suppress(ValueError):  # it has what looks like half of an IPv6 address
            yield unquote(urlsplit(clean).path)
    yield clean.replace("\\ ", " ")  # escaped for a shell, within quotes
    yield clean.replace("\\", "/")
    with suppress(RuntimeError):  # there is no such user
        if clean.startswith("~"):
            yield str(Path(clean).expanduser())


def short_path(path: str | os.PathLike[str]) -> str:
    """A path as people are shown it: from the current folder where it lies below that.

    Elsewhere it is the shorter of the absolute path and, with a single `..`, the relative one: of
    `../../../x` nobody sees at once where that is. Only in the user's home folder it is relative
    all the same, as pages are given to others. What is no path stays as it is.
    """
    text = os.fspath(path)
    is_absolute = PurePath(text).is_absolute()
    if not is_absolute and os.pardir not in PurePath(text).parts:
        return text
    absolute = os.path.abspath(text)  # noqa: PTH100 - `resolve` would follow links
    try:
        relative = os.path.relpath(absolute)
    except ValueError:  # on another drive
        return absolute
    num_up = PurePath(relative).parts.count(os.pardir)
    if not num_up:
        return relative if is_absolute else text
    if PurePath(absolute).is_relative_to(os.path.expanduser("~")):  # noqa: PTH111 - may be unknown
        return relative
    return absolute if num_up > 1 else min(relative, absolute, key=len)


def shell_word(path: object) -> str:
    """A path, as people are shown it, as one word of a command line that can be pasted."""
    return shlex.quote(short_path(str(path)))


def command_line(*words: object) -> str:
    """A command line that can be pasted, with its paths as people are shown them."""
    return " ".join(map(shell_word, words))


def exists(text: str) -> bool:
    """Whether a text is the path of something; what can be no path is none."""
    with suppress(OSError, ValueError):  # too long, or with a zero
        return bool(text) and Path(text).exists()
    return False


def likely_run(folder: Path) -> str | None:
    """A hint that names the runs directly in a folder; None if there are none."""
    inside = [str(run) for run in runs_in(folder)]
    return f"it holds runs: give {either_of(inside[:RUNS_NAMED])}" if inside else None


def is_run(path: Path) -> bool:
    """Whether a training wrote this folder; a recipe alone may lie beside data, too."""
    return not _lacking(path, "run")


def is_classifier(path: Path) -> bool:
    """Whether this is the folder of a classifier."""
    return not _lacking(path, "classifier")


def may_hold_classifier(path: Path) -> bool:
    """Whether a classifier may be written into this folder: one is there, or its run is around."""
    is_of_run = path.name == CLASSIFIER_FOLDER and is_run(path.parent)
    return is_of_run or (path / CLASSIFIER_FILE).is_file()


def no_run_text(path: Path) -> str:
    """Why a path is neither a run nor a classifier, as a message says it behind the name."""
    if path.is_file():
        return "is no run folder: it is a file"
    # Of a folder that was damaged it is the file that is gone.
    is_damaged = (path / CLASSIFIER_FILE).is_file() and not is_classifier(path)
    kind = "classifier" if is_damaged else "run"
    return f"is no {kind} folder: it has no {_lacking(path, kind)[0]}"


def _lacking(path: Path, kind: str) -> list[str]:
    """The files that a folder of this kind would have, and this one hasn't."""
    return sorted((n for n in OUTPUTS[kind] if not (path / n).is_file()), reverse=True)


def is_saved(path: Path) -> bool:
    """Whether this is the folder of a run or of a classifier."""
    return is_run(path) or is_classifier(path)


def run_around(path: Path) -> Path | None:
    """The run or classifier folder that a path is, or lies in; None if there is none."""
    places = (path, *list(path.parents)[:LEVELS_UP])
    return next(filter(is_saved, places), None)


def run_meant(path: Path) -> Path | None:
    """The run that a path lies in, else what `run_around` finds."""
    return next(filter(is_run, path.parents), None) or run_around(path)


def runs_in(folder: Path) -> list[Path]:
    """The folders of runs directly below a folder, sorted by name."""
    return sorted(path.parent for path in folder.glob(f"*/{RECIPE_FILE}") if is_run(path.parent))
