"""The suite of speed comparisons: pairs, what makes them void, the guard and the table."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from suite import guard, table
from suite.comparison import Comparison, Side
from suite.pairing import PairResult, ProcessRunner, measure_pair, read_measurement
from suite.rows import ROWS

MACHINE = {
    "cpu": "a processor", "cores": 2, "threads": 2, "gpu": None, "instruction_sets": ["avx2"],
    "python": "3.12.0", "versions": {"torch": "2.13.0"},
}  # fmt: skip


def side(name: str, log: Path, **found: Any) -> Side:
    """A side that writes its name into a log and prints what it found."""
    write = f"open({str(log)!r}, 'a').write({name!r} + ' ')"
    line = "RESULT " + json.dumps(found)
    return Side(name, command=("-c", f"{write}; print({line!r})"))


def compared(
    log: Path,
    peer: dict[str, Any],
    ours: dict[str, Any],
    *,
    repeats: int = 1,
    least_accuracy: float = 0.0,
    accuracy_counts: bool = True,
) -> PairResult:
    """What a peer that finds this and we that find that come to."""
    comparison = Comparison(
        name="row",
        title="a row",
        unit="s",
        ours=side("convscope", log, **ours),
        peers=(side("peer", log, **peer),),
        least_accuracy=least_accuracy,
        accuracy_counts=accuracy_counts,
    )
    run = ProcessRunner(sys.executable, sys.executable)
    return measure_pair(comparison, comparison.peers[0], run, repeats=repeats)


def result(ratio: float | None, **machine: Any) -> dict[str, Any]:
    """A kept result with one peer."""
    run = {"seconds": 6.0, "amount": 1.0, "accuracy": 0.99, "num_test": 10, "versions": {}}
    pair = {
        "ratio": ratio, "ratios": [] if ratio is None else [ratio], "flags": "default",
        "void": "", "not_measured": "" if ratio is not None else "no such package",
        "peer": [] if ratio is None else [run], "ours": [] if ratio is None else [run],
    }  # fmt: skip
    return {
        "name": "row", "title": "a row", "unit": "s", "goals": {"default": 2.0},
        "machine": MACHINE | machine, "peers": {"peer (default)": pair},
    }  # fmt: skip


def test_both_sides_take_turns_and_the_other_one_begins_each_time(tmp_path: Path) -> None:
    log = tmp_path / "log"
    found = compared(log, {"seconds": 3}, {"seconds": 2}, repeats=3)
    assert log.read_text() == "peer convscope convscope peer peer convscope "
    assert found.ratios == [1.5, 1.5, 1.5]
    assert found.ratio == 1.5


def test_a_ratio_compares_seconds_for_the_same_amount_of_work(tmp_path: Path) -> None:
    peer, ours = {"seconds": 1, "amount": 10}, {"seconds": 2, "amount": 60}
    assert compared(tmp_path / "log", peer, ours).ratio == pytest.approx(3)


def test_the_clock_of_the_process_counts_the_start_of_python(tmp_path: Path) -> None:
    quick = side("peer", tmp_path / "log", seconds=0)
    assert ProcessRunner(sys.executable, sys.executable)(quick, "process").seconds > 0.001


@pytest.mark.parametrize(
    ("peer", "ours", "num_test", "is_void"),
    [
        (0.9910, 0.9928, 10_000, False),
        (0.9910, 0.9932, 10_000, True),
        (0.9932, 0.9910, 10_000, True),
        (0.92, 0.925, 153, False),  # less than one image
        (0.91, 0.925, 153, True),
    ],
)
def test_accuracies_that_differ_make_a_comparison_void(
    tmp_path: Path, peer: float, ours: float, num_test: int, is_void: bool
) -> None:
    sides = [{"seconds": 1, "accuracy": one, "num_test": num_test} for one in (peer, ours)]
    found = compared(tmp_path / "log", *sides)
    assert (found.ratio is None) == bool(found.void) == is_void
    assert compared(tmp_path / "log", *sides, accuracy_counts=False).ratio == 1


@pytest.mark.parametrize("who", ["the peer", "convscope"])
def test_who_misses_the_accuracy_of_a_row_makes_it_void(tmp_path: Path, who: str) -> None:
    reached = {"the peer": 0.9905, "convscope": 0.9905, who: 0.9899}
    sides = [{"seconds": 1, "accuracy": one, "num_test": 10_000} for one in reached.values()]
    found = compared(tmp_path / "log", *sides, least_accuracy=0.99)
    assert found.void == f"{who} did not reach 99.0%"


def test_the_json_of_an_evaluation_is_read_as_a_result(tmp_path: Path) -> None:
    line = json.dumps({"accuracy": 0.5, "num_images": 4})
    words = Side("convscope", command=("-c", f"print({line!r})"))
    found = ProcessRunner(sys.executable, sys.executable)(words, "process")
    assert (found.accuracy, found.num_test) == (0.5, 4)


def test_a_peer_that_is_not_installed_is_said_not_to_be_measured(tmp_path: Path) -> None:
    found = compared(tmp_path / "log", {"missing": "fastai"}, {"seconds": 1})
    assert found.not_measured == "`fastai` could not be imported here"
    assert found.ratio is None


def test_a_peer_that_fails_is_said_not_to_be_measured() -> None:
    broken = Side("peer", command=("-c", "raise ValueError('out of luck')"))
    comparison = Comparison(name="row", title="", unit="s", ours=broken, peers=(broken,))
    run = ProcessRunner(sys.executable, sys.executable)
    found = measure_pair(comparison, broken, run, repeats=1)
    assert found.not_measured == "peer (default) failed: ValueError: out of luck"


def test_a_ratio_that_fell_by_more_than_15_percent_is_named() -> None:
    assert guard.fallen(result(2.0), result(1.71)) == []
    assert guard.fallen(result(2.0), result(1.69)) == [
        "row: the ratio against peer (default) fell from 2.00 to 1.69"
    ]


def test_another_machine_or_a_pair_that_says_nothing_is_no_regression() -> None:
    assert guard.fallen(result(2.0), result(1.0, cpu="another")) == []
    assert guard.fallen(result(None), result(1.0)) == []
    assert guard.fallen(result(2.0), result(None)) == []


def test_a_result_keeps_the_peers_that_were_not_measured_again(tmp_path: Path) -> None:
    now = result(3.0)
    now["peers"] = {"other (best)": now["peers"]["peer (default)"]}
    guard.keep(tmp_path, guard.merged(result(2.0), now))
    assert set(guard.read_results(tmp_path)["row"]["peers"]) == {"peer (default)", "other (best)"}
    assert set(guard.merged(result(2.0, cpu="another"), now)["peers"]) == {"other (best)"}


def test_the_table_says_what_was_reached_missed_and_not_measured() -> None:
    reached = table.block_of([result(2.5)])
    assert "2 cores of a processor (avx2), 2 threads; Python 3.12.0, torch 2.13.0" in reached
    assert "| a row | 6 s, 99.00% | 2.50 | 2 |" in reached
    assert "| 1.50: **missed** | 2 |" in table.block_of([result(1.5)])
    assert "not measured: no such package" in table.block_of([result(None)])


def test_the_table_is_written_between_its_marks(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{table.BEGIN}\nold\n{table.END}\nafter\n")
    table.write_block(page, "new")
    assert page.read_text() == f"before\n{table.BEGIN}\n\nnew\n\n{table.END}\nafter\n"
    page.write_text("no marks")
    with pytest.raises(SystemExit, match="lacks the marks"):
        table.write_block(page, "new")


def test_the_page_holds_the_table_of_the_kept_results() -> None:
    root = Path(__file__).parents[2]
    results = guard.read_results(root / "benchmarks" / "results")
    block = table.block_of(results[name] for name in ROWS if name in results)
    page = (root / "docs" / "performance.md").read_text()
    assert f"{table.BEGIN}\n\n{block}\n\n{table.END}" in page, "run `benchmarks/run.py --table`"


def test_the_work_of_a_whole_process_is_a_whole_also_where_a_side_counts_its_images() -> None:
    printed = 'RESULT {"seconds": 2.0, "amount": 1000}'
    assert read_measurement(printed, seconds=None).cost == pytest.approx(0.002)
    assert read_measurement(printed, seconds=5.0).cost == 5.0
