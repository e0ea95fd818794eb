"""Works that grow with the number of classes; the number of images stays."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np
import torch
from material import ARRAY_PX, Given, place_of

import convscope
from convscope.classifier import Classifier, NetworkChoice
from convscope.cli.tables import print_evaluation
from convscope.data.pixels.preprocessing import Preprocessing
from convscope.evaluation.evaluate import Evaluation
from convscope.evaluation.metrics import compute_metrics
from convscope.evaluation.outputs import Outputs
from convscope.files import json_bytes, write_sealed_json
from convscope.records import read_json
from convscope.report.run import run_page
from convscope.schemas import EvaluationFile
from networks import step_of

Found = dict[str, Any] | None
Call = Callable[[], Found]
BATCH = 128
QUIET = convscope.Reporter(quiet=True)


def classifier_of(classes: Sequence[str]) -> Classifier:
    """A small network with random weights for images of the array."""
    torch.manual_seed(0)
    choice = NetworkChoice("mlp", len(classes), 1, (ARRAY_PX, ARRAY_PX))
    plain = Preprocessing(height=ARRAY_PX, width=ARRAY_PX, channels=1, mean=(0.5,), std=(0.3,))
    return Classifier(choice.build(), choice, preprocessing=plain, classes=classes)


def step(given: Given) -> Call:
    """A training step."""
    return step_of("lenet5_relu", side=28, channels=1, batch=BATCH, classes=given.size)


def metrics(given: Given) -> Call:
    """All metrics with their intervals."""
    random = np.random.default_rng(0)
    logits = random.normal(size=(given.num_evaluated, given.size)).astype(np.float32)
    targets = np.arange(given.num_evaluated) % given.size
    logits[np.arange(given.num_evaluated), targets] += 3
    names = tuple(f"class {number:05d}" for number in range(given.size))
    outputs = Outputs(logits, targets, names)
    return lambda: {"note": f"accuracy {compute_metrics(outputs).accuracy.value:.0%}"}


def _evaluate(given: Given, output: Path | None = None) -> Evaluation:
    source = place_of(given)
    classifier = classifier_of([f"class {number:05d}" for number in range(given.size)])
    return convscope.evaluate(
        classifier, source, split="test", output=output, device="cpu", reporter=QUIET
    )


def evaluate(given: Given) -> Call:
    """An evaluation from data to the files that it writes."""
    output = given.folder / f"classes-evaluated-{given.size}"

    def work() -> Found:
        _evaluate(given, output)
        sizes = ", ".join(
            f"{name} {(output / name).stat().st_size / 1e6:.1f} MB"
            for name in ("report.html", "evaluation.json")
        )
        return {"note": sizes}

    return work


def report(given: Given) -> Call:
    """The page of an evaluation."""
    found = _evaluate(given)

    def work() -> Found:
        page = run_page(found, run=None, command="convscope evaluate RUN")
        return {"note": f"{len(page.encode()) / 1e6:.1f} MB"}

    return work


def numbers(given: Given) -> Call:
    """`evaluation.json`, written with its seal, and read back."""
    found = _evaluate(given)
    path = given.folder / f"evaluation-{given.size}.json"

    def work() -> Found:
        write_sealed_json(path, found.to_dict())
        read_json(path, EvaluationFile)
        return {"note": f"{path.stat().st_size / 1e6:.1f} MB"}

    return work


def printed(given: Given) -> Call:
    """The tables that `convscope evaluate` prints of an evaluation."""
    read = json.loads(json_bytes(_evaluate(given).to_dict()))

    def work() -> Found:
        text = io.StringIO()
        with redirect_stdout(text):
            print_evaluation(read)
        return {"note": f"{len(text.getvalue()):,} letters"}

    return work


def check(given: Given) -> Call:
    """`convscope check`, with its page."""
    source, output = place_of(given), given.folder / "classes-checked"

    def work() -> Found:
        convscope.check(source, output=output, reporter=QUIET)
        return {"note": f"page {(output / 'report.html').stat().st_size / 1e6:.1f} MB"}

    return work
