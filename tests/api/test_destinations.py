"""Where a verb writes: a file by its ending, else a folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

import convscope as package
from convscope.api.compare import compare_recipes, write_comparison
from convscope.api.destination import output_file, output_folder
from convscope.api.evaluate import save_figures, write_evaluation
from convscope.api.explain import ExplanationFolder
from convscope.api.image_grid import save_image_grid
from convscope.api.inspect import write_inspection
from convscope.api.predict import predict
from convscope.api.train import train_options
from convscope.errors import UsageError
from convscope.evaluation.compared import Comparison
from convscope.evaluation.evaluate import Evaluation

PAGES = (".html", ".htm")


@pytest.mark.parametrize(
    ("given", "written"),
    [
        ("page.html", "page.html"),
        ("PAGE.HTM", "PAGE.HTM"),
        ("inspections/zh", "inspections/zh/report.html"),
        ("inspections/zh/", "inspections/zh/report.html"),
        ("v1.2", "v1.2/report.html"),
        ("2026.08.17", "2026.08.17/report.html"),
        ("A vs. B", "A vs. B/report.html"),
        (".hidden", ".hidden/report.html"),
        ("run.html/", "run.html/report.html"),
        ("run.model/", "run.model/report.html"),
        (".", "report.html"),
        ("..", "../report.html"),
    ],
)
def test_one_file_has_the_given_name_or_its_own_in_a_folder(given: str, written: str) -> None:
    assert output_file(given, endings=PAGES, name="report.html") == Path(written)


def test_a_folder_that_is_there_is_a_folder_whatever_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("pages.html").mkdir()
    assert output_file("pages.html", endings=PAGES, name="a.html") == Path("pages.html/a.html")
    assert output_folder("pages.html") == Path("pages.html")


@pytest.mark.parametrize(
    "given",
    [
        *("page.pdf", "page.png", "x/table.csv", "page.TXT"),
        *("fig.eps", "fig.ps", "table.xml", "train.log", "page.rst", "page.mhtml", "a.7z", "b.mp4"),
    ],
)
def test_a_file_with_the_ending_of_another_kind_is_refused(given: str) -> None:
    with pytest.raises(UsageError, match=r"it doesn't end in `.html` or `.htm`") as refused:
        output_file(given, endings=PAGES, name="report.html")
    assert refused.value.hint == f"give such a name, or a folder: `{given}/`"


@pytest.mark.parametrize(
    "given",
    [
        *("page.html", "out/numbers.json", "figure.svg", "all.zip"),
        *("fig.eps", "table.xml", "train.log", "page.tex", "deck.pptx", "v1.a"),
    ],
)
def test_several_files_need_a_folder(given: str) -> None:
    with pytest.raises(UsageError, match="is the name of a file, but several files") as refused:
        output_folder(given)
    folder = Path(given).with_suffix("")
    assert refused.value.hint == f"give a folder: `{folder}`, or `{given}/` for one of that name"
    assert output_folder(folder) == folder
    assert output_folder(f"{given}/") == Path(given)


def test_the_folder_that_is_proposed_has_no_ending_left() -> None:
    with pytest.raises(UsageError) as refused:
        output_folder("all.tar.gz")
    assert refused.value.hint == "give a folder: `all`, or `all.tar.gz/` for one of that name"


def test_a_file_that_is_there_is_no_folder(tmp_path: Path) -> None:
    place = tmp_path / "notes"
    place.write_text("mine")
    with pytest.raises(UsageError, match="is a file, but several files are written"):
        output_folder(place)
    with pytest.raises(UsageError, match="can't be written"):
        output_file(place, endings=PAGES, name="report.html")
    assert place.read_text() == "mine"


WRITERS: dict[str, Callable[[str], object]] = {
    "image grid": lambda path: save_image_grid(["picture.png"], path),
    "inputs of a prediction": lambda path: predict("none", ["picture.png"], save_inputs=path),
    "first batch": lambda path: train_options(show_batch=path),
    "evaluation": lambda path: write_evaluation(object.__new__(Evaluation), path),
    "figures": lambda path: save_figures(object.__new__(Evaluation), path),
    "evaluate": lambda path: package.evaluate("none", output=path),
    "check": lambda path: package.check("none", output=path),
    "explain": lambda path: package.explain("none", "picture.png", output=path),
    "inspect": lambda path: package.inspect("none", output=path),
    "compare": lambda path: package.compare("none", "neither", output=path),
    "compare_recipes": lambda path: compare_recipes("none", output=path),
    "summarize": lambda path: package.summarize("lenet5", output=path),
    "page of a comparison": lambda path: write_comparison(object.__new__(Comparison), path),
    "page of an inspection": lambda path: write_inspection(
        None,  # type: ignore[arg-type]
        path,
        name="",
        command="",
    ),
    "explanations": lambda path: ExplanationFolder(
        path,
        classifier=None,  # type: ignore[arg-type]
        name="",
    ),
}


@pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)
def test_each_function_that_writes_refuses_another_kind_of_file_before_it_begins(
    write: Callable[[str], object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Image.new("RGB", (8, 8)).save("picture.png")
    with pytest.raises(UsageError, match=r"`out.xml`"):
        write("out.xml")
    assert [path.name for path in tmp_path.iterdir()] == ["picture.png"]


VERBS_WITH_PAGES: dict[str, Callable[[str], object]] = {
    "train": lambda name: package.train("none", language=name),
    "evaluate": lambda name: package.evaluate("none", language=name),
    "check": lambda name: package.check("none", language=name),
    "explain": lambda name: package.explain("none", "picture.png", language=name),
    "inspect": lambda name: package.inspect("none", language=name),
    "compare": lambda name: package.compare("none", "neither", language=name),
    "compare_recipes": lambda name: compare_recipes("none", language=name),
    "summarize": lambda name: package.summarize("lenet5", language=name),
}


@pytest.mark.parametrize("call", VERBS_WITH_PAGES.values(), ids=VERBS_WITH_PAGES)
def test_each_verb_that_writes_pages_refuses_an_unknown_language_before_it_begins(
    call: Callable[[str], object],
) -> None:
    with pytest.raises(UsageError, match="there is no report in the language `fr`") as refused:
        call("fr")
    assert refused.value.hint == "it can be `en` or `zh`"


def test_a_grid_and_a_first_batch_have_a_name_of_their_own_in_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Image.new("RGB", (8, 8)).save("picture.png")
    assert save_image_grid(["picture.png"], Path("grids")).path == Path("grids/image-grid.png")
    assert Path("grids/image-grid.png").is_file()
    assert train_options(show_batch="runs/new").show_batch == Path("runs/new/first-batch.png")


@pytest.mark.slow
def test_output_in_python_writes_what_it_writes_on_the_command_line(flawed: package.Run) -> None:
    image = "pictures/red/000.png"
    package.evaluate(flawed, split="val", output="evaluated", language="zh")
    package.check("pictures", output="checked", language="zh")
    package.explain(flawed, image, top=1, draws=0, output="explained", language="zh-CN")
    package.inspect(
        flawed, num_images=8, layers="conv1", count=1, output="inspected.html", language="zh"
    )
    package.compare(flawed, flawed.path, split="val", output="compared", language="zh")
    assert sorted(str(path) for path in Path().glob("*ed/*") if path.parent.name != "flawed") == [
        "checked/exclude.csv",
        "checked/report.html",
        "compared/.convscope",
        "compared/report.html",
        "evaluated/evaluation.json",
        "evaluated/predictions.csv",
        "evaluated/report.html",
        "explained/.convscope",
        "explained/000.html",
        "explained/000.png",
    ]
    assert "convscope explain runs/flawed" in Path("explained/000.html").read_text()
    assert "convscope inspect runs/flawed" in Path("inspected.html").read_text()
    pages = [*Path().glob("*ed/*.html"), Path("inspected.html")]
    assert len(pages) == 5
    assert all('<html lang="zh">' in page.read_text() for page in pages)
