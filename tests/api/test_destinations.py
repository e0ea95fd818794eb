"""Where a verb writes: a file by its ending, else a folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from convscope.api.destination import output_file, output_folder
from convscope.errors import UsageError

PAGES = (".html", ".htm")


@pytest.mark.parametrize(
    ("given", "written"),
    [
        ("page.html", "page.html"),
        ("PAGE.HTM", "PAGE.HTM"),
        ("inspections/zh", "inspections/zh/report.html"),
        ("inspections/zh/", "inspections/zh/report.html"),
        ("v1.2", "v1.2/report.html"),
        (".", "report.html"),
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


@pytest.mark.parametrize("given", ["page.pdf", "page.png", "x/table.csv", "page.TXT"])
def test_a_file_with_the_ending_of_another_kind_is_refused(given: str) -> None:
    with pytest.raises(UsageError, match=r"it doesn't end in `.html` or `.htm`") as refused:
        output_file(given, endings=PAGES, name="report.html")
    assert refused.value.hint == "give such a name, or a folder"


@pytest.mark.parametrize("given", ["page.html", "out/numbers.json", "figure.svg", "all.zip"])
def test_several_files_need_a_folder(given: str) -> None:
    with pytest.raises(UsageError, match="is the name of a file, but several files") as refused:
        output_folder(given)
    assert refused.value.hint == f"give a folder: `{Path(given).with_suffix('')}`"


def test_a_file_that_is_there_is_no_folder(tmp_path: Path) -> None:
    place = tmp_path / "notes"
    place.write_text("mine")
    with pytest.raises(UsageError, match="is a file, but several files are written"):
        output_folder(place)
    with pytest.raises(UsageError, match="can't be written"):
        output_file(place, endings=PAGES, name="report.html")
    assert place.read_text() == "mine"
