"""The table of `docs/performance.md`, from kept results."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

BEGIN = "<!-- benchmarks/run.py writes from here -->"
END = "<!-- to here -->"
COLUMNS = {"default": "as documented", "best": "best flags"}


def write_block(page: Path, block: str) -> None:
    """Replaces what stands between the two marks of a page."""
    before, _, rest = page.read_text().partition(BEGIN)
    _, found, after = rest.partition(END)
    if not found:
        raise SystemExit(f"error: `{page}` lacks the marks `{BEGIN}` and `{END}`")
    page.write_text(f"{before}{BEGIN}\n\n{block}\n\n{END}{after}")


def block_of(results: Iterable[Mapping[str, Any]]) -> str:
    """Hardware, headline table and the ratio against each peer."""
    found = list(results)
    if not found:
        return "Nothing is measured yet."
    parts = []
    for machine in {_machine_words(one["machine"]): one["machine"] for one in found}:
        here = [one for one in found if _machine_words(one["machine"]) == machine]
        parts += [machine, _headline(here), "Each peer, and what it took:", _details(here)]
    return "\n\n".join(parts)


def _machine_words(machine: Mapping[str, Any]) -> str:
    sets = ", ".join(machine["instruction_sets"]) or "no vector instructions known"
    versions = ", ".join(f"{name} {number}" for name, number in machine["versions"].items())
    words = f"{machine['cores']} cores of {machine['cpu']} ({sets}), {machine['threads']} threads"
    if machine["gpu"]:
        words += f", {machine['gpu']}"
    return f"Measured on {words}; Python {machine['python']}, {versions}."


def _headline(results: list[Mapping[str, Any]]) -> str:
    lines = [
        "| work | convscope | peers as documented | goal | peers with best flags | goal |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for result in results:
        cells = [result["title"], _ours(result)]
        for flags in COLUMNS:
            goal = result["goals"].get(flags)
            cells += [_range_over_peers(result, flags, goal), "" if goal is None else f"{goal:g}"]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _range_over_peers(result: Mapping[str, Any], flags: str, goal: float | None) -> str:
    """The ratios against the fastest and the slowest peer; bold where the goal is missed."""
    pairs = [pair for pair in result["peers"].values() if pair["flags"] == flags]
    ratios = sorted(pair["ratio"] for pair in pairs if pair["ratio"] is not None)
    if not ratios:
        return "not measured" if pairs else ""
    words = f"{ratios[0]:.2f}" + (f" to {ratios[-1]:.2f}" if len(ratios) > 1 else "")
    return f"{words}: **missed**" if goal is not None and ratios[0] < goal else words


def _ours(result: Mapping[str, Any]) -> str:
    runs = [one for pair in result["peers"].values() for one in pair["ours"]]
    return _amount(runs, result["unit"])


def _amount(runs: list[Mapping[str, Any]], unit: str) -> str:
    if not runs:
        return ""
    costs = [one["seconds"] / one["amount"] for one in runs]
    scale = {"s": 1.0, "images/s": 1.0, "GFLOP/s": 1e-9}[unit]
    values = sorted(cost if unit == "s" else scale / cost for cost in costs)
    words = f"{_number(statistics.median(values))} {unit}"
    if len(values) > 1:
        words += f" ({_number(values[0])} to {_number(values[-1])})"
    known = [one["accuracy"] for one in runs if one["accuracy"] is not None]
    return words + (f", {statistics.median(known):.2%}" if known else "")


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _details(results: list[Mapping[str, Any]]) -> str:
    lines = ["| work | peer | took | ratio (range) |", "| --- | --- | --- | --- |"]
    for result in results:
        for title, pair in result["peers"].items():
            lines.append(
                f"| {result['name']} | {title}{_version(pair)} "
                f"| {_amount(pair['peer'], result['unit'])} | {_ratio(pair)} |"
            )
    return "\n".join(lines)


def _version(pair: Mapping[str, Any]) -> str:
    """The versions of the peer's packages, torch aside."""
    versions = pair["peer"][0]["versions"] if pair["peer"] else {}
    others = [f"{name} {number}" for name, number in versions.items() if name != "torch"]
    return f", {', '.join(others)}" if others else ""


def _ratio(pair: Mapping[str, Any]) -> str:
    if pair["not_measured"]:
        return f"not measured: {pair['not_measured']}"
    if pair["void"]:
        return f"void: {pair['void']}"
    low, high = min(pair["ratios"]), max(pair["ratios"])
    return f"{pair['ratio']:.2f} ({low:.2f} to {high:.2f})"
