"""Damaged files of a run, a classifier, a recipe, an exclusion list: named, or without effect.

A file is damaged as a disk does it (bits, zeros, an end that is missing) or as a hand does it
(another number, a line twice, `NaN`, a date), and then everything that reads it is asked. The
answer is that of the whole file, or an error that names what is wrong; never another answer, or an
error of Python. Of what people write themselves another answer is no fault.
"""

from __future__ import annotations

import random
import re
import shutil
import signal
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np

import convscope
from convscope.data.reading import read_exclusions
from convscope.data.sources.opening import open_dataset
from convscope.errors import ConvscopeError
from convscope.files import write_json, write_sealed_json
from convscope.recipe import Recipe
from convscope.records import read_json
from convscope.run import Run
from convscope.schemas import OwnerFile
from convscope.training.runs.checkpoint import load_newest
from convscope.training.runs.log import StepLog
from fault_campaigns.trainings import NAME, Outcome, finish, workplace
from mutations import DAMAGES

HANG_SECONDS = 20
RUN_FILES = (
    *("recipe.yaml", "environment.json", "measured.json", "history.csv", "splits.csv"),
    *("evaluation.json", "failure.json", "classifier/classifier.json"),
)
# What hands, editors and other programs put in place of a value.
ODD_VALUES = (
    *("NaN", "Infinity", "1e999", "-1", "0", "", "null", "true", "no", "010", "1:30", "2024-01-01"),
    *("9" * 5000, "[" * 2000, "{}", "[]", "&a", "*a", "!!python/name:os.system", "!!binary a"),
    *('"\\ud800"', "\\u0000", "\ufeff", "'", '"', "{", "<<: *a", "1e9", "0x1F", "1_000", "~", "%"),
)


@dataclass(frozen=True, slots=True)
class Target:
    """A folder with files that are damaged, and a question that reads them.

    Attributes:
        folder: The folder, of which each trial gets a copy.
        files: The files in it that are damaged.
        ask: The question: from a copy of the folder to an answer that can be compared.
        may_differ: Whether a damaged file may mean something else.
    """

    folder: Path
    files: tuple[str, ...]
    ask: Callable[[Path], Any]
    may_differ: bool = False


class HungError(Exception):
    """A question that takes too long."""


def run(trials: int, *, seed: int) -> Outcome:
    """The campaign."""
    with workplace() as place:
        return damage_files(make_targets(place), place, trials=trials, seed=seed)


def damage_files(targets: Mapping[str, Target], place: Path, *, trials: int, seed: int) -> Outcome:
    """Damages each file of the targets in turn, and asks."""
    outcome, counts = Outcome(), Counter[str]()
    expected = {name: target.ask(target.folder) for name, target in targets.items()}
    kinds = [(name, file) for name, target in targets.items() for file in target.files]
    for trial in range(trials):
        chance = random.Random(f"{seed} {trial}")
        name, file = kinds[trial % len(kinds)]
        target, work = targets[name], place / "work"
        shutil.copytree(target.folder, work)
        damage = damaged_bytes if chance.random() < 0.5 else damaged_text
        content = damage((work / file).read_bytes(), chance)
        (work / file).write_bytes(content)
        found, fault = _asked(target, work)
        counts["answered" if found is not None else "refused"] += 1
        if found is not None and not target.may_differ and found != expected[name]:
            fault = "another answer"
        if fault:
            outcome.faults.append(f"trial {trial}, {name}, {file}: {fault}")
        shutil.rmtree(work)
    outcome.words = (
        f"{trials} damaged files of {len(kinds)} kinds: {counts['refused']} times refused with a "
        f"reason, {counts['answered']} times the answer of the whole file"
    )
    return outcome


def _asked(target: Target, work: Path) -> tuple[Any, str]:
    """The answer, None where there is none, and what is wrong with it."""
    try:
        with _time_limit():
            return target.ask(work), ""
    except ConvscopeError as error:
        return None, "" if "`" in error.message else f"nothing is named: {error.message}"
    except HungError:
        return None, f"no answer after {HANG_SECONDS} s"
    except Exception as error:
        return None, f"{type(error).__name__}: {str(error)[:200]}"


@contextmanager
def _time_limit() -> Iterator[None]:
    def stop(number: int, frame: FrameType | None) -> None:
        raise HungError

    signal.signal(signal.SIGALRM, stop)
    signal.alarm(HANG_SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)


def damaged_bytes(content: bytes, chance: random.Random) -> bytes:
    """The content as a disk or a copy that was broken off leaves it."""
    damaged = bytearray(content)
    for _ in range(chance.choice((1, 1, 1, 2, 4))):
        if damaged:
            chance.choice(DAMAGES)(damaged, chance.randrange(len(damaged)), chance, [content])
    return bytes(damaged)


