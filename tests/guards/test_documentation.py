"""Guards: the documentation is complete and true."""

from __future__ import annotations

import re
import runpy
import shlex
from pathlib import Path

import pytest
import yaml

from convscope.cli.main import VERBS
from convscope.cli.summary import LAYERS
from convscope.networks import network_names

ROOT = Path(__file__).parents[2]
COVERAGE = yaml.safe_load((ROOT / "docs" / "coverage.yaml").read_text())


def commands_in(path: Path) -> list[str]:
    """Command lines in indented or inline code of a page."""
    text = path.read_text()
    inline = re.findall(r"`(convscope [^`\n]+)`", text)
    lines = re.findall(r"^(?: {4}|\$ |    \$ )?(convscope [^\n`]*)$", text, flags=re.MULTILINE)
    return [line.split("  #")[0].strip() for line in [*lines, *inline]]


def check_command(command: str) -> None:
    words = shlex.split(command)
    assert words[0] == "convscope"
    assert words[1] in VERBS or words[1].startswith("--"), command
    if words[1] == "summary" and words[2] in LAYERS:
        LAYERS[words[2]].make_context("summary", words[3:])  # fails for a flag that isn't there
        return
    for flag, value in zip(words, words[1:], strict=False):
        if flag in ("--model", "-m") or (flag == "summary" and "/" not in value):
            assert value in network_names(), command


def test_the_coverage_page_is_made_from_its_table() -> None:
    page = runpy.run_path(str(ROOT / "docs" / "generate.py"))["coverage"]()
    assert (ROOT / "docs" / "coverage.md").read_text() == page, "run `make docs`"


def test_what_type_checkers_see_is_made_from_the_public_names() -> None:
    stub = runpy.run_path(str(ROOT / "docs" / "generate.py"))["stub"]()
    assert (ROOT / "src" / "convscope" / "__init__.pyi").read_text() == stub, "run `make docs`"


def test_the_coverage_table_has_every_id_of_the_notes(shared_data: Path) -> None:
    notes = (shared_data.parent / "notes.md").read_text()
    ids = re.findall(r"^\| ([a-z0-9-]+) \| [NATDCQ, ]+ \|", notes, flags=re.MULTILINE)
    assert set(COVERAGE) == {*ids, "corrections"}


@pytest.mark.slow
@pytest.mark.parametrize("name", [n for n, row in COVERAGE.items() if row["command"] != "open"])
def test_every_covered_id_has_a_command_that_exists(name: str) -> None:
    check_command(COVERAGE[name]["command"])


def test_every_network_id_of_section_9_is_covered() -> None:
    for name in ("lenet5", "lenet-rgb", "alexnet", "vgg", "googlenet", "notes-forms", "resnet"):
        assert COVERAGE[name]["command"] != "open"


@pytest.mark.parametrize("page", ["README.md", "docs/results.md", "docs/performance.md"])
def test_commands_in_the_documentation_exist(page: str) -> None:
    commands = commands_in(ROOT / page)
    assert commands
    for command in commands:
        check_command(command)


def test_scripts_named_in_the_documentation_exist() -> None:
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]:
        for script in re.findall(r"(?:benchmarks|examples)/\w+\.py", page.read_text()):
            assert (ROOT / script).is_file(), f"{page.name} names {script}"


def test_links_in_the_documentation_lead_somewhere() -> None:
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]:
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
            if "://" not in target:
                assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_pages_stay_short() -> None:
    assert (ROOT / "README.md").read_text().count("\n") < 150
    assert (ROOT / "CONTRIBUTING.md").read_text().count("\n") < 60


def test_every_tested_version_is_pinned_exactly() -> None:
    pins = [
        line
        for line in (ROOT / "constraints.txt").read_text().splitlines()
        if line and not line.startswith("#")
    ]
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+", pin) for pin in pins)
    assert "torch==2.13.0" in pins
