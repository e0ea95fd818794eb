"""`convscope check` as a user types it."""

from __future__ import annotations

import csv
import json
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from conftest import Outcome
from convscope.cli.main import run
from convscope.run import Run

Check = Callable[..., Outcome]


@pytest.fixture
def check(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Check:
    """Runs `convscope check` in an empty folder with a cache of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CONVSCOPE_CACHE", str(tmp_path / "cache"))

    def call(*words: str | Path) -> Outcome:
        code = run(["check", *map(str, words)])
        captured = capsys.readouterr()
        return Outcome(code, captured.out, captured.err)

    return call


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    """Two classes in two splits, without a fault."""
    random = np.random.default_rng(0)
    for split in ("train", "test"):
        for label in ("cat", "dog"):
            folder = tmp_path / "pets" / split / label
            folder.mkdir(parents=True)
            for number in range(24):
                coarse = random.integers(0, 256, (5, 5, 3), dtype=np.uint8)
                image = Image.fromarray(coarse).resize((48, 40), Image.Resampling.BICUBIC)
                image.save(folder / f"{number:02d}.png")
    return tmp_path / "pets"


@pytest.mark.slow
def test_clean_data_ends_with_a_verdict_and_the_files(check: Check, pets: Path) -> None:
    outcome = check("pets")
    assert outcome.code == 0
    lines = outcome.out.splitlines()
    assert lines[:3] == [
        "pets: 96 images, 2 classes of 48; given as 48 train, 48 test",
        "",
        "note     labels not judged",
    ]
    assert "`convscope check DATA --run RUN`" in " ".join(" ".join(lines[3:6]).split())
    assert lines[6:9] == [
        "",
        "Nothing is wrong. Labels are not judged.",
        "page: checks/pets/report.html   list: checks/pets/exclude.csv",
    ]
    assert lines[9].startswith("images: ")
    assert lines[9].endswith(
        " train, 13 validation, 48 test (test as given is kept for the number that is reported, a "
        "part of train drawn by pixels chooses the epoch)"
    )
    assert lines[10:] == ["train: convscope train pets"]
    assert outcome.err == ""
    assert Path("checks/pets/report.html").read_text().startswith("<!doctype html>")
    assert Path("checks/pets/exclude.csv").read_text() == "image,reason,exclude,finding\n"


@pytest.mark.slow
def test_faults_are_named_with_reasons_the_worst_first(check: Check, pets: Path) -> None:
    shutil.copy(pets / "test/cat/01.png", pets / "train/cat/leak.png")
    (pets / "train/dog/broken.png").write_bytes(b"broken")
    (pets / "train/dog/notes.txt").write_text("a note")
    lines = check("pets").out.splitlines()
    assert lines[2] == "error    unreadable files: 1 image"
    assert any(line.startswith("           train/dog/broken.png  ") for line in lines)
    assert "           train/cat/leak.png  same pixels as `test/cat/01.png` in test" in lines
    assert not any("the copy to keep" in line for line in lines)
    titles = [line.split()[0] for line in lines if line[:1].isalpha()][1:-4]
    assert titles == sorted(titles, key=["error", "warning", "note"].index)
    assert lines[-4].startswith("Deal with these before training: unreadable files (1 image); same")


@pytest.mark.slow
def test_at_most_twenty_names_are_printed(check: Check, pets: Path) -> None:
    for number in range(23):
        (pets / f"train/dog/broken{number:02d}.png").write_bytes(b"broken")
    out = check("pets").out
    assert out.count("train/dog/broken") == 20
    assert "and 3 more" in out


@pytest.mark.slow
def test_strict_exits_with_one_only_where_leaks_or_damage_are(check: Check, pets: Path) -> None:
    assert check("pets", "--strict").code == 0
    Image.open(pets / "train/cat/01.png").save(pets / "train/cat/copy.png")
    assert check("pets", "--strict").code == 0
    shutil.copy(pets / "test/cat/01.png", pets / "train/cat/leak.png")
    assert check("pets", "--strict").code == 1
    assert check("pets").code == 0


@pytest.mark.slow
def test_json_is_all_that_is_printed_and_nothing_is_written(check: Check, pets: Path) -> None:
    (pets / "train/dog/broken.png").write_bytes(b"broken")
    outcome = check("pets", "--json", "--strict")
    values = json.loads(outcome.out)
    assert outcome.code == 1
    assert values["num_images"] == 97
    assert values["findings"][0]["images"][0]["name"] == "train/dog/broken.png"
    assert not Path("checks").exists()
    check("pets", "--json", "--output", "here")
    assert Path("here/report.html").is_file()


@pytest.mark.slow
def test_an_edited_list_is_kept_and_said_to_be(check: Check, pets: Path) -> None:
    (pets / "train/dog/broken.png").write_bytes(b"broken")
    check("pets", "--output", "out")
    Path("out/exclude.csv").write_text("image,exclude\n")
    outcome = check("pets", "--output", "out")
    assert "perhaps edited, is now `out/exclude-1.csv`" in outcome.err
    assert Path("out/exclude-1.csv").read_text() == "image,exclude\n"


@pytest.mark.slow
def test_the_page_repeats_the_command_as_it_was_typed(check: Check, pets: Path) -> None:
    check("pets", "--fit", "pad", "--img-size", "40", "-q")
    page = Path("checks/pets/report.html").read_text()
    assert "convscope check pets --img-size 40 --fit pad" in page
    assert "40x40" in page


@pytest.mark.slow
def test_no_path_in_a_command_climbs_several_folders(
    check: Check, pets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = pets.parent / "deep" / "er"
    here.mkdir(parents=True)
    monkeypatch.chdir(here)
    assert check("../../pets", "-q").out.endswith(f"\ntrain: convscope train {pets}\n")
    page = Path("checks/pets/report.html").read_text()
    assert f"<pre>convscope check {pets}</pre>" in page


@pytest.mark.slow
def test_the_columns_of_a_table_can_be_given(check: Check, pets: Path) -> None:
    with (pets / "table.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["where", "what", "part", "owner"])
        for path in sorted(pets.rglob("*.png")):
            split, label, _ = path.relative_to(pets).parts
            writer.writerow([path.relative_to(pets), label, split, path.stem])
    outcome = check(
        "pets/table.csv", "--path-column", "where", "--label-column", "what",
        "--split-column", "part", "--group", "owner", "--json",
    )  # fmt: skip
    assert json.loads(outcome.out)["splits"] == ["train", "test"]


@pytest.mark.slow
def test_the_range_of_values_decides_what_is_black_and_white(check: Check, tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    for label in ("cat", "dog"):
        (tmp_path / "scans" / label).mkdir(parents=True)
        for number in range(20):
            values = random.integers(0, 4096, (40, 40)).astype(np.uint16)
            Image.fromarray(values).save(tmp_path / "scans" / label / f"{number}.png")

    def kinds(*words: str) -> set[str]:
        values = json.loads(check("scans", "--json", *words).out)
        return {found["kind"] for found in values["findings"]}

    assert "unreadable" not in kinds("--value-range", "0,4095")
    page_of = {}
    for words in ((), ("--value-range", "0,4095")):
        check("scans", "--output", "out", *words)
        page_of[words] = Path("out/report.html").read_text()
    assert len(set(page_of.values())) == 2


@pytest.mark.slow
def test_an_image_with_too_many_pixels_cannot_be_read(check: Check, pets: Path) -> None:
    Image.new("RGB", (300, 300)).save(pets / "train/cat/large.png")
    out = check("pets", "--max-pixels", "10000").out
    assert "unreadable files: 1 image" in out
    assert "train/cat/large.png" in out


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--value-range", "12"], "`value_range` can't be `12`: it must be LOW,HIGH"),
        (["--value-range", "low,high"], "`value_range` can't be `low,high`: it must be LOW,HIGH"),
        (["--value-range", "9,1"], "`value_range` can't be `9,1`: it must be LOW,HIGH with"),
        (["--fit", "squeeze"], "`fit` can't be `squeeze`"),
        (["--img-size", "0"], "`img_size` can't be `0`"),
        (["--path-column", "nothing"], "`pets` is no table"),
    ],
)
def test_flags_that_cannot_be_say_why(
    check: Check, pets: Path, words: list[str], message: str
) -> None:
    outcome = check("pets", *words)
    assert outcome.code != 0
    assert message in outcome.err


@pytest.mark.slow
@pytest.mark.parametrize("has_list", [True, False])
def test_a_training_has_the_numbers_of_images_that_the_check_said(
    check: Check, pets: Path, capsys: pytest.CaptureFixture[str], has_list: bool
) -> None:
    if has_list:
        shutil.copy(pets / "test/cat/01.png", pets / "train/cat/leak.png")
        (pets / "train/dog/broken.png").write_bytes(b"broken")
    *_, images, train = check("pets").out.splitlines()
    command = shlex.split(train.removeprefix("train: "))
    assert command[:3] == ["convscope", "train", "pets"]
    assert command[3:] == (["--exclude", "checks/pets/exclude.csv"] if has_list else [])
    numbers, _, left_out = images.partition("; ")
    assert left_out == ("2 images left out as `checks/pets/exclude.csv` says" if has_list else "")
    options = ("--model", "lenet5_relu", "--epochs", "1", "--name", "pets")
    assert run([*command[1:], *options]) == 0
    said = capsys.readouterr().err
    assert f"\n{numbers}\n" in said
    assert (f"note: {left_out}" in said) == has_list
    page = Path("checks/pets/report.html").read_text(encoding="utf-8")
    assert numbers.removeprefix("images: ") in page
    counts = Run.open("runs/pets").split_counts
    trained = ", ".join(f"{counts[name]} {name}" for name in ("train", "validation", "test"))
    assert numbers.startswith(f"images: {trained} (")


@pytest.mark.slow
def test_a_second_list_keeps_out_what_the_first_one_did(check: Check, pets: Path) -> None:
    Path("mine.txt").write_text("train/cat/03.png\n")
    (pets / "train/dog/broken.png").write_bytes(b"broken")
    *_, images, train = check("pets", "--exclude", "mine.txt").out.splitlines()
    assert images.endswith("; 2 images left out as `checks/pets/exclude.csv` says")
    assert train == "train: convscope train pets --exclude checks/pets/exclude.csv"
    rows = list(csv.DictReader(Path("checks/pets/exclude.csv").read_text().splitlines()))
    left_out = [(row["image"], row["exclude"]) for row in rows]
    assert left_out == [("train/cat/03.png", "yes"), ("train/dog/broken.png", "yes")]
    assert rows[0]["reason"] == "on the list `mine.txt`"


def test_data_that_is_not_there_is_an_error(check: Check) -> None:
    outcome = check("nowhere")
    assert outcome.code == 3
    assert "there is no folder `nowhere`" in outcome.err


@pytest.mark.slow
def test_images_of_one_class_only_are_an_error(check: Check, pets: Path) -> None:
    shutil.rmtree(pets / "train" / "dog")
    shutil.rmtree(pets / "test" / "dog")
    lines = check("pets").out.splitlines()
    assert lines[2] == "error    images of one class only"
    assert not any(line.startswith("train: ") for line in lines)
    assert "all are of `cat`" in "\n".join(lines)
