"""What the verbs write is known as output where it lies in the data of the next training."""

from __future__ import annotations

from pathlib import Path

import pytest

from convscope.api.check import check
from convscope.api.evaluate import evaluate, write_evaluation
from convscope.api.explain import explain_files
from convscope.api.image_grid import save_image_grid
from convscope.api.predict import predict
from convscope.data.sources.opening import open_dataset
from convscope.run import Run

pytestmark = pytest.mark.slow


def test_what_is_written_into_the_data_is_passed_over_there(flawed: Run) -> None:
    image, data = "pictures/blue/000.png", Path("pictures")
    before = open_dataset(data)
    checks, explanations = data / "checks" / "pictures", data / "explanations" / "flawed"
    check(data).write(checks)
    write_evaluation(evaluate(flawed), data / "evaluations" / "flawed")
    explain_files(flawed, [image], on_explained=print, output=explanations, name="flawed", draws=0)
    save_image_grid([image], data / "grids" / "blue.png")
    assert len(list(predict(flawed, [image], save_inputs=data / "inputs"))) == 1
    (data / "runs").mkdir()
    flawed.path.rename(data / "runs" / "flawed")
    after = open_dataset(data)
    assert after.classes == before.classes
    assert len(after) == len(before)
    assert after.remarks[0] == (
        "6 folders passed over: written by convscope\n  checks/pictures\n  evaluations/flawed\n"
        "  explanations/flawed\n  grids\n  inputs\n  runs/flawed"
    )
    assert after.remarks[1:] == before.remarks
