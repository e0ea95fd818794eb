"""Guards: imports point one way, help is light, nothing unpickles, files fit in the head."""

from __future__ import annotations

import ast
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "convscope"
FILES = sorted(SOURCE.rglob("*.py"))
TREES = runpy.run_path(str(ROOT / "docs" / "structure.py"))["Source"](SOURCE)

# What a row's members may import: members of the rows above, themselves, nothing beside them.
LAYERS = [
    {"errors", "text", "rng"},
    {"files", "streams", "paths", "short_repr", "signatures", "languages", "uncompiled"},
    {"records"},
    {"device", "progress", "text_table", "figures", "arithmetic", "recipe", "downloads", "splits"},
    {"device_speed", "schemas"},
    {"run", "cache", "distributed"},
    {"networks", "onnx_import", "data"},
    {"classifier"},
    {"audit", "evaluation", "inspection"},
    {"training", "exporting"},
    {"diagnosis"},
    {"claims", "report"},
    {"api"},
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


@pytest.mark.slow
@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_imports_point_one_way(path: Path) -> None:
    own = unit(path)
    if own == "__init__":
        return
    for other in imported_units(path) - {own}:
        assert LEVEL[other] < LEVEL[own], f"{own} may not import {other}"


@pytest.mark.slow
def test_no_modules_import_each_other() -> None:
    """Not in functions and not under `TYPE_CHECKING` either."""
    assert TREES.import_circles() == []


def test_a_circle_of_imports_is_found(tmp_path: Path) -> None:
    """Written in each of the ways in which a module can be imported."""
    package = tmp_path / "package"
    (package / "room").mkdir(parents=True)
    files = {
        "__init__.py": "from package.first import a",
        "first.py": "from package import second",
        "second.py": "def f():\n    from package.room.third import x",
        "room/__init__.py": "from package.room.third import x",
        "room/third.py": "if TYPE_CHECKING:\n    import package.first",
        "outside.py": "import package.first",
    }
    for name, text in files.items():
        (package / name).write_text(text)
    found = type(TREES)(package).import_circles()
    assert found == [["package.first", "package.room.third", "package.second"]]


@pytest.mark.slow
def test_class_names_are_unique() -> None:
    assert TREES.repeated_class_names() == {}


@pytest.mark.slow
def test_docstrings_begin_with_a_beginning() -> None:
    assert _shown(TREES.mid_sentence_summaries()) == ""


@pytest.mark.slow
def test_entries_of_docstrings_begin_with_a_beginning() -> None:
    assert _shown(TREES.mid_sentence_entries()) == ""


@pytest.mark.parametrize(
    ("docstring", "num_found"),
    [
        ("Of each class.", 1),
        ("Likewise; None without.", 1),
        ("By name; results are written into it.", 1),
        ("Which, the worst first.", 1),
        ("As for `take`.", 1),
        ("Within it torch repeats its bits.", 1),
        ("Whether images are shuffled.", 0),
        ("How many images there are.", 0),
        ("Which images are read.", 0),
        ("By how much the area is smaller.", 0),
        ("As many columns as fit.", 0),
        ("Offset of the label.", 0),
        ("Size.\n\n    Args:\n        a: Of it.\n            With it.\n        *b: Size of it.", 1),
        ("Height.\n\n    Returns:\n        That of the image.\n        With it.", 1),
        ("Height.\n\n    Raises:\n        DataError: As `take`.", 1),
        ("Height.\n\n    With care.", 0),
    ],
)
def test_a_docstring_in_mid_sentence_is_found(
    tmp_path: Path, docstring: str, num_found: int
) -> None:
    (tmp_path / "file.py").write_text(f'def f():\n    """{docstring}"""\n')
    source = type(TREES)(tmp_path)
    found = source.mid_sentence_summaries() + source.mid_sentence_entries()
    assert len(found) == num_found


def _shown(findings: list[object]) -> str:
    return "\n".join(map(str, findings))


@pytest.mark.slow
@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_files_and_functions_fit_in_the_head(path: Path) -> None:
    text = path.read_text()
    assert text.count("\n") <= 400
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            body = node.body[1:] if ast.get_docstring(node) else node.body
            lines = body[-1].end_lineno - body[0].lineno + 1 if body else 0  # type: ignore[operator]
            assert lines <= 60, f"{node.name} has {lines} lines"


@pytest.mark.slow
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


@pytest.mark.slow
@pytest.mark.parametrize("words", [["--help"], ["train", "--help"], ["predict", "--help"]])
def test_help_imports_nothing_heavy(words: list[str]) -> None:
    program = (
        "import sys; from convscope.cli.main import run; "
        f"run({words!r}); print(sorted(set({HEAVY!r}) & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert done.stdout.decode().splitlines()[-1] == "[]"


@pytest.mark.slow
def test_decoding_and_preprocessing_need_no_torch() -> None:
    program = (
        "import sys; import convscope.data.decoding.decode, convscope.data.pixels.preprocessing; "
        "print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert done.stdout.decode().strip() == "False"


@pytest.mark.slow
def test_the_loop_needs_no_images_and_no_networks() -> None:
    """It takes batches and a module; where they come from is others' business."""
    from convscope.networks import NETWORKS

    families = {getattr(row.builder, "func", row.builder).__module__ for row in NETWORKS.values()}
    assert "convscope.networks.resnet" in families
    unneeded = {"PIL", "convscope.data.decoding", "convscope.data.sources", *families}
    program = "import sys; import convscope.training.loop; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    loaded = done.stdout.decode().split()
    assert sorted(unneeded.intersection(loaded)) == []


def test_every_public_name_loads() -> None:
    import convscope

    for name in convscope.__all__:
        assert getattr(convscope, name) is not None
    with pytest.raises(AttributeError, match="has no attribute `trian`"):
        _ = convscope.trian  # type: ignore[attr-defined]
    assert "train" in dir(convscope)


def test_the_recipe_knows_the_networks_schemes() -> None:
    from typing import get_args

    from convscope.networks import SCHEMES
    from convscope.recipe import Initialization

    assert set(get_args(Initialization)) == set(SCHEMES)


def test_git_ignores_no_source_file() -> None:
    """An ignored file is missing in every other checkout, and in the wheel."""
    if not (ROOT / ".git").exists():
        pytest.skip("this is no checkout")
    command = ["git", "ls-files", "--others", "--ignored", "--exclude-standard", "src", "tests"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
    ignored = done.stdout.decode().splitlines()
    assert [path for path in ignored if path.endswith(".py")] == []


def test_each_test_file_has_a_name_of_its_own() -> None:
    """Pytest takes two files of one name for the same module, except in a package."""
    paths = sorted(Path(__file__).parents[1].rglob("test_*.py"))
    names = [path.name for path in paths if not (path.parent / "__init__.py").exists()]
    assert len(set(names)) == len(names)