def damaged_text(content: bytes, chance: random.Random) -> bytes:
    """The content as a hand or another program leaves it."""
    lines = content.decode("latin-1").splitlines(keepends=True) or [""]
    at, other = chance.randrange(len(lines)), chance.randrange(len(lines))
    kind = chance.choice(("value", "value", "value", "digit", "twice", "swap", "remove", "letter"))
    if kind == "value":
        values = list(re.finditer(r"[^\s,:{}\[\]\"]+", lines[at]))
        begin, end = chance.choice(values).span() if values else (0, 0)
        lines[at] = lines[at][:begin] + chance.choice(ODD_VALUES) + lines[at][end:]
    elif kind == "digit":
        lines[at] = re.sub(r"\d", lambda _: chance.choice("0123456789"), lines[at], count=1)
    elif kind == "twice":
        lines.insert(other, lines[at])
    elif kind == "swap":
        lines[at], lines[other] = lines[other], lines[at]
    elif kind == "remove":
        del lines[at]
    else:
        place = chance.randrange(len(lines[at]) + 1)
        lines[at] = lines[at][:place] + chance.choice("aZ09 \t,:;\"'-\\") + lines[at][place + 1 :]
    return "".join(lines).encode("utf-8", "surrogatepass")


def make_targets(place: Path) -> dict[str, Target]:
    """A finished run with everything that a run may have, and what belongs to it."""
    finish(place, place / "project", lr="auto", log_steps=True, checkpoint_every=5)
    folder, bare, written = place / "project" / "run", place / "bare", place / "written"
    write_sealed_json(folder / "failure.json", {"format": 2, "message": "diverged", "step": 7})
    write_json(folder / "training.json", {"process": 1234, "machine": "here"})
    shutil.copytree(folder, bare, ignore=shutil.ignore_patterns("checkpoints", "*.html", "*.svg"))
    checkpoints = folder / "checkpoints"
    older, newest = sorted(checkpoints.iterdir(), key=lambda path: int(path.name))
    whole = {
        int(path.name): {file.name: file.read_bytes() for file in path.iterdir()}
        for path in (older, newest)
    }
    dataset = open_dataset(str(place / NAME))
    write_by_hand(written, folder, [dataset.images.name(at) for at in range(0, 60, 7)])
    pixels = np.random.default_rng(1).integers(0, 256, (3, 40, 40, 3), dtype=np.uint8)

    def checkpoint(folder: Path) -> bool:
        found, remarks = load_newest(folder)
        if found is None or (found.step == int(older.name) and not remarks):
            return False
        return all(whole[found.step][name] == content for name, content in found.files.items())

    def lists(folder: Path) -> list[list[int]]:
        names = ("list.csv", "list.txt")
        return [read_exclusions(folder / name, dataset).tolist() for name in names]

    def predictions(folder: Path) -> object:
        classifier = convscope.load(folder)
        inputs = np.stack([classifier.prepare(image) for image in pixels])
        answers = [each.probabilities for each in classifier.predict_prepared(inputs)]
        return classifier.classes, classifier.decision, answers

    sealed = [f"{newest.name}/{path.name}" for path in sorted(newest.iterdir())]
    weights = ("classifier.json", "model.safetensors")
    return {
        "run": Target(bare, RUN_FILES, run_answers),
        "classifier": Target(folder / "classifier", weights, predictions),
        "checkpoint": Target(checkpoints, tuple(sealed), checkpoint),
        "process": Target(bare, ("training.json",), owner, may_differ=True),
        "steps": Target(bare, ("log/steps.jsonl",), begin_step_log, may_differ=True),
        "recipe": Target(written, ("recipe.yaml",), recipe, may_differ=True),
        "list": Target(written, ("list.csv", "list.txt"), lists, may_differ=True),
    }


def write_by_hand(folder: Path, run: Path, names: list[str]) -> None:
    """Writes a recipe and two lists of images to leave out, as people do."""
    folder.mkdir()
    resolved = (run / "recipe.yaml").read_text(encoding="utf-8")
    mine = resolved.replace("class_weight: {}", "class_weight:  # mine\n  red: 2\n  no: 1")
    (folder / "recipe.yaml").write_text(mine, encoding="utf-8")
    rows = "".join(f"{name},yes,dark\n" for name in names)
    (folder / "list.csv").write_text(f"image,exclude,reason\n{rows}")
    (folder / "list.txt").write_text("\n".join(["# dark ones", *names]))


def run_answers(folder: Path) -> object:
    """Everything that is read of a run."""
    run = Run.open(folder)
    return (
        run.recipe.dump(),
        run.environment,
        run.measured,
        run.failure,
        run.history,
        run.split_counts,
        run.image_splits,
        run.evaluation,
        run.best_epoch,
    )


def owner(folder: Path) -> dict[str, Any]:
    """The process that trains."""
    return read_json(folder / "training.json", OwnerFile)


def begin_step_log(folder: Path) -> bool:
    """The log of the steps, cut back to the third."""
    StepLog(folder / "log" / "steps.jsonl").begin(3)
    return True


def recipe(folder: Path) -> str:
    """The recipe, written again."""
    return Recipe.load(folder / "recipe.yaml").dump()
