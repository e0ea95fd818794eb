"""Prints the measures of the package's structure: `python docs/structure.py`.

Those of the source are counted from its syntax trees; two are counted in a training of
`lenet5_relu` on `digits`. The guards in `tests/guards` hold the first of them at 0.
"""

from __future__ import annotations

import ast
import re
import signal
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

MAX_PARAMETERS = 7

# How a docstring, or an entry of one, begins in the middle of a sentence that nobody has begun.
MID_SENTENCE = re.compile(
    r"(Of|That|With|Whose|Likewise|And|Or|But|Also|To|Within it|Where to)\b"
    r"|By (?!how)|As (?!(many|much|few|little)\b)|Which[.,;]"
)
SECTIONS = ("Args:", "Attributes:", "Returns:", "Yields:", "Raises:")
ENTRY = re.compile(r" {4}(\*{0,2}\w[\w`., *]*): (?P<text>.+)")

Definition = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


class Finding(NamedTuple):
    """A place in the source, and what is wrong with it."""

    path: Path
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.text}"


class Source:
    """The syntax trees of a package.

    Args:
        folder: The package's own folder.

    Attributes:
        trees: The tree of each file, by path.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.trees = {
            path: ast.parse(path.read_text(encoding="utf-8"))
            for path in sorted(folder.rglob("*.py"))
        }

    def num_lines(self) -> int:
        """The number of lines of all files."""
        return sum(path.read_text(encoding="utf-8").count("\n") for path in self.trees)

    def repeated_class_names(self) -> dict[str, list[Path]]:
        """The files of each class name that stands more than once in the package."""
        places: dict[str, list[Path]] = defaultdict(list)
        for path, tree in self.trees.items():
            for node in ast.walk(tree):
                if isinstance(node, ast.ClassDef):
                    places[node.name].append(path)
        return {name: paths for name, paths in places.items() if len(paths) > 1}

    def long_parameter_lists(self) -> list[Finding]:
        """Functions with too many parameters, but for those that say `noqa: PLR0913`.

        As in ruff, `self` and `**kwargs` don't count.
        """
        found = []
        for path, tree in self.trees.items():
            lines = path.read_text(encoding="utf-8").splitlines()
            for node in ast.walk(tree):
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                    given = node.args
                    names = [a.arg for a in (*given.posonlyargs, *given.args, *given.kwonlyargs)]
                    count = len([name for name in names if name not in ("self", "cls")])
                    if count > MAX_PARAMETERS and "PLR0913" not in lines[node.lineno - 1]:
                        found.append(Finding(path, node.lineno, f"{node.name}: {count}"))
        return found

    def mid_sentence_summaries(self) -> list[Finding]:
        """First lines of docstrings that begin in mid-sentence."""
        return [
            Finding(path, node.body[0].lineno, f"{getattr(node, 'name', 'module')}: {text}")
            for path, node, docstring in self._docstrings()
            if MID_SENTENCE.match(text := docstring.partition("\n")[0])
        ]

    def mid_sentence_entries(self) -> list[Finding]:
        """Entries of docstrings' sections that begin in mid-sentence."""
        return [
            Finding(path, node.body[0].lineno, text)
            for path, node, docstring in self._docstrings()
            for text in _entries(docstring)
            if MID_SENTENCE.match(text.partition(": ")[2] or text)
        ]

    def _docstrings(self) -> Iterator[tuple[Path, Definition, str]]:
        for path, tree in self.trees.items():
            for node in ast.walk(tree):
                if isinstance(node, Definition) and (docstring := ast.get_docstring(node)):
                    yield path, node, docstring

    def import_circles(self) -> list[list[str]]:
        """Groups of modules of which each imports all others, directly or through the group.

        Imports in functions and under `TYPE_CHECKING` count. Of the package itself only the
        table of public names is left out, which imports on first use.
        """
        reached = {module: self._reached_from(module) for module in self.imports}
        circles = {
            tuple(sorted(other for other in reached[module] if module in reached[other]))
            for module in self.imports
            if module in reached[module]
        }
        return sorted(list(circle) for circle in circles)

    def _reached_from(self, module: str) -> set[str]:
        reached: set[str] = set()
        ahead = list(self.imports[module])
        while ahead:
            if (other := ahead.pop()) not in reached:
                reached.add(other)
                ahead += self.imports[other]
        return reached

    @cached_property
    def imports(self) -> dict[str, set[str]]:
        """The modules that each module of the package imports, but for the package's own."""
        modules = {self._name(path): tree for path, tree in self.trees.items()}
        del modules[self.folder.name]
        return {
            module: {name for name in _imported(tree, set(modules)) if name != module}
            for module, tree in modules.items()
        }

    def _name(self, path: Path) -> str:
        parts = path.relative_to(self.folder.parent).with_suffix("").parts
        return ".".join(part for part in parts if part != "__init__")


