"""Compares convscope's speed with that of its peers, in pairs.

    python benchmarks/run.py DATA --peers-python peers/bin/python [--only NAME ...] [--repeats 3]

DATA has the folders `mnist`, `fashion-mnist`, `flowers`, `hymenoptera` and `weights`. Peers live in
an environment of their own, in which `benchmarks/requirements.txt` is installed. Each run of each
side is a process of its own in an empty folder with an empty cache; a peer and convscope take
turns. Results are kept in `benchmarks/results/`, from which the table in `docs/performance.md` is
written. A ratio that fell by more than 15 % since is named and makes the exit code 1; its result
isn't kept, unless with `--accept`. `--quick` only shows that everything works: a little data, one
pair, nothing kept.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import convscope  # noqa: F401  # first, as it decides how torch's threads wait

# isort: split
import torch

from suite import guard, table
from suite.comparison import Comparison
from suite.machine import describe_machine
from suite.material import Material
from suite.pairing import ProcessRunner, Run, measure_pair
from suite.rows import ROWS

HERE = Path(__file__).parent
RESULTS = HERE / "results"
PAGE = HERE.parent / "docs" / "performance.md"


def arguments() -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, nargs="?")
    parser.add_argument("--only", nargs="+", metavar="NAME", default=[], choices=list(ROWS))
    parser.add_argument("--peers", nargs="+", metavar="PEER", help="only these, by their names")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--list", action="store_true", help="the names that --only takes")
    parser.add_argument("--peers-python", default=sys.executable, metavar="PATH")
    parser.add_argument("--results", type=Path, default=RESULTS, metavar="FOLDER")
    parser.add_argument("--accept", action="store_true", help="keep results that fell, too")
    parser.add_argument("--table", action="store_true", help="only write the table anew")
    given = parser.parse_args()
    if given.data is None and not (given.list or given.table):
        parser.error("DATA is missing")
    return given


def measured(
    comparison: Comparison, run: Run, *, repeats: int, only: list[str] | None
) -> dict[str, Any]:
    """Runs the pairs of a comparison; prints a line for each."""
    print(f"\n{comparison.name}: {comparison.title}", flush=True)
    pairs = {}
    for peer in comparison.peers:
        if only and peer.name not in only:
            continue
        began = time.perf_counter()
        pair = measure_pair(comparison, peer, run, repeats=repeats)
        pairs[peer.title] = pair.to_dict() | {"flags": peer.flags}
        words = pair.not_measured or pair.void or f"{pair.ratio:.2f} times"
        for name, runs in (("peer", pair.peer), ("convscope", pair.ours)):
            costs = [
                f"{1 / one.cost:.4g}/s" if one.amount > 1 else f"{one.cost:.4g} s" for one in runs
            ]
            shown = {f"{one.accuracy:.2%}" for one in runs if one.accuracy is not None}
            words += f"; {name} {', '.join([*costs, *sorted(shown)])}" if runs else ""
        print(f"  {peer.title}: {words} [{time.perf_counter() - began:.0f} s]", flush=True)
    return {
        "name": comparison.name,
        "title": comparison.title,
        "unit": comparison.unit,
        "goals": dict(comparison.goals),
        "date": time.strftime("%Y-%m-%d"),
        "machine": describe_machine(),
        "peers": pairs,
    }


def main() -> int:
    """Measures what is asked for; 1 where a ratio fell."""
    given = arguments()
    if given.list:
        print("\n".join(ROWS))
        return 0
    if given.table:
        table.write_block(PAGE, _table(RESULTS))
        return 0
    # Not resolved: an environment's interpreter is a link that must be called by its own name.
    run = ProcessRunner(sys.executable, str(Path(given.peers_python).absolute()))
    names = given.only or [name for name in ROWS if not name.startswith("cuda-")]
    if not given.only and torch.cuda.is_available():
        names = list(ROWS)
    fallen: list[str] = []
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        material = Material(given.data.resolve(), Path(folder))
        for name in names:
            if name.startswith("cuda-") and not torch.cuda.is_available():
                print(f"\n{name}: not measured: no GPU is here")
                continue
            try:
                comparison = ROWS[name](material, given.quick)
            except FileNotFoundError as error:
                print(f"\n{name}: not measured: {error}")
                continue
            repeats = 1 if given.quick else given.repeats
            result = measured(comparison, run, repeats=repeats, only=given.peers)
            if not given.quick:
                fallen += _keep(given.results, result, accept=given.accept)
    if not given.quick and given.results == RESULTS:
        table.write_block(PAGE, _table(RESULTS))
    for sentence in fallen:
        print(f"regression: {sentence}")
    return 1 if fallen else 0


def _keep(folder: Path, result: dict[str, Any], *, accept: bool) -> list[str]:
    """Keeps a result in place of the last one unless a ratio fell; returns which."""
    before = guard.read_results(folder).get(result["name"])
    fallen = guard.fallen(before, result) if before else []
    if accept or not fallen:
        guard.keep(folder, guard.merged(before, result))
    return fallen


def _table(folder: Path) -> str:
    """The block of all kept results, in the order of the rows."""
    results = guard.read_results(folder)
    return table.block_of(results[name] for name in ROWS if name in results)


if __name__ == "__main__":
    sys.exit(main())
