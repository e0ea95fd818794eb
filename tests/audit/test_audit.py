"""The audit as a whole: planted faults, what it comes to, the one line, and exclusion lists."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import pytest
from planted import clean, examine, picture, save, square

from convscope.audit.audit import audit_dataset, cheap_audit, one_line
from convscope.audit.findings import Examined, finding
from convscope.audit.result import Audit, exclusion_rows, write_exclusions
from convscope.data.reading import read_exclusions


def quick(examined: Examined) -> Audit:
    return audit_dataset(examined, preprocessing=square(32))


def make_leaking(folder: Path) -> Path:
    """A folder with a leak, a conflict, a copy and a damaged file."""
    clean(folder, splits=("train", "test"))
    train, test = folder / "train", folder / "test"
    shutil.copy(test / "cat/001.png", train / "cat/leak.png")
    shutil.copy(test / "cat/002.png", train / "dog/conflict.png")
    shutil.copy(train / "dog/003.png", train / "dog/again.png")
    (train / "cat/broken.png").write_bytes(b"broken")
    return folder


@pytest.fixture(scope="module")
def leaking(tmp_path_factory: pytest.TempPathFactory) -> Examined:
    """Such a folder, examined."""
    return examine(make_leaking(tmp_path_factory.mktemp("leaking") / "pets"))


@pytest.fixture(scope="module")
def leaking_audit(leaking: Examined) -> Audit:
    """What is found in it."""
    return quick(leaking)


@pytest.mark.slow
def test_clean_data_comes_out_clean(tmp_path: Path) -> None:
    audit = quick(examine(clean(tmp_path, splits=("train", "test"))))
    assert [found.kind for found in audit.findings] == ["labels_not_judged"]
    assert audit.is_clean
    assert not audit.has_leaks_or_damage
    assert audit.verdict == "Nothing is wrong. Labels are not judged."


@pytest.mark.slow
def test_notes_alone_leave_data_clean(tmp_path: Path) -> None:
    clean(tmp_path)
    save(tmp_path / "cat/really.jpg", picture(900), format="PNG")
    audit = quick(examine(tmp_path))
    assert audit.is_clean
    assert audit.verdict == "Nothing is wrong; 1 thing to know. Labels are not judged."


@pytest.mark.slow
def test_leaks_damage_and_conflicts_are_said_to_come_first(leaking_audit: Audit) -> None:
    audit = leaking_audit
    assert audit.has_leaks_or_damage
    assert {found.kind for found in audit.of("error")} >= {
        "unreadable",
        "label_conflict",
        "exact_leak",
    }
    assert audit.verdict.startswith("Deal with these before training: unreadable files (1 image); ")


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["unreadable", "exact_leak", "label_conflict"])
def test_each_of_them_alone_makes_a_strict_check_fail(tmp_path: Path, kind: str) -> None:
    folder = make_leaking(tmp_path / "pets")
    keep = {
        "unreadable": "train/cat/broken.png",
        "exact_leak": "train/cat/leak.png",
        "label_conflict": "train/dog/conflict.png",
    }
    for other, name in keep.items():
        if other != kind:
            (folder / name).unlink()
    audit = quick(examine(folder))
    assert audit.has_leaks_or_damage
    assert {found.kind for found in audit.of("error")} == {kind}


def test_the_audit_says_what_there_is(leaking_audit: Audit) -> None:
    audit = leaking_audit
    assert (audit.name, audit.num_images, audit.num_readable) == ("pets", 100, 99)
    assert audit.splits == ("train", "test")
    assert audit.counts == ((25, 24), (26, 24))
    assert dict(audit.formats) == {"PNG": 99}
    assert audit.heights is not None
    assert audit.heights.median == 40
    assert set(audit.seconds) == {"reading", "duplicates", "everything else"}


def test_an_audit_is_json_without_loss(leaking_audit: Audit) -> None:
    values = leaking_audit.to_dict()
    assert json.loads(json.dumps(values, allow_nan=False)) == values
    leak = next(found for found in values["findings"] if found["kind"] == "exact_leak")
    assert leak["images"][1] == {
        "index": leak["images"][1]["index"],
        "name": "train/cat/leak.png",
        "label": "cat",
        "split": "train",
        "reason": "same pixels as `test/cat/001.png` in test",
        "exclude": True,
        "group": leak["images"][0]["group"],
    }
    assert values["classes"][0] == {
        "name": "cat",
        "num_images": 49,
        "splits": {"train": 25, "test": 24},
    }


def test_data_of_which_nothing_can_be_read_is_judged_too(tmp_path: Path) -> None:
    for name in ("cat/1.png", "dog/1.png"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_bytes(b"")
    audit = quick(examine(tmp_path))
    assert audit.num_readable == 0
    assert {found.kind for found in audit.findings} >= {"unreadable", "missing_in_split"}
    json.dumps(audit.to_dict(), allow_nan=False)


def test_how_near_duplicates_were_told_is_said(leaking_audit: Audit) -> None:
    assert "calibrated on this data" in leaking_audit.duplicates
    assert leaking_audit.seconds_per_thousand > 0


def test_the_cheap_part_makes_one_line(leaking: Examined) -> None:
    audit = cheap_audit(leaking.dataset, leaking.scan)
    assert one_line(audit, data="pets") == (
        "data: 99 images, 2 classes of 49 to 50; unreadable files: 1 image; same picture, "
        "different labels: 2 images in 1 group; same picture in several splits: 2 images in 1 "
        "group; exact duplicates: 2 images in 1 group (`convscope check pets` says more)"
    )


def test_the_one_line_of_clean_data_is_short(tmp_path: Path) -> None:
    examined = examine(clean(tmp_path))
    line = one_line(cheap_audit(examined.dataset, examined.scan), data="pets")
    assert line == "data: 48 images, 2 classes of 24 (`convscope check pets` says more)"


def rows_of(path: Path) -> dict[str, dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return {row["image"]: row for row in csv.DictReader(file)}


def test_the_list_says_which_images_to_leave_out(leaking_audit: Audit, tmp_path: Path) -> None:
    write_exclusions(tmp_path / "out.csv", exclusion_rows(leaking_audit.findings))
    rows = rows_of(tmp_path / "out.csv")
    assert {name for name, row in rows.items() if row["exclude"] == "yes"} == {
        "train/cat/broken.png",
        "train/cat/leak.png",
        "train/dog/conflict.png",
        "test/cat/002.png",
        "train/dog/again.png",
    }
    assert rows["test/cat/001.png"]["exclude"] == "no"
    assert rows["train/dog/003.png"]["reason"] == "the copy to keep"


def test_an_image_of_several_findings_has_one_row(tmp_path: Path) -> None:
    examined = examine(clean(tmp_path))
    one = examined.image(0, "is dark")
    two = examined.image(0, "is unreadable", exclude=True)
    rows = exclusion_rows(
        [
            finding("dark", severity="warning", images=[one]),
            finding("unreadable", severity="error", images=[two]),
            finding("remarks", severity="note", images=[examined.image(1, "is odd")]),
        ]
    )
    (row,) = rows
    assert row == (
        "cat/000.png",
        "is dark; is unreadable",
        "yes",
        "very dark pictures; unreadable files",
    )


def test_what_is_written_is_read_back(
    leaking: Examined, leaking_audit: Audit, tmp_path: Path
) -> None:
    audit = leaking_audit
    write_exclusions(tmp_path / "out.csv", exclusion_rows(audit.findings))
    left_out = {leaking.name(i) for i in read_exclusions(tmp_path / "out.csv", leaking.dataset)}
    assert left_out == {
        image.name for found in audit.findings for image in found.images if image.exclude
    }


def test_an_edited_list_is_kept_and_an_unchanged_one_replaced(
    leaking_audit: Audit, tmp_path: Path
) -> None:
    rows = exclusion_rows(leaking_audit.findings)
    path = tmp_path / "lists/out.csv"
    assert write_exclusions(path, rows) is None
    assert write_exclusions(path, rows) is None
    path.write_text(path.read_text().replace("yes", "no"))
    edited = path.read_text()
    assert write_exclusions(path, rows) == tmp_path / "lists/out-1.csv"
    assert (tmp_path / "lists/out-1.csv").read_text() == edited
    path.write_text("image,exclude\n")
    assert write_exclusions(path, rows) == tmp_path / "lists/out-2.csv"
    assert sorted(p.name for p in path.parent.iterdir()) == ["out-1.csv", "out-2.csv", "out.csv"]