def _imported(tree: ast.Module, modules: set[str]) -> Iterator[str]:
    """Modules that a file's statements name; `from a import b` means `a.b` where that is one."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in modules)
        elif isinstance(node, ast.ImportFrom) and node.module:
            if node.module in modules:
                yield node.module
            else:  # the package itself has nothing but modules and its public names
                names = (f"{node.module}.{alias.name}" for alias in node.names)
                yield from (name for name in names if name in modules)


def _entries(docstring: str) -> Iterator[str]:
    """The first line of each entry, and of the text below `Returns:`."""
    section = ""
    for line in docstring.splitlines():
        if line in SECTIONS:
            section, is_first = line, True
        elif line and not line.startswith(" "):
            section = ""
        elif section and line.strip():
            if ENTRY.fullmatch(line) or (is_first and section in ("Returns:", "Yields:")):
                yield line.strip()
            is_first = False


class Running(NamedTuple):
    """What is counted in a training.

    Attributes:
        files: Files of ours with code that runs between two optimizer steps.
        frames: Functions of ours on the stack when the network is called, outermost first.
    """

    files: list[str]
    frames: list[str]


def run_training(folder: Path, *, first_step: int = 5) -> Running:
    """Trains `lenet5_relu` on `digits` for an epoch and watches one step of it.

    Args:
        folder: The package's own folder.
        first_step: The step after which the watch begins.
    """
    from torch.nn.modules.module import register_module_forward_pre_hook
    from torch.optim.optimizer import register_optimizer_step_post_hook

    import convscope
    from convscope.errors import StoppedError

    steps = 0
    files: set[str] = set()
    frames: list[str] = []

    def is_ours(frame: FrameType) -> bool:
        return frame.f_code.co_filename.startswith(str(folder))

    def record(frame: FrameType, event: str, argument: Any) -> None:
        files.update(f.f_code.co_filename for f in (frame, frame.f_back) if f and is_ours(f))

    def on_step(*_: object) -> None:
        nonlocal steps
        steps += 1
        sys.setprofile(record if steps == first_step else None)
        if steps > first_step:
            signal.raise_signal(signal.SIGINT)

    def on_forward(module: Any, _: object) -> None:
        frame: FrameType | None = sys._getframe(1)
        if steps != first_step or frames:
            return
        own = sys.modules[type(module).__module__].__file__
        while frame is not None:
            if is_ours(frame) and frame.f_code.co_filename != own:
                frames.insert(0, _place(frame, folder))
            frame = frame.f_back

    hooks = [
        register_optimizer_step_post_hook(on_step),
        register_module_forward_pre_hook(on_forward),
    ]
    recipe: dict[str, Any] = {"model": "lenet5_relu", "epochs": 1, "batch_size": 64, "lr": 0.001}
    try:
        with tempfile.TemporaryDirectory() as runs, suppress(StoppedError):
            convscope.train("digits", project=Path(runs), device="cpu", **recipe)
    finally:
        for hook in hooks:
            hook.remove()
    names = sorted(str(Path(name).relative_to(folder)) for name in files)
    return Running(names, frames)


def _place(frame: FrameType, folder: Path) -> str:
    file = Path(frame.f_code.co_filename).relative_to(folder)
    return f"{file}: {frame.f_code.co_qualname}"


def main() -> None:
    """Prints a line a measure, and with `--list` what was found."""
    import convscope

    folder = Path(convscope.__file__).parent
    source = Source(folder)
    running = run_training(folder)
    measures: list[tuple[str, int, list[Any]]] = []

    def add(name: str, found: list[Any]) -> None:
        measures.append((name, len(found), found))

    add("files of ours that run between two optimizer steps", running.files)
    add("frames of ours from `convscope.train()` to the network", running.frames)
    add("class names that stand twice", list(source.repeated_class_names().items()))
    add("import circles", source.import_circles())
    add("docstrings that begin in mid-sentence", source.mid_sentence_summaries())
    add("entries of docstrings that begin in mid-sentence", source.mid_sentence_entries())
    add(f"functions with more than {MAX_PARAMETERS} parameters", source.long_parameter_lists())
    add("Python files", list(source.trees))
    measures.append(("lines", source.num_lines(), []))
    for name, count, found in measures:
        print(f"{count:7,}  {name}")
        if "--list" in sys.argv and name != "Python files":
            print(*(f"         {place}" for place in found), sep="\n")


if __name__ == "__main__":
    main()
