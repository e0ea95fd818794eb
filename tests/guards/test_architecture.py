"""Guards: imports point one way, help is light, nothing unpickles, files fit in the head."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src" / "convscope"
FILES = sorted(SOURCE.rglob("*.py"))

# What a row's members may import: members of the rows above, themselves, nothing beside them.
LAYERS = [
    {"errors"},
    {"files"},
    {"device", "progress", "figures", "arithmetic", "recipe", "downloads"},
    {"run", "cache", "processes"},
    {"networks", "data"},
    {"classifier"},
    {"evaluation", "inspection"},
    {"training", "exporting"},
    {"diagnosis"},
    {"claims", "report"},
    {"workflows"},
    {"serving"},
    {"cli"},
    {"__main__"},
]
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}


def unit(path: Path) -> str:
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def imported_units(path: Path) -> set[str]:
    units = set()
    for node in ast.walk(ast.parse(path.read_text())):
        modules = []
        if isinstance(node, ast.ImportFrom) and node.module:
            modules = [node.module]
        elif isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        units |= {m.split(".")[1] for m in modules if m.startswith("convscope.")}
    return units


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_imports_point_one_way(path: Path) -> None:
    own = unit(path)
    if own == "__init__":
        return
    for other in imported_units(path) - {own}:
        assert LEVEL[other] < LEVEL[own], f"{own} may not import {other}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_files_and_functions_fit_in_the_head(path: Path) -> None:
    text = path.read_text()
    assert text.count("\n") <= 400
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            body = node.body[1:] if ast.get_docstring(node) else node.body
            lines = body[-1].end_lineno - body[0].lineno + 1 if body else 0  # type: ignore[operator]
            assert lines <= 60, f"{node.name} has {lines} lines"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_nothing_unpickles(path: Path) -> None:
    text = path.read_text()
    assert not re.search(r"\bimport (pickle|joblib|dill|marshal)\b|allow_pickle=True", text)
    for call in re.findall(r"torch\.load\([^)]*\)", text):
        assert "weights_only=True" in call


def test_only_device_names_cuda() -> None:
    naming = {unit(p) for p in FILES if re.search(r"torch\.cuda|\"cuda|\.cuda\(", p.read_text())}
    assert naming == {"device"}


HEAVY = ("torch", "numpy", "PIL", "scipy", "sklearn", "rich", "matplotlib")


@pytest.mark.parametrize("words", [["--help"], ["train", "--help"], ["predict", "--help"]])
def test_help_imports_nothing_heavy(words: list[str]) -> None:
    program = (
        "import sys; from convscope.cli.main import run; "
        f"run({words!r}); print(sorted(set({HEAVY!r}) & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert done.stdout.decode().splitlines()[-1] == "[]"


def test_decoding_and_preprocessing_need_no_torch() -> None:
    program = (
        "import sys; import convscope.data.decode, convscope.data.preprocessing; "
        "print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert done.stdout.decode().strip() == "False"


def test_every_public_name_loads() -> None:
    import convscope

    for name in convscope.__all__:
        assert getattr(convscope, name) is not None
    with pytest.raises(AttributeError, match="has no attribute `trian`"):
        _ = convscope.trian
    assert "train" in dir(convscope)


def test_the_recipe_knows_the_networks_schemes() -> None:
    from typing import get_args

    from convscope.networks import SCHEMES
    from convscope.recipe import Initialization

    assert set(get_args(Initialization)) == set(SCHEMES)


def test_each_test_file_has_a_name_of_its_own() -> None:
    """Pytest takes two files of one name for the same module, except in a package."""
    paths = sorted(Path(__file__).parents[1].rglob("test_*.py"))
    names = [path.name for path in paths if not (path.parent / "__init__.py").exists()]
    assert len(set(names)) == len(names)
